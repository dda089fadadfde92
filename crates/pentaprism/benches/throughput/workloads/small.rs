//! Small bodies of 10 KiB to names of their own, on 1, 16 and 64 connections (W3).

use super::{FSYNC, PACK, Turn, Work, Workload, cost};
use crate::bodies::{SMALL as LENGTH, SmallBody};
use crate::contender::{Contender, put, stored};
use crate::figures::{Beside, Figure, Goal, Good, HALF, OWED, PEAK, RATE, TAIL};
use crate::limits::Limit;
use crate::load::{amount, together};

const CONTENDERS: &[Contender] = &[Contender::Ours, Contender::Nginx, PACK, FSYNC];
const MORE: &[Contender] = &[Contender::Limit(Limit::Write), Contender::Limit(Limit::Drop)];

pub(super) const ONE: Workload = Workload {
    name: "W3-1",
    title: "PUTs of 10 KiB on 1 connection (Service Fabric)",
    contenders: CONTENDERS,
    more: MORE,
    goals: &[Goal::rate(PACK, RATE, 0.6, 0.8)],
    many_files: true,
    once: false,
    run: |turn| upload(turn, 1, turn.size(2_000)),
};

pub(super) const SIXTEEN: Workload = Workload {
    name: "W3-16",
    title: "PUTs of 10 KiB on 16 connections (Service Fabric)",
    contenders: CONTENDERS,
    more: MORE,
    goals: &[
        Goal::rate(Contender::Nginx, RATE, 0.8, 1.0),
        Goal { label: TAIL, beside: Beside::Contender(FSYNC, TAIL), good: Good::AtMost, must: 1.0, aim: 0.6 },
    ],
    many_files: true,
    once: false,
    run: |turn| upload(turn, 16, turn.size(16_000)),
};

pub(super) const SIXTY_FOUR: Workload = Workload {
    name: "W3-64",
    title: "PUTs of 10 KiB on 64 connections (Service Fabric)",
    contenders: CONTENDERS,
    more: MORE,
    goals: &[Goal::rate(Contender::Nginx, RATE, 1.0, 1.5), Goal::at_most(PEAK, 64.0, 48.0)],
    many_files: true,
    once: false,
    run: |turn| upload(turn, 64, turn.size(32_000)),
};

fn upload(turn: &Turn<'_>, connections: usize, count: u64) -> Vec<Figure> {
    let running = turn.start();
    let before = running.processor_seconds();
    let done = together(running.address(), connections, count, |worker| {
        let mut head = put(turn.contender, &format!("small/{}/########", worker.number), LENGTH as u64);
        let mut body = SmallBody::new();
        while let Some(number) = worker.next() {
            worker.timed(|connection| {
                connection.ask_with(head.with(number), body.numbered(number));
                connection.expect(stored(turn.contender));
            });
        }
    });
    let owed = turn.disk.settle();
    let mut figures = vec![
        Figure::new(RATE, "uploads/s", done.rate(count)),
        Figure::new(OWED, "uploads/s", amount(count) / (done.took + owed).as_secs_f64()),
        Figure::new(HALF, "ms", done.percentile(0.50)),
        Figure::new(TAIL, "ms", done.percentile(0.99)),
    ];
    figures.extend(cost(&running, before, &Work::Requests(count)));
    running.stop();
    figures
}
