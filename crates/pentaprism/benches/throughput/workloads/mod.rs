//! What is measured. Each workload is done by each contender in turn.

mod catalog;
mod chunks;
mod downloads;
mod glance;
mod idle;
mod large;
mod sizes;
mod small;

use std::path::Path;
use std::time::Duration;

use crate::bodies::{GIBIBYTE, MEBIBYTE};
use crate::contender::{Contender, Programs, Running};
use crate::disk::Disk;
use crate::figures::{Figure, Goal, PEAK, PROCESSOR};
use crate::limits::Limit;
use crate::load::amount;

/// The reference that does the same syncs as a file server that keeps its word.
const FSYNC: Contender = Contender::Limit(Limit::Fsync);
/// The reference for small uploads.
const PACK: Contender = Contender::Limit(Limit::Pack);

/// One workload.
#[derive(Debug)]
pub(crate) struct Workload {
    /// Its name as an argument.
    pub(crate) name: &'static str,
    /// What is done.
    pub(crate) title: &'static str,
    /// Who does it, in this order.
    pub(crate) contenders: &'static [Contender],
    /// Who does it as well when all references are asked for.
    pub(crate) more: &'static [Contender],
    /// What we have to reach.
    pub(crate) goals: &'static [Goal],
    /// Whether it makes so many files that their folders stay until the end: removing them would slow the next turns.
    pub(crate) many_files: bool,
    /// Whether one round is enough, because it is long to prepare and asks often.
    pub(crate) once: bool,
    /// Does it once.
    pub(crate) run: fn(&Turn<'_>) -> Vec<Figure>,
}

/// All of them, in the order in which they are printed.
pub(crate) const ALL: &[Workload] = &[
    idle::IDLE,
    large::ONE,
    glance::ONE,
    large::PARALLEL,
    glance::PARALLEL,
    small::ONE,
    small::SIXTEEN,
    small::SIXTY_FOUR,
    glance::SMALL,
    chunks::IN_ORDER,
    downloads::LARGE,
    downloads::SMALL,
    catalog::MILLION,
    sizes::ANY,
];

/// One contender's turn at a workload.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    /// Whose turn it is.
    pub(crate) contender: Contender,
    /// How to start it.
    pub(crate) programs: &'a Programs,
    /// Where its folder lies.
    pub(crate) disk: &'a Disk,
    /// The folder, empty.
    pub(crate) folder: &'a Path,
    /// Whether only a look is wanted: smaller sizes.
    pub(crate) quick: bool,
}

impl Turn<'_> {
    /// Starts the contender and pays what others have left to the disk.
    pub(crate) fn start(&self) -> Running {
        let running = Running::start(self.contender, self.programs, self.folder);
        self.disk.settle();
        running
    }

    /// An amount, or a part of it when only a look is wanted.
    pub(crate) fn size(&self, amount: u64) -> u64 {
        if self.quick { amount / 8 } else { amount }
    }
}

/// What a process did, to tell its cost by.
enum Work {
    /// So many bytes.
    Bytes(u64),
    /// So many requests.
    Requests(u64),
}

/// What the process cost that had used `before` seconds of processor time when the work began, and how much memory it had at most.
fn cost(running: &Running, before: Option<f64>, work: &Work) -> Vec<Figure> {
    let used = running.processor_seconds().zip(before).map(|(after, before)| after - before);
    let processor = used.map(|used| match work {
        Work::Bytes(bytes) => Figure::new(PROCESSOR, "s/GiB", used * amount(GIBIBYTE) / amount(*bytes)),
        Work::Requests(requests) => Figure::new(PROCESSOR, "us each", used * 1e6 / amount(*requests)),
    });
    let peak = running.peak_memory().map(|peak| Figure::new(PEAK, "MiB", peak));
    processor.into_iter().chain(peak).collect()
}

/// MiB per second.
fn mebibytes(length: u64, took: Duration) -> f64 {
    amount(length / MEBIBYTE) / took.as_secs_f64()
}
