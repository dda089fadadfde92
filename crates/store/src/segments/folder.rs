//! The files below the data folder: where a container lies, and what is done with files that nobody knows.

use std::{
    ffi::OsStr,
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use uuid::Uuid;

use super::{
    Container,
    disk::{Access, Disk, DiskFile},
    files::inner_pages,
};
use crate::{clock::Timestamp, error::Fault, options::Durability};

const PACKS: &str = "packs";
const FILES: &str = "files";
const ORPHANS: &str = "orphans";
/// Files that no row names are kept for so long: a lost or older database must not make us delete images.
const ORPHANS_STAY: Duration = Duration::from_hours(24);
/// So many of them are deleted at a time, the rest by the next sweep.
pub(super) const PURGED: u64 = 1_000;

fn not_opened(container: Container, error: io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::NotFound => Fault::corrupt(format!("{container} is missing")),
        _ => Fault::from_io("opening a file", error),
    }
}

/// The folders that hold bytes.
pub(crate) struct Folder {
    pub(super) disk: Arc<dyn Disk>,
    root: PathBuf,
    pub(crate) durability: Durability,
    reserve: u64,
}

impl Folder {
    /// Makes what is missing of the folders.
    pub(crate) fn open(disk: Arc<dyn Disk>, root: &Path, durability: Durability, reserve: u64) -> io::Result<Self> {
        for name in [PACKS, FILES, ORPHANS] {
            disk.make_folder(&root.join(name))?;
        }
        if durability == Durability::Sync {
            disk.sync_folder(root)?;
        }
        Ok(Self { disk, root: root.to_owned(), durability, reserve })
    }

    fn home(&self, container: Container) -> PathBuf {
        self.root.join(match container {
            Container::Pack(_) => PACKS,
            Container::Own(_) => FILES,
        })
    }

    pub(super) fn path(&self, container: Container) -> PathBuf {
        self.home(container).join(container.id().simple().to_string())
    }

    /// A new file; its name is durable only after [`sync_names`](Self::sync_names).
    pub(super) fn create(&self, container: Container) -> Result<Arc<dyn DiskFile>, Fault> {
        self.disk.create_new(&self.path(container)).map_err(|error| Fault::from_io("creating a file", error))
    }

    /// A file for writing that exists, or may be missing when it is `fresh`.
    pub(super) fn reopen(&self, container: Container, fresh: bool) -> Result<Arc<dyn DiskFile>, Fault> {
        let access = if fresh { Access::ReadWriteOrCreate } else { Access::ReadWrite };
        self.disk.open(&self.path(container), access).map_err(|error| not_opened(container, error))
    }

    pub(super) fn open_for_reading(&self, container: Container) -> Result<Arc<dyn DiskFile>, Fault> {
        self.disk.open(&self.path(container), Access::Read).map_err(|error| not_opened(container, error))
    }

