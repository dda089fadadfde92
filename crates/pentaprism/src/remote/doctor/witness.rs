//! Sees what answers say beside what they are asked for: version, server, time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use http::header::{DATE, SERVER};
use http::{Request, Response, Version};
use pentaprism_client::{HyperTransport, Transport, TransportError};
use pentaprism_core::Body;

/// A transport that remembers the last answer's head.
#[derive(Clone)]
pub(super) struct Witness {
    transport: HyperTransport,
    seen: Arc<Mutex<Option<Seen>>>,
}

/// What an answer says beside what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// Scheme, host and port that were asked.
    pub server: String,
    /// How HTTP is spoken.
    pub version: Version,
    /// What the service calls itself.
    pub software: Option<String>,
    /// The hour at the service.
    pub date: Option<SystemTime>,
}

impl Witness {
    pub fn new(transport: HyperTransport) -> Self {
        Self { transport, seen: Arc::default() }
    }

    /// The last answer, if there was one.
    pub fn seen(&self) -> Option<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Transport for Witness {
    async fn call(&self, request: Request<Body>) -> Result<Response<Body>, TransportError> {
        let uri = request.uri();
        let server = format!(
            "{}://{}",
            uri.scheme_str().unwrap_or_default(),
            uri.authority().map_or("", http::uri::Authority::as_str)
        );
        let answer = self.transport.call(request).await?;
        let text = |name| answer.headers().get(name)?.to_str().ok().map(str::to_owned);
        let seen = Seen {
            server,
            version: answer.version(),
            software: text(SERVER),
            date: text(DATE).and_then(|date| httpdate::parse_http_date(&date).ok()),
        };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        Ok(answer)
    }
}
