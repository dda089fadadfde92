//! What a restart keeps and what it clears away.

use std::time::Duration;

use uuid::Uuid;

use super::{
    DIALECT, Fixture, account, assert_sound, chunk, key, pattern, put_file, read_file, send, sequential, tree,
};
use crate::{ByteRange, Change, NewName, Swept, UploadRequest, Usage};

super::cases![
    everything_acknowledged_is_there_after_a_restart,
    sessions_survive_a_restart_with_what_was_recorded,
    uploads_of_an_earlier_run_are_cleared_away,
    ids_come_from_the_injected_source,
];

const LONG: Duration = Duration::from_secs(30);

async fn everything_acknowledged_is_there_after_a_restart(fixture: Fixture) {
    let sizes = [0, 10, 5_000, 1_500_000];
    for round in 0..3_u32 {
        let store = fixture.open().await;
        for earlier in 0..round {
            for size in sizes {
                let found = read_file(&store, &format!("{earlier}/{size}")).await.unwrap();
                assert!(found == pattern(earlier, size), "{earlier}/{size}");
            }
        }
        for size in sizes {
            put_file(&store, &format!("{round}/{size}"), &pattern(round, size)).await;
        }
        assert_sound(&store).await;
        assert!(store.close(LONG).await);
        assert!(store.get(&key("a")).await.is_ok(), "reading goes on after a close");
        assert!(store.apply(Change::new().create(NewName::new(key("a"), "x"))).await.is_err());
    }
}

async fn sessions_survive_a_restart_with_what_was_recorded(fixture: Fixture) {
    let whole = pattern(1, 2_000_000);
    let store = fixture.open().await;
    send(&store, 1, "a", &whole, 100, 1_299_999).await.unwrap();
    let modified = store.now();
    let mut unfinished = store.begin_chunk(chunk(1, "a", 2_000_000, 1_300_000, 1_999_999)).await.unwrap();
    unfinished.push(pattern(9, 600_000)).await.unwrap();
    drop(unfinished);
    assert!(store.close(LONG).await);
    drop(store);
    fixture.clock.advance(Duration::from_mins(1));
    let store = fixture.open().await;
    let session = store.session(&tree(), Uuid::from_u128(1)).await.unwrap().unwrap();
    let missing = [ByteRange { first: 0, last: 99 }, ByteRange { first: 1_300_000, last: 1_999_999 }];
    assert_eq!((session.modified, &session.missing[..]), (modified, &missing[..]));
    send(&store, 1, "a", &whole, 0, 99).await.unwrap();
    send(&store, 1, "a", &whole, 1_300_000, 1_999_999).await.unwrap();
    store.commit_session(&tree(), Uuid::from_u128(1)).await.unwrap();
    assert!(read_file(&store, "a").await.unwrap() == whole);
    assert_sound(&store).await;
}

async fn uploads_of_an_earlier_run_are_cleared_away(fixture: Fixture) {
    let store = fixture.open().await;
    let request = UploadRequest::new(account()).declared(Some(1_000_000));
    let mut upload = store.begin(request).await.unwrap();
    upload.push(pattern(1, 700_000)).await.unwrap();
    // What was pushed is written behind it.
    let files = || std::fs::read_dir(store.folder().join("files")).unwrap();
    while files().all(|file| file.unwrap().metadata().unwrap().len() == 0) {
        tokio::task::yield_now().await;
    }
    // As after a crash: nobody tells the store that the upload ended.
    std::mem::forget(upload);
    assert_eq!(store.usage(DIALECT, "everybody").await.unwrap(), Usage { bytes: 0, reserved: 1_000_000 });
    store.close(Duration::from_millis(1)).await;
    let folder = store.folder().to_owned();
    drop(store);
    // The lock of the first store is never given back, so its folder is copied for the second.
    let copy = tempfile::tempdir().unwrap();
    copy_folder(&folder, copy.path());
    let mut fixture = fixture;
    fixture.options.data = crate::DataFolder::At(copy.path().to_owned());
    let store = fixture.open().await;
    assert_eq!(store.usage(DIALECT, "everybody").await.unwrap(), Usage::default());
    let garbage = store.garbage().await.unwrap();
    let [left] = &garbage[..] else { panic!("one upload did not end: {garbage:?}") };
    assert!(left.size > 0, "its file takes room");
    assert_eq!(store.sweep().await.unwrap(), Swept { blobs: 1, bytes: left.size });
    assert_eq!(store.garbage().await.unwrap(), []);
    assert_sound(&store).await;
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

async fn ids_come_from_the_injected_source(mut fixture: Fixture) {
    fixture.options.ids = sequential(77);
    let store = fixture.open().await;
    assert_eq!(store.next_id().as_u64_pair().0, 77);
    put_file(&store, "a", &pattern(1, 10)).await;
    let blob = store.file(&tree(), "a").await.unwrap().unwrap().content.blob.unwrap();
    assert_eq!(blob.0.as_u64_pair().0, 77);
}
