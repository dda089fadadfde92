//! Connections that break at every interesting place of a request, small ones and ones that no socket buffer holds.

use std::sync::Arc;

use pentaprism_client::dialects::glance::GlanceClient;
use pentaprism_client::upload::glance::ImageUploadOptions;
use pentaprism_client::{Counters, HyperTransport, Source};
use pentaprism_core::Body;
use pentaprism_core::dialects::glance::upload_image_data::UploadImageData;
use pentaprism_core::dialects::service_fabric::upload_file::UploadFile;

use crate::cut_answers::{broken, counted};
use crate::jobs::{self, After, Job};
use crate::server::{Act, Server, head_length, whole};
use crate::support::{Kind, answer, bounded, kind, transport};

/// The interesting numbers of bytes of a request: around the ends of its first line, its head and itself, and in between.
fn places(request: &[u8]) -> Vec<usize> {
    let head = head_length(request).unwrap();
    let line = request.iter().position(|byte| *byte == b'\r').unwrap();
    let (body, all) = (request.len() - head, request.len());
    let mut places = vec![0, 1, line, line + 2, head / 2, head - 2, head - 1, head, head + body / 2, all - 1, all];
    if body > 0 {
        places.push(head + 1);
    }
    places.sort_unstable();
    places.dedup();
    places
}

/// Cuts the exchange with this number of `job` after `taken` bytes of its request.
async fn cut(transport: &HyperTransport, job: &Job, number: usize, taken: usize, end: Act) {
    let context = format!("{} {number} after {taken} bytes, {end:?}", job.name);
    // The connection breaks once the request is begun: what breaks before is another matter.
    let (end, got) = broken(transport, job, number, vec![Act::Peek, Act::Read(taken), end]).await;
    let after = &job.exchanges[number].after;
    let expected = matches!(after, After::Fails(_)).then_some(Kind::NoAnswer);
    assert_eq!((end.failure, end.counted), (expected, counted(job, expected.is_some())), "{context}");
    assert_eq!(got[number].len(), taken, "{context}");
    match after {
        After::Again => assert!(got[number + 1].starts_with(&got[number]), "{context}: the same request comes again"),
        After::Fails(answers) => assert_eq!(got.len(), number + 1 + answers.len(), "{context}: and nothing else"),
        After::Succeeds(_) => {}
    }
}

#[tokio::test]
async fn every_request_of_every_job() {
    let transport = transport();
    for job in jobs::all() {
        let server = Server::start(job.exchanges.iter().map(|exchange| whole(exchange.answer.clone()))).await;
        assert_eq!(bounded(job.run(&transport, server.address)).await.failure, None);
        for (number, request) in server.finish().iter().enumerate() {
            for taken in places(request) {
                cut(&transport, &job, number, taken, Act::Close).await;
                cut(&transport, &job, number, taken, Act::Reset).await;
            }
        }
    }
}

/// More than sockets and the client's buffers take.
const LARGE: usize = 8 * 1024 * 1024;

fn large() -> (Source, Arc<Counters>) {
    let counters = Arc::new(Counters::default());
    (Source::bytes(vec![7; LARGE]).with_progress(counters.clone()), counters)
}

const WITHIN: [usize; 4] = [0, 100, 70_000, LARGE / 2];

fn breaks() -> impl Iterator<Item = Vec<Act>> {
    let ends = [Act::Close, Act::Reset];
    WITHIN
        .into_iter()
        .flat_map(move |taken| ends.clone().into_iter().map(move |end| vec![Act::ReadHead, Act::Read(taken), end]))
}

#[tokio::test]
async fn a_large_upload_that_is_idempotent_is_sent_again() {
    let transport = transport();
    for acts in breaks() {
        let server = Server::start([acts.clone(), acts.clone(), whole(answer("200 OK", ""))]).await;
        let (source, counters) = large();
        let input = UploadFile { content_path: "a".to_owned(), ..UploadFile::default() };
        let client = jobs::fabric_client(transport.clone(), server.address);
        bounded(client.upload_file(&input, source)).await.unwrap();
        let got = server.finish();
        assert_eq!(got[2].len(), head_length(&got[2]).unwrap() + LARGE, "{acts:?}");
        assert_eq!((counters.bytes_sent(), counters.bytes_acknowledged()), (LARGE as u64, LARGE as u64), "{acts:?}");
    }
}

fn data() -> UploadImageData {
    UploadImageData { image_id: jobs::ID.to_owned(), ..UploadImageData::default() }
}

fn glance(server: &Server, transport: &HyperTransport) -> GlanceClient<HyperTransport> {
    jobs::glance_client(transport.clone(), server.address)
}

#[tokio::test]
async fn a_large_upload_that_is_not_idempotent_is_sent_once() {
    let transport = transport();
    for acts in breaks() {
        let server = Server::start([acts.clone()]).await;
        let (source, counters) = large();
        let error = bounded(glance(&server, &transport).upload_image_data(&data(), source)).await.unwrap_err();
        assert_eq!(kind(&error), Kind::NoAnswer, "{acts:?}: {error:?}");
        assert_eq!((counters.bytes_sent(), counters.bytes_acknowledged()), (0, 0), "{acts:?}");
        assert_eq!(server.finish().len(), 1);
    }
}

#[tokio::test]
async fn a_stream_is_never_sent_again() {
    let transport = transport();
    for acts in breaks() {
        let server = Server::start([acts.clone()]).await;
        let counters = Arc::new(Counters::default());
        let source = Source::once(Body::from(vec![7; LARGE]), None).with_progress(counters.clone());
        let input = UploadFile { content_path: "a".to_owned(), ..UploadFile::default() };
        let client = jobs::fabric_client(transport.clone(), server.address);
        let error = bounded(client.upload_file(&input, source)).await.unwrap_err();
        assert_eq!(kind(&error), Kind::NoAnswer, "{acts:?}: {error:?}");
        assert_eq!((counters.bytes_sent(), counters.bytes_acknowledged()), (0, 0), "{acts:?}");
        server.finish();
    }
}

#[tokio::test]
async fn a_stream_that_arrived_in_spite_of_all_is_found() {
    let answers = [jobs::glance_shown("active"), jobs::glance_shown("active")].map(whole);
    let lost = vec![Act::ReadAll, Act::Reset];
    let server = Server::start([lost].into_iter().chain(answers)).await;
    let counters = Arc::new(Counters::default());
    let source = Source::once(Body::from("abc"), None).with_progress(counters.clone());
    let client = glance(&server, &transport());
    let options = ImageUploadOptions::default();
    bounded(client.fill_image(jobs::ID.parse().unwrap(), source, &options)).await.unwrap();
    assert_eq!((counters.bytes_sent(), counters.bytes_acknowledged()), (3, 3));
    server.finish();
}
