//! Upload sessions: pieces in any order, restarts, expiry, pieces that get in each other's way.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use http::StatusCode;
use pentaprism_core::{Body, BodyError};
use pentaprism_store::{Limits, Options, Store};
use serde_json::json;
use tokio::sync::mpsc;

use super::{SESSION, World, clock, settings, text};

const RANGE: &str = "FABRIC_E_UPLOAD_SESSION_RANGE_NOT_SATISFIABLE";

#[tokio::test]
async fn eight_chunks_in_parallel_and_out_of_order_make_the_file() {
    let world = World::new().await;
    let content: Bytes = (0..2_500_003_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let size = content.len().div_ceil(8);
    let chunks = [5, 0, 7, 2, 6, 1, 4, 3].map(|number| {
        let (first, end) = (number * size, content.len().min((number + 1) * size));
        let range = format!("bytes {first}-{}/{}", end - 1, content.len());
        let (world, content) = (&world, content.slice(first..end));
        async move { world.chunk("App/big.bin", &range, content).await }
    });
    for answered in join_all(chunks).await {
        answered.expect_empty();
    }
    assert!(world.expected().await.is_empty());
    assert!(world.everything().await.is_empty(), "nothing is to be seen before the commit");
    world.commit().await.expect_empty();
    assert!(world.read("App/big.bin").await == content);
    world.commit().await.expect_empty();
}

#[tokio::test]
async fn the_session_tells_what_is_missing() {
    let world = World::new().await;
    world.chunk("a%5Cb", "bytes 400-699/1000", vec![1; 300]).await.expect_empty();
    assert_eq!(world.expected().await, ["0-399", "700-999"]);
    world.advance(60);
    world.chunk("a/b", "900-999/1000", vec![1; 100]).await.expect_empty();
    let expected = json!({"UploadSessions": [{
        "StoreRelativePath": "a/b",
        "SessionId": SESSION,
        "FileSize": "1000",
        "ModifiedDate": "2026-11-21T00:43:39.000Z",
        "ExpectedRanges": [
            {"StartPosition": "0", "EndPosition": "399"},
            {"StartPosition": "700", "EndPosition": "899"},
        ],
    }]});
    let by_id = format!("/ImageStore/$/GetUploadSession?api-version=6.0&session-id={}", SESSION.to_uppercase());
    assert_eq!(world.get(&by_id).await.json(), expected);
    assert_eq!(world.get("/ImageStore/a/b/$/GetUploadSession?api-version=6.0").await.json(), expected);
    let none = world.get("/ImageStore/a/$/GetUploadSession?api-version=6.0").await.json();
    assert_eq!(none, json!({"UploadSessions": []}));
    world.commit().await.expect_refusal(400, "E_INVALIDARG");
    world.chunk("a/b", "0-399/1000", vec![1; 400]).await.expect_empty();
    world.chunk("a/b", "700-899/1000", vec![1; 200]).await.expect_empty();
    assert!(world.expected().await.is_empty());
}

#[tokio::test]
async fn chunks_that_do_not_fit_are_refused_and_leave_nothing() {
    let world = World::new().await;
    world.chunk("a", "bytes 2-5/10", "2345").await.expect_empty();
    for (path, range, body, status, code) in [
        ("b", "bytes 6-7/10", "67", 409, "FABRIC_E_UPLOAD_SESSION_ID_CONFLICT"),
        ("a", "bytes 6-7/11", "67", 400, "E_INVALIDARG"),
        ("a", "bytes 2-5/10", "2345", 400, RANGE),
        ("a", "bytes 5-6/10", "56", 400, RANGE),
        ("a", "bytes 0-9/10", "0123456789", 400, RANGE),
        ("a", "bytes 6-7/10", "678", 400, "E_INVALIDARG"),
        ("a", "bytes 6-7/10", "6", 400, "E_INVALIDARG"),
        ("a", "bytes 6-7/10", "", 400, "E_INVALIDARG"),
        ("a", "bytes 6-7/7", "67", 400, RANGE),
        ("a", "bytes 7-6/10", "67", 400, RANGE),
        ("a", "bytes */10", "67", 400, RANGE),
        ("a", "67", "67", 400, RANGE),
        ("..", "bytes 6-7/10", "67", 400, "E_INVALIDARG"),
    ] {
        world.chunk(path, range, body).await.expect_refusal(status, code);
        assert_eq!(world.expected().await, ["0-1", "6-9"], "{path} {range} {body}");
    }
    for length in ["678", "6"] {
        let unannounced = Body::stream(Slow::closed(length));
        world.chunk("a", "bytes 6-7/10", unannounced).await.expect_refusal(400, "E_INVALIDARG");
        assert_eq!(world.expected().await, ["0-1", "6-9"]);
    }
    let target = format!("/ImageStore/a/$/UploadChunk?api-version=6.0&session-id={SESSION}");
    world.send("PUT", &target, &[], "67".into()).await.expect_refusal(400, RANGE);
}

#[tokio::test]
async fn a_session_has_a_limit_of_ranges() {
    let world = World::with_limits(Limits { session_ranges: 2, ..Limits::default() }).await;
    world.chunk("a", "bytes 0-0/10", "0").await.expect_empty();
    world.chunk("a", "bytes 2-2/10", "2").await.expect_empty();
    world.chunk("a", "bytes 4-4/10", "4").await.expect_refusal(400, RANGE);
}

#[tokio::test]
async fn a_session_survives_a_restart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let clock = clock();
    let open = async || {
        let store = Store::open(Options::folder(folder.path()).clock(clock.clone())).await.expect("the store opens");
        World::over(settings(), store, Arc::clone(&clock))
    };
    let before = open().await;
    before.chunk("a", "bytes 5-9/10", "56789").await.expect_empty();
    assert!(before.store.close(std::time::Duration::from_secs(10)).await);
    drop(before);
    let after = open().await;
    assert_eq!(after.expected().await, ["0-4"]);
    after.chunk("a", "bytes 0-4/10", "01234").await.expect_empty();
    after.commit().await.expect_empty();
    assert_eq!(after.read("a").await, "0123456789");
}

