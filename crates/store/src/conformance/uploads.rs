//! Whole bodies: small and large, exclusive targets, quotas, equal bytes.

use bytes::Bytes;

use super::{DIALECT, Fixture, account, assert_sound, collect, content_of, create, key, pattern, read, upload};
use crate::{
    Change, CommitError, Condition, Content, DigestSet, NewContent, NewName, ReadError, Refusal, Store, Update,
    UploadError, UploadRequest, Usage,
};

super::cases![
    a_large_body_that_is_announced_may_be_empty,
    bodies_of_every_size_come_back_byte_for_byte,
    digests_are_those_of_the_body,
    an_empty_body_is_content_without_a_blob,
    a_target_takes_one_upload_at_a_time,
    a_target_must_meet_its_condition,
    an_upload_that_is_dropped_leaves_nothing,
    a_target_deleted_meanwhile_is_gone,
    a_refused_commit_frees_the_body,
    a_quota_is_exact,
    a_body_of_unknown_length_meets_its_quota_on_the_way,
    equal_bodies_are_stored_once,
    long_bodies_are_stored_once_when_the_first_is_known,
    a_range_is_what_was_asked_for,
    content_can_be_shared_with_another_name,
    a_body_of_unknown_length_takes_memory_as_its_bytes_come,
];

const EXISTS: Condition = Condition::EXISTS;

fn activate() -> Update {
    Update::default().status("active").content(NewContent::Uploaded)
}

async fn usage(store: &Store) -> Usage {
    store.usage(DIALECT, "everybody").await.unwrap()
}

async fn bodies_of_every_size_come_back_byte_for_byte(fixture: Fixture) {
    let store = fixture.open().await;
    let sizes = [1, 4_095, 4_096, 4_097, 300_000, 1_048_576, 1_048_577, 3_500_000];
    for (index, size) in sizes.into_iter().enumerate() {
        for declared in [None, Some(size as u64)] {
            let name = format!("{size}-{}", declared.is_some());
            let bytes = pattern(u32::try_from(index).unwrap(), size);
            let change = Change::new().create(NewName::new(key(&name), "active").content(NewContent::Uploaded));
            upload(&store, UploadRequest::new(account()).declared(declared), &bytes, change).await.unwrap();
            assert!(read(&store, content_of(&store, &name).await).await.unwrap() == bytes, "{name}");
        }
    }
    let total: usize = sizes.iter().sum();
    assert_eq!(usage(&store).await, Usage { bytes: 2 * total as u64, reserved: 0 });
    assert_sound(&store).await;
}

async fn digests_are_those_of_the_body(fixture: Fixture) {
    let store = fixture.open().await;
    let set = DigestSet { md5: true, sha256: true, sha512: true };
    for size in [0, 100, 40_000, 2_000_000] {
        let bytes = pattern(7, size);
        let mut upload = store.begin(UploadRequest::new(account()).digests(set)).await.unwrap();
        for piece in bytes.chunks(70_000) {
            upload.push(Bytes::copy_from_slice(piece)).await.unwrap();
        }
        assert_eq!(upload.received(), size as u64);
        let received = upload.finish().await.unwrap();
        let expected = crate::digest::of_frames(set, &[&bytes[..]].into_iter());
        assert!(expected.md5.is_some() && expected.sha256.is_some() && expected.sha512.is_some());
        assert_eq!(received.digests(), &expected, "{size}");
    }
}

async fn an_empty_body_is_content_without_a_blob(fixture: Fixture) {
    let store = fixture.open().await;
    create(&store, "a", "queued").await;
    let change = Change::new().update(key("a"), EXISTS, activate());
    upload(&store, UploadRequest::new(account()), &Bytes::new(), change).await.unwrap();
    let content = content_of(&store, "a").await;
    assert_eq!((content.blob, content.size), (None, 0));
    assert_eq!(read(&store, content).await.unwrap(), Bytes::new());
}

