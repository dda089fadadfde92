//! The one thread that writes to the database. Whatever waited while the last batch was committed is the next batch; there is no
//! timer. A refused change fails its caller, a failing disk the batch.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    thread,
};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::{
    batch::{self, BatchError, Done, Rollback},
    journal::Journal,
    log::{Log, cut},
    packing::{self, Stored},
    readers::Readers,
    sqlite::{self, Pragmas},
    witness::Witness,
};
use crate::{
    change::{Applied, Change},
    clock::{Clock, Timestamp},
    error::{ChangeError, Fault},
    options::Durability,
    segments::{Location, Packs},
};

/// Changes in one batch.
const BATCH: usize = 512;
/// Changes that may wait; more wait in their callers.
const QUEUE: usize = 1_024;

type Reply = oneshot::Sender<Result<Applied, ChangeError>>;

/// A change and who waits for it.
pub(super) struct Job {
    pub(super) change: Change,
    pub(super) reply: Reply,
}

/// Who has to do with the thread besides its callers.
#[derive(Default)]
pub(super) struct Outside {
    /// Is told of every transaction.
    pub(super) witness: Option<Arc<dyn Witness>>,
    /// Stores bytes that come with changes, once it is there.
    pub(super) packs: Arc<OnceLock<Arc<dyn Packs>>>,
    /// May not keep old rows while new ones are written.
    pub(super) readers: Arc<Readers>,
}

/// Starts the thread for the database of the store with this id; it ends when every sender is gone.
pub(super) fn start(
    mut db: Connection,
    store: Uuid,
    path: PathBuf,
    pragmas: Pragmas,
    clock: Arc<dyn Clock>,
    outside: Outside,
) -> std::io::Result<(mpsc::Sender<Job>, thread::JoinHandle<()>)> {
    let (sender, jobs) = mpsc::channel(QUEUE);
    let log = Log::start(path.clone(), pragmas, Arc::clone(&outside.readers))?;
    log.watch(&mut db).map_err(std::io::Error::other)?;
    let journal = Journal::new(store);
    let mut committer = Committer { db: Some(db), syncs: true, journal, path, log, pragmas, clock, outside };
    let thread = thread::Builder::new().name("store-committer".into()).spawn(move || committer.run(jobs))?;
    Ok((sender, thread))
}

