//! Where connections come from.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// The two ends of a connection, an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoints {
    /// Who connected.
    pub remote: SocketAddr,
    /// The address that was connected to.
    pub local: SocketAddr,
    /// Which of several listeners it was, counted from 0.
    pub listener: usize,
    /// Whether the connection is encrypted.
    pub secure: bool,
}

/// A source of connections.
pub trait Listen: Send + 'static {
    /// The stream of one connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Waits for the next connection. Dropping the future loses none.
    ///
    /// # Errors
    /// What the operating system says; it is asked again, after a pause where the error is not the client's.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Io, Endpoints)>> + Send;
}

impl Listen for TcpListener {
    type Io = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, Endpoints)> {
        let (stream, remote) = Self::accept(self).await?;
        // Answers go out whole; waiting for more of them would only delay the last piece.
        stream.set_nodelay(true)?;
        let local = stream.local_addr()?;
        Ok((stream, Endpoints { remote, local, listener: 0, secure: false }))
    }
}

/// The first pause after an error such as too many open files; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Remembers a pause across attempts that are dropped half-way.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    pause: Option<(Duration, Instant)>,
}

impl Backoff {
    fn extend(&mut self) {
        let longer = self.pause.map_or(FIRST_PAUSE, |(pause, _)| (pause * 2).min(LONGEST_PAUSE));
        self.pause = Some((longer, Instant::now() + longer));
    }
}

/// Waits for a free slot and then for a connection. Errors are logged and waited out.
pub(super) async fn accept<L: Listen>(
    listener: &mut L,
    slots: &Arc<Semaphore>,
    backoff: &mut Backoff,
) -> (L::Io, Endpoints, OwnedSemaphorePermit) {
    let slot = Arc::clone(slots).acquire_owned().await.expect("nobody closes the semaphore of slots");
    loop {
        if let Some((_, until)) = backoff.pause {
            tokio::time::sleep_until(until).await;
        }
        match listener.accept().await {
            Ok((io, endpoints)) => {
                backoff.pause = None;
                return (io, endpoints, slot);
            }
            Err(error) if is_clients(&error) => tracing::debug!(%error, "a connection broke before it was accepted"),
            Err(error) => {
                backoff.extend();
                tracing::warn!(%error, "connections cannot be accepted at the moment");
            }
        }
    }
}

/// Whether an error concerns one connection only.
fn is_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput, NotConnected};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | InvalidInput | NotConnected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::DuplexStream;

    struct Failing(Vec<io::ErrorKind>);

    impl Listen for Failing {
        type Io = DuplexStream;

        async fn accept(&mut self) -> io::Result<(DuplexStream, Endpoints)> {
            let anywhere = SocketAddr::from(([127, 0, 0, 1], 1));
            match self.0.pop() {
                Some(kind) => Err(kind.into()),
                None => Ok((
                    tokio::io::duplex(1).0,
                    Endpoints { remote: anywhere, local: anywhere, listener: 0, secure: false },
                )),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn errors_of_the_machine_are_waited_out_and_those_of_a_client_are_not() {
        let slots = Arc::new(Semaphore::new(1));
        for (kind, count, pause) in [
            (io::ErrorKind::ConnectionAborted, 9, 0),
            (io::ErrorKind::Other, 3, 10 + 20 + 40),
            (io::ErrorKind::Other, 8, 2270),
        ] {
            let began = Instant::now();
            let mut backoff = Backoff::default();
            let (_io, _endpoints, _slot) = accept(&mut Failing(vec![kind; count]), &slots, &mut backoff).await;
            assert_eq!(began.elapsed(), Duration::from_millis(pause), "{kind:?} {count}");
            assert!(backoff.pause.is_none());
        }
    }
}
