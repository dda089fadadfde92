//! The connection that writes, without the thread that uses it.

use std::{fs::File, os::unix::fs::FileExt as _, path::Path};

use tokio::sync::oneshot;
use uuid::Uuid;

use super::*;
use crate::{
    catalog::{log::CUT_AT, sqlite::OpenedCatalog},
    change::{NewName, Step},
    model::{Condition, NameKey},
};

const PRAGMAS: Pragmas = Pragmas { durability: Durability::None };
const NOW: Timestamp = Timestamp::from_unix_micros(7);

/// The rows of a new database.
fn rows(folder: &Path) -> Rows {
    let path = database(folder);
    OpenedCatalog::open(&path, PRAGMAS).unwrap().adopt(Uuid::from_u128(1)).unwrap();
    let db = sqlite::connect(&path, PRAGMAS).unwrap();
    Rows::new(path, PRAGMAS, Outside { witness: None, readers: Arc::default() }, db).unwrap()
}

fn database(folder: &Path) -> PathBuf {
    folder.join("catalog.sqlite")
}

fn key(key: &str) -> NameKey {
    NameKey::new("toy", "things", key)
}

fn create(name: &str) -> Change {
    Change::new().create(NewName::new(key(name), "queued"))
}

fn jobs(changes: impl IntoIterator<Item = Change>) -> Vec<Job> {
    changes.into_iter().map(|change| Job { change, reply: oneshot::channel().0 }).collect()
}

impl Rows {
    /// Drops the connection, as a panic does; the next one is to the database at `path`.
    pub(in crate::catalog) fn lose(&self, path: PathBuf) {
        with(self, |writing| (writing.db, writing.path) = (None, path));
    }
}

/// Writes one name behind, in the open transaction.
fn behind(rows: &Rows, name: &str) -> Result<Done, Fault> {
    if let Some(writing) = &mut *lock(&rows.writing) {
        writing.one_by_one = 0;
    }
    next(rows, name)
}

/// Writes one name behind.
fn next(rows: &Rows, name: &str) -> Result<Done, Fault> {
    rows.write_behind(NOW, None, &mut jobs([create(name)]), 1)
}

/// What another connection sees: the number of the last batch, and the names with their versions.
fn seen(folder: &Path) -> (u64, String) {
    let db = sqlite::connect(&database(folder), PRAGMAS).unwrap();
    let names = "(SELECT coalesce(group_concat(key || version, ' ' ORDER BY key), '') FROM name)";
    db.query_row(&format!("SELECT batch, {names} FROM store"), [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

fn with<T>(rows: &Rows, work: impl FnOnce(&mut Writing) -> T) -> T {
    work(lock(&rows.writing).as_mut().unwrap())
}

#[test]
fn what_was_written_behind_is_seen_by_whoever_settles_first() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows(folder.path());
    for (batch, name) in [(1, "a"), (2, "b")] {
        assert_eq!(behind(&rows, name).unwrap().0, batch);
        assert!(rows.are_unseen());
        assert_eq!(seen(folder.path()), (0, String::new()), "one transaction is open");
    }
    rows.settle().unwrap();
    assert!(!rows.are_unseen());
    assert_eq!(seen(folder.path()), (2, "a1 b2".to_owned()));
    for name in ["c", "d", "e", "f"] {
        next(&rows, name).unwrap();
    }
    assert_eq!(seen(folder.path()).0, 6, "where somebody reads each batch, it is committed before its answer");
    behind(&rows, "g").unwrap();
    rows.write_through(NOW, None, &jobs([create("h")])).unwrap();
    assert!(!rows.are_unseen(), "what is written through takes along what was behind");
    assert_eq!(seen(folder.path()), (8, "a1 b2 c3 d4 e5 f6 g7 h8".to_owned()));
}

#[test]
fn enough_changes_are_committed_and_the_rest_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows(folder.path());
    for number in 1..ENOUGH {
        behind(&rows, &format!("n{number}")).unwrap();
        rows.settle_enough();
    }
    assert_eq!(seen(folder.path()).0, 0);
    behind(&rows, "last").unwrap();
    rows.settle_enough();
    assert_eq!(seen(folder.path()).0, ENOUGH as u64);
    rows.write_behind(NOW, None, &mut jobs([create("large")]), ENOUGH_BYTES).unwrap();
    rows.settle_enough();
    assert_eq!(seen(folder.path()).0, ENOUGH as u64 + 1);
    behind(&rows, "later").unwrap();
    rows.close();
    assert_eq!(seen(folder.path()).0, ENOUGH as u64 + 2);
    rows.settle().unwrap();
    assert!(matches!(behind(&rows, "too late"), Err(Fault::Closed)));
}

#[test]
fn a_change_that_fails_half_way_takes_nothing_along() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows(folder.path());
    behind(&rows, "a").unwrap();
    let half = create("c").expect(key("missing"), Condition::EXISTS);
    let (number, results) = rows.write_behind(NOW, None, &mut jobs([create("b"), half, create("d")]), 1).unwrap();
    assert_eq!(number, 2);
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(seen(folder.path()), (2, "a1 b2 d4".to_owned()));
    next(&rows, "e").unwrap();
    assert_eq!(seen(folder.path()), (3, "a1 b2 d4 e5".to_owned()), "for a while batches are committed one by one");
    assert!(!rows.are_unseen());
}

