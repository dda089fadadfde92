//! What was sent, remembered so that it can be compared with what the service gives back: by a hash, never by the bytes.

use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use http_body::Frame;
use pentaprism_client::{Counters, Source, SourceError};
use pentaprism_core::{Body, BodyError};
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, spawn_blocking};

use super::spot::Spot;
use crate::remote::failure::{Failure, FailureKind};

/// By what [`Witness::compare`] compares.
pub const READ_BACK: &str = "bytes read back";

/// Bytes that are hashed at once, on a thread that may block. No such thread is kept in between: there are few, and reading the
/// source needs them, too.
const BATCH_BYTES: usize = 256 * 1024;
/// Pieces that are hashed at once at most, since a small piece may hold on to a large buffer.
const BATCH_PIECES: usize = 64;

/// Knows what was sent.
pub enum Witness {
    /// The source can be asked again.
    Again(Source),
    /// The stream was watched as it went by.
    Once(Arc<Mutex<Hashing>>),
    /// Nobody will compare, and the length is known.
    Length(u64),
}

/// The length and the hash of bytes.
#[derive(Debug, PartialEq, Eq)]
struct Hashed {
    bytes: u64,
    digest: [u8; 32],
}

impl Witness {
    /// Looks on while `source` is sent: what has to be sent in its place, and who will know of it. `compare` says that they
    /// will be asked to compare.
    ///
    /// # Errors
    /// [`SourceError`] when it cannot be read.
    pub async fn of(source: Source, compare: bool) -> Result<(Source, Self), SourceError> {
        if source.can_be_read_again() {
            // A second reading is no progress of the upload.
            let again = source.clone().with_progress(Arc::new(Counters::default()));
            return Ok((source, Self::Again(again)));
        }
        let length = source.length();
        if let (Some(length), false) = (length, compare) {
            return Ok((source, Self::Length(length)));
        }
        let body = source.body().await?;
        let hashing = Arc::new(Mutex::new(Hashing::new(compare)));
        let watched = unfold((body, Arc::clone(&hashing)), |(mut body, hashing)| async move {
            let piece = match body.data().await? {
                Ok(piece) => hashing.lock().await.add(piece.clone()).await.map(|()| piece),
                Err(error) => Err(error),
            };
            Some((piece, (body, hashing)))
        });
        let source = Source::once(Body::stream(Streamed(Box::pin(watched))), length);
        Ok((source, Self::Once(hashing)))
    }

    /// How many bytes were sent, as far as it is known.
    pub async fn bytes(&self) -> u64 {
        match self {
            Self::Again(source) => source.length().unwrap_or_default(),
            Self::Once(hashing) => hashing.lock().await.bytes,
            Self::Length(length) => *length,
        }
    }

    /// Compares what was sent with what the service gives back. Gives by what it was compared.
    ///
    /// # Errors
    /// [`FailureKind::Differs`], or that one of the two cannot be read.
    pub async fn compare(&self, spot: &Spot, back: Body) -> Result<&'static str, Failure> {
        let unreadable = |error: BodyError| spot.unreadable(&SourceError::Other(Box::new(error)));
        let sent = match self {
            Self::Again(source) => {
                let body = source.body().await.map_err(|error| spot.unreadable(&error))?;
                hashed(body).await.map_err(unreadable)?
            }
            Self::Once(hashing) => hashing.lock().await.finish().await.map_err(unreadable)?,
            Self::Length(_) => return Err(spot.differs("nothing is known of what was sent but its length")),
        };
        let found = hashed(back).await.map_err(|error| {
            let what = format!("{} was uploaded, but reading it back from {} broke off", spot.address, spot.server);
            Failure::new(FailureKind::BrokenOff, what).because(&error).advise("copy it back and compare it by hand")
        })?;
        if sent.bytes != found.bytes {
            return Err(spot.differs(format!("{} bytes were sent, and {} are there", sent.bytes, found.bytes)));
        }
        if sent != found {
            return Err(spot.differs("their SHA-256 is another"));
        }
        Ok(READ_BACK)
    }
}

/// A hash that follows bytes as they go by, one batch behind them.
pub struct Hashing {
    bytes: u64,
    /// Whether more is wanted than the length.
    wanted: bool,
    hash: Sha256,
    running: Option<JoinHandle<Sha256>>,
    batch: Vec<Bytes>,
    waiting: usize,
}

impl Hashing {
    fn new(wanted: bool) -> Self {
        Self { bytes: 0, wanted, hash: Sha256::new(), running: None, batch: Vec::new(), waiting: 0 }
    }

    async fn add(&mut self, piece: Bytes) -> Result<(), BodyError> {
        self.bytes += piece.len() as u64;
        if !self.wanted {
            return Ok(());
        }
        self.waiting += piece.len();
        self.batch.push(piece);
        if self.waiting >= BATCH_BYTES || self.batch.len() >= BATCH_PIECES {
            self.next_batch().await?;
        }
        Ok(())
    }

    /// Waits for the batch under way, and begins the next.
    async fn next_batch(&mut self) -> Result<(), BodyError> {
        if let Some(running) = self.running.take() {
            self.hash = running.await.map_err(|error| BodyError::Source(Box::new(error)))?;
        }
        let (mut hash, batch) = (mem::take(&mut self.hash), mem::take(&mut self.batch));
        self.waiting = 0;
        self.running = Some(spawn_blocking(move || {
            for piece in batch {
                hash.update(&piece);
            }
            hash
        }));
        Ok(())
    }

    async fn finish(&mut self) -> Result<Hashed, BodyError> {
        self.next_batch().await?;
        if let Some(running) = self.running.take() {
            self.hash = running.await.map_err(|error| BodyError::Source(Box::new(error)))?;
        }
        Ok(Hashed { bytes: self.bytes, digest: mem::take(&mut self.hash).finalize().into() })
    }
}

/// The hash of a whole body.
async fn hashed(mut body: Body) -> Result<Hashed, BodyError> {
    let mut hashing = Hashing::new(true);
    while let Some(piece) = body.data().await.transpose()? {
        hashing.add(piece).await?;
    }
    hashing.finish().await
}

/// A body of a stream.
struct Streamed(Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>);

impl http_body::Body for Streamed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.0.as_mut().poll_next(cx).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
