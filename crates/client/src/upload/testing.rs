//! What tests of uploads share: a service that answers by script, and a clock that does not wait.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use pentaprism_core::Body;

use crate::retry::{Clock, Retry};
use crate::transport::{Transport, TransportError};

/// Leaps over every pause, and remembers it.
#[derive(Default)]
pub(crate) struct Leaping(Mutex<Vec<Duration>>);

impl Leaping {
    pub(crate) fn pauses(&self) -> Vec<Duration> {
        self.0.lock().unwrap().clone()
    }
}

impl Clock for Leaping {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.0.lock().unwrap().iter().sum::<Duration>()
    }

    fn sleep(&self, pause: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.0.lock().unwrap().push(pause);
        Box::pin(std::future::ready(()))
    }
}

/// Standard retries without waiting, and without the deadline of an attempt, over which a leaping clock would leap, too.
pub(crate) fn leaping() -> (Retry, Arc<Leaping>) {
    let clock = Arc::new(Leaping::default());
    (Retry { attempt: None, ..Retry::standard().with_clock(clock.clone()) }, clock)
}

/// What the service does with a request.
pub(crate) enum Step {
    /// Reads it and answers.
    Answer(Response<Body>),
    /// Reads it, and the connection breaks.
    Break,
    /// Takes no connection.
    Refuse,
}

/// An answer with JSON, and with the headers that a dialect demands.
pub(crate) fn json(status: u16, body: &serde_json::Value) -> Step {
    bytes(status, &[("content-type", "application/json")], body.to_string())
}

pub(crate) fn bytes(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Step {
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    // What every Glance and every PingOne says.
    let answer = answer.header("x-openstack-request-id", "req-1").header("correlation-id", "c-1");
    let answer = answer.header("location", "http://service.example/there");
    Step::Answer(answer.body(Body::from(body.into())).unwrap())
}

/// A request as the service saw it.
pub(crate) struct Seen {
    /// Method and URI.
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A service that does one step for each request.
#[derive(Clone, Default)]
pub(crate) struct Script {
    steps: Arc<Mutex<VecDeque<Step>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Script {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: Arc::new(Mutex::new(steps.into_iter().collect())), seen: Arc::default() }
    }

    /// What was asked, and that nothing was left to be asked.
    pub(crate) fn lines(&self) -> Vec<String> {
        assert!(self.steps.lock().unwrap().is_empty(), "more was expected after {:?}", self.seen.lock().unwrap().len());
        self.seen.lock().unwrap().iter().map(|seen| seen.line.clone()).collect()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

impl Transport for Script {
    async fn call(&self, request: Request<Body>) -> Result<Response<Body>, TransportError> {
        let (head, body) = request.into_parts();
        let line = format!("{} {}", head.method, head.uri.to_string().trim_start_matches("http://service.example"));
        let step = self.steps.lock().unwrap().pop_front().unwrap_or_else(|| panic!("{line} was not expected"));
        if matches!(step, Step::Refuse) {
            self.seen.lock().unwrap().push(Seen { line, headers: head.headers, body: Bytes::new() });
            return Err(TransportError::not_sent("refused"));
        }
        let body = body.collect(u64::MAX).await.map_err(TransportError::maybe_sent)?;
        self.seen.lock().unwrap().push(Seen { line, headers: head.headers, body });
        match step {
            Step::Answer(answer) => Ok(answer),
            Step::Break => Err(TransportError::maybe_sent("reset")),
            Step::Refuse => unreachable!("it was answered above"),
        }
    }
}
