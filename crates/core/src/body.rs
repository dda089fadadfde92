//! The one body type of requests and responses: nothing, bytes at hand, or a stream.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};

type Stream = Pin<Box<dyn http_body::Body<Data = Bytes, Error = BodyError> + Send>>;

/// A request's or response's body. One allocation when it streams, none otherwise.
pub struct Body(Inner);

enum Inner {
    Empty,
    Full(Bytes),
    Stream(Stream),
}

/// Why a body ended before its end. A concrete type, so that futures over bodies stay `Send` and a handler can tell a
/// client that hung up from one that sent too much.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The connection broke, or the framing was wrong.
    #[error("the body was interrupted")]
    Interrupted(#[source] Box<dyn Error + Send + Sync>),
    /// No byte came for the given time.
    #[error("the body stalled: no byte for {} seconds", .0.as_secs())]
    Stalled(Duration),
    /// More bytes came than the limit allows.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// Whoever produced the body could not read it to its end.
    #[error("the body could not be read to its end")]
    Source(#[source] Box<dyn Error + Send + Sync>),
}

impl Body {
    /// A body without bytes.
    #[must_use]
    pub const fn empty() -> Self {
        Self(Inner::Empty)
    }

    /// A body that is read from `stream` as it is polled.
    pub fn stream(stream: impl http_body::Body<Data = Bytes, Error = BodyError> + Send + 'static) -> Self {
        Self(Inner::Stream(Box::pin(stream)))
    }

    /// The next piece of data, or `None` at the end. Trailers are passed over.
    ///
    /// # Errors
    /// The body's own [`BodyError`].
    pub async fn data(&mut self) -> Option<Result<Bytes, BodyError>> {
        loop {
            let frame = std::future::poll_fn(|cx| http_body::Body::poll_frame(Pin::new(&mut *self), cx)).await?;
            match frame.map(Frame::into_data) {
                Ok(Ok(data)) if data.is_empty() => {}
                Ok(Ok(data)) => return Some(Ok(data)),
                Ok(Err(_trailers)) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// The whole body, at most `limit` bytes of it.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`] beyond the limit, without reading further; else the body's own error.
    pub async fn collect(mut self, limit: u64) -> Result<Bytes, BodyError> {
        let too_large = BodyError::TooLarge { limit };
        if http_body::Body::size_hint(&self).lower() > limit {
            return Err(too_large);
        }
        // Copied together: a peer that sends single bytes must not cost a buffer for each.
        let mut collected = BytesMut::new();
        while let Some(piece) = self.data().await.transpose()? {
            if collected.len() as u64 + piece.len() as u64 > limit {
                return Err(too_large);
            }
            collected.extend_from_slice(&piece);
        }
        Ok(collected.freeze())
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Inner::Empty => formatter.write_str("Body(empty)"),
            Inner::Full(bytes) => write!(formatter, "Body({} bytes)", bytes.len()),
            Inner::Stream(_) => formatter.write_str("Body(stream)"),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::empty() } else { Self(Inner::Full(bytes)) }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Inner::Stream(stream) = &mut self.0 {
            return stream.as_mut().poll_frame(cx);
        }
        Poll::Ready(match std::mem::replace(&mut self.0, Inner::Empty) {
            Inner::Full(bytes) => Some(Ok(Frame::data(bytes))),
            Inner::Empty | Inner::Stream(_) => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inner::Empty => true,
            Inner::Full(_) => false,
            Inner::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Empty => SizeHint::with_exact(0),
            Inner::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Inner::Stream(stream) => stream.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::task::Waker;

    use super::*;

    /// Bodies of these tests are never pending.
    fn now<T>(future: impl Future<Output = T>) -> T {
        match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("the body is at hand"),
        }
    }

    struct Pieces(Vec<&'static str>);

    impl http_body::Body for Pieces {
        type Data = Bytes;
        type Error = BodyError;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            let next = (!self.0.is_empty()).then(|| self.0.remove(0));
            Poll::Ready(next.map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes())))))
        }
    }

    #[test]
    fn collects_up_to_its_limit_and_not_a_byte_more() {
        let body = || Body::stream(Pieces(vec!["ab", "", "c"]));
        assert_eq!(now(body().collect(3)).unwrap(), "abc");
        assert!(matches!(now(body().collect(2)), Err(BodyError::TooLarge { limit: 2 })));
        assert!(matches!(now(Body::from("abc").collect(2)), Err(BodyError::TooLarge { limit: 2 })));
        assert_eq!(now(Body::empty().collect(0)).unwrap(), "");
    }
}
