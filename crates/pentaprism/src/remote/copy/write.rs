//! Taking a body to a file or to standard output, on a thread that may block, hashed on the way when asked.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};

use bytes::Bytes;
use pentaprism_client::upload::{Algorithm, Digest, Digesting};
use pentaprism_core::{Body, BodyError};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::remote::service::Checksum;

/// Pieces that may wait for the disk. With pieces of up to half a MiB this bounds the memory of a download.
const QUEUE: usize = 8;

/// The fastest digest among those that the service tells.
pub fn told(checksums: &[Checksum]) -> Option<Digest> {
    let told = |algorithm: Algorithm| {
        let named = checksums.iter().find(|checksum| Algorithm::of_name(&checksum.algorithm) == Some(algorithm))?;
        Some(Digest::told(algorithm, &named.digits))
    };
    [Algorithm::Md5, Algorithm::Sha256, Algorithm::Sha512].into_iter().find_map(told)
}

/// Begins the digest of bytes of which the first `length` are in `file`; leaves its position behind them.
///
/// # Errors
/// The file cannot be read, or is shorter.
pub async fn digest_of(mut file: File, length: u64, algorithm: Algorithm) -> io::Result<Digesting> {
    let read = spawn_blocking(move || {
        let mut digesting = algorithm.begin();
        let mut buffer = vec![0; 256 * 1024];
        let mut left = length;
        file.seek(SeekFrom::Start(0))?;
        while left > 0 {
            let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            file.read_exact(&mut buffer[..wanted])?;
            digesting.update(&buffer[..wanted]);
            left -= wanted as u64;
        }
        Ok(digesting)
    });
    read.await.map_err(io::Error::other)?
}

/// A writer on its thread. Bodies can be given to it one behind the other, so that a broken one is followed by its rest.
pub struct Writer {
    pieces: mpsc::Sender<Bytes>,
    thread: JoinHandle<io::Result<Option<Digest>>>,
    written: u64,
}

impl Writer {
    /// Writes to `output` what it is given.
    pub fn start(mut output: impl Write + Send + 'static, mut digesting: Option<Digesting>) -> Self {
        let (pieces, mut taken) = mpsc::channel::<Bytes>(QUEUE);
        let thread = spawn_blocking(move || {
            while let Some(piece) = taken.blocking_recv() {
                output.write_all(&piece)?;
                if let Some(digesting) = &mut digesting {
                    digesting.update(&piece);
                }
            }
            output.flush()?;
            Ok(digesting.map(Digesting::finish))
        });
        Self { pieces, thread, written: 0 }
    }

    /// How many bytes were handed to the thread.
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// Writes `body` to its end; `each` is told the length of every piece.
    ///
    /// # Errors
    /// [`BodyError`] of the body. When the output fails, the error is told by [`Self::finish`], and the body is left alone.
    pub async fn take(&mut self, mut body: Body, each: impl Fn(u64)) -> Result<(), BodyError> {
        while let Some(piece) = body.data().await.transpose()? {
            let length = piece.len() as u64;
            if self.pieces.send(piece).await.is_err() {
                return Ok(());
            }
            self.written += length;
            each(length);
        }
        Ok(())
    }

    /// Waits until everything is written. Gives the digest, if one was to be made.
    ///
    /// # Errors
    /// What the operating system says.
    pub async fn finish(self) -> io::Result<Option<Digest>> {
        drop(self.pieces);
        self.thread.await.map_err(io::Error::other)?
    }
}

/// A body of what `input` gives, read on a thread that may block.
pub fn read(mut input: impl io::Read + Send + 'static) -> Body {
    let (sender, pieces) = mpsc::channel::<Result<Bytes, BodyError>>(2);
    spawn_blocking(move || {
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let piece = match input.read(&mut buffer) {
                Ok(0) => return,
                Ok(length) => Ok(Bytes::copy_from_slice(&buffer[..length])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(BodyError::Source(Box::new(error))),
            };
            let ended = piece.is_err();
            if sender.blocking_send(piece).is_err() || ended {
                return;
            }
        }
    });
    Body::stream(Received(pieces))
}

/// A body that comes through a channel.
struct Received(mpsc::Receiver<Result<Bytes, BodyError>>);

impl http_body::Body for Received {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, BodyError>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|piece| piece.map(http_body::Frame::data)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn bodies_are_written_one_behind_the_other_and_hashed() {
        let checksum =
            |algorithm: &str, digits: &str| Checksum { algorithm: algorithm.to_owned(), digits: digits.to_owned() };
        let checksums = [checksum("sha512", ""), checksum("MD5", "900150983cd24fb0d6963f7d28e17f72")];
        let wanted = told(&checksums).unwrap();
        let output = Shared::default();
        let mut writer = Writer::start(output.clone(), Some(wanted.algorithm.begin()));
        let counted = Mutex::new(0);
        for piece in ["a", "bc"] {
            writer.take(Body::from(piece), |length| *counted.lock().unwrap() += length).await.unwrap();
        }
        assert_eq!((writer.written(), *counted.lock().unwrap()), (3, 3));
        assert_eq!(writer.finish().await.unwrap(), Some(wanted));
        assert_eq!(*output.0.lock().unwrap(), b"abc");
    }

    #[tokio::test]
    async fn a_full_disk_ends_the_transfer() {
        let mut writer = Writer::start(Full, None);
        let many = Body::stream(Received({
            let (sender, receiver) = mpsc::channel(100);
            for _ in 0..100 {
                sender.try_send(Ok(Bytes::from_static(b"piece"))).unwrap();
            }
            receiver
        }));
        writer.take(many, |_| ()).await.unwrap();
        let Err(error) = writer.finish().await else { panic!("it was written") };
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }

    #[tokio::test]
    async fn an_input_becomes_a_body() {
        let bytes = vec![7; 600_000];
        let body = read(io::Cursor::new(bytes.clone()));
        assert!(body.collect(1 << 20).await.unwrap() == bytes);
    }
}
