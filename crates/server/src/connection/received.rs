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
    /// Between two pieces of the body.
    pub(super) idle: Duration,
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
        waits_for_continue: head.headers.contains_key(http::header::EXPECT),
        deadline: Deadline::new(surroundings.idle),
        drains: surroundings.drains,
        open: surroundings.open,
    };
    (Body::stream(received), Watch(Some(progress)))
}

struct Received {
    incoming: Option<Incoming>,
    progress: Arc<AtomicU8>,
    waits_for_continue: bool,
    deadline: Deadline,
    drains: Option<Drains>,
    open: Open,
}

impl Received {
    fn set(&self, progress: Progress) {
        self.progress.fetch_max(progress as u8, Ordering::AcqRel);
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
                this.deadline.clear();
                this.open.touch();
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
                this.set(Progress::Broken);
                this.incoming = None;
                Poll::Ready(Some(Err(BodyError::Stalled(this.deadline.after()))))
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
        let told_to_send =
            progress == Progress::Begun as u8 || progress == Progress::Untouched as u8 && !self.waits_for_continue;
        if let (true, Some(incoming), Some(drains)) = (told_to_send, self.incoming.take(), &self.drains) {
            drains.take_over(incoming, self.open.clone());
        }
    }
}
