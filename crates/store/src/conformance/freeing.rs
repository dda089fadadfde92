//! Freeing: what nobody names any more goes, what somebody reads stays.

use super::{Fixture, account, assert_sound, collect, content_of, key, pattern, put_file, read, tree, upload};
use crate::{Change, Condition, NewContent, NewName, ReadError, UploadRequest};

super::cases![a_reader_keeps_its_bytes, released_content_is_listed_and_freed, a_name_read_before_a_delete_is_gone];

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
