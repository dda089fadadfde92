//! What is refused: routes, versions, ids, rights, faults, deadlines.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::request::Parts;
use pentaprism_core::path::Unrouted;
use pentaprism_core::{Body, BodyError};
use pentaprism_server::{Api, Refusal};
use pentaprism_store::{Faults, Limits, Options, Store};
use tokio::sync::Notify;

use super::{Answered, SESSION, World, clock, settings};
use crate::settings::Access;

#[tokio::test]
async fn what_is_no_operation_is_an_invalid_argument() {
    let world = World::new().await;
    for (method, target) in [
        ("POST", "/ImageStore?api-version=6.0"),
        ("HEAD", "/ImageStore/a?api-version=6.0"),
        ("GET", "/ImageStore/$/Copy?api-version=6.0"),
        ("POST", "/ImageStore/$/copy?api-version=6.0"),
        ("PUT", "/ImageStore/$/UploadChunk?api-version=6.0"),
        ("GET", "/ImageStore/a/$/GetUploadSession/b?api-version=6.0"),
        ("GET", "/ImageStore/a/$/b/$/Download?api-version=6.0"),
        ("GET", "/ImageStore/$/FolderSize?api-version=6.5"),
        ("PUT", "/ImageStore/a/$?api-version=6.0"),
        ("GET", "/$/Nodes?api-version=6.0"),
    ] {
        world.send(method, target, &[], Body::empty()).await.expect_refusal(400, "E_INVALIDARG");
    }
}

