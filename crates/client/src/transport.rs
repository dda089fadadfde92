//! How requests travel.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use pentaprism_core::{Body, BodyError};

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
}

impl HyperTransport {
    /// A transport with a connection pool of its own.
    ///
    /// # Errors
    /// The system's root certificates cannot be read.
    pub fn new() -> std::io::Result<Self> {
        let builder = HttpsConnectorBuilder::new().with_native_roots()?;
        let connector = builder.https_or_http().enable_http1().enable_http2().build();
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector) })
    }
}

impl Transport for HyperTransport {
    async fn call(&self, request: Request<Body>) -> Result<Response<Body>, TransportError> {
        match self.client.request(request).await {
            Ok(answer) => Ok(answer.map(|body| Body::stream(Received(body)))),
            Err(error) if error.is_connect() => Err(TransportError::not_sent(error)),
            Err(error) => Err(TransportError::maybe_sent(error)),
        }
    }
}

/// An answer's body with our error type.
struct Received(hyper::body::Incoming);

impl http_body::Body for Received {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.0).poll_frame(cx);
        polled.map_err(|error| BodyError::Interrupted(Box::new(error)))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.0.size_hint()
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
    async fn call(&self, request: Request<Body>) -> Result<Response<Body>, TransportError> {
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
    async fn call(&self, request: Request<Body>) -> Result<Response<Body>, TransportError> {
        Ok((self.0)(request).await)
    }
}
