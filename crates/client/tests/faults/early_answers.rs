//! Answers before the request is through, before the final one, in the manner of HTTP/1.0, and ones that lead elsewhere.

use std::sync::Arc;

use pentaprism_client::{Counters, Error, Source};
use pentaprism_core::dialects::glance::show_image::ShowImage;
use pentaprism_core::dialects::glance::upload_image_data::{UploadImageData, UploadImageDataError};
use tokio::sync::Notify;

use crate::jobs::{ID, glance_client, glance_record, glance_shown, glance_taken};
use crate::server::{Act, Server, head_length, send, whole};
use crate::support::{Kind, answer, bounded, builder, kind, transport};

/// More than sockets and the client's buffers take.
const LARGE: usize = 8 * 1024 * 1024;

fn data() -> UploadImageData {
    UploadImageData { image_id: ID.to_owned(), ..UploadImageData::default() }
}

fn show() -> ShowImage {
    ShowImage { image_id: ID.to_owned() }
}

fn fault(status: &str, close: bool) -> Vec<u8> {
    let head = format!("{status}\nx-openstack-request-id: req-1\ncontent-type: text/plain\nwww-authenticate: Keystone");
    let text = String::from_utf8(answer(&head, "no")).unwrap();
    if close { text } else { text.replace("connection: close\r\n", "") }.into_bytes()
}

#[tokio::test]
async fn a_refusal_before_the_body_is_heard() {
    let transport = transport();
    for (status, number) in [("413 Request Entity Too Large", 413), ("401 Unauthorized", 401), ("400 Bad Request", 400)]
    {
        for close in [true, false] {
            // Whether the service then waits, takes the rest, or hangs up with the rest on its way.
            for end in [Act::Keep, Act::Drain, Act::Close] {
                let acts = vec![Act::ReadHead, send(fault(status, close)), end.clone()];
                let server = Server::start([acts]).await;
                let counters = Arc::new(Counters::default());
                let source = Source::bytes(vec![7; LARGE]).with_progress(counters.clone());
                let client = glance_client(transport.clone(), server.address);
                let error = bounded(client.upload_image_data(&data(), source)).await.unwrap_err();
                let context = format!("{status} {close} {end:?}: {error:?}");
                assert_eq!(error.status().map(|status| status.as_u16()), Some(number), "{context}");
                assert!(matches!(kind(&error), Kind::Refused(_) | Kind::Undocumented(_)), "{context}");
                assert_eq!((counters.bytes_sent(), counters.bytes_acknowledged()), (0, 0), "{context}");
                assert_eq!(server.finish().len(), 1, "{context}");
            }
        }
    }
}

#[tokio::test]
async fn a_success_before_the_whole_body_is_not_for_the_rest_of_it() {
    // A service that says that it took everything before it could have.
    let acts = vec![Act::ReadHead, send(glance_taken()), Act::Close];
    let server = Server::start([acts]).await;
    let counters = Arc::new(Counters::default());
    let source = Source::bytes(vec![7; LARGE]).with_progress(counters.clone());
    let client = glance_client(transport(), server.address);
    let ended = bounded(client.upload_image_data(&data(), source)).await;
    let counted = (counters.bytes_sent(), counters.bytes_acknowledged());
    match ended {
        Ok(_) => assert_eq!(counted.0, counted.1, "what was not sent was not acknowledged"),
        Err(_) => assert_eq!(counted, (0, 0)),
    }
    assert!(counted.1 < LARGE as u64);
}

#[tokio::test]
async fn what_is_sent_after_a_refusal_does_not_count() {
    // The service refuses and takes the rest all the same, so the connection goes on with a body that has failed.
    let refused = Arc::new(Notify::new());
    let acts = vec![Act::ReadHead, send(fault("413 Too Large", false)), Act::Wait(refused.clone()), Act::ReadAll];
    let taken = Arc::new(Notify::new());
    let acts = acts.into_iter().chain([Act::Tell(taken.clone()), Act::Keep]).collect();
    let server = Server::start([acts]).await;
    let counters = Arc::new(Counters::default());
    let source = Source::bytes(vec![7; LARGE]).with_progress(counters.clone());
    let client = glance_client(transport(), server.address);
    bounded(client.upload_image_data(&data(), source)).await.unwrap_err();
    refused.notify_one();
    bounded(taken.notified()).await;
    assert_eq!((counters.bytes_sent(), counters.bytes_acknowledged()), (0, 0));
}

#[tokio::test]
async fn interim_answers_are_none() {
    for interim in [
        "HTTP/1.1 100 Continue\r\n\r\n".to_owned(),
        "HTTP/1.1 100\r\n\r\n".to_owned(),
        "HTTP/1.1 100 Continue\r\ncontent-length: 5\r\n\r\n".to_owned(),
        "HTTP/1.1 102 Processing\r\n\r\n".to_owned(),
        "HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n".repeat(1000),
        "HTTP/1.1 199 Odd\r\n\r\n".to_owned(),
    ] {
        let acts = [
            vec![Act::ReadHead, send(interim.clone()), Act::ReadAll, send(glance_taken()), Act::Close],
            vec![Act::ReadAll, send([interim.as_bytes(), &glance_taken()].concat()), Act::Close],
        ];
        for acts in acts {
            let server = Server::start([acts]).await;
            let client = glance_client(transport(), server.address);
            bounded(client.upload_image_data(&data(), "abc")).await.unwrap();
            assert!(server.finish()[0].ends_with(b"abc"));
        }
        // Nothing but interim answers is no answer.
        let server = Server::start([vec![Act::ReadAll, send(interim.clone()), Act::Close]]).await;
        let client = glance_client(transport(), server.address);
        let error = bounded(client.upload_image_data(&data(), "abc")).await.unwrap_err();
        assert_eq!(kind(&error), Kind::NoAnswer, "{interim:?}");
        server.finish();
    }
}

