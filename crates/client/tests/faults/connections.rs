//! Connections that do not come about, that end before they are used, or between two requests.

use std::sync::Arc;

use pentaprism_client::dialects::glance::GlanceClient;
use pentaprism_client::dialects::saved_views::SavedViewsClient;
use pentaprism_client::upload::saved_views::{GetPictureError, PictureSize};
use pentaprism_client::{BaseUrl, Credential, HyperTransport, Retry, Source};
use pentaprism_core::dialects::glance::create_image::CreateImage;
use pentaprism_core::dialects::glance::show_image::ShowImage;
use pentaprism_core::dialects::glance::upload_image_data::UploadImageData;
use serde_json::json;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Notify, oneshot};

use crate::jobs::{ID, glance_client, glance_created, glance_shown, glance_taken};
use crate::server::{Act, Server, head_length, send, whole};
use crate::support::{Kind, Leaps, base, bounded, json as with_json, kind, retry, transport};

fn glance(base: BaseUrl, transport: HyperTransport, retry: Retry) -> GlanceClient<HyperTransport> {
    GlanceClient::new(transport, base, Credential::auth_token("secret").unwrap()).with_retry(retry)
}

fn data() -> UploadImageData {
    UploadImageData { image_id: ID.to_owned(), ..UploadImageData::default() }
}

fn show() -> ShowImage {
    ShowImage { image_id: ID.to_owned() }
}

/// A port that nobody listens at, for as long as the socket is there.
fn deaf() -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    socket
}

