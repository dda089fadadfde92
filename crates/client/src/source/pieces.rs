//! A body in pieces of moderate size, however it came: whoever watches it sees it move while it is written.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use pentaprism_core::BodyError;

/// The largest piece. Bytes in memory come as one piece, and over a slow line that would seem to stand still for its whole length.
const LARGEST: usize = 512 * 1024;

/// The same bytes as `body`, without copying them.
pub(crate) struct Pieces<B> {
    body: B,
    rest: Bytes,
}

impl<B> Pieces<B> {
    pub(crate) const fn of(body: B) -> Self {
        Self { body, rest: Bytes::new() }
    }
}

impl<B: HttpBody<Data = Bytes, Error = BodyError> + Unpin> HttpBody for Pieces<B> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)).map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => self.rest = data,
                Some(Ok(Err(other))) => return Poll::Ready(Some(Ok(other))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        let piece = self.rest.len().min(LARGEST);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, mut whole) = (self.body.size_hint(), SizeHint::new());
        let kept = self.rest.len() as u64;
        whole.set_lower(rest.lower() + kept);
        if let Some(upper) = rest.upper() {
            whole.set_upper(upper + kept);
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use pentaprism_core::Body;

    use super::*;

    #[tokio::test]
    async fn what_is_large_comes_in_pieces() {
        let bytes: Vec<u8> = (0..LARGEST * 2 + 7).map(|index| u8::try_from(index % 251).unwrap()).collect();
        let mut pieces = Pieces::of(Body::from(bytes.clone()));
        let (mut lengths, mut got) = (Vec::new(), Vec::new());
        while !pieces.is_end_stream() {
            assert_eq!(pieces.size_hint().exact(), Some((bytes.len() - got.len()) as u64));
            let frame = std::future::poll_fn(|cx| Pin::new(&mut pieces).poll_frame(cx)).await.unwrap().unwrap();
            let piece = frame.into_data().unwrap();
            lengths.push(piece.len());
            got.extend_from_slice(&piece);
        }
        assert_eq!(lengths, [LARGEST, LARGEST, 7]);
        assert!(got == bytes && pieces.size_hint().exact() == Some(0));
        assert!(std::future::poll_fn(|cx| Pin::new(&mut pieces).poll_frame(cx)).await.is_none());
    }
}