#[tokio::test]
async fn another_protocol_is_not_spoken() {
    let switch = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: smoke\r\n\r\nsmoke signals";
    let server = Server::start([vec![Act::ReadAll, send(switch), Act::Close]]).await;
    let error = bounded(glance_client(transport(), server.address).show_image(&show())).await.map(drop);
    let error = error.unwrap_err();
    assert!(matches!(kind(&error), Kind::Undocumented(101) | Kind::NoAnswer), "{error:?}");
}

#[tokio::test]
async fn interim_answers_for_ever_are_a_silent_service() {
    // A deadline that passes in earnest: the service never stops, so no clock that stands still would go on.
    let transport = builder().idle_deadline(std::time::Duration::from_millis(200)).build().unwrap();
    let flood = vec![Act::ReadAll, Act::Flood("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100).into())];
    let server = Server::start([flood]).await;
    let client = glance_client(transport, server.address);
    let error = bounded(client.upload_image_data(&data(), "abc")).await.unwrap_err();
    assert_eq!(kind(&error), Kind::NoAnswer, "{error:?}");
    server.finish();
}

#[tokio::test]
async fn redirections_are_told_and_not_followed() {
    let elsewhere = Server::start([]).await;
    for (status, number) in [
        ("301 Moved Permanently", 301),
        ("302 Found", 302),
        ("303 See Other", 303),
        ("304 Not Modified", 304),
        ("305 Use Proxy", 305),
        ("307 Temporary Redirect", 307),
        ("308 Permanent Redirect", 308),
    ] {
        let head = format!("{status}\nlocation: http://{}/elsewhere", elsewhere.address);
        let server = Server::start((0..2).map(|_| whole(answer(&head, "")))).await;
        let client = glance_client(transport(), server.address);
        let error = bounded(client.upload_image_data(&data(), "abc")).await.unwrap_err();
        assert_eq!(kind(&error), Kind::Undocumented(number), "{error:?}");
        let Error::Undocumented { response, .. } = error else { panic!("{error:?}") };
        assert!(response.headers["location"].to_str().unwrap().ends_with("/elsewhere"));
        let error = bounded(client.show_image(&show())).await.unwrap_err();
        assert_eq!(kind(&error), Kind::Undocumented(number), "{error:?}");
        server.finish();
    }
    assert_eq!(elsewhere.finish().len(), 0, "nobody is shown a token whom it is not for");
}

/// An answer of HTTP/1.0, whose end is that of the connection.
fn old(answer: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(answer.to_vec()).unwrap().replace("HTTP/1.1", "HTTP/1.0");
    text.lines()
        .filter(|line| !line.starts_with("content-length"))
        .fold(String::new(), |text, line| {
            // The body, which is the last line, has no end of its own.
            if line.starts_with('{') { text + line } else { text + line + "\r\n" }
        })
        .into_bytes()
}

#[tokio::test]
async fn an_answer_without_a_length_ends_with_the_connection() {
    let whole_answer = old(&glance_shown("active"));
    let transport = transport();
    let server = Server::start([whole(whole_answer.clone())]).await;
    bounded(glance_client(transport.clone(), server.address).show_image(&show())).await.unwrap();
    server.finish();
    let head = head_length(&whole_answer).unwrap();
    assert_eq!(whole_answer.len(), head + glance_record("active").to_string().len());
    // No length tells that it was cut, but what is left is no JSON.
    for kept in (head..whole_answer.len()).step_by(5).chain([whole_answer.len() - 1]) {
        let server = Server::start([whole(whole_answer[..kept].to_vec())]).await;
        let client = glance_client(transport.clone(), server.address);
        let error = bounded(client.show_image(&show())).await.unwrap_err();
        assert_eq!(kind(&error), Kind::Undocumented(200), "{kept}: {error:?}");
        server.finish();
    }
    // A reset tells it.
    let cut = vec![Act::ReadAll, send(whole_answer[..head + 9].to_vec()), Act::Reset];
    let server = Server::start([cut, whole(whole_answer)]).await;
    bounded(glance_client(transport, server.address).show_image(&show())).await.unwrap();
    server.finish();
}

#[tokio::test]
async fn an_old_refusal_is_understood() {
    let text =
        "HTTP/1.0 404 Not Found\r\nx-openstack-request-id: req-1\r\ncontent-type: text/plain\r\n\r\nno such image";
    let server = Server::start([whole(text)]).await;
    let error = bounded(glance_client(transport(), server.address).upload_image_data(&data(), "abc")).await;
    let error = error.unwrap_err();
    assert!(matches!(error, Error::Refused(UploadImageDataError::NotFound(_))), "{error:?}");
}
