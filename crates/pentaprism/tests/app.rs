//! The server without its sockets, with dialects of the test's own: who answers what, refusals, readiness.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::request::Parts;
use http::{Method, Request, Response};
use pentaprism::app::{App, Probe, Probing};
use pentaprism::dialects::{Answer, Dialects, Doing, Serve};
use pentaprism::settings::Settings;
use pentaprism::site::Visit;
use pentaprism_core::Body;
use pentaprism_server::{Refusal, RequestId};
use pentaprism_store::{SequentialIds, Statistics};

/// Answers with its name, the request's id and the base URL.
struct Named(&'static str);

impl Serve for Named {
    fn serve(&self, request: Request<Body>) -> Answer<'_> {
        Box::pin(async move {
            let (head, _body) = request.into_parts();
            assert_ne!(head.uri.path(), "/v2/panic", "the test wants a panic here");
            let (id, visit): (&RequestId, &Visit) = (head.extensions.get().unwrap(), head.extensions.get().unwrap());
            let text = format!("{} answers {} at {}", self.0, id.0, visit.base_url);
            Response::new(Body::from(text.into_bytes()))
        })
    }

    fn refuse(&self, head: &Parts, refusal: Refusal) -> Response<Body> {
        let id = &head.extensions.get::<RequestId>().unwrap().0;
        let text = format!("{} refuses {id}: {refusal}", self.0);
        Response::builder().status(400).body(Body::from(text.into_bytes())).unwrap()
    }
}

#[derive(Clone, Default)]
struct Store(Arc<AtomicBool>);

impl Probe for Store {
    fn probe(&self) -> Probing<'_> {
        Box::pin(async { self.0.load(Ordering::SeqCst) })
    }

    fn statistics(&self) -> Doing<'_, Option<Statistics>> {
        Box::pin(std::future::ready(Some(Statistics { bytes: 42, ..Statistics::default() })))
    }
}

fn app(store: &Store) -> App {
    let dialects = Dialects::of(|dialect| Box::new(Named(dialect.name())));
    App::new(&Settings::default(), dialects, store.clone(), Arc::new(SequentialIds::new(7)))
}

