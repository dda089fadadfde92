//! One connection from its first byte to its end.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::activity::Activity;
use super::drain;
use super::exchange::Exchange;
use super::preface::{self, Protocol};
use super::socket::Socket;
use super::{Endpoints, Limits, Service};

/// Bytes that hyper may read ahead or have ready to be written for one connection: at most, where there are few of them, and
/// at least. Pieces of uploads come up to twice as large. A whole MiB was measured to be no faster.
const LARGEST_BUFFER: usize = 512 << 10;
const SMALLEST_BUFFER: usize = 64 << 10;

/// Bytes of buffers that connections share: each gets its part of them when it begins.
const BUFFERS: usize = 2 << 20;

/// What an HTTP/2 client may send ahead, in buffers: on one stream, and on the whole connection.
const STREAM_WINDOW: u32 = 2;
const CONNECTION_WINDOW: u32 = 8;

/// The largest HTTP/2 frame that is taken.
const FRAME: u32 = 256 << 10;

/// What all connections share.
pub(super) struct Server<S> {
    service: Arc<S>,
    limits: Arc<Limits>,
    stopping: CancellationToken,
    streams: TaskTracker,
}

impl<S> Clone for Server<S> {
    fn clone(&self) -> Self {
        Self {
            service: Arc::clone(&self.service),
            limits: Arc::clone(&self.limits),
            stopping: self.stopping.clone(),
            streams: self.streams.clone(),
        }
    }
}

impl<S: Service> Server<S> {
    pub(super) fn new(service: S, limits: Limits, stopping: CancellationToken, streams: TaskTracker) -> Self {
        Self { service: Arc::new(service), limits: Arc::new(limits), stopping, streams }
    }

