//! Runs work on pictures off the runtime, within bounds: threads, memory, length of the queue, and time.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::convert;
use super::error::{Damage, PictureError};
use super::stop::{Stop, StopOnDrop};
use super::thumbnail::{self, Thumbnail};

/// The memory budget is handed out in pieces of so many bytes.
const PIECE: u64 = 4096;

/// What pictures may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolLimits {
    /// Pictures that are worked on at a time, each by one thread.
    pub workers: NonZeroUsize,
    /// Memory for all of them, in bytes, by upper estimates from their headers. The pictures' own bytes are not counted.
    pub memory_bytes: u64,
    /// Pictures that may wait for their turn.
    pub queue: usize,
    /// How long a picture may wait.
    pub longest_wait: Duration,
    /// How long a picture may be worked on.
    pub longest_work: Duration,
}

impl Default for PoolLimits {
    /// One processor is left to the rest of the program; 256 MiB, 64 pictures waiting, and half a minute for each wait.
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            workers: NonZeroUsize::new(processors - 1).unwrap_or(NonZeroUsize::MIN),
            memory_bytes: 256 * 1024 * 1024,
            queue: 64,
            longest_wait: Duration::from_secs(30),
            longest_work: Duration::from_secs(30),
        }
    }
}

/// Makes thumbnails and PNG renderings.
///
/// Clones share the limits. Pictures get their turn in the order of arrival; one that has to wait for memory holds up
/// those behind it, so that a large picture is not passed for ever by small ones. When the future of a call is dropped,
/// its picture leaves the queue, or is given up before its next row; what it takes is free once that has happened.
#[derive(Clone, Debug)]
pub struct Pool {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limits: PoolLimits,
    /// For all that wait or are worked on.
    places: Arc<Semaphore>,
    workers: Arc<Semaphore>,
    /// In pieces.
    memory: Arc<Semaphore>,
}

impl Pool {
    /// A pool without any thread of its own: it borrows those that the runtime keeps for blocking work.
    #[must_use]
    pub fn new(limits: PoolLimits) -> Self {
        let places = limits.workers.get().saturating_add(limits.queue).min(Semaphore::MAX_PERMITS);
        let pieces = usize::try_from(limits.memory_bytes / PIECE).unwrap_or(usize::MAX);
        Self {
            shared: Arc::new(Shared {
                limits,
                places: Arc::new(Semaphore::new(places)),
                workers: Arc::new(Semaphore::new(limits.workers.get().min(Semaphore::MAX_PERMITS))),
                memory: Arc::new(Semaphore::new(pieces.min(Semaphore::MAX_PERMITS))),
            }),
        }
    }

    /// What pictures may take.
    #[must_use]
    pub fn limits(&self) -> &PoolLimits {
        &self.shared.limits
    }

    /// The thumbnail of a PNG: it fits into `fit` × `fit` pixels, keeps the aspect, and is not larger than the picture.
    ///
    /// The PNG is verified as a whole: all chunks with their checksums up to IEND, and every row. When it fits already,
    /// the thumbnail is the picture itself, byte for byte. Else it has eight bits a sample, keeps grey grey and alpha,
    /// and the colour space that the picture names; text and other chunks it does not have.
    ///
    /// # Errors
    ///
    /// [`PictureError`]. More than `max_pixels` pixels, a side beyond [`LONGEST_SIDE`](super::LONGEST_SIDE) or a need
    /// beyond the memory for pictures is refused before anything is decoded.
    pub async fn thumbnail(&self, png: Bytes, fit: u32, max_pixels: u64) -> Result<Thumbnail, PictureError> {
        let plan = thumbnail::Plan::new(png, fit, max_pixels)?;
        self.run(plan.memory(), move |stop| plan.run(stop)).await
    }

    /// A PNG, JPEG or GIF as a PNG of the same width and height.
    ///
    /// A PNG is verified and returned as it is. Of a GIF this is the first frame; pixels that it does not cover are
    /// transparent. Of a JPEG, inks become RGB, and an Exif orientation is not applied, so that the sides stay.
    ///
    /// # Errors
    ///
    /// [`PictureError`], as of [`thumbnail`](Self::thumbnail); a JPEG or GIF that ends early is damaged.
    pub async fn to_png(&self, picture: Bytes, max_pixels: u64) -> Result<Bytes, PictureError> {
        let plan = convert::Plan::new(picture, max_pixels)?;
        self.run(plan.memory(), move |stop| plan.run(stop)).await
    }

    /// Waits for a place, a worker and `memory` bytes, and runs `job` with them.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        memory: u64,
        job: impl FnOnce(&Stop) -> Result<T, PictureError> + Send + 'static,
    ) -> Result<T, PictureError> {
        let Shared { limits, places, workers, memory: budget } = &*self.shared;
        let pieces = u32::try_from(memory.div_ceil(PIECE)).ok();
        let Some(pieces) = pieces.filter(|_| memory <= limits.memory_bytes / PIECE * PIECE) else {
            return Err(PictureError::TooLarge { needed: memory, limit: limits.memory_bytes });
        };
        let place = Arc::clone(places).try_acquire_owned();
        let place = place.map_err(|_| PictureError::Busy { waiting: limits.queue })?;
        let turn = async {
            // Nobody closes the semaphores. First the worker: memory is not kept waiting for one.
            let worker = Arc::clone(workers).acquire_owned().await.map_err(|_| PictureError::Stopped)?;
            let memory = Arc::clone(budget).acquire_many_owned(pieces).await.map_err(|_| PictureError::Stopped)?;
            Ok((worker, memory))
        };
        let turn = timeout(limits.longest_wait, turn).await;
        let turn = turn.map_err(|_| PictureError::Deadline { limit: limits.longest_wait })??;

        let stop = StopOnDrop(Stop::default());
        let sign = stop.0.clone();
        let work = tokio::task::spawn_blocking(move || {
            // They are given back when the work has ended, and not when nobody waits for it any more.
            let _taken = (place, turn);
            sign.check()?;
            // The last resort against a bug in a decoder: nothing that the job has touched is used afterwards.
            catch_unwind(AssertUnwindSafe(|| job(&sign))).unwrap_or(Err(PictureError::Damaged(Damage::Decoder)))
        });
        let done = timeout(limits.longest_work, work).await;
        done.map_err(|_| PictureError::Deadline { limit: limits.longest_work })?.map_err(|_| PictureError::Stopped)?
    }
}
