//! Upload sessions: chunks in any order, refusals, chunks that overtake each other, commits, the clock.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use uuid::Uuid;

use super::{DIALECT, Fixture, assert_sound, chunk, part, pattern, put_file, read_file, send, tree};
use crate::{ByteRange, Change, ChunkError, ChunkRequest, Fault, SessionError, Store, Usage};

super::cases![
    chunks_in_any_order_become_the_file,
    many_chunks_at_once_become_the_file,
    chunks_that_do_not_fit_are_refused,
    a_body_must_have_the_length_of_its_range,
    a_first_chunk_that_fails_leaves_nothing,
    a_later_chunk_takes_over_from_one_in_flight,
    a_chunk_that_is_dropped_frees_its_range,
    an_incomplete_session_is_not_committed,
    a_commit_may_be_repeated,
    a_committed_session_is_remembered_for_half_an_hour,
    a_deleted_session_is_unknown,
    a_chunk_that_waits_for_a_deleted_session_opens_no_other,
    a_first_chunk_that_is_given_up_does_not_end_the_session_of_others,
    a_session_ends_by_the_clock,
    a_chunk_in_flight_holds_its_session,
    a_session_reserves_its_size,
    sessions_of_a_path_are_found,
    ranges_have_a_limit,
    checks_and_takeovers_need_no_place,
    open_sessions_have_a_limit,
    more_sessions_than_files_may_be_open,
];

const ID: Uuid = Uuid::from_u128(1);

fn ranges(pairs: &[(u64, u64)]) -> Vec<ByteRange> {
    pairs.iter().map(|(first, last)| ByteRange { first: *first, last: *last }).collect()
}

async fn missing(store: &Store) -> Vec<ByteRange> {
    store.session(&tree(), ID).await.unwrap().unwrap().missing
}

async fn chunks_in_any_order_become_the_file(fixture: Fixture) {
    let store = fixture.open().await;
    let whole = pattern(1, 3_000_000);
    put_file(&store, "a/b", &pattern(2, 100)).await;
    send(&store, 1, "a/b", &whole, 2_000_000, 2_999_999).await.unwrap();
    assert_eq!(missing(&store).await, ranges(&[(0, 1_999_999)]));
    send(&store, 1, "a/b", &whole, 0, 9).await.unwrap();
    assert_eq!(missing(&store).await, ranges(&[(10, 1_999_999)]));
    assert_eq!(read_file(&store, "a/b").await.unwrap(), pattern(2, 100), "nothing is visible before the commit");
    send(&store, 1, "a/b", &whole, 10, 1_999_999).await.unwrap();
    assert_eq!(missing(&store).await, []);
    let before = store.file(&tree(), "a/b").await.unwrap().unwrap();
    store.commit_session(&tree(), ID).await.unwrap();
    assert!(read_file(&store, "a/b").await.unwrap() == whole);
    assert!(store.file(&tree(), "a/b").await.unwrap().unwrap().version > before.version);
    assert_eq!(store.usage(DIALECT, "files").await.unwrap(), Usage { bytes: 3_000_000, reserved: 0 });
    store.fingerprint().await.unwrap();
    put_file(&store, "c", &whole).await;
    let (a, c) = (store.file(&tree(), "a/b").await.unwrap(), store.file(&tree(), "c").await.unwrap());
    assert_eq!(a.unwrap().content, c.unwrap().content, "bytes that came out of order are shared later");
    assert_sound(&store).await;
}

async fn many_chunks_at_once_become_the_file(fixture: Fixture) {
    let store = fixture.open().await;
    let whole = pattern(3, 800_000);
    let sends = (0..40_u64).rev().map(|index| {
        let (store, whole) = (store.clone(), whole.clone());
        async move { send(&store, 1, "a", &whole, index * 20_000, index * 20_000 + 19_999).await }
    });
    for sent in futures_util::future::join_all(sends).await {
        sent.unwrap();
    }
    store.commit_session(&tree(), ID).await.unwrap();
    assert!(read_file(&store, "a").await.unwrap() == whole);
    assert_sound(&store).await;
}

