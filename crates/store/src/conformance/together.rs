//! Several bodies in one change: all of them become content, or none does.

use bytes::Bytes;

use super::{DIALECT, Fixture, account, assert_sound, content_of, create, key, pattern, read};
use crate::{
    Account, Applied, Change, CommitError, Condition, Content, NameKey, NewContent, NewName, Received, Refusal, Store,
    Update, UploadError, UploadRequest, Usage,
};

super::cases![
    bodies_beside_each_other_appear_together,
    a_refused_change_frees_every_body,
    bodies_that_are_dropped_leave_nothing,
    a_quota_counts_every_body,
    equal_bodies_of_one_change_are_stored_once,
    a_body_that_no_step_takes_is_freed,
    a_body_that_was_not_committed_is_refused,
    a_target_among_several_bodies_may_be_gone,
    a_change_spans_dialects,
];

const EXISTS: Condition = Condition::EXISTS;
/// Empty, packed, and in files of their own.
const SIZES: [usize; 3] = [0, 1_000, 300_000];

async fn try_receive(store: &Store, account: Account, bytes: &Bytes) -> Result<Received, UploadError> {
    let mut upload = store.begin(UploadRequest::new(account)).await?;
    for piece in bytes.chunks(1_500) {
        upload.push(Bytes::copy_from_slice(piece)).await?;
    }
    upload.finish().await
}

async fn receive(store: &Store, account: Account, bytes: &Bytes) -> Received {
    try_receive(store, account, bytes).await.unwrap()
}

async fn commit(store: &Store, account: &Account, bodies: &[Bytes], change: Change) -> Result<Applied, CommitError> {
    let first = receive(store, account.clone(), &bodies[0]).await;
    let mut beside = Vec::new();
    for bytes in &bodies[1..] {
        beside.push(receive(store, account.clone(), bytes).await);
    }
    first.commit_with(beside, change).await
}

fn new(name: &str, content: NewContent) -> NewName {
    NewName::new(key(name), "active").content(content)
}

/// A picture, its thumbnail and one more, as the names `picture-N`, `thumbnail-N` and `other-N`.
fn three(number: usize) -> Change {
    Change::new()
        .create(new(&format!("picture-{number}"), NewContent::Uploaded))
        .create(new(&format!("thumbnail-{number}"), NewContent::UploadedBeside(0)))
        .create(new(&format!("other-{number}"), NewContent::UploadedBeside(1)))
}

async fn usage(store: &Store) -> Usage {
    store.usage(DIALECT, "everybody").await.unwrap()
}

/// Nothing is stored and nothing is reserved, once what was given up has been cleaned up.
async fn assert_empty(fixture: &Fixture, store: Store) {
    // The owned tasks that clean up are part of what a close waits for.
    assert!(store.close(std::time::Duration::from_secs(30)).await);
    drop(store);
    let store = fixture.open().await;
    assert_eq!(usage(&store).await, Usage::default());
    store.sweep().await.unwrap();
    assert_eq!(store.garbage().await.unwrap(), []);
    assert_eq!(store.fsck().await.unwrap().blobs, 0);
    assert_sound(&store).await;
}

async fn bodies_beside_each_other_appear_together(fixture: Fixture) {
    let store = fixture.open().await;
    let (mut number, mut total) = (0, 0);
    for first in SIZES {
        for second in SIZES {
            for third in SIZES {
                let seed = u32::try_from(number).unwrap() * 3;
                let bodies = [pattern(seed, first), pattern(seed + 1, second), pattern(seed + 2, third)];
                let applied = commit(&store, &account(), &bodies, three(number)).await.unwrap();
                assert_eq!(applied.effects.len(), 3, "one for each step of the change");
                for (name, bytes) in ["picture", "thumbnail", "other"].iter().zip(&bodies) {
                    let content = content_of(&store, &format!("{name}-{number}")).await;
                    assert!(read(&store, content).await.unwrap() == bytes, "{name} of {first}, {second}, {third}");
                    total += bytes.len() as u64;
                }
                number += 1;
            }
        }
    }
    assert_eq!(usage(&store).await, Usage { bytes: total, reserved: 0 });
    assert_sound(&store).await;
}

async fn a_refused_change_frees_every_body(fixture: Fixture) {
    let store = fixture.open().await;
    create(&store, "a", "queued").await;
    for sizes in [[1_000, 300_000, 2_000], [300_000, 1_000, 400_000]] {
        let bodies = [0, 1, 2].map(|index| pattern(index, sizes[index as usize]));
        let change = three(0).update(key("a"), Condition::status("other"), Update::default());
        let error = commit(&store, &account(), &bodies, change).await.unwrap_err();
        assert!(matches!(error, CommitError::Refused { step: 3, refusal: Refusal::StatusChanged { .. } }), "{error:?}");
        for name in ["picture-0", "thumbnail-0", "other-0"] {
            assert_eq!(store.get(&key(name)).await.unwrap(), None);
        }
    }
    assert_empty(&fixture, store).await;
}

