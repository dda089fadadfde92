//! Reading: a reader pins its bytes, checks every block before it leaves, and keeps no transaction open.

use std::{
    collections::VecDeque,
    ops::Range,
    pin::Pin as Pinned,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use tokio::{sync::OwnedSemaphorePermit, task::JoinHandle};

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
/// A body of at most this size is read where the reader is opened; that takes microseconds.
const INLINE: u64 = 256 * 1024;

/// Pinned content: readable until the last reader and stream of it are gone, even if its name is deleted meanwhile.
#[derive(Clone)]
pub struct Reader {
    blob: Option<BlobId>,
    blake3: Option<[u8; 32]>,
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
            let blake3 = Some(*blake3::hash(&[]).as_bytes());
            return Ok(Self { blob: None, blake3, size: 0, source: Source::Whole(Bytes::new()) });
        };
        // The pin comes first: a sweep that saw the blob doomed before looks for pins afterwards.
        let pin = inner.pins.pin(blob);
        let (row, first) = inner.in_time(inner.catalog.content(blob)).await??.ok_or(ReadError::Gone)?;
        if !row.ready {
            return Err(ReadError::Gone);
        }
        let first = &first.ok_or_else(|| Fault::corrupt(format!("blob {blob} has no segment")))?;
        let container = first.location.container;
        let noted = |error: ReadError| {
            note(&inner, blob, container, &error);
            error
        };
        let file = inner.in_time(inner.segments.open(container)).await?.map_err(|fault| noted(fault.into()))?;
        let source = if row.size <= INLINE && first.length == row.size {
            Source::Whole(read_block(&*file, first, 0).map_err(noted)?)
        } else {
            Source::Large(Arc::new(Large { inner, blob, container, file, _pin: pin }))
        };
        Ok(Self { blob: Some(blob), blake3: row.blake3, size: row.size, source })
    }

    /// Size of the content in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The id of the content, which no other bytes will ever have; none for content of no bytes.
    #[must_use]
    pub const fn blob(&self) -> Option<BlobId> {
        self.blob
    }

    /// The BLAKE3 of the content when it was opened; none when it came in chunks and nothing has computed it yet.
    #[must_use]
    pub const fn blake3(&self) -> Option<[u8; 32]> {
        self.blake3
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

/// Remembers the content when its bytes are not what was written.
fn note(inner: &Arc<Inner>, blob: BlobId, container: Container, error: &ReadError) {
    if matches!(error, ReadError::Damaged { .. } | ReadError::Fault(Fault::Corrupt { .. })) {
        inner.note_damage(blob, container);
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
    let plan = Plan { large, next: range.start, end: range.end, waiting: VecDeque::new(), segment: None };
    stream::try_unfold(Reads { plan, ahead: None }, Reads::step)
}

/// A block that is read on a thread that may block, with its part of the read budget.
type Reading = JoinHandle<(Result<Bytes, ReadError>, OwnedSemaphorePermit)>;

/// The reads of one stream: the block that is asked for, and one ahead where the budget has room. The two come out of separate parts of
/// the budget: a block read ahead waits as long as the client likes, one that is asked for only as long as the disk takes.
struct Reads {
    plan: Plan,
    ahead: Option<Reading>,
}

impl Reads {
    async fn step(mut self) -> Result<Option<(Bytes, Self)>, ReadError> {
        let inner = Arc::clone(&self.plan.large.inner);
        let reading = if let Some(reading) = self.ahead.take() {
            reading
        } else {
            let Some(wanted) = self.plan.step().await? else { return Ok(None) };
            let permit = inner.permit(&inner.read_blocks, 1, inner.limits.read_budget_blocks()).await?;
            self.read(wanted, permit)
        };
        if let Ok(permit) = Arc::clone(&inner.ahead_blocks).try_acquire_owned()
            && let Some(wanted) = self.plan.step().await?
        {
            self.ahead = Some(self.read(wanted, permit));
        }
        let (block, _permit) = inner.in_time(reading).await?.map_err(|_| Fault::Closed)?;
        let large = &self.plan.large;
        let block = block.inspect_err(|error| note(&inner, large.blob, large.container, error))?;
        Ok(Some((block, self)))
    }

    fn read(&self, wanted: Wanted, permit: OwnedSemaphorePermit) -> Reading {
        let large = Arc::clone(&self.plan.large);
        tokio::task::spawn_blocking(move || {
            let block = read_block(&*large.file, &wanted.segment, wanted.block);
            (block.map(|bytes| bytes.slice(wanted.part)), permit)
        })
    }
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
    async fn step(&mut self) -> Result<Option<Wanted>, ReadError> {
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
        Ok(Some(Wanted { segment, block, part }))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Account, Change, Limits, Options, Store, Tree, UploadRequest};

    #[tokio::test]
    async fn clients_that_stall_keep_what_was_read_ahead_and_nobody_else() {
        let limits = Limits { read_budget: 2 * 1024 * 1024, disk_reserve: 0, ..Limits::default() };
        let store = Store::open(Options::ephemeral().limits(limits)).await.unwrap();
        let tree = Tree::new("toy", "files");
        let mut upload = store.begin(UploadRequest::new(Account::new("toy", "files"))).await.unwrap();
        for n in 0..5 {
            upload.push(vec![n; 1024 * 1024].into()).await.unwrap();
        }
        upload.finish().await.unwrap().commit(Change::new().put_file(&tree, "a")).await.unwrap();
        let content = store.file(&tree, "a").await.unwrap().unwrap().content;
        let reader = store.open_content(content).await.unwrap();
        let budget = || (store.inner.read_blocks.available_permits(), store.inner.ahead_blocks.available_permits());
        assert_eq!(budget(), (1, 1));
        let mut stalled = Vec::new();
        for _ in 0..4 {
            let mut blocks = reader.read(0..reader.size()).unwrap();
            blocks.next().await.unwrap().unwrap();
            stalled.push(blocks);
        }
        assert_eq!(budget(), (1, 0), "one has a block read ahead, none holds what others need");
        let all: Vec<_> = reader.read(0..reader.size()).unwrap().map(|block| block.unwrap()[0]).collect().await;
        assert_eq!(all, [0, 1, 2, 3, 4]);
        drop(stalled);
        while budget() != (1, 1) {
            tokio::task::yield_now().await;
        }
    }
}