async fn a_target_takes_one_upload_at_a_time(fixture: Fixture) {
    let store = fixture.open().await;
    create(&store, "a", "queued").await;
    for declared in [Some(100), Some(1_000_000), None] {
        let request = UploadRequest::new(account()).declared(declared).exclusive(key("a"), Condition::status("queued"));
        let first = store.begin(request.clone()).await.unwrap();
        let name = store.get(&key("a")).await.unwrap().unwrap();
        assert!(name.open_writer && name.status == "queued");
        let second = store.begin(request.clone()).await.map(drop).unwrap_err();
        assert!(matches!(&second, UploadError::TargetBusy(name) if *name == key("a")), "{second:?}");
        drop(first);
        assert!(!store.get(&key("a")).await.unwrap().unwrap().open_writer);
        drop(store.begin(request).await.unwrap());
    }
}

async fn a_target_must_meet_its_condition(fixture: Fixture) {
    let store = fixture.open().await;
    create(&store, "a", "active").await;
    let request = UploadRequest::new(account());
    let refused =
        store.begin(request.clone().exclusive(key("a"), Condition::status("queued"))).await.map(drop).unwrap_err();
    assert!(matches!(refused, UploadError::TargetRefused(Refusal::StatusChanged { .. })));
    let refused = store.begin(request.exclusive(key("b"), EXISTS)).await.map(drop).unwrap_err();
    assert!(matches!(refused, UploadError::TargetRefused(Refusal::Missing(_))));
    assert!(!store.get(&key("a")).await.unwrap().unwrap().open_writer);
}

async fn an_upload_that_is_dropped_leaves_nothing(fixture: Fixture) {
    let store = fixture.open().await;
    let quota = account().with_quota(Some(5_000_000));
    let mut large = store.begin(UploadRequest::new(quota.clone()).declared(Some(4_000_000))).await.unwrap();
    large.push(pattern(1, 2_000_000)).await.unwrap();
    assert_eq!(usage(&store).await, Usage { bytes: 0, reserved: 4_000_000 });
    let mut small = store.begin(UploadRequest::new(quota).declared(Some(1_000))).await.unwrap();
    small.push(pattern(1, 1_000)).await.unwrap();
    let received = small.finish().await.unwrap();
    drop((large, received));
    // The owned tasks that clean up are part of what a close waits for.
    assert!(store.close(std::time::Duration::from_secs(30)).await);
    drop(store);
    let store = fixture.open().await;
    assert_eq!(usage(&store).await, Usage::default());
    store.sweep().await.unwrap();
    assert_eq!(store.garbage().await.unwrap(), []);
    assert_eq!(store.fsck().await.unwrap().blobs, 0);
}

async fn a_target_deleted_meanwhile_is_gone(fixture: Fixture) {
    let store = fixture.open().await;
    for (again, size) in [(false, 100), (true, 100), (false, 100_000), (true, 100_000)] {
        let name = format!("{again}-{size}");
        create(&store, &name, "queued").await;
        let request = UploadRequest::new(account()).exclusive(key(&name), EXISTS);
        let mut upload = store.begin(request).await.unwrap();
        upload.push(pattern(3, size)).await.unwrap();
        store.apply(Change::new().delete(key(&name), EXISTS)).await.unwrap();
        if again {
            create(&store, &name, "queued").await;
        }
        let received = upload.finish().await.unwrap();
        let gone = received.commit(Change::new().update(key(&name), EXISTS, activate())).await.unwrap_err();
        assert!(matches!(&gone, CommitError::TargetGone(gone) if *gone == key(&name)), "{gone:?}");
        if again {
            assert_eq!(store.get(&key(&name)).await.unwrap().unwrap().content, None, "the later name is another one");
        }
    }
    assert_eq!(usage(&store).await.bytes, 0);
    assert_sound(&store).await;
}

async fn a_refused_commit_frees_the_body(fixture: Fixture) {
    let store = fixture.open().await;
    create(&store, "a", "queued").await;
    for size in [100, 100_000] {
        let change = Change::new().expect(key("a"), EXISTS).update(key("a"), Condition::status("other"), activate());
        let error = upload(&store, UploadRequest::new(account()), &pattern(5, size), change).await.unwrap_err();
        assert!(matches!(error, CommitError::Refused { step: 1, refusal: Refusal::StatusChanged { .. } }), "{error:?}");
    }
    assert!(store.close(std::time::Duration::from_secs(30)).await);
    drop(store);
    let store = fixture.open().await;
    store.sweep().await.unwrap();
    assert_eq!((usage(&store).await, store.fsck().await.unwrap().blobs), (Usage::default(), 0));
}

