//! What the engine for bytes asks of a disk, one method per system call, so that tests can put a disk in the place of the system's that
//! loses power, fills up or fails.

pub(crate) mod system;

use std::{
    ffi::OsString,
    io::{self, IoSlice},
    path::Path,
    sync::Arc,
};

use bytes::Bytes;

/// Slices that one write takes.
const SLICES: usize = 1_024;

/// What a file is opened for. None of these empties it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To be read.
    Read,
    /// To be read and written.
    ReadWrite,
    /// The same; a file that is missing is made.
    ReadWriteOrCreate,
}

/// A file system: folders with files in them. Names that were made, moved or removed are durable after
/// [`sync_folder`](Self::sync_folder). Every method blocks.
pub trait Disk: Send + Sync + 'static {
    /// Makes a folder with what is missing above it; one that exists is fine.
    ///
    /// # Errors
    /// As the system says.
    fn make_folder(&self, folder: &Path) -> io::Result<()>;

    /// Makes a file, to be read and written.
    ///
    /// # Errors
    /// [`AlreadyExists`](io::ErrorKind::AlreadyExists), or as the system says.
    fn create_new(&self, file: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens a file.
    ///
    /// # Errors
    /// [`NotFound`](io::ErrorKind::NotFound), or as the system says.
    fn open(&self, file: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>>;

    /// Bytes of the disk that a file takes: blocks taken ahead count, holes do not.
    ///
    /// # Errors
    /// [`NotFound`](io::ErrorKind::NotFound), or as the system says.
    fn held(&self, file: &Path) -> io::Result<u64>;

    /// Moves a file, also from one folder to another.
    ///
    /// # Errors
    /// [`NotFound`](io::ErrorKind::NotFound), or as the system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Takes the name of a file away; who has it open keeps it.
    ///
    /// # Errors
    /// [`NotFound`](io::ErrorKind::NotFound), or as the system says.
    fn remove(&self, file: &Path) -> io::Result<()>;

    /// The names in a folder, in no particular order.
    ///
    /// # Errors
    /// As the system says.
    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// As the system says; which names are durable then is unknown.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Bytes that may still be taken where `folder` lies.
    ///
    /// # Errors
    /// As the system says.
    fn available(&self, folder: &Path) -> io::Result<u64>;
}

/// An open file. What was written is durable after [`sync_data`](Self::sync_data). Every method blocks.
pub trait DiskFile: Send + Sync + 'static {
    /// Writes some bytes of the slices from `offset` on; says how many.
    ///
    /// # Errors
    /// As the system says; what was written then is unknown.
    fn write_at(&self, slices: &[IoSlice<'_>], offset: u64) -> io::Result<usize>;

    /// Exactly `length` bytes from `offset` on.
    ///
    /// # Errors
    /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) when the file is shorter, or as the system says.
    fn read_exact_at(&self, offset: u64, length: usize) -> io::Result<Bytes>;

    /// Takes blocks for a range before its bytes come; the file grows to the end of the range. Where a system cannot, writing will
    /// take the blocks.
    ///
    /// # Errors
    /// As the system says.
    fn allocate(&self, offset: u64, length: u64) -> io::Result<()>;

    /// Gives the blocks inside a range back; the file keeps its length. Where a system cannot, they come back with the file.
    ///
    /// # Errors
    /// As the system says.
    fn punch(&self, offset: u64, length: u64) -> io::Result<()>;

    /// Cuts the file, or lengthens it by a hole.
    ///
    /// # Errors
    /// As the system says.
    fn set_length(&self, length: u64) -> io::Result<()>;

    /// Its length in bytes, holes and blocks taken ahead included.
    ///
    /// # Errors
    /// As the system says.
    fn length(&self) -> io::Result<u64>;

    /// Makes everything durable that was written to the file, by whomever.
    ///
    /// # Errors
    /// As the system says. What was written since the last sync may be lost then, even if a later sync succeeds.
    fn sync_data(&self) -> io::Result<()>;

    /// Lets the system begin to write a range to the disk, so that the sync at the end has less to do. Only a hint.
    fn push_out(&self, offset: u64, length: u64);
}

/// Writes all frames one behind the other.
pub(crate) fn write_all_at(file: &dyn DiskFile, frames: &[Bytes], mut offset: u64) -> io::Result<()> {
    for group in frames.chunks(SLICES) {
        let mut slices: Vec<IoSlice<'_>> = group.iter().map(|frame| IoSlice::new(frame)).collect();
        let mut rest = &mut slices[..];
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            match file.write_at(rest, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    offset += written as u64;
                    IoSlice::advance_slices(&mut rest, written);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_frames_than_one_call_takes_arrive_in_order() {
        let file = tempfile::tempfile().unwrap();
        let frames: Vec<Bytes> = (0..3_000_u32).map(|n| Bytes::from(n.to_be_bytes().to_vec())).collect();
        write_all_at(&file, &frames, 5).unwrap();
        let read = file.read_exact_at(5, 12_000).unwrap();
        assert!(read.chunks(4).enumerate().all(|(n, chunk)| chunk == u32::try_from(n).unwrap().to_be_bytes()));
    }
}
