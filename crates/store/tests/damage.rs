//! Rows that contradict their bytes: found, told, and no reason to hang.

use std::time::Duration;

use bytes::Bytes;
use pentaprism_store::{Account, Change, ChunkError, ChunkRequest, Fault, Limits, Options, Store, Tree, UploadRequest};
use rusqlite::Connection;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_whose_last_rows_are_missing_is_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options::folder(folder.path()).limits(Limits { disk_reserve: 0, ..Limits::default() });
    let store = Store::open(options()).await.unwrap();
    let tree = Tree::new("toy", "files");
    let mut upload = store.begin(UploadRequest::new(Account::new("toy", "files"))).await.unwrap();
    upload.push(Bytes::from(vec![7; 2_000_000])).await.unwrap();
    upload.finish().await.unwrap().commit(Change::new().put_file(&tree, "a")).await.unwrap();
    assert!(store.close(Duration::from_secs(30)).await);
    drop(store);
    let rows = Connection::open(folder.path().join("catalog.sqlite")).unwrap();
    rows.execute("UPDATE segment SET length = 1048576", []).unwrap();
    drop(rows);
    let store = Store::open(options()).await.unwrap();
    let report = tokio::time::timeout(Duration::from_secs(30), store.fsck()).await.unwrap().unwrap();
    assert!(report.problems.iter().any(|problem| problem.what.contains("1048576")), "{:?}", report.problems);
}

#[tokio::test]
async fn a_session_whose_recorded_bytes_are_missing_is_not_continued() {
    let folder = tempfile::tempdir().unwrap();
    let open = async || Store::open(Options::folder(folder.path())).await.unwrap();
    let chunk = |first, last| ChunkRequest {
        session: Uuid::from_u128(1),
        tree: Tree::new("toy", "files"),
        path: "a".into(),
        total: 10,
        first,
        last,
        quota: None,
    };
    let store = open().await;
    let mut writer = store.begin_chunk(chunk(0, 4)).await.unwrap();
    writer.push(Bytes::from_static(b"01234")).await.unwrap();
    writer.finish().await.unwrap();
    assert!(store.close(Duration::from_secs(30)).await);
    drop(store);
    std::fs::remove_dir_all(folder.path().join("files")).unwrap();
    let store = open().await;
    let error = store.begin_chunk(chunk(5, 9)).await.map(drop).unwrap_err();
    assert!(matches!(error, ChunkError::Fault(Fault::Corrupt { .. })), "{error:?}");
}
