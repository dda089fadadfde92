//! The same through Glance, whose uploads are a record and then the bytes, with MD5 and SHA-512 computed by the server (W1g, W2g, W3g).

use std::io::IoSlice;
use std::time::{Duration, Instant};

use pentaprism_store::DigestSet;
use pentaprism_store::measured::digests;

use super::large::send_large;
use super::{Turn, Work, Workload, cost, mebibytes};
use crate::bodies::{GIBIBYTE, LargeBody, MEBIBYTE, SMALL as LENGTH, SmallBody};
use crate::contender::{Contender, GlanceUpload};
use crate::figures::{Beside, Figure, Goal, Good, HALF, PEAK, RATE, TAIL};
use crate::load::together;

/// Images a second that the original reached on 16 connections, on other hardware: PostgreSQL, two uWSGI processes, file store.
const ORIGINAL: f64 = 58.0;

const CONTENDERS: &[Contender] = &[Contender::Ours, Contender::Hashes];

pub(super) const ONE: Workload = Workload {
    name: "W1g",
    title: "one image of 1 GiB: create, then PUT (Glance)",
    contenders: CONTENDERS,
    more: &[],
    goals: &[Goal::rate(Contender::Hashes, RATE, 0.75, 0.85)],
    many_files: false,
    once: false,
    run: |turn| upload(turn, 1, turn.size(GIBIBYTE)),
};

pub(super) const PARALLEL: Workload = Workload {
    name: "W2g",
    title: "16 images of 64 MiB at the same time: create, then PUT (Glance)",
    contenders: CONTENDERS,
    more: &[],
    goals: &[Goal::at_most(PEAK, 64.0, 48.0)],
    many_files: false,
    once: false,
    run: |turn| upload(turn, 16, turn.size(64 * MEBIBYTE)),
};

pub(super) const SMALL: Workload = Workload {
    name: "W3g",
    title: "images of 10 KiB on 16 connections: create, then PUT (Glance)",
    contenders: &[Contender::Ours],
    more: &[],
    goals: &[Goal {
        label: RATE,
        beside: Beside::Known(ORIGINAL, "58 images/s of the original, other hardware"),
        good: Good::AtLeast,
        must: 40.0,
        aim: 80.0,
    }],
    many_files: true,
    once: false,
    run: small,
};

fn upload(turn: &Turn<'_>, connections: usize, length: u64) -> Vec<Figure> {
    let total = length * connections as u64;
    if turn.contender == Contender::Hashes {
        return vec![Figure::new(RATE, "MiB/s", mebibytes(total, hash(total)))];
    }
    let running = turn.start();
    let before = running.processor_seconds();
    let done = together(running.address(), connections, connections as u64, |worker| {
        let mut upload = GlanceUpload::new(length);
        let number = worker.number as u64;
        worker.connection.ask_with(upload.create.0.bytes(), upload.create.1.with(number));
        worker.connection.expect(201);
        send_large(&mut worker.connection, upload.put.with(number), LargeBody::new(worker.number, length));
        worker.connection.expect(204);
    });
    let mut figures = vec![Figure::new(RATE, "MiB/s", mebibytes(total, done.took))];
    figures.extend(cost(&running, before, &Work::Bytes(total)));
    running.stop();
    figures
}

/// MD5 and SHA-512, each on a thread of its own, by the code that the store uses.
fn hash(length: u64) -> Duration {
    let began = Instant::now();
    std::thread::scope(|scope| {
        for set in [DigestSet { md5: true, ..DigestSet::NONE }, DigestSet { sha512: true, ..DigestSet::NONE }] {
            scope.spawn(move || {
                let pieces: Vec<IoSlice<'_>> = LargeBody::new(0, length).pieces().collect();
                std::hint::black_box(digests(set, &pieces.iter().map(|piece| &**piece)));
            });
        }
    });
    began.elapsed()
}

fn small(turn: &Turn<'_>) -> Vec<Figure> {
    let (running, count) = (turn.start(), turn.size(8_000));
    let before = running.processor_seconds();
    let done = together(running.address(), 16, count, |worker| {
        let (mut upload, mut body) = (GlanceUpload::new(LENGTH as u64), SmallBody::new());
        while let Some(number) = worker.next() {
            worker.timed(|connection| {
                connection.ask_with(upload.create.0.bytes(), upload.create.1.with(number));
                connection.expect(201);
                connection.ask_with(upload.put.with(number), body.numbered(number));
                connection.expect(204);
            });
        }
    });
    let mut figures = vec![
        Figure::new(RATE, "images/s", done.rate(count)),
        Figure::new(HALF, "ms", done.percentile(0.50)),
        Figure::new(TAIL, "ms", done.percentile(0.99)),
    ];
    figures.extend(cost(&running, before, &Work::Requests(count)));
    running.stop();
    figures
}
