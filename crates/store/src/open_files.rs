//! Which sessions have their file open, and since when nobody used it: of many open sessions only a few keep a file descriptor.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use crate::{inner::lock, segments::SegmentWriter, session::Key};

/// The files that sessions have open.
#[derive(Default)]
pub(crate) struct OpenFiles(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// Counts every use, so that uses have an order.
    uses: u64,
    /// By the number of the opening: the session, and its last use.
    open: HashMap<u64, (Key, u64)>,
}

/// The open file of a session.
pub(crate) struct OpenFile {
    pub(crate) writer: Arc<dyn SegmentWriter>,
    number: u64,
    files: Arc<OpenFiles>,
}

impl OpenFiles {
    /// Counts a file that was opened for a session.
    pub(crate) fn opened(self: &Arc<Self>, key: &Key, writer: Arc<dyn SegmentWriter>) -> OpenFile {
        let mut known = lock(&self.0);
        known.uses += 1;
        let number = known.uses;
        known.open.insert(number, (key.clone(), number));
        OpenFile { writer, number, files: Arc::clone(self) }
    }

    /// How many are open beyond `limit`, and the sessions of all that are, the one that was used longest ago first.
    pub(crate) fn beyond(&self, limit: usize) -> Option<(usize, Vec<Key>)> {
        let known = lock(&self.0);
        let beyond = known.open.len().checked_sub(limit).filter(|beyond| *beyond > 0)?;
        let mut open: Vec<_> = known.open.values().collect();
        open.sort_unstable_by_key(|(_, used)| *used);
        Some((beyond, open.into_iter().map(|(key, _)| key.clone()).collect()))
    }
}

impl OpenFile {
    /// It was used just now.
    pub(crate) fn used(&self) {
        let mut known = lock(&self.files.0);
        known.uses += 1;
        let now = known.uses;
        if let Some((_, used)) = known.open.get_mut(&self.number) {
            *used = now;
        }
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        lock(&self.files.0).open.remove(&self.number);
    }
}
