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
use pentaprism::settings::{PrincipalSettings, Settings, Token};
use pentaprism::tokens::RandomTokens;
use pentaprism_core::{Body, BodyError};
use pentaprism_server::Refusal;
use pentaprism_server::connection::{Endpoints, Limits, Listen};
use pentaprism_store::{Options, SequentialIds, Statistics, Store, SystemClock};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
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
async fn real(settings: Settings) -> App {
    let store = Store::open(Options::ephemeral()).await.unwrap();
    let (clock, ids) = (Arc::new(SystemClock), Arc::new(SequentialIds::new(8)));
    let context = Context::new(settings, store, clock, ids.clone(), Arc::new(RandomTokens));
    App::new(&context.settings, Dialects::new(&context), Echo, ids)
}

#[tokio::test]
async fn every_request_gets_one_line_without_secrets_or_forged_lines() {
    let real = real(Settings::default()).await;
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
    // Who watches over the server leaves no line at this level.
    for own in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(real.call(get(own)).await.status(), 200);
    }
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

/// The developer, a guest whom the dialects know and let do nothing, and a stranger whom none knows.
fn principals() -> Settings {
    let mut settings = Settings::default();
    let mut guest =
        PrincipalSettings { name: "guest".to_owned(), token: Token::new("g"), ..PrincipalSettings::development() };
    guest.azure_sphere.iter_mut().for_each(|rights| rights.tenants.clear());
    guest.pingone.iter_mut().for_each(|rights| rights.environments.clear());
    guest.saved_views.iter_mut().for_each(|rights| rights.scopes.clear());
    let mut stranger = PrincipalSettings { name: "stranger".to_owned(), token: Token::new("s"), ..guest.clone() };
    (stranger.glance, stranger.saved_views) = (None, None);
    settings.principals.extend([guest, stranger]);
    settings
}

const TENANT: &str = "/v2/tenants/768c2cd6-1bf0-4521-9f53-084a331d81cb/images";
const ENVIRONMENT: &str = "/v1/environments/abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6";
const VIEW: &str = "/savedviews/ACZbDmWhULVChRcDRkoPdLaNv7DGPQORQpkxmyDyE1ERZS7bsqUkWEmr9ZGmC5TopQ/image";
const JPEG: &str = "{\"image\":\"data:image/png;base64,/9j/wAALCAACAAMBAREA\"}";

/// A request that is refused: method, path, token and body; the principal and the beginning of the reason that the log has for it.
type Refused = (&'static str, &'static str, &'static str, &'static str, Option<&'static str>, &'static str);

#[rustfmt::skip]
const REFUSED: [Refused; 13] = [
    ("GET", "/v2/images/1", "", "", None, "the request has no token"),
    ("GET", "/v2/images/1", "wrong", "", None, "the token is unknown"),
    ("GET", "/v2/images/1", "s", "", Some("stranger"), "the principal has no project in Glance"),
    ("GET", "/v2/images/1", "g", "", Some("guest"), "No image found with ID 1"),
    ("POST", TENANT, "g", "x", Some("guest"), "tenant 768c2cd6-1bf0-4521-9f53-084a331d81cb is not the principal's"),
    ("POST", TENANT, "pentaprism-dev", "x", Some("developer"), "the body is no image package"),
    ("GET", ENVIRONMENT, "g", "", Some("guest"), "environment abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6 is not the principal's"),
    ("PUT", VIEW, "g", JPEG, Some("guest"), "the scope itwin-platform is missing"),
    ("PUT", VIEW, "s", JPEG, Some("stranger"), "the principal is no user of Saved Views"),
    ("PUT", VIEW, "pentaprism-dev", JPEG, Some("developer"), "the picture is a JPEG"),
    ("PUT", "/ImageStore/a?api-version=7%0A2026-11-21%20INFO%20forged", "", "x", Some("anonymous"), "the parameter api-version is "),
    ("GET", "/public/0123456789abcdef0123456789abcdef/secret.png", "", "", None, "the link leads nowhere"),
    ("GET", "/nowhere", "g", "", Some("guest"), "the request matches no operation: no operation has this path"),
];

async fn refuse_all(app: &App, lines: &Lines, json: bool) -> String {
    let subscriber = tracing_subscriber::fmt().with_writer(lines.clone()).with_ansi(false);
    let _logging = if json {
        tracing::subscriber::set_default(subscriber.json().flatten_event(true).finish())
    } else {
        tracing::subscriber::set_default(subscriber.finish())
    };
    for (method, path, token, body, _, _) in REFUSED {
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
        if !token.is_empty() {
            request = request.header("x-auth-token", token).header("authorization", format!("Bearer {token}"));
        }
        let request = request.header("content-type", "application/json");
        let response = app.call(request.body(Body::from(body)).unwrap()).await;
        assert!(response.status().as_u16() >= 400, "{method} {path}: {}", response.status());
        response.into_body().collect(1 << 20).await.unwrap();
    }
    String::from_utf8(std::mem::take(&mut *lines.0.lock().unwrap())).unwrap()
}

