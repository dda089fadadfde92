//! A machine that fails: the request gets a typed error, nothing partial stays, the store goes on.

use std::time::Duration;

use futures_util::{FutureExt as _, TryFutureExt as _};
use uuid::Uuid;

use super::{DIALECT, Fixture, account, assert_sound, chunk, content_of, create, key, pattern, read, send, tree};
use crate::{
    Change, ChangeError, ChunkError, CommitError, Condition, Fault, Faults, ListQuery, NewContent, NewName, ReadError,
    Store, Update, UploadError, UploadRequest, Usage,
};

super::cases![
    a_full_disk_is_told_apart_and_survived,
    a_read_only_folder_is_told_apart,
    a_failing_disk_fails_the_request_only,
    a_lost_commit_keeps_the_bytes,
    a_failed_sync_is_no_success,
    a_hanging_engine_meets_our_deadline,
    reads_that_fail_or_hang_are_told_apart,
    deleting_a_session_meets_the_faults,
    what_could_not_be_cleaned_up_is_cleaned_up_later,
    a_chunk_that_hangs_keeps_its_range,
    a_damaged_block_never_leaves,
    a_chunk_whose_record_is_in_doubt_is_read_back,
];

/// Long enough for a busy disk that works, short enough to wait for one that hangs.
const PATIENCE: Duration = Duration::from_millis(750);
const SIZES: [usize; 2] = [1_000, 1_500_000];

async fn open(fixture: &Fixture) -> (Store, Faults) {
    Store::open_faulty(fixture.options.clone()).await.unwrap()
}

fn change(name: &str) -> Change {
    Change::new().create(NewName::new(key(name), "active").content(NewContent::Uploaded))
}

/// An upload up to its commit, with the first fault on the way.
async fn try_upload(store: &Store, size: usize, name: &str) -> Result<(), Fault> {
    let of_upload = |error| match error {
        UploadError::Fault(fault) => fault,
        other => panic!("{other:?}"),
    };
    let mut upload = store.begin(UploadRequest::new(account())).await.map_err(of_upload)?;
    for _ in 0..size / 500 {
        upload.push(pattern(1, 500)).await.map_err(of_upload)?;
    }
    let received = upload.finish().await.map_err(of_upload)?;
    match received.commit(change(name)).await {
        Ok(_) => Ok(()),
        Err(CommitError::Fault(fault)) => Err(fault),
        Err(other) => panic!("{other:?}"),
    }
}

async fn assert_goes_on(store: &Store) {
    for size in SIZES {
        let name = format!("afterwards-{size}");
        try_upload(store, size, &name).await.unwrap();
        assert_eq!(read(store, content_of(store, &name).await).await.unwrap().len(), size);
    }
    assert_sound(store).await;
}

async fn a_full_disk_is_told_apart_and_survived(fixture: Fixture) {
    let (store, faults) = open(&fixture).await;
    create(&store, "a", "queued").await;
    let mut running = store.begin(UploadRequest::new(account()).declared(Some(3_000_000))).await.unwrap();
    running.push(pattern(1, 600_000)).await.unwrap();
    faults.disk_full(true);
    for size in SIZES {
        let fault = try_upload(&store, size, "b").await.unwrap_err();
        assert!(matches!(fault, Fault::DiskFull { .. }), "{fault:?}");
    }
    let mut failed = None;
    for _ in 0..20 {
        if let Err(error) = running.push(pattern(1, 600_000)).await {
            failed = Some(error);
            break;
        }
    }
    assert!(matches!(failed, Some(UploadError::Fault(Fault::DiskFull { .. }))), "{failed:?}");
    let refused = store.begin_chunk(chunk(1, "a", 1_000, 0, 999)).await.map(drop).unwrap_err();
    assert!(matches!(refused, ChunkError::Fault(Fault::DiskFull { .. })), "{refused:?}");
    store.apply(Change::new().delete(key("a"), Condition::EXISTS)).await.unwrap();
    assert_eq!(store.get(&key("b")).await.unwrap(), None);
    faults.disk_full(false);
    drop(running);
    assert_goes_on(&store).await;
}

