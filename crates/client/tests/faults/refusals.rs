//! Refusals that ask for another try, by services and by what stands in front of them.

use std::sync::Arc;

use http::StatusCode;
use pentaprism_client::{Error, HyperTransport, RawResponse};
use pentaprism_core::dialects::glance::create_image::CreateImage;
use pentaprism_core::dialects::glance::show_image::{ShowImage, ShowImageError};
use pentaprism_core::dialects::service_fabric::get_image_store_content::GetImageStoreContent;

use crate::jobs::{ID, fabric_client, glance_client, glance_created, glance_shown};
use crate::server::{Act, Server, send, whole};
use crate::support::{Kind, Leaps, answer, bounded, kind, retry, transport};

const PAGE: &str = "<html><head><title>502 Bad Gateway</title></head><body>proxy.example</body></html>";

fn show() -> ShowImage {
    ShowImage { image_id: ID.to_owned() }
}

/// What a refusal comes to for an operation that is not idempotent, and for one that is: the pauses before the try that
/// succeeds, or how it ends.
async fn refused(transport: &HyperTransport, refusal: &[u8]) -> [Result<Vec<u128>, Kind>; 2] {
    let clock = Arc::new(Leaps::default());
    let server = Server::start([whole(refusal.to_vec()), whole(glance_created())]).await;
    let client = glance_client(transport.clone(), server.address).with_retry(retry(&clock));
    let created = bounded(client.create_image(&CreateImage::default())).await;
    let once = created.map(|_| clock.pauses()).map_err(|error| kind(&error));
    let tries = if once.is_ok() { 2 } else { 1 };
    assert_eq!(server.got().len(), tries);

    let clock = Arc::new(Leaps::default());
    let server = Server::start([whole(refusal.to_vec()), whole(glance_shown("active"))]).await;
    let client = glance_client(transport.clone(), server.address).with_retry(retry(&clock));
    let shown = bounded(client.show_image(&show())).await;
    let again = shown.map(|_| clock.pauses()).map_err(|error| kind(&error));
    let tries = if again.is_ok() { 2 } else { 1 };
    assert_eq!(server.got().len(), tries);
    [once, again]
}

#[tokio::test]
async fn a_service_that_wants_to_be_asked_later() {
    let transport = transport();
    // The clock stands at 08:49:37.
    for (wait, pause) in [
        ("0", 250),
        ("3", 3000),
        (" 3 ", 3000),
        ("0000000000000000000000000000000000000003", 3000),
        ("Sun, 06 Nov 1994 08:49:47 GMT", 10_000),
        ("Sun, 06 Nov 1994 08:49:27 GMT", 250),
    ] {
        for status in ["429 Too Many Requests", "503 Service Unavailable"] {
            let ends = refused(&transport, &answer(&format!("{status}\nretry-after: {wait}"), "later")).await;
            assert_eq!(ends, [Ok(vec![pause]), Ok(vec![pause])], "{status} {wait}");
        }
    }
}

#[tokio::test]
async fn a_service_that_wants_to_be_asked_much_later_is_told_of() {
    let transport = transport();
    for wait in ["121", "86400", "99999999999999999999999999999999", "Sat, 06 Nov 2094 08:49:37 GMT"] {
        for (status, number) in [("429 Too Many Requests", 429), ("503 Service Unavailable", 503)] {
            let ends = refused(&transport, &answer(&format!("{status}\nretry-after: {wait}"), "much later")).await;
            let told = ends.map(|end| match end {
                Err(Kind::Refused(status) | Kind::Undocumented(status)) => status,
                other => panic!("{status} {wait}: {other:?}"),
            });
            assert_eq!(told, [number; 2], "{wait}");
        }
    }
}

#[tokio::test]
async fn a_time_that_cannot_be_read_is_none() {
    let transport = transport();
    for wait in ["", "soon", "-1", "1.5", "3 seconds", "3, 4", "Sun, 99 Nov 1994 08:49:47 GMT", "\u{e9}"] {
        let ends = refused(&transport, &answer(&format!("429 Too Many Requests\nretry-after: {wait}"), "no")).await;
        assert_eq!(ends, [Ok(vec![250]), Ok(vec![250])], "{wait:?}");
        // 503 without a time may come from a proxy that had passed the request on.
        let [once, again] = refused(&transport, &answer(&format!("503 Busy\nretry-after: {wait}"), "no")).await;
        assert!(matches!(once, Err(Kind::Undocumented(503) | Kind::Refused(503))), "{wait:?}: {once:?}");
        assert_eq!(again, Ok(vec![250]), "{wait:?}");
    }
}

