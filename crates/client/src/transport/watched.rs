//! A connection whose other side is heard to the end when it hangs up in the middle of a request: it may have said why.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::client::legacy::connect::{Connected, Connection};

use super::connect::{ConnectError, Link};

/// Why the service did not want to hear the client, once that is known. HTTP/2 would hand on no more than its text.
#[derive(Debug, Clone, Default)]
pub(super) struct Rejection(Arc<OnceLock<ConnectError>>);

impl Rejection {
    pub(super) fn get(&self) -> Option<&ConnectError> {
        self.0.get()
    }
}

/// How much goes nowhere, in bytes, before the other side must have been heard: some pieces of a body.
const NOWHERE_BYTES: usize = 2 * 1024 * 1024;

/// A connection. When the other side takes nothing any more, what is written goes nowhere for a while, so that what it said
/// before that is read, be it an answer (that the body is too large, say) or an alert of TLS. Then the writing's error is told.
pub(super) struct Watched {
    stream: MaybeHttpsStream<Link>,
    host: String,
    rejection: Rejection,
    hung_up: Option<HungUp>,
}

struct HungUp {
    error: io::ErrorKind,
    left: usize,
    /// Between two pieces that go nowhere, whoever writes has to let the runtime see what can be read.
    turn: Turn,
}

type Turn = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Watched {
    pub(super) fn new(stream: MaybeHttpsStream<Link>, host: String) -> Self {
        Self { stream, host, rejection: Rejection::default(), hung_up: None }
    }

    /// Keeps what an error says of the client.
    fn note(&self, error: io::Error) -> io::Error {
        if let Some(rejection) = ConnectError::of_connection(&self.host, &error) {
            // The first is the cause of those that follow.
            self.rejection.0.get_or_init(|| rejection);
        }
        error
    }

    /// What writing `length` bytes came to, as it is told.
    fn written(&mut self, result: io::Result<usize>, length: usize) -> io::Result<usize> {
        match result {
            Err(error) if is_hanging_up(error.kind()) => {
                self.hung_up = Some(HungUp { error: error.kind(), left: NOWHERE_BYTES, turn: turn() });
                self.swallow(length)
            }
            result => result.map_err(|error| self.note(error)),
        }
    }

    /// Reads what the other side said before it hung up. It said no more than that, so the end is an error.
    fn poll_rest(&mut self, cx: &mut Context<'_>, mut buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; 4096];
        let room = bytes.len().min(buffer.remaining());
        let mut read = ReadBuf::new(&mut bytes[..room]);
        let result = ready!(Pin::new(&mut self.stream).poll_read(cx, read.unfilled()));
        result.map_err(|error| self.note(error))?;
        match &mut self.hung_up {
            Some(hung_up) if read.filled().is_empty() => {
                hung_up.left = 0;
                return Poll::Ready(Err(hung_up.error.into()));
            }
            _ => buffer.put_slice(read.filled()),
        }
        Poll::Ready(Ok(()))
    }

    /// As [`Watched::swallow`], once what can be read has been.
    fn poll_swallow(&mut self, cx: &mut Context<'_>, length: usize) -> Poll<io::Result<usize>> {
        if let Some(hung_up) = &mut self.hung_up {
            ready!(hung_up.turn.as_mut().poll(cx));
            hung_up.turn = turn();
        }
        Poll::Ready(self.swallow(length))
    }

    /// Takes `length` bytes that go nowhere.
    fn swallow(&mut self, length: usize) -> io::Result<usize> {
        match &mut self.hung_up {
            Some(HungUp { error, left, .. }) if *left == 0 => Err((*error).into()),
            Some(HungUp { left, .. }) => {
                *left = left.saturating_sub(length);
                Ok(length)
            }
            None => Ok(0),
        }
    }
}

fn turn() -> Turn {
    Box::pin(tokio::task::yield_now())
}

fn is_hanging_up(error: io::ErrorKind) -> bool {
    matches!(error, io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted)
}

impl Connection for Watched {
    fn connected(&self) -> Connected {
        self.stream.connected().extra(self.rejection.clone())
    }
}

impl Read for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        if self.hung_up.is_some() {
            return self.poll_rest(cx, buffer);
        }
        let result = Pin::new(&mut self.stream).poll_read(cx, buffer);
        result.map(|result| result.map_err(|error| self.note(error)))
    }
}

impl Write for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.hung_up.is_some() {
            return self.poll_swallow(cx, bytes.len());
        }
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        result.map(|result| self.written(result, bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.hung_up.is_some() {
            return Poll::Ready(Ok(()));
        }
        let result = Pin::new(&mut self.stream).poll_flush(cx);
        result.map(|result| self.written(result.map(|()| 0), 0).map(|_| ()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = slices.iter().map(|slice| slice.len()).sum();
        if self.hung_up.is_some() {
            return self.poll_swallow(cx, length);
        }
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        result.map(|result| self.written(result, length))
    }
}