async fn a_read_only_folder_is_told_apart(fixture: Fixture) {
    let (store, faults) = open(&fixture).await;
    faults.read_only(true);
    for size in SIZES {
        let fault = try_upload(&store, size, "a").await.unwrap_err();
        assert!(matches!(fault, Fault::ReadOnly(_)), "{fault:?}");
    }
    let error = store.apply(Change::new().create(NewName::new(key("a"), "queued"))).await.unwrap_err();
    assert!(matches!(error, ChangeError::Fault(Fault::ReadOnly(_))), "{error:?}");
    faults.read_only(false);
    assert_goes_on(&store).await;
}

async fn a_failing_disk_fails_the_request_only(fixture: Fixture) {
    let (store, faults) = open(&fixture).await;
    let mut small = store.begin(UploadRequest::new(account())).await.unwrap();
    small.push(pattern(1, 1_000)).await.unwrap();
    faults.io_error(true);
    let error = small.finish().await.map(drop).unwrap_err();
    assert!(matches!(error, UploadError::Fault(Fault::Io { .. })), "{error:?}");
    faults.io_error(false);
    let mut small = store.begin(UploadRequest::new(account())).await.unwrap();
    small.push(pattern(1, 1_000)).await.unwrap();
    let received = small.finish().await.unwrap();
    faults.io_error(true);
    let error = received.commit(change("a")).await.unwrap_err();
    assert!(matches!(error, CommitError::Fault(Fault::Io { .. })), "{error:?}");
    faults.io_error(false);
    assert_eq!(store.get(&key("a")).await.unwrap(), None);
    assert_goes_on(&store).await;
}

async fn a_lost_commit_keeps_the_bytes(fixture: Fixture) {
    let (store, faults) = open(&fixture).await;
    for size in SIZES {
        let name = size.to_string();
        let mut upload = store.begin(UploadRequest::new(account()).declared(Some(size as u64))).await.unwrap();
        upload.push(pattern(2, size)).await.unwrap();
        let received = upload.finish().await.unwrap();
        faults.lose_commits(1);
        let error = received.commit(change(&name)).await.unwrap_err();
        assert!(matches!(error, CommitError::Fault(Fault::Unknown)), "{error:?}");
        store.sweep().await.unwrap();
        let content = content_of(&store, &name).await;
        assert!(read(&store, content).await.unwrap() == pattern(2, size), "it was committed all the same");
    }
    assert_goes_on(&store).await;
}

async fn a_failed_sync_is_no_success(fixture: Fixture) {
    let (store, faults) = open(&fixture).await;
    for size in SIZES {
        faults.fail_syncs(1);
        let fault = try_upload(&store, size, "a").await.unwrap_err();
        assert!(matches!(fault, Fault::Io { .. }), "{fault:?}");
    }
    let whole = pattern(3, 1_000);
    for missing in [None, Some(1)] {
        faults.fail_syncs(1);
        let error = send(&store, 1, "f", &whole, 0, 499).await.unwrap_err();
        assert!(matches!(error, ChunkError::Fault(Fault::Io { .. })), "{error:?}");
        let session = store.session(&tree(), Uuid::from_u128(1)).await.unwrap();
        assert_eq!(session.map(|session| session.missing.len()), missing, "nothing was recorded");
        send(&store, 1, "f", &whole, 500, 999).await.ok();
    }
    assert_goes_on(&store).await;
}

async fn a_hanging_engine_meets_our_deadline(mut fixture: Fixture) {
    fixture.options.limits.deadline = PATIENCE;
    let (store, faults) = open(&fixture).await;
    create(&store, "a", "queued").await;
    faults.hang(true);
    let change = Change::new().update(key("a"), Condition::EXISTS, Update::default().status("active"));
    let error = store.apply(change).await.unwrap_err();
    assert!(matches!(error, ChangeError::Fault(Fault::Deadline { .. })), "{error:?}");
    let fault = try_upload(&store, 1_000, "b").await.unwrap_err();
    assert!(matches!(fault, Fault::Deadline { .. }), "{fault:?}");
    assert!(store.get(&key("a")).await.unwrap().is_some(), "reading goes on");
    faults.hang(false);
    create(&store, "c", "queued").await;
}