async fn bodies_that_are_dropped_leave_nothing(fixture: Fixture) {
    let store = fixture.open().await;
    let [small, large] = [1_000, 300_000].map(|size| pattern(1, size));
    let first = receive(&store, account(), &small).await;
    let beside = vec![receive(&store, account(), &large).await, receive(&store, account(), &small).await];
    // Dropped before it was polled: nothing happens.
    drop(first.commit_with(beside, three(0)));
    assert_eq!(store.get(&key("picture-0")).await.unwrap(), None);
    assert_empty(&fixture, store).await;
}

async fn a_quota_counts_every_body(fixture: Fixture) {
    let store = fixture.open().await;
    let change = |name: &str| {
        let thumbnail = format!("thumbnail of {name}");
        Change::new().create(new(name, NewContent::Uploaded)).create(new(&thumbnail, NewContent::UploadedBeside(0)))
    };
    for [picture, thumbnail] in [[2_000, 1_000], [2_000, 10_000], [20_000, 1_000], [20_000, 10_000]] {
        let before = usage(&store).await.bytes;
        let quota = before + picture as u64 + thumbnail as u64;
        let (name, bodies) = (format!("{picture}-{thumbnail}"), [pattern(3, picture), pattern(4, thumbnail)]);
        let tight = account().with_quota(Some(quota - 1));
        let first = receive(&store, tight.clone(), &bodies[0]).await;
        match try_receive(&store, tight, &bodies[1]).await {
            // Both have reservations: there the second does not fit any more.
            Err(UploadError::OverQuota { .. }) => {
                assert!(picture > 4_096 && thumbnail > 4_096);
                drop(first);
            }
            Err(other) => panic!("{other:?}"),
            Ok(second) => match first.commit_with(vec![second], change(&name)).await.unwrap_err() {
                CommitError::Refused { step, refusal: Refusal::OverQuota { used, wanted, .. } } => {
                    assert_eq!((step, used, wanted), (1, before + picture as u64, thumbnail as u64));
                }
                other => panic!("{other:?}"),
            },
        }
        while usage(&store).await.reserved > 0 {
            tokio::task::yield_now().await;
        }
        // Bodies of unknown length leave each other room: what the first reserved too much, it gave back.
        commit(&store, &account().with_quota(Some(quota)), &bodies, change(&name)).await.unwrap();
        assert_eq!(usage(&store).await, Usage { bytes: quota, reserved: 0 });
    }
    assert_sound(&store).await;
}

async fn equal_bodies_of_one_change_are_stored_once(fixture: Fixture) {
    let store = fixture.open().await;
    for size in [1_000, 300_000] {
        let bytes = pattern(5, size);
        let bodies = [bytes.clone(), bytes.clone(), bytes.clone()];
        commit(&store, &account(), &bodies, three(size)).await.unwrap();
        let mut contents = Vec::new();
        for name in ["picture", "thumbnail", "other"] {
            contents.push(content_of(&store, &format!("{name}-{size}")).await);
        }
        assert!(contents.iter().all(|content| content == &contents[0]), "{contents:?}");
        // The same again, now equal to what was stored before.
        commit(&store, &account(), &bodies, three(size + 1)).await.unwrap();
        assert_eq!(content_of(&store, &format!("other-{}", size + 1)).await, contents[0]);
        store.apply(Change::new().delete(key(&format!("picture-{size}")), EXISTS)).await.unwrap();
        store.sweep().await.unwrap();
        assert!(read(&store, contents[0]).await.unwrap() == bytes, "the other names keep the bytes");
    }
    assert_eq!(store.fsck().await.unwrap().blobs, 2);
    assert_sound(&store).await;
}

async fn a_body_that_no_step_takes_is_freed(fixture: Fixture) {
    let store = fixture.open().await;
    let bodies = [pattern(1, 1_000), pattern(2, 300_000), pattern(3, 1_000), pattern(4, 300_000)];
    let change = Change::new().create(new("a", NewContent::UploadedBeside(1)));
    commit(&store, &account(), &bodies, change).await.unwrap();
    assert_eq!(read(&store, content_of(&store, "a").await).await.unwrap(), bodies[2]);
    assert_eq!(usage(&store).await, Usage { bytes: 1_000, reserved: 0 });
    store.sweep().await.unwrap();
    assert_eq!(store.garbage().await.unwrap(), []);
    assert_eq!(store.fsck().await.unwrap().blobs, 1);
}