    /// Serves one connection until it ends. It is one of `open`.
    pub(super) async fn serve_connection<T>(self, mut io: T, endpoints: Endpoints, open: usize)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let detected = tokio::time::timeout(self.limits.head, preface::detect(&mut io));
        let Some(Ok(detected)) = self.stopping.run_until_cancelled(detected).await else { return };
        let (protocol, begun) = match detected {
            Ok(detected) => detected,
            // With TLS it is mostly the handshake: plain HTTP was sent, or the client does not trust the certificate.
            Err(error) => {
                tracing::debug!(%error, remote = %endpoints.remote, "a connection ended before its first request");
                return;
            }
        };
        if begun.is_empty() {
            return;
        }
        let ended = match protocol {
            Protocol::Http1 => self.serve_http1(io, begun, endpoints, buffer(open)).await,
            Protocol::Http2 => self.serve_http2(io, begun, endpoints, buffer(open)).await,
        };
        if let Err(error) = ended {
            tracing::debug!(%error, remote = %endpoints.remote, "a connection ended early");
        }
    }

    async fn serve_http1<T>(self, io: T, begun: Bytes, endpoints: Endpoints, buffer: usize) -> hyper::Result<()>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let activity = Activity::new();
        let (drains, mut abandoned) = drain::queue();
        let exchange = self.exchange(endpoints, &activity, Some(drains));
        let socket = Socket::new(io, begun, activity, &self.limits, true);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.idle)
            .max_header_size(self.limits.head_bytes)
            .max_buf_size(buffer.max(self.limits.head_bytes))
            .serve_connection(TokioIo::new(socket), exchange);
        let mut connection = pin!(connection);
        let mut draining: Option<Pin<Box<dyn Future<Output = ()> + Send + '_>>> = None;
        let mut stopping = false;
        loop {
            tokio::select! {
                ended = connection.as_mut() => return ended,
                Some(body) = abandoned.recv() => draining = Some(Box::pin(body.drain(&self.limits))),
                () = ended(&mut draining) => draining = None,
                () = self.stopping.cancelled(), if !stopping => {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }

    async fn serve_http2<T>(self, io: T, begun: Bytes, endpoints: Endpoints, buffer: usize) -> hyper::Result<()>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let activity = Activity::new();
        let exchange = self.exchange(endpoints, &activity, None);
        let socket = Socket::new(io, begun, Arc::clone(&activity), &self.limits, false);
        // Streams are tasks of their own; they end with the connection, however that ends.
        let cut = CancellationToken::new();
        let _cut_at_the_end = cut.clone().drop_guard();
        let streams = Streams { tracker: self.streams.clone(), cut };
        let window = u32::try_from(buffer).unwrap_or(u32::MAX);
        let connection = http2::Builder::new(streams)
            .timer(TokioTimer::new())
            .initial_stream_window_size(window.saturating_mul(STREAM_WINDOW))
            .initial_connection_window_size(window.saturating_mul(CONNECTION_WINDOW))
            .max_frame_size(FRAME)
            .max_concurrent_streams(self.limits.streams)
            .max_header_list_size(u32::try_from(self.limits.head_bytes).unwrap_or(u32::MAX))
            .max_send_buf_size(buffer)
            .keep_alive_interval(self.limits.idle)
            .keep_alive_timeout(self.limits.write)
            .serve_connection(TokioIo::new(socket), exchange);
        let mut connection = pin!(connection);
        let mut look = tokio::time::interval(self.limits.idle.min(self.limits.write).max(Duration::from_millis(4)) / 4);
        let mut stopping = false;
        loop {
            tokio::select! {
                ended = connection.as_mut() => return ended,
                _ = look.tick() => match self.verdict(&activity) {
                    Verdict::Serve => {}
                    Verdict::End if stopping => return Ok(()),
                    Verdict::End => {
                        stopping = true;
                        connection.as_mut().graceful_shutdown();
                    }
                    Verdict::Cut => {
                        tracing::debug!(remote = %endpoints.remote, "a client takes nothing of its answers");
                        return Ok(());
                    }
                },
                () = self.stopping.cancelled(), if !stopping => {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }

    /// What becomes of an HTTP/2 connection on which nothing moves: pings and flow control keep its socket alive, so the
    /// deadlines of the socket do not see it.
    fn verdict(&self, activity: &Activity) -> Verdict {
        let quiet = activity.quiet();
        match (activity.is_working(), activity.is_open()) {
            (false, true) if quiet >= self.limits.write => Verdict::Cut,
            (false, false) if quiet >= self.limits.idle => Verdict::End,
            _ => Verdict::Serve,
        }
    }

    fn exchange(&self, endpoints: Endpoints, activity: &Arc<Activity>, drains: Option<drain::Drains>) -> Exchange<S> {
        Exchange {
            service: Arc::clone(&self.service),
            activity: Arc::clone(activity),
            endpoints,
            limits: Arc::clone(&self.limits),
            drains,
        }
    }
}

/// The buffer of a connection that is one of `open`: many that are served at once shall not take much more than few.
fn buffer(open: usize) -> usize {
    (BUFFERS / open.max(1)).clamp(SMALLEST_BUFFER, LARGEST_BUFFER)
}

enum Verdict {
    Serve,
    End,
    Cut,
}

/// Waits for the drain, for ever when there is none.
async fn ended(draining: &mut Option<Pin<Box<dyn Future<Output = ()> + Send + '_>>>) {
    match draining {
        Some(draining) => draining.await,
        None => std::future::pending().await,
    }
}

/// Runs the streams of one HTTP/2 connection.
#[derive(Clone)]
struct Streams {
    tracker: TaskTracker,
    cut: CancellationToken,
}

impl<F> Executor<F> for Streams
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, stream: F) {
        let cut = self.cut.clone();
        self.tracker.spawn(async move { cut.run_until_cancelled_owned(stream).await });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_connections_have_smaller_buffers_than_few() {
        for (open, bytes) in [(0, 512 << 10), (4, 512 << 10), (16, 128 << 10), (64, 64 << 10), (1024, 64 << 10)] {
            assert_eq!(buffer(open), bytes, "{open}");
        }
    }
}
