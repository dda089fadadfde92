//! Public links in process. What is behind them is put there as the other dialects do it.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use pentaprism_core::Body;
use pentaprism_server::{Api, Refusal};
use pentaprism_store::{
    Account, Change, Condition, Faults, NameKey, NewContent, NewName, Options, Store, UploadRequest,
};
use std::sync::Arc;
use std::time::Duration;

use super::Public;
use super::link::{self, PublicFile};
use crate::context::Context;
use crate::dialects::testing;
use crate::settings::Settings;
use crate::tokens::RandomTokens;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const PATH: &str = "/public/0123456789abcdef0123456789abcdef/a.bin";
const BYTES: &[u8] = b"0123456789";

/// The links over a store with one file and a link to it.
struct World {
    public: Public,
    store: Store,
    faults: Faults,
}

/// An answer, read to its end.
#[derive(Debug)]
struct Answered {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

fn file() -> NameKey {
    NameKey::new("saved_views", "views", "v")
}

impl World {
    async fn new() -> Self {
        let (store, faults) = Store::open_faulty(Options::ephemeral()).await.expect("a temporary store opens");
        let (clock, ids) = (Arc::new(pentaprism_store::SystemClock), Arc::new(pentaprism_store::RandomIds));
        let context = Context::new(Settings::default(), store.clone(), clock, ids, Arc::new(RandomTokens));
        let world = Self { public: Public::new(context), store, faults };
        world.keep(BYTES).await;
        world
    }

    async fn keep(&self, bytes: &'static [u8]) {
        let mut upload = self.store.begin(UploadRequest::new(Account::new("saved_views", "views"))).await.unwrap();
        upload.push(Bytes::from_static(bytes)).await.unwrap();
        let received = upload.finish().await.unwrap();
        let link = PublicFile::new("a.bin", "application/octet-stream").link(TOKEN, file());
        let change = Change::new().create(NewName::new(file(), "active").content(NewContent::Uploaded)).create(link);
        received.commit(change).await.unwrap();
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answered {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, HeaderValue::from_bytes(value.as_bytes()).expect("a header"));
        }
        let (head, body) = testing::answer(&self.public, request.body(Body::empty()).expect("a request")).await;
        Answered { status: head.status.as_u16(), headers: head.headers, body }
    }

    async fn get(&self, path: &str) -> Answered {
        self.send("GET", path, &[]).await
    }
}

impl Answered {
    #[track_caller]
    fn expect_refusal(&self, status: u16) -> String {
        assert_eq!(
            (self.status, &self.headers["content-type"]),
            (status, &"text/plain; charset=utf-8".parse().unwrap())
        );
        assert_eq!(self.headers["x-content-type-options"], "nosniff");
        String::from_utf8(self.body.to_vec()).expect("text")
    }
}

#[tokio::test]
async fn a_link_leads_to_its_bytes_until_it_is_deleted() {
    let world = World::new().await;
    let found = world.get(PATH).await;
    assert_eq!((found.status, &found.body[..]), (200, BYTES));
    assert_eq!(found.headers["content-type"], "application/octet-stream");
    assert_eq!(found.headers["x-content-type-options"], "nosniff");
    assert_eq!(found.headers["cache-control"], "private, max-age=3600");
    assert_eq!(link::url("http://a", TOKEN, "a.bin"), format!("http://a{PATH}"));
    let upper = PATH.replace("abcdef", "ABCDEF");
    let wrong = [
        "/public/0123456789abcdef0123456789abcdee/a.bin",
        "/public/0123456789abcdef0123456789abcdef/b.bin",
        "/public/0123456789abcdef0123456789abcdef/A.BIN",
        "/public/0123456789abcdef0123456789abcdef/",
        "/public/0123456789abcdef0123456789abcdef",
        "/public/0123456789abcdef0123456789abcdef/a.bin/",
        "/public/0123456789abcdef0123456789abcdef/%FF",
        "/public/%FF/a.bin",
        "/public//a.bin",
        "/public",
        &upper,
    ];
    for wrong in wrong {
        assert_eq!(world.get(wrong).await.expect_refusal(404), "There is no such file.", "{wrong}");
    }
    world.store.apply(Change::new().delete(link::key(TOKEN), Condition::EXISTS)).await.unwrap();
    assert_eq!(world.get(PATH).await.expect_refusal(404), "There is no such file.");
}

#[tokio::test]
async fn a_part_may_be_asked_for() {
    let world = World::new().await;
    for (range, expected) in [
        ("bytes=0-3", Some((206, "0123", "bytes 0-3/10"))),
        ("bytes=-2", Some((206, "89", "bytes 8-9/10"))),
        ("bytes=7-", Some((206, "789", "bytes 7-9/10"))),
        ("bytes=7-99", Some((206, "789", "bytes 7-9/10"))),
        ("bytes=0-1,3-4", None),
        ("lines=0-1", None),
        ("bytes=3-1", None),
        ("bytes=ü", None),
    ] {
        let found = world.send("GET", PATH, &[("range", range)]).await;
        let text = std::str::from_utf8(&found.body).unwrap();
        match expected {
            Some((status, bytes, content_range)) => {
                assert_eq!((found.status, text), (status, bytes), "{range}");
                assert_eq!(found.headers["content-range"], content_range);
            }
            None => assert_eq!((found.status, text.as_bytes()), (200, BYTES), "{range}"),
        }
    }
    let tag = format!("\"{TOKEN}\"");
    for (condition, status) in [(tag.as_str(), 206), ("\"x\"", 200), (TOKEN, 200), ("\u{fc}", 200)] {
        let found = world.send("GET", PATH, &[("range", "bytes=0-3"), ("if-range", condition)]).await;
        assert_eq!(found.status, status, "{condition}");
        let found = world.send("GET", PATH, &[("range", "bytes=10-"), ("if-range", condition)]).await;
        assert_eq!(found.status, if status == 206 { 416 } else { 200 }, "{condition}");
    }
    let beyond = world.send("GET", PATH, &[("range", "bytes=10-")]).await;
    assert_eq!(beyond.expect_refusal(416), "The file has no byte in this range.");
    assert_eq!(beyond.headers["content-range"], "bytes */10");
}