async fn chunks_that_do_not_fit_are_refused(fixture: Fixture) {
    let store = fixture.open().await;
    let whole = pattern(4, 1_000);
    send(&store, 1, "a", &whole, 400, 699).await.unwrap();
    let begin = async |request: ChunkRequest| store.begin_chunk(request).await.map(drop).unwrap_err();
    let refused = begin(chunk(1, "A", 1_000, 0, 9)).await;
    assert!(matches!(&refused, ChunkError::PathConflict { actual, .. } if actual == "a"), "{refused:?}");
    let refused = begin(chunk(1, "a", 1_001, 0, 9)).await;
    assert!(matches!(refused, ChunkError::TotalDiffers { expected: 1_000, asked: 1_001 }), "{refused:?}");
    for (first, last) in [(400, 699), (399, 400), (699, 700), (500, 501), (0, 999)] {
        let refused = begin(chunk(1, "a", 1_000, first, last)).await;
        assert!(
            matches!(refused, ChunkError::RangeOverlaps(range) if range == ByteRange { first, last }),
            "{refused:?}"
        );
    }
    for (first, last) in [(5, 4), (990, 1_000), (1_000, 1_000)] {
        let refused = begin(chunk(1, "a", 1_000, first, last)).await;
        assert!(matches!(refused, ChunkError::RangeInvalid { .. }), "{refused:?}");
    }
    assert_eq!(missing(&store).await, ranges(&[(0, 399), (700, 999)]));
}

async fn a_body_must_have_the_length_of_its_range(fixture: Fixture) {
    let store = fixture.open().await;
    let mut short = store.begin_chunk(chunk(1, "a", 1_000, 0, 99)).await.unwrap();
    short.push(pattern(1, 99)).await.unwrap();
    let refused = short.finish().await.unwrap_err();
    assert!(matches!(refused, ChunkError::WrongLength { expected: 100, received: 99 }), "{refused:?}");
    let mut long = store.begin_chunk(chunk(1, "a", 1_000, 0, 99)).await.unwrap();
    long.push(pattern(1, 99)).await.unwrap();
    let refused = long.push(pattern(1, 2)).await.unwrap_err();
    assert!(matches!(refused, ChunkError::WrongLength { expected: 100, received: 101 }), "{refused:?}");
    assert!(long.finish().await.is_err());
    send(&store, 1, "a", &pattern(1, 1_000), 100, 199).await.unwrap();
    let short = store.begin_chunk(chunk(1, "a", 1_000, 0, 99)).await.unwrap();
    short.finish().await.unwrap_err();
    assert_eq!(
        missing(&store).await,
        ranges(&[(0, 99), (200, 999)]),
        "nothing of them counts, and the session goes on"
    );
}

async fn a_first_chunk_that_fails_leaves_nothing(fixture: Fixture) {
    let store = fixture.open().await;
    let request = |path| ChunkRequest { quota: Some(1_000), ..chunk(1, path, 1_000, 0, 99) };
    let mut long = store.begin_chunk(request("a")).await.unwrap();
    long.push(pattern(1, 101)).await.unwrap_err();
    assert_eq!(store.usage(DIALECT, "files").await.unwrap(), Usage::default(), "before its writer is dropped");
    drop(long);
    store.begin_chunk(request("b")).await.unwrap().finish().await.unwrap_err();
    assert_eq!(store.session(&tree(), ID).await.unwrap(), None);
    drop(store.begin_chunk(request("c")).await.unwrap());
    while store.session(&tree(), ID).await.unwrap().is_some() {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.usage(DIALECT, "files").await.unwrap(), Usage::default());
    // While another chunk of it is on its way, the session stays.
    let failing = store.begin_chunk(request("d")).await.unwrap();
    let mut other = store.begin_chunk(chunk(1, "d", 1_000, 100, 199)).await.unwrap();
    failing.finish().await.unwrap_err();
    other.push(pattern(1, 100)).await.unwrap();
    other.finish().await.unwrap();
    assert_eq!(missing(&store).await, ranges(&[(0, 99), (200, 999)]));
}

