//! One large body in a file of its own: written from front to back, or in chunks of a session at their offsets.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use bytes::Bytes;
use uuid::Uuid;

use super::{
    Container, SegmentReader, SegmentWriter,
    disk::{self, DiskFile},
    folder::Folder,
};
use crate::{error::Fault, inner::lock, options::Durability};

/// Blocks are taken at most this far ahead of the bytes: an announced length is only a claim.
const AHEAD: u64 = 256 * 1024 * 1024;

/// A container of its own, open for writing.
pub(super) struct OwnWriter {
    id: Uuid,
    file: Arc<dyn DiskFile>,
    folder: Arc<Folder>,
    /// Announced length, when there was one.
    length: Option<u64>,
    /// First byte behind the blocks that were taken ahead.
    allocated: Mutex<u64>,
    /// Syncs that were asked for.
    asked: AtomicU64,
    /// The last one that is done; the lock is held while one runs.
    synced: Mutex<u64>,
    /// The name in the folder is durable.
    named: AtomicBool,
    /// A sync failed: what the file holds is unknown, and it is never synced again.
    poisoned: AtomicBool,
}

impl OwnWriter {
    pub(super) fn new(id: Uuid, file: Arc<dyn DiskFile>, folder: Arc<Folder>, length: Option<u64>) -> Self {
        Self {
            id,
            file,
            folder,
            length,
            allocated: Mutex::default(),
            asked: AtomicU64::default(),
            synced: Mutex::default(),
            named: AtomicBool::default(),
            poisoned: AtomicBool::default(),
        }
    }

    /// Takes blocks ahead of the bytes when the length was announced; where that would touch the reserve, only those for the bytes.
    /// Otherwise only asks whether there is room: each of many bodies must leave the reserve alone.
    fn allocate(&self, end: u64, bytes: u64) -> Result<(), Fault> {
        let Some(length) = self.length else { return self.folder.check_room(bytes) };
        let mut allocated = lock(&self.allocated);
        if end <= *allocated {
            return Ok(());
        }
        for target in [length.min(end.saturating_add(AHEAD)).max(end), end] {
            let more = target - *allocated;
            match self.folder.check_room(more).and_then(|()| {
                self.file.allocate(*allocated, more).map_err(|error| Fault::from_io("growing a file", error))
            }) {
                Ok(()) => {
                    *allocated = target;
                    return Ok(());
                }
                Err(Fault::DiskFull { .. }) if target > end => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Fault> {
        if self.poisoned.load(Ordering::SeqCst) {
            return Err(Fault::from_io("syncing a body", std::io::Error::other("an earlier sync of this file failed")));
        }
        Ok(())
    }

    /// Syncs the bytes, and the name with the first of them.
    fn sync_file(&self) -> Result<(), Fault> {
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

impl SegmentWriter for OwnWriter {
    fn write_at(&self, offset: u64, frames: &[Bytes]) -> Result<(), Fault> {
        self.check()?;
        let bytes = frames.iter().map(|frame| frame.len() as u64).sum::<u64>();
        self.allocate(offset + bytes, bytes)?;
        disk::write_all_at(&*self.file, frames, offset).map_err(|error| Fault::from_io("writing a body", error))
    }

    fn stretch_done(&self, offset: u64, length: u64) -> Result<(), Fault> {
        self.folder.check_room(0)?;
        if self.folder.durability == Durability::Sync {
            self.file.push_out(offset, length);
        }
        Ok(())
    }

    fn end_at(&self, length: u64) -> Result<(), Fault> {
        if *lock(&self.allocated) > length {
            self.file.set_length(length).map_err(|error| Fault::from_io("ending a body", error))?;
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), Fault> {
        if self.folder.durability == Durability::None {
            return self.check();
        }
        let ticket = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut synced = lock(&self.synced);
        if *synced >= ticket {
            // A sync that began after our bytes were written has ended while we waited.
            return self.check();
        }
        let covers = self.asked.load(Ordering::SeqCst);
        self.sync_file()?;
        *synced = covers;
        Ok(())
    }
}

/// A container open for reading.
pub(super) struct FileReader(pub(super) Arc<dyn DiskFile>);

impl SegmentReader for FileReader {
    fn read_at(&self, offset: u64, length: usize) -> Result<Bytes, Fault> {
        self.0.read_exact_at(offset, length).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Fault::corrupt("a file is shorter than its row says"),
            _ => Fault::from_io("reading a body", error),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segments::disk::{Disk as _, system::SystemDisk};

    #[test]
    fn blocks_are_not_taken_ahead_out_of_the_reserve() {
        let root = tempfile::tempdir().unwrap();
        for (spare, expected) in [(AHEAD * 2, AHEAD + 4_096), (AHEAD / 2, 4_096)] {
            let disk = Arc::new(SystemDisk);
            let reserve = disk.available(root.path()).unwrap().saturating_sub(spare);
            let folder = Arc::new(Folder::open(disk, root.path(), Durability::None, reserve).unwrap());
            let file = Arc::new(tempfile::tempfile().unwrap());
            let writer = OwnWriter::new(Uuid::from_u128(1), file, folder, Some(AHEAD * 4));
            writer.write_at(0, &[Bytes::from(vec![1; 4_096])]).unwrap();
            assert_eq!(writer.file.length().unwrap(), expected);
        }
    }
}