#[tokio::test]
async fn a_session_ends_thirty_minutes_after_its_last_chunk() {
    let world = World::new().await;
    world.chunk("a", "bytes 0-4/10", "01234").await.expect_empty();
    world.advance(30 * 60 - 1);
    assert_eq!(world.expected().await, ["5-9"], "asking does not prolong it");
    world.chunk("a", "bytes 5-8/10", "5678").await.expect_empty();
    world.advance(30 * 60 - 1);
    assert_eq!(world.expected().await, ["9-9"]);
    world.advance(2);
    world.session("GET", "GetUploadSession").await.expect_refusal(404, "NotFound");
    world.session("DELETE", "DeleteUploadSession").await.expect_refusal(404, "NotFound");
    world.commit().await.expect_refusal(400, "E_INVALIDARG");
    let none = world.get("/ImageStore/a/$/GetUploadSession?api-version=6.0").await.json();
    assert_eq!(none, json!({"UploadSessions": []}));
    world.chunk("other", "bytes 0-0/1", "x").await.expect_empty();
    world.commit().await.expect_empty();
}

#[tokio::test]
async fn a_committed_session_is_remembered_for_a_while() {
    let world = World::new().await;
    world.put("a", "older").await;
    world.chunk("a", "bytes 0-9/10", "0123456789").await.expect_empty();
    assert_eq!(world.read("a").await, "older", "until the commit the old file stays");
    world.commit().await.expect_empty();
    world.advance(29 * 60);
    world.commit().await.expect_empty();
    assert!(world.expected().await.is_empty());
    world.chunk("a", "bytes 0-9/10", "0123456789").await.expect_refusal(400, RANGE);
    world.put("a", "newer").await;
    world.commit().await.expect_refusal(400, "E_INVALIDARG");
    world.session("DELETE", "DeleteUploadSession").await.expect_empty();
    world.session("DELETE", "DeleteUploadSession").await.expect_refusal(404, "NotFound");
    assert_eq!(world.read("a").await, "newer");
    world.chunk("b", "bytes 0-0/1", "x").await.expect_empty();
}