async fn a_later_chunk_takes_over_from_one_in_flight(fixture: Fixture) {
    let store = fixture.open().await;
    let whole = pattern(5, 2_000_000);
    let mut stalled = store.begin_chunk(chunk(1, "a", 2_000_000, 0, 999_999)).await.unwrap();
    stalled.push(pattern(99, 700_000)).await.unwrap();
    let noticed = stalled.superseded();
    send(&store, 1, "a", &whole, 500_000, 1_999_999).await.unwrap();
    noticed.await;
    assert!(matches!(stalled.push(pattern(99, 10)).await, Err(ChunkError::Superseded)));
    assert!(matches!(stalled.finish().await, Err(ChunkError::Superseded)));
    assert_eq!(missing(&store).await, ranges(&[(0, 499_999)]));
    send(&store, 1, "a", &whole, 0, 499_999).await.unwrap();
    store.commit_session(&tree(), ID).await.unwrap();
    assert!(read_file(&store, "a").await.unwrap() == whole, "no byte of the older request is left");
}

async fn a_chunk_that_is_dropped_frees_its_range(fixture: Fixture) {
    let store = fixture.open().await;
    let whole = pattern(6, 1_000_000);
    let mut dropped = store.begin_chunk(chunk(1, "a", 1_000_000, 0, 999_999)).await.unwrap();
    dropped.push(pattern(99, 600_000)).await.unwrap();
    drop(dropped);
    send(&store, 1, "a", &whole, 0, 999_999).await.unwrap();
    store.commit_session(&tree(), ID).await.unwrap();
    assert!(read_file(&store, "a").await.unwrap() == whole);
}

async fn an_incomplete_session_is_not_committed(fixture: Fixture) {
    let store = fixture.open().await;
    let whole = pattern(7, 1_000);
    assert!(matches!(store.commit_session(&tree(), ID).await, Err(SessionError::Unknown)));
    send(&store, 1, "a", &whole, 100, 199).await.unwrap();
    match store.commit_session(&tree(), ID).await {
        Err(SessionError::Incomplete { missing }) => assert_eq!(missing, ranges(&[(0, 99), (200, 999)])),
        other => panic!("{other:?}"),
    }
    send(&store, 1, "a", &whole, 0, 99).await.unwrap();
    send(&store, 1, "a", &whole, 200, 999).await.unwrap();
    store.commit_session(&tree(), ID).await.unwrap();
}

async fn a_commit_may_be_repeated(fixture: Fixture) {
    let store = fixture.open().await;
    let whole = pattern(8, 1_000);
    send(&store, 1, "a", &whole, 0, 999).await.unwrap();
    store.commit_session(&tree(), ID).await.unwrap();
    store.commit_session(&tree(), ID).await.unwrap();
    put_file(&store, "a", &pattern(9, 10)).await;
    assert!(matches!(store.commit_session(&tree(), ID).await, Err(SessionError::Unknown)), "replaced since");
    assert!(store.delete_session(&tree(), ID).await.unwrap());
    send(&store, 1, "b", &whole, 0, 999).await.unwrap();
    store.commit_session(&tree(), ID).await.unwrap();
    store.commit_session(&tree(), ID).await.unwrap();
    fixture.clock.advance(Duration::from_mins(30));
    assert!(matches!(store.commit_session(&tree(), ID).await, Err(SessionError::Unknown)), "forgotten by then");
    assert!(read_file(&store, "b").await.unwrap() == whole);
}

