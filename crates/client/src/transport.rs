//! How requests travel.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HOST, HeaderValue};
use http::{Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use pentaprism_core::Body;
use rustls::{ClientConfig, RootCertStore};

use crate::idle::{Activity, Impatient, Noted};

/// Carries a request to a service and its answer back.
pub trait Transport: Send + Sync {
    /// Sends `request`, whose URI is absolute.
    fn call(&self, request: Request<Body>) -> impl Future<Output = Result<Response<Body>, TransportError>> + Send;
}

/// The request got no answer.
#[derive(Debug, thiserror::Error)]
#[error("{}", if *.sent { "the connection failed after the request was begun" } else { "no connection could be made" })]
pub struct TransportError {
    sent: bool,
    #[source]
    source: Box<dyn Error + Send + Sync>,
}

impl TransportError {
    /// No byte of the request left.
    pub fn not_sent(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { sent: false, source: source.into() }
    }

    /// Some or all of the request may have arrived.
    pub fn maybe_sent(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { sent: true, source: source.into() }
    }

    /// Whether the service may have received something.
    #[must_use]
    pub const fn was_sent(&self) -> bool {
        self.sent
    }
}

/// HTTP/1.1 and HTTP/2 over TCP, with TLS by rustls and the system's root certificates for `https`.
#[derive(Debug, Clone)]
pub struct HyperTransport {
    client: Client<HttpsConnector<HttpConnector>, Body>,
    idle: Duration,
}

/// How long a connection may take to be made.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
/// How long an exchange may stand still, unless said otherwise: longer than any service needs to store what it has.
const IDLE_DEADLINE: Duration = Duration::from_mins(5);

impl HyperTransport {
    /// A transport with a connection pool of its own. Where the system has no root certificates (a slim container), `http` works and
    /// every `https` connection is refused.
    ///
    /// # Errors
    /// The TLS library does not know the versions of the protocol that are safe today.
    pub fn new() -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let config = versions.with_root_certificates(roots).with_no_client_auth();
        let mut http = HttpConnector::new();
        http.set_connect_timeout(Some(CONNECT_DEADLINE));
        http.set_nodelay(true);
        http.enforce_http(false);
        let builder = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http();
        let connector = builder.enable_http1().enable_http2().wrap_connector(http);
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector), idle: IDLE_DEADLINE })
    }

    /// Gives an exchange up when nothing moves for `idle`; five minutes without it.
    #[must_use]
    pub fn with_idle_deadline(self, idle: Duration) -> Self {
        Self { idle, ..self }
    }
}

/// Nothing moved for too long.
#[derive(Debug, thiserror::Error)]
#[error("nothing moved for {} seconds", .0.as_secs())]
struct Silence(Duration);

impl Transport for HyperTransport {
    async fn call(&self, request: Request<Body>) -> Result<Response<Body>, TransportError> {
        let activity = Activity::begin();
        let noted = |body: Body| {
            // A body without bytes keeps its form, so that hyper frames it as one.
            let empty = http_body::Body::is_end_stream(&body);
            if empty { body } else { Body::stream(Noted { body, activity: activity.clone() }) }
        };
        let answer = self.client.request(request.map(noted));
        let answer = tokio::select! {
            answer = answer => answer,
            () = activity.silence(self.idle) => return Err(TransportError::maybe_sent(Silence(self.idle))),
        };
        match answer {
            Ok(answer) => Ok(answer.map(|body| Body::stream(Impatient::new(body, self.idle)))),
            Err(error) if error.is_connect() => Err(TransportError::not_sent(error)),
            Err(error) => Err(TransportError::maybe_sent(error)),
        }
    }
}

/// Any tower service as a transport. The service is cloned for each call.
#[derive(Debug, Clone)]
pub struct TowerTransport<S>(pub S);

impl<S> Transport for TowerTransport<S>
where
    S: tower_service::Service<Request<Body>, Response = Response<Body>> + Clone + Send + Sync,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::Future: Send,
{
    async fn call(&self, mut request: Request<Body>) -> Result<Response<Body>, TransportError> {
        name_host(&mut request);
        let mut service = self.0.clone();
        std::future::poll_fn(|cx| service.poll_ready(cx)).await.map_err(TransportError::not_sent)?;
        service.call(request).await.map_err(TransportError::maybe_sent)
    }
}

/// A server in the same process, without sockets: any function from request to answer.
#[derive(Debug, Clone)]
pub struct InProcess<F>(pub F);

impl<F, A> Transport for InProcess<F>
where
    F: Fn(Request<Body>) -> A + Send + Sync,
    A: Future<Output = Response<Body>> + Send,
{
    async fn call(&self, mut request: Request<Body>) -> Result<Response<Body>, TransportError> {
        name_host(&mut request);
        Ok((self.0)(request).await)
    }
}

/// Adds the `Host` that a connection would have added.
fn name_host(request: &mut Request<Body>) {
    let host = request.uri().authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    if let Some(host) = host {
        request.headers_mut().entry(HOST).or_insert(host);
    }
}
