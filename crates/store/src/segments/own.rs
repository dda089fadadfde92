//! One large body in a file of its own: written from front to back, or in chunks of a session at their offsets.

use std::{
    fs::File,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::{Container, SegmentReader, SegmentWriter, folder::Folder, system};
use crate::{error::Fault, options::Durability};

/// Blocks are taken at most this far ahead of the bytes: an announced length is only a claim.
const AHEAD: u64 = 256 * 1024 * 1024;
/// Every finished stretch of this size is pushed out early, and the disk asked for room.
const STRETCH: u64 = 8 * 1024 * 1024;

/// A container of its own, open for writing.
pub(super) struct OwnWriter {
    shared: Arc<Shared>,
    /// Announced length, when there was one.
    length: Option<u64>,
    progress: Mutex<Progress>,
    /// Syncs that were asked for.
    asked: AtomicU64,
    /// The last one that is done; the lock is held while one runs.
    synced: tokio::sync::Mutex<u64>,
}

struct Shared {
    id: Uuid,
    file: File,
    folder: Arc<Folder>,
    /// The name in the folder is durable.
    named: AtomicBool,
    /// A sync failed: what the file holds is unknown, and it is never synced again.
    poisoned: AtomicBool,
}

#[derive(Default)]
struct Progress {
    allocated: u64,
    /// The stretch that grows now.
    start: u64,
    end: u64,
}

impl OwnWriter {
    pub(super) fn new(id: Uuid, file: File, folder: Arc<Folder>, length: Option<u64>) -> Self {
        let shared = Shared { id, file, folder, named: AtomicBool::new(false), poisoned: AtomicBool::new(false) };
        Self {
            shared: Arc::new(shared),
            length,
            progress: Mutex::default(),
            asked: AtomicU64::new(0),
            synced: tokio::sync::Mutex::new(0),
        }
    }

    /// Takes blocks ahead of the bytes when the length was announced.
    fn allocate(&self, progress: &mut Progress, end: u64) -> Result<(), Fault> {
        let Some(length) = self.length.filter(|_| end > progress.allocated) else { return Ok(()) };
        let target = length.min(end.saturating_add(AHEAD)).max(end);
        let more = target - progress.allocated;
        self.shared.folder.check_room(more.min(end - progress.allocated))?;
        system::allocate(&self.shared.file, progress.allocated, more)
            .map_err(|error| Fault::from_io("growing a file", error))?;
        progress.allocated = target;
        Ok(())
    }

    /// The stretch that is complete with these bytes and may be pushed out.
    fn finished(progress: &mut Progress, offset: u64, end: u64) -> Option<(u64, u64)> {
        if offset != progress.end {
            progress.start = offset;
        }
        progress.end = end;
        let length = end - progress.start;
        if length < STRETCH {
            return None;
        }
        let start = std::mem::replace(&mut progress.start, end);
        Some((start, length))
    }
}

impl SegmentWriter for OwnWriter {
    fn write_at(&self, offset: u64, frames: &[Bytes]) -> Result<(), Fault> {
        self.shared.check()?;
        let end = offset + frames.iter().map(|frame| frame.len() as u64).sum::<u64>();
        let mut progress = self.progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.allocate(&mut progress, end)?;
        let finished = Self::finished(&mut progress, offset, end);
        drop(progress);
        system::write_all_at(&self.shared.file, frames, offset)
            .map_err(|error| Fault::from_io("writing a body", error))?;
        if let Some((start, length)) = finished {
            self.shared.folder.check_room(0)?;
            if self.shared.folder.durability == Durability::Sync {
                system::push_out(&self.shared.file, start, length);
            }
        }
        Ok(())
    }

    fn end_at(&self, length: u64) -> Result<(), Fault> {
        let allocated = self.progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner).allocated;
        if allocated > length {
            self.shared.file.set_len(length).map_err(|error| Fault::from_io("ending a body", error))?;
        }
        Ok(())
    }

    fn sync(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async move {
            if self.shared.folder.durability == Durability::None {
                return self.shared.check();
            }
            let ticket = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            let mut synced = self.synced.lock().await;
            if *synced >= ticket {
                // A sync that began after our bytes were written has ended while we waited.
                return self.shared.check();
            }
            let covers = self.asked.load(Ordering::SeqCst);
            let shared = Arc::clone(&self.shared);
            tokio::task::spawn_blocking(move || shared.sync()).await.unwrap_or(Err(Fault::Closed))?;
            *synced = covers;
            Ok(())
        })
    }
}

impl Shared {
    fn check(&self) -> Result<(), Fault> {
        if self.poisoned.load(Ordering::SeqCst) {
            return Err(Fault::from_io("syncing a body", std::io::Error::other("an earlier sync of this file failed")));
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), Fault> {
        self.check()?;
        let synced = self.file.sync_data().map_err(|error| Fault::from_io("syncing a body", error)).and_then(|()| {
            if self.named.load(Ordering::SeqCst) {
                return Ok(());
            }
            self.folder.sync_names(Container::Own(self.id))?;
            self.named.store(true, Ordering::SeqCst);
            Ok(())
        });
        if synced.is_err() {
            self.poisoned.store(true, Ordering::SeqCst);
        }
        synced
    }
}

/// A container open for reading.
pub(super) struct FileReader(pub(super) Arc<File>);

impl SegmentReader for FileReader {
    fn read_at(&self, offset: u64, length: usize) -> Result<Bytes, Fault> {
        system::read_exact_at(&self.0, offset, length).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Fault::corrupt("a file is shorter than its row says"),
            _ => Fault::from_io("reading a body", error),
        })
    }
}
