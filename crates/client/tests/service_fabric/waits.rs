//! What an upload does when the service says for how long it wants to be left alone.

use std::time::Duration;

use pentaprism_client::upload::service_fabric::{FabricFolderOptions, FabricUploadError, FolderFile};
use tokio::time::Instant;

use crate::model::{Fault, Kind, Service};
use crate::{numbers, options};

/// How many chunks came within the first `seconds`, and how many later.
fn split(service: &Service, begun: Instant, seconds: u64) -> (usize, usize) {
    let state = service.state();
    let early = state.chunk_times.iter().filter(|(_, time)| *time - begun < Duration::from_secs(seconds)).count();
    (early, state.chunk_times.len() - early)
}

#[tokio::test(start_paused = true)]
async fn what_one_chunk_is_told_holds_all_back() {
    for status in [429, 503] {
        let service = Service::new(move |kind, number| match (kind, number) {
            (Kind::Chunk, 7) => Fault::Wait(status, 60),
            _ => Fault::None,
        });
        let begun = Instant::now();
        service.client().upload("a", numbers(20_000), &options()).await.unwrap();
        assert!(service.file("a").unwrap() == numbers(20_000));
        // Those that were under way come to their end.
        let (early, late) = split(&service, begun, 60);
        assert!((7..=10).contains(&early) && early + late == 21, "{status}: {early} {late}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_longest_wait_of_those_under_way_holds() {
    let service = Service::new(|kind, number| match (kind, number) {
        (Kind::Chunk, 5) => Fault::Wait(429, 10),
        (Kind::Chunk, 6) => Fault::Wait(429, 60),
        (Kind::Chunk, 7) => Fault::LoseRequest,
        _ => Fault::None,
    });
    let begun = Instant::now();
    service.client().upload("a", numbers(20_000), &options()).await.unwrap();
    let (early, late) = split(&service, begun, 60);
    assert!((7..=10).contains(&early) && early + late == 23, "{early} {late}");
    assert!(begun.elapsed() < Duration::from_secs(62));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_place_is_held_back_too() {
    const TOLD: usize = 30;
    let service = Service::new(|kind, number| match (kind, number) {
        (Kind::Chunk, TOLD) => Fault::Wait(429, 60),
        _ => Fault::None,
    });
    let files: Vec<_> = ["a", "b", "c", "d"].map(|name| FolderFile::new(name, numbers(20_000))).into();
    let options = FabricFolderOptions { file: options(), marks: false, ..FabricFolderOptions::default() };
    let begun = Instant::now();
    service.client().upload_folder("", files, &options).await.unwrap();
    let state = service.state();
    let (path, _) = &state.chunk_times[TOLD - 1];
    let early = |(other, time): &&(String, Instant)| other == path && *time - begun < Duration::from_mins(1);
    let after = state.chunk_times[TOLD..].iter().filter(early).count();
    // Two more had a place before the answer came.
    assert_eq!((after, state.chunk_times.len()), (2, 81));
}

#[tokio::test(start_paused = true)]
async fn a_longer_wait_than_the_policy_bears_ends_the_upload() {
    let service = Service::new(|kind, number| match (kind, number) {
        (Kind::Chunk, 5..) => Fault::Wait(429, 600),
        _ => Fault::None,
    });
    let begun = Instant::now();
    let error = service.client().upload("a", numbers(20_000), &options()).await.unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(429));
    let FabricUploadError::Chunk { retry_after, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*retry_after, Some(Duration::from_mins(10)));
    assert!(error.to_string().ends_with("; the service wants to be left alone for 600 seconds"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert!(service.count(Kind::Chunk) <= 8, "{}", service.count(Kind::Chunk));
    assert_eq!((service.count(Kind::Look), service.count(Kind::Delete)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn questions_and_commits_are_held_back_as_chunks_are() {
    for kind in [Kind::Look, Kind::Commit] {
        for (wait, fails) in [(60, false), (600, true)] {
            let mut told = false;
            let service = Service::new(move |asked, number| match (asked, number) {
                (Kind::Chunk, 5) => Fault::LoseRequest,
                (asked, number) if asked == kind && (kind == Kind::Commit || number > 1) && !told => {
                    told = true;
                    Fault::Wait(503, wait)
                }
                _ => Fault::None,
            });
            let begun = Instant::now();
            let ended = service.client().upload("a", numbers(20_000), &options()).await;
            assert_eq!(ended.is_err(), fails, "{kind:?} {wait}: {ended:?}");
            assert_eq!(begun.elapsed() >= Duration::from_mins(1), !fails, "{kind:?} {wait}");
            assert!(begun.elapsed() < Duration::from_secs(62), "{kind:?} {wait}");
        }
    }
}
