//! Writing a local file so that its name shows the whole or what was there before, and a transfer that broke off can go on.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek as _, SeekFrom};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, RenameFlags, renameat_with};
use sha2::{Digest as _, Sha256};

use crate::remote::failure::{Failure, FailureKind};

/// A file on its way to its name: until the end its bytes lie beside it, under `.NAME.pentaprism-part`. Dropped before its end it is
/// removed, unless it is to be kept for another run.
#[derive(Debug)]
pub struct PartFile {
    target: PathBuf,
    part: PathBuf,
    file: File,
    held: u64,
    /// Whether the part stays when this is dropped.
    stays: bool,
}

/// What becomes of a file that has the name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and the copy fails.
    Refuse,
    /// It is replaced.
    Replace,
}

/// How often a part is opened anew because another run took it away in between.
const TRIES: usize = 10;

/// The longest name whose part has it in its own name, in bytes: file systems allow 255.
const LONG_NAME: usize = 200;

/// The end of every part's name.
const SUFFIX: &str = ".pentaprism-part";

impl PartFile {
    /// Opens the part of `target`, with what an earlier run left in it.
    ///
    /// # Errors
    /// The folder is missing or may not be written, something else lies there, or another run writes the same file.
    pub fn open(target: &Path) -> Result<Self, Failure> {
        let part = part_of(target)?;
        let failed = |error: io::Error| Failure::local(format!("{} cannot be written", target.display()), &error);
        for _ in 0..TRIES {
            // Links are not followed: in a folder of many users somebody else may have laid one there.
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).custom_flags(NO_LINKS);
            let mut file = options.open(&part).map_err(failed)?;
            let metadata = file.metadata().map_err(failed)?;
            if !metadata.is_file() || metadata.nlink() > 1 {
                let what = format!("{} is in the way", part.display());
                return Err(
                    Failure::new(FailureKind::Conflict, what).advise("look at it, and delete it if it is of no use")
                );
            }
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let what = format!("another run is writing {}", target.display());
                    return Err(Failure::new(FailureKind::Conflict, what).advise("wait for it, or end it"));
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
            // The run that had the lock may have given the file its name: then it is not the part any more.
            if part.symlink_metadata().is_ok_and(|now| (now.dev(), now.ino()) == (metadata.dev(), metadata.ino())) {
                let held = file.seek(SeekFrom::End(0)).map_err(failed)?;
                return Ok(Self { target: target.to_owned(), part, file, held, stays: false });
            }
        }
        Err(Failure::new(FailureKind::Conflict, format!("other runs keep writing {}", target.display())))
    }

    /// How many bytes there are.
    pub const fn held(&self) -> u64 {
        self.held
    }

    /// Which file it is on its file system.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn inode(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.ino())
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
        // A file that was cut to nothing, even if it had nothing, is written out by ext4 when it is closed (`auto_da_alloc`):
        // a download would wait for the disk at its end.
        if self.file.metadata()?.len() != length {
            self.file.set_len(length)?;
        }
        self.held = self.file.seek(SeekFrom::Start(length))?;
        Ok(())
    }

    /// Leaves what is written to another run, whatever happens to this one.
    pub const fn keep(&mut self) {
        self.stays = true;
    }

    /// Gives the file its name, and the rights of the file that it replaces.
    ///
    /// # Errors
    /// A file has the name and is to stay, or the operating system refuses.
    pub fn finish(mut self, existing: Existing) -> Result<(), Failure> {
        let renamed = match existing {
            Existing::Replace => {
                let rights = std::fs::metadata(&self.target).map(|replaced| replaced.permissions());
                let taken_over = rights.map_or(Ok(()), |rights| self.file.set_permissions(rights));
                taken_over.and_then(|()| std::fs::rename(&self.part, &self.target))
            }
            Existing::Refuse => rename_new(&self.part, &self.target),
        };
        match renamed {
            Ok(()) => {
                self.stays = true;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.stays = false;
                Err(exists(&self.target))
            }
            Err(error) => Err(Failure::local(format!("{} cannot be given its name", self.target.display()), &error)),
        }
    }

    /// Removes what was written so far.
    pub fn discard(mut self) {
        self.stays = false;
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if !self.stays {
            // Still under its lock, so that it is nobody else's. Nothing depends on it: the next run begins empty.
            let _may_stay = std::fs::remove_file(&self.part);
        }
    }
}

/// `O_NOFOLLOW`.
const NO_LINKS: i32 = OFlags::NOFOLLOW.bits().cast_signed();

/// What a path of this machine is to a download.
#[derive(Debug, PartialEq, Eq)]
pub enum Destination {
    /// A name that is free, or a regular file; links to files are resolved.
    File(PathBuf),
    /// A device or a pipe, into which bytes are written as they come.
    Stream(PathBuf),
}

