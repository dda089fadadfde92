//! The length and the digest of what an upload sends, attempt by attempt.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use pentaprism_core::{Body, BodyError};

use super::digest::{Algorithm, Digest, Flow};
use crate::source::{Look, Source};

/// What an attempt has sent so far.
#[derive(Default)]
struct Sent {
    bytes: u64,
    /// Where a digest is wanted.
    flow: Option<Flow>,
}

type Shared = Arc<Mutex<Sent>>;

/// Watches the attempts of an upload. The last one counts.
pub(crate) struct Watch(Arc<Mutex<Shared>>);

impl Watch {
    /// A source with the same bytes, whose length is known after it was sent, and its digest when one is wanted.
    pub(crate) fn over(source: Source, algorithm: Option<Algorithm>) -> (Self, Source) {
        let current: Arc<Mutex<Shared>> = Arc::default();
        let slot = Arc::clone(&current);
        let look: Look = Arc::new(move |body| {
            let sent: Shared = Arc::new(Mutex::new(Sent { bytes: 0, flow: algorithm.map(Flow::new) }));
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&sent);
            Body::stream(Watched { body, sent })
        });
        (Self(current), source.looked_at(look))
    }

    /// How many bytes the last attempt has sent, and their digest if one was wanted.
    pub(crate) async fn finish(&self) -> (u64, Option<Digest>) {
        let last = Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let Sent { bytes, flow } = std::mem::take(&mut *last.lock().unwrap_or_else(PoisonError::into_inner));
        match flow {
            Some(flow) => (bytes, flow.finish().await.1),
            None => (bytes, None),
        }
    }
}

struct Watched {
    body: Body,
    sent: Shared,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let mut sent = this.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flow) = &mut sent.flow {
            ready!(flow.poll_ready(cx));
        }
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            sent.bytes += data.len() as u64;
            if let Some(flow) = &mut sent.flow {
                flow.add(data.clone());
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
