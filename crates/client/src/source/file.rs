//! Ranges of a file, read in blocks on threads that may block, one block ahead of the connection.

use std::fs::{File, Metadata};
use std::future::Future;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use pentaprism_core::{Body, BodyError};
use tokio::task::{JoinHandle, spawn_blocking};

use super::block::Blocks;
use super::{ReadRange, SourceError, in_memory};

/// Bytes that are read at once: enough that the way to another thread and back costs nothing beside reading and sending them.
const BLOCK: u64 = 512 * 1024;

/// A file that stays open.
pub(super) struct FileRanges {
    file: Arc<OpenFile>,
    blocks: Blocks,
}

struct OpenFile {
    file: File,
    version: Version,
}

/// What changes when somebody writes the file: length, and time of the last change where the system keeps it.
#[derive(PartialEq, Eq, Clone, Copy)]
struct Version(u64, Option<SystemTime>);

impl From<&Metadata> for Version {
    fn from(metadata: &Metadata) -> Self {
        Self(metadata.len(), metadata.modified().ok())
    }
}

impl FileRanges {
    pub(super) async fn open(path: &Path) -> Result<Self, SourceError> {
        let path = path.to_owned();
        let opened = spawn_blocking(move || {
            let failed = |source| SourceError::Open { path: path.clone(), source };
            // Looked at before it is opened: opening a pipe that nobody writes would wait.
            if !std::fs::metadata(&path).map_err(failed)?.is_file() {
                return Err(SourceError::NotAFile(path));
            }
            let file = File::open(&path).map_err(failed)?;
            let version = Version::from(&file.metadata().map_err(failed)?);
            Ok(OpenFile { file, version })
        });
        let opened = opened.await.map_err(|error| SourceError::Read(io::Error::other(error)))??;
        Ok(Self { file: Arc::new(opened), blocks: Blocks::default() })
    }
}

impl ReadRange for FileRanges {
    fn length(&self) -> u64 {
        self.file.version.0
    }

    fn read(&self, range: Range<u64>) -> Pin<Box<dyn Future<Output = Result<Body, SourceError>> + Send + '_>> {
        let body = FileBody {
            file: Arc::clone(&self.file),
            blocks: self.blocks.clone(),
            unread: range.clone(),
            left: range,
            next: None,
        };
        Box::pin(std::future::ready(Ok(Body::stream(body))))
    }
}

impl OpenFile {
    /// Reads `range` whole. The last block of a body is given only when the file is still the one that was opened.
    fn block(&self, range: &Range<u64>, last: bool, blocks: &Blocks) -> Result<Bytes, SourceError> {
        let length = in_memory(range.end - range.start);
        let mut buffer = blocks.take(length);
        read_at(&self.file, &mut buffer[..length], range.start).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => SourceError::Changed,
            _ => SourceError::Read(error),
        })?;
        if last && Version::from(&self.file.metadata().map_err(SourceError::Read)?) != self.version {
            return Err(SourceError::Changed);
        }
        Ok(blocks.lend(buffer, length))
    }
}

/// Fills `buffer` with what lies at `start`, wherever others read the file at the same time.
#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], start: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, start)
}

/// Fills `buffer` with what lies at `start`, wherever others read the file at the same time.
#[cfg(windows)]
fn read_at(file: &File, mut buffer: &mut [u8], mut start: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buffer, start) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                buffer = &mut buffer[read..];
                start += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A range on its way out.
struct FileBody {
    file: Arc<OpenFile>,
    blocks: Blocks,
    /// What no thread was asked for yet.
    unread: Range<u64>,
    /// What was not given out yet.
    left: Range<u64>,
    next: Option<JoinHandle<Result<Bytes, SourceError>>>,
}

impl FileBody {
    /// Asks a thread for the next block, if there is one.
    fn read_ahead(&mut self) {
        let range = self.unread.start..self.unread.end.min(self.unread.start + BLOCK);
        if range.is_empty() {
            return;
        }
        self.unread.start = range.end;
        let (file, blocks, last) = (Arc::clone(&self.file), self.blocks.clone(), self.unread.is_empty());
        self.next = Some(spawn_blocking(move || file.block(&range, last, &blocks)));
    }
}

impl HttpBody for FileBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.next.is_none() {
            self.read_ahead();
        }
        let Some(next) = &mut self.next else { return Poll::Ready(None) };
        let block = std::task::ready!(Pin::new(next).poll(cx));
        self.next = None;
        let block = block.unwrap_or_else(|error| Err(SourceError::Read(io::Error::other(error))));
        Poll::Ready(Some(match block {
            Ok(block) => {
                self.left.start += block.len() as u64;
                self.read_ahead();
                Ok(Frame::data(block))
            }
            Err(error) => {
                self.unread.start = self.unread.end;
                Err(BodyError::Source(Box::new(error)))
            }
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.end - self.left.start)
    }
}
