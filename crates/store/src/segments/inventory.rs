//! What lies below the data folder, for checks: files with their sizes, and what was set aside.

use std::{fs, io, os::unix::fs::MetadataExt as _};

use super::{Orphan, Stored, folder::Folder};

impl Folder {
    /// Every container with what it takes.
    pub(super) fn inventory(&self) -> io::Result<Vec<Stored>> {
        let mut found = Vec::new();
        for container in self.containers()? {
            match fs::metadata(self.path(container)) {
                Ok(file) => found.push(Stored { container, end: file.len(), bytes: file.blocks() * 512 }),
                // Freed since its name was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// What was set aside, the oldest first.
    pub(super) fn orphans(&self) -> io::Result<Vec<Orphan>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.orphanage())? {
            let entry = entry?;
            let Some(since) = Self::aside_since(&entry.file_name()) else { continue };
            match entry.metadata() {
                Ok(file) => found.push(Orphan {
                    name: entry.file_name().to_string_lossy().into_owned(),
                    since,
                    bytes: file.blocks() * 512,
                }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        found.sort_by(|one, other| (one.since, &one.name).cmp(&(other.since, &other.name)));
        Ok(found)
    }
}
