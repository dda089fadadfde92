//! What lies below the data folder, for checks: files with their sizes, and what was set aside.

use std::io;

use super::{Orphan, Stored, disk::Access, folder::Folder};

impl Folder {
    /// Every container with what it takes.
    pub(super) fn inventory(&self) -> io::Result<Vec<Stored>> {
        let mut found = Vec::new();
        for container in self.containers()? {
            let path = self.path(container);
            let sizes =
                self.disk.open(&path, Access::Read).and_then(|file| Ok((file.length()?, self.disk.held(&path)?)));
            match sizes {
                Ok((end, bytes)) => found.push(Stored { container, end, bytes }),
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
        let orphanage = self.orphanage();
        for name in self.disk.list(&orphanage)? {
            let Some(since) = Self::aside_since(&name) else { continue };
            match self.disk.held(&orphanage.join(&name)) {
                Ok(bytes) => found.push(Orphan { name: name.to_string_lossy().into_owned(), since, bytes }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        found.sort_by(|one, other| (one.since, &one.name).cmp(&(other.since, &other.name)));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::Arc, time::Duration};

    use super::*;
    use crate::{
        clock::Timestamp,
        options::Durability,
        segments::{disk::system::SystemDisk, folder::PURGED},
    };

    #[test]
    fn what_was_set_aside_is_told_by_age_and_deleted_in_bounded_parts() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(Arc::new(SystemDisk), root.path(), Durability::None, 0).unwrap();
        let count = PURGED + 2;
        for number in 0..count {
            fs::write(root.path().join("orphans").join(format!("{number}-file-x")), b"bytes").unwrap();
        }
        fs::write(root.path().join("orphans/notes.txt"), b"not ours").unwrap();
        let orphans = folder.orphans().unwrap();
        assert_eq!((orphans.len() as u64, orphans[2].since), (count, Timestamp::from_unix_micros(2)));
        assert!(orphans.iter().all(|orphan| orphan.bytes > 0));
        let later = Timestamp::from_unix_micros(0).plus(Duration::from_hours(24));
        assert_eq!(folder.purge(later).unwrap(), 1, "only what is old enough");
        let later = later.plus(Duration::from_secs(1));
        assert_eq!([folder.purge(later).unwrap(), folder.purge(later).unwrap()], [PURGED, 1]);
        assert_eq!(folder.orphans().unwrap(), []);
        assert!(root.path().join("orphans/notes.txt").exists());
    }
}
