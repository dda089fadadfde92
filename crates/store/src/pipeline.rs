//! The way of a large body or chunk: frames are gathered into batches; one task writes them, one task per digest reads the same
//! batches beside it. Each does its work on a thread that may block, which it has as long as batches are waiting, so that a slow client holds
//! none. The end of the body goes the same way: it is synced where its last batch is written, while digests may still be at work.

use std::{mem, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::future::join_all;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinHandle,
};
use tokio_util::task::TaskTracker;

use crate::{
    checksum::Checksums,
    digest::{DigestSet, Digests, Hasher},
    error::Fault,
    segments::SegmentWriter,
};

/// A batch is handed on when it has this many bytes. Until then no budget counts them: 64 uploads may have 16 MiB.
const BATCH: usize = 256 * 1024;
/// Batches that wait for a stage: enough that none of several stages runs dry while the others have the processors.
const DEPTH: usize = 16;
/// Frames below this size are copied together: a body of tiny frames must not cost more memory than its bytes.
const TINY: usize = 8 * 1024;
/// Every finished stretch of a whole body of this size is pushed out early.
const STRETCH_OF_BODY: u64 = 8 * 1024 * 1024;
/// The same for chunks: each is synced by itself, and most are no larger than the other stretch. Every 2 MiB cost a sixth of the rate.
const STRETCH_OF_CHUNK: u64 = 512 * 1024;
/// Larger frames are cut.
const PIECE: usize = BATCH;

/// Gathers frames.
#[derive(Default)]
pub(crate) struct Gather {
    frames: Vec<Bytes>,
    tail: BytesMut,
    length: usize,
}

impl Gather {
    pub(crate) fn push(&mut self, frame: Bytes) {
        self.length += frame.len();
        if frame.len() < TINY {
            self.tail.extend_from_slice(&frame);
        } else {
            self.close_tail();
            self.frames.push(frame);
        }
    }

    fn close_tail(&mut self) {
        if !self.tail.is_empty() {
            self.frames.push(self.tail.split().freeze());
        }
    }

    /// Everything so far; the next frame begins anew.
    pub(crate) fn take(&mut self) -> Vec<Bytes> {
        self.close_tail();
        self.length = 0;
        mem::take(&mut self.frames)
    }
}

/// Bytes on their way, with the part of the budget that they hold until the last stage is done with them.
struct Batch {
    frames: Vec<Bytes>,
    _budget: OwnedSemaphorePermit,
}

/// What a stage does, on a thread that may block.
trait Work: Send + 'static {
    fn take(&mut self, frames: &[Bytes]) -> Result<(), Fault>;

    /// Everything was taken, and the whole is wanted.
    fn end(&mut self) -> Result<(), Fault> {
        Ok(())
    }
}

/// What comes to a stage.
enum Handed {
    Batch(Arc<Batch>),
    /// Behind the last batch, unless the whole is given up.
    End,
}

impl Work for Hasher {
    fn take(&mut self, frames: &[Bytes]) -> Result<(), Fault> {
        for frame in frames {
            self.update(frame);
        }
        Ok(())
    }
}

/// Writes the bytes, and computes what the store itself wants to know of them.
struct Sink {
    writer: Arc<dyn SegmentWriter>,
    offset: u64,
    /// Everything before this was said to be done.
    done: u64,
    stretch: u64,
    /// The container ends where the bytes end.
    is_whole: bool,
    checksums: Checksums,
    blake3: Option<Box<blake3::Hasher>>,
}

impl Work for Sink {
    fn take(&mut self, frames: &[Bytes]) -> Result<(), Fault> {
        self.writer.write_at(self.offset, frames)?;
        for frame in frames {
            self.offset += frame.len() as u64;
            self.checksums.update(frame);
            if let Some(blake3) = &mut self.blake3 {
                blake3.update(frame);
            }
        }
        let length = self.offset - self.done;
        if length >= self.stretch {
            self.writer.stretch_done(self.done, length)?;
            self.done = self.offset;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        if self.is_whole {
            self.writer.end_at(self.offset)?;
        }
        self.writer.sync()
    }
}

/// A task that works on batches in order.
struct Stage<W> {
    handed: mpsc::Sender<Handed>,
    task: JoinHandle<Result<W, Fault>>,
}

impl<W: Work> Stage<W> {
    fn start(tasks: &TaskTracker, work: W) -> Self {
        let (handed, waiting) = mpsc::channel(DEPTH);
        Self { handed, task: tasks.spawn(run(work, waiting)) }
    }