fn request(method: Method, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

async fn ask(app: &App, method: Method, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let response = app.call(request(method, path, headers)).await;
    let status = response.status().as_u16();
    let bytes = response.into_body().collect(1 << 20).await.unwrap();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

const LOCAL: &[(&str, &str)] = &[("host", "localhost:8470")];

#[tokio::test]
async fn requests_reach_their_dialect_with_an_id_and_a_base_url() {
    let app = app(&Store::default());
    let id = |count: u32| format!("req-00000000-0000-0007-0000-{count:012}");
    for (count, (path, dialect)) in [("/", "glance"), ("/ImageStore/a", "service_fabric")].into_iter().enumerate() {
        let (status, text) = ask(&app, Method::GET, path, LOCAL).await;
        let id = id(u32::try_from(count).unwrap() + 1);
        assert_eq!((status, text), (200, format!("{dialect} answers {id} at http://localhost:8470")));
    }
}

#[tokio::test]
async fn what_is_wrong_before_the_dialect_is_refused_in_its_words() {
    let app = app(&Store::default());
    for (path, headers, refusal) in [
        ("/ImageStore", &[("host", "evil.example")][..], "this server does not answer for the requested host"),
        ("/v2/images", &[("host", "evil.example")], "this server does not answer for the requested host"),
        ("/v2/images", &[], "the request needs exactly one host header"),
        ("/ImageStore", &[("host", "localhost"), ("expect", "x")], "the expectation is not supported"),
        ("/v2/panic", LOCAL, "an internal fault"),
    ] {
        let (status, text) = ask(&app, Method::PUT, path, headers).await;
        let dialect = if path == "/ImageStore" { "service_fabric" } else { "glance" };
        assert_eq!(status, 400, "{text}");
        assert!(text.starts_with(&format!("{dialect} refuses req-")) && text.contains(refusal), "{path}: {text}");
    }
}

#[tokio::test]
async fn health_and_readiness_are_the_servers_own() {
    let store = Store::default();
    let app = app(&store);
    let text = |text: &str| text.to_owned();
    // No host is needed: whoever watches over a server asks it by any address.
    assert_eq!(ask(&app, Method::GET, "/healthz", &[]).await, (200, text("alive\n")));
    assert_eq!(ask(&app, Method::POST, "/healthz", &[]).await, (405, text("use GET\n")));
    assert_eq!(ask(&app, Method::GET, "/readyz", &[]).await, (503, text("the store does not answer\n")));
    store.0.store(true, Ordering::SeqCst);
    assert_eq!(ask(&app, Method::GET, "/readyz", &[]).await, (200, text("ready\n")));
    app.stop();
    assert_eq!(ask(&app, Method::GET, "/readyz", &[]).await, (503, text("stopping\n")));
    assert_eq!(ask(&app, Method::GET, "/healthz", &[]).await, (200, text("alive\n")));
}

#[tokio::test]
async fn pages_of_other_origins_are_answered_where_the_spec_says_so() {
    let app = app(&Store::default());
    let page = [("host", "localhost"), ("origin", "https://page.example"), ("access-control-request-method", "POST")];
    let environments = "/v1/environments/a/images";
    let answer = app.call(request(Method::OPTIONS, environments, &page)).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["access-control-allow-origin"]),
        (204, &"*".parse().unwrap())
    );
    assert_eq!(answer.headers()["access-control-allow-methods"], "GET, POST, DELETE");
    // A refusal can be read by the page, too; who does not ask as a page is not told about pages.
    let evil = [("host", "evil.example"), page[1], page[2]];
    for (method, path, headers, status, allowed) in [
        (Method::OPTIONS, environments, &evil[..], 400, true),
        (Method::POST, environments, &page, 200, true),
        (Method::POST, environments, &page[..1], 200, false),
        (Method::OPTIONS, "/ImageStore/a", &page, 200, false),
        (Method::GET, "/v2/images", &page, 200, false),
    ] {
        let answer = app.call(request(method, path, headers)).await;
        let found = (answer.status().as_u16(), answer.headers().contains_key("access-control-allow-origin"));
        assert_eq!(found, (status, allowed), "{path} {headers:?}");
    }
}

#[tokio::test]
async fn metrics_tell_what_was_asked_and_what_is_stored() {
    let app = app(&Store::default());
    ask(&app, Method::GET, "/ImageStore/a", LOCAL).await;
    let response = app.call(request(Method::GET, "/metrics", LOCAL)).await;
    assert_eq!(response.headers()["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let text = response.into_body().collect(1 << 20).await.unwrap();
    let text = String::from_utf8(text.to_vec()).unwrap();
    for line in [
        "pentaprism_requests_total{dialect=\"service_fabric\",operation=\"-\",status=\"200\"} 1",
        "pentaprism_requests_running{dialect=\"service_fabric\"} 0",
        "pentaprism_requests_running{dialect=\"metrics\"} 1",
        "pentaprism_store_stored_bytes 42",
    ] {
        assert!(text.lines().any(|other| other == line), "no `{line}` in\n{text}");
    }
}

#[tokio::test]
async fn metrics_are_told_only_to_who_asks_for_a_host_of_ours() {
    let app = app(&Store::default());
    for headers in [&[("host", "evil.example")][..], &[("host", "evil.example:8470")], &[]] {
        let (status, text) = ask(&app, Method::GET, "/metrics", headers).await;
        assert_eq!(status, 421);
        assert!(text.contains("`hosts`") && !text.contains("pentaprism_"), "{text}");
        assert_eq!(ask(&app, Method::GET, "/healthz", headers).await.0, 200, "it says nothing about anybody");
    }
    for host in ["localhost", "127.0.0.1:8470", "[::1]"] {
        assert_eq!(ask(&app, Method::GET, "/metrics", &[("host", host)]).await.0, 200, "{host}");
    }
}
