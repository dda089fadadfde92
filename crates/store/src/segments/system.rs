//! The system calls that the standard library lacks, without `unsafe`. Where a system does not have one, the work is done without.

use std::{
    fs::File,
    io::{self, IoSlice},
    os::unix::fs::FileExt as _,
    path::Path,
};

use bytes::Bytes;

/// Slices that one `pwritev` takes.
const SLICES: usize = 1_024;

/// Writes all frames one behind the other.
pub(super) fn write_all_at(file: &File, frames: &[Bytes], mut offset: u64) -> io::Result<()> {
    for group in frames.chunks(SLICES) {
        let mut slices: Vec<IoSlice<'_>> = group.iter().map(|frame| IoSlice::new(frame)).collect();
        let mut rest = &mut slices[..];
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            match write_some_at(file, rest, offset) {
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

#[cfg(target_os = "linux")]
fn write_some_at(file: &File, slices: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
    Ok(rustix::io::pwritev(file, slices, offset)?)
}

#[cfg(not(target_os = "linux"))]
fn write_some_at(file: &File, slices: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
    slices.first().map_or(Ok(0), |slice| file.write_at(slice, offset))
}

/// Exactly `length` bytes from `offset` on.
pub(super) fn read_exact_at(file: &File, offset: u64, length: usize) -> io::Result<Bytes> {
    let mut buffer = Vec::with_capacity(length);
    while buffer.len() < length {
        let at = offset + buffer.len() as u64;
        let wanted = length - buffer.len();
        let read = if buffer.capacity() - buffer.len() == wanted {
            match rustix::io::pread(file, rustix::buffer::spare_capacity(&mut buffer), at) {
                Ok(read) => read,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
        } else {
            // The allocator gave more room than was asked for; read no further than asked.
            let start = buffer.len();
            buffer.resize(length, 0);
            file.read_exact_at(&mut buffer[start..], at)?;
            wanted
        };
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(buffer.into())
}

/// Takes disk blocks for a range before its bytes come; the file grows to the end of the range.
#[cfg(target_os = "linux")]
pub(super) fn allocate(file: &File, offset: u64, length: u64) -> io::Result<()> {
    use rustix::{fs::FallocateFlags, io::Errno};
    match rustix::fs::fallocate(file, FallocateFlags::empty(), offset, length) {
        // A file system that cannot; writing will take the blocks.
        Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn allocate(_: &File, _: u64, _: u64) -> io::Result<()> {
    Ok(())
}

/// Gives the disk blocks inside a range back; the file keeps its size.
#[cfg(target_os = "linux")]
pub(super) fn punch(file: &File, offset: u64, length: u64) -> io::Result<()> {
    use rustix::{fs::FallocateFlags, io::Errno};
    match rustix::fs::fallocate(file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, offset, length) {
        // The blocks come back when the whole pack is dead.
        Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn punch(_: &File, _: u64, _: u64) -> io::Result<()> {
    Ok(())
}

/// Lets the system begin to write a range to the disk, so that the sync at the end has less to do. Only a hint.
#[cfg(target_os = "linux")]
pub(super) fn push_out(file: &File, offset: u64, length: u64) {
    let length = std::num::NonZeroU64::new(length);
    // A hint that fails costs time, not bytes: the sync at the end decides.
    let _ = rustix::fs::fadvise(file, offset, length, rustix::fs::Advice::DontNeed);
}

#[cfg(not(target_os = "linux"))]
pub(super) fn push_out(_: &File, _: u64, _: u64) {}

/// Bytes that this process may still take from the file system of `folder`.
pub(super) fn available(folder: &Path) -> io::Result<u64> {
    let status = rustix::fs::statvfs(folder)?;
    Ok(status.f_bavail.saturating_mul(status.f_frsize))
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_frames_than_one_call_takes_arrive_in_order() {
        let file = tempfile::tempfile().unwrap();
        let frames: Vec<Bytes> = (0..3_000_u32).map(|n| Bytes::from(n.to_be_bytes().to_vec())).collect();
        write_all_at(&file, &frames, 5).unwrap();
        let read = read_exact_at(&file, 5, 12_000).unwrap();
        assert!(read.chunks(4).enumerate().all(|(n, chunk)| chunk == u32::try_from(n).unwrap().to_be_bytes()));
    }

    #[test]
    fn reading_past_the_end_is_an_error() {
        let file = tempfile::tempfile().unwrap();
        write_all_at(&file, &[Bytes::from_static(b"abc")], 0).unwrap();
        assert_eq!(read_exact_at(&file, 1, 3).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
