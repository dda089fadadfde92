//! One file: what arrives, what is sent twice, and what is told of it.

use std::num::NonZeroUsize;
use std::sync::Arc;

use pentaprism_client::upload::service_fabric::{FabricUploadError, FabricUploadOptions, Way};
use pentaprism_client::{Counters, Error, Source};
use pentaprism_core::Body;

use crate::model::{Fault, Kind, Service};
use crate::{SESSION, numbers, options};

/// Loses every tenth chunk, by turns before and after it is stored, and lets two hang: 20 losses for 200 chunks.
fn losing(kind: Kind, number: usize) -> Fault {
    match (kind, number) {
        (Kind::Chunk, 65) => Fault::Hang,
        (Kind::Chunk, 135) => Fault::HangAfter,
        (Kind::Chunk, number) if number % 20 == 0 => Fault::LoseRequest,
        (Kind::Chunk, number) if number % 10 == 0 => Fault::LoseAnswer,
        _ => Fault::None,
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_breaks_twenty_times_and_is_killed_twice_arrives_once() {
    const LENGTH: usize = 199_993;
    let service = Service::new(losing);
    let bytes = numbers(LENGTH);
    let (client, options) = (service.client(), options());
    for _ in 0..2 {
        let source = Source::bytes(bytes.clone());
        tokio::select! {
            ended = client.upload("Images/big.vhd", source, &options) => panic!("{ended:?}"),
            () = service.hung.notified() => {}
        }
        assert_eq!(service.file("Images/big.vhd"), None);
    }
    let counters = Arc::new(Counters::default());
    let source = Source::bytes(bytes.clone()).with_progress(counters.clone());
    let uploaded = client.upload("Images/big.vhd", source, &options).await.unwrap();

    assert!(service.file("Images/big.vhd").unwrap() == bytes);
    let state = service.state();
    assert_eq!(state.written, ["Images/big.vhd"]);
    assert_eq!(state.counts[&Kind::Commit], 1);
    // Nothing was offered that was there, and no whole chunk came twice.
    assert_eq!((state.offered_again, state.chunk_bytes), (0, LENGTH));
    // 200 chunks; 10 broke on their way; at each kill one hung, which arrived once, and up to three more had been begun.
    let attempts = state.counts[&Kind::Chunk];
    assert!((200 + 10..=200 + 10 + 2 * 4).contains(&attempts), "{attempts}");
    assert_eq!((counters.bytes_sent(), counters.bytes_acknowledged()), (LENGTH as u64, LENGTH as u64));
    let Way::Chunks { session, bytes_resumed, .. } = uploaded.way else { panic!("{uploaded:?}") };
    assert_eq!(session, SESSION);
    assert!((120_000..140_000).contains(&bytes_resumed), "{bytes_resumed}");
    assert_eq!(uploaded.size, Some(LENGTH as u64));
    assert_eq!(uploaded.file.unwrap().file_version.unwrap().version_number.unwrap().0, 1);
}

#[tokio::test(start_paused = true)]
async fn chunks_go_in_parallel_and_not_in_more() {
    for parallel in [1, 3, 4] {
        let service = Service::sound();
        let options = FabricUploadOptions { parallel: NonZeroUsize::new(parallel).unwrap(), ..options() };
        let uploaded = service.client().upload("a", numbers(12_345), &options).await.unwrap();
        assert_eq!(service.state().most_in_flight, parallel);
        assert_eq!(uploaded.way, Way::Chunks { session: SESSION, chunks: 13, bytes_resumed: 0 });
        assert_eq!((uploaded.bytes_in_vain, service.count(Kind::Chunk)), (0, 13));
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_in_vain_are_those_that_did_not_arrive() {
    for (fault, in_vain) in [(Fault::LoseRequest, 1000), (Fault::LoseAnswer, 0), (Fault::NotSent, 0)] {
        let service =
            Service::new(move |kind, number| if (kind, number) == (Kind::Chunk, 2) { fault } else { Fault::None });
        let uploaded = service.client().upload("a", numbers(5000), &options()).await.unwrap();
        assert_eq!(uploaded.bytes_in_vain, in_vain, "{fault:?}");
        assert_eq!(service.state().chunk_bytes, 5000);
    }
}

#[tokio::test(start_paused = true)]
async fn small_files_and_streams_go_in_one_request() {
    let service = Service::sound();
    let client = service.client();
    let empty = client.upload("Folder/empty", "", &options()).await.unwrap();
    assert_eq!((empty.way, empty.size), (Way::Put, Some(0)));
    client.upload("small", numbers(1000), &options()).await.unwrap();
    let stream = Source::once(Body::from(numbers(2000)), None);
    assert_eq!(client.upload("stream", stream, &options()).await.unwrap().way, Way::Put);
    assert_eq!((service.count(Kind::Put), service.count(Kind::Look), service.count(Kind::Chunk)), (3, 0, 0));
    assert!(service.file("stream").unwrap() == numbers(2000));
}

#[tokio::test(start_paused = true)]
async fn a_cluster_without_sessions_gets_one_request() {
    for sessions_offered in [false, true] {
        let service = Service::sound().with(|state| {
            state.sessions_offered = sessions_offered;
            state.chunks_offered = false;
        });
        let uploaded = service.client().upload("a", numbers(5000), &options()).await.unwrap();
        assert_eq!((uploaded.way, service.count(Kind::Put)), (Way::Put, 1));
        assert!(sessions_offered || service.count(Kind::Chunk) == 0);
        assert!(service.file("a").unwrap() == numbers(5000));
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_of_another_size_is_no_success() {
    let service = Service::sound().with(|state| state.truncates = true);
    for length in [10_u64, 5000] {
        let bytes = numbers(usize::try_from(length).unwrap());
        let error = service.client().upload("a", bytes.clone(), &options()).await.unwrap_err();
        let FabricUploadError::OtherSize { sent, found } = error else { panic!("{error:?}") };
        assert_eq!((sent, found), (length, length - 1));
        let unverified = FabricUploadOptions { verify: false, ..options() };
        assert_eq!(service.client().upload("a", bytes, &unverified).await.unwrap().file, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_takes_nothing_is_given_up_and_its_session_deleted() {
    for (keep_session, deleted) in [(false, 1), (true, 0)] {
        let service = Service::new(|kind, number| match (kind, number) {
            (Kind::Chunk, 5..) => Fault::LoseRequest,
            _ => Fault::None,
        });
        let before = tokio::time::Instant::now();
        let options = FabricUploadOptions { keep_session, ..options() };
        let error = service.client().upload("a", numbers(20_000), &options).await.unwrap_err();
        let FabricUploadError::Chunk { source, .. } = &error else { panic!("{error:?}") };
        assert!(matches!(**source, Error::Interrupted(_)));
        assert_eq!((service.count(Kind::Delete), service.sessions()), (deleted, 1 - deleted));
        // Four pauses between five rounds.
        assert!(before.elapsed() > std::time::Duration::from_millis(1800));
        assert_eq!(service.count(Kind::Look), 1 + 4);
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_that_stay_end_at_once() {
    for (status, code) in [(403, "E_ACCESSDENIED"), (413, "FABRIC_E_VALUE_TOO_LARGE"), (500, "0x80070070")] {
        let service = Service::new(move |kind, number| match (kind, number) {
            (Kind::Chunk, 7..) => Fault::Refuse(status, code),
            _ => Fault::None,
        });
        let error = service.client().upload("a", numbers(20_000), &options()).await.unwrap_err();
        assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
        assert_eq!(error.code().map(ToString::to_string).as_deref(), Some(code));
        assert_eq!(service.count(Kind::Look), 1);
        assert_eq!(service.sessions(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_service_is_waited_for() {
    for (status, code) in [(503, "E_ABORT"), (504, "FABRIC_E_TIMEOUT"), (429, "FABRIC_E_SERVICE_TOO_BUSY")] {
        let service = Service::new(move |kind, number| match (kind, number % 5) {
            (Kind::Chunk, 0) => Fault::Refuse(status, code),
            _ => Fault::None,
        });
        service.client().upload("a", numbers(20_000), &options()).await.unwrap();
        assert!(service.file("a").unwrap() == numbers(20_000));
        assert_eq!(service.state().offered_again, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn connections_that_break_within_every_large_chunk_get_smaller_ones() {
    const MIB: u64 = 1024 * 1024;
    let service = Service::sound().with(|state| state.longest_body = Some(usize::try_from(MIB).unwrap() + 5));
    let options = FabricUploadOptions { chunk_bytes: (16 * MIB).try_into().unwrap(), ..options() };
    let bytes = numbers(usize::try_from(9 * MIB).unwrap());
    let uploaded = service.client().upload("a", bytes.clone(), &options).await.unwrap();
    assert!(service.file("a").unwrap() == bytes);
    // 16 and 16 MiB, 4, and then 1 at a time.
    let Way::Chunks { chunks, .. } = uploaded.way else { panic!("{uploaded:?}") };
    assert_eq!(chunks, 9);
}
