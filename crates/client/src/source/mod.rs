//! What an upload sends: bytes that can be read again when an attempt failed, or a stream that can be read once.

mod block;
mod file;
mod inspect;
mod meter;
mod pieces;

use std::future::Future;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use pentaprism_core::Body;

use crate::progress::Progress;

use file::FileRanges;
pub(crate) use inspect::Look;
use meter::Metered;
pub(crate) use meter::Sent;
pub(crate) use pieces::Pieces;

/// Reads any range of the same bytes, as often as asked.
///
/// For sources that are neither memory nor a file, such as an image of another service.
pub trait ReadRange: Send + Sync {
    /// How many bytes there are.
    fn length(&self) -> u64;

    /// The bytes of `range`, which lies within the length.
    fn read(&self, range: Range<u64>) -> Pin<Box<dyn Future<Output = Result<Body, SourceError>> + Send + '_>>;
}

/// Why the bytes to send cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The file cannot be opened.
    #[error("{} cannot be opened", .path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The file is a folder, or something else that has no bytes of a known number.
    #[error("{} is no regular file; send it as a stream", .0.display())]
    NotAFile(PathBuf),
    /// The file cannot be read.
    #[error("the file cannot be read")]
    Read(#[source] io::Error),
    /// The file has changed since it was opened: what was sent of it may be of two versions.
    #[error("the file changed while it was sent; send it again when nobody writes it")]
    Changed,
    /// The stream was read by an earlier attempt, or a part of it is wanted.
    #[error("the bytes come from a stream, which can be read only once and from its start")]
    Once,
    /// The stream has another length than was said.
    #[error("the stream has {} than the {said} bytes that were announced", if *.longer { "more" } else { "fewer" })]
    Length {
        /// The announced length in bytes.
        said: u64,
        /// Whether it is longer.
        longer: bool,
    },
    /// A source of another kind cannot be read.
    #[error("the source cannot be read")]
    Other(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The bytes of an upload.
///
/// Where they can be read again, a failed attempt is repeated as far as the retry policy allows; a stream is sent once.
///
/// ```
/// use pentaprism_client::Source;
/// let source = Source::from("an image");
/// assert_eq!((source.length(), source.can_be_read_again()), (Some(8), true));
/// assert_eq!(source.part(3..8).length(), Some(5));
/// ```
#[derive(Clone)]
pub struct Source {
    origin: Origin,
    progress: Option<Arc<dyn Progress>>,
    look: Option<Look>,
}

#[derive(Clone)]
enum Origin {
    Bytes(Bytes),
    Ranges { ranges: Arc<dyn ReadRange>, part: Range<u64> },
    Once { body: Arc<Mutex<Option<Body>>>, length: Option<u64> },
}

impl Source {
    /// No bytes.
    #[must_use]
    pub const fn empty() -> Self {
        Self { origin: Origin::Bytes(Bytes::new()), progress: None, look: None }
    }

    /// Bytes at hand.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self { origin: Origin::Bytes(bytes.into()), progress: None, look: None }
    }

    /// A regular file, read in blocks while it is sent. Its length and its time of change are those of this moment: when they are
    /// others by the end, the upload breaks off rather than end with bytes of two versions.
    ///
    /// # Errors
    /// [`SourceError::Open`], [`SourceError::NotAFile`].
    pub async fn file(path: impl AsRef<Path>) -> Result<Self, SourceError> {
        FileRanges::open(path.as_ref()).await.map(Self::ranges)
    }

    /// A stream that can be read once, and its length where it is known beforehand. A length that turns out to be wrong breaks the
    /// upload off.
    pub fn once(body: Body, length: Option<u64>) -> Self {
        let length = length.or_else(|| http_body::Body::size_hint(&body).exact());
        Self { origin: Origin::Once { body: Arc::new(Mutex::new(Some(body))), length }, progress: None, look: None }
    }

    /// Anything that can be read by ranges.
    pub fn ranges(ranges: impl ReadRange + 'static) -> Self {
        let part = 0..ranges.length();
        Self { origin: Origin::Ranges { ranges: Arc::new(ranges), part }, progress: None, look: None }
    }

    /// Tells `progress` how far the upload is.
    #[must_use]
    pub fn with_progress(mut self, progress: Arc<dyn Progress>) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Who learns how far the upload is.
    pub(crate) fn progress(&self) -> Option<Arc<dyn Progress>> {
        self.progress.clone()
    }

    /// How many bytes there are, if that is known.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        match &self.origin {
            Origin::Bytes(bytes) => Some(bytes.len() as u64),
            Origin::Ranges { part, .. } => Some(part.end - part.start),
            Origin::Once { length, .. } => *length,
        }
    }

    /// Whether the bytes can be had a second time, and in parts.
    #[must_use]
    pub const fn can_be_read_again(&self) -> bool {
        !matches!(self.origin, Origin::Once { .. })
    }

    /// The bytes from `range.start` up to `range.end`; what is beyond the end is left out. A part of a stream cannot be read.
    #[must_use]
    pub fn part(&self, range: Range<u64>) -> Self {
        let length = self.length().unwrap_or_default();
        let range = range.start.min(length)..range.end.min(length).max(range.start.min(length));
        let origin = match &self.origin {
            Origin::Bytes(bytes) => Origin::Bytes(bytes.slice(in_memory(range.start)..in_memory(range.end))),
            Origin::Ranges { ranges, part } => {
                Origin::Ranges { ranges: Arc::clone(ranges), part: part.start + range.start..part.start + range.end }
            }
            Origin::Once { .. } => Origin::Once { body: Arc::default(), length: None },
        };
        Self { origin, progress: self.progress.clone(), look: self.look.clone() }
    }

    /// The bytes, from their start. Its failures, while it is read, are [`pentaprism_core::BodyError::Source`].
    ///
    /// # Errors
    /// [`SourceError`].
    pub async fn body(&self) -> Result<Body, SourceError> {
        self.sending().await.map(|(body, _)| body)
    }

    /// The bytes, and a count of those that were taken.
    pub(crate) async fn sending(&self) -> Result<(Body, Sent), SourceError> {
        let body = match &self.origin {
            Origin::Bytes(bytes) => Body::from(bytes.clone()),
            Origin::Ranges { part, .. } if part.is_empty() => Body::empty(),
            Origin::Ranges { ranges, part } => ranges.read(part.clone()).await?,
            Origin::Once { body, .. } => {
                body.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or(SourceError::Once)?
            }
        };
        let body = match &self.look {
            Some(look) => look(body),
            None => body,
        };
        let sent = Sent::new(self.progress.clone());
        if http_body::Body::is_end_stream(&body) && self.length().is_none_or(|length| length == 0) {
            return Ok((body, sent));
        }
        if self.progress.is_none() && http_body::Body::size_hint(&body).exact() == self.length() {
            return Ok((body, sent));
        }
        Ok((Body::stream(Metered::new(body, self.length(), sent.clone())), sent))
    }
}

/// A position within bytes that are in memory.
fn in_memory(position: u64) -> usize {
    usize::try_from(position).expect("it is not beyond the length of bytes in memory")
}

impl Default for Source {
    fn default() -> Self {
        Self::empty()
    }
}

impl From<Body> for Source {
    fn from(body: Body) -> Self {
        if http_body::Body::is_end_stream(&body) { Self::empty() } else { Self::once(body, None) }
    }
}

impl From<Bytes> for Source {
    fn from(bytes: Bytes) -> Self {
        Self::bytes(bytes)
    }
}

impl From<Vec<u8>> for Source {
    fn from(bytes: Vec<u8>) -> Self {
        Self::bytes(bytes)
    }
}

impl From<&'static str> for Source {
    fn from(text: &'static str) -> Self {
        Self::bytes(text)
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.origin {
            Origin::Bytes(_) => "bytes",
            Origin::Ranges { .. } => "ranges",
            Origin::Once { .. } => "stream",
        };
        formatter.debug_struct("Source").field("kind", &kind).field("length", &self.length()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
