//! The whole server without its sockets: a request goes in, an answer comes out.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, ORIGIN};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use pentaprism_core::Body;
use pentaprism_server::connection::{Endpoints, Service, guarded};
use pentaprism_server::{RequestId, cors};
use pentaprism_store::{Fault, Ids, Statistics};
use tracing::{Instrument, Span, field};

use crate::dialects::{Dialects, Doing};
use crate::measure::Measure;
use crate::metrics::Metrics;
use crate::mount::{Dialect, Mount};
use crate::notes::Notes;
use crate::settings::Settings;
use crate::site::Site;

/// Whether something works, on its way.
pub type Probing<'p> = Pin<Box<dyn Future<Output = bool> + Send + 'p>>;

/// Something that can be asked whether it works.
pub trait Probe: Send + Sync {
    /// Whether it works. It answers within seconds, whatever happens.
    fn probe(&self) -> Probing<'_>;

    /// Its own numbers, for metrics. It answers within seconds; absent when it does not work.
    fn statistics(&self) -> Doing<'_, Option<Statistics>>;
}

/// The server without its sockets. Cloning is cheap.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    site: Site,
    dialects: Dialects,
    store: Box<dyn Probe>,
    request_ids: Arc<dyn Ids>,
    /// The dialects with a port of their own, in the order of the listeners behind the first.
    ports: Vec<Dialect>,
    metrics: Arc<Metrics>,
    stopping: AtomicBool,
}

impl App {
    /// A server that speaks `dialects`, is ready as long as `store` answers, and names requests by `request_ids`.
    #[must_use]
    pub fn new(
        settings: &Settings,
        dialects: Dialects,
        store: impl Probe + 'static,
        request_ids: Arc<dyn Ids>,
    ) -> Self {
        let ports = settings.ports.all().into_iter().map(|(dialect, _)| dialect).collect();
        let (site, store, stopping) = (Site::new(settings), Box::new(store), AtomicBool::new(false));
        Self(Arc::new(Inner { site, dialects, store, request_ids, ports, metrics: Arc::default(), stopping }))
    }

    /// Answers a request. It needs no connection: without [`Endpoints`] among its
    /// extensions it comes from nobody's address and through no proxy.
    pub async fn call(&self, mut request: Request<Body>) -> Response<Body> {
        let id = format!("req-{}", self.0.request_ids.next());
        let mount = self.0.mount(&request);
        // Escaped, lest a request forges lines of the log. The query stays out: it may carry secrets.
        let span = tracing::info_span!(
            "request",
            id,
            dialect = mount.name(),
            method = request.method().as_str(),
            path = %shown_path(mount, request.uri().path()).escape_debug(),
            client = field::Empty,
        );
        let notes = Notes::default();
        let measure = Measure::new(span.clone(), Arc::clone(&self.0.metrics), mount.name(), notes.clone());
        // Whoever watches over the server asks for its own answers all the time.
        let measure = measure.quiet(!matches!(mount, Mount::Dialect(_)));
        let method = request.method().clone();
        request.extensions_mut().insert(RequestId(id));
        let response = notes.take(self.0.answer(mount, measure.request(request))).instrument(span).await;
        measure.answer(response, &method)
    }

    /// Does what has to be done before the first request.
    ///
    /// # Errors
    /// The store's [`Fault`].
    pub async fn prepare(&self) -> Result<(), Fault> {
        for dialect in self.0.dialects.all() {
            dialect.prepare().await?;
        }
        Ok(())
    }

    /// Resolves once nothing goes on in the background, so that a test sees what became of it.
    pub async fn settled(&self) {
        for dialect in self.0.dialects.all() {
            dialect.settled().await;
        }
    }

    /// Ends what goes on in the background, before the store is closed.
    pub async fn close(&self) {
        for dialect in self.0.dialects.all() {
            dialect.close().await;
        }
    }

    /// From now on the server says that it is not ready, so that nobody sends it more work.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::Release);
    }
}

impl Service for App {
    fn call(&self, request: Request<Body>) -> impl Future<Output = Response<Body>> + Send {
        Self::call(self, request)
    }
}