async fn a_quota_is_exact(fixture: Fixture) {
    let store = fixture.open().await;
    let request = UploadRequest::new(account().with_quota(Some(10_000)));
    let change = |name: &str| Change::new().create(NewName::new(key(name), "active").content(NewContent::Uploaded));
    upload(&store, request.clone().declared(Some(9_000)), &pattern(1, 9_000), change("a")).await.unwrap();
    let over = store.begin(request.clone().declared(Some(1_001))).await.map(drop).unwrap_err();
    assert!(matches!(over, UploadError::OverQuota { quota: 10_000, used: 9_000, wanted: 1_001 }), "{over:?}");
    // Two that fit alone but not together: the transaction decides.
    let mut first = store.begin(request.clone().declared(Some(1_000))).await.unwrap();
    let mut second = store.begin(request.clone()).await.unwrap();
    first.push(pattern(2, 1_000)).await.unwrap();
    second.push(pattern(3, 1_000)).await.unwrap();
    first.finish().await.unwrap().commit(change("b")).await.unwrap();
    let over = second.finish().await.unwrap().commit(change("c")).await.unwrap_err();
    assert!(matches!(over, CommitError::Refused { refusal: Refusal::OverQuota { wanted: 1_000, .. }, .. }), "{over:?}");
    assert_eq!(usage(&store).await, Usage { bytes: 10_000, reserved: 0 });
    store.apply(Change::new().delete(key("a"), EXISTS)).await.unwrap();
    assert_eq!(usage(&store).await, Usage { bytes: 1_000, reserved: 0 });
    upload(&store, request.declared(Some(9_000)), &pattern(4, 9_000), change("d")).await.unwrap();
    assert_sound(&store).await;
}

async fn a_body_of_unknown_length_meets_its_quota_on_the_way(fixture: Fixture) {
    let store = fixture.open().await;
    let mut upload = store.begin(UploadRequest::new(account().with_quota(Some(1_000_000)))).await.unwrap();
    let mut refused = None;
    for index in 0..20 {
        if let Err(error) = upload.push(pattern(index, 100_000)).await {
            refused = Some((index, error));
            break;
        }
    }
    let (index, error) = refused.unwrap();
    assert!(matches!(error, UploadError::OverQuota { quota: 1_000_000, .. }), "{error:?}");
    assert_eq!(index, 10, "the quota is not refused before it is reached");
    assert!(upload.push(Bytes::from_static(b"x")).await.is_err());
    assert!(upload.finish().await.is_err(), "a body that was cut is not a body");
}

async fn long_bodies_are_stored_once_when_the_first_is_known(mut fixture: Fixture) {
    let store = fixture.open_with(|limits| limits.processors = 1).await;
    let mut bytes = vec![7; 20 * 1024 * 1024];
    bytes[19_000_000] = 8;
    let bytes = Bytes::from(bytes);
    let put = async |name: &str| {
        let request = UploadRequest::new(account()).declared(Some(bytes.len() as u64));
        let mut upload = store.begin(request).await.unwrap();
        upload.push(bytes.clone()).await.unwrap();
        let change = Change::new().create(NewName::new(key(name), "active").content(NewContent::Uploaded));
        upload.finish().await.unwrap().commit(change).await.unwrap();
        content_of(&store, name).await
    };
    let first = put("a").await;
    store.fingerprint().await.unwrap();
    assert_eq!(put("b").await, first);
    assert!(read(&store, first).await.unwrap() == bytes);
    assert_sound(&store).await;
}

async fn equal_bodies_are_stored_once(fixture: Fixture) {
    let store = fixture.open().await;
    for size in [1_000, 500_000] {
        let bytes = pattern(9, size);
        for name in ["a", "b"] {
            let name = format!("{name}-{size}");
            let change = Change::new().create(NewName::new(key(&name), "active").content(NewContent::Uploaded));
            upload(&store, UploadRequest::new(account()), &bytes, change).await.unwrap();
        }
        let (a, b) = (content_of(&store, &format!("a-{size}")).await, content_of(&store, &format!("b-{size}")).await);
        assert_eq!(a, b);
        store.apply(Change::new().delete(key(&format!("a-{size}")), EXISTS)).await.unwrap();
        store.sweep().await.unwrap();
        assert!(read(&store, b).await.unwrap() == bytes, "the other name keeps the bytes");
    }
    assert_sound(&store).await;
}

