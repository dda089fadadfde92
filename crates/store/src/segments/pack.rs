//! Small bodies, one behind the other in one file per run of the process. Whatever waited while the last batch was synced is the
//! next batch: one write, one sync, everybody is answered.

use std::{
    io, slice,
    sync::{Arc, Mutex},
    thread,
};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::{
    Container, Location, Packs,
    disk::{self, DiskFile},
    folder::Folder,
};
use crate::{error::Fault, ids::Ids, inner::lock, options::Durability};

/// A pack grows in steps of this size.
const STEP: u64 = 64 * 1024 * 1024;
/// What is written ahead of small batches.
static ZEROS: [u8; 512 * 1024] = [0; 512 * 1024];
/// Batches of at most so many bytes have zeros written ahead. For larger ones that would cost more than it saves.
const SMALL_BATCH: u64 = 256 * 1024;
/// Bodies in one batch.
const BATCH: usize = 512;
/// Bodies that may wait; more wait in their callers. The store bounds their bytes.
const QUEUE: usize = 1_024;

/// A body and who waits for it.
pub(super) struct Job {
    pub(super) frames: Vec<Bytes>,
    pub(super) reply: oneshot::Sender<Result<Location, Fault>>,
}

/// Starts the thread; it ends when every sender is gone.
pub(super) fn start(packer: Arc<SharedPacker>) -> io::Result<(mpsc::Sender<Job>, thread::JoinHandle<()>)> {
    let (sender, mut jobs) = mpsc::channel::<Job>(QUEUE);
    let thread = thread::Builder::new().name("store-packer".into()).spawn(move || {
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(first) = jobs.blocking_recv() {
            batch.push(first);
            while batch.len() < BATCH
                && let Ok(next) = jobs.try_recv()
            {
                batch.push(next);
            }
            answer(&packer, &mut batch);
        }
    })?;
    Ok((sender, thread))
}

/// Stores a batch and answers everybody.
fn answer(packer: &SharedPacker, batch: &mut Vec<Job>) {
    let frames: Vec<Bytes> = batch.iter().flat_map(|job| job.frames.iter().cloned()).collect();
    match packer.store(&frames) {
        Ok(mut location) => {
            for job in batch.drain(..) {
                let length = length_of(&job.frames);
                // A caller that went away has freed nothing and is owed nothing; the bytes go with their pack.
                drop(job.reply.send(Ok(location)));
                location.offset += length;
            }
        }
        Err(fault) => {
            tracing::warn!(%fault, bodies = batch.len(), "a batch of small bodies failed");
            for job in batch.drain(..) {
                drop(job.reply.send(Err(fault.clone())));
            }
        }
    }
}

fn length_of(frames: &[Bytes]) -> u64 {
    frames.iter().map(|frame| frame.len() as u64).sum()
}

/// The one pack of this run, for whoever stores small bodies.
pub(super) struct SharedPacker {
    folder: Arc<Folder>,
    packer: Mutex<Packer>,
}

impl SharedPacker {
    pub(super) fn new(folder: Arc<Folder>, ids: Arc<dyn Ids>) -> Self {
        let packer = Mutex::new(Packer { folder: Arc::clone(&folder), ids, pack: None });
        Self { folder, packer }
    }
}

impl Packs for SharedPacker {
    fn store(&self, bodies: &[Bytes]) -> Result<Location, Fault> {
        lock(&self.packer).append(bodies)
    }

    fn erase(&self, location: Location, length: usize) -> Result<(), Fault> {
        let mut packer = lock(&self.packer);
        let pack = packer.pack.take_if(|pack| Container::Pack(pack.id) == location.container).ok_or(Fault::Unknown)?;
        let erased = disk::write_all_at(&*pack.file, &[Bytes::from(vec![0; length])], location.offset)
            .and_then(|()| pack.file.sync_data());
        match erased {
            Ok(()) => packer.pack = Some(pack),
            Err(_) => packer.give_up(&pack),
        }
        erased.map_err(|error| Fault::from_io("erasing a record of the journal", error))
    }

    fn is_durable(&self) -> bool {
        self.folder.durability == Durability::Sync
    }

    fn writes_to(&self, pack: Uuid) -> bool {
        lock(&self.packer).pack.as_ref().is_some_and(|current| current.id == pack)
    }

    fn give_back(&self, location: Location, length: u64) {
        let body = location.offset..location.offset + length;
        if let Err(error) = self.folder.punch(location.container.id(), slice::from_ref(&body)) {
            tracing::debug!(%error, "bytes of a small body that nobody names stay for now");
        }
    }
}

struct Packer {
    folder: Arc<Folder>,
    ids: Arc<dyn Ids>,
    /// None at the start, and after a sync failed: such a file is never synced again.
    pack: Option<Pack>,
}

struct Pack {
    id: Uuid,
    file: Arc<dyn DiskFile>,
    /// First byte behind what was answered for.
    end: u64,
    /// First byte behind the zeros that were written ahead.
    zeroed: u64,
    /// First byte behind what was allocated.
    allocated: u64,
}

