//! Bodies of any size that cost the client almost nothing: the same piece again and again.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use pentaprism_core::{Body, BodyError};

/// Length of a piece in bytes.
const PIECE: usize = 1 << 20;

/// A body of `length` bytes with a known length.
pub(crate) fn repeated(length: u64) -> Body {
    Body::stream(Repeated { piece: piece(), left: length })
}

/// One piece of bytes that do not compress.
pub(crate) fn piece() -> Bytes {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut bytes = Vec::with_capacity(PIECE);
    while bytes.len() < PIECE {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.into()
}

struct Repeated {
    piece: Bytes,
    left: u64,
}

impl http_body::Body for Repeated {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(PIECE);
        if length == 0 {
            return Poll::Ready(None);
        }
        self.left -= length as u64;
        Poll::Ready(Some(Ok(Frame::data(self.piece.slice(..length)))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