/// What `target` is.
///
/// # Errors
/// It is neither of both, such as a link to nothing.
pub fn destination(target: &Path) -> Result<Destination, Failure> {
    let Ok(found) = target.symlink_metadata() else { return Ok(Destination::File(target.to_owned())) };
    let failed = |error: io::Error| Failure::local(format!("{} cannot be written", target.display()), &error);
    let resolved = if found.is_symlink() { target.canonicalize().map_err(failed)? } else { target.to_owned() };
    let kind = resolved.metadata().map_err(failed)?.file_type();
    if kind.is_file() {
        return Ok(Destination::File(resolved));
    }
    if kind.is_char_device() || kind.is_fifo() {
        return Ok(Destination::Stream(resolved));
    }
    let what = format!("{} is neither a file nor a pipe", target.display());
    Err(Failure::new(FailureKind::Local, what).advise("name a file"))
}

/// Whether a file of this name is a part.
pub fn is_part(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(SUFFIX)
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
    if name.len() > LONG_NAME {
        let digest = Sha256::digest(name.as_encoded_bytes());
        part.push(digest[..16].iter().fold(String::new(), |name, byte| name + &format!("{byte:02x}")));
    } else {
        part.push(name);
    }
    part.push(SUFFIX);
    Ok(target.with_file_name(part))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn write(part: &PartFile, bytes: &[u8]) {
        part.handle().unwrap().write_all(bytes).unwrap();
    }

    #[test]
    fn a_file_has_its_name_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("disk.raw");
        let mut part = PartFile::open(&target).unwrap();
        write(&part, b"half");
        assert_eq!(names(folder.path()), [".disk.raw.pentaprism-part"]);
        part.keep();
        drop(part);
        let part = PartFile::open(&target).unwrap();
        assert_eq!(part.held(), 4);
        write(&part, b" and half");
        part.finish(Existing::Refuse).unwrap();
        assert_eq!(names(folder.path()), ["disk.raw"]);
        assert_eq!(std::fs::read(&target).unwrap(), b"half and half");
    }

    #[test]
    fn what_is_dropped_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let part = PartFile::open(&folder.path().join("gone")).unwrap();
        write(&part, b"half");
        drop(part);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn what_is_there_stays_unless_it_is_to_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("disk.raw");
        std::fs::write(&target, "old").unwrap();
        std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o600)).unwrap();
        let replace = |existing| {
            let part = PartFile::open(&target).unwrap();
            write(&part, b"new");
            part.finish(existing)
        };
        assert_eq!(replace(Existing::Refuse).unwrap_err().kind, FailureKind::Conflict);
        assert_eq!((std::fs::read(&target).unwrap(), names(folder.path()).len()), (b"old".to_vec(), 1));
        replace(Existing::Replace).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"new");
        assert_eq!(std::fs::metadata(&target).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn two_runs_do_not_write_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("disk.raw");
        let mut first = PartFile::open(&target).unwrap();
        write(&first, b"12345");
        assert_eq!(PartFile::open(&target).unwrap_err().kind, FailureKind::Conflict);
        first.cut(2).unwrap();
        write(&first, b"x");
        first.finish(Existing::Refuse).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"12x");
        let none = PartFile::open(&folder.path().join("none/disk.raw")).unwrap_err();
        assert_eq!(none.kind, FailureKind::Local);
    }

    #[test]
    fn links_at_the_part_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let victim = folder.path().join("victim");
        std::fs::write(&victim, "precious").unwrap();
        let part = folder.path().join(".disk.raw.pentaprism-part");
        let target = folder.path().join("disk.raw");
        symlink(&victim, &part).unwrap();
        assert_eq!(PartFile::open(&target).unwrap_err().kind, FailureKind::Local);
        std::fs::remove_file(&part).unwrap();
        std::fs::hard_link(&victim, &part).unwrap();
        assert_eq!(PartFile::open(&target).unwrap_err().kind, FailureKind::Conflict);
        assert_eq!(std::fs::read(&victim).unwrap(), b"precious");
    }

    #[test]
    fn links_devices_and_long_names_are_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::write(root.join("real"), "x").unwrap();
        symlink(root.join("real"), root.join("link")).unwrap();
        symlink(root.join("nothing"), root.join("broken")).unwrap();
        assert_eq!(destination(&root.join("link")).unwrap(), Destination::File(root.join("real")));
        assert_eq!(destination(&root.join("free")).unwrap(), Destination::File(root.join("free")));
        assert_eq!(destination(Path::new("/dev/null")).unwrap(), Destination::Stream("/dev/null".into()));
        assert_eq!(destination(&root.join("broken")).unwrap_err().kind, FailureKind::Local);
        assert_eq!(destination(&root).unwrap_err().kind, FailureKind::Local);
        let long = root.join("n".repeat(255));
        PartFile::open(&long).unwrap().finish(Existing::Refuse).unwrap();
        assert!(long.is_file() && is_part(".x.pentaprism-part") && !is_part("x.pentaprism-part"));
    }
}
