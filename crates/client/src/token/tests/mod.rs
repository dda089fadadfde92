//! What the tests of the providers share: a clock that is set by hand, and a service whose answers are written down.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use http::{Request, Response};
use pentaprism_core::Body;

use super::{Token, TokenError};
use crate::retry::Clock;
use crate::transport::InProcess;

/// The error's own words and those of its causes.
pub(super) fn words(error: &TokenError) -> String {
    let first: &dyn std::error::Error = error;
    let chain = std::iter::successors(Some(first), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(" | ")
}

/// Seconds since 1970 of a token's end.
pub(super) fn end(token: &Token) -> Option<u64> {
    token.expires().map(|end| end.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
}

/// A clock that stands still until it is set. Waiting on it ends at once if it is impatient, and never if it is not.
#[derive(Debug)]
pub(super) struct Hand {
    now: Mutex<SystemTime>,
    impatient: bool,
    pub(super) pauses: Mutex<Vec<Duration>>,
}

impl Hand {
    pub(super) fn at(seconds: u64) -> Arc<Self> {
        Arc::new(Self::new(seconds, false))
    }

    /// On which every deadline passes at once.
    pub(super) fn impatient() -> Arc<Self> {
        Arc::new(Self::new(0, true))
    }

    fn new(seconds: u64, impatient: bool) -> Self {
        let now = Mutex::new(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        Self { now, impatient, pauses: Mutex::default() }
    }

    pub(super) fn set(&self, seconds: u64) {
        *self.now.lock().unwrap() = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    }
}

impl Clock for Hand {
    fn now(&self) -> SystemTime {
        *self.now.lock().unwrap()
    }

    fn sleep(&self, pause: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.pauses.lock().unwrap().push(pause);
        if self.impatient { Box::pin(std::future::ready(())) } else { Box::pin(std::future::pending()) }
    }
}

/// A request as it came: its line, its headers in their order, and its body.
pub(super) type Seen = Arc<Mutex<Vec<String>>>;

type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// A service that always gives the same answer, and notes what it was asked.
pub(super) fn service(
    status: u16,
    headers: &[(&'static str, &'static str)],
    body: &'static str,
) -> (InProcess<impl Fn(Request<Body>) -> Answering + Send + Sync + use<>>, Seen) {
    let seen = Seen::default();
    let (noted, headers) = (Arc::clone(&seen), headers.to_vec());
    let transport = InProcess(move |request: Request<Body>| -> Answering {
        let (noted, headers) = (Arc::clone(&noted), headers.clone());
        Box::pin(async move {
            let (head, sent) = request.into_parts();
            let headers_sent = head.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
            let body_sent = String::from_utf8(sent.collect(100_000).await.unwrap().to_vec()).unwrap();
            let lines = std::iter::once(format!("{} {}", head.method, head.uri)).chain(headers_sent).chain([body_sent]);
            noted.lock().unwrap().push(lines.collect::<Vec<_>>().join("\n"));
            let answer = headers
                .iter()
                .fold(Response::builder().status(status), |answer, (name, value)| answer.header(*name, *value));
            answer.body(Body::from(body)).unwrap()
        })
    });
    (transport, seen)
}

/// The only request that came.
pub(super) fn only(seen: &Seen) -> String {
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 1, "{seen:?}");
    seen[0].clone()
}
