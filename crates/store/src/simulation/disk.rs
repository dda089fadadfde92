//! The simulated disk as the store sees it.

use std::{
    collections::hash_map::Entry,
    ffi::OsString,
    io::{self, IoSlice},
    path::Path,
    sync::{Arc, MutexGuard},
};

use bytes::Bytes;
use rustix::io::Errno;

use super::{
    Machine, State,
    files::{FileId, Operation, Place},
    rules::{Call, Kind, Verdict, failure},
};
use crate::{
    inner::lock,
    segments::disk::{Access, Disk, DiskFile},
};

/// The disk of a machine. Folders are told apart by their last name: the store has none inside another.
pub(super) struct SimulatedDisk(pub(super) Arc<Machine>);

fn last_name(path: &Path) -> String {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned()
}

fn place(file: &Path) -> Place {
    Place { folder: last_name(file.parent().unwrap()), name: last_name(file) }
}

impl Machine {
    /// Lets the rules decide about a call.
    fn call(&self, kind: Kind, folder: &str) -> io::Result<MutexGuard<'_, State>> {
        let mut state = lock(&self.state);
        let call = Call { kind, folder };
        loop {
            let rule = state.rules.iter_mut().find_map(|rule| rule.takes(call).then_some(rule.verdict));
            match rule {
                None => return Ok(state),
                Some(Verdict::Fails(error)) => {
                    drop(state);
                    return Err(failure(error));
                }
                Some(Verdict::Waits) => {
                    state.held += 1;
                    self.changed.notify_all();
                    state = self.wait(state);
                    state.held -= 1;
                }
            }
        }
    }

    fn open_file(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State>,
        file: FileId,
        folder: String,
    ) -> Arc<dyn DiskFile> {
        *state.open.entry(file).or_default() += 1;
        Arc::new(SimulatedFile { machine: Arc::clone(self), file, folder })
    }

    fn create(self: &Arc<Self>, mut state: MutexGuard<'_, State>, place: Place) -> Arc<dyn DiskFile> {
        let file = state.next_file;
        state.next_file += 1;
        let folder = place.folder.clone();
        state.record(Operation::Create { place, file });
        self.open_file(state, file, folder)
    }
}

impl Disk for SimulatedDisk {
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = lock(&self.0.state);
        let name = last_name(folder);
        state.base.make_folder(name.clone());
        state.now.make_folder(name);
        Ok(())
    }

    fn create_new(&self, file: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let place = place(file);
        let state = self.0.call(Kind::Create, &place.folder)?;
        if state.now.find(&place.folder, &place.name).is_some() {
            return Err(failure(Errno::EXIST));
        }
        Ok(self.0.create(state, place))
    }

    fn open(&self, file: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let place = place(file);
        let state = self.0.call(Kind::Open, &place.folder)?;
        match state.now.find(&place.folder, &place.name).map(|(file, _)| file) {
            Some(file) => Ok(self.0.open_file(state, file, place.folder)),
            None if access == Access::ReadWriteOrCreate => Ok(self.0.create(state, place)),
            None => Err(failure(Errno::NOENT)),
        }
    }

    fn held(&self, file: &Path) -> io::Result<u64> {
        let Place { folder, name } = place(file);
        let state = self.0.call(Kind::Ask, &folder)?;
        state.now.find(&folder, &name).map(|(_, file)| file.taken()).ok_or_else(|| failure(Errno::NOENT))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (place(from), place(to));
        let mut state = self.0.call(Kind::Rename, &from.folder)?;
        if state.now.find(&from.folder, &from.name).is_none() {
            return Err(failure(Errno::NOENT));
        }
        state.record(Operation::Rename { from, to });
        Ok(())
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        let place = place(file);
        let mut state = self.0.call(Kind::Remove, &place.folder)?;
        if state.now.find(&place.folder, &place.name).is_none() {
            return Err(failure(Errno::NOENT));
        }
        state.record(Operation::Remove { place });
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        let folder = last_name(folder);
        let state = self.0.call(Kind::List, &folder)?;
        Ok(state.now.names(&folder).into_iter().map(OsString::from).collect())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let folder = last_name(folder);
        let mut state = self.0.call(Kind::SyncFolder, &folder)?;
        // The folder above ours is made once and for all.
        if state.now.has_folder(&folder) {
            state.record(Operation::SyncFolder { folder });
        }
        Ok(())
    }

    fn available(&self, _: &Path) -> io::Result<u64> {
        let state = self.0.call(Kind::Ask, "")?;
        Ok(state.capacity.saturating_sub(state.taken()))
    }
}

struct SimulatedFile {
    machine: Arc<Machine>,
    file: FileId,
    /// The folder that it was opened in.
    folder: String,
}

impl SimulatedFile {
    fn call(&self, kind: Kind) -> io::Result<MutexGuard<'_, State>> {
        self.machine.call(kind, &self.folder)
    }
}

impl DiskFile for SimulatedFile {
    fn write_at(&self, slices: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        let slices: Vec<&[u8]> = slices.iter().map(|slice| &**slice).collect();
        let bytes = Bytes::from(slices.concat());
        let (mut state, failed) = match self.call(Kind::Write) {
            Ok(state) => (state, None),
            Err(error) => (lock(&self.machine.state), Some(error)),
        };
        // How much was written of a write that failed is unknown: here the first half.
        let mut length = if failed.is_some() { bytes.len() / 2 } else { bytes.len() };
        let free = state.capacity.saturating_sub(state.taken());
        while length > 0 && state.now.file(self.file).wants(offset, length as u64) > free {
            length = length.saturating_sub(512);
        }
        if length == 0 && !bytes.is_empty() && failed.is_none() {
            return Err(failure(Errno::NOSPC));
        }
        state.record(Operation::Write { file: self.file, offset, bytes: bytes.slice(..length) });
        drop(state);
        failed.map_or(Ok(length), Err)
    }

    fn read_exact_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let state = self.call(Kind::Read)?;
        let bytes = state.now.file(self.file).read(offset, length);
        bytes.map(Bytes::from).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn allocate(&self, offset: u64, length: u64) -> io::Result<()> {
        let mut state = self.call(Kind::Allocate)?;
        if state.now.file(self.file).wants(offset, length) > state.capacity.saturating_sub(state.taken()) {
            return Err(failure(Errno::NOSPC));
        }
        state.record(Operation::Allocate { file: self.file, offset, length });
        Ok(())
    }

    fn punch(&self, offset: u64, length: u64) -> io::Result<()> {
        self.call(Kind::Punch)?.record(Operation::Punch { file: self.file, offset, length });
        Ok(())
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.call(Kind::SetLength)?.record(Operation::SetLength { file: self.file, length });
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.call(Kind::Ask)?.now.file(self.file).length())
    }

    fn sync_data(&self) -> io::Result<()> {
        match self.call(Kind::Sync) {
            Ok(mut state) => {
                state.record(Operation::Sync { file: self.file });
                Ok(())
            }
            Err(error) => {
                lock(&self.machine.state).record(Operation::SyncFailed { file: self.file });
                Err(error)
            }
        }
    }

    fn push_out(&self, _: u64, _: u64) {}
}

impl Drop for SimulatedFile {
    fn drop(&mut self) {
        let mut state = lock(&self.machine.state);
        if let Entry::Occupied(mut open) = state.open.entry(self.file) {
            *open.get_mut() -= 1;
            if *open.get() == 0 {
                open.remove();
            }
        }
    }
}
