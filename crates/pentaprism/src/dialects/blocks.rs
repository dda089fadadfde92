//! The bytes of a stored content on their way to a client, for every dialect that hands out files.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use http_body::{Frame, SizeHint};
use pentaprism_core::{Body, BodyError};
use pentaprism_store::Blocks;

/// The `length` bytes of `blocks` as the body of an answer.
///
/// A block that cannot be read breaks the connection: the answer's status is out already, and a clean end would pass for
/// the whole file. The cause is logged where answers are measured.
pub(super) fn body(blocks: Blocks, length: u64) -> Body {
    Body::stream(Content { blocks, left: length })
}

struct Content {
    blocks: Blocks,
    left: u64,
}

impl http_body::Body for Content {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.blocks).poll_next(cx).map(|block| {
            let block = block?.map_err(|error| BodyError::Source(Box::new(error)));
            Some(block.map(|bytes| {
                self.left = self.left.saturating_sub(bytes.len() as u64);
                Frame::data(bytes)
            }))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