#[tokio::test]
async fn every_operation_needs_a_version() {
    let world = World::new().await;
    for (method, target) in [
        ("GET", "/ImageStore"),
        ("GET", "/ImageStore/a"),
        ("PUT", "/ImageStore/a"),
        ("DELETE", "/ImageStore/a"),
        ("GET", "/ImageStore/a/$/Download"),
        ("GET", "/ImageStore/a/$/GetUploadSession"),
        ("PUT", "/ImageStore/a/$/UploadChunk"),
        ("GET", "/ImageStore/$/GetUploadSession"),
        ("POST", "/ImageStore/$/CommitUploadSession"),
        ("DELETE", "/ImageStore/$/DeleteUploadSession"),
        ("POST", "/ImageStore/$/Copy"),
        ("GET", "/$/GetClusterVersion"),
    ] {
        for query in
            ["", "?api-version=", "?api-version=0.9", "?api-version=six", "?Api-Version=6.0", "?api-version=6=0"]
        {
            let answered = world.send(method, &format!("{target}{query}"), &[], Body::empty()).await;
            answered.expect_refusal(400, "E_INVALIDARG");
            assert!(answered.text().contains("api-version"), "{method} {target}{query}: {}", answered.text());
        }
    }
    let version = world.get("/$/GetClusterVersion?api-version=6.4&timeout=60").await;
    assert_eq!(version.text(), r#"{"Version":"8.2.0.0"}"#);
}

#[tokio::test]
async fn a_wrong_session_id_has_a_code_per_operation() {
    let world = World::new().await;
    let nil = "00000000-0000-0000-0000-000000000000";
    for id in ["", "session-id=", "session-id=4a2340e8", &format!("session-id={nil}"), "session-id=%ff"] {
        for (method, action, code) in [
            ("GET", "GetUploadSession", "FABRIC_E_INVALID_UPLOAD_SESSION_ID"),
            ("POST", "CommitUploadSession", "E_INVALIDARG"),
            ("DELETE", "DeleteUploadSession", "E_INVALIDARG"),
        ] {
            let target = format!("/ImageStore/$/{action}?api-version=6.0&{id}");
            world.send(method, &target, &[], Body::empty()).await.expect_refusal(400, code);
        }
        let target = format!("/ImageStore/a/$/UploadChunk?api-version=6.0&{id}");
        let chunk = async |range| world.send("PUT", &target, &[("Content-Range", range)], "x".into()).await;
        chunk("bytes 0-0/1").await.expect_refusal(400, "FABRIC_E_INVALID_UPLOAD_SESSION_ID");
        // The range is looked at first.
        chunk("bytes 0-1/1").await.expect_refusal(400, "FABRIC_E_UPLOAD_SESSION_RANGE_NOT_SATISFIABLE");
    }
}

#[tokio::test]
async fn paths_that_name_nothing_are_refused() {
    let world = World::new().await;
    for (path, code) in [
        ("..", "E_INVALIDARG"),
        ("a/%2e%2e/b", "E_INVALIDARG"),
        ("a%5C..%5Cb", "E_INVALIDARG"),
        ("a%00b", "E_INVALIDARG"),
        ("%20", "E_INVALIDARG"),
        ("%2F", "E_INVALIDARG"),
        ("%ff", "FABRIC_E_INVALID_NAME_URI"),
        ("a%2", "FABRIC_E_INVALID_NAME_URI"),
        (&"a".repeat(4097), "FABRIC_E_PATH_TOO_LONG"),
        (&"a/".repeat(129), "FABRIC_E_PATH_TOO_LONG"),
    ] {
        for (method, action) in
            [("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/$/Download"), ("GET", "/$/GetUploadSession")]
        {
            let target = format!("/ImageStore/{path}{action}?api-version=6.0");
            world.send(method, &target, &[], Body::empty()).await.expect_refusal(400, code);
        }
        world.chunk(path, "bytes 0-0/1", "x").await.expect_refusal(400, code);
    }
    assert!(world.everything().await.is_empty());
}

#[tokio::test]
async fn rights_are_asked_for_first() {
    let mut closed = settings();
    closed.service_fabric.anonymous = Access::None;
    let world = World::with(closed).await;
    let refused = world.get("/ImageStore/%ff").await;
    refused.expect_refusal(401, "FABRIC_E_SERVER_AUTHENTICATION_FAILED");
    assert_eq!(refused.headers["www-authenticate"], "Bearer");
    let viewer = ("Authorization", "Bearer token-of-the-viewer");
    let put = world.send("PUT", "/ImageStore/..?api-version=0", &[viewer], "x".into()).await;
    put.expect_refusal(403, "E_ACCESSDENIED");
    let list = world.send("GET", "/ImageStore?api-version=6.0", &[viewer], Body::empty()).await;
    assert_eq!(list.status, StatusCode::OK);
    let wrong = ("Authorization", "Bearer token-of-nobody");
    let list = world.send("GET", "/$/GetClusterVersion?api-version=6.0", &[wrong], Body::empty()).await;
    list.expect_refusal(401, "FABRIC_E_SERVER_AUTHENTICATION_FAILED");
}

#[tokio::test]
async fn pages_of_other_origins_change_nothing() {
    let world = World::new().await;
    let put =
        async |origin| world.send("PUT", "/ImageStore/a?api-version=6.0", &[("Origin", origin)], "x".into()).await;
    put("http://evil.example").await.expect_refusal(403, "E_ACCESSDENIED");
    put("http://127.0.0.1:8470").await.expect_empty();
}

#[tokio::test]
async fn refusals_outside_of_operations_have_their_codes() {
    let world = World::new().await;
    let (head, ()) = http::Request::new(()).into_parts();
    let io = || std::io::Error::other("C:\\secret").into();
    for (refusal, status, code) in [
        (Refusal::Unrouted(Unrouted::UnknownPath), 400, "E_INVALIDARG"),
        (Refusal::MissingHost, 400, "E_INVALIDARG"),
        (Refusal::BodyInterrupted(io()), 400, "E_INVALIDARG"),
        (Refusal::Unauthenticated { token_sent: true }, 401, "FABRIC_E_SERVER_AUTHENTICATION_FAILED"),
        (Refusal::Forbidden { reason: "this is not for you, ask somebody" }, 403, "E_ACCESSDENIED"),
        (Refusal::BodyStalled(Duration::from_mins(1)), 408, "FABRIC_E_TIMEOUT"),
        (Refusal::BodyTooLarge { limit: 4 }, 413, "FABRIC_E_VALUE_TOO_LARGE"),
        (Refusal::Expectation, 417, "E_INVALIDARG"),
        (Refusal::Misdirected, 421, "E_INVALIDARG"),
        (Refusal::RateLimited { retry_after: Duration::from_secs(1) }, 429, "FABRIC_E_SERVICE_TOO_BUSY"),
        (Refusal::Internal(io()), 500, "E_FAIL"),
        (Refusal::TransferEncoding, 501, "E_NOTIMPL"),
        (Refusal::Unavailable, 503, "FABRIC_E_NOT_READY"),
        (Refusal::TimedOut, 504, "FABRIC_E_TIMEOUT"),
    ] {
        let answered = refuse(&world, &head, refusal).await;
        answered.expect_refusal(status, code);
        assert!(!answered.text().contains("secret"));
    }
}

#[tokio::test]
async fn one_request_too_many_is_told_when_to_come_back() {
    let world = World::new().await;
    let (head, ()) = http::Request::new(()).into_parts();
    let refusal = Refusal::RateLimited { retry_after: Duration::from_millis(59_001) };
    let response = Api::refuse(&world.fabric, &head, None, refusal);
    assert_eq!(response.headers()["retry-after"], "60");
}

async fn refuse(world: &World, head: &Parts, refusal: Refusal) -> Answered {
    let (head, body) = Api::refuse(&world.fabric, head, None, refusal).into_parts();
    let reason = head.extensions.get::<hyper::ext::ReasonPhrase>();
    let reason = reason.map(|phrase| String::from_utf8_lossy(phrase.as_bytes()).into_owned());
    let body = body.collect(1 << 20).await.expect("the answer can be read");
    Answered { status: head.status, headers: head.headers, reason, body }
}

/// A request of each kind that writes bytes or names; the exchanges have the rest.
async fn writes(world: &World) -> Vec<(Answered, &'static str)> {
    let send = async |method, target: &str, body: Body| world.send(method, target, &[], body).await;
    let copy = r#"{"RemoteSource":"a","RemoteDestination":"b"}"#;
    vec![
        (send("PUT", "/ImageStore/x?api-version=6.0", "x".into()).await, "upload"),
        (send("DELETE", "/ImageStore/a?api-version=6.0", Body::empty()).await, "delete"),
        (send("POST", "/ImageStore/$/Copy?api-version=6.0", copy.into()).await, "copy"),
        (world.chunk("big", "bytes 1-1/3", "1").await, "chunk"),
    ]
}

async fn faulty() -> (World, Faults) {
    let clock = clock();
    let (store, faults) = Store::open_faulty(Options::ephemeral().clock(clock.clone())).await.expect("the store opens");
    let world = World::over(settings(), store, clock);
    world.put("a", "a").await;
    world.chunk("big", "bytes 0-0/3", "0").await.expect_empty();
    (world, faults)
}

#[tokio::test]
async fn a_storage_that_cannot_be_written_is_an_io_error() {
    let (world, faults) = faulty().await;
    faults.read_only(true);
    for (answered, what) in writes(&world).await {
        assert!(answered.status.is_server_error(), "{what}: {}", answered.text());
        answered.expect_refusal(500, "FABRIC_E_IMAGESTORE_IOERROR");
    }
    faults.read_only(false);
    assert_eq!(world.expected().await, ["1-2"]);
    assert_eq!(world.everything().await.len(), 1);
}

#[tokio::test]
async fn a_full_disk_takes_no_bytes_and_everything_else() {
    let (world, faults) = faulty().await;
    faults.disk_full(true);
    let expected = [(413, "upload"), (200, "delete"), (404, "copy"), (413, "chunk")];
    for ((answered, what), (status, same)) in writes(&world).await.into_iter().zip(expected) {
        assert_eq!((answered.status.as_u16(), what), (status, same), "{}", answered.text());
        if status == 413 {
            answered.expect_refusal(413, "FABRIC_E_VALUE_TOO_LARGE");
        }
    }
    faults.disk_full(false);
    assert_eq!(world.expected().await, ["1-2"], "the piece can be sent again");
    world.chunk("big", "bytes 1-2/3", "12").await.expect_empty();
    world.commit().await.expect_empty();
    assert_eq!(world.read("big").await, "012");
}

#[tokio::test]
async fn what_cannot_be_read_is_told_apart() {
    let (world, faults) = faulty().await;
    world.put("large", vec![7; 3 << 20]).await;
    let targets =
        ["/ImageStore?api-version=6.0", "/ImageStore/a?api-version=6.0", "/ImageStore/a/$/Download?api-version=6.0"];
    faults.fail_reads(true);
    for target in targets {
        world.get(target).await.expect_refusal(500, "E_FAIL");
    }
    faults.fail_reads(false);
    faults.damage(true);
    world.get(targets[2]).await.expect_refusal(500, "E_FAIL");
    let request =
        http::Request::get("/ImageStore/large/$/Download?api-version=6.0").body(Body::empty()).expect("a request");
    let response = crate::dialects::Serve::serve(&world.fabric, request).await;
    assert_eq!(response.status(), StatusCode::OK);
    let read = response.into_body().collect(4 << 20).await;
    assert!(matches!(read, Err(BodyError::Source(_))), "damaged bytes are never handed out as a whole");
    faults.damage(false);
    assert_eq!(world.read("a").await, "a");
}

#[tokio::test]
async fn a_fault_tells_nothing() {
    let (world, faults) = faulty().await;
    faults.io_error(true);
    for (answered, what) in writes(&world).await {
        assert!(answered.status.is_server_error(), "{what}: {}", answered.text());
        answered.expect_refusal(500, "E_FAIL");
        assert!(answered.text().contains("its log has the cause"));
    }
    faults.io_error(false);
    assert_eq!(world.everything().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_the_store_has_a_deadline() {
    let (store, faults) = Store::open_faulty(Options::ephemeral()).await.expect("the store opens");
    let world = World::over(settings(), store, clock());
    faults.hang(true);
    let put = async |timeout: u32| {
        let target = format!("/ImageStore/a?api-version=6.0&timeout={timeout}");
        world.send("PUT", &target, &[], "x".into()).await
    };
    put(1).await.expect_refusal(504, "FABRIC_E_TIMEOUT");
    put(300).await.expect_refusal(503, "FABRIC_E_NOT_READY");
}

#[tokio::test]
async fn timeout_does_not_count_while_the_store_holds_a_body_back() {
    let world = World::with_limits(Limits { large_uploads: 1, ..Limits::default() }).await;
    let put = async |target: &str, body: Body| world.send("PUT", target, &[("Content-Length", "400000")], body).await;
    // The first upload has the only place and never ends. Time stands still only once it has that place: the store's own thread
    // needs real time for it.
    let asked = Arc::new(Notify::new());
    let mut first = std::pin::pin!(put("/ImageStore/a?api-version=6.0", Body::stream(Waiting(asked.clone()))));
    tokio::select! {
        _ = &mut first => unreachable!("its body does not end"),
        () = asked.notified() => tokio::time::pause(),
    }
    let second = put("/ImageStore/b?api-version=6.0&timeout=1", Body::stream(Waiting(asked.clone())));
    tokio::select! {
        biased;
        _ = &mut first => unreachable!("its body does not end"),
        answered = second => answered.expect_refusal(503, "FABRIC_E_NOT_READY"),
    }
}

/// A body of which nothing has come yet; it tells when it is asked for the first time.
struct Waiting(Arc<Notify>);

impl http_body::Body for Waiting {
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
async fn a_body_that_stalls_is_the_clients_delay() {
    let world = World::new().await;
    let target = format!("/ImageStore/a/$/UploadChunk?api-version=6.0&session-id={SESSION}");
    let stalled = || Body::stream(Stalled);
    let chunk = world.send("PUT", &target, &[("Content-Range", "bytes 0-0/1")], stalled()).await;
    chunk.expect_refusal(408, "FABRIC_E_TIMEOUT");
    world.send("PUT", "/ImageStore/a?api-version=6.0", &[], stalled()).await.expect_refusal(408, "FABRIC_E_TIMEOUT");
    assert!(world.everything().await.is_empty());
}

struct Stalled;

impl http_body::Body for Stalled {
    type Data = bytes::Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, BodyError>>> {
        std::task::Poll::Ready(Some(Err(BodyError::Stalled(Duration::from_mins(1)))))
    }
}
