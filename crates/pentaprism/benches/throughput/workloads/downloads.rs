//! Downloads of what lies in the page cache (W5).

use super::large::send_large;
use super::{Turn, Work, Workload, cost, mebibytes};
use crate::bodies::{GIBIBYTE, LargeBody, SMALL as LENGTH, SmallBody};
use crate::client::Connection;
use crate::contender::{Contender, get, put, stored};
use crate::figures::{Figure, Goal, HALF, RATE, TAIL};
use crate::load::together;

/// Small files that are read again and again.
const FILES: u64 = 1_000;

const CONTENDERS: &[Contender] = &[Contender::Ours, Contender::Nginx];

pub(super) const LARGE: Workload = Workload {
    name: "W5-big",
    title: "download of 1 GiB on one connection, from the page cache (Service Fabric)",
    contenders: CONTENDERS,
    more: &[],
    goals: &[Goal::rate(Contender::Nginx, RATE, 0.5, 0.7)],
    many_files: false,
    once: false,
    run: large,
};

pub(super) const SMALL: Workload = Workload {
    name: "W5-small",
    title: "downloads of 10 KiB on 64 connections, from the page cache (Service Fabric)",
    contenders: CONTENDERS,
    more: &[],
    goals: &[Goal::rate(Contender::Nginx, RATE, 0.6, 0.7)],
    many_files: true,
    once: false,
    run: small,
};

fn large(turn: &Turn<'_>) -> Vec<Figure> {
    let (running, length) = (turn.start(), turn.size(GIBIBYTE));
    let body = LargeBody::new(0, length);
    let mut connection = Connection::open(running.address());
    send_large(&mut connection, put(turn.contender, "large", length).bytes(), body);
    connection.expect(stored(turn.contender));
    let head = get(turn.contender, "large");
    // The first one brings the file into the page cache, and shows that the bytes are right.
    connection.ask(head.bytes());
    compare(&mut connection, body);
    turn.disk.settle();
    let before = running.processor_seconds();
    let done = together(running.address(), 1, 1, |worker| {
        worker.connection.ask(head.bytes());
        assert_eq!(worker.connection.expect(200), length, "the length of a download");
    });
    let mut figures = vec![Figure::new(RATE, "MiB/s", mebibytes(length, done.took))];
    figures.extend(cost(&running, before, &Work::Bytes(length)));
    running.stop();
    figures
}

/// The bytes that arrive are those of the body.
fn compare(connection: &mut Connection, body: LargeBody) {
    let mut arrived = 0;
    let length = connection.collect_pieces(200, |piece| {
        let mut piece = piece;
        while !piece.is_empty() {
            let expected = &body.piece()[arrived % body.piece().len()..];
            let common = expected.len().min(piece.len());
            assert!(piece[..common] == expected[..common], "other bytes arrived around position {arrived}");
            arrived += common;
            piece = &piece[common..];
        }
    });
    assert_eq!(length, body.length(), "the length of a download");
}

fn small(turn: &Turn<'_>) -> Vec<Figure> {
    let (running, count) = (turn.start(), turn.size(64_000));
    together(running.address(), 16, FILES, |worker| {
        let (mut head, mut body) = (put(turn.contender, "small/########", LENGTH as u64), SmallBody::new());
        while let Some(number) = worker.next() {
            worker.connection.ask_with(head.with(number), body.numbered(number));
            worker.connection.expect(stored(turn.contender));
        }
    });
    together(running.address(), 1, FILES, |worker| {
        let (mut head, mut body) = (get(turn.contender, "small/########"), SmallBody::new());
        while let Some(number) = worker.next() {
            worker.connection.ask(head.with(number));
            assert!(worker.connection.collect(200) == body.numbered(number), "other bytes arrived of file {number}");
        }
    });
    turn.disk.settle();
    let before = running.processor_seconds();
    let done = together(running.address(), 64, count, |worker| {
        let mut head = get(turn.contender, "small/########");
        while let Some(number) = worker.next() {
            worker.timed(|connection| {
                connection.ask(head.with(number % FILES));
                assert_eq!(connection.expect(200), LENGTH as u64, "the length of a download");
            });
        }
    });
    let mut figures = vec![
        Figure::new(RATE, "downloads/s", done.rate(count)),
        Figure::new(HALF, "ms", done.percentile(0.50)),
        Figure::new(TAIL, "ms", done.percentile(0.99)),
    ];
    figures.extend(cost(&running, before, &Work::Requests(count)));
    running.stop();
    figures
}
