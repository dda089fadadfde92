//! A large file in chunks, one after the other, then the commit (W4).

use std::time::Instant;

use super::large::send_large;
use super::{FSYNC, Turn, Work, Workload, cost, mebibytes};
use crate::bodies::{GIBIBYTE, LargeBody, MEBIBYTE};
use crate::client::{Connection, Numbered};
use crate::contender::{Contender, stored};
use crate::figures::{Figure, Goal, RATE};

const CHUNK: u64 = 4 * MEBIBYTE;
const SESSION: &str = "6f2c1f0a-9d1b-4f5e-8a37-2f6f0e5d9c11";

pub(super) const IN_ORDER: Workload = Workload {
    name: "W4",
    title: "1 GiB in chunks of 4 MiB, one after the other, then the commit (Service Fabric)",
    contenders: &[Contender::Ours, FSYNC],
    more: &[],
    goals: &[Goal::rate(FSYNC, RATE, 1.0, 1.5)],
    many_files: false,
    once: false,
    run: upload,
};

fn upload(turn: &Turn<'_>) -> Vec<Figure> {
    let running = turn.start();
    let (before, total) = (running.processor_seconds(), turn.size(GIBIBYTE));
    let mut connection = Connection::open(running.address());
    let began = Instant::now();
    for first in (0..total).step_by(usize::try_from(CHUNK).expect("a few MiB")) {
        let number = usize::try_from(first / CHUNK).expect("chunks are few");
        let range = format!("Content-Range: bytes {first}-{}/{total}", first + CHUNK - 1);
        send_large(&mut connection, chunk(turn.contender, &range).bytes(), LargeBody::new(number, CHUNK));
        connection.expect(stored(turn.contender));
    }
    connection.ask(commit(turn.contender).bytes());
    connection.expect(stored(turn.contender));
    let mut figures = vec![Figure::new(RATE, "MiB/s", mebibytes(total, began.elapsed()))];
    figures.extend(cost(&running, before, &Work::Bytes(total)));
    running.stop();
    figures
}

fn chunk(contender: Contender, range: &str) -> Numbered {
    let length = format!("Content-Length: {CHUNK}");
    let target = match contender {
        Contender::Ours => format!("/ImageStore/chunked/$/UploadChunk?api-version=6.0&session-id={SESSION}"),
        _ => "/chunked".to_owned(),
    };
    Numbered::head("PUT", &target, &[range, &length])
}

fn commit(contender: Contender) -> Numbered {
    let target = match contender {
        Contender::Ours => format!("/ImageStore/$/CommitUploadSession?api-version=6.0&session-id={SESSION}"),
        _ => "/chunked".to_owned(),
    };
    Numbered::head("POST", &target, &["Content-Length: 0"])
}
