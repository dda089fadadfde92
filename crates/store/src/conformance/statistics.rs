//! The numbers of a store follow what happens in it.

use std::time::Duration;

use uuid::Uuid;

use super::{DIALECT, Fixture, account, assert_sound, chunk, create, key, pattern, put_file, send, tree, upload};
use crate::{Change, Condition, NewContent, NewName, Statistics, TreeCopy, UploadRequest};

super::cases![what_a_store_holds_is_counted, what_a_store_does_is_counted, numbers_survive_a_restart];

/// What the background task does in between must not show.
fn never_sweeps(limits: &mut crate::Limits) {
    limits.sweep_interval = Duration::from_hours(1_000);
}

async fn what_a_store_holds_is_counted(mut fixture: Fixture) {
    let store = fixture.open_with(never_sweeps).await;
    assert_eq!(store.statistics().await.unwrap(), Statistics::default());
    create(&store, "empty", "queued").await;
    for size in [1_000, 300_000] {
        let name = size.to_string();
        let change = Change::new()
            .create(NewName::new(key(&name), "active").content(NewContent::Uploaded))
            .create(NewName::new(key(&format!("{name} again")), "active").content(NewContent::SameAs(key(&name))));
        upload(&store, UploadRequest::new(account()), &pattern(1, size), change).await.unwrap();
    }
    let whole = pattern(2, 5_000);
    send(&store, 1, "chunked", &whole, 0, 4_999).await.unwrap();
    let numbers = store.statistics().await.unwrap();
    assert_eq!((numbers.names, numbers.contents, numbers.bytes), (5, 2, 301_000));
    assert_eq!((numbers.open_sessions, numbers.doomed), (1, 0));
    store.commit_session(&tree(), Uuid::from_u128(1)).await.unwrap();
    put_file(&store, "folder/a", &pattern(3, 2_000)).await;
    put_file(&store, "folder/b", &pattern(1, 1_000)).await;
    let copy = TreeCopy {
        tree: tree(),
        from: "folder".into(),
        to: "copy".into(),
        skip: Vec::new(),
        mark: None,
        require_mark: false,
        quota: None,
    };
    store.apply(Change::new().copy_path(copy)).await.unwrap();
    let numbers = store.statistics().await.unwrap();
    assert_eq!((numbers.names, numbers.contents, numbers.bytes), (10, 4, 308_000));
    assert_eq!(numbers.open_sessions, 0);
    let everything = Change::new()
        .delete_scope(DIALECT, "things")
        .delete_path(&tree(), "folder")
        .delete_path(&tree(), "copy")
        .delete_path(&tree(), "chunked");
    store.apply(everything).await.unwrap();
    let numbers = store.statistics().await.unwrap();
    assert_eq!((numbers.names, numbers.contents, numbers.bytes), (0, 0, 0));
    assert_sound(&store).await;
    while store.statistics().await.unwrap().freed < 4 {
        store.sweep().await.unwrap();
    }
    let numbers = store.statistics().await.unwrap();
    assert_eq!((numbers.doomed, numbers.doomed_bytes, numbers.freed, numbers.freed_bytes), (0, 0, 4, 308_000));
    assert_sound(&store).await;
}

async fn what_a_store_does_is_counted(mut fixture: Fixture) {
    let store = fixture.open_with(never_sweeps).await;
    let uploads = async || store.statistics().await.unwrap().uploads;
    let small = store.begin(UploadRequest::new(account())).await.unwrap();
    let large = store.begin(UploadRequest::new(account()).declared(Some(1_000_000))).await.unwrap();
    let mut piece = store.begin_chunk(chunk(1, "a", 1_000, 0, 9)).await.unwrap();
    assert_eq!(uploads().await, 3);
    drop(large);
    let received = small.finish().await.unwrap();
    assert_eq!(uploads().await, 1, "what was received is no longer in flight");
    drop(received);
    piece.push(pattern(1, 10)).await.unwrap();
    piece.finish().await.unwrap();
    assert_eq!(uploads().await, 0);
    let before = store.statistics().await.unwrap();
    store.sweep().await.unwrap();
    let after = store.statistics().await.unwrap();
    // The background task may sweep, too.
    assert!(after.sweeps > before.sweeps && after.failed_sweeps == 0, "{before:?} {after:?}");
    assert_eq!(after.open_sessions, 1);
    fixture.clock.advance(Duration::from_hours(1));
    store.sweep().await.unwrap();
    assert_eq!(store.statistics().await.unwrap().open_sessions, 0);
}

async fn numbers_survive_a_restart(mut fixture: Fixture) {
    let store = fixture.open_with(never_sweeps).await;
    put_file(&store, "a", &pattern(1, 1_000)).await;
    put_file(&store, "b", &pattern(2, 300_000)).await;
    send(&store, 1, "c", &pattern(3, 500), 0, 9).await.unwrap();
    store.apply(Change::new().create(NewName::new(key("a"), "x")).delete(key("a"), Condition::EXISTS)).await.unwrap();
    store.sweep().await.unwrap();
    let before = store.statistics().await.unwrap();
    assert!(store.close(Duration::from_secs(30)).await);
    drop(store);
    let after = fixture.open().await.statistics().await.unwrap();
    // Packs are looked at behind the start.
    let (packed_bytes, pack_dead_bytes) = (after.packed_bytes, after.pack_dead_bytes);
    assert_eq!(after, Statistics { sweeps: 0, freed: 0, freed_bytes: 0, packed_bytes, pack_dead_bytes, ..before });
    assert_eq!((after.names, after.contents, after.bytes, after.open_sessions), (2, 2, 301_000, 1));
}
