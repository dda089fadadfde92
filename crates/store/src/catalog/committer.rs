//! The one thread that writes to the database. Whatever waited while the last batch was committed is the next batch; there is no
//! timer. A refused change fails its caller, a failing disk the batch.

use std::{
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::{
    batch::{BatchError, Done, Rollback, carry_out_alone, carry_out_bare},
    ledger::Ledger,
    packing,
    readers::Readers,
    sqlite::{self, Pragmas},
    witness::Witness,
};
use crate::{
    change::{Applied, Change},
    clock::Clock,
    error::{ChangeError, Fault},
    segments::Packs,
};

/// Changes in one batch.
const BATCH: usize = 512;
/// Changes that may wait; more wait in their callers.
const QUEUE: usize = 1_024;
/// A write-ahead log of so many pages (4 MiB) is copied into the database by the thread beside this one. Four times as many would cost a
/// little less, and take room that a small disk has for images.
const CHECKPOINT_AT: u32 = 1_024;
/// A write-ahead log of so many pages (64 MiB) is copied and cut by this thread itself, because the other cannot keep up.
const TRUNCATE_AT: u32 = 16 * 1_024;

/// Pages in the log that count. Its file does not tell: once copied it is written again from its beginning, and does not shrink.
#[derive(Clone, Default)]
struct Log(Arc<AtomicU32>);

impl Log {
    fn watch(&self, db: &mut Connection) -> rusqlite::Result<()> {
        let pages = Arc::clone(&self.0);
        db.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, count: std::ffi::c_int| {
            pages.store(count.try_into().unwrap_or(u32::MAX), Ordering::Relaxed);
            Ok(())
        }))
    }

    fn pages(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

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

/// Starts the thread; it ends when every sender is gone.
pub(super) fn start(
    mut db: Connection,
    path: PathBuf,
    pragmas: Pragmas,
    clock: Arc<dyn Clock>,
    outside: Outside,
) -> std::io::Result<(mpsc::Sender<Job>, thread::JoinHandle<()>)> {
    let (sender, jobs) = mpsc::channel(QUEUE);
    let (checkpoints, wanted) = std::sync::mpsc::sync_channel(1);
    let log = Log::default();
    log.watch(&mut db).map_err(std::io::Error::other)?;
    let beside = {
        let (path, readers) = (path.clone(), Arc::clone(&outside.readers));
        let copy = move || checkpoint(&path, pragmas, &readers, &wanted);
        thread::Builder::new().name("store-checkpoint".into()).spawn(copy)?
    };
    let mut committer = Committer { db: Some(db), path, log, pragmas, clock, outside, checkpoints };
    let thread = thread::Builder::new().name("store-committer".into()).spawn(move || {
        committer.run(jobs);
        // Without its sender the thread beside this one ends; its last word does not matter.
        drop(committer);
        drop(beside.join());
    })?;
    Ok((sender, thread))
}

/// Copies the log into the database off the path, on a connection of its own.
fn checkpoint(path: &std::path::Path, pragmas: Pragmas, readers: &Readers, wanted: &std::sync::mpsc::Receiver<()>) {
    let mut db = None;
    while wanted.recv().is_ok() {
        if db.is_none() {
            db = sqlite::connect(path, pragmas).ok();
        }
        let Some(open) = &db else { continue };
        let _pause = readers.pause();
        if let Err(error) = open.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
            tracing::warn!(%error, "the log could not be copied into the database");
            db = None;
        }
    }
}

