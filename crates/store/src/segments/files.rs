//! The embedded engine for bytes: packs and files below the data folder.

use std::{
    collections::{HashMap, HashSet},
    io, slice,
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::{
    Container, Location, Orphan, Packs, SegmentReader, SegmentWriter, Segments, Stored,
    disk::DiskFile,
    folder::Folder,
    own::{FileReader, OwnWriter},
    pack::{self, Job, SharedPacker},
};
use crate::{clock::Timestamp, error::Fault, ids::Ids, inner::lock, options::Durability};

/// Packs that stay open for reading.
const OPEN_PACKS: usize = 64;
/// Only whole blocks of the file system can be given back.
pub(crate) const PAGE: u64 = 4_096;

/// The embedded engine.
pub(crate) struct FileSegments {
    folder: Arc<Folder>,
    packer: Arc<SharedPacker>,
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    open_packs: Mutex<HashMap<Uuid, Arc<dyn DiskFile>>>,
    /// Packs of earlier runs. Only these may be unlinked: a pack of this run may hold bodies whose rows are on their way.
    sealed: HashSet<Uuid>,
}

impl FileSegments {
    pub(crate) fn start(folder: Arc<Folder>, ids: Arc<dyn Ids>, sealed: HashSet<Uuid>) -> io::Result<Self> {
        let packer = Arc::new(SharedPacker::new(Arc::clone(&folder), ids));
        let (jobs, thread) = pack::start(Arc::clone(&packer))?;
        Ok(Self {
            folder,
            packer,
            jobs: Mutex::new(Some(jobs)),
            thread: Mutex::new(Some(thread)),
            open_packs: Mutex::default(),
            sealed,
        })
    }

    /// What stores small bodies, for a catalog that does it beside its rows.
    pub(crate) fn packs(&self) -> Arc<dyn Packs> {
        Arc::<SharedPacker>::clone(&self.packer)
    }

    fn open_file(&self, container: Container) -> Result<Arc<dyn DiskFile>, Fault> {
        let Container::Pack(id) = container else {
            return self.folder.open_for_reading(container);
        };
        if let Some(open) = lock(&self.open_packs).get(&id) {
            return Ok(Arc::clone(open));
        }
        let file = self.folder.open_for_reading(container)?;
        let mut open_packs = lock(&self.open_packs);
        if open_packs.len() >= OPEN_PACKS {
            open_packs.clear();
        }
        open_packs.insert(id, Arc::clone(&file));
        Ok(file)
    }
}

/// Work that syncs or changes folders, on a thread that may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Fault> + Send + 'static) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(Fault::Closed))
}

/// The whole pages inside a range.
pub(super) fn inner_pages(offset: u64, length: u64) -> Option<(u64, u64)> {
    let start = offset.next_multiple_of(PAGE);
    let end = (offset + length) / PAGE * PAGE;
    (start < end).then(|| (start, end - start))
}

