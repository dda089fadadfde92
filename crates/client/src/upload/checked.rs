//! A download that ends well only when its bytes are those that were promised.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use pentaprism_core::{Body, BodyError};

use super::digest::{Difference, Digest, Flow};

/// What a download is compared with.
pub(crate) struct Promise {
    /// How many bytes are still to come.
    pub(crate) length: Option<u64>,
    /// The digest of the whole, and the flow that has hashed what is there already.
    pub(crate) digest: Option<(Digest, Flow)>,
}

impl Promise {
    /// `body`, whose last piece is given out only after all of it was compared: a reader that counts bytes must not take
    /// wrong ones for the end.
    pub(crate) fn over(self, body: Body) -> Body {
        if self.length.is_none() && self.digest.is_none() {
            return body;
        }
        let (expected, flow) = self.digest.unzip();
        Body::stream(Checked { body, held: None, seen: 0, length: self.length, expected, flow, stage: Stage::Reading })
    }
}

type Finishing = Pin<Box<dyn Future<Output = (u64, Option<Digest>)> + Send>>;

struct Checked {
    body: Body,
    /// The last piece so far.
    held: Option<Bytes>,
    seen: u64,
    length: Option<u64>,
    expected: Option<Digest>,
    flow: Option<Flow>,
    stage: Stage,
}

enum Stage {
    Reading,
    Finishing(Finishing),
    /// What was held has been given out, and this follows.
    Failing(BodyError),
    Done,
}

impl Checked {
    fn differs(&mut self, difference: Difference) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.stage = Stage::Done;
        self.held = None;
        Poll::Ready(Some(Err(BodyError::Source(Box::new(difference)))))
    }

    fn ended(&mut self) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.stage = Stage::Done;
        Poll::Ready(self.held.take().map(|last| Ok(Frame::data(last))))
    }

    /// What is held back once the next piece is there.
    fn poll_reading(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(flow) = &mut self.flow {
            ready!(flow.poll_ready(cx));
        }
        let piece = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            Some(Err(error)) => {
                self.stage = Stage::Failing(error);
                return Poll::Ready(self.held.take());
            }
            None => {
                self.stage = match self.flow.take() {
                    Some(flow) => Stage::Finishing(Box::pin(flow.finish())),
                    None => Stage::Finishing(Box::pin(std::future::ready((0, None)))),
                };
                return Poll::Ready(None);
            }
        };
        if piece.is_empty() {
            return Poll::Ready(None);
        }
        self.seen += piece.len() as u64;
        if let Some(expected) = self.length.filter(|length| self.seen > *length) {
            let difference = Difference::Length { expected, got: self.seen };
            (self.held, self.stage) = (None, Stage::Failing(BodyError::Source(Box::new(difference))));
            return Poll::Ready(None);
        }
        if let Some(flow) = &mut self.flow {
            flow.add(piece.clone());
        }
        Poll::Ready(self.held.replace(piece))
    }
}

impl HttpBody for Checked {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        loop {
            match &mut this.stage {
                Stage::Reading => {
                    if let Some(piece) = ready!(this.poll_reading(cx)) {
                        return Poll::Ready(Some(Ok(Frame::data(piece))));
                    }
                }
                Stage::Finishing(digest) => {
                    let (_, got) = ready!(digest.as_mut().poll(cx));
                    if let Some(expected) = this.length.filter(|length| this.seen != *length) {
                        return this.differs(Difference::Length { expected, got: this.seen });
                    }
                    return match (this.expected.take(), got) {
                        (Some(expected), Some(got)) if expected != got => {
                            this.differs(Difference::Digest { expected, got })
                        }
                        _ => this.ended(),
                    };
                }
                Stage::Failing(_) => {
                    if let Stage::Failing(error) = std::mem::replace(&mut this.stage, Stage::Done) {
                        return Poll::Ready(Some(Err(error)));
                    }
                }
                Stage::Done => return Poll::Ready(None),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    fn size_hint(&self) -> SizeHint {
        let held = self.held.as_ref().map_or(0, |held| held.len() as u64);
        let (rest, mut whole) = (self.body.size_hint(), SizeHint::new());
        whole.set_lower(rest.lower() + held);
        if let Some(upper) = rest.upper() {
            whole.set_upper(upper + held);
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upload::digest::Algorithm;

    struct Pieces(Vec<Result<&'static str, ()>>);

    impl HttpBody for Pieces {
        type Data = Bytes;
        type Error = BodyError;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            let next = (!self.0.is_empty()).then(|| self.0.remove(0));
            Poll::Ready(next.map(|piece| match piece {
                Ok(text) => Ok(Frame::data(Bytes::from(text))),
                Err(()) => Err(BodyError::Interrupted("reset".into())),
            }))
        }
    }

    fn checked(pieces: &[Result<&'static str, ()>], length: Option<u64>, hex: Option<&str>) -> Body {
        let digest = hex.map(|hex| (Digest::told(Algorithm::Md5, hex), Flow::new(Algorithm::Md5)));
        Promise { length, digest }.over(Body::stream(Pieces(pieces.to_vec())))
    }

    async fn read(mut body: Body) -> (String, Option<BodyError>) {
        let mut text = String::new();
        loop {
            match body.data().await {
                Some(Ok(piece)) => text.push_str(std::str::from_utf8(&piece).unwrap()),
                Some(Err(error)) => {
                    assert!(body.data().await.is_none(), "nothing follows a failure");
                    return (text, Some(error));
                }
                None => return (text, None),
            }
        }
    }

    const ABC: &str = "900150983CD24FB0D6963F7D28E17F72";

    #[tokio::test]
    async fn what_was_promised_arrives_whole() {
        for pieces in [&[Ok("a"), Ok(""), Ok("bc")][..], &[Ok("abc")]] {
            for (length, digest) in [(None, None), (Some(3), None), (None, Some(ABC)), (Some(3), Some(ABC))] {
                let (text, error) = read(checked(pieces, length, digest)).await;
                assert_eq!((text.as_str(), error.is_none()), ("abc", true));
            }
        }
        let empty = read(checked(&[], Some(0), Some("d41d8cd98f00b204e9800998ecf8427e"))).await;
        assert!(empty.0.is_empty() && empty.1.is_none());
    }

    #[tokio::test]
    async fn what_differs_has_no_end() {
        for (pieces, length, digest, given, message) in [
            (&[Ok("ab"), Ok("d")][..], None, Some(ABC), "ab", "in place of md5 900150983cd24fb0d6963f7d28e17f72"),
            (&[Ok("ab")], Some(3), None, "", "there are 2 bytes in place of 3"),
            (&[Ok("ab"), Ok("c"), Ok("d"), Ok("e")], Some(3), Some(ABC), "abc", "there are 4 bytes in place of 3"),
            (&[], Some(1), None, "", "there are 0 bytes in place of 1"),
        ] {
            let (text, error) = read(checked(pieces, length, digest)).await;
            let Some(BodyError::Source(difference)) = error else { panic!("{pieces:?} passed") };
            assert!(difference.to_string().ends_with(message), "{difference}");
            assert!(text.len() <= given.len(), "{text}");
        }
    }

    #[tokio::test]
    async fn what_came_before_a_break_is_kept() {
        let (text, error) = read(checked(&[Ok("a"), Ok("b"), Err(())], Some(3), Some(ABC))).await;
        assert!(matches!(error, Some(BodyError::Interrupted(_))));
        assert_eq!(text, "ab", "it can be resumed from here");
    }
}
