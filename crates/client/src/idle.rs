//! A deadline on silence: an exchange may take as long as it likes, as long as something moves.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use pentaprism_core::BodyError;
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep_until};

/// What is known of a request's body: when it moved last, and why it broke off if it did.
#[derive(Debug, Clone)]
pub(crate) struct Activity(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    broken: Notify,
}

#[derive(Debug)]
struct State {
    last: Instant,
    error: Option<BodyError>,
}

impl Activity {
    pub(crate) fn begin() -> Self {
        let state = Mutex::new(State { last: Instant::now(), error: None });
        Self(Arc::new(Shared { state, broken: Notify::new() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self) {
        self.state().last = Instant::now();
    }

    fn last(&self) -> Instant {
        self.state().last
    }

    /// Keeps the error of the request's body: over HTTP/2 it would not come back to whoever waits for the answer. Whoever
    /// sends the body gets another in its place.
    fn keep(&self, error: BodyError) -> BodyError {
        self.state().error = Some(error);
        self.0.broken.notify_one();
        BodyError::Interrupted("the request's body broke off".into())
    }

    /// The error of the request's body, if there was one that nobody has taken yet.
    pub(crate) fn taken_error(&self) -> Option<BodyError> {
        self.state().error.take()
    }

    /// Resolves once the request's body has failed, with its error.
    pub(crate) async fn broken(&self) -> BodyError {
        loop {
            if let Some(error) = self.taken_error() {
                return error;
            }
            self.0.broken.notified().await;
        }
    }

    /// Resolves once nothing has moved for `idle`.
    pub(crate) async fn silence(&self, idle: Duration) {
        loop {
            let end = self.last() + idle;
            if end <= Instant::now() {
                return;
            }
            sleep_until(end).await;
        }
    }
}

/// A request's body that notes when a piece of it is taken, and why there is none.
pub(crate) struct Noted<B> {
    pub(crate) body: B,
    pub(crate) activity: Activity,
}

impl<B: HttpBody<Data = Bytes, Error = BodyError> + Unpin> HttpBody for Noted<B> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.activity.note();
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        frame.map(|frame| frame.map(|frame| frame.map_err(|error| self.activity.keep(error))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body that ends in [`BodyError::Stalled`] when no piece comes for too long.
pub(crate) struct Impatient<B> {
    body: B,
    idle: Duration,
    says_its_end: bool,
    deadline: Pin<Box<Sleep>>,
}

impl<B> Impatient<B> {
    /// `says_its_end`: `body` knows when it has come to its end, and may stop before without an error. So it is over HTTP/2: a
    /// stream that the service resets with `NO_ERROR` or `CANCEL` just stops.
    pub(crate) fn new(body: B, idle: Duration, says_its_end: bool) -> Self {
        Self { body, idle, says_its_end, deadline: Box::pin(sleep_until(Instant::now() + idle)) }
    }
}

impl<B> HttpBody for Impatient<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let idle = self.idle;
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.deadline.as_mut().reset(Instant::now() + idle);
            if frame.is_none() && self.says_its_end && !self.body.is_end_stream() {
                self.says_its_end = false;
                let reset = "the service ended the answer before it was complete";
                return Poll::Ready(Some(Err(BodyError::Interrupted(reset.into()))));
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(|error| BodyError::Interrupted(Box::new(error)))));
        }
        self.deadline.as_mut().poll(cx).map(|()| Some(Err(BodyError::Stalled(idle))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use pentaprism_core::Body;

    use super::*;

    /// A body that never goes on.
    struct Silent;

    impl HttpBody for Silent {
        type Data = Bytes;
        type Error = BodyError;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_body_ends_in_an_error() {
        let idle = Duration::from_mins(5);
        let mut body = Body::stream(Impatient::new(Silent, idle, false));
        let began = Instant::now();
        assert!(matches!(body.data().await, Some(Err(BodyError::Stalled(after))) if after == idle));
        assert_eq!(began.elapsed(), idle);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_begins_with_the_last_piece() {
        let idle = Duration::from_secs(10);
        let activity = Activity::begin();
        let mut body = Body::stream(Noted { body: Body::from("abc"), activity: activity.clone() });
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(body.data().await.and_then(Result::ok), Some(Bytes::from_static(b"abc")));
        let began = Instant::now();
        activity.silence(idle).await;
        assert_eq!(began.elapsed(), idle);
    }
}