#[test]
fn what_a_failed_commit_held_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows(folder.path());
    for name in ["a", "b"] {
        behind(&rows, name).unwrap();
    }
    with(&rows, |writing| writing.db.as_mut().unwrap().commit_hook(Some(|| true)).unwrap());
    rows.settle().unwrap();
    assert_eq!(seen(folder.path()), (2, "a1 b2".to_owned()), "another connection commits");
    behind(&rows, "c").unwrap();
    rows.lose(folder.path().join("nowhere/catalog.sqlite"));
    for _ in 0..2 {
        assert!(matches!(rows.settle(), Err(Fault::ReadOnly(_))));
        assert!(rows.are_unseen(), "no reader may miss it");
    }
    assert!(matches!(behind(&rows, "d"), Err(Fault::ReadOnly(_))));
    rows.lose(database(folder.path()));
    assert_eq!(behind(&rows, "e").unwrap().0, 4);
    rows.settle().unwrap();
    assert_eq!(seen(folder.path()), (4, "a1 b2 c3 e4".to_owned()));
}

#[test]
fn a_commit_that_failed_and_happened_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows(folder.path());
    behind(&rows, "a").unwrap();
    with(&rows, |writing| writing.db.as_ref().unwrap().execute_batch("COMMIT").unwrap());
    rows.lose(database(folder.path()));
    rows.settle().unwrap();
    assert!(!rows.are_unseen());
    assert_eq!(seen(folder.path()), (1, "a1".to_owned()));
}

#[test]
fn where_a_commit_may_find_no_room_rows_are_written_through() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows(folder.path());
    // Nobody can say how full the disk below this is.
    with(&rows, |writing| writing.path = folder.path().join("nowhere/catalog.sqlite"));
    behind(&rows, "a").unwrap();
    assert!(!rows.are_unseen());
    assert_eq!(seen(folder.path()), (1, "a1".to_owned()));
}

#[test]
fn a_failing_machine_fails_the_whole_batch_and_the_next_one_works() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows(folder.path());
    rows.lose(folder.path().join("nowhere/catalog.sqlite"));
    let batch = jobs(["a", "b"].map(create));
    assert!(matches!(rows.write_through(NOW, None, &batch), Err(Fault::ReadOnly(_))));
    rows.lose(database(folder.path()));
    rows.write_through(NOW, None, &batch).unwrap();
    assert_eq!(seen(folder.path()), (1, "a1 b2".to_owned()));
}

#[test]
fn after_a_failed_commit_the_rows_say_whether_it_happened() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows(folder.path());
    rows.write_through(NOW, None, &jobs([create("a")])).unwrap();
    let reread = |number| {
        with(&rows, |writing| {
            writing.db = None;
            writing.reread(number, full())
        })
    };
    assert!(reread(1).is_ok(), "batch 1 is there");
    let fault = reread(2).unwrap_err();
    assert!(matches!(fault, Fault::DiskFull { .. }), "batch 2 is not, for the reason that the commit gave: {fault:?}");
    rows.write_through(NOW, None, &jobs([create("b")])).unwrap();
    assert_eq!(seen(folder.path()).1, "a1 b2", "the connection that read back goes on");
}

fn full() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL), None)
}

#[test]
fn a_commit_that_did_not_happen_does_not_happen_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows(folder.path());
    let shared = folder.path().join("catalog.sqlite-shm");
    rows.write_through(NOW, None, &jobs([create("a")])).unwrap();
    let before = std::fs::read(&shared).unwrap();
    rows.write_through(NOW, None, &jobs([create("b")])).unwrap();
    // As after a failed sync: the frames lie in the log, the index that all connections share does not know of them.
    let _reader = sqlite::connect(&database(folder.path()), PRAGMAS).unwrap();
    File::options().write(true).open(&shared).unwrap().write_all_at(&before, 0).unwrap();
    with(&rows, |writing| {
        writing.db = None;
        writing.reread(2, full()).unwrap_err();
    });
    let crashed = tempfile::tempdir().unwrap();
    for file in ["catalog.sqlite", "catalog.sqlite-wal"] {
        std::fs::copy(folder.path().join(file), crashed.path().join(file)).unwrap();
    }
    assert_eq!(seen(crashed.path()).0, 1);
}

#[test]
fn a_long_log_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows(folder.path());
    rows.write_through(NOW, None, &jobs([create("a")])).unwrap();
    with(&rows, |writing| {
        assert!(writing.log.pages() > 0);
        writing.log = Log::of_so_many_pages(CUT_AT);
        // A reader does not let the log be cut, but nobody waits for it.
        let reader = sqlite::connect(&writing.path, PRAGMAS).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM store").unwrap();
        let began = std::time::Instant::now();
        writing.log.keep_short(writing.db.as_ref().unwrap());
        assert!(began.elapsed() < sqlite::BUSY);
        reader.execute_batch("COMMIT").unwrap();
        writing.log.keep_short(writing.db.as_ref().unwrap());
    });
    assert_eq!(std::fs::metadata(folder.path().join("catalog.sqlite-wal")).unwrap().len(), 0);
    rows.write_through(NOW, None, &jobs([Step::AbortUploads.into()])).unwrap();
}
