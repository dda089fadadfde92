//! Services that are slow, and services that fall silent: at every place where they can.
//!
//! The clock stands still and leaps once nothing but a deadline is left to wait for; before that, the test lets the exchange
//! come to where it stalls.

use std::sync::Arc;
use std::time::Duration;

use pentaprism_client::{Counters, HyperTransport, Source};
use pentaprism_core::dialects::glance::create_image::CreateImage;
use pentaprism_core::dialects::glance::download_image_data::DownloadImageData;
use pentaprism_core::dialects::glance::show_image::ShowImage;
use pentaprism_core::dialects::glance::upload_image_data::UploadImageData;
use pentaprism_core::{Body, BodyError};
use tokio::sync::Notify;

use crate::jobs::{ID, glance_client, glance_created, glance_shown, glance_taken};
use crate::server::{Act, Server, head_length, send, whole};
use crate::support::{Kind, bounded, builder, kind, transport};

const IDLE: Duration = Duration::from_secs(20);

fn impatient() -> HyperTransport {
    builder().idle_deadline(IDLE).build().unwrap()
}

fn show() -> ShowImage {
    ShowImage { image_id: ID.to_owned() }
}

fn data() -> UploadImageData {
    UploadImageData { image_id: ID.to_owned(), ..UploadImageData::default() }
}

#[tokio::test]
async fn a_service_that_sends_byte_by_byte_is_heard_out() {
    let trickle = |answer: Vec<u8>| vec![Act::ReadAll, Act::Trickle(answer.into()), Act::Close];
    let server = Server::start([glance_created(), glance_taken(), glance_shown("active")].map(trickle)).await;
    let client = glance_client(transport(), server.address);
    bounded(client.create_image(&CreateImage::default())).await.unwrap();
    bounded(client.upload_image_data(&data(), "abc")).await.unwrap();
    bounded(client.show_image(&show())).await.unwrap();
    server.finish();
}

/// Lets time leap as soon as the server has come to its stall.
async fn leaping_then<R>(stalled: &Notify, work: impl Future<Output = R>) -> R {
    let leap = async {
        stalled.notified().await;
        tokio::time::pause();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        done = bounded(Box::pin(work)) => done,
        () = leap => unreachable!("it waits for ever"),
    }
}

#[tokio::test]
async fn a_service_that_stalls_within_its_answer_is_given_up() {
    let answer = glance_created();
    let head = head_length(&answer).unwrap();
    for kept in [0, 1, 20, head - 1, head, head + 1, answer.len() - 1] {
        let stalled = Arc::new(Notify::new());
        let acts = vec![Act::ReadAll, send(answer[..kept].to_vec()), Act::Tell(stalled.clone()), Act::Keep];
        let server = Server::start([acts]).await;
        let client = glance_client(impatient(), server.address);
        let created = leaping_then(&stalled, client.create_image(&CreateImage::default())).await;
        let error = created.unwrap_err();
        let expected = if kept < head { Kind::NoAnswer } else { Kind::Broken };
        // What is under way when the clock leaps may not have been read yet: then it is as if it had not been sent.
        let told = kind(&error);
        assert!(told == expected || told == Kind::NoAnswer, "{kept}: {error:?}");
        assert_eq!(server.finish().len(), 1, "{kept}: it may have been carried out");
        tokio::time::resume();
    }
}

#[tokio::test]
async fn a_service_that_stalls_is_asked_again_where_that_is_safe() {
    let stalled = Arc::new(Notify::new());
    let silent = vec![Act::ReadAll, Act::Tell(stalled.clone()), Act::Keep];
    let server = Server::start([silent.clone(), silent]).await;
    let client = glance_client(impatient(), server.address);
    // Both attempts stall; the third cannot connect any more, as nobody would answer.
    let error = leaping_then(&stalled, client.upload_image_data(&data(), "abc")).await.unwrap_err();
    assert_eq!(kind(&error), Kind::NoAnswer);
    tokio::time::resume();
    assert_eq!(server.got().len(), 1, "an upload is not idempotent");
    // In earnest, since a clock that leaps could leap over an answer: the error of the first attempt leads to the second.
    let hasty = builder().idle_deadline(Duration::from_millis(100)).build().unwrap();
    let server = Server::start([vec![Act::ReadAll, Act::Keep], whole(glance_shown("active"))]).await;
    let client = glance_client(hasty, server.address);
    let shown = bounded(client.show_image(&show())).await;
    // On a machine that is very busy the second may be late, too, and then a third finds nobody.
    if let Err(error) = shown {
        assert!(server.got().len() > 1, "{error:?}");
    }
}

#[tokio::test]
async fn a_service_that_takes_no_more_is_given_up() {
    const LARGE: usize = 32 * 1024 * 1024;
    for taken in [0, 1, 1 << 20] {
        let stalled = Arc::new(Notify::new());
        let acts = vec![Act::ReadHead, Act::Read(taken), Act::Tell(stalled.clone()), Act::Keep];
        let server = Server::start([acts]).await;
        let client = glance_client(impatient(), server.address);
        let counters = Arc::new(Counters::default());
        let source = Source::bytes(vec![7; LARGE]).with_progress(counters.clone());
        let error = leaping_then(&stalled, client.upload_image_data(&data(), source)).await.unwrap_err();
        assert_eq!(kind(&error), Kind::NoAnswer, "{error:?}");
        assert_eq!((counters.bytes_sent(), counters.bytes_acknowledged()), (0, 0));
        tokio::time::resume();
        assert_eq!(server.finish().len(), 1);
    }
}

#[tokio::test]
async fn a_source_that_stalls_is_given_up() {
    let server = Server::start([vec![Act::ReadHead, Act::Drain]]).await;
    let client = glance_client(impatient(), server.address);
    let stalled = Arc::new(Notify::new());
    let source = Source::once(Body::stream(Stalling(stalled.clone())), None);
    let error = leaping_then(&stalled, client.upload_image_data(&data(), source)).await.unwrap_err();
    assert_eq!(kind(&error), Kind::NoAnswer, "{error:?}");
}

/// A body that has nothing to give, for ever.
struct Stalling(Arc<Notify>);

impl http_body::Body for Stalling {
    type Data = bytes::Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, BodyError>>> {
        self.0.notify_one();
        std::task::Poll::Pending
    }
}

#[tokio::test]
async fn a_download_that_stalls_ends_in_an_error() {
    let start = "HTTP/1.1 200 OK\r\nx-openstack-request-id: req-1\r\ncontent-type: application/octet-stream\r\n";
    for rest in ["content-length: 10\r\n\r\n12345", "transfer-encoding: chunked\r\n\r\n5\r\n12345\r\n", "\r\n12345"] {
        let server = Server::start([vec![Act::ReadAll, send(format!("{start}{rest}")), Act::Keep]]).await;
        let client = glance_client(impatient(), server.address);
        let input = DownloadImageData { image_id: ID.to_owned(), ..DownloadImageData::default() };
        let (_, mut body) = bounded(client.download_image_data(&input)).await.unwrap();
        assert_eq!(bounded(body.data()).await.unwrap().unwrap(), "12345");
        tokio::time::pause();
        let end = bounded(body.data()).await;
        assert!(matches!(end, Some(Err(BodyError::Stalled(after))) if after == IDLE), "{rest:?}: {end:?}");
        tokio::time::resume();
    }
}
