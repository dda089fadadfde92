//! Freeing: what nobody names any more goes, what somebody reads stays.

use std::time::Duration;

use super::{
    DIALECT, Fixture, account, assert_sound, collect, content_of, key, pattern, put_file, read, read_file, send, tree,
    upload,
};
use crate::{Change, Condition, NewContent, NewName, ReadError, UploadRequest, Usage};

super::cases![
    a_reader_keeps_its_bytes,
    released_content_is_listed_and_freed,
    a_name_read_before_a_delete_is_gone,
    uploads_beside_sweeps_lose_nothing,
    more_than_one_step_cleans_up_goes_in_one_sweep,
];

const SIZES: [usize; 2] = [2_000, 2_000_000];

async fn a_reader_keeps_its_bytes(fixture: Fixture) {
    let store = fixture.open().await;
    for size in SIZES {
        let name = size.to_string();
        let bytes = pattern(1, size);
        let change = Change::new().create(NewName::new(key(&name), "active").content(NewContent::Uploaded));
        upload(&store, UploadRequest::new(account()), &bytes, change).await.unwrap();
        let reader = store.open_content(content_of(&store, &name).await).await.unwrap();
        store.apply(Change::new().delete(key(&name), Condition::EXISTS)).await.unwrap();
        store.sweep().await.unwrap();
        let blocks = reader.read(0..size as u64).unwrap();
        drop(reader);
        store.sweep().await.unwrap();
        assert!(collect(blocks).await.unwrap() == bytes, "{size}");
        store.sweep().await.unwrap();
        assert_eq!(store.garbage().await.unwrap(), []);
    }
}

async fn released_content_is_listed_and_freed(fixture: Fixture) {
    let store = fixture.open().await;
    for (index, size) in SIZES.into_iter().enumerate() {
        put_file(&store, &format!("a/{index}"), &pattern(2, size)).await;
    }
    let contents = [store.file(&tree(), "a/0").await.unwrap(), store.file(&tree(), "a/1").await.unwrap()]
        .map(|file| file.unwrap().content);
    let readers = [store.open_content(contents[1]).await.unwrap()];
    store.apply(Change::new().delete_path(&tree(), "a")).await.unwrap();
    store.sweep().await.unwrap();
    let left = store.garbage().await.unwrap();
    assert_eq!(left.len(), 1, "what is read stays");
    assert!(left[0].pinned && Some(left[0].blob) == contents[1].blob && left[0].size == 2_000_000);
    drop(readers);
    store.sweep().await.unwrap();
    assert_eq!(store.garbage().await.unwrap(), []);
    assert_eq!(store.fsck().await.unwrap().blobs, 0);
}

async fn a_name_read_before_a_delete_is_gone(fixture: Fixture) {
    let store = fixture.open().await;
    for size in SIZES {
        put_file(&store, "a", &pattern(3, size)).await;
        let content = store.file(&tree(), "a").await.unwrap().unwrap().content;
        put_file(&store, "a", &pattern(4, size)).await;
        assert!(matches!(read(&store, content).await, Err(ReadError::Gone)));
    }
    assert_sound(&store).await;
}

/// The same few bytes are stored, shared, released and freed all the time.
async fn uploads_beside_sweeps_lose_nothing(fixture: Fixture) {
    let store = fixture.open().await;
    let lane = async |lane: usize| {
        for round in 0..24 {
            let bytes = pattern(round % 3, SIZES[lane % 2] / 4);
            let path = format!("{lane}/{}", round % 2);
            put_file(&store, &path, &bytes).await;
            assert!(read_file(&store, &path).await.unwrap() == bytes, "{path} in round {round}");
            if round % 2 == 1 {
                store.apply(Change::new().delete_path(&tree(), lane.to_string())).await.unwrap();
            }
        }
    };
    let uploads = futures_util::future::join4(lane(0), lane(1), lane(2), lane(3));
    let sweeps = async {
        loop {
            store.sweep().await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = uploads => {}
        () = sweeps => {}
    }
    store.sweep().await.unwrap();
    assert_eq!(store.garbage().await.unwrap(), []);
    assert_sound(&store).await;
    assert_eq!(store.statistics().await.unwrap().contents, 0);
}

async fn more_than_one_step_cleans_up_goes_in_one_sweep(mut fixture: Fixture) {
    // Hundreds of chunks that are synced one by one take long.
    fixture.options.durability = crate::Durability::None;
    let store = fixture.open_with(|limits| limits.sweep_interval = Duration::from_hours(1_000)).await;
    let whole = pattern(1, 100);
    for session in 0..300 {
        send(&store, session, &format!("f{session}"), &whole, 0, 9).await.unwrap();
    }
    fixture.clock.advance(Duration::from_mins(30));
    let numbers = store.statistics().await.unwrap();
    assert_eq!((numbers.open_sessions, numbers.expired_sessions), (300, 300));
    let litter = store.litter().await.unwrap();
    assert_eq!((litter.sessions.len(), litter.contents.len()), (300, 0));
    assert!(litter.sessions.iter().all(|session| session.bytes > 0));
    store.sweep().await.unwrap();
    let numbers = store.statistics().await.unwrap();
    assert_eq!((numbers.open_sessions, numbers.expired_sessions, numbers.doomed), (0, 0, 0));
    assert_eq!(store.usage(DIALECT, "files").await.unwrap(), Usage::default());
    assert_sound(&store).await;
}