impl Pack {
    /// Writes zeros from `end` on, where the next bodies will lie. Blocks that were only taken have to be noted as written, by the sync
    /// of whoever writes to them first: one more write that it waits for.
    fn write_ahead(&mut self, end: u64) {
        let zeros = (ZEROS.len() as u64).min(self.allocated.saturating_sub(end));
        if end <= self.zeroed || zeros == 0 {
            return;
        }
        let bytes = Bytes::from_static(&ZEROS).slice(..usize::try_from(zeros).unwrap_or_default());
        match disk::write_all_at(&*self.file, &[bytes], end) {
            Ok(()) => self.zeroed = end + zeros,
            // Nobody needs them; if the disk fails, the sync says so.
            Err(error) => tracing::debug!(%error, "no zeros could be written ahead"),
        }
    }
}

impl Packer {
    /// Writes the bodies behind those that were answered for, and syncs them.
    fn append(&mut self, bodies: &[Bytes]) -> Result<Location, Fault> {
        let length = length_of(bodies);
        let mut pack = match self.pack.take() {
            Some(pack) => pack,
            None => self.begin()?,
        };
        let written = self.grow(&mut pack, length).and_then(|()| {
            disk::write_all_at(&*pack.file, bodies, pack.end)
                .map_err(|error| Fault::from_io("writing to a pack", error))
        });
        if let Err(fault) = written {
            // What was written lies behind the end; the next batch overwrites it.
            self.pack = Some(pack);
            return Err(fault);
        }
        if self.folder.durability == Durability::Sync {
            if length <= SMALL_BATCH {
                pack.write_ahead(pack.end + length);
            }
            if let Err(error) = pack.file.sync_data() {
                tracing::error!(pack = %pack.id, %error, "a pack could not be synced; the next bodies go to another");
                self.give_up(&pack);
                return Err(Fault::from_io("syncing a pack", error));
            }
        }
        let location = Location { container: Container::Pack(pack.id), offset: pack.end };
        pack.end += length;
        self.pack = Some(pack);
        Ok(location)
    }

    fn begin(&self) -> Result<Pack, Fault> {
        let id = self.ids.next();
        let file = self.folder.create(Container::Pack(id))?;
        let pack = Pack { id, file, end: 0, zeroed: 0, allocated: 0 };
        if self.folder.durability == Durability::Sync
            && let Err(fault) = self.folder.sync_names(Container::Pack(id))
        {
            self.give_up(&pack);
            return Err(fault);
        }
        Ok(pack)
    }

    /// Nothing more comes to a pack: what it took ahead is given back, and all of it when it has no bodies. On a disk that fails, packs
    /// follow each other quickly.
    fn give_up(&self, pack: &Pack) {
        let given_back = if pack.end == 0 {
            self.folder.remove(Container::Pack(pack.id))
        } else {
            pack.file.set_length(pack.end).map_err(|error| Fault::from_io("cutting a pack", error))
        };
        if let Err(fault) = given_back {
            tracing::warn!(pack = %pack.id, %fault, "what a pack took ahead stays until the next start");
        }
    }

    /// Takes blocks for the batch: a whole step, or on a full disk only what is needed.
    fn grow(&self, pack: &mut Pack, length: u64) -> Result<(), Fault> {
        let end = pack.end + length;
        if end <= pack.allocated {
            return Ok(());
        }
        let missing = end - pack.allocated;
        for step in [missing.max(STEP), missing] {
            match self.folder.check_room(step).and_then(|()| {
                pack.file.allocate(pack.allocated, step).map_err(|error| Fault::from_io("growing a pack", error))
            }) {
                Ok(()) => {
                    pack.allocated += step;
                    return Ok(());
                }
                Err(Fault::DiskFull { .. }) if step > missing => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ids::RandomIds, segments::disk::system::SystemDisk};

    #[test]
    fn zeros_ahead_touch_no_body() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(Arc::new(SystemDisk), root.path(), Durability::Sync, 0).unwrap();
        let packer = SharedPacker::new(Arc::new(folder), Arc::new(RandomIds));
        let sizes = [10_000, 1, ZEROS.len(), 70_000, 5_000, 64 * 1024];
        let bodies: Vec<_> = (1..).zip(sizes).map(|(byte, size)| Bytes::from(vec![byte; size])).collect();
        let mut expected = Vec::new();
        for body in &bodies {
            let location = packer.store(slice::from_ref(body)).unwrap();
            assert_eq!(location.offset, expected.len() as u64);
            expected.extend_from_slice(body);
        }
        let pack = lock(&packer.packer);
        let pack = pack.pack.as_ref().unwrap();
        assert!(pack.zeroed > pack.end, "the last one came alone");
        expected.resize(usize::try_from(pack.zeroed).unwrap(), 0);
        assert!(pack.file.read_exact_at(0, expected.len()).unwrap() == expected);
    }
}