struct Committer {
    /// None after a failed commit, until it could be opened again.
    db: Option<Connection>,
    path: PathBuf,
    log: Log,
    pragmas: Pragmas,
    clock: Arc<dyn Clock>,
    outside: Outside,
    checkpoints: std::sync::mpsc::SyncSender<()>,
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
            self.keep_log_short();
        }
    }

    /// One transaction for the batch; everybody is answered after it is durable.
    fn commit(&mut self, batch: &mut Vec<Job>) {
        let packs = self.outside.packs.get().cloned();
        let packed = packs.as_deref().map(|packs| packing::store(packs, batch)).unwrap_or_default();
        if batch.is_empty() {
            return;
        }
        let results = match self.carry_out(batch) {
            Ok(results) => results,
            Err(fault) => {
                tracing::warn!(%fault, changes = batch.len(), "a batch of changes failed");
                vec![Err(ChangeError::Fault(fault)); batch.len()]
            }
        };
        if let Some(packs) = packs {
            packing::give_back(&*packs, &packed, &results);
        }
        for (job, result) in batch.drain(..).zip(results) {
            // Nobody waits when the caller was dropped; the change is made all the same.
            drop(job.reply.send(result));
        }
    }

    fn carry_out(&mut self, batch: &[Job]) -> Result<Vec<Result<Applied, ChangeError>>, Fault> {
        let mut db = match self.db.take() {
            Some(db) => db,
            None => self.connect().map_err(Fault::from_database)?,
        };
        let (number, results) = match self.run_batch(&mut db, batch) {
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
                return Ok(results);
            }
        };
        tracing::trace!(number, changes = batch.len(), "committed");
        if let Some(witness) = &self.outside.witness {
            witness.committed(&mut db);
        }
        self.db = Some(db);
        Ok(results)
    }

    /// Most batches have no change that fails half-way, and need no savepoints, which cost a third of the time. One that has is carried
    /// out anew with them.
    fn run_batch(&self, db: &mut Connection, batch: &[Job]) -> Result<Done, BatchError> {
        match self.try_batch(db, batch, Rollback::Batch)? {
            Some(done) => Ok(done),
            None => Ok(self.try_batch(db, batch, Rollback::Change)?.expect("each change is rolled back by itself")),
        }
    }

    /// None when a change failed half-way and only the whole batch could be rolled back.
    fn try_batch(&self, db: &mut Connection, batch: &[Job], rollback: Rollback) -> Result<Option<Done>, BatchError> {
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (number, sequence): (u64, u64) = transaction
            .prepare_cached("UPDATE store SET batch = batch + 1 RETURNING batch, sequence")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let ledger = Ledger::new(&transaction, sequence);
        let mut results = Vec::with_capacity(batch.len());
        for job in batch {
            let now = self.clock.now();
            let carried_out = match rollback {
                Rollback::Batch => carry_out_bare(&transaction, &ledger, now, &job.change)?,
                Rollback::Change => Some(carry_out_alone(&transaction, &ledger, now, &job.change)?),
            };
            let Some(result) = carried_out else { return Ok(None) };
            results.push(result.map(|effects| Applied { at: now, effects }));
        }
        ledger.write()?;
        if let Some(witness) = &self.outside.witness {
            witness.committing();
        }
        match transaction.commit() {
            Ok(()) => Ok(Some((number, results))),
            Err(error) => Err(BatchError::Commit { error, number, results }),
        }
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let mut db = sqlite::connect(&self.path, self.pragmas)?;
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

    fn keep_log_short(&self) {
        let pages = self.log.pages();
        if pages >= TRUNCATE_AT
            && let Some(db) = &self.db
        {
            // A reader that is in the way now is not waited for: everybody waits for this thread.
            let tried = db.busy_timeout(Duration::ZERO).and_then(|()| cut(db));
            if let Err(error) = tried.and_then(|_| db.busy_timeout(sqlite::BUSY)) {
                tracing::warn!(%error, "the log could not be cut");
            }
        } else if pages >= CHECKPOINT_AT {
            // One that is wanted already is enough.
            let _ = self.checkpoints.try_send(());
        }
    }
}

/// Copies the log into the database and empties it; says whether nobody was in the way.
fn cut(db: &Connection) -> rusqlite::Result<bool> {
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0)).map(|busy| busy == 0)
}

#[cfg(test)]
mod tests {
    use std::{fs::File, os::unix::fs::FileExt as _};

    use super::*;
    use crate::{
        catalog::sqlite::OpenedCatalog,
        change::{NewName, Step},
        clock::SystemClock,
        model::NameKey,
        options::Durability,
    };

    const PRAGMAS: Pragmas = Pragmas { durability: Durability::None };

    fn committer(folder: &std::path::Path) -> Committer {
        let path = folder.join("catalog.sqlite");
        OpenedCatalog::open(&path, PRAGMAS).unwrap().adopt(uuid::Uuid::from_u128(1)).unwrap();
        let (checkpoints, _) = std::sync::mpsc::sync_channel(1);
        Committer {
            db: None,
            path,
            log: Log::default(),
            pragmas: PRAGMAS,
            clock: Arc::new(SystemClock),
            outside: Outside::default(),
            checkpoints,
        }
    }

    fn create(key: &str) -> (Job, oneshot::Receiver<Result<Applied, ChangeError>>) {
        let (reply, answer) = oneshot::channel();
        let change = Change::new().create(NewName::new(NameKey::new("toy", "things", key), "queued"));
        (Job { change, reply }, answer)
    }

