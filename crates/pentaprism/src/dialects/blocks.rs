//! The bytes of a stored content on their way to a client, for every dialect that hands out files.

use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use http_body::{Frame, SizeHint};
use pentaprism_core::range::{ByteRange, ContentRange, RangeError};
use pentaprism_core::{Body, BodyError};
use pentaprism_store::{Blocks, ReadError, Reader};

/// The part of a file that a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    range: Range<u64>,
    whole: Option<u64>,
}

impl Part {
    /// What `Range` asks for of a file of `size` bytes. What is no single range of bytes counts as not asked for
    /// (RFC 9110, 14.2), and the whole file is meant.
    ///
    /// # Errors
    /// [`RangeError`] when the file has no byte in the range.
    pub(super) fn asked(range: Option<&str>, size: u64) -> Result<Self, RangeError> {
        match range.map(ByteRange::parse) {
            Some(Ok(range)) => Ok(Self { range: range.resolve(size)?, whole: Some(size) }),
            Some(Err(_)) | None => Ok(Self { range: 0..size, whole: None }),
        }
    }

    /// What the answer says about the part; absent for the whole file.
    pub(super) fn content_range(&self) -> Option<ContentRange> {
        self.whole.map(|length| ContentRange { first: self.range.start, last: self.range.end - 1, length })
    }

    /// The bytes of the part.
    ///
    /// # Errors
    /// [`ReadError`].
    pub(super) fn body(&self, reader: &Reader) -> Result<Body, ReadError> {
        if self.range.is_empty() {
            return Ok(Body::empty());
        }
        Ok(body(reader.read(self.range.clone())?, self.range.end - self.range.start))
    }
}

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
