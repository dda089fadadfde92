//! Sessions: lost ones, those of others, and commits whose answers do not come.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;

use pentaprism_client::upload::service_fabric::{FabricUploadError, FabricUploadOptions, Way};
use pentaprism_client::{Error, ReadRange, Source, SourceError};
use pentaprism_core::Body;

use crate::model::{Fault, Kind, Service, Unknown};
use crate::{SESSION, numbers, options};

#[tokio::test(start_paused = true)]
async fn a_session_that_is_lost_on_the_way_starts_again() {
    // With a loss the client learns it when it asks, without one from the commit.
    for fault in [Fault::ForgetAndLose, Fault::Forget] {
        for unknown in [Unknown::NoContent, Unknown::NotFound, Unknown::EmptyList] {
            let service =
                Service::new(move |kind, number| if (kind, number) == (Kind::Chunk, 11) { fault } else { Fault::None });
            let service = service.with(|state| state.unknown = unknown);
            let uploaded = service.client().upload("a", numbers(20_000), &options()).await.unwrap();
            assert!(service.file("a").unwrap() == numbers(20_000));
            assert_eq!(service.state().written, ["a"]);
            assert!((7000..=11_000).contains(&uploaded.bytes_in_vain), "{fault:?}: {uploaded:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_forgets_again_and_again_is_given_up() {
    let service = Service::new(|kind, number| match (kind, number % 11) {
        (Kind::Chunk, 0) => Fault::ForgetAndLose,
        _ => Fault::None,
    });
    let error = service.client().upload("a", numbers(20_000), &options()).await.unwrap_err();
    assert!(matches!(error, FabricUploadError::SessionLost { times: 4 }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_commit_may_be_lost() {
    // A service that keeps the session says yes again; one that drops it says that there is none, and the file tells.
    for keeps_committed in [true, false] {
        for fault in [Fault::LoseAnswer, Fault::LoseRequest, Fault::Refuse(504, "FABRIC_E_TIMEOUT")] {
            let service =
                Service::new(move |kind, number| if (kind, number) == (Kind::Commit, 1) { fault } else { Fault::None });
            let service = service.with(|state| {
                state.keeps_committed = keeps_committed;
                state.files.insert("a".to_owned(), (numbers(5000).slice(1..), 77));
            });
            let uploaded = service.client().upload("a", numbers(5000), &options()).await.unwrap();
            assert_eq!(service.state().written, ["a"], "{fault:?}");
            assert_eq!((uploaded.bytes_in_vain, service.count(Kind::Commit)), (0, 2));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_waits_for_another_writer_of_the_path() {
    let service = Service::new(|kind, number| match (kind, number) {
        (Kind::Commit, 1 | 2) => Fault::Refuse(500, "OperationsPending"),
        _ => Fault::None,
    });
    service.client().upload("a", numbers(5000), &options()).await.unwrap();
    assert_eq!((service.count(Kind::Commit), service.state().written.len()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_is_refused_though_all_is_there_starts_again_and_then_fails() {
    let service = Service::new(|kind, _| match kind {
        Kind::Commit => Fault::Refuse(400, "E_INVALIDARG"),
        _ => Fault::None,
    });
    let error = service.client().upload("a", numbers(5000), &options()).await.unwrap_err();
    assert!(matches!(error, FabricUploadError::Commit(_)), "{error:?}");
    assert_eq!((service.count(Kind::Commit), service.count(Kind::Chunk), service.sessions()), (2, 10, 0));
    let service = Service::new(|kind, _| match kind {
        Kind::Commit => Fault::Refuse(403, "E_ACCESSDENIED"),
        _ => Fault::None,
    });
    let error = service.client().upload("a", numbers(5000), &options()).await.unwrap_err();
    assert!(matches!(error, FabricUploadError::Commit(_)), "{error:?}");
    assert_eq!((service.count(Kind::Commit), service.sessions()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_another_client_left_is_completed() {
    let service = Service::sound();
    let bytes = numbers(10_000);
    let left = [(17, bytes.slice(17..1300)), (4000, bytes.slice(4000..4001)), (9500, bytes.slice(9500..))];
    service.leave(&SESSION.to_string(), "Images/a.vhd", 10_000, &left);
    let uploaded = service.client().upload("Images/a.vhd", bytes.clone(), &options()).await.unwrap();
    let Way::Chunks { bytes_resumed: 1784, chunks, .. } = uploaded.way else { panic!("{uploaded:?}") };
    assert_eq!((chunks, uploaded.bytes_in_vain, service.state().offered_again), (1 + 3 + 6, 0, 0));
    assert!(service.file("Images/a.vhd").unwrap() == bytes);
}

#[tokio::test(start_paused = true)]
async fn the_session_of_another_file_is_left_alone() {
    for (path, length) in [("b", 5000), ("A", 5000), ("a", 5001)] {
        let service = Service::sound();
        service.leave(&SESSION.to_string(), path, length, &[]);
        let error = service.client().upload("a", numbers(5000), &options()).await.unwrap_err();
        assert!(matches!(error, FabricUploadError::OtherSession { .. }), "{error:?}");
        assert_eq!((service.sessions(), service.count(Kind::Chunk)), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_another_upload_takes_meanwhile_is_left_alone() {
    let service = Service::new(|kind, number| match (kind, number) {
        (Kind::Chunk, 3) => Fault::Refuse(409, "FABRIC_E_UPLOAD_SESSION_ID_CONFLICT"),
        _ => Fault::None,
    });
    let error = service.client().upload("a", numbers(5000), &options()).await.unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(409));
    assert_eq!((service.sessions(), service.count(Kind::Delete)), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_committed_session_is_not_sent_again() {
    let service = Service::sound();
    let client = service.client();
    client.upload("a", numbers(5000), &options()).await.unwrap();
    let uploaded = client.upload("a", numbers(5000), &options()).await.unwrap();
    assert_eq!(uploaded.way, Way::Chunks { session: SESSION, chunks: 0, bytes_resumed: 5000 });
    assert_eq!((service.count(Kind::Chunk), service.state().written.len()), (5, 1));
}

#[tokio::test(start_paused = true)]
async fn without_a_session_each_upload_has_its_own() {
    let service = Service::sound();
    let options = FabricUploadOptions { session: None, ..options() };
    let mut sessions = Vec::new();
    for path in ["a", "b"] {
        let uploaded = service.client().upload(path, numbers(5000), &options).await.unwrap();
        let Way::Chunks { session, .. } = uploaded.way else { panic!("{uploaded:?}") };
        sessions.push(session);
    }
    assert_ne!(sessions[0], sessions[1]);
}

/// A source whose second half cannot be read.
struct HalfBroken;

impl ReadRange for HalfBroken {
    fn length(&self) -> u64 {
        10_000
    }

    fn read(&self, range: Range<u64>) -> Pin<Box<dyn Future<Output = Result<Body, SourceError>> + Send + '_>> {
        let half = if range.end > 5000 {
            Err(SourceError::Read(std::io::Error::other("the disk is broken")))
        } else {
            Ok(Body::from(vec![7; usize::try_from(range.end - range.start).unwrap()]))
        };
        Box::pin(std::future::ready(half))
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_cannot_be_read_ends_the_upload_and_the_session() {
    let service = Service::sound();
    let error = service.client().upload("a", Source::ranges(HalfBroken), &options()).await.unwrap_err();
    let FabricUploadError::Chunk { source, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(**source, Error::Body(SourceError::Read(_))));
    assert_eq!((service.sessions(), service.count(Kind::Delete), service.count(Kind::Look)), (0, 1, 1));
}
