//! The writing thread, step by step and without its thread.

use std::{fs::File, os::unix::fs::FileExt as _, sync::Mutex};

use bytes::Bytes;

use super::*;
use crate::{
    catalog::{journal::HEAD, log::CUT_AT, sqlite::OpenedCatalog},
    change::{Body, NewName, Step},
    clock::SystemClock,
    digest::Digests,
    inner::lock,
    model::{Account, BlobId, NameKey},
    segments::Container,
};

const PRAGMAS: Pragmas = Pragmas { durability: Durability::None };

fn committer(folder: &std::path::Path) -> Committer {
    let path = folder.join("catalog.sqlite");
    OpenedCatalog::open(&path, PRAGMAS).unwrap().adopt(Uuid::from_u128(1)).unwrap();
    Committer {
        db: None,
        syncs: true,
        journal: Journal::new(Uuid::from_u128(1)),
        path,
        log: Log::of_so_many_pages(0),
        pragmas: PRAGMAS,
        clock: Arc::new(SystemClock),
        outside: Outside::default(),
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
    assert!(matches!(fault, Fault::DiskFull { .. }), "batch 2 is not, for the reason that the commit gave: {fault:?}");
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
    committer.log = Log::of_so_many_pages(CUT_AT);
    // A reader does not let the log be cut, but nobody waits for it.
    let reader = sqlite::connect(&committer.path, PRAGMAS).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM store").unwrap();
    let began = std::time::Instant::now();
    committer.log.keep_short(committer.db.as_ref());
    assert!(began.elapsed() < sqlite::BUSY);
    reader.execute_batch("COMMIT").unwrap();
    committer.log.keep_short(committer.db.as_ref());
    assert_eq!(std::fs::metadata(folder.path().join("catalog.sqlite-wal")).unwrap().len(), 0);
    let (reply, answer) = oneshot::channel();
    committer.commit(&mut vec![Job { change: Step::AbortUploads.into(), reply }]);
    assert!(answer.blocking_recv().unwrap().is_ok());
}

/// A pack in memory. A record whose batch has no rows is to be erased.
#[derive(Default)]
struct OnePack(Mutex<Vec<u8>>);

impl Packs for OnePack {
    fn store(&self, bodies: &[Bytes]) -> Result<Location, Fault> {
        let mut pack = lock(&self.0);
        let offset = pack.len() as u64;
        pack.extend(bodies.concat());
        Ok(Location { container: Container::Pack(Uuid::from_u128(9)), offset })
    }

    fn erase(&self, location: Location, length: usize) -> Result<(), Fault> {
        let first = usize::try_from(location.offset).unwrap();
        lock(&self.0)[first..first + length].fill(0);
        Ok(())
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn writes_to(&self, _: Uuid) -> bool {
        true
    }

    fn give_back(&self, _: Location, _: u64) {}
}

fn upload(key: &str) -> (Job, oneshot::Receiver<Result<Applied, ChangeError>>) {
    let (mut job, answer) = create(key);
    let bytes = Bytes::copy_from_slice(key.as_bytes());
    let body = Body {
        blob: BlobId(Uuid::from_u128(u128::from(key.as_bytes()[0]))),
        size: bytes.len() as u64,
        location: Location { container: Container::Own(Uuid::nil()), offset: 0 },
        checksums: Bytes::new(),
        digests: Digests::default(),
        blake3: Some(*blake3::hash(&bytes).as_bytes()),
        bytes: Some(bytes),
        account: Account::new("toy", "things"),
        writer: None,
    };
    job.change.steps.insert(0, Step::Commit(Box::new(body)));
    (job, answer)
}

#[test]
fn the_record_of_a_batch_that_has_no_rows_is_erased() {
    let folder = tempfile::tempdir().unwrap();
    let mut committer = committer(folder.path());
    let pack = Arc::new(OnePack::default());
    assert!(committer.outside.packs.set(Arc::<OnePack>::clone(&pack)).is_ok());
    let commit = |committer: &mut Committer, key: &str| {
        let from = lock(&pack.0).len();
        let (job, answer) = upload(key);
        committer.commit(&mut vec![job]);
        (answer.blocking_recv().unwrap(), lock(&pack.0)[from..].to_vec())
    };
    let (first, written) = commit(&mut committer, "a");
    assert!(first.is_ok() && written == b"a", "the rows do not know the pack yet");
    let (second, written) = commit(&mut committer, "b");
    assert!(second.is_ok() && written.starts_with(b"PPJ1") && written.ends_with(b"b"));
    let path = std::mem::replace(&mut committer.path, folder.path().join("nowhere/catalog.sqlite"));
    committer.db = None;
    let (failed, written) = commit(&mut committer, "c");
    assert!(matches!(failed, Err(ChangeError::Fault(Fault::ReadOnly(_)))), "{failed:?}");
    assert!(written.starts_with(&[0; HEAD]) && written.ends_with(b"c"));
    committer.path = path;
    for (key, has_record) in [("d", false), ("e", true)] {
        let (result, written) = commit(&mut committer, key);
        assert!(result.is_ok());
        assert_eq!(written.starts_with(b"PPJ1"), has_record, "{key}");
    }
}
