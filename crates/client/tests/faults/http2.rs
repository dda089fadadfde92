//! Answers over HTTP/2 that break off: with their connection, and alone.

use pentaprism_client::HyperTransport;
use pentaprism_client::dialects::glance::GlanceClient;
use pentaprism_core::dialects::glance::create_image::CreateImage;
use pentaprism_core::dialects::glance::download_image_data::DownloadImageData;
use pentaprism_core::dialects::glance::show_image::ShowImage;
use pentaprism_core::dialects::glance::upload_image_data::UploadImageData;

use crate::jobs::{ID, glance_client, glance_record};
use crate::server::{Act, Server, send};
use crate::support::{Kind, bounded, builder, kind};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const GO_AWAY: u8 = 7;

const END_OF_STREAM: u8 = 1;
const END_OF_HEADERS: u8 = 4;
const ACKNOWLEDGED: u8 = 1;

/// `NO_ERROR`, `PROTOCOL_ERROR`, `INTERNAL_ERROR`, `REFUSED_STREAM`, `CANCEL`, `ENHANCE_YOUR_CALM`, and one that nobody knows.
const REASONS: [u32; 7] = [0, 1, 2, 7, 8, 11, 99];

/// A frame (RFC 9113, section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Headers whose names and values are written out (RFC 7541, section 6.2.2).
fn head(headers: &[(&str, &str)], end: bool) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let fields: Vec<u8> =
        headers.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect();
    frame(HEADERS, END_OF_HEADERS | if end { END_OF_STREAM } else { 0 }, 1, &fields)
}

fn reset(reason: u32) -> Vec<u8> {
    frame(RESET, 0, 1, &reason.to_be_bytes())
}

/// What a server says first.
fn greeting() -> Vec<u8> {
    [frame(SETTINGS, 0, 0, &[]), frame(SETTINGS, ACKNOWLEDGED, 0, &[])].concat()
}

/// Whether the request has come to its end.
fn is_asked(got: &[u8]) -> bool {
    const PREFACE: usize = 24;
    let mut rest = got.get(PREFACE..).unwrap_or_default();
    while let Some((start, behind)) = rest.split_at_checked(9) {
        let length = usize::from(start[0]) << 16 | usize::from(start[1]) << 8 | usize::from(start[2]);
        let Some((_, next)) = behind.split_at_checked(length) else { return false };
        if matches!(start[3], DATA | HEADERS) && start[4] & END_OF_STREAM > 0 {
            return true;
        }
        rest = next;
    }
    false
}

fn glance(server: &Server) -> GlanceClient<HyperTransport> {
    glance_client(builder().http2_with_prior_knowledge().build().unwrap(), server.address)
}

fn show() -> ShowImage {
    ShowImage { image_id: ID.to_owned() }
}

/// The head and the body of an answer with a record; its length is told or not.
fn record(status: &str, image: &str, with_length: bool) -> (Vec<u8>, Vec<u8>) {
    let body = glance_record(image).to_string();
    let length = body.len().to_string();
    let mut headers = vec![
        (":status", status),
        ("x-openstack-request-id", "req-1"),
        ("location", "/"),
        ("content-type", "application/json"),
    ];
    if with_length {
        headers.push(("content-length", &length));
    }
    (head(&headers, false), body.into_bytes())
}

fn whole_record(status: &str, image: &str) -> Vec<u8> {
    let (head, body) = record(status, image, true);
    [greeting(), head, frame(DATA, END_OF_STREAM, 1, &body)].concat()
}

fn acts(answer: &[u8], end: Act) -> Vec<Act> {
    vec![Act::Until(is_asked), send(answer.to_vec()), end]
}