struct Committer {
    /// None after a failed commit, until it could be opened again.
    db: Option<Connection>,
    /// Whether a commit syncs the log.
    syncs: bool,
    journal: Journal,
    path: PathBuf,
    log: Log,
    pragmas: Pragmas,
    clock: Arc<dyn Clock>,
    outside: Outside,
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
            let readers = Arc::clone(&self.outside.readers);
            let _pause = readers.pause();
            self.commit(&mut batch);
            self.log.keep_short(self.db.as_ref());
        }
    }

    /// One transaction for the batch; everybody is answered after it is durable.
    fn commit(&mut self, batch: &mut Vec<Job>) {
        let now = self.clock.now();
        let packs = self.outside.packs.get().cloned();
        let stored = match &packs {
            Some(packs) => packing::store(&**packs, &self.journal, now, batch),
            None => Stored::default(),
        };
        if batch.is_empty() && stored.failed.is_empty() {
            return;
        }
        let written = self.carry_out(now, batch, &stored);
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

    /// Writes the rows of a batch. Those whose record is durable are not synced, so that there is one sync and not two.
    fn carry_out(
        &mut self,
        now: Timestamp,
        batch: &[Job],
        stored: &Stored,
    ) -> Result<Vec<Result<Applied, ChangeError>>, Fault> {
        let record = stored.record.filter(|record| self.journal.expects(*record));
        // A record that could not be erased for good is none that a crash can count on.
        let is_kept =
            |record: Location| self.outside.packs.get().is_some_and(|packs| packs.writes_to(record.container.id()));
        let syncs = !record.is_some_and(is_kept);
        match self.write_rows(now, batch, stored, syncs) {
            Ok((number, results)) => {
                self.journal.committed(number, stored.next);
                if let Some(packs) = self.outside.packs.get().filter(|_| syncs) {
                    self.journal.hardened(&**packs);
                }
                Ok(results)
            }
            Err(fault) => {
                self.journal.forget();
                match (record, self.outside.packs.get()) {
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

    fn write_rows(&mut self, now: Timestamp, batch: &[Job], stored: &Stored, syncs: bool) -> Result<Done, Fault> {
        let mut db = match self.db.take() {
            Some(db) => db,
            None => self.connect().map_err(Fault::from_database)?,
        };
        let done = self.sync_commits(&db, syncs).map_err(BatchError::from);
        let (number, results) = match done.and_then(|()| self.run_batch(&mut db, now, batch, stored)) {
            Ok(done) => done,
            Err(BatchError::Before(error)) => {
                // A connection that failed before its commit has rolled back; it may go on.
                self.db = Some(db);
                return Err(Fault::from_database(error));
            }
            Err(BatchError::Commit { error, number, results }) => {
                tracing::error!(%error, "a commit failed; reading back whether it happened");
                drop(db);
                self.reread(number, error)?;
                return Ok((number, results));
            }
        };
        tracing::trace!(number, changes = batch.len(), "committed");
        if let Some(witness) = &self.outside.witness {
            witness.committed(&mut db, syncs);
        }
        self.db = Some(db);
        Ok((number, results))
    }

    /// Lets the next commit sync the log, or not.
    fn sync_commits(&mut self, db: &Connection, syncs: bool) -> rusqlite::Result<()> {
        if syncs != self.syncs && self.pragmas.durability == Durability::Sync {
            db.pragma_update(None, "synchronous", if syncs { "FULL" } else { "NORMAL" })?;
            self.syncs = syncs;
        }
        Ok(())
    }

    /// Most batches have no change that fails half-way, and need no savepoints, which cost a third of the time. One that has is carried
    /// out anew with them.
    fn run_batch(
        &self,
        db: &mut Connection,
        now: Timestamp,
        batch: &[Job],
        stored: &Stored,
    ) -> Result<Done, BatchError> {
        match self.try_batch(db, now, batch, stored, Rollback::Batch)? {
            Some(done) => Ok(done),
            None => Ok(self
                .try_batch(db, now, batch, stored, Rollback::Change)?
                .expect("each change is rolled back by itself")),
        }
    }

    /// None when a change failed half-way and only the whole batch could be rolled back.
    fn try_batch(
        &self,
        db: &mut Connection,
        now: Timestamp,
        batch: &[Job],
        stored: &Stored,
        rollback: Rollback,
    ) -> Result<Option<Done>, BatchError> {
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let changes = batch.iter().map(|job| &job.change);
        let Some((number, results)) = batch::carry_out(&transaction, now, stored.next, rollback, changes)? else {
            return Ok(None);
        };
        if let Some(witness) = &self.outside.witness {
            witness.committing();
        }
        match transaction.commit() {
            Ok(()) => Ok(Some((number, results))),
            Err(error) => Err(BatchError::Commit { error, number, results }),
        }
    }

    fn connect(&mut self) -> rusqlite::Result<Connection> {
        let mut db = sqlite::connect(&self.path, self.pragmas)?;
        self.syncs = true;
        self.log.watch(&mut db)?;
        Ok(db)
    }

    /// After a failed commit: opens the database again and reads whether the batch is in it. The log is emptied before anybody is told:
    /// what was read back must be durable, because the failure may have been the sync; and what is not there must not come back,
    /// because its frames may lie in the log, where the next start would find them.
    fn reread(&mut self, number: u64, error: rusqlite::Error) -> Result<(), Fault> {
        let db = self.connect().map_err(|_| Fault::Unknown)?;
        let found: u64 = db.query_row("SELECT batch FROM store", [], |row| row.get(0)).map_err(|_| Fault::Unknown)?;
        let emptied = cut(&db).map_err(|_| Fault::Unknown)?;
        self.db = Some(db);
        match (emptied, found < number) {
            (false, _) => Err(Fault::Unknown),
            (true, true) => Err(Fault::from_database(error)),
            (true, false) => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "committer_tests.rs"]
mod tests;