    #[test]
    fn a_refused_change_fails_its_caller_and_not_its_batch() {
        let folder = tempfile::tempdir().unwrap();
        let mut committer = committer(folder.path());
        let (jobs, answers): (Vec<_>, Vec<_>) = ["a", "a", "b"].map(create).into_iter().unzip();
        let mut batch = jobs;
        committer.commit(&mut batch);
        let outcomes: Vec<bool> = answers.into_iter().map(|answer| answer.blocking_recv().unwrap().is_ok()).collect();
        assert_eq!(outcomes, [true, false, true]);
        assert!(batch.is_empty());
    }

    #[test]
    fn a_failing_machine_fails_the_whole_batch_and_the_next_one_works() {
        let folder = tempfile::tempdir().unwrap();
        let mut committer = committer(folder.path());
        let path = std::mem::replace(&mut committer.path, folder.path().join("nowhere/catalog.sqlite"));
        let (jobs, answers): (Vec<_>, Vec<_>) = ["a", "b"].map(create).into_iter().unzip();
        let mut batch = jobs;
        committer.commit(&mut batch);
        for answer in answers {
            let error = answer.blocking_recv().unwrap().unwrap_err();
            assert!(matches!(error, ChangeError::Fault(Fault::ReadOnly(_))), "{error:?}");
        }
        committer.path = path;
        let (job, answer) = create("a");
        committer.commit(&mut vec![job]);
        assert!(answer.blocking_recv().unwrap().is_ok());
    }

    #[test]
    fn after_a_failed_commit_the_rows_say_whether_it_happened() {
        let folder = tempfile::tempdir().unwrap();
        let mut committer = committer(folder.path());
        let (job, _answer) = create("a");
        committer.commit(&mut vec![job]);
        committer.db = None;
        assert!(committer.reread(1, full()).is_ok(), "batch 1 is there");
        committer.db = None;
        let fault = committer.reread(2, full()).unwrap_err();
        assert!(
            matches!(fault, Fault::DiskFull { .. }),
            "batch 2 is not, for the reason that the commit gave: {fault:?}"
        );
        let (job, answer) = create("b");
        committer.commit(&mut vec![job]);
        assert!(answer.blocking_recv().unwrap().is_ok(), "the connection that read back goes on");
    }

    fn full() -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL), None)
    }

    #[test]
    fn a_commit_that_did_not_happen_does_not_happen_after_a_crash() {
        let folder = tempfile::tempdir().unwrap();
        let mut committer = committer(folder.path());
        let shared = folder.path().join("catalog.sqlite-shm");
        let (job, _answer) = create("a");
        committer.commit(&mut vec![job]);
        let before = std::fs::read(&shared).unwrap();
        let (job, _answer) = create("b");
        committer.commit(&mut vec![job]);
        // As after a failed sync: the frames lie in the log, the index that all connections share does not know of them.
        let _reader = sqlite::connect(&committer.path, PRAGMAS).unwrap();
        File::options().write(true).open(&shared).unwrap().write_all_at(&before, 0).unwrap();
        assert!(committer.reread(2, full()).is_err());
        let crashed = tempfile::tempdir().unwrap();
        for file in ["catalog.sqlite", "catalog.sqlite-wal"] {
            std::fs::copy(folder.path().join(file), crashed.path().join(file)).unwrap();
        }
        let db = sqlite::connect(&crashed.path().join("catalog.sqlite"), PRAGMAS).unwrap();
        let found: u64 = db.query_row("SELECT batch FROM store", [], |row| row.get(0)).unwrap();
        assert_eq!(found, 1);
    }

    #[test]
    fn a_long_log_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let mut committer = committer(folder.path());
        let (job, _answer) = create("a");
        committer.commit(&mut vec![job]);
        assert!(committer.log.pages() > 0);
        committer.log.0.store(TRUNCATE_AT, Ordering::Relaxed);
        // A reader does not let the log be cut, but nobody waits for it.
        let reader = sqlite::connect(&committer.path, PRAGMAS).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM store").unwrap();
        let began = std::time::Instant::now();
        committer.keep_log_short();
        assert!(began.elapsed() < sqlite::BUSY);
        reader.execute_batch("COMMIT").unwrap();
        committer.keep_log_short();
        assert_eq!(std::fs::metadata(folder.path().join("catalog.sqlite-wal")).unwrap().len(), 0);
        let (reply, answer) = oneshot::channel();
        committer.commit(&mut vec![Job { change: Step::AbortUploads.into(), reply }]);
        assert!(answer.blocking_recv().unwrap().is_ok());
    }
}
