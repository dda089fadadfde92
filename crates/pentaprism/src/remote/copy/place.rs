//! Writing a local file so that its name shows the whole or what was there before, and a transfer that broke off can go on.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use rustix::fs::{RenameFlags, renameat_with};

use crate::remote::failure::{Failure, FailureKind};

/// A file on its way to its name: until the end its bytes lie beside it, under `.NAME.pentaprism-part`.
#[derive(Debug)]
pub struct PartFile {
    target: PathBuf,
    part: PathBuf,
    file: File,
    held: u64,
}

/// What becomes of a file that has the name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and the copy fails.
    Refuse,
    /// It is replaced.
    Replace,
}

impl PartFile {
    /// Opens the part of `target`. With `go_on` it keeps what an earlier run left; else it begins empty.
    ///
    /// # Errors
    /// The folder is missing or may not be written, or another run writes the same file.
    pub fn open(target: &Path, go_on: bool) -> Result<Self, Failure> {
        let part = part_of(target)?;
        let failed = |error: io::Error| Failure::local(format!("{} cannot be written", target.display()), &error);
        // Not emptied before it is locked: another run may be writing it.
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&part).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let what = format!("another run is writing {}", target.display());
                return Err(Failure::new(FailureKind::Conflict, what).advise("wait for it, or end it"));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        if !go_on {
            file.set_len(0).map_err(failed)?;
        }
        let held = file.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok(Self { target: target.to_owned(), part, file, held })
    }

    /// How many bytes an earlier run left.
    pub const fn held(&self) -> u64 {
        self.held
    }

    /// A second handle of the same file, whose position is shared.
    ///
    /// # Errors
    /// The process has too many open files.
    pub fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Keeps the first `length` bytes only, and goes on behind them.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn cut(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.held = self.file.seek(SeekFrom::Start(length))?;
        Ok(())
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// A file has the name and is to stay, or the operating system refuses.
    pub fn finish(self, existing: Existing) -> Result<(), Failure> {
        let renamed = match existing {
            Existing::Replace => std::fs::rename(&self.part, &self.target),
            Existing::Refuse => rename_new(&self.part, &self.target),
        };
        renamed.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                let _may_stay = std::fs::remove_file(&self.part);
                exists(&self.target)
            }
            _ => Failure::local(format!("{} cannot be given its name", self.target.display()), &error),
        })
    }

    /// Removes what was written so far.
    pub fn discard(self) {
        // Nothing depends on it: the next run begins empty.
        let _may_stay = std::fs::remove_file(&self.part);
    }
}

/// Renames unless something has the name. Where the file system cannot do both in one step, something that appears in between
/// is replaced.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(rustix::fs::CWD, from, rustix::fs::CWD, to, RenameFlags::NOREPLACE) {
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) if !to.exists() => std::fs::rename(from, to),
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => Err(io::ErrorKind::AlreadyExists.into()),
        renamed => Ok(renamed?),
    }
}

/// The failure that a file is there.
pub fn exists(target: &Path) -> Failure {
    let what = format!("{} is there already", target.display());
    Failure::new(FailureKind::Conflict, what).advise("--force replaces it, --no-clobber passes over it")
}

fn part_of(target: &Path) -> Result<PathBuf, Failure> {
    let Some(name) = target.file_name() else {
        let what = format!("{} is no name of a file", target.display());
        return Err(Failure::new(FailureKind::Usage, what).advise("name a file, or a folder that is there"));
    };
    let mut part = OsString::from(".");
    part.push(name);
    part.push(".pentaprism-part");
    Ok(target.with_file_name(part))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_has_its_name_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("disk.raw");
        let part = PartFile::open(&target, false).unwrap();
        part.handle().unwrap().write_all(b"half").unwrap();
        assert_eq!(names(folder.path()), [".disk.raw.pentaprism-part"]);
        drop(part);
        let part = PartFile::open(&target, true).unwrap();
        assert_eq!(part.held(), 4);
        part.handle().unwrap().write_all(b" and half").unwrap();
        part.finish(Existing::Refuse).unwrap();
        assert_eq!(names(folder.path()), ["disk.raw"]);
        assert_eq!(std::fs::read(&target).unwrap(), b"half and half");
    }

    #[test]
    fn what_is_there_stays_unless_it_is_to_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("disk.raw");
        std::fs::write(&target, "old").unwrap();
        let write = |existing| {
            let part = PartFile::open(&target, false).unwrap();
            part.handle().unwrap().write_all(b"new").unwrap();
            part.finish(existing)
        };
        assert_eq!(write(Existing::Refuse).unwrap_err().kind, FailureKind::Conflict);
        assert_eq!((std::fs::read(&target).unwrap(), names(folder.path()).len()), (b"old".to_vec(), 1));
        write(Existing::Replace).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"new");
    }

    #[test]
    fn two_runs_do_not_write_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("disk.raw");
        let mut first = PartFile::open(&target, false).unwrap();
        first.handle().unwrap().write_all(b"12345").unwrap();
        assert_eq!(PartFile::open(&target, true).unwrap_err().kind, FailureKind::Conflict);
        first.cut(2).unwrap();
        first.handle().unwrap().write_all(b"x").unwrap();
        first.finish(Existing::Refuse).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"12x");
        let none = PartFile::open(&folder.path().join("none/disk.raw"), false).unwrap_err();
        assert_eq!(none.kind, FailureKind::Local);
        let gone = PartFile::open(&folder.path().join("gone"), false).unwrap();
        gone.discard();
        assert_eq!(names(folder.path()), ["disk.raw"]);
    }
}
