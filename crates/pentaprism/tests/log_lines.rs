//! The line of log that every request gets. A test binary of its own, because what is logged is decided per process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{self, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body::Frame;
use pentaprism::app::{App, Probe, Probing};
use pentaprism::context::Context;
use pentaprism::dialects::{Answer, Dialects, Doing, Serve};
use pentaprism::settings::Settings;
use pentaprism::tokens::RandomTokens;
use pentaprism_core::{Body, BodyError};
use pentaprism_server::Refusal;
use pentaprism_server::connection::Endpoints;
use pentaprism_store::{Options, SequentialIds, Statistics, Store, SystemClock};
use tracing_subscriber::fmt::MakeWriter;

/// Reads the whole body and answers with it.
struct Echo;

impl Serve for Echo {
    fn serve(&self, request: Request<Body>) -> Answer<'_> {
        Box::pin(async { Response::new(request.into_body().collect(1 << 20).await.unwrap().into()) })
    }

    fn refuse(&self, _: &Parts, refusal: Refusal) -> Response<Body> {
        panic!("nothing is refused here: {refusal}")
    }
}

impl Probe for Echo {
    fn probe(&self) -> Probing<'_> {
        Box::pin(async { true })
    }

    fn statistics(&self) -> Doing<'_, Option<Statistics>> {
        Box::pin(std::future::ready(None))
    }
}

fn put(path: &str, body: Body) -> Request<Body> {
    let address = "192.0.2.7:1".parse().unwrap();
    let request = Request::put(path).header("host", "localhost").header("x-auth-token", "pentaprism-dev");
    let request = request.header("authorization", "Bearer secret");
    request.extension(Endpoints { remote: address, local: address, listener: 0, secure: false }).body(body).unwrap()
}

/// A body of which nothing ever comes.
struct Never;

impl http_body::Body for Never {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Pending
    }
}

/// Collects log lines.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The server with its real dialects over a store of its own.
async fn real() -> App {
    let store = Store::open(Options::ephemeral()).await.unwrap();
    let (clock, ids) = (Arc::new(SystemClock), Arc::new(SequentialIds::new(8)));
    let context = Context::new(Settings::default(), store, clock, ids.clone(), Arc::new(RandomTokens));
    App::new(&context.settings, Dialects::new(&context), Echo, ids)
}

#[tokio::test]
async fn every_request_gets_one_line_without_secrets_or_forged_lines() {
    let real = real().await;
    tokio::time::pause();
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_writer(lines.clone()).finish();
    let logging = tracing::subscriber::set_default(subscriber);
    let app = App::new(&Settings::default(), Dialects::of(|_| Box::new(Echo)), Echo, Arc::new(SequentialIds::new(7)));
    let answered = app.call(put("/v2/a%0Ab?signature=secret", Body::from("hello"))).await;
    assert_eq!(answered.into_body().collect(1 << 20).await.unwrap(), "hello");
    // An answer that nobody reads, and a request whose client goes away.
    drop(app.call(put("/ImageStore/b", Body::from("hello"))).await);
    let mut dropped = Box::pin(app.call(put("/v2/c", Body::stream(Never))));
    assert!(futures_util::poll!(dropped.as_mut()).is_pending());
    drop(dropped);
    // The name of the operation is known even to a request that is refused.
    let get = |path: &str| Request::get(path).header("host", "localhost").body(Body::empty()).unwrap();
    drop(real.call(get("/v2/images/1")).await);
    // Whoever knows a public link may follow it.
    drop(real.call(get("//public/secret/secret.png")).await);
    drop(real.call(get("/public/secret/secret.png")).await);
    drop(logging);

    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(!text.contains("secret") && !text.contains("pentaprism-dev"), "{text}");
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let outcomes: Vec<_> =
        lines.iter().map(|line| [&line["message"], &line["span"]["dialect"], &line["operation"]]).collect();
    let expected = [
        ["answered", "glance", "-"],
        ["answered in part", "service_fabric", "-"],
        ["dropped", "glance", "-"],
        ["answered in part", "glance", "ShowImage"],
        ["answered in part", "public", "-"],
        ["answered in part", "public", "GetPublicFile"],
    ];
    assert_eq!(outcomes, expected, "{text}");
    let (line, span) = (&lines[0], &lines[0]["span"]);
    assert_eq!((&line["status"], &line["milliseconds"]), (&200.into(), &0.into()));
    assert_eq!((&line["received"], &line["sent"]), (&5.into(), &5.into()));
    assert_eq!((&span["method"], &span["path"]), (&"PUT".into(), &"/v2/a%0Ab".into()));
    assert_eq!((&lines[4]["span"]["path"], &lines[5]["span"]["path"]), (&"/public/…".into(), &"/public/…".into()));
    assert_eq!(span["client"], "192.0.2.7");
    assert_eq!(span["id"], "req-00000000-0000-0007-0000-000000000001");
}