impl Inner {
    /// Who answers a request: by its path, or by the port that it came to.
    fn mount(&self, request: &Request<Body>) -> Mount {
        let listener = request.extensions().get::<Endpoints>().map_or(0, |ends| ends.listener);
        let dialect = listener.checked_sub(1).and_then(|port| self.ports.get(port));
        let mount = Mount::of(request.uri().path());
        match (dialect, mount) {
            // The server's own answers, and the links that it hands out, are the same everywhere.
            (None, _) | (Some(_), Mount::Health | Mount::Ready | Mount::Metrics | Mount::Dialect(Dialect::Public)) => {
                mount
            }
            (Some(dialect), Mount::Dialect(_)) => Mount::Dialect(*dialect),
        }
    }

    async fn answer(&self, mount: Mount, request: Request<Body>) -> Response<Body> {
        match mount {
            Mount::Health => own(request.method(), StatusCode::OK, "alive\n"),
            Mount::Ready if self.stopping.load(Ordering::Acquire) => {
                own(request.method(), StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
            }
            Mount::Ready if !self.store.probe().await => {
                own(request.method(), StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n")
            }
            Mount::Ready => own(request.method(), StatusCode::OK, "ready\n"),
            Mount::Metrics => self.tell_metrics(&request.into_parts().0).await,
            Mount::Dialect(dialect) => self.speak(dialect, request).await,
        }
    }

    /// The numbers, for whoever asks for a host that is ours: a web page that points its own name here is not to read them (D-002).
    async fn tell_metrics(&self, head: &Parts) -> Response<Body> {
        if self.site.visit(head).is_err() {
            return own(&head.method, StatusCode::MISDIRECTED_REQUEST, MISDIRECTED);
        }
        let text = self.metrics.text(self.store.statistics().await.as_ref());
        let mut response = own(&head.method, StatusCode::OK, text);
        if response.status() == StatusCode::OK {
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(OPENMETRICS));
        }
        response
    }

    /// Lets a dialect answer. A page of another origin may read the answer, however it came about, where the spec says so.
    async fn speak(&self, dialect: Dialect, request: Request<Body>) -> Response<Body> {
        let origin = request.headers().get(ORIGIN).map(|origin| (ORIGIN, origin.clone()));
        let refuse = |head: &Parts, refusal| self.dialects.get(dialect).refuse(head, refusal);
        let mut response = guarded(request, |request| self.dispatch(dialect, request), refuse).await;
        if let Some(cors) = dialect.cors() {
            cors::allow(&cors, &origin.into_iter().collect(), response.headers_mut());
        }
        response
    }

    async fn dispatch(&self, dialect: Dialect, request: Request<Body>) -> Response<Body> {
        let (mut head, body) = request.into_parts();
        let spoken = self.dialects.get(dialect);
        let visit = match self.site.visit(&head) {
            Ok(visit) => visit,
            Err(refusal) => return spoken.refuse(&head, refusal),
        };
        if let Some(answer) = dialect.cors().and_then(|cors| cors::preflight(&cors, &head)) {
            return answer;
        }
        if let Some(client) = visit.client {
            Span::current().record("client", field::display(client));
        }
        head.extensions.insert(visit);
        spoken.serve(Request::from_parts(head, body)).await
    }
}

/// The form in which Prometheus and its kin read metrics.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is said to who asks for the metrics of another host.
const MISDIRECTED: &str = "this server does not answer for the requested host; add the host to the setting `hosts`\n";

/// The path as the log shows it: whoever knows the path of a public link may follow it (D-132).
fn shown_path(mount: Mount, path: &str) -> &str {
    if mount == Mount::Dialect(Dialect::Public) { "/public/…" } else { path }
}

/// An answer of the server itself, to GET and HEAD.
fn own(method: &Method, status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    let known = [Method::GET, Method::HEAD].contains(method);
    let not_known = (StatusCode::METHOD_NOT_ALLOWED, Bytes::from_static(b"use GET\n"));
    let (status, text) = if known { (status, text.into()) } else { not_known };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if !known {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}