async fn a_committed_session_is_remembered_for_half_an_hour(fixture: Fixture) {
    let store = fixture.open().await;
    let whole = pattern(15, 1_000);
    send(&store, 1, "a", &whole, 0, 499).await.unwrap();
    fixture.clock.advance(Duration::from_mins(1));
    send(&store, 1, "a", &whole, 500, 999).await.unwrap();
    let complete = store.session(&tree(), ID).await.unwrap();
    assert_eq!(complete.as_ref().map(|session| session.modified), Some(store.now()));
    fixture.clock.advance(Duration::from_mins(1));
    store.commit_session(&tree(), ID).await.unwrap();
    store.close(Duration::from_secs(10)).await;
    drop(store);
    let store = fixture.open().await;
    fixture.clock.advance(Duration::from_mins(30) - Duration::from_micros(1));
    store.sweep().await.unwrap();
    assert_eq!(store.session(&tree(), ID).await.unwrap(), complete, "as it was before its commit");
    assert_eq!(store.sessions_at(&tree(), "a").await.unwrap(), complete.into_iter().collect::<Vec<_>>());
    for request in [chunk(1, "a", 1_000, 0, 499), chunk(1, "b", 1_000, 0, 499), chunk(1, "a", 2_000, 1_000, 1_999)] {
        let (first, last) = (request.first, request.last);
        let refused = store.begin_chunk(request).await.map(drop).unwrap_err();
        assert!(
            matches!(refused, ChunkError::RangeOverlaps(range) if range == ByteRange { first, last }),
            "{refused:?}"
        );
    }
    assert_eq!(store.usage(DIALECT, "files").await.unwrap(), Usage { bytes: 1_000, reserved: 0 });
    fixture.clock.advance(Duration::from_micros(1));
    assert_eq!(store.session(&tree(), ID).await.unwrap(), None);
    assert!(store.sessions_at(&tree(), "a").await.unwrap().is_empty());
    assert!(!store.delete_session(&tree(), ID).await.unwrap());
    send(&store, 1, "b", &whole, 0, 999).await.unwrap();
    store.commit_session(&tree(), ID).await.unwrap();
    assert!(store.delete_session(&tree(), ID).await.unwrap(), "only the record goes");
    assert!(!store.delete_session(&tree(), ID).await.unwrap());
    assert!(read_file(&store, "b").await.unwrap() == whole);
    send(&store, 1, "c", &whole, 0, 9).await.unwrap();
    assert_sound(&store).await;
}

async fn a_deleted_session_is_unknown(fixture: Fixture) {
    let store = fixture.open().await;
    let whole = pattern(10, 1_000);
    assert!(!store.delete_session(&tree(), ID).await.unwrap());
    send(&store, 1, "a", &whole, 0, 99).await.unwrap();
    let mut in_flight = store.begin_chunk(chunk(1, "a", 1_000, 100, 199)).await.unwrap();
    let noticed = in_flight.superseded();
    assert!(store.delete_session(&tree(), ID).await.unwrap());
    noticed.await;
    assert!(matches!(in_flight.push(part(&whole, 100, 199)).await, Err(ChunkError::SessionGone)));
    assert!(matches!(in_flight.finish().await, Err(ChunkError::SessionGone)));
    assert_eq!(store.session(&tree(), ID).await.unwrap(), None);
    assert!(!store.delete_session(&tree(), ID).await.unwrap());
    assert_eq!(store.usage(DIALECT, "files").await.unwrap(), Usage::default());
    store.sweep().await.unwrap();
    // The id can be used again, for something else.
    send(&store, 1, "b", &whole, 0, 999).await.unwrap();
    store.commit_session(&tree(), ID).await.unwrap();
    assert_sound(&store).await;
}

async fn a_chunk_that_waits_for_a_deleted_session_opens_no_other(fixture: Fixture) {
    let store = fixture.open().await;
    let mut older = store.begin_chunk(chunk(1, "a", 1_000, 0, 999)).await.unwrap();
    older.push(pattern(16, 10)).await.unwrap();
    let (waiting, tree) = (store.begin_chunk(chunk(1, "a", 1_000, 0, 999)), tree());
    let waits = older.superseded();
    let (younger, deleted) = tokio::join!(waiting, async {
        waits.await;
        store.delete_session(&tree, ID).await
    });
    assert!(deleted.unwrap());
    let ended = match younger {
        Ok(mut younger) => younger.push(pattern(16, 10)).await,
        Err(error) => Err(error),
    };
    assert!(matches!(ended, Err(ChunkError::SessionGone)), "{ended:?}");
    assert_eq!(store.session(&tree, ID).await.unwrap(), None);
}