    pub(super) fn open_for_punching(&self, container: Container) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.open(&self.path(container), Access::ReadWrite)
    }

    /// A pack of an earlier run.
    pub(crate) fn open_pack(&self, id: Uuid) -> io::Result<Arc<dyn DiskFile>> {
        self.open_for_punching(Container::Pack(id))
    }

    pub(super) fn sync_names(&self, container: Container) -> Result<(), Fault> {
        self.disk.sync_folder(&self.home(container)).map_err(|error| Fault::from_io("syncing a folder", error))
    }

    /// Unlinks a file; one that is gone is fine.
    pub(super) fn remove(&self, container: Container) -> Result<(), Fault> {
        match self.disk.remove(&self.path(container)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Fault::from_io("removing a file", error)),
            _ => Ok(()),
        }
    }

    /// Bytes of the disk that a file takes: blocks taken ahead count, holes do not. 0 when it is gone.
    pub(super) fn held(&self, container: Container) -> Result<u64, Fault> {
        match self.disk.held(&self.path(container)) {
            Ok(held) => Ok(held),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(Fault::from_io("asking for the size of a file", error)),
        }
    }

    /// Refuses when `bytes` more would not fit beside the reserve.
    pub(super) fn check_room(&self, bytes: u64) -> Result<(), Fault> {
        let free = self.disk.available(&self.root).map_err(|error| Fault::from_io("asking for free space", error))?;
        let available = free.saturating_sub(self.reserve);
        if free < self.reserve || bytes > available {
            return Err(Fault::DiskFull { needed: bytes, available });
        }
        Ok(())
    }

    /// Every container that has a file.
    pub(crate) fn containers(&self) -> io::Result<Vec<Container>> {
        let mut found = Vec::new();
        for (name, kind) in [(PACKS, Container::Pack as fn(Uuid) -> Container), (FILES, Container::Own)] {
            let folder = self.root.join(name);
            for file in self.disk.list(&folder)? {
                if let Some(id) = file.to_str().and_then(|name| Uuid::try_parse(name).ok()) {
                    found.push(kind(id));
                } else {
                    tracing::warn!(path = %folder.join(file).display(), "this file is not ours and is left alone");
                }
            }
        }
        Ok(found)
    }

    /// Whether a pack is longer than its last recorded segment: the run that wrote to it is over, and nobody has sealed it.
    pub(crate) fn is_unsealed(&self, pack: Uuid, end: u64) -> io::Result<bool> {
        Ok(self.disk.open(&self.path(Container::Pack(pack)), Access::Read)?.length()? > end)
    }

    /// Gives back stretches of a pack that no row names.
    pub(crate) fn punch(&self, pack: Uuid, stretches: &[Range<u64>]) -> io::Result<()> {
        let pages = stretches.iter().filter_map(|stretch| inner_pages(stretch.start, stretch.end - stretch.start));
        let mut pages = pages.peekable();
        if pages.peek().is_none() {
            return Ok(());
        }
        let file = self.open_for_punching(Container::Pack(pack))?;
        for (offset, length) in pages {
            file.punch(offset, length)?;
        }
        Ok(())
    }

    /// Cuts a pack to its last recorded segment; what lies behind was never answered for. What was given back of it is durable before:
    /// a pack that was cut is not looked at again.
    pub(crate) fn seal(&self, pack: Uuid, end: u64) -> io::Result<()> {
        let file = self.open_for_punching(Container::Pack(pack))?;
        if self.durability == Durability::Sync {
            file.sync_data()?;
        }
        file.set_length(end)
    }

    /// Sets a file aside that no row names. It is not deleted at once: the database may be the one that is wrong.
    pub(crate) fn set_aside(&self, container: Container, now: Timestamp) -> io::Result<()> {
        let kind = match container {
            Container::Pack(_) => "pack",
            Container::Own(_) => "file",
        };
        let name = format!("{}-{kind}-{}", now.as_unix_micros(), container.id().simple());
        self.disk.rename(&self.path(container), &self.orphanage().join(name))
    }

    pub(super) fn orphanage(&self) -> PathBuf {
        self.root.join(ORPHANS)
    }

    /// When a file was set aside; none for one that is not ours.
    pub(super) fn aside_since(name: &OsStr) -> Option<Timestamp> {
        name.to_str()?.split_once('-')?.0.parse().ok().map(Timestamp::from_unix_micros)
    }

    /// Deletes what was set aside more than 24 hours ago, a bounded part of it; says how many files went.
    pub(crate) fn purge(&self, now: Timestamp) -> io::Result<u64> {
        let mut purged = 0;
        let orphans = self.orphanage();
        for file in self.disk.list(&orphans)? {
            let since = Self::aside_since(&file);
            if since.is_some_and(|since| since.plus(ORPHANS_STAY) <= now) {
                self.disk.remove(&orphans.join(file))?;
                purged += 1;
            }
            if purged == PURGED {
                break;
            }
        }
        Ok(purged)
    }
}