impl Segments for FileSegments {
    fn put_small(&self, frames: Vec<Bytes>) -> BoxFuture<'_, Result<Location, Fault>> {
        Box::pin(async move {
            let jobs = lock(&self.jobs).clone().ok_or(Fault::Closed)?;
            let (reply, answer) = oneshot::channel();
            jobs.send(Job { frames, reply }).await.map_err(|_| Fault::Closed)?;
            drop(jobs);
            answer.await.unwrap_or(Err(Fault::Closed))
        })
    }

    fn create(&self, id: Uuid, length: Option<u64>) -> BoxFuture<'_, Result<Arc<dyn SegmentWriter>, Fault>> {
        let folder = Arc::clone(&self.folder);
        Box::pin(blocking(move || {
            let file = folder.create(Container::Own(id))?;
            Ok(Arc::new(OwnWriter::new(id, file, folder, length)) as Arc<dyn SegmentWriter>)
        }))
    }

    fn reopen(&self, id: Uuid, fresh: bool) -> BoxFuture<'_, Result<Arc<dyn SegmentWriter>, Fault>> {
        let folder = Arc::clone(&self.folder);
        Box::pin(blocking(move || {
            let file = folder.reopen(Container::Own(id), fresh)?;
            Ok(Arc::new(OwnWriter::new(id, file, folder, None)) as Arc<dyn SegmentWriter>)
        }))
    }

    fn open(&self, container: Container) -> BoxFuture<'_, Result<Arc<dyn SegmentReader>, Fault>> {
        Box::pin(async move { Ok(Arc::new(FileReader(self.open_file(container)?)) as Arc<dyn SegmentReader>) })
    }

    fn free(&self, location: Location, length: u64) -> BoxFuture<'_, Result<(), Fault>> {
        let folder = Arc::clone(&self.folder);
        Box::pin(blocking(move || {
            let Container::Pack(pack) = location.container else { return folder.remove(location.container) };
            let body = location.offset..location.offset + length;
            match folder.punch(pack, slice::from_ref(&body)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Fault::from_io("freeing a body", error)),
                _ => Ok(()),
            }
        }))
    }

    fn freed(&self, pack: Uuid) -> BoxFuture<'_, Result<(), Fault>> {
        let folder = Arc::clone(&self.folder);
        Box::pin(blocking(move || {
            if folder.durability == Durability::None {
                return Ok(());
            }
            match folder.open_for_punching(Container::Pack(pack)).and_then(|file| file.sync_data()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(Fault::from_io("syncing what was freed", error))
                }
                _ => Ok(()),
            }
        }))
    }

    fn free_pack(&self, id: Uuid) -> BoxFuture<'_, Result<(), Fault>> {
        let folder = Arc::clone(&self.folder);
        let sealed = self.sealed.contains(&id);
        lock(&self.open_packs).remove(&id);
        Box::pin(async move {
            if !sealed {
                return Ok(());
            }
            blocking(move || folder.remove(Container::Pack(id))).await
        })
    }

    fn held(&self, id: Uuid) -> BoxFuture<'_, Result<u64, Fault>> {
        let folder = Arc::clone(&self.folder);
        Box::pin(blocking(move || folder.held(Container::Own(id))))
    }

    fn purge(&self, now: Timestamp) -> BoxFuture<'_, Result<(), Fault>> {
        let folder = Arc::clone(&self.folder);
        Box::pin(blocking(move || {
            folder.purge(now).map(drop).map_err(|error| Fault::from_io("deleting what was set aside", error))
        }))
    }

    fn inventory(&self) -> BoxFuture<'_, Result<Vec<Stored>, Fault>> {
        let folder = Arc::clone(&self.folder);
        Box::pin(blocking(move || folder.inventory().map_err(|error| Fault::from_io("listing the files", error))))
    }

    fn set_aside(&self, container: Container, now: Timestamp) -> BoxFuture<'_, Result<(), Fault>> {
        let folder = Arc::clone(&self.folder);
        Box::pin(blocking(move || {
            folder.set_aside(container, now).map_err(|error| Fault::from_io("setting a file aside", error))
        }))
    }

    fn orphans(&self) -> BoxFuture<'_, Result<Vec<Orphan>, Fault>> {
        let folder = Arc::clone(&self.folder);
        Box::pin(blocking(move || {
            folder.orphans().map_err(|error| Fault::from_io("listing what was set aside", error))
        }))
    }

    fn check_room(&self, bytes: u64) -> Result<(), Fault> {
        self.folder.check_room(bytes)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        drop(lock(&self.jobs).take());
        let thread = lock(&self.thread).take();
        Box::pin(async move {
            if let Some(thread) = thread {
                // A packer that panicked has answered nobody; its callers were told that the store is closed.
                drop(tokio::task::spawn_blocking(move || thread.join()).await);
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_pages_inside_a_body_are_freed() {
        assert_eq!(inner_pages(0, 4_096), Some((0, 4_096)));
        assert_eq!(inner_pages(1, 4_096), None);
        assert_eq!(inner_pages(1, 8_192), Some((4_096, 4_096)));
        assert_eq!(inner_pages(100, 10), None);
    }
}
