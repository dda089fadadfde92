//! The one thread that writes to the database. Whatever waited while the last batch was stored is the next batch; there is no
//! timer. A refused change fails its caller, a failing disk the batch.

use std::{
    sync::{Arc, OnceLock},
    thread,
};

use tokio::sync::mpsc;
use uuid::Uuid;

use super::{
    batch::Job,
    journal::Journal,
    packing::{self, Stored},
    rows::Rows,
};
use crate::{
    change::Applied,
    clock::{Clock, Timestamp},
    error::{ChangeError, Fault},
    segments::{Location, Packs},
};

/// Changes in one batch.
const BATCH: usize = 512;
/// Changes that may wait; more wait in their callers.
const QUEUE: usize = 1_024;

/// Starts the thread for the rows of the store with this id; it ends when every sender is gone, and closes them. Bytes that come with
/// changes go to `packs`, once they are there.
pub(super) fn start(
    store: Uuid,
    rows: Arc<Rows>,
    clock: Arc<dyn Clock>,
    packs: Arc<OnceLock<Arc<dyn Packs>>>,
) -> std::io::Result<(mpsc::Sender<Job>, thread::JoinHandle<()>)> {
    let (sender, jobs) = mpsc::channel(QUEUE);
    let mut committer = Committer { journal: Journal::new(store), rows, clock, packs };
    let thread = thread::Builder::new().name("store-committer".into()).spawn(move || committer.run(jobs))?;
    Ok((sender, thread))
}

struct Committer {
    journal: Journal,
    rows: Arc<Rows>,
    clock: Arc<dyn Clock>,
    packs: Arc<OnceLock<Arc<dyn Packs>>>,
}

impl Committer {
    fn run(&mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(first) = jobs.blocking_recv() {
            batch.push(first);
            while batch.len() < BATCH
                && let Ok(next) = jobs.try_recv()
            {
                batch.push(next);
            }
            self.commit(&mut batch);
            self.rows.settle_enough();
        }
        self.rows.close();
    }

    /// Everybody is answered after their change is durable: in the rows or in the journal.
    fn commit(&mut self, batch: &mut Vec<Job>) {
        let now = self.clock.now();
        let packs = self.packs.get().cloned();
        let stored = match &packs {
            Some(packs) => packing::store(&**packs, &self.journal, now, batch),
            None => Stored::default(),
        };
        if batch.is_empty() && stored.failed.is_empty() {
            return;
        }
        let written = self.write_rows(now, batch, &stored);
        let is_written = written.is_ok();
        let results = match written {
            Ok(results) => results,
            Err(fault) => {
                tracing::warn!(%fault, changes = batch.len(), "a batch of changes failed");
                // A record whose sync failed speaks of the whole batch.
                let fault = if stored.failed.is_empty() { fault } else { Fault::Unknown };
                vec![Err(ChangeError::Fault(fault)); batch.len()]
            }
        };
        if let Some(packs) = packs {
            packing::give_back(&*packs, &mut self.journal, &stored, &results);
        }
        for (job, result) in batch.drain(..).zip(results) {
            packing::answer(job, result);
        }
        for (job, fault) in stored.failed {
            let fault = if is_written { fault } else { Fault::Unknown };
            packing::answer(job, Err(ChangeError::Fault(fault)));
        }
    }

    /// Writes the rows of a batch. Those whose record is durable need not be so themselves.
    fn write_rows(
        &mut self,
        now: Timestamp,
        batch: &mut [Job],
        stored: &Stored,
    ) -> Result<Vec<Result<Applied, ChangeError>>, Fault> {
        let record = stored.record.filter(|record| self.journal.expects(*record));
        // A record that could not be erased for good is none that a crash can count on.
        let is_kept = |record: Location| self.packs.get().is_some_and(|packs| packs.writes_to(record.container.id()));
        let written = if record.is_some_and(is_kept) {
            self.rows
                .write_behind(now, stored.next, batch, stored.record_bytes)
                .inspect(|(number, _)| self.journal.committed(*number, stored.next))
        } else {
            self.rows.write_through(now, stored.next, batch).inspect(|(number, _)| {
                self.journal.committed(*number, stored.next);
                if let Some(packs) = self.packs.get() {
                    self.journal.hardened(&**packs);
                }
            })
        };
        match written {
            Ok((_, results)) => Ok(results),
            Err(fault) => {
                self.journal.forget();
                match (record, self.packs.get()) {
                    // What failed must not happen after a crash.
                    (Some(record), Some(packs)) if !fault.leaves_doubt() => {
                        packing::erase(&**packs, record).map_err(|_| Fault::Unknown)?;
                    }
                    _ => {}
                }
                Err(fault)
            }
        }
    }
}

#[cfg(test)]
#[path = "committer_tests.rs"]
mod tests;