#[tokio::test]
async fn connections_that_break_at_every_byte() {
    let (shown, created) = (whole_record("200", "active"), whole_record("201", "queued"));
    for end in [Act::Close, Act::Reset] {
        let step = if matches!(end, Act::Close) { 1 } else { 9 };
        for kept in (0..shown.len()).step_by(step) {
            let server = Server::start([acts(&shown[..kept], end.clone()), acts(&shown, Act::Drain)]).await;
            let image = bounded(glance(&server).show_image(&show())).await;
            assert_eq!(image.unwrap().body.id.to_string(), ID, "{kept}");
            server.finish();
        }
        for kept in (0..created.len()).step_by(step * 3) {
            let server = Server::start([acts(&created[..kept], end.clone())]).await;
            let error = bounded(glance(&server).create_image(&CreateImage::default())).await.unwrap_err();
            assert!(matches!(kind(&error), Kind::NoAnswer | Kind::Broken), "{kept}: {error:?}");
            assert_eq!(server.finish().len(), 1, "{kept}: it is not sent twice");
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_reset_is_no_success() {
    for with_length in [true, false] {
        let (head, body) = record("201", "queued", with_length);
        let all = frame(DATA, 0, 1, &body);
        for reason in REASONS {
            for (before, expected) in [
                (Vec::new(), Kind::NoAnswer),
                (head.clone(), Kind::Broken),
                ([head.clone(), frame(DATA, 0, 1, &body[..50])].concat(), Kind::Broken),
                // All bytes, and no word that they are all.
                ([head.clone(), all.clone()].concat(), Kind::Broken),
            ] {
                let answer = [greeting(), before.clone(), reset(reason)].concat();
                let server = Server::start([acts(&answer, Act::Drain)]).await;
                let error = bounded(glance(&server).create_image(&CreateImage::default())).await;
                let context = format!("{with_length} {reason} after {}", before.len());
                let error = error.map(drop).expect_err(&context);
                // A service that refuses the stream has not looked at it, but whether to believe that is not this test's matter.
                assert_eq!(kind(&error), expected, "{context}: {error:?}");
                assert_eq!(server.finish().len(), 1, "{context}: it is not sent twice");
            }
        }
    }
}

#[tokio::test]
async fn a_connection_that_says_farewell_has_no_answer() {
    for reason in REASONS {
        let farewell = frame(GO_AWAY, 0, 0, &[0_u32.to_be_bytes(), reason.to_be_bytes()].concat());
        let server = Server::start([
            acts(&[greeting(), farewell].concat(), Act::Close),
            acts(&whole_record("200", "active"), Act::Drain),
        ])
        .await;
        bounded(glance(&server).show_image(&show())).await.unwrap();
        server.finish();
    }
}

#[tokio::test]
async fn a_service_that_wants_no_more_of_a_body_that_it_has_accepted_may_say_so() {
    let taken = head(&[(":status", "204"), ("x-openstack-request-id", "req-1")], true);
    let server = Server::start([acts(&[greeting(), taken, reset(0)].concat(), Act::Drain)]).await;
    let input = UploadImageData { image_id: ID.to_owned(), ..UploadImageData::default() };
    bounded(glance(&server).upload_image_data(&input, "abc")).await.unwrap();
    server.finish();
}

#[tokio::test]
async fn a_refusal_of_a_body_that_is_wanted_no_more_is_heard_whole() {
    let fields = [(":status", "413"), ("x-openstack-request-id", "req-1"), ("content-type", "text/plain")];
    let refusal = [greeting(), head(&fields, false), frame(DATA, END_OF_STREAM, 1, b"too large"), reset(0)].concat();
    let begun: fn(&[u8]) -> bool = |got| got.len() > 60_000;
    let server = Server::start([vec![Act::Until(begun), send(refusal), Act::Drain]]).await;
    let input = UploadImageData { image_id: ID.to_owned(), ..UploadImageData::default() };
    let error = bounded(glance(&server).upload_image_data(&input, vec![7; 1 << 20])).await.unwrap_err();
    assert_eq!(kind(&error), Kind::Refused(413), "{error:?}");
    server.finish();
}

#[tokio::test]
async fn a_download_that_is_cut_has_no_good_end() {
    let fields =
        [(":status", "200"), ("x-openstack-request-id", "req-1"), ("content-type", "application/octet-stream")];
    let input = DownloadImageData { image_id: ID.to_owned(), ..DownloadImageData::default() };
    for length in [None, Some("6")] {
        let fields: Vec<_> = fields.into_iter().chain(length.map(|length| ("content-length", length))).collect();
        let begun = [greeting(), head(&fields, false), frame(DATA, 0, 1, b"abc")].concat();
        let mut ends: Vec<(String, Vec<u8>, Act)> = vec![
            ("closed".to_owned(), Vec::new(), Act::Close),
            ("reset".to_owned(), Vec::new(), Act::Reset),
            ("within a frame".to_owned(), frame(DATA, END_OF_STREAM, 1, b"def")[..10].to_vec(), Act::Close),
        ];
        ends.extend(REASONS.map(|reason| (format!("reset for {reason}"), reset(reason), Act::Drain)));
        if length.is_some() {
            let short = frame(DATA, END_OF_STREAM, 1, b"");
            ends.push(("shorter than was said".to_owned(), short, Act::Drain));
        }
        for (name, more, end) in ends {
            let server = Server::start([acts(&[begun.clone(), more].concat(), end)]).await;
            let (_, body) = bounded(glance(&server).download_image_data(&input)).await.unwrap();
            let got = bounded(body.collect(100)).await;
            assert!(got.is_err(), "{name} {length:?}: {got:?}");
        }
        let trailers = [frame(DATA, 0, 1, b"def"), head(&[("x-checksum", "7")], true)].concat();
        let empty = [frame(DATA, 0, 1, b"def"), frame(DATA, END_OF_STREAM, 1, b"")].concat();
        for good in [frame(DATA, END_OF_STREAM, 1, b"def"), trailers, empty] {
            let server = Server::start([acts(&[begun.clone(), good].concat(), Act::Drain)]).await;
            let (_, body) = bounded(glance(&server).download_image_data(&input)).await.unwrap();
            assert_eq!(bounded(body.collect(100)).await.unwrap(), "abcdef");
        }
    }
}
