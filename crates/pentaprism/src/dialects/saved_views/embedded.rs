//! Pictures inside of answers: the bytes of a data URL are read and encoded while the answer is sent, so that no answer
//! has to be in memory as a whole, however many clients read slowly (D-104).

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt as _, Stream};
use http::Response;
use http::header::CONTENT_LENGTH;
use http_body::{Frame, SizeHint};
use pentaprism_core::{Body, BodyError};
use pentaprism_store::{Blocks, ReadError, Reader};

/// What follows the empty rest of a data URL in an answer.
const END: &[u8] = b"\"}";

/// A picture that is to be sent.
pub(super) struct Picture {
    blocks: Blocks,
    size: u64,
}

impl Picture {
    /// All bytes of a content.
    ///
    /// # Errors
    /// [`ReadError`].
    pub(super) fn of(reader: &Reader) -> Result<Self, ReadError> {
        let size = reader.size();
        Ok(Self { blocks: reader.read(0..size)?, size })
    }
}

/// Where a handler leaves the picture of its answer, a request extension.
#[derive(Clone, Default)]
pub(super) struct Embedded(Arc<Mutex<Option<Picture>>>);

impl Embedded {
    /// Leaves a picture.
    pub(super) fn set(&self, picture: Picture) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(picture);
    }

    /// Puts the picture, if one was left, behind the beginning of the data URL with which the answer ends.
    pub(super) fn put_into(&self, response: Response<Body>) -> Response<Body> {
        let Some(picture) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() else { return response };
        let (mut head, mut body) = response.into_parts();
        // The body lies in memory as one piece, so that it is there at once.
        let text = body.data().now_or_never().flatten().and_then(Result::ok).unwrap_or_default();
        let Some(beginning) = text.strip_suffix(END).map(|beginning| text.slice_ref(beginning)) else {
            return Response::from_parts(head, Body::from(text));
        };
        head.headers.remove(CONTENT_LENGTH);
        Response::from_parts(head, Body::stream(Encoded::new(beginning, picture)))
    }
}

/// The answer: its beginning, the picture in base64, its end.
struct Encoded {
    blocks: Blocks,
    /// Bytes of the picture that are not encoded yet: fewer than three between two blocks.
    rest: BytesMut,
    /// Pieces that are finished.
    ready: VecDeque<Bytes>,
    /// Bytes of the answer that were not handed out yet.
    left: u64,
    read: bool,
}

impl Encoded {
    fn new(beginning: Bytes, picture: Picture) -> Self {
        let left = beginning.len() as u64 + picture.size.div_ceil(3) * 4 + END.len() as u64;
        Self { blocks: picture.blocks, rest: BytesMut::new(), ready: VecDeque::from([beginning]), left, read: false }
    }

    /// Encodes what makes whole groups of three, and at the end everything.
    fn encode(&mut self) {
        let whole = if self.read { self.rest.len() } else { self.rest.len() / 3 * 3 };
        let bytes = self.rest.split_to(whole);
        if !bytes.is_empty() {
            self.ready.push_back(STANDARD.encode(bytes).into());
        }
    }
}

impl http_body::Body for Encoded {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                self.left = self.left.saturating_sub(piece.len() as u64);
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            if self.read {
                return Poll::Ready(None);
            }
            match ready!(Pin::new(&mut self.blocks).poll_next(cx)) {
                Some(Ok(block)) => self.rest.extend_from_slice(&block),
                Some(Err(error)) => return Poll::Ready(Some(Err(BodyError::Source(Box::new(error))))),
                None => self.read = true,
            }
            self.encode();
            if self.read {
                self.ready.push_back(Bytes::from_static(END));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