#[tokio::test]
async fn what_a_browser_has_is_not_sent_again() {
    let world = World::new().await;
    let (strong, weak) = (format!("\"{TOKEN}\""), format!("W/\"{TOKEN}\""));
    let among = format!("\"x\", {weak},");
    for (tags, status) in [
        (strong.as_str(), 304),
        (&weak, 304),
        (&among, 304),
        ("*", 304),
        (TOKEN, 200),
        ("\"x\"", 200),
        ("", 200),
        ("\u{fc}", 200),
    ] {
        let found = world.send("GET", PATH, &[("if-none-match", tags), ("range", "bytes=99-")]).await;
        let expected = if status == 304 { 304 } else { 416 };
        assert_eq!(found.status, expected, "{tags}");
        let found = world.send("GET", PATH, &[("if-none-match", tags)]).await;
        assert_eq!((found.status, found.headers["etag"].as_bytes()), (status, strong.as_bytes()), "{tags}");
        assert_eq!(found.body.is_empty(), status == 304);
    }
}

/// D-135. The connection leaves the bytes out.
#[tokio::test]
async fn head_tells_what_a_get_of_the_whole_would() {
    let world = World::new().await;
    let (get, tag) = (world.get(PATH).await, format!("\"{TOKEN}\""));
    for range in ["bytes=0-3", "bytes=99-", "lines=1"] {
        let head = world.send("HEAD", PATH, &[("range", range)]).await;
        assert_eq!((head.status, &head.headers), (200, &get.headers), "{range}");
        assert_eq!(head.body.len(), BYTES.len(), "the connection counts them");
    }
    assert_eq!(world.send("HEAD", PATH, &[("if-none-match", &tag)]).await.status, 304);
    assert_eq!(world.send("HEAD", "/public/x/a.bin", &[]).await.expect_refusal(404), "There is no such file.");
}

#[tokio::test]
async fn a_download_outlives_its_link() {
    let world = World::new().await;
    let request = Request::get(PATH).body(Body::empty()).expect("a request");
    let response = world.public.answer(request).await;
    world.store.apply(Change::new().delete(link::key(TOKEN), Condition::EXISTS)).await.unwrap();
    world.store.apply(Change::new().delete(file(), Condition::EXISTS)).await.unwrap();
    world.store.sweep().await.unwrap();
    assert_eq!(response.into_body().collect(1 << 20).await.unwrap(), BYTES);
}

#[tokio::test]
async fn a_store_that_fails_is_no_missing_file() {
    let world = World::new().await;
    world.faults.fail_reads(true);
    let text = world.get(PATH).await.expect_refusal(500);
    assert_eq!(text, "The request could not be processed because of an internal error.");
    world.faults.fail_reads(false);
    assert_eq!(world.get(PATH).await.status, 200);
}

#[tokio::test]
async fn a_link_that_this_program_did_not_write_is_a_fault() {
    let world = World::new().await;
    let change = Change::new().create(NewName::new(link::key("b"), "active").content(NewContent::SameAs(file())));
    world.store.apply(change).await.unwrap();
    let text = world.get("/public/b/a.bin").await.expect_refusal(500);
    assert_eq!(text, "The request could not be processed because of an internal error.");
}

#[tokio::test]
async fn everything_else_is_refused_in_one_sentence() {
    let world = World::new().await;
    for method in ["PUT", "DELETE", "POST"] {
        let refused = world.send(method, PATH, &[]).await;
        assert_eq!(refused.expect_refusal(405), "A file can only be read; use GET or HEAD.");
        assert_eq!(refused.headers["allow"], "GET, HEAD");
    }
    let (head, ()) = Request::get(PATH).body(()).expect("a request").into_parts();
    for (refusal, status) in [
        (Refusal::BodyTooLarge { limit: 0 }, StatusCode::PAYLOAD_TOO_LARGE),
        (Refusal::BodyStalled(Duration::from_secs(1)), StatusCode::REQUEST_TIMEOUT),
        (Refusal::BodyInterrupted("x".into()), StatusCode::BAD_REQUEST),
        (Refusal::MissingHost, StatusCode::BAD_REQUEST),
        (Refusal::Misdirected, StatusCode::MISDIRECTED_REQUEST),
        (Refusal::Expectation, StatusCode::EXPECTATION_FAILED),
        (Refusal::TransferEncoding, StatusCode::NOT_IMPLEMENTED),
        (Refusal::Internal("secret".into()), StatusCode::INTERNAL_SERVER_ERROR),
    ] {
        let (head, body) = world.public.refuse(&head, None, refusal).into_parts();
        let body = body.collect(1 << 10).await.unwrap();
        let answered = Answered { status: head.status.as_u16(), headers: head.headers, body };
        let text = answered.expect_refusal(status.as_u16());
        assert!(text.ends_with('.') && !text.contains("secret"), "{text}");
        assert!(status != StatusCode::MISDIRECTED_REQUEST || text.contains("the setting `hosts`"), "{text}");
    }
}