async fn a_first_chunk_that_is_given_up_does_not_end_the_session_of_others(fixture: Fixture) {
    let store = fixture.open().await;
    let whole = pattern(17, 1_000);
    for id in 1..20 {
        // Polled once: mostly the change that opens the session is on its way when its request goes.
        drop(store.begin_chunk(chunk(id, "a", 1_000, 0, 499)).now_or_never());
        send(&store, id, "a", &whole, 500, 999).await.unwrap();
        send(&store, id, "a", &whole, 0, 499).await.unwrap();
        store.commit_session(&tree(), Uuid::from_u128(id)).await.unwrap();
    }
    assert_sound(&store).await;
}

async fn a_session_ends_by_the_clock(fixture: Fixture) {
    let store = fixture.open().await;
    let whole = pattern(11, 1_000);
    send(&store, 1, "a", &whole, 0, 99).await.unwrap();
    fixture.clock.advance(Duration::from_mins(29));
    send(&store, 1, "a", &whole, 100, 199).await.unwrap();
    assert_eq!(store.session(&tree(), ID).await.unwrap().unwrap().modified, store.now());
    fixture.clock.advance(Duration::from_mins(30) - Duration::from_micros(1));
    assert!(store.session(&tree(), ID).await.unwrap().is_some(), "a query does not extend it");
    fixture.clock.advance(Duration::from_micros(1));
    assert_eq!(store.session(&tree(), ID).await.unwrap(), None);
    assert!(matches!(store.commit_session(&tree(), ID).await, Err(SessionError::Unknown)));
    send(&store, 1, "other", &whole, 0, 99).await.unwrap();
    assert_eq!(missing(&store).await, ranges(&[(100, 999)]), "the id begins anew");
    fixture.clock.advance(Duration::from_mins(30));
    store.sweep().await.unwrap();
    assert_eq!(store.usage(DIALECT, "files").await.unwrap(), Usage::default());
}

async fn a_chunk_in_flight_holds_its_session(fixture: Fixture) {
    let store = fixture.open().await;
    let whole = pattern(12, 1_000);
    let mut slow = store.begin_chunk(chunk(1, "a", 1_000, 0, 999)).await.unwrap();
    fixture.clock.advance(Duration::from_hours(1));
    store.sweep().await.unwrap();
    assert!(store.session(&tree(), ID).await.unwrap().is_some());
    slow.push(whole.clone()).await.unwrap();
    slow.finish().await.unwrap();
    store.commit_session(&tree(), ID).await.unwrap();
    assert_eq!(read_file(&store, "a").await.unwrap(), whole);
}

async fn a_session_reserves_its_size(fixture: Fixture) {
    let store = fixture.open().await;
    let whole = pattern(13, 800);
    let request = |id: u128| ChunkRequest { quota: Some(1_000), ..chunk(id, "a", 800, 0, 799) };
    let mut first = store.begin_chunk(request(1)).await.unwrap();
    let over = store.begin_chunk(request(2)).await.map(drop).unwrap_err();
    assert!(matches!(over, ChunkError::OverQuota { quota: 1_000, used: 800, wanted: 800 }), "{over:?}");
    assert_eq!(store.session(&tree(), Uuid::from_u128(2)).await.unwrap(), None);
    first.push(whole).await.unwrap();
    first.finish().await.unwrap();
    store.commit_session(&tree(), ID).await.unwrap();
    assert_eq!(store.usage(DIALECT, "files").await.unwrap(), Usage { bytes: 800, reserved: 0 });
    store.apply(Change::new().delete_path(&tree(), "a")).await.unwrap();
    drop(store.begin_chunk(request(2)).await.unwrap());
}