#[tokio::test]
async fn a_refusal_is_explained_by_its_line() {
    let app = real(principals()).await;
    app.prepare().await.unwrap();
    let lines = Lines::default();
    let text = refuse_all(&app, &lines, true).await;
    let json: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(json.len(), REFUSED.len(), "{text}");
    for ((.., principal, reason), line) in REFUSED.iter().zip(&json) {
        assert_eq!(line["principal"].as_str(), *principal, "{line}");
        assert!(line["reason"].as_str().unwrap().starts_with(reason), "{line}");
        assert!(!line.to_string().contains("0123456789abcdef"), "{line}");
    }
    let text = refuse_all(&app, &lines, false).await;
    assert_eq!(text.lines().count(), REFUSED.len(), "{text}");
    for ((.., principal, reason), line) in REFUSED.iter().zip(text.lines()) {
        let reason = format!("reason=\"{reason}");
        assert!(line.contains(&reason), "{reason}: {line}");
        let named = principal.map(|principal| format!(" principal=\"{principal}\" "));
        assert_eq!(line.contains("principal=\""), principal.is_some(), "{line}");
        assert!(named.is_none_or(|named| line.contains(&named)), "{line}");
        assert!(!line.contains("pentaprism-dev") && !line.contains("0123456789abcdef"), "{line}");
    }
    app.close().await;
}

/// A connection whose handshake fails, as when plain HTTP is sent to a port for TLS.
struct Unshaken(DuplexStream);

impl AsyncRead for Unshaken {
    fn poll_read(self: Pin<&mut Self>, _: &mut task::Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::Error::other("received corrupt message")))
    }
}

impl AsyncWrite for Unshaken {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// Brings one such connection.
struct Once(Option<Unshaken>);

impl Listen for Once {
    type Io = Unshaken;

    async fn accept(&mut self) -> io::Result<(Unshaken, Endpoints)> {
        let Some(unshaken) = self.0.take() else { return std::future::pending().await };
        let address = "192.0.2.7:1".parse().unwrap();
        Ok((unshaken, Endpoints { remote: address, local: address, listener: 0, secure: true }))
    }
}

#[tokio::test]
async fn a_handshake_that_fails_is_told_to_who_looks_closely() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().with_writer(lines.clone()).with_max_level(tracing::Level::DEBUG);
    let _logging = tracing::subscriber::set_default(subscriber.with_ansi(false).finish());
    let app = App::new(&Settings::default(), Dialects::of(|_| Box::new(Echo)), Echo, Arc::new(SequentialIds::new(7)));
    let (_client, server) = tokio::io::duplex(64);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(pentaprism::serve::serve(Once(Some(Unshaken(server))), app, Limits::default(), async {
        let _dropped = stopped.await;
    }));
    while lines.0.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(stop);
    serving.await.unwrap();
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let line = text.lines().next().unwrap();
    assert!(line.contains("DEBUG") && line.contains("before its first request"), "{text}");
    assert!(line.contains("received corrupt message") && line.contains("192.0.2.7:1"), "{text}");
}

/// The package of an exchange.
const UPLOADED_TWICE: &str =
    include_str!("../../../specs/exchanges/azure_sphere/get_operation.200-failed-duplicate.http");

#[tokio::test]
async fn an_operation_that_fails_leaves_a_line() {
    use base64::Engine as _;
    let app = real(Settings::default()).await;
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_writer(lines.clone());
    let _logging = tracing::subscriber::set_default(subscriber.finish());
    app.prepare().await.unwrap();
    let package = UPLOADED_TWICE.lines().find_map(|line| line.strip_prefix("@base64 ")).unwrap();
    let package = base64::engine::general_purpose::STANDARD.decode(package).unwrap();
    for _ in 0..2 {
        let request =
            Request::post(TENANT).header("host", "localhost").header("authorization", "Bearer pentaprism-dev");
        assert_eq!(app.call(request.body(Body::from(package.clone())).unwrap()).await.status(), 200);
        app.settled().await;
    }
    app.close().await;
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let failed: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failed: Vec<_> = failed.iter().filter(|line| line["message"] == "an operation failed").collect();
    let [line] = failed.as_slice() else { panic!("{text}") };
    assert_eq!((&line["level"], &line["tenant"]), (&"INFO".into(), &TENANT[12..48].into()), "{line}");
    assert!(line["error"].as_str().unwrap().ends_with("already exists."), "{line}");
    assert_eq!(line["operation"].as_str().map(str::len), Some(36), "{line}");
}
