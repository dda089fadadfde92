//! The stream under hyper: gives back what the preface look-ahead took, and ends waits that take too long.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Limits;
use super::activity::Activity;
use super::deadline::Deadline;

/// A stream with two deadlines: from the first byte of an HTTP/1 head to the request, and for a write to go on.
///
/// hyper's own deadline for heads runs from the end of the last answer, so it has to allow for idle connections as well;
/// this one begins with the first byte.
#[derive(Debug)]
pub(super) struct Socket<T> {
    stream: T,
    begun: Bytes,
    activity: Arc<Activity>,
    head: Option<Deadline>,
    write: Deadline,
}

impl<T> Socket<T> {
    /// A stream that first gives `begun`. Heads have a deadline only where `watch_heads` says so.
    pub(super) fn new(stream: T, begun: Bytes, activity: Arc<Activity>, limits: &Limits, watch_heads: bool) -> Self {
        let head = watch_heads.then(|| Deadline::new(limits.head));
        Self { stream, begun, activity, head, write: Deadline::new(limits.write) }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Socket<T> {
    /// Watches over one attempt to write: `attempt` may wait as long as the deadline says.
    fn poll_write_with<R>(
        &mut self,
        cx: &mut Context<'_>,
        attempt: impl FnOnce(Pin<&mut T>, &mut Context<'_>) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        let written = attempt(Pin::new(&mut self.stream), cx);
        if written.is_ready() {
            self.write.clear();
            return written;
        }
        self.write.start();
        if self.write.poll_expired(cx) {
            return Poll::Ready(Err(too_slow("the client takes nothing of the answer")));
        }
        Poll::Pending
    }

    /// Bytes came: where no request is open they belong to a head, whose deadline begins.
    fn received(&mut self) {
        let Some(head) = &mut self.head else { return };
        if self.activity.is_open() {
            head.clear();
        } else {
            head.start();
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Socket<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.begun.has_remaining() {
            let length = self.begun.len().min(buffer.remaining());
            buffer.put_slice(&self.begun.split_to(length));
            self.received();
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if read.is_ready() {
            if buffer.filled().len() > before {
                self.received();
            }
            return read;
        }
        let open = self.activity.is_open();
        if let Some(head) = &mut self.head {
            if open {
                head.clear();
            } else if head.poll_expired(cx) {
                return Poll::Ready(Err(too_slow("the head of the request does not end")));
            }
        }
        Poll::Pending
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Socket<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |stream, cx| stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |stream, cx| stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_write_with(cx, AsyncWrite::poll_shutdown)
    }
}

fn too_slow(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}
