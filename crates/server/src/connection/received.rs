//! The body of a request on its way to the handler, and what becomes of it when the handler lets it go.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use pentaprism_core::{Body, BodyError};
use tokio::time::Instant;

use super::Limits;
use super::activity::Open;
use super::deadline::Deadline;
use super::drain::Drains;

/// How far a body was read. The order matters: it only moves forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Progress {
    Untouched,
    Begun,
    Broken,
    Finished,
}

/// Shares how far a body was read with whoever writes the answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch(Option<Arc<AtomicU8>>);

impl Watch {
    /// Whether bytes of the request may still be on their way, so that no further request can follow them.
    pub(super) fn is_unfinished(&self) -> bool {
        self.0.as_ref().is_some_and(|progress| progress.load(Ordering::Acquire) != Progress::Finished as u8)
    }
}

/// What a body needs to know about its request and its connection.
pub(super) struct Surroundings {
    /// How slow the body may be, and how long its client waits for a 100.
    pub(super) limits: Arc<Limits>,
    /// Where the rest of an abandoned body goes; absent where the protocol can give up a body by itself.
    pub(super) drains: Option<Drains>,
    /// Keeps the request open.
    pub(super) open: Open,
}

/// Wraps what hyper receives. A request without a body is not wrapped at all.
pub(super) fn body(head: &Parts, incoming: Incoming, surroundings: Surroundings) -> (Body, Watch) {
    if incoming.is_end_stream() {
        return (Body::empty(), Watch::default());
    }
    let progress = Arc::new(AtomicU8::new(Progress::Untouched as u8));
    let received = Received {
        incoming: Some(incoming),
        progress: Arc::clone(&progress),
        waits_until: expects_continue(head).then(|| Instant::now() + surroundings.limits.expect),
        deadline: Deadline::new(surroundings.limits.body_idle),
        pace: Pace::new(&surroundings.limits),
        drains: surroundings.drains,
        open: surroundings.open,
    };
    (Body::stream(received), Watch(Some(progress)))
}

/// Whether the client waits for a 100. One that expects something else need not wait.
fn expects_continue(head: &Parts) -> bool {
    let expected = head.headers.get(http::header::EXPECT);
    expected.is_some_and(|expected| expected.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// How much came in the time that was spent waiting for the client, in windows of the idle deadline's length. What a client
/// could not send because nobody read is not its fault.
#[derive(Debug)]
struct Pace {
    window: Duration,
    least: u64,
    waited: Duration,
    came: u64,
}

impl Pace {
    fn new(limits: &Limits) -> Self {
        let window = limits.body_idle;
        let least = u128::from(limits.body_rate).saturating_mul(window.as_millis()) / 1000;
        Self { window, least: u64::try_from(least).unwrap_or(u64::MAX), waited: Duration::ZERO, came: 0 }
    }

    /// Counts a piece; whether the window that it ends, if it does, brought enough.
    fn keeps(&mut self, waited: Duration, length: usize) -> bool {
        self.waited += waited;
        self.came = self.came.saturating_add(length as u64);
        if self.waited < self.window {
            return true;
        }
        self.waited = Duration::ZERO;
        std::mem::take(&mut self.came) >= self.least
    }
}

struct Received {
    incoming: Option<Incoming>,
    progress: Arc<AtomicU8>,
    /// Until when the client of an `Expect` surely sends nothing unasked.
    waits_until: Option<Instant>,
    deadline: Deadline,
    pace: Pace,
    drains: Option<Drains>,
    open: Open,
}

impl Received {
    fn set(&self, progress: Progress) {
        self.progress.fetch_max(progress as u8, Ordering::AcqRel);
    }

    /// Gives the body up: its client is too slow.
    fn stall(&mut self) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.set(Progress::Broken);
        self.incoming = None;
        Poll::Ready(Some(Err(BodyError::Stalled(self.deadline.after()))))
    }
}

impl http_body::Body for Received {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let Some(incoming) = &mut this.incoming else {
            // It stalled before. It must not look finished to whoever asks again.
            return Poll::Ready(Some(Err(BodyError::Stalled(this.deadline.after()))));
        };
        let polled = Pin::new(&mut *incoming).poll_frame(cx);
        let ended = incoming.is_end_stream();
        match polled {
            Poll::Ready(Some(Ok(frame))) => {
                let waited = this.deadline.clear();
                this.open.touch();
                let length = frame.data_ref().map_or(0, Bytes::len);
                if !ended && !this.pace.keeps(waited, length) {
                    return this.stall();
                }
                this.set(if ended { Progress::Finished } else { Progress::Begun });
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(None) => {
                this.set(Progress::Finished);
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => {
                this.set(Progress::Broken);
                Poll::Ready(Some(Err(BodyError::Interrupted(error.into()))))
            }
            Poll::Pending => {
                this.set(Progress::Begun);
                this.deadline.start();
                if !this.deadline.poll_expired(cx) {
                    return Poll::Pending;
                }
                this.stall()
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_some_and(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(SizeHint::default, Incoming::size_hint)
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        let progress = self.progress.load(Ordering::Acquire);
        let waits = self.waits_until.is_some_and(|until| Instant::now() < until);
        let may_send = progress == Progress::Begun as u8 || progress == Progress::Untouched as u8 && !waits;
        if let (true, Some(incoming), Some(drains)) = (may_send, self.incoming.take(), &self.drains) {
            drains.take_over(incoming, self.open.clone());
        }
    }
}
