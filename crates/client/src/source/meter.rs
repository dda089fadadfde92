//! A body that tells what is taken of it, and that has the length that was announced or fails.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use pentaprism_core::{Body, BodyError};

use super::{Pieces, SourceError};
use crate::progress::Progress;

/// How much one attempt has sent.
#[derive(Clone)]
pub(crate) struct Sent {
    /// `None` once the attempt has ended: its connection may go on with a body that was refused already.
    bytes: Arc<Mutex<Option<u64>>>,
    progress: Option<Arc<dyn Progress>>,
}

impl Sent {
    pub(super) fn new(progress: Option<Arc<dyn Progress>>) -> Self {
        Self { bytes: Arc::new(Mutex::new(Some(0))), progress }
    }

    fn more(&self, bytes: u64) {
        let mut sent = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sent) = &mut *sent else { return };
        *sent += bytes;
        if let Some(progress) = &self.progress {
            progress.sent(bytes);
        }
    }

    /// What was sent; nothing more will be counted.
    fn end(&self) -> u64 {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }

    /// The attempt failed: its bytes do not count.
    pub(crate) fn take_back(&self) {
        let bytes = self.end();
        if let (Some(progress), 1..) = (&self.progress, bytes) {
            progress.taken_back(bytes);
        }
    }

    /// The service has answered for all of it.
    pub(crate) fn acknowledge(&self) {
        let bytes = self.end();
        if let (Some(progress), 1..) = (&self.progress, bytes) {
            progress.acknowledged(bytes);
        }
    }
}

/// A body that counts.
pub(super) struct Metered {
    body: Pieces<Body>,
    /// The announced length, and what is left of it.
    length: Option<(u64, u64)>,
    sent: Sent,
}

impl Metered {
    pub(super) fn new(body: Body, length: Option<u64>, sent: Sent) -> Self {
        Self { body: Pieces::of(body), length: length.map(|length| (length, length)), sent }
    }

    /// Notes `bytes` more, unless they are more than was announced.
    fn count(&mut self, bytes: u64) -> Result<(), SourceError> {
        if let Some((said, left)) = &mut self.length {
            *left = left.checked_sub(bytes).ok_or(SourceError::Length { said: *said, longer: true })?;
        }
        self.sent.more(bytes);
        Ok(())
    }
}

fn failed<T>(error: SourceError) -> Poll<Option<Result<T, BodyError>>> {
    Poll::Ready(Some(Err(BodyError::Source(Box::new(error)))))
}

impl HttpBody for Metered {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        let taken = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(0, |data| data.len() as u64),
            Some(Err(_)) => 0,
            None => match self.length {
                Some((said, 1..)) => return failed(SourceError::Length { said, longer: false }),
                _ => return Poll::Ready(None),
            },
        };
        match self.count(taken) {
            Ok(()) => Poll::Ready(frame),
            Err(error) => failed(error),
        }
    }

    fn is_end_stream(&self) -> bool {
        // Never true early: the end of a body that is too short has to be seen.
        self.body.is_end_stream() && self.length.is_none_or(|(_, left)| left == 0)
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(|| self.body.size_hint(), |(_, left)| SizeHint::with_exact(left))
    }
}