async fn reads_that_fail_or_hang_are_told_apart(mut fixture: Fixture) {
    fixture.options.limits.deadline = PATIENCE;
    let (store, faults) = open(&fixture).await;
    try_upload(&store, 1_000, "a").await.unwrap();
    let content = content_of(&store, "a").await;
    let reads = async || {
        let (a, tree, id) = (key("a"), tree(), Uuid::from_u128(1));
        let rows = futures_util::future::join_all([
            store.get(&a).map_ok(drop).boxed(),
            store.is_buried(&a).map_ok(drop).boxed(),
            store.statistics().map_ok(drop).boxed(),
            store.list(ListQuery::new(DIALECT, "things", 9)).map_ok(drop).boxed(),
            store.level(&tree, "").map_ok(drop).boxed(),
            store.session(&tree, id).map_ok(drop).boxed(),
            store.sessions_at(&tree, "a").map_ok(drop).boxed(),
        ]);
        match futures_util::join!(rows, store.open_content(content)) {
            (rows, Err(ReadError::Fault(fault))) => (rows, fault),
            (_, other) => panic!("{:?}", other.map(drop)),
        }
    };
    faults.fail_reads(true);
    let (rows, bytes) = reads().await;
    assert!(rows.iter().all(|row| matches!(row, Err(Fault::Io { .. }))), "{rows:?}");
    assert!(matches!(bytes, Fault::Io { .. }), "{bytes:?}");
    faults.fail_reads(false);
    faults.hang_reads(true);
    let (rows, bytes) = reads().await;
    assert!(rows.iter().all(|row| matches!(row, Err(Fault::Deadline { .. }))), "{rows:?}");
    assert!(matches!(bytes, Fault::Deadline { .. }), "{bytes:?}");
    faults.hung().await;
    faults.hang_reads(false);
    assert_eq!(read(&store, content).await.unwrap().len(), 1_000);
}

async fn deleting_a_session_meets_the_faults(mut fixture: Fixture) {
    fixture.options.limits.deadline = PATIENCE;
    let (store, faults) = open(&fixture).await;
    let id = Uuid::from_u128(1);
    let whole = pattern(5, 1_000);
    send(&store, 1, "f", &whole, 0, 99).await.unwrap();
    faults.read_only(true);
    let fault = store.delete_session(&tree(), id).await.unwrap_err();
    assert!(matches!(fault, Fault::ReadOnly(_)), "{fault:?}");
    faults.read_only(false);
    faults.hang(true);
    let fault = store.delete_session(&tree(), id).await.unwrap_err();
    assert!(matches!(fault, Fault::Deadline { .. }), "{fault:?}");
    faults.hang(false);
    assert!(store.session(&tree(), id).await.unwrap().is_some(), "it was not deleted");
    faults.lose_commits(1);
    let fault = store.delete_session(&tree(), id).await.unwrap_err();
    assert!(matches!(fault, Fault::Unknown), "{fault:?}");
    assert_eq!(store.session(&tree(), id).await.unwrap(), None, "what the rows say counts");
    // What the clock ends is cleaned up whatever the switches say.
    send(&store, 2, "f", &whole, 0, 99).await.unwrap();
    fixture.clock.advance(Duration::from_mins(30));
    faults.read_only(true);
    assert!(!store.delete_session(&tree(), Uuid::from_u128(2)).await.unwrap());
    assert_eq!(store.usage(DIALECT, "files").await.unwrap(), Usage::default());
}

async fn a_chunk_that_hangs_keeps_its_range(mut fixture: Fixture) {
    fixture.options.limits.deadline = PATIENCE;
    let (store, faults) = open(&fixture).await;
    let (older, younger) = (pattern(6, 1_000), pattern(7, 1_000));
    send(&store, 1, "f", &younger, 0, 9).await.unwrap();
    faults.hang(true);
    let error = send(&store, 1, "f", &older, 10, 999).await.unwrap_err();
    assert!(matches!(error, ChunkError::Fault(Fault::Deadline { .. })), "{error:?}");
    let error = store.begin_chunk(chunk(1, "f", 1_000, 10, 999)).await.map(drop).unwrap_err();
    assert!(matches!(error, ChunkError::Fault(Fault::Deadline { .. })), "it may be recorded yet: {error:?}");
    faults.hang(false);
    send(&store, 1, "f", &younger, 10, 999).await.unwrap();
    store.commit_session(&tree(), Uuid::from_u128(1)).await.unwrap();
    let file = store.file(&tree(), "f").await.unwrap().unwrap();
    assert_eq!(read(&store, file.content).await.unwrap(), younger);
}