async fn a_range_is_what_was_asked_for(fixture: Fixture) {
    let store = fixture.open().await;
    let bytes = pattern(11, 2_500_000);
    let change = Change::new().create(NewName::new(key("a"), "active").content(NewContent::Uploaded));
    upload(&store, UploadRequest::new(account()), &bytes, change).await.unwrap();
    let reader = store.open_content(content_of(&store, "a").await).await.unwrap();
    for range in [0..0, 0..1, 5..1_048_576, 1_048_575..1_048_577, 2_499_999..2_500_000, 0..2_500_000] {
        let part = collect(reader.read(range.clone()).unwrap()).await.unwrap();
        let expected = &bytes[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
        assert!(part == expected, "{range:?}");
    }
    let beyond = reader.read(0..2_500_001).map(drop).unwrap_err();
    assert!(matches!(beyond, ReadError::OutOfRange { end: 2_500_001, size: 2_500_000 }));
}

async fn content_can_be_shared_with_another_name(fixture: Fixture) {
    let store = fixture.open().await;
    let bytes = pattern(12, 10_000);
    let change = Change::new()
        .create(NewName::new(key("a"), "active").content(NewContent::Uploaded))
        .create(NewName::new(key("thumbnail"), "active").content(NewContent::SameAs(key("a"))));
    upload(&store, UploadRequest::new(account()), &bytes, change).await.unwrap();
    assert_eq!(usage(&store).await.bytes, 20_000);
    store.apply(Change::new().delete(key("a"), EXISTS)).await.unwrap();
    store.sweep().await.unwrap();
    assert_eq!(read(&store, content_of(&store, "thumbnail").await).await.unwrap(), bytes);
    let new = NewName::new(key("b"), "active").content(NewContent::SameAs(key("a")));
    let refused = store.apply(Change::new().create(new)).await.unwrap_err();
    assert_eq!(refused.refusal(), Some(&Refusal::ContentGone));
    assert_sound(&store).await;
}

async fn a_large_body_that_is_announced_may_be_empty(fixture: Fixture) {
    let store = fixture.open().await;
    let upload = store.begin(UploadRequest::new(account()).declared(Some(1_000_000))).await.unwrap();
    let change = Change::new().create(NewName::new(key("a"), "active").content(NewContent::Uploaded));
    upload.finish().await.unwrap().commit(change).await.unwrap();
    assert_eq!(content_of(&store, "a").await, Content::EMPTY);
    assert_eq!(read(&store, Content::EMPTY).await.unwrap().len(), 0);
    while store.usage(DIALECT, "everybody").await.unwrap() != Usage::default() {
        tokio::task::yield_now().await;
    }
    assert_sound(&store).await;
}

async fn a_body_of_unknown_length_takes_memory_as_its_bytes_come(mut fixture: Fixture) {
    let budget = |limits: &mut crate::Limits| (limits.small_threshold, limits.small_budget) = (65_536, 65_536);
    let store = fixture.open_with(budget).await;
    let bytes = pattern(30, 40_000);
    let mut uploads = Vec::new();
    for _ in 0..4 {
        let mut one = store.begin(UploadRequest::new(account())).await.unwrap();
        one.push(bytes.slice(..1)).await.unwrap();
        uploads.push(one);
    }
    // Nothing is left to grow with: these go on in files, one after the other giving back what it held.
    for (index, mut one) in uploads.into_iter().enumerate() {
        one.push(bytes.slice(1..)).await.unwrap();
        let name = index.to_string();
        let change = Change::new().create(NewName::new(key(&name), "active").content(NewContent::Uploaded));
        one.finish().await.unwrap().commit(change).await.unwrap();
        assert!(read(&store, content_of(&store, &name).await).await.unwrap() == bytes);
    }
    assert_sound(&store).await;
}
