//! Opening a data folder: who may, which folders are refused, what is set aside.
#![expect(clippy::unwrap_used, reason = "helpers are part of a test, but no test functions")]

use std::{fs, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use pentaprism_store::{
    Account, Change, Durability, Limits, ManualClock, OpenError, Options, Store, Timestamp, Tree, UploadRequest,
};

const LONG: Duration = Duration::from_secs(30);
const STRANGER: &str = "00000000000000000000000000000007";

fn options(folder: &Path) -> Options {
    let limits = Limits { disk_reserve: 0, ..Limits::default() };
    Options::folder(folder).durability(Durability::None).limits(limits)
}

fn tree() -> Tree {
    Tree::new("toy", "files")
}

async fn put(store: &Store, path: &str, size: usize) {
    let mut upload = store.begin(UploadRequest::new(Account::new("toy", "files"))).await.unwrap();
    upload.push(Bytes::from(vec![u8::try_from(path.len()).unwrap(); size])).await.unwrap();
    upload.finish().await.unwrap().commit(Change::new().put_file(&tree(), path)).await.unwrap();
}

async fn fill(folder: &Path) {
    let store = Store::open(options(folder)).await.unwrap();
    put(&store, "a", 10_000).await;
    put(&store, "bb", 1_000_000).await;
    assert!(store.close(LONG).await);
}

async fn refusal(folder: &Path) -> OpenError {
    Store::open(options(folder)).await.map(drop).unwrap_err()
}

fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn a_folder_is_opened_by_one_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(options(folder.path())).await.unwrap();
    let error = refusal(folder.path()).await;
    assert!(matches!(error, OpenError::Locked { .. }), "{error:?}");
    let shown = folder.path().display();
    assert_eq!(error.to_string(), format!("the data folder {shown} is in use by another process; stop it first"));
    assert!(store.close(LONG).await);
    drop(store);
    Store::open(options(folder.path())).await.unwrap();
}

#[tokio::test]
async fn a_folder_and_a_database_that_do_not_belong_together_are_refused() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(one.path()).await;
    fill(other.path()).await;
    fs::copy(other.path().join("store-id"), one.path().join("store-id")).unwrap();
    let error = refusal(one.path()).await;
    assert!(matches!(&error, OpenError::Mismatch { why, .. } if why == "their store ids differ"), "{error:?}");
    fs::remove_file(one.path().join("store-id")).unwrap();
    let error = refusal(one.path()).await;
    assert!(matches!(&error, OpenError::Mismatch { why, .. } if why == "the folder has no store id"), "{error:?}");
    for file in ["catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"] {
        // The last two go with the last connection.
        drop(fs::remove_file(other.path().join(file)));
    }
    let error = refusal(other.path()).await;
    assert!(matches!(&error, OpenError::Mismatch { why, .. } if why.contains("no catalog.sqlite")), "{error:?}");
}

#[tokio::test]
async fn a_first_start_that_ended_early_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(options(folder.path())).await.unwrap();
    assert!(store.close(LONG).await);
    drop(store);
    let id = folder.path().join("store-id");
    fs::remove_file(&id).unwrap();
    assert!(Store::open(options(folder.path())).await.unwrap().close(LONG).await);
    let written = fs::read(&id).unwrap();
    assert!(!written.is_empty());
    fs::write(&id, b"").unwrap();
    assert!(Store::open(options(folder.path())).await.unwrap().close(LONG).await);
    assert_eq!(fs::read(&id).unwrap(), written);
}

#[tokio::test]
async fn files_without_a_row_are_set_aside_for_a_day() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path()).await;
    for kind in ["files", "packs"] {
        fs::write(folder.path().join(kind).join(STRANGER), b"who knows").unwrap();
    }
    fs::write(folder.path().join("files/notes.txt"), b"not ours").unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp::from_unix_micros(1_000_000)));
    let open = async || {
        let store = Store::open(options(folder.path()).clock(Arc::<ManualClock>::clone(&clock))).await.unwrap();
        assert_eq!(store.fsck().await.unwrap().problems, []);
        assert!(store.close(LONG).await);
    };
    open().await;
    let orphans = folder.path().join("orphans");
    assert_eq!(names(&orphans).len(), 2);
    assert!(names(&orphans).iter().all(|name| name.ends_with(STRANGER)));
    assert!(folder.path().join("files/notes.txt").exists());
    clock.advance(Duration::from_hours(24) - Duration::from_micros(1));
    open().await;
    assert_eq!(names(&orphans).len(), 2);
    let store = Store::open(options(folder.path()).clock(Arc::<ManualClock>::clone(&clock))).await.unwrap();
    clock.advance(Duration::from_micros(1));
    store.sweep().await.unwrap();
    assert_eq!(names(&orphans).len(), 0, "a server that runs for months does not keep them as long");
}