    /// Waits until everything is taken; `whole`: and ended.
    async fn end(self, whole: bool) -> Result<W, Fault> {
        if whole {
            // A stage that ended early says why below.
            drop(self.handed.send(Handed::End).await);
        }
        drop(self.handed);
        self.task.await.unwrap_or(Err(Fault::Closed))
    }
}

async fn run<W: Work>(mut work: W, mut waiting: mpsc::Receiver<Handed>) -> Result<W, Fault> {
    while let Some(first) = waiting.recv().await {
        let turn = tokio::task::spawn_blocking(move || {
            let mut next = Some(first);
            while let Some(handed) = next {
                match handed {
                    Handed::Batch(batch) => work.take(&batch.frames)?,
                    Handed::End => work.end()?,
                }
                next = waiting.try_recv().ok();
            }
            Ok((work, waiting))
        });
        (work, waiting) = turn.await.unwrap_or(Err(Fault::Closed))?;
    }
    Ok(work)
}

/// What all pipelines of a store share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) tasks: TaskTracker,
    /// Bytes that may wait for the disk or a digest.
    pub(crate) budget: Arc<Semaphore>,
    pub(crate) deadline: Duration,
}

/// What is known of bytes that were written.
pub(crate) struct Written {
    pub(crate) checksums: Bytes,
    pub(crate) blake3: Option<[u8; 32]>,
    pub(crate) digests: Digests,
}

/// What goes through a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passing {
    /// A whole body, with the digests that are computed beside the write.
    Body { digests: DigestSet, blake3: bool },
    /// A part of one.
    Chunk,
}

/// A large body or chunk on its way to the disk.
pub(crate) struct Pipeline {
    shared: Shared,
    gather: Gather,
    sink: Option<Stage<Sink>>,
    hashers: Vec<Stage<Hasher>>,
}

impl Pipeline {
    /// Bytes go to `writer` from `offset` on.
    pub(crate) fn start(shared: Shared, writer: Arc<dyn SegmentWriter>, offset: u64, passing: Passing) -> Self {
        let (digests, blake3, stretch) = match passing {
            Passing::Body { digests, blake3 } => (digests, blake3, STRETCH_OF_BODY),
            Passing::Chunk => (DigestSet::NONE, false, STRETCH_OF_CHUNK),
        };
        let sink = Sink {
            writer,
            offset,
            done: offset,
            stretch,
            is_whole: passing != Passing::Chunk,
            checksums: Checksums::default(),
            blake3: blake3.then(|| Box::new(blake3::Hasher::new())),
        };
        let sink = Some(Stage::start(&shared.tasks, sink));
        let hashers = digests.algorithms().map(|one| Stage::start(&shared.tasks, Hasher::new(one))).collect();
        Self { shared, gather: Gather::default(), sink, hashers }
    }

    /// Takes a frame; waits while the stages are behind.
    pub(crate) async fn push(&mut self, mut frame: Bytes) -> Result<(), Fault> {
        while frame.len() > PIECE {
            let piece = frame.split_to(PIECE);
            self.push_piece(piece).await?;
        }
        self.push_piece(frame).await
    }

