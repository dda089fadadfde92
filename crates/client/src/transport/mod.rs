//! How requests travel: what a transport is, how it fails, and those that need no connection.

mod connect;
mod hyper;
mod proxy;
mod tls;
mod watched;

use std::error::Error;
use std::future::Future;

use http::header::{HOST, HeaderValue};
use http::{Request, Response};
use pentaprism_core::{Body, BodyError};

pub use self::connect::{Cause, ConnectError};
pub use self::hyper::{HyperTransport, HyperTransportBuilder};
pub use self::proxy::Proxies;
pub use self::tls::TlsError;

/// Carries a request to a service and its answer back.
pub trait Transport: Send + Sync {
    /// Sends `request`, whose URI is absolute.
    fn call(&self, request: Request<Body>) -> impl Future<Output = Result<Response<Body>, TransportError>> + Send;
}

impl<T: Transport> Transport for &T {
    fn call(&self, request: Request<Body>) -> impl Future<Output = Result<Response<Body>, TransportError>> + Send {
        (**self).call(request)
    }
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
    /// The service has received nothing of the request.
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

    /// Whether it was the request's own body that failed, as its file, say, could not be read to the end
    /// ([`BodyError::Source`]): not the service's doing, and nothing that another try over the network would mend.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let unread = |error: &(dyn Error + 'static)| matches!(error.downcast_ref(), Some(BodyError::Source(_)));
        chain(self.source.as_ref()).any(unread)
    }

    /// Why no connection was made, where the transport says it.
    #[must_use]
    pub fn connect_error(&self) -> Option<&ConnectError> {
        find(self.source.as_ref())
    }

    /// Whether another try would fail for the same reason: a certificate that is not trusted, say, and none that a
    /// service that is just starting would outgrow.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        self.is_local() || self.connect_error().is_some_and(ConnectError::is_lasting)
    }
}

/// The first error of a kind among an error and its causes.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// An error and its causes.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        // What an I/O error wraps is not its source: it stands in its place, and its source is that one's.
        match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
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

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_body_that_could_not_be_read_is_found_wherever_it_is() {
        let unread = || BodyError::Source(io::Error::other("the disk is gone").into());
        assert!(TransportError::maybe_sent(unread()).is_local());
        assert!(TransportError::maybe_sent(io::Error::other(io::Error::other(unread()))).is_local());
        assert!(TransportError::not_sent(BodyError::Interrupted(unread().into())).is_local());
        let interrupted = BodyError::Interrupted("reset".into());
        assert!(!TransportError::maybe_sent(interrupted).is_local());
        assert!(!TransportError::maybe_sent(io::Error::other("reset")).is_local());
    }
}
