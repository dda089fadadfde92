//! Serves HTTP/1.1 and HTTP/2 (prior knowledge) over tokio and hyper, with every wait under a deadline of ours.
//!
//! [`serve`] accepts connections from a [`Listen`] and hands each request to a [`Service`]. The service gets the request
//! with a core [`Body`] that ends in an error when the client stalls or breaks off. What it needs
//! not know about:
//!
//! - **The head of a request** has [`Limits::head_bytes`] and [`Limits::head`]. What hyper cannot read it refuses by itself,
//!   with an empty 400, 414 or 431; this includes a `Transfer-Encoding` whose last coding is not chunked (RFC 9112, 6.3).
//!   `Content-Length` beside chunked is read as chunked, and the connection ends with the answer (RFC 9112, 6.1).
//! - **An answer before the end of the body** reaches the client. Many clients send their whole body before they read;
//!   closing on them would show them a broken pipe instead of the answer. So the rest of the body is read and thrown away,
//!   within [`Limits::drain_bytes`] and [`Limits::drain`], and the connection is closed afterwards.
//! - **`Expect: 100-continue`** is answered when the body is first read. A body that is dropped unread gets no 100, and the
//!   connection ends with the answer. After [`Limits::expect`] the client may have lost patience and begun to send, so
//!   such a body is drained like any other.
//! - **Slow bodies** end in an error like stalled ones when they bring less than [`Limits::body_rate`]. Only the time that
//!   somebody waits for the body counts.
//! - **Slow readers** are cut after [`Limits::write`] without a byte taken.
//!
//! Faults in the head that have a documented answer are found by [`check_head`], and [`guarded`] turns them and panics of a
//! handler into refusals of the dialect.

mod activity;
mod answer;
mod deadline;
mod drain;
mod exchange;
mod guard;
mod listener;
mod preface;
mod received;
mod run;
mod socket;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use pentaprism_core::Body;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use guard::{check_head, guarded};
pub use listener::{Endpoints, Listen};

use listener::Backoff;
use run::Server;

/// Answers requests. Errors are answers too.
pub trait Service: Send + Sync + 'static {
    /// Answers one request. The future is dropped when the client goes away.
    fn call(&self, request: Request<Body>) -> impl Future<Output = Response<Body>> + Send;
}

impl<F, A> Service for F
where
    F: Fn(Request<Body>) -> A + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send,
{
    fn call(&self, request: Request<Body>) -> impl Future<Output = Response<Body>> + Send {
        self(request)
    }
}

/// Limits and deadlines of connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections that are served at once; more wait in the operating system's queue.
    pub connections: usize,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// From the first byte of a head to its end, and from the start of a connection to its first byte.
    pub head: Duration,
    /// How long a connection may stay open without a request.
    pub idle: Duration,
    /// Between two pieces of a request's body.
    pub body_idle: Duration,
    /// Bytes per second that a body must bring while somebody waits for it, on average over `body_idle`; 0 for no minimum.
    pub body_rate: u64,
    /// How long a client is taken to wait for a 100 after `Expect`. Later its body may be on the way, with or without one.
    pub expect: Duration,
    /// How long a client may take nothing of an answer.
    pub write: Duration,
    /// Bytes of an abandoned body that are read and thrown away.
    pub drain_bytes: u64,
    /// How long an abandoned body is read and thrown away.
    pub drain: Duration,
    /// How long running requests may go on after the stop signal.
    pub shutdown: Duration,
    /// Requests that one HTTP/2 connection may have open at once.
    pub streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            head_bytes: 64 << 10,
            head: Duration::from_secs(30),
            idle: Duration::from_secs(75),
            body_idle: Duration::from_mins(1),
            body_rate: 1 << 10,
            expect: Duration::from_millis(300),
            write: Duration::from_mins(1),
            drain_bytes: 256 << 20,
            drain: Duration::from_secs(10),
            shutdown: Duration::from_secs(30),
            streams: 32,
        }
    }
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    /// Connections that still had a request running at the deadline and were cut.
    pub cut: usize,
}

/// Serves connections until `stop` resolves. Then it accepts no more, ends idle connections at once, lets running requests
/// finish within [`Limits::shutdown`], and cuts the rest.
pub async fn serve<L: Listen, S: Service>(
    mut listener: L,
    service: S,
    limits: Limits,
    stop: impl Future<Output = ()> + Send,
) -> Finished {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let stopping = CancellationToken::new();
    let streams = TaskTracker::new();
    let shutdown = limits.shutdown;
    let server = Server::new(service, limits, stopping.clone(), streams.clone());
    let mut connections = JoinSet::new();
    let mut backoff = Backoff::default();
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(ended) = connections.join_next() => report(ended),
            (io, endpoints, slot) = listener::accept(&mut listener, &slots, &mut backoff) => {
                let serving = server.clone().serve_connection(io, endpoints, connections.len() + 1);
                connections.spawn(async move {
                    serving.await;
                    drop(slot);
                });
            }
        }
    }
    drop(listener);
    stopping.cancel();
    let running = async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    };
    let in_time = tokio::time::timeout(shutdown, running).await.is_ok();
    let cut = if in_time { 0 } else { connections.len() };
    connections.shutdown().await;
    streams.close();
    streams.wait().await;
    Finished { cut }
}

/// A panic that no handler's guard caught, such as one in the body of an answer, ends its connection and nothing else.
fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection panicked");
    }
}
