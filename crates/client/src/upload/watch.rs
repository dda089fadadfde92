//! The digest of what an upload sends, attempt by attempt.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use pentaprism_core::{Body, BodyError};

use super::digest::{Algorithm, Digest, Flow};
use crate::source::{Look, Source};

type Shared = Arc<Mutex<Option<Flow>>>;

/// Watches the attempts of an upload. The last one counts.
pub(crate) struct Watch(Arc<Mutex<Shared>>);

impl Watch {
    /// A source with the same bytes, whose digest is known after it was sent.
    pub(crate) fn over(source: Source, algorithm: Algorithm) -> (Self, Source) {
        let current: Arc<Mutex<Shared>> = Arc::default();
        let slot = Arc::clone(&current);
        let look: Look = Arc::new(move |body| {
            let flow: Shared = Arc::new(Mutex::new(Some(Flow::new(algorithm))));
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&flow);
            Body::stream(Watched { body, flow })
        });
        (Self(current), source.looked_at(look))
    }

    /// How many bytes the last attempt has sent, and their digest.
    pub(crate) async fn finish(&self) -> Option<(u64, Digest)> {
        let last = Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let flow = last.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let (bytes, digest) = flow.finish().await;
        digest.map(|digest| (bytes, digest))
    }
}

struct Watched {
    body: Body,
    flow: Shared,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let mut flow = this.flow.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flow) = &mut *flow {
            ready!(flow.poll_ready(cx));
        }
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        if let (Some(flow), Some(Ok(frame))) = (&mut *flow, &frame)
            && let Some(data) = frame.data_ref()
        {
            flow.add(data.clone());
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