async fn a_body_that_was_not_committed_is_refused(fixture: Fixture) {
    let store = fixture.open().await;
    let change = || Change::new().create(new("a", NewContent::UploadedBeside(1)));
    let error = commit(&store, &account(), &[Bytes::new(), pattern(1, 10)], change()).await.unwrap_err();
    let expected = Refusal::BodyMissing { index: 1 };
    assert!(matches!(error, CommitError::Refused { step: 0, refusal } if refusal == expected));
    assert_eq!(store.apply(change()).await.unwrap_err().refusal(), Some(&expected));
    assert_empty(&fixture, store).await;
}

async fn a_target_among_several_bodies_may_be_gone(fixture: Fixture) {
    let store = fixture.open().await;
    for (target, kept) in [("a", "b"), ("b", "a")] {
        for name in ["a", "b"] {
            create(&store, name, "queued").await;
        }
        let mut bodies = Vec::new();
        for name in ["a", "b"] {
            let mut upload = store.begin(UploadRequest::new(account()).exclusive(key(name), EXISTS)).await.unwrap();
            upload.push(pattern(1, 10_000)).await.unwrap();
            bodies.push(upload.finish().await.unwrap());
        }
        store.apply(Change::new().delete(key(target), EXISTS)).await.unwrap();
        let beside = bodies.split_off(1);
        let change = Change::new().update(key(kept), EXISTS, Update::default().content(NewContent::Uploaded));
        let gone = bodies.remove(0).commit_with(beside, change).await.unwrap_err();
        assert!(matches!(&gone, CommitError::TargetGone(gone) if *gone == key(target)), "{gone:?}");
        let name = store.get(&key(kept)).await.unwrap().unwrap();
        assert_eq!((name.content, name.open_writer), (None, false), "the claims are given back");
        store.apply(Change::new().delete(key(kept), EXISTS)).await.unwrap();
    }
    assert_empty(&fixture, store).await;
}

fn link(token: &str) -> NameKey {
    NameKey::new("public", "links", token)
}

async fn content_behind(store: &Store, link: &NameKey) -> Option<Content> {
    store.get(link).await.unwrap()?.content
}

/// Links are names of another dialect that share what the same change creates or replaces, and go with it.
async fn a_change_spans_dialects(fixture: Fixture) {
    let store = fixture.open().await;
    let linked = |token: &str, other: &str| NewName::new(link(token), "active").content(NewContent::SameAs(key(other)));
    for size in [0, 1_000, 300_000] {
        let [one, two] = [6, 7].map(|seed| pattern(seed, size));
        let created = Change::new()
            .create(new("picture", NewContent::Uploaded))
            .create(new("thumbnail", NewContent::UploadedBeside(0)))
            .create(linked("1", "picture"))
            .create(linked("2", "thumbnail"));
        commit(&store, &account(), &[one.clone(), two.clone()], created).await.unwrap();
        for (token, bytes) in [("1", &one), ("2", &two)] {
            let content = content_behind(&store, &link(token)).await.unwrap();
            assert!(read(&store, content).await.unwrap() == bytes, "{token} of {size}");
        }
        assert_eq!(usage(&store).await.bytes, 2 * size as u64);
        assert_eq!(store.usage("public", "everybody").await.unwrap().bytes, 2 * size as u64);
        let replaced = Change::new()
            .update(key("picture"), EXISTS, Update::default().content(NewContent::Uploaded))
            .delete(link("1"), EXISTS)
            .create(linked("3", "picture"));
        let new = pattern(8, size + 1);
        commit(&store, &account(), std::slice::from_ref(&new), replaced).await.unwrap();
        assert_eq!(content_behind(&store, &link("1")).await, None);
        let content = content_behind(&store, &link("3")).await.unwrap();
        assert!(read(&store, content).await.unwrap() == new, "the link has what the step before it put there");
        let refused = Change::new().delete(key("picture"), EXISTS).delete(link("nobody"), EXISTS);
        assert!(store.apply(refused).await.is_err());
        assert!(store.get(&key("picture")).await.unwrap().is_some(), "nothing happens in either dialect");
        let gone = Change::new()
            .delete(key("picture"), EXISTS)
            .delete(key("thumbnail"), EXISTS)
            .delete_scope("public", "links");
        assert_eq!(store.apply(gone).await.unwrap().deleted(), 4);
    }
    assert_eq!(store.usage("public", "everybody").await.unwrap(), Usage::default());
    assert_empty(&fixture, store).await;
}