async fn what_could_not_be_cleaned_up_is_cleaned_up_later(fixture: Fixture) {
    let (store, faults) = open(&fixture).await;
    for name in ["1", "2", "3"] {
        try_upload(&store, 1_500_000, name).await.unwrap();
        store.apply(Change::new().update(key(name), Condition::EXISTS, clear())).await.unwrap();
    }
    put_different(&store, &["4", "5"]).await;
    faults.keep_one(true);
    assert!(matches!(store.sweep().await, Err(Fault::Io { .. })));
    let numbers = store.statistics().await.unwrap();
    assert!(numbers.failed_sweeps > 0 && numbers.freed > 0, "{numbers:?}");
    assert_eq!(store.garbage().await.unwrap().len(), 1, "one that cannot be freed does not keep the others");
    faults.keep_one(false);
    store.sweep().await.unwrap();
    assert_eq!(store.garbage().await.unwrap(), []);
    let upload = store.begin(UploadRequest::new(account()).declared(Some(3_000_000))).await.unwrap();
    faults.fail_cleanings(1);
    drop(upload);
    while store.usage(DIALECT, "everybody").await.unwrap().reserved > 0 {
        store.sweep().await.ok();
        tokio::task::yield_now().await;
    }
    assert_goes_on(&store).await;
}

fn clear() -> Update {
    Update::default().content(NewContent::Clear)
}

/// Uploads bodies that share nothing, and releases them.
async fn put_different(store: &Store, names: &[&str]) {
    for (seed, name) in (100_u32..).zip(names) {
        let mut upload = store.begin(UploadRequest::new(account())).await.unwrap();
        upload.push(pattern(seed, 1_000_000)).await.unwrap();
        upload.finish().await.unwrap().commit(change(name)).await.unwrap();
        store.apply(Change::new().update(key(name), Condition::EXISTS, clear())).await.unwrap();
    }
}

async fn a_damaged_block_never_leaves(fixture: Fixture) {
    let (store, faults) = open(&fixture).await;
    for size in SIZES {
        try_upload(&store, size, &size.to_string()).await.unwrap();
        let content = content_of(&store, &size.to_string()).await;
        faults.damage(true);
        let error = read(&store, content).await.unwrap_err();
        assert!(matches!(error, ReadError::Damaged { offset: 0 }), "{error:?}");
        let problems = store.fsck().await.unwrap().problems;
        assert_eq!(problems.len(), 1 + usize::from(size > 1_000));
        let name = format!("content of toy:things:{size} (");
        let told = problems.iter().any(|told| told.what.starts_with(&name) && told.what.contains(": the block"));
        assert!(told, "{problems:?}");
        faults.damage(false);
        assert_eq!(read(&store, content).await.unwrap().len(), size);
    }
}

async fn a_chunk_whose_record_is_in_doubt_is_read_back(fixture: Fixture) {
    let (store, faults) = open(&fixture).await;
    let whole = pattern(4, 1_000);
    send(&store, 1, "a", &whole, 0, 99).await.unwrap();
    faults.lose_commits(1);
    let error = send(&store, 1, "a", &whole, 100, 499).await.unwrap_err();
    assert!(matches!(error, ChunkError::Fault(Fault::Unknown)), "{error:?}");
    let session = store.session(&tree(), Uuid::from_u128(1)).await.unwrap().unwrap();
    assert_eq!(session.missing, [crate::ByteRange { first: 500, last: 999 }], "what the rows say counts");
    send(&store, 1, "a", &whole, 500, 999).await.unwrap();
    store.commit_session(&tree(), Uuid::from_u128(1)).await.unwrap();
    assert_goes_on(&store).await;
}
