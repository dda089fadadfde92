//! The disk of the system. Its calls that the standard library lacks come without `unsafe`; where a system does not have one, the work
//! is done without.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, IoSlice},
    os::unix::fs::{FileExt, MetadataExt as _},
    path::Path,
    sync::Arc,
};

use bytes::Bytes;

use super::{Access, Disk, DiskFile};

/// What the system keeps below its paths.
pub(crate) struct SystemDisk;

impl Disk for SystemDisk {
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)
    }

    fn create_new(&self, file: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(OpenOptions::new().read(true).write(true).create_new(true).open(file)?))
    }

    fn open(&self, file: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(access != Access::Read).create(access == Access::ReadWriteOrCreate).truncate(false);
        Ok(Arc::new(options.open(file)?))
    }

    fn held(&self, file: &Path) -> io::Result<u64> {
        Ok(fs::metadata(file)?.blocks() * 512)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        fs::remove_file(file)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect()
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        sync_folder(folder)
    }

    fn available(&self, folder: &Path) -> io::Result<u64> {
        let status = rustix::fs::statvfs(folder)?;
        Ok(status.f_bavail.saturating_mul(status.f_frsize))
    }
}

impl DiskFile for File {
    #[cfg(target_os = "linux")]
    fn write_at(&self, slices: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        Ok(rustix::io::pwritev(self, slices, offset)?)
    }

    #[cfg(not(target_os = "linux"))]
    fn write_at(&self, slices: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        slices.first().map_or(Ok(0), |slice| FileExt::write_at(self, slice, offset))
    }

    fn read_exact_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let mut buffer = Vec::with_capacity(length);
        while buffer.len() < length {
            let at = offset + buffer.len() as u64;
            let wanted = length - buffer.len();
            let read = if buffer.capacity() - buffer.len() == wanted {
                match rustix::io::pread(self, rustix::buffer::spare_capacity(&mut buffer), at) {
                    Ok(read) => read,
                    Err(rustix::io::Errno::INTR) => continue,
                    Err(error) => return Err(error.into()),
                }
            } else {
                // The allocator gave more room than was asked for; read no further than asked.
                let start = buffer.len();
                buffer.resize(length, 0);
                FileExt::read_exact_at(self, &mut buffer[start..], at)?;
                wanted
            };
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(buffer.into())
    }

    #[cfg(target_os = "linux")]
    fn allocate(&self, offset: u64, length: u64) -> io::Result<()> {
        use rustix::{fs::FallocateFlags, io::Errno};
        match rustix::fs::fallocate(self, FallocateFlags::empty(), offset, length) {
            // A file system that cannot; writing will take the blocks.
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn allocate(&self, _: u64, _: u64) -> io::Result<()> {
        Ok(())
    }

    #[cfg(target_os = "linux")]
    fn punch(&self, offset: u64, length: u64) -> io::Result<()> {
        use rustix::{fs::FallocateFlags, io::Errno};
        match rustix::fs::fallocate(self, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, offset, length) {
            // The blocks come back when the whole pack is dead.
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn punch(&self, _: u64, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn sync_data(&self) -> io::Result<()> {
        Self::sync_data(self)
    }

    #[cfg(target_os = "linux")]
    fn push_out(&self, offset: u64, length: u64) {
        let length = std::num::NonZeroU64::new(length);
        // A hint that fails costs time, not bytes: the sync at the end decides.
        let _ = rustix::fs::fadvise(self, offset, length, rustix::fs::Advice::DontNeed);
    }

    #[cfg(not(target_os = "linux"))]
    fn push_out(&self, _: u64, _: u64) {}
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_past_the_end_is_an_error() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"abc", 0).unwrap();
        assert_eq!(DiskFile::read_exact_at(&file, 1, 3).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
