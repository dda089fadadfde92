//! The files below the data folder: where a container lies, and what is done with files that nobody knows.

use std::{
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use uuid::Uuid;

use super::{Container, system};
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
    root: PathBuf,
    pub(crate) durability: Durability,
    reserve: u64,
}

impl Folder {
    /// Makes what is missing of the folders.
    pub(crate) fn open(root: &Path, durability: Durability, reserve: u64) -> io::Result<Self> {
        for name in [PACKS, FILES, ORPHANS] {
            fs::create_dir_all(root.join(name))?;
        }
        if durability == Durability::Sync {
            system::sync_folder(root)?;
        }
        Ok(Self { root: root.to_owned(), durability, reserve })
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
    pub(super) fn create(&self, container: Container) -> Result<File, Fault> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(self.path(container))
            .map_err(|error| Fault::from_io("creating a file", error))
    }

    /// A file for writing that exists, or may be missing when it is `fresh`.
    pub(super) fn reopen(&self, container: Container, fresh: bool) -> Result<File, Fault> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(fresh)
            .truncate(false)
            .open(self.path(container))
            .map_err(|error| not_opened(container, error))
    }

    pub(super) fn open_for_reading(&self, container: Container) -> Result<File, Fault> {
        File::open(self.path(container)).map_err(|error| not_opened(container, error))
    }

    pub(super) fn open_for_punching(&self, container: Container) -> io::Result<File> {
        OpenOptions::new().write(true).open(self.path(container))
    }

    pub(super) fn sync_names(&self, container: Container) -> Result<(), Fault> {
        system::sync_folder(&self.home(container)).map_err(|error| Fault::from_io("syncing a folder", error))
    }

    /// Unlinks a file; one that is gone is fine.
    pub(super) fn remove(&self, container: Container) -> Result<(), Fault> {
        match fs::remove_file(self.path(container)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Fault::from_io("removing a file", error)),
            _ => Ok(()),
        }
    }

    /// Bytes of the disk that a file takes: blocks taken ahead count, holes do not. 0 when it is gone.
    pub(super) fn held(&self, container: Container) -> Result<u64, Fault> {
        match fs::metadata(self.path(container)) {
            Ok(metadata) => Ok(metadata.blocks() * 512),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(Fault::from_io("asking for the size of a file", error)),
        }
    }

    /// Refuses when `bytes` more would not fit beside the reserve.
    pub(super) fn check_room(&self, bytes: u64) -> Result<(), Fault> {
        let free = system::available(&self.root).map_err(|error| Fault::from_io("asking for free space", error))?;
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
            for entry in fs::read_dir(self.root.join(name))? {
                let entry = entry?;
                if let Some(id) = entry.file_name().to_str().and_then(|name| Uuid::try_parse(name).ok()) {
                    found.push(kind(id));
                } else {
                    tracing::warn!(path = %entry.path().display(), "this file is not ours and is left alone");
                }
            }
        }
        Ok(found)
    }

    /// Cuts a pack to its last recorded segment; what lies behind was never answered for.
    pub(crate) fn seal(&self, pack: Uuid, end: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(self.path(Container::Pack(pack)))?;
        if file.metadata()?.len() > end {
            file.set_len(end)?;
        }
        Ok(())
    }

    /// Sets a file aside that no row names. It is not deleted at once: the database may be the one that is wrong.
    pub(crate) fn set_aside(&self, container: Container, now: Timestamp) -> io::Result<()> {
        let kind = match container {
            Container::Pack(_) => "pack",
            Container::Own(_) => "file",
        };
        let name = format!("{}-{kind}-{}", now.as_unix_micros(), container.id().simple());
        fs::rename(self.path(container), self.orphanage().join(name))
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
        for entry in fs::read_dir(self.orphanage())? {
            let entry = entry?;
            let since = Self::aside_since(&entry.file_name());
            if since.is_some_and(|since| since.plus(ORPHANS_STAY) <= now) {
                fs::remove_file(entry.path())?;
                purged += 1;
            }
            if purged == PURGED {
                break;
            }
        }
        Ok(purged)
    }
}
