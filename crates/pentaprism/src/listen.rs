//! Where connections come from: one port for all dialects, ports of single dialects beside it, encrypted or not.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pentaprism_server::connection::{Endpoints, Listen};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};

/// Several ports that are served as one.
pub struct Listeners {
    ports: Vec<TcpListener>,
    tls: Option<TlsAcceptor>,
    next: usize,
}

impl Listeners {
    /// Serves all `ports`, encrypted when there is a configuration for it.
    #[must_use]
    pub fn new(ports: Vec<TcpListener>, tls: Option<Arc<ServerConfig>>) -> Self {
        Self { ports, tls: tls.map(TlsAcceptor::from), next: 0 }
    }

    /// The next connection of any port. They take turns, so that a busy one does not starve the others.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(usize, TcpStream, SocketAddr)>> {
        for turn in 0..self.ports.len() {
            let listener = (self.next + turn) % self.ports.len();
            if let Poll::Ready(accepted) = self.ports[listener].poll_accept(cx) {
                self.next = listener + 1;
                return Poll::Ready(accepted.map(|(stream, remote)| (listener, stream, remote)));
            }
        }
        Poll::Pending
    }
}

impl Listen for Listeners {
    type Io = Connection;

    async fn accept(&mut self) -> io::Result<(Connection, Endpoints)> {
        let (listener, stream, remote) = std::future::poll_fn(|cx| self.poll_accept(cx)).await?;
        // Answers go out whole; waiting for more of them would only delay the last piece.
        stream.set_nodelay(true)?;
        let endpoints = Endpoints { remote, local: stream.local_addr()?, listener, secure: self.tls.is_some() };
        let connection = match &self.tls {
            // The handshake waits for the client, so it belongs to the connection and its deadline, not to the listener.
            Some(tls) => Connection::Shaking(Box::new(tls.accept(stream))),
            None => Connection::Plain(stream),
        };
        Ok((connection, endpoints))
    }
}

/// One connection.
pub enum Connection {
    /// Bytes as they are.
    Plain(TcpStream),
    /// Encrypted, and the two sides have not agreed yet how.
    Shaking(Box<Accept<TcpStream>>),
    /// Encrypted.
    Encrypted(Box<TlsStream<TcpStream>>),
}

/// A connection that can be read and written.
enum Ready<'c> {
    Plain(Pin<&'c mut TcpStream>),
    Encrypted(Pin<&'c mut TlsStream<TcpStream>>),
}

impl Connection {
    /// Ends the handshake, if there is one.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Ready<'_>>> {
        if let Self::Shaking(handshake) = self {
            let stream = ready!(Pin::new(handshake.as_mut()).poll(cx))?;
            *self = Self::Encrypted(Box::new(stream));
        }
        Poll::Ready(match self {
            Self::Plain(stream) => Ok(Ready::Plain(Pin::new(stream))),
            Self::Encrypted(stream) => Ok(Ready::Encrypted(Pin::new(stream.as_mut()))),
            Self::Shaking(_) => Err(io::ErrorKind::NotConnected.into()),
        })
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match ready!(self.poll_ready(cx))? {
            Ready::Plain(stream) => stream.poll_read(cx, buffer),
            Ready::Encrypted(stream) => stream.poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match ready!(self.poll_ready(cx))? {
            Ready::Plain(stream) => stream.poll_write(cx, bytes),
            Ready::Encrypted(stream) => stream.poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match ready!(self.poll_ready(cx))? {
            Ready::Plain(stream) => stream.poll_write_vectored(cx, slices),
            Ready::Encrypted(stream) => stream.poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(self.poll_ready(cx))? {
            Ready::Plain(stream) => stream.poll_flush(cx),
            Ready::Encrypted(stream) => stream.poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Encrypted(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
            // Nobody waits for a handshake that is not needed any more; dropping the connection closes it.
            Self::Shaking(_) => Poll::Ready(Ok(())),
        }
    }
}