#[tokio::test]
async fn what_was_not_sent_is_tried_again_even_where_it_is_not_idempotent() {
    let socket = deaf();
    let base = base(socket.local_addr().unwrap());
    let (listens, listening) = oneshot::channel();
    // The service begins to listen after the first attempt.
    let clock = Leaps::doing_first(move || {
        let listener: TcpListener = socket.listen(8).unwrap();
        listens.send(Server::serve(listener, [whole(glance_taken())])).ok().unwrap();
    });
    let client = glance(base, transport(), retry(&clock));
    bounded(client.upload_image_data(&data(), Source::from("bytes"))).await.unwrap();
    let got = listening.await.unwrap().finish();
    assert!(got[0].ends_with(b"bytes"));
    assert_eq!(clock.pauses(), [250]);
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_sent() {
    let socket = deaf();
    let clock = Arc::new(Leaps::default());
    let client = glance(base(socket.local_addr().unwrap()), transport(), retry(&clock));
    let error = bounded(client.upload_image_data(&data(), "bytes")).await.unwrap_err();
    assert_eq!(kind(&error), Kind::Unreachable);
    assert_eq!(clock.pauses(), [250, 500, 1000, 2000]);
}

#[tokio::test]
async fn what_fails_for_good_is_not_tried_again() {
    // To whoever wants TLS it is for good that the service does not speak it.
    let plain = vec![Act::Peek, send("HTTP/1.1 400 Bad Request\r\n\r\n"), Act::Drain];
    let server = Server::start([plain]).await;
    let clock = Arc::new(Leaps::default());
    let client = glance(format!("https://{}", server.address).parse().unwrap(), transport(), retry(&clock));
    let error = bounded(client.show_image(&show())).await.unwrap_err();
    assert_eq!(kind(&error), Kind::Unreachable);
    assert_eq!(clock.pauses(), [0; 0]);
    assert_eq!(server.finish().len(), 1);
}

#[tokio::test]
async fn a_link_that_fails_for_good_is_not_followed_again() {
    let plain = vec![Act::Peek, send("HTTP/1.1 400 Bad Request\r\n\r\n"), Act::Drain];
    let host = Server::start([plain]).await;
    let link = json!({"href": format!("https://{}/picture", host.address)});
    let service = Server::start([whole(with_json("200 OK", &link))]).await;
    let clock = Arc::new(Leaps::default());
    let client = SavedViewsClient::new(transport(), base(service.address), Credential::none());
    let error = bounded(client.with_retry(retry(&clock)).get_picture("a-view", PictureSize::Full)).await.unwrap_err();
    assert!(matches!(error, GetPictureError::Follow { .. }), "{error:?}");
    assert_eq!(clock.pauses(), [0; 0]);
    assert_eq!(host.finish().len(), 1);
}

#[tokio::test]
async fn a_connection_that_ends_at_once_is_told_truthfully() {
    // Whether the client has begun its request by then is chance; what it says has to agree with what it does.
    for end in [Act::Close, Act::Reset] {
        for _ in 0..20 {
            let server = Server::start([vec![end.clone()], whole(glance_created())]).await;
            let client = glance_client(transport(), server.address);
            let created = bounded(client.create_image(&CreateImage::default())).await;
            let requests = server.got().iter().filter(|got| !got.is_empty()).count();
            match created {
                Ok(_) => assert_eq!(requests, 1),
                Err(error) => assert_eq!((kind(&error), requests), (Kind::NoAnswer, 0), "{error:?}"),
            }
        }
    }
}

/// The same answer over a connection that stays.
fn kept(answer: &[u8]) -> Act {
    send(String::from_utf8(answer.to_vec()).unwrap().replace("connection: close\r\n", ""))
}

#[tokio::test]
async fn a_connection_that_the_service_has_closed_is_not_used_again() {
    for end in [Act::Close, Act::Reset] {
        let close = Arc::new(Notify::new());
        let first = vec![Act::ReadAll, kept(&glance_shown("queued")), Act::Wait(close.clone()), end];
        let server = Server::start([first, whole(glance_created()), whole(glance_shown("queued"))]).await;
        let client = glance_client(transport(), server.address);
        bounded(client.show_image(&show())).await.unwrap();
        close.notify_one();
        // The client's side has seen the end once a connection of its own, made later, has been answered.
        let other = Server::start([whole(glance_shown("queued"))]).await;
        bounded(glance_client(transport(), other.address).show_image(&show())).await.unwrap();
        bounded(client.create_image(&CreateImage::default())).await.unwrap();
        bounded(client.show_image(&show())).await.unwrap();
        let got = server.finish();
        assert!(got[1].starts_with(b"POST ") && got[2].starts_with(b"GET "));
    }
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_answers_nothing() {
    // Behind the first answer, at once and a moment later, comes another, as an attacker or a confused proxy would send it.
    let forged = "HTTP/1.1 204 No Content\r\nx-openstack-request-id: forged\r\n\r\n";
    for together in [true, false] {
        let first = kept(&glance_shown("queued"));
        let Act::Send(bytes) = &first else { unreachable!() };
        let at_once = send([bytes, forged.as_bytes()].concat());
        let mut acts = if together { vec![Act::ReadAll, at_once] } else { vec![Act::ReadAll, first, send(forged)] };
        acts.push(Act::Keep);
        let server = Server::start([acts, whole(glance_taken())]).await;
        let client = glance_client(transport(), server.address);
        bounded(client.show_image(&show())).await.unwrap();
        // Another exchange, so that what came has been seen.
        let other = Server::start([whole(glance_shown("queued"))]).await;
        bounded(glance_client(transport(), other.address).show_image(&show())).await.unwrap();
        let taken = bounded(client.upload_image_data(&data(), "bytes")).await.unwrap();
        assert_eq!(taken.x_openstack_request_id, "req-1", "{together}");
        server.finish();
    }
}

#[tokio::test]
async fn a_request_over_a_connection_that_ends_under_it() {
    for end in [Act::Close, Act::Reset] {
        for taken in [1, 40] {
            // The second request is begun over the first connection when that ends.
            let stale = || vec![Act::ReadAll, kept(&glance_shown("queued")), Act::Read(taken), end.clone()];
            let server = Server::start([stale(), whole(glance_shown("queued"))]).await;
            let client = glance_client(transport(), server.address);
            bounded(client.show_image(&show())).await.unwrap();
            tokio::task::yield_now().await;
            bounded(client.show_image(&show())).await.unwrap();
            drop(server);
            // What was begun may have been carried out, so it is not sent twice. If the connection was not back yet when the
            // request was made, it went over another, which is no less right.
            let server = Server::start([stale(), whole(glance_created())]).await;
            let client = glance_client(transport(), server.address);
            bounded(client.show_image(&show())).await.unwrap();
            tokio::task::yield_now().await;
            let created = bounded(client.create_image(&CreateImage::default())).await;
            let got = server.got();
            match created {
                Ok(_) => assert!(head_length(&got[1]).is_some()),
                Err(error) => assert_eq!((kind(&error), got.len()), (Kind::NoAnswer, 1), "{error:?}"),
            }
        }
    }
}