#[tokio::test]
async fn a_younger_chunk_takes_over_from_one_that_is_still_being_read() {
    let world = World::new().await;
    let (sender, body) = Slow::open();
    let older = world.chunk("a", "bytes 0-9/10", Body::stream(body));
    let younger = async {
        sender.send("01234".into()).await.expect("the older request reads");
        // The piece was taken, so the older request has claimed its range.
        let _space = sender.reserve().await.expect("the older request reads");
        world.chunk("a", "bytes 0-9/10", "ABCDEFGHIJ").await
    };
    let (older, younger) = tokio::join!(older, younger);
    older.expect_refusal(409, "FABRIC_E_WRITE_CONFLICT");
    younger.expect_empty();
    world.commit().await.expect_empty();
    assert_eq!(world.read("a").await, "ABCDEFGHIJ");
}

#[tokio::test]
async fn a_chunk_of_a_deleted_session_is_lost() {
    let world = World::new().await;
    world.chunk("a", "bytes 0-0/10", "0").await.expect_empty();
    let (sender, body) = Slow::open();
    let chunk = world.chunk("a", "bytes 1-9/10", Body::stream(body));
    let deleted = async {
        sender.send("1234".into()).await.expect("the request reads");
        drop(sender.reserve().await.expect("the request reads"));
        let deleted = world.session("DELETE", "DeleteUploadSession").await;
        // The request may have noticed already and let its body go.
        let _ = sender.send("56789".into()).await;
        drop(sender);
        deleted
    };
    let (chunk, deleted) = tokio::join!(chunk, deleted);
    deleted.expect_empty();
    chunk.expect_refusal(404, "NotFound");
    world.session("GET", "GetUploadSession").await.expect_refusal(404, "NotFound");
}

#[tokio::test]
async fn a_chunk_that_breaks_off_may_be_sent_again() {
    let world = World::new().await;
    let broken = Body::stream(Slow::broken("01234"));
    world.chunk("a", "bytes 0-9/10", broken).await.expect_refusal(400, "E_INVALIDARG");
    let again = world.chunk("a", "bytes 0-9/10", "0123456789").await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.text());
    world.commit().await.expect_empty();
    let listed = world.get("/ImageStore/a?api-version=6.2").await.json();
    assert_eq!(text(&listed["StoreFiles"][0], "FileSize"), "10");
}

/// A body of unknown length whose pieces come through a channel.
struct Slow(mpsc::Receiver<Result<Bytes, BodyError>>);

/// The other end.
struct Sender(mpsc::Sender<Result<Bytes, BodyError>>);

impl Sender {
    async fn send(&self, piece: Bytes) -> Result<(), mpsc::error::SendError<Result<Bytes, BodyError>>> {
        self.0.send(Ok(piece)).await
    }

    async fn reserve(&self) -> Result<mpsc::Permit<'_, Result<Bytes, BodyError>>, mpsc::error::SendError<()>> {
        self.0.reserve().await
    }
}

impl Slow {
    fn open() -> (Sender, Self) {
        let (sender, receiver) = mpsc::channel(1);
        (Sender(sender), Self(receiver))
    }

    fn closed(content: &'static str) -> Self {
        let (sender, receiver) = mpsc::channel(1);
        sender.try_send(Ok(content.into())).expect("there is room for one piece");
        Self(receiver)
    }

    fn broken(content: &'static str) -> Self {
        let (sender, receiver) = mpsc::channel(2);
        let error = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        sender.try_send(Ok(content.into())).expect("there is room for two pieces");
        sender.try_send(Err(BodyError::Interrupted(error.into()))).expect("there is room for two pieces");
        Self(receiver)
    }
}

impl http_body::Body for Slow {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, BodyError>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|piece| piece.map(http_body::Frame::data)))
    }
}
