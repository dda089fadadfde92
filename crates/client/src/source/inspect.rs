//! Looking at what a source sends without changing it: at all that goes by, and at its first bytes.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use pentaprism_core::{Body, BodyError};

use super::{Origin, Source, SourceError};

/// Wraps the body of an attempt. It leaves the bytes as they are.
pub(crate) type Look = Arc<dyn Fn(Body) -> Body + Send + Sync>;

impl Source {
    /// Passes the body of every attempt through `look`.
    #[must_use]
    pub(crate) fn looked_at(mut self, look: Look) -> Self {
        self.look = Some(look);
        self
    }

    /// The same bytes, read without telling anybody.
    #[must_use]
    pub(crate) fn silent(&self) -> Self {
        Self { origin: self.origin.clone(), progress: None, look: None }
    }

    /// The first `count` bytes, or all there are. They are still sent: a stream gets them back in front.
    pub(crate) async fn first_bytes(&self, count: usize) -> Result<Bytes, SourceError> {
        let Origin::Once { body: shared, .. } = &self.origin else {
            return read_first(&mut self.silent().part(0..count as u64).body().await?, count)
                .await
                .map(|(first, _)| first);
        };
        let taken = shared.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut body = taken.ok_or(SourceError::Once)?;
        let (first, pieces) = read_first(&mut body, count).await?;
        let whole = if pieces.is_empty() { body } else { Body::stream(Rejoined { first: pieces, rest: body }) };
        *shared.lock().unwrap_or_else(PoisonError::into_inner) = Some(whole);
        Ok(first)
    }
}

/// The first `count` bytes, and the pieces they were read in.
async fn read_first(body: &mut Body, count: usize) -> Result<(Bytes, VecDeque<Bytes>), SourceError> {
    let (mut first, mut pieces) = (BytesMut::new(), VecDeque::new());
    while first.len() < count {
        let Some(piece) = body.data().await else { break };
        let piece = piece.map_err(|error| SourceError::Other(Box::new(error)))?;
        first.extend_from_slice(&piece[..piece.len().min(count - first.len())]);
        pieces.push_back(piece);
    }
    Ok((first.freeze(), pieces))
}

/// A body whose first pieces were read already.
struct Rejoined {
    first: VecDeque<Bytes>,
    rest: Body,
}

impl HttpBody for Rejoined {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.first.pop_front() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let first: usize = self.first.iter().map(Bytes::len).sum();
        let (rest, mut whole) = (self.rest.size_hint(), SizeHint::new());
        whole.set_lower(rest.lower() + first as u64);
        if let Some(upper) = rest.upper() {
            whole.set_upper(upper + first as u64);
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Counters;

    async fn sent(source: &Source) -> Bytes {
        source.body().await.unwrap().collect(100).await.unwrap()
    }

    #[tokio::test]
    async fn first_bytes_are_sent_all_the_same() {
        let counters = Arc::new(Counters::default());
        for source in [Source::from("a picture"), Source::once(Body::from("a picture"), None)] {
            let source = source.with_progress(counters.clone());
            for (count, first) in [(0, ""), (1, "a"), (9, "a picture"), (20, "a picture")] {
                assert_eq!(source.first_bytes(count).await.unwrap(), first, "{source:?}");
            }
            assert_eq!(counters.bytes_sent() % 9, 0, "looking is not sending");
            assert_eq!(sent(&source).await, "a picture");
        }
        assert_eq!(counters.bytes_sent(), 18);
        let empty = Source::once(Body::empty(), None);
        assert_eq!(empty.first_bytes(4).await.unwrap(), "");
        assert_eq!(sent(&empty).await, "");
        assert!(matches!(empty.first_bytes(4).await, Err(SourceError::Once)));
    }
}
