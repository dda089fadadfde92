//! Reading: a reader pins its bytes, checks every block before it leaves, and keeps no transaction open.

use std::{
    collections::VecDeque,
    ops::Range,
    pin::Pin as Pinned,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};

use crate::{
    catalog::SegmentRow,
    checksum,
    error::{Fault, ReadError},
    inner::{Inner, Pin},
    model::{BlobId, Content},
    segments::{BLOCK, Container, SegmentReader},
};

/// Rows that are read at a time.
const PAGE: u32 = 256;
/// Blocks that are read ahead.
const AHEAD: usize = 2;
/// A body of at most this size is read where the reader is opened; that takes microseconds.
const INLINE: u64 = 256 * 1024;

/// Pinned content: readable until the last reader and stream of it are gone, even if its name is deleted meanwhile.
#[derive(Clone)]
pub struct Reader {
    size: u64,
    source: Source,
}

#[derive(Clone)]
enum Source {
    /// Small content, read and checked already.
    Whole(Bytes),
    Large(Arc<Large>),
}

struct Large {
    inner: Arc<Inner>,
    blob: BlobId,
    container: Container,
    file: Arc<dyn SegmentReader>,
    _pin: Pin,
}

impl Reader {
    pub(crate) async fn open(inner: Arc<Inner>, content: Content) -> Result<Self, ReadError> {
        let Some(blob) = content.blob else {
            return Ok(Self { size: 0, source: Source::Whole(Bytes::new()) });
        };
        // The pin comes first: a sweep that saw the blob doomed before looks for pins afterwards.
        let pin = inner.pins.pin(blob);
        let row = inner.in_time(inner.catalog.blob(blob)).await??.filter(|row| row.ready).ok_or(ReadError::Gone)?;
        let first = inner.in_time(inner.catalog.segments(blob, 0, 1)).await??;
        let first = first.first().ok_or_else(|| Fault::corrupt(format!("blob {blob} has no segment")))?;
        let container = first.location.container;
        let file = inner.in_time(inner.segments.open(container)).await??;
        let source = if row.size <= INLINE && first.length == row.size {
            Source::Whole(read_block(&*file, first, 0)?)
        } else {
            Source::Large(Arc::new(Large { inner, blob, container, file, _pin: pin }))
        };
        Ok(Self { size: row.size, source })
    }

    /// Size of the content in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The bytes of a range, in blocks of at most 1 MiB.
    ///
    /// # Errors
    /// [`ReadError::OutOfRange`] when the range ends behind the content or before it begins.
    pub fn read(&self, range: Range<u64>) -> Result<Blocks, ReadError> {
        if range.end > self.size || range.start > range.end {
            return Err(ReadError::OutOfRange { end: range.end, size: self.size });
        }
        Ok(Blocks(match &self.source {
            Source::Whole(bytes) => {
                let (start, end) = (as_index(range.start)?, as_index(range.end)?);
                let block = (start < end).then(|| Ok(bytes.slice(start..end)));
                stream::iter(block).boxed()
            }
            Source::Large(large) => large_blocks(Arc::clone(large), range).boxed(),
        }))
    }
}

fn as_index(position: u64) -> Result<usize, ReadError> {
    usize::try_from(position).map_err(|_| ReadError::Fault(Fault::corrupt("small content that is not small")))
}

/// The blocks of a range. A block that is damaged or missing ends the stream with an error.
pub struct Blocks(stream::BoxStream<'static, Result<Bytes, ReadError>>);

impl Stream for Blocks {
    type Item = Result<Bytes, ReadError>;

    fn poll_next(mut self: Pinned<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}

/// A block to be read, and the part of it that is wanted.
struct Wanted {
    segment: Arc<SegmentRow>,
    block: u64,
    part: Range<usize>,
}

fn large_blocks(large: Arc<Large>, range: Range<u64>) -> impl Stream<Item = Result<Bytes, ReadError>> + Send {
    let plan =
        Plan { large: Arc::clone(&large), next: range.start, end: range.end, waiting: VecDeque::new(), segment: None };
    stream::try_unfold(plan, Plan::step)
        .map_ok(move |wanted| {
            let large = Arc::clone(&large);
            async move {
                let read = tokio::task::spawn_blocking(move || {
                    let bytes = read_block(&*large.file, &wanted.segment, wanted.block)?;
                    Ok(bytes.slice(wanted.part))
                });
                read.await.unwrap_or(Err(ReadError::Fault(Fault::Closed)))
            }
        })
        .try_buffered(AHEAD)
}

/// Walks over the blocks of a range, reading rows page by page.
struct Plan {
    large: Arc<Large>,
    next: u64,
    end: u64,
    waiting: VecDeque<SegmentRow>,
    segment: Option<Arc<SegmentRow>>,
}

impl Plan {
    async fn step(mut self) -> Result<Option<(Wanted, Self)>, ReadError> {
        if self.next >= self.end {
            return Ok(None);
        }
        let segment = self.segment_of_next().await?;
        let inside = self.next - segment.position;
        let block = inside / BLOCK;
        let block_start = segment.position + block * BLOCK;
        let block_end = (block_start + BLOCK).min(segment.position + segment.length);
        let part = as_index(self.next - block_start)?..as_index(self.end.min(block_end) - block_start)?;
        self.next = block_end;
        Ok(Some((Wanted { segment, block, part }, self)))
    }

    async fn segment_of_next(&mut self) -> Result<Arc<SegmentRow>, ReadError> {
        loop {
            if let Some(segment) = self.segment.as_ref().filter(|segment| self.next < segment.position + segment.length)
            {
                return Ok(Arc::clone(segment));
            }
            if self.waiting.is_empty() {
                let inner = &self.large.inner;
                self.waiting = inner.in_time(inner.catalog.segments(self.large.blob, self.next, PAGE)).await??.into();
            }
            let segment = self.waiting.pop_front();
            let segment = segment.filter(|row| row.position <= self.next && self.next < row.position + row.length);
            match segment {
                Some(segment) if segment.location.container == self.large.container => {
                    self.segment = Some(Arc::new(segment));
                }
                // A hole, the end of the rows, or bytes elsewhere: none of it can be after a commit.
                _ => return Err(ReadError::Damaged { offset: self.next }),
            }
        }
    }
}

/// One whole block of a segment, checked.
fn read_block(file: &dyn SegmentReader, segment: &SegmentRow, block: u64) -> Result<Bytes, ReadError> {
    let offset = block * BLOCK;
    let length = as_index((segment.length - offset).min(BLOCK))?;
    let damaged = ReadError::Damaged { offset: segment.position + offset };
    match file.read_at(segment.location.offset + offset, length) {
        Ok(bytes) if checksum::matches(&segment.checksums, block, &bytes) => Ok(bytes),
        Ok(_) => {
            tracing::error!(container = %segment.location.container, offset = segment.location.offset + offset, "a block is damaged");
            Err(damaged)
        }
        Err(Fault::Corrupt { what }) => {
            tracing::error!(container = %segment.location.container, %what, "a block is missing");
            Err(damaged)
        }
        Err(fault) => Err(fault.into()),
    }
}
