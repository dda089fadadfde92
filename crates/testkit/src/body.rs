//! Bodies of exchanges as the server and the client get them: whole, or in two halves with a wait between them.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use pentaprism_core::{Body, BodyError};
use tokio::sync::oneshot;

use crate::exchange::Payload;

/// The most that one frame of a repeated body holds, in bytes.
const FRAME: u64 = 64 * 1024;

/// The payload as a body of known length, or, when `chunked`, of unknown length.
#[must_use]
pub fn whole(payload: &Payload, chunked: bool) -> Body {
    match payload {
        Payload::Bytes(bytes) if !chunked => Body::from(bytes.clone()),
        payload => Body::stream(Pieces::new(payload, chunked)),
    }
}

/// A body whose second half waits for its [`HeldHalf`].
#[must_use]
pub fn half_open(payload: &Payload, chunked: bool) -> (Body, HeldHalf) {
    let (first, second) = payload.halves();
    let (release, released) = oneshot::channel();
    let (reach, reached) = oneshot::channel();
    let body = HalfOpen {
        length: if chunked { None } else { Some(payload.len()) },
        pieces: Pieces::new(&first, chunked),
        second: Some(Pieces::new(&second, chunked)),
        reach: Some(reach),
        released,
    };
    (Body::stream(body), HeldHalf { release, reached: Some(reached) })
}

/// What the client of a half-open request still holds back. Dropping it hangs up.
#[derive(Debug)]
pub struct HeldHalf {
    release: oneshot::Sender<()>,
    reached: Option<oneshot::Receiver<()>>,
}

impl HeldHalf {
    /// Waits until the server has read the first half and asks for more. Returns `false` when it gave the body up instead.
    pub async fn reached(&mut self) -> bool {
        match self.reached.take() {
            Some(reached) => reached.await.is_ok(),
            None => false,
        }
    }

    /// Sends the second half. A server that does not read any more does not mind.
    pub fn finish(self) {
        let _ = self.release.send(());
    }

    /// Hangs up: the body ends with an error.
    pub fn abort(self) {
        drop(self.release);
    }
}

/// The client hung up, as an exchange's `### abort` wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client hung up")]
pub struct HungUp;

/// A payload, frame by frame.
struct Pieces {
    payload: Payload,
    left: u64,
    chunked: bool,
}

impl Pieces {
    fn new(payload: &Payload, chunked: bool) -> Self {
        Self { left: payload.len(), payload: payload.clone(), chunked }
    }

    fn next(&mut self) -> Option<Bytes> {
        if self.left == 0 {
            return None;
        }
        let piece = match &self.payload {
            Payload::Bytes(bytes) => bytes.clone(),
            Payload::Repeat { byte, .. } => vec![*byte; usize::try_from(self.left.min(FRAME)).unwrap_or(0)].into(),
        };
        self.left -= piece.len() as u64;
        Some(piece)
    }
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(self.next().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0 && !self.chunked
    }

    fn size_hint(&self) -> SizeHint {
        if self.chunked { SizeHint::default() } else { SizeHint::with_exact(self.left) }
    }
}

struct HalfOpen {
    length: Option<u64>,
    pieces: Pieces,
    second: Option<Pieces>,
    reach: Option<oneshot::Sender<()>>,
    released: oneshot::Receiver<()>,
}

impl http_body::Body for HalfOpen {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            if let Some(piece) = self.pieces.next() {
                self.length = self.length.map(|length| length - piece.len() as u64);
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            if self.second.is_none() {
                return Poll::Ready(None);
            }
            if let Some(reach) = self.reach.take() {
                let _ = reach.send(());
            }
            match Pin::new(&mut self.released).poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => {
                    self.second = None;
                    return Poll::Ready(Some(Err(BodyError::Interrupted(Box::new(HungUp)))));
                }
            }
            if let Some(second) = self.second.take() {
                self.pieces = second;
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().build().unwrap()
    }

    #[test]
    fn long_repetitions_come_in_frames() {
        let payload = Payload::repeat(200_000, b'x');
        runtime().block_on(async {
            let mut body = whole(&payload, false);
            assert_eq!(http_body::Body::size_hint(&body).exact(), Some(200_000));
            assert_eq!(body.data().await.unwrap().unwrap().len(), 65_536);
            assert_eq!(body.collect(200_000).await.unwrap().len(), 200_000 - 65_536);
            assert_eq!(http_body::Body::size_hint(&whole(&payload, true)).exact(), None);
        });
    }

    #[test]
    fn the_second_half_waits_for_its_release() {
        let payload = Payload::from(Bytes::from_static(b"abcde"));
        runtime().block_on(async {
            let (mut body, mut held) = half_open(&payload, false);
            assert_eq!(http_body::Body::size_hint(&body).exact(), Some(5));
            assert_eq!(body.data().await.unwrap().unwrap(), "ab");
            let more = tokio::spawn(async move { body.collect(10).await });
            assert!(held.reached().await);
            held.finish();
            assert_eq!(more.await.unwrap().unwrap(), "cde");
        });
    }

    #[test]
    fn hanging_up_breaks_the_body_and_giving_it_up_is_noticed() {
        let payload = Payload::from(Bytes::from_static(b"abcde"));
        runtime().block_on(async {
            let (body, held) = half_open(&payload, true);
            held.abort();
            assert!(matches!(body.collect(10).await, Err(BodyError::Interrupted(_))));
            let (body, mut held) = half_open(&payload, true);
            drop(body);
            assert!(!held.reached().await);
        });
    }
}