#[tokio::test]
async fn a_proxys_own_words() {
    let transport = transport();
    for (status, number) in [("408 Request Timeout", 408), ("502 Bad Gateway", 502), ("504 Gateway Timeout", 504)] {
        let ends = refused(&transport, &answer(&format!("{status}\ncontent-type: text/html"), PAGE)).await;
        assert_eq!(ends, [Err(Kind::Undocumented(number)), Ok(vec![250])]);
    }
    for status in ["500 Internal Server Error", "501 Not Implemented", "505 Version", "599 Odd", "407 Who Are You"] {
        let number: u16 = status[..3].parse().unwrap();
        for end in refused(&transport, &answer(&format!("{status}\ncontent-type: text/html"), PAGE)).await {
            assert!(
                matches!(end, Err(Kind::Undocumented(told) | Kind::Refused(told)) if told == number),
                "{status}: {end:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_page_is_kept_as_it_came() {
    let head = "502 Bad Gateway\ncontent-type: text/html\nserver: proxy";
    let server = Server::start([whole(answer(head, PAGE))]).await;
    let created = bounded(glance_client(transport(), server.address).create_image(&CreateImage::default())).await;
    let Err(Error::Undocumented { response, .. }) = created else { panic!("{created:?}") };
    assert_eq!((response.status, response.body.as_ref()), (StatusCode::BAD_GATEWAY, PAGE.as_bytes()));
    assert_eq!(response.headers["server"], "proxy");
}

#[tokio::test]
async fn a_service_that_is_never_ready_is_asked_five_times() {
    let clock = Arc::new(Leaps::default());
    let later = answer("503 Service Unavailable\nretry-after: 1", "later");
    let server = Server::start((0..5).map(|_| whole(later.clone()))).await;
    let client = glance_client(transport(), server.address).with_retry(retry(&clock));
    let error = bounded(client.show_image(&show())).await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(clock.pauses(), [1000, 1000, 1000, 2000]);
    assert_eq!(server.finish().len(), 5);
}

#[tokio::test]
async fn an_endless_refusal_is_read_as_far_as_it_is_kept() {
    let head = "HTTP/1.1 418 Teapot\r\ntransfer-encoding: chunked\r\n\r\n";
    let piece = format!("1000\r\n{}\r\n", "x".repeat(4096));
    // It would never end if it were read to its end.
    let flood = vec![Act::ReadAll, send(head), Act::Flood(piece.into())];
    let server = Server::start([flood]).await;
    let error = bounded(glance_client(transport(), server.address).show_image(&show())).await.unwrap_err();
    let Error::Undocumented { response, .. } = error else { panic!("{error:?}") };
    assert_eq!((response.status.as_u16(), response.body.len()), (418, RawResponse::BODY_LIMIT));
}

#[tokio::test]
async fn a_refusal_that_breaks_off_keeps_its_status_and_is_no_other() {
    let transport = transport();
    let refusal = answer("404 Not Found\nx-openstack-request-id: req-1\ncontent-type: text/plain", "no such image");
    let server = Server::start([whole(refusal.clone())]).await;
    let error = bounded(glance_client(transport.clone(), server.address).show_image(&show())).await.unwrap_err();
    assert!(matches!(error, Error::Refused(ShowImageError::NotFound(_))), "{error:?}");
    for kept in refusal.len() - 13..refusal.len() {
        for end in [Act::Close, Act::Reset] {
            let server = Server::start([vec![Act::ReadAll, send(refusal[..kept].to_vec()), end]]).await;
            let client = glance_client(transport.clone(), server.address);
            let error = bounded(client.show_image(&show())).await.unwrap_err();
            assert_eq!(kind(&error), Kind::Incomplete(404), "{kept}: {error:?}");
            assert_eq!(server.finish().len(), 1, "it is an answer all the same");
        }
    }
    // A refusal to be asked later is obeyed though not all of its words arrived.
    let later = answer("503 Service Unavailable\nretry-after: 1", "in a moment");
    let server = Server::start([whole(later[..later.len() - 3].to_vec()), whole(glance_shown("active"))]).await;
    bounded(glance_client(transport.clone(), server.address).show_image(&show())).await.unwrap();
    server.finish();
    let server =
        Server::start([whole(answer("404 Not Found\ncontent-type: application/json", "{\"Error\":{\"Co"))]).await;
    let content = GetImageStoreContent { content_path: "a".to_owned(), ..GetImageStoreContent::default() };
    let client = fabric_client(transport, server.address);
    let error = bounded(client.get_image_store_content(&content)).await.unwrap_err();
    assert_eq!(kind(&error), Kind::Undocumented(404));
}