    async fn push_piece(&mut self, piece: Bytes) -> Result<(), Fault> {
        self.gather.push(piece);
        if self.gather.length >= BATCH { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<(), Fault> {
        let deadline = self.shared.deadline;
        match tokio::time::timeout(deadline, self.hand_on()).await {
            Ok(Ok(())) => Ok(()),
            // The writing stage ended early: it knows why.
            Ok(Err(())) => Err(self.reason().await),
            Err(_) => Err(Fault::Deadline { deadline }),
        }
    }

    async fn hand_on(&mut self) -> Result<(), ()> {
        let length = u32::try_from(self.gather.length).map_err(drop)?;
        if length == 0 {
            return Ok(());
        }
        let budget = Arc::clone(&self.shared.budget).acquire_many_owned(length).await.map_err(drop)?;
        let batch = Arc::new(Batch { frames: self.gather.take(), _budget: budget });
        for hasher in &self.hashers {
            hasher.handed.send(Handed::Batch(Arc::clone(&batch))).await.map_err(drop)?;
        }
        let sink = self.sink.as_ref().ok_or(())?;
        sink.handed.send(Handed::Batch(batch)).await.map_err(drop)
    }

    async fn reason(&mut self) -> Fault {
        match self.sink.take() {
            Some(sink) => sink.end(false).await.err().unwrap_or(Fault::Closed),
            None => Fault::Closed,
        }
    }

    /// Waits until every byte is durable and digested, or it failed; nothing writes any more then.
    pub(crate) async fn finish(mut self) -> Result<Written, Fault> {
        if let Err(fault) = self.flush().await {
            self.abandon().await;
            return Err(fault);
        }
        let sink = self.sink.take().ok_or(Fault::Closed)?;
        let hashers = join_all(self.hashers.into_iter().map(|hasher| hasher.end(true)));
        let (sink, hashers) = futures_util::join!(sink.end(true), hashers);
        let (sink, mut digests) = (sink?, Digests::default());
        for hasher in hashers {
            hasher?.finish(&mut digests);
        }
        let blake3 = sink.blake3.map(|hasher| *hasher.finalize().as_bytes());
        Ok(Written { checksums: sink.checksums.finish(), blake3, digests })
    }

    /// Gives up, and waits until nothing writes any more.
    pub(crate) async fn abandon(mut self) {
        self.hashers.clear();
        if let Some(sink) = self.sink.take() {
            // Its outcome does not matter: the bytes are not recorded.
            drop(sink.end(false).await);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Remembers which stretches were done, and how the bytes ended.
    #[derive(Default)]
    struct Remembers(std::sync::Mutex<Vec<(u64, u64)>>, std::sync::Mutex<Vec<&'static str>>);

    impl SegmentWriter for Remembers {
        fn write_at(&self, _: u64, _: &[Bytes]) -> Result<(), Fault> {
            self.1.lock().unwrap().push("written");
            Ok(())
        }

        fn stretch_done(&self, offset: u64, length: u64) -> Result<(), Fault> {
            self.0.lock().unwrap().push((offset, length));
            Ok(())
        }

        fn end_at(&self, length: u64) -> Result<(), Fault> {
            assert_eq!(length, 300_000);
            self.1.lock().unwrap().push("ended");
            Ok(())
        }

        fn sync(&self) -> Result<(), Fault> {
            self.1.lock().unwrap().push("synced");
            Ok(())
        }
    }

    fn shared() -> Shared {
        Shared {
            tasks: TaskTracker::new(),
            budget: Arc::new(Semaphore::new(16 * 1024 * 1024)),
            deadline: Duration::from_secs(30),
        }
    }

    #[tokio::test]
    async fn what_is_finished_was_synced_behind_its_last_byte_and_what_is_given_up_is_not() {
        let body = Passing::Body { digests: DigestSet { md5: true, ..DigestSet::NONE }, blake3: false };
        for (passing, finish, last) in [
            (body, true, &["written", "ended", "synced"][..]),
            (Passing::Chunk, true, &["written", "synced"]),
            (body, false, &["written"]),
        ] {
            let writer = Arc::new(Remembers::default());
            let mut pipeline = Pipeline::start(shared(), Arc::<Remembers>::clone(&writer), 0, passing);
            pipeline.push(Bytes::from(vec![1; 300_000])).await.unwrap();
            if finish {
                pipeline.finish().await.unwrap();
            } else {
                pipeline.abandon().await;
            }
            let done = writer.1.lock().unwrap().clone();
            assert!(done.ends_with(last) && done.iter().filter(|what| **what != "written").count() == last.len() - 1);
        }
    }

    #[tokio::test]
    async fn chunks_beside_each_other_are_pushed_out_each_in_stretches_of_its_own() {
        let writer = Arc::new(Remembers::default());
        let shared = shared();
        let offsets = [0, 1_u64 << 30];
        let start = |offset| Pipeline::start(shared.clone(), Arc::<Remembers>::clone(&writer), offset, Passing::Chunk);
        let mut chunks = offsets.map(start);
        for _ in 0..3 {
            for chunk in &mut chunks {
                let half = usize::try_from(STRETCH_OF_CHUNK / 2).unwrap();
                chunk.push(Bytes::from(vec![0; half])).await.unwrap();
            }
        }
        for chunk in chunks {
            chunk.finish().await.unwrap();
        }
        let mut done = writer.0.lock().unwrap().clone();
        done.sort_unstable();
        assert_eq!(done, offsets.map(|offset| (offset, STRETCH_OF_CHUNK)));
    }

    #[test]
    fn tiny_frames_are_gathered_in_order_and_cost_few_slices() {
        let mut gather = Gather::default();
        let mut expected = Vec::new();
        for n in 0..1_000_u32 {
            let frame = Bytes::from(n.to_be_bytes().to_vec());
            expected.extend_from_slice(&frame);
            gather.push(frame);
        }
        let large = Bytes::from(vec![7; TINY]);
        expected.extend_from_slice(&large);
        gather.push(large);
        assert_eq!(gather.length, expected.len());
        let frames = gather.take();
        assert_eq!(frames.len(), 2);
        assert_eq!(frames.concat(), expected);
        assert_eq!(gather.length, 0);
        assert!(gather.take().is_empty());
    }
}
