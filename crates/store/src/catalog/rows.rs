//! The connection that writes. Rows of batches whose record is durable need no transaction each: one stays open over many batches, so that
//! a page that many of them change is written once. Whoever reads commits it first, and so sees everything that was answered for.

use std::{
    mem,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use rusqlite::{Connection, TransactionBehavior};

use super::{
    batch::{self, BatchError, Done, Job, Rollback},
    journal::Place,
    log::{Log, cut},
    readers::Readers,
    sqlite::{self, Pragmas},
    witness::Witness,
};
use crate::{change::Change, clock::Timestamp, error::Fault, inner::lock, options::Durability};

/// Changes in the open transaction, after which it is committed. More share more pages, but a commit takes longer while others wait: with 256 the
/// slowest uploads of 16 connections took a quarter longer.
const ENOUGH: usize = 64;
/// The same for the bytes of their records, because the changes are kept in memory.
const ENOUGH_BYTES: u64 = 1024 * 1024;
/// Batches that are committed one by one, before their answer, when that is cheaper: after one that had to be rolled back with all that the open
/// transaction held, and after a commit that had to come too early for the transaction to have paid, as where each upload is read at once.
const ONE_BY_ONE: u32 = 64;
/// A transaction of at least so many batches has paid.
const PAYS: usize = 4;
/// Bytes that a disk must have free for rows to be answered for before they are committed: several times what the open transaction may
/// write, so that the commit finds room.
const ROOM: u64 = 64 * 1_024 * 1_024;

/// The rows, for the committer and for whoever reads.
pub(super) struct Rows {
    /// Rows were answered for that are not committed.
    unseen: AtomicBool,
    /// None once the store is closed.
    writing: Mutex<Option<Writing>>,
}

/// What the connection needs besides its callers.
pub(super) struct Outside {
    /// Is told of every transaction.
    pub(super) witness: Option<Arc<dyn Witness>>,
    /// May not keep old rows while new ones are committed.
    pub(super) readers: Arc<Readers>,
}

impl Rows {
    /// The rows of the database at `path`, to which `db` is a connection.
    pub(super) fn new(path: PathBuf, pragmas: Pragmas, outside: Outside, db: Connection) -> std::io::Result<Self> {
        let log = Log::start(path.clone(), pragmas, Arc::clone(&outside.readers))?;
        let mut writing = Writing::new(path, pragmas, outside, log);
        writing.adopt(db).map_err(std::io::Error::other)?;
        Ok(Self { unseen: AtomicBool::new(false), writing: Mutex::new(Some(writing)) })
    }

    fn write(&self, write: impl FnOnce(&mut Writing) -> Result<Done, Fault>) -> Result<Done, Fault> {
        let mut writing = lock(&self.writing);
        let writing = writing.as_mut().ok_or(Fault::Closed)?;
        let written = write(writing);
        self.unseen.store(!writing.kept.is_empty(), SeqCst);
        written
    }

    /// Writes the rows of a batch whose record is durable; their bodies end at `next`. They are seen by whoever [settles](Self::settle)
    /// first, and are on the disk some time later: until then the journal keeps them. The changes, which have `bytes` there, are taken out
    /// of their jobs.
    pub(super) fn write_behind(
        &self,
        now: Timestamp,
        next: Option<Place>,
        batch: &mut [Job],
        bytes: u64,
    ) -> Result<Done, Fault> {
        self.write(|writing| writing.write_behind(now, next, batch, bytes))
    }

    /// Writes the rows of a batch and brings them to the disk, with all that were written before.
    pub(super) fn write_through(&self, now: Timestamp, next: Option<Place>, batch: &[Job]) -> Result<Done, Fault> {
        self.write(|writing| writing.write_through(now, next, batch))
    }

    /// Whether a reader does not see all that was answered for.
    pub(super) fn are_unseen(&self) -> bool {
        self.unseen.load(SeqCst)
    }

    /// Lets readers see what was answered for. Takes as long as to write a few hundred pages to a file, without a sync.
    pub(super) fn settle(&self) -> Result<(), Fault> {
        self.settle_with(Writing::settle_early)
    }

    fn settle_with(&self, settle: impl FnOnce(&mut Writing) -> Result<(), Fault>) -> Result<(), Fault> {
        let Some(writing) = &mut *lock(&self.writing) else { return Ok(()) };
        let settled = settle(writing);
        self.unseen.store(!writing.kept.is_empty(), SeqCst);
        settled
    }

    /// Settles when so much is to be seen that the next commit would take long. What fails is tried again by whoever comes next.
    pub(super) fn settle_enough(&self) {
        let is_enough = |writing: &Writing| {
            let kept = writing.kept.iter();
            let (changes, bytes) =
                kept.fold((0, 0), |(changes, bytes), kept| (changes + kept.changes.len(), bytes + kept.bytes));
            changes >= ENOUGH || bytes >= ENOUGH_BYTES
        };
        if lock(&self.writing).as_ref().is_some_and(is_enough) {
            drop(self.settle_with(Writing::settle));
        }
    }

    /// Settles, and ends the connection and the thread that copies its log. What could not be settled is replayed at the next start.
    pub(super) fn close(&self) {
        drop(self.settle());
        drop(lock(&self.writing).take());
    }
}

/// A batch that was answered for and not committed.
struct Kept {
    number: u64,
    at: Timestamp,
    next: Option<Place>,
    changes: Vec<Change>,
    bytes: u64,
}

struct Writing {
    /// None after a failed commit and after a panic, until it could be opened again.
    db: Option<Connection>,
    /// Whether a commit syncs the log.
    syncs: bool,
    /// What the open transaction holds. When that was rolled back, it is carried out again.
    kept: Vec<Kept>,
    /// Batches that are still committed one by one.
    one_by_one: u32,
    path: PathBuf,
    pragmas: Pragmas,
    log: Log,
    outside: Outside,
}

impl Writing {
    fn new(path: PathBuf, pragmas: Pragmas, outside: Outside, log: Log) -> Self {
        Self { db: None, syncs: true, kept: Vec::new(), one_by_one: 0, path, pragmas, log, outside }
    }

    fn adopt(&mut self, mut db: Connection) -> rusqlite::Result<()> {
        self.log.watch(&mut db)?;
        self.syncs = true;
        self.db = Some(db);
        Ok(())
    }

    /// Takes the connection; whoever succeeds puts it back. One that a panic or a failure leaves out has rolled back.
    fn take(&mut self) -> rusqlite::Result<Connection> {
        if self.db.is_none() {
            self.adopt(sqlite::connect(&self.path, self.pragmas)?)?;
        }
        Ok(self.db.take().expect("it is there or was just opened"))
    }

    /// Lets the next commit sync the log, or not. In no transaction.
    fn sync_commits(&mut self, db: &Connection, syncs: bool) -> rusqlite::Result<()> {
        if syncs != self.syncs && self.pragmas.durability == Durability::Sync {
            db.pragma_update(None, "synchronous", if syncs { "FULL" } else { "NORMAL" })?;
            self.syncs = syncs;
        }
        Ok(())
    }

    fn write_behind(
        &mut self,
        at: Timestamp,
        next: Option<Place>,
        batch: &mut [Job],
        bytes: u64,
    ) -> Result<Done, Fault> {
        if self.kept.is_empty() && !self.has_room() {
            return self.write_through(at, next, batch);
        }
        let mut done = self.add(at, next, Rollback::Batch, batch)?;
        if done.is_none() {
            self.one_by_one = ONE_BY_ONE;
            self.settle()?;
            done = self.add(at, next, Rollback::Change, batch)?;
        }
        let (number, results) = done.expect("each change is rolled back by itself");
        let changes = batch.iter_mut().map(|job| mem::take(&mut job.change)).collect();
        self.kept.push(Kept { number, at, next, changes, bytes });
        if self.one_by_one > 0 {
            self.one_by_one -= 1;
            // What fails is tried again by whoever comes next.
            drop(self.settle());
        }
        Ok((number, results))
    }

    /// Whether a commit finds room on the disk for sure. Takes microseconds.
    fn has_room(&self) -> bool {
        rustix::fs::statvfs(&self.path).is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) >= ROOM)
    }

    /// Carries a batch out in the open transaction. Unless it is done, the transaction is rolled back with all that it held.
    fn add(
        &mut self,
        at: Timestamp,
        next: Option<Place>,
        rollback: Rollback,
        batch: &[Job],
    ) -> Result<Option<Done>, Fault> {
        let db = self.take().map_err(Fault::from_database)?;
        let changes = batch.iter().map(|job| &job.change);
        let done = match self.reopen(&db).map_err(BatchError::from) {
            Ok(()) => batch::carry_out(&db, at, next, rollback, changes),
            Err(error) => Err(error),
        };
        if matches!(done, Ok(Some(_))) || rolled_back(&db) {
            self.db = Some(db);
        }
        done.map_err(|error| Fault::from_database(error.into_cause()))
    }

    /// Goes on in the open transaction, or begins one with what was kept of another.
    fn reopen(&mut self, db: &Connection) -> rusqlite::Result<()> {
        if !db.is_autocommit() {
            return Ok(());
        }
        self.sync_commits(db, false)?;
        db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        if !self.kept.is_empty() {
            self.redo(db)?;
        }
        Ok(())
    }

    /// Carries out what was kept and is not in the database: a commit that failed may have happened.
    fn redo(&mut self, db: &Connection) -> rusqlite::Result<()> {
        let found: u64 = db.query_row("SELECT batch FROM store", [], |row| row.get(0))?;
        self.kept.retain(|kept| kept.number > found);
        tracing::warn!(batches = self.kept.len(), "rows that were not committed are written again");
        for kept in &self.kept {
            batch::carry_out(db, kept.at, kept.next, Rollback::Change, kept.changes.iter())
                .map_err(BatchError::into_cause)?;
        }
        Ok(())
    }

    /// Commits what is kept, because somebody cannot wait until it is enough.
    fn settle_early(&mut self) -> Result<(), Fault> {
        if (1..PAYS).contains(&self.kept.len()) {
            self.one_by_one = ONE_BY_ONE;
        }
        self.settle()
    }

    /// Commits what is kept. A second try is on another connection.
    fn settle(&mut self) -> Result<(), Fault> {
        if self.kept.is_empty() {
            return Ok(());
        }
        self.commit()
            .or_else(|error| {
                tracing::error!(%error, "rows could not be committed");
                self.commit()
            })
            .map_err(Fault::from_database)
    }

    fn commit(&mut self) -> rusqlite::Result<()> {
        let mut db = self.take()?;
        self.reopen(&db)?;
        let readers = Arc::clone(&self.outside.readers);
        let _pause = readers.pause();
        if let Some(witness) = &self.outside.witness {
            witness.committing();
        }
        db.prepare_cached("COMMIT")?.execute([])?;
        self.committed(&mut db, false);
        self.kept.clear();
        self.db = Some(db);
        Ok(())
    }

    fn committed(&self, db: &mut Connection, durable: bool) {
        if let Some(witness) = &self.outside.witness {
            witness.committed(db, durable);
        }
        self.log.keep_short(db);
    }

    fn write_through(&mut self, now: Timestamp, next: Option<Place>, batch: &[Job]) -> Result<Done, Fault> {
        self.settle_early()?;
        let mut db = self.take().map_err(Fault::from_database)?;
        let readers = Arc::clone(&self.outside.readers);
        let _pause = readers.pause();
        let synced = self.sync_commits(&db, true).map_err(BatchError::from);
        let (number, results) = match synced.and_then(|()| self.run_batch(&mut db, now, next, batch)) {
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
        self.committed(&mut db, true);
        self.db = Some(db);
        Ok((number, results))
    }

    /// Most batches have no change that fails half-way, and need no savepoints, which cost a third of the time. One that has is carried
    /// out anew with them.
    fn run_batch(
        &self,
        db: &mut Connection,
        now: Timestamp,
        next: Option<Place>,
        batch: &[Job],
    ) -> Result<Done, BatchError> {
        match self.try_batch(db, now, next, batch, Rollback::Batch)? {
            Some(done) => Ok(done),
            None => Ok(self
                .try_batch(db, now, next, batch, Rollback::Change)?
                .expect("each change is rolled back by itself")),
        }
    }

    /// None when a change failed half-way and only the whole batch could be rolled back.
    fn try_batch(
        &self,
        db: &mut Connection,
        now: Timestamp,
        next: Option<Place>,
        batch: &[Job],
        rollback: Rollback,
    ) -> Result<Option<Done>, BatchError> {
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let changes = batch.iter().map(|job| &job.change);
        let Some((number, results)) = batch::carry_out(&transaction, now, next, rollback, changes)? else {
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

    /// After a failed commit: opens the database again and reads whether the batch is in it. The log is emptied before anybody is told:
    /// what was read back must be durable, because the failure may have been the sync; and what is not there must not come back,
    /// because its frames may lie in the log, where the next start would find them.
    fn reread(&mut self, number: u64, error: rusqlite::Error) -> Result<(), Fault> {
        let db = self.take().map_err(|_| Fault::Unknown)?;
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

/// Ends the open transaction, if any. A connection that cannot do so is not used any more.
fn rolled_back(db: &Connection) -> bool {
    db.is_autocommit() || db.execute_batch("ROLLBACK").is_ok()
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
