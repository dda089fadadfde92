//! Large bodies: one of 1 GiB (W1), sixteen of 64 MiB at the same time (W2).

use std::io::IoSlice;

use super::{FSYNC, Turn, Work, Workload, cost, mebibytes};
use crate::bodies::{GIBIBYTE, LargeBody, MEBIBYTE};
use crate::client::Connection;
use crate::contender::{Contender, put, stored};
use crate::figures::{Figure, Goal, OWED, PEAK, RATE};
use crate::limits::Limit;
use crate::load::together;

const CONTENDERS: &[Contender] = &[Contender::Ours, Contender::Nginx, FSYNC];
const MORE: &[Contender] = &[Contender::Limit(Limit::Write), Contender::Limit(Limit::Drop)];

pub(super) const ONE: Workload = Workload {
    name: "W1",
    title: "one 1 GiB PUT on one connection (Service Fabric)",
    contenders: CONTENDERS,
    more: MORE,
    goals: &[
        Goal::rate(FSYNC, RATE, 0.7, 0.85),
        Goal::rate(Contender::Nginx, OWED, 1.0, 1.2),
        Goal::at_most(PEAK, 32.0, 24.0),
    ],
    many_files: false,
    once: false,
    run: |turn| upload(turn, 1, turn.size(GIBIBYTE)),
};

pub(super) const PARALLEL: Workload = Workload {
    name: "W2",
    title: "16 PUTs of 64 MiB at the same time (Service Fabric)",
    contenders: CONTENDERS,
    more: MORE,
    goals: &[Goal::rate(Contender::Nginx, OWED, 1.1, 1.4), Goal::at_most(PEAK, 64.0, 48.0)],
    many_files: false,
    once: false,
    run: |turn| upload(turn, 16, turn.size(64 * MEBIBYTE)),
};

/// One body on each connection. What is owed to the disk afterwards is paid by one sync of the file system.
fn upload(turn: &Turn<'_>, connections: usize, length: u64) -> Vec<Figure> {
    let running = turn.start();
    let before = running.processor_seconds();
    let done = together(running.address(), connections, connections as u64, |worker| {
        let head = put(turn.contender, &format!("large/{}", worker.number), length);
        send_large(&mut worker.connection, head.bytes(), LargeBody::new(worker.number, length));
        worker.connection.expect(stored(turn.contender));
    });
    let owed = turn.disk.settle();
    let total = length * connections as u64;
    let mut figures = vec![
        Figure::new(RATE, "MiB/s", mebibytes(total, done.took)),
        Figure::new(OWED, "MiB/s", mebibytes(total, done.took + owed)),
    ];
    figures.extend(cost(&running, before, &Work::Bytes(total)));
    running.stop();
    figures
}

/// Sends a head and a body that is too large to lie in memory.
pub(super) fn send_large(connection: &mut Connection, head: &[u8], body: LargeBody) {
    let mut slices: Vec<IoSlice<'_>> = std::iter::once(IoSlice::new(head)).chain(body.pieces()).collect();
    connection.send(&mut slices);
}