#[tokio::test]
async fn packs_are_cut_at_the_next_start_and_go_when_they_are_dead() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path()).await;
    let packs = folder.path().join("packs");
    let [pack] = &names(&packs)[..] else { panic!("one run has one pack") };
    let pack = packs.join(pack);
    assert!(fs::metadata(&pack).unwrap().len() > 10_000, "a pack grows ahead");
    let store = Store::open(options(folder.path())).await.unwrap();
    assert_eq!(fs::metadata(&pack).unwrap().len(), 10_000);
    put(&store, "c", 10).await;
    assert_eq!(names(&packs).len(), 2, "a run appends to a pack of its own");
    for path in ["a", "bb"] {
        store.apply(Change::new().delete_path(&tree(), path)).await.unwrap();
    }
    store.sweep().await.unwrap();
    assert_eq!(store.garbage().await.unwrap(), []);
    assert!(!pack.exists());
    assert_eq!(names(&folder.path().join("files")).len(), 0);
    assert_eq!(store.fsck().await.unwrap().blobs, 1);
}

/// What the third version and those after it added is taken out again: so a folder of the second version is opened.
#[tokio::test]
async fn a_folder_of_an_older_version_is_brought_up_to_date_in_place() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path()).await;
    let rows = rusqlite::Connection::open(folder.path().join("catalog.sqlite")).unwrap();
    rows.execute_batch(
        "DROP INDEX blob_size; DROP INDEX name_named; DROP INDEX name_visibility; DROP INDEX name_companion; DROP INDEX name_itwin; DROP INDEX name_imodel;
         DROP INDEX name_unchanged; DROP TRIGGER name_goes; DROP TRIGGER blob_changes; DROP TRIGGER blob_goes;
         ALTER TABLE store DROP COLUMN names; ALTER TABLE store DROP COLUMN contents; ALTER TABLE store DROP COLUMN bytes;
         ALTER TABLE store DROP COLUMN doomed; ALTER TABLE store DROP COLUMN doomed_bytes; ALTER TABLE store DROP COLUMN journal_pack; ALTER TABLE store DROP COLUMN journal_next;
         DROP INDEX blob_equal; DROP INDEX blob_damaged; DROP INDEX segment_moved; ALTER TABLE blob DROP COLUMN damaged;
         CREATE INDEX blob_equal ON blob (blake3, size) WHERE blake3 IS NOT NULL;
         CREATE INDEX name_level ON name (dialect, scope, parent, key) WHERE parent IS NOT NULL; PRAGMA user_version = 2",
    )
    .unwrap();
    drop(rows);
    for _ in 0..2 {
        let store = Store::open(options(folder.path())).await.unwrap();
        let numbers = store.statistics().await.unwrap();
        assert_eq!((numbers.names, numbers.contents, numbers.bytes), (2, 2, 1_010_000));
        assert_eq!(store.fsck().await.unwrap().problems, []);
        assert!(store.close(LONG).await);
    }
}

#[tokio::test]
async fn an_ephemeral_folder_goes_with_its_store() {
    let store = Store::open(Options::ephemeral()).await.unwrap();
    let folder = store.folder().to_owned();
    assert!(folder.join("lock").exists());
    assert!(store.close(LONG).await);
    drop(store);
    assert!(!folder.exists());
}

#[tokio::test]
async fn limits_that_make_no_sense_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { small_threshold: 262_145, ..Limits::default() };
    let error = Store::open(options(folder.path()).limits(limits)).await.map(drop).unwrap_err();
    assert_eq!(error.to_string(), "the limit small_threshold is 262145, must be at most 262144");
}
