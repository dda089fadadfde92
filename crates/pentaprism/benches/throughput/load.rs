//! Many connections that work at the same time, one thread each.

use std::net::SocketAddr;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::client::Connection;

/// What one worker of [`together`] needs.
#[derive(Debug)]
pub(crate) struct Worker<'a> {
    /// Its number, from 0.
    pub(crate) number: usize,
    /// Its connection.
    pub(crate) connection: Connection,
    next: &'a AtomicU64,
    count: u64,
    latencies: Vec<Duration>,
}

impl Worker<'_> {
    /// The number of the next piece of work, which no other worker gets; none when all is done.
    pub(crate) fn next(&self) -> Option<u64> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (number < self.count).then_some(number)
    }

    /// Does one piece of work and notes how long it took.
    pub(crate) fn timed(&mut self, work: impl FnOnce(&mut Connection)) {
        let began = Instant::now();
        work(&mut self.connection);
        self.latencies.push(began.elapsed());
    }
}

/// What many connections did.
#[derive(Debug)]
pub(crate) struct Done {
    /// From the first one's begin to the last one's end.
    pub(crate) took: Duration,
    /// How long each piece of work took, ascending.
    pub(crate) latencies: Vec<Duration>,
}

impl Done {
    /// Pieces of work per second.
    pub(crate) fn rate(&self, count: u64) -> f64 {
        amount(count) / self.took.as_secs_f64()
    }

    /// The latency in ms that this share of the pieces did not exceed.
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        percentile(&self.latencies, share)
    }
}

/// A number of bytes or requests as a float: far below where whole numbers are lost.
#[expect(clippy::cast_precision_loss, reason = "amounts of a benchmark are far below 2 to the 53rd")]
pub(crate) fn amount(count: u64) -> f64 {
    count as f64
}

/// The latency in ms that this share of `ascending` does not exceed.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index of a list"
)]
pub(crate) fn percentile(ascending: &[Duration], share: f64) -> f64 {
    let rank = (ascending.len() as f64 * share).ceil() as usize;
    ascending[rank.clamp(1, ascending.len()) - 1].as_secs_f64() * 1e3
}

/// Opens `connections` connections and lets all of them begin at once; they share `count` pieces of work.
pub(crate) fn together(
    address: SocketAddr,
    connections: usize,
    count: u64,
    work: impl Fn(&mut Worker<'_>) + Sync,
) -> Done {
    let (barrier, next) = (Barrier::new(connections), AtomicU64::new(0));
    let one = |number| {
        let connection = Connection::open(address);
        let mut worker = Worker { number, connection, next: &next, count, latencies: Vec::new() };
        barrier.wait();
        let began = Instant::now();
        work(&mut worker);
        (began, Instant::now(), worker.latencies)
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..connections).map(|number| scope.spawn(move || one(number))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no connection fails")).collect()
    });
    let began = results.iter().map(|(began, ..)| *began).min().expect("there is a connection");
    let ended = results.iter().map(|(_, ended, _)| *ended).max().expect("there is a connection");
    let mut latencies: Vec<Duration> = results.into_iter().flat_map(|(.., latencies)| latencies).collect();
    latencies.sort_unstable();
    Done { took: ended - began, latencies }
}
