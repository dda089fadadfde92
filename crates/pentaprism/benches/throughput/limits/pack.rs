//! One append-only file with group commit: what waits is written together and synced once. No names, no database.

use std::fs::File;
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use rustix::fs::FallocateFlags;

/// How much the file grows at a time.
const GROWTH: u64 = 64 << 20;
/// Bodies that are written together at most.
const TOGETHER: usize = 512;

struct Waiting {
    body: Vec<u8>,
    done: Sender<()>,
}

/// A handle to the one thread that writes.
#[derive(Clone)]
pub(super) struct Pack(Sender<Waiting>);

impl Pack {
    /// Makes the file and starts the thread, which ends with the last handle.
    pub(super) fn start(path: &Path) -> io::Result<Self> {
        let file = File::create(path)?;
        // Never more than one body for each connection waits here.
        let (sender, receiver) = channel();
        std::thread::spawn(move || write(&file, &receiver).expect("the disk takes it"));
        Ok(Self(sender))
    }

    /// Returns when the body is durable.
    pub(super) fn append(&self, body: Vec<u8>) -> io::Result<()> {
        let (done, waiting) = channel();
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.0.send(Waiting { body, done }).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        waiting.recv().map_err(gone)
    }
}

fn write(file: &File, receiver: &Receiver<Waiting>) -> io::Result<()> {
    let (mut end, mut allocated) = (0, 0);
    while let Ok(first) = receiver.recv() {
        let batch: Vec<Waiting> = std::iter::once(first).chain(receiver.try_iter().take(TOGETHER - 1)).collect();
        let length: u64 = batch.iter().map(|waiting| waiting.body.len() as u64).sum();
        if end + length > allocated {
            rustix::fs::fallocate(file, FallocateFlags::empty(), allocated, GROWTH.max(length))?;
            allocated += GROWTH.max(length);
        }
        let mut slices: Vec<IoSlice<'_>> = batch.iter().map(|waiting| IoSlice::new(&waiting.body)).collect();
        let mut rest = &mut slices[..];
        while !rest.is_empty() {
            let written = rustix::io::pwritev(file, rest, end)?;
            end += written as u64;
            IoSlice::advance_slices(&mut rest, written);
        }
        file.sync_data()?;
        for waiting in batch {
            // Its connection may have broken off.
            let _may_be_gone = waiting.done.send(());
        }
    }
    Ok(())
}