async fn sessions_of_a_path_are_found(fixture: Fixture) {
    let store = fixture.open().await;
    let whole = pattern(14, 1_000);
    for id in [2, 1] {
        send(&store, id, "a", &whole, 0, 99).await.unwrap();
    }
    send(&store, 3, "b", &whole, 0, 99).await.unwrap();
    let found = store.sessions_at(&tree(), "a").await.unwrap();
    assert_eq!(
        found.iter().map(|session| session.id.as_u128()).collect::<Vec<_>>(),
        [2, 1],
        "in the order in which they were opened"
    );
    assert!(found.iter().all(|session| session.path == "a" && session.total == 1_000));
    assert!(store.sessions_at(&tree(), "A").await.unwrap().is_empty());
    fixture.clock.advance(Duration::from_mins(30));
    assert!(store.sessions_at(&tree(), "a").await.unwrap().is_empty());
}

async fn ranges_have_a_limit(mut fixture: Fixture) {
    let store = fixture.open_with(|limits| limits.session_ranges = 3).await;
    let whole = Bytes::from_static(b"0123456789");
    for at in [0, 2, 4] {
        send(&store, 1, "a", &whole, at, at).await.unwrap();
    }
    let refused = send(&store, 1, "a", &whole, 6, 6).await.unwrap_err();
    assert!(matches!(refused, ChunkError::TooManyRanges { limit: 3 }), "{refused:?}");
}

async fn checks_and_takeovers_need_no_place(mut fixture: Fixture) {
    let store = fixture.open_with(|limits| limits.large_uploads = 1).await;
    let stalled = store.begin_chunk(chunk(1, "a", 1_000, 0, 499)).await.unwrap();
    let refused = store.begin_chunk(chunk(1, "b", 1_000, 0, 9)).await.map(drop).unwrap_err();
    assert!(matches!(refused, ChunkError::PathConflict { .. }), "{refused:?}");
    let whole = pattern(18, 1_000);
    let noticed = stalled.superseded();
    let (sent, ()) = tokio::join!(send(&store, 1, "a", &whole, 0, 999), async move {
        noticed.await;
        drop(stalled);
    });
    sent.unwrap();
    store.commit_session(&tree(), ID).await.unwrap();
    assert!(read_file(&store, "a").await.unwrap() == whole);
}

async fn open_sessions_have_a_limit(mut fixture: Fixture) {
    let store = fixture.open_with(|limits| limits.open_sessions = 2).await;
    let whole = pattern(19, 1_000);
    for id in 1..=2 {
        send(&store, id, "a", &whole, 0, 99).await.unwrap();
    }
    let refused = store.begin_chunk(chunk(3, "a", 1_000, 0, 99)).await.map(drop).unwrap_err();
    assert!(matches!(refused, ChunkError::Fault(Fault::Busy { limit: 2, .. })), "{refused:?}");
    send(&store, 1, "a", &whole, 100, 999).await.unwrap();
    store.commit_session(&tree(), ID).await.unwrap();
    send(&store, 3, "a", &whole, 0, 99).await.unwrap();
    assert!(store.delete_session(&tree(), Uuid::from_u128(2)).await.unwrap());
    send(&store, 4, "a", &whole, 0, 99).await.unwrap();
    fixture.clock.advance(Duration::from_mins(30));
    store.sweep().await.unwrap();
    for id in 5..=6 {
        send(&store, id, "a", &whole, 0, 99).await.unwrap();
    }
}

async fn more_sessions_than_files_may_be_open(mut fixture: Fixture) {
    let store = fixture.open_with(|limits| limits.session_files = 2).await;
    let mut held = store.begin_chunk(chunk(9, "9", 1_000, 0, 999)).await.unwrap();
    let whole = pattern(20, 1_000);
    for at in [0, 500] {
        for id in 1..=5 {
            send(&store, id, &id.to_string(), &whole, at, at + 499).await.unwrap();
        }
    }
    held.push(whole.clone()).await.unwrap();
    held.finish().await.unwrap();
    for id in [1, 2, 3, 4, 5, 9] {
        store.commit_session(&tree(), Uuid::from_u128(id)).await.unwrap();
        assert!(read_file(&store, &id.to_string()).await.unwrap() == whole);
    }
    assert_sound(&store).await;
}
