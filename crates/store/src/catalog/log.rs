//! The database's own log: the committer writes it, a thread beside it brings it to the disk and copies it into the database.

use std::{
    cell::Cell,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rusqlite::Connection;

use super::{
    readers::Readers,
    sqlite::{self, Pragmas},
};
use crate::segments::disk::DiskFile as _;

/// So many pages (512 KiB) are pushed out at a time. Most commits do not sync the log; without that whoever copies it would have all of it
/// to write, and the uploads of that moment would wait behind it.
const PUSH_AT: u32 = 128;
/// A log of so many pages (16 MiB) is copied into the database. The longer it is, the more of its pages were written over by then; but it
/// takes room that a small disk has for images.
const COPY_AT: u32 = 4 * 1_024;
/// A log of so many pages (64 MiB) is copied and cut by the committer itself, because the thread beside it cannot keep up.
pub(super) const CUT_AT: u32 = 16 * 1_024;
/// What a page takes in the log, with its head. A file whose pages have another size is pushed out less evenly.
const FRAME: u64 = 4_096 + 24;

/// What is asked of the thread.
enum Wanted {
    /// Pages from the first number to the second.
    Push(u32, u32),
    Copy,
}

/// The log as the committer sees it.
pub(super) struct Log {
    /// Pages that count. The file does not tell: once copied it is written again from its beginning, and does not shrink.
    pages: Arc<AtomicU32>,
    pushed: Cell<u32>,
    wanted: SyncSender<Wanted>,
    thread: Option<JoinHandle<()>>,
}

impl Log {
    /// Starts the thread for the database at `path`.
    pub(super) fn start(path: PathBuf, pragmas: Pragmas, readers: Arc<Readers>) -> io::Result<Self> {
        let (wanted, asked) = sync_channel(2);
        let attend = move || attend(&path, pragmas, &readers, &asked);
        let mut log = Self::unattended(wanted);
        log.thread = Some(thread::Builder::new().name("store-checkpoint".into()).spawn(attend)?);
        Ok(log)
    }

    fn unattended(wanted: SyncSender<Wanted>) -> Self {
        Self { pages: Arc::default(), pushed: Cell::new(0), wanted, thread: None }
    }

    /// A log that nobody copies.
    #[cfg(test)]
    pub(super) fn of_so_many_pages(pages: u32) -> Self {
        let log = Self::unattended(sync_channel(1).0);
        log.pages.store(pages, Ordering::Relaxed);
        log
    }

    /// Counts the pages that a connection writes.
    pub(super) fn watch(&self, db: &mut Connection) -> rusqlite::Result<()> {
        let pages = Arc::clone(&self.pages);
        db.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, count: std::ffi::c_int| {
            pages.store(count.try_into().unwrap_or(u32::MAX), Ordering::Relaxed);
            Ok(())
        }))
    }

    pub(super) fn pages(&self) -> u32 {
        self.pages.load(Ordering::Relaxed)
    }

    /// After each commit. What the thread is too busy for waits for the next one.
    pub(super) fn keep_short(&self, db: &Connection) {
        let (pages, pushed) = (self.pages(), self.pushed.get());
        if pages < pushed {
            self.pushed.set(0);
        }
        if pages >= CUT_AT {
            cut_now(db);
        } else if pages >= COPY_AT {
            let _one_is_enough = self.wanted.try_send(Wanted::Copy);
        } else if pages.saturating_sub(pushed) >= PUSH_AT && self.wanted.try_send(Wanted::Push(pushed, pages)).is_ok() {
            self.pushed.set(pages);
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // Without its sender the thread ends; its last word does not matter.
        self.wanted = sync_channel(1).0;
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// A reader that is in the way now is not waited for: everybody waits for this thread.
fn cut_now(db: &Connection) {
    let tried = db.busy_timeout(Duration::ZERO).and_then(|()| cut(db));
    if let Err(error) = tried.and_then(|_| db.busy_timeout(sqlite::BUSY)) {
        tracing::warn!(%error, "the log could not be cut");
    }
}

/// Copies the log into the database and empties it; says whether nobody was in the way.
pub(super) fn cut(db: &Connection) -> rusqlite::Result<bool> {
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0)).map(|busy| busy == 0)
}

/// Works off the path, on a connection of its own.
fn attend(path: &Path, pragmas: Pragmas, readers: &Readers, wanted: &Receiver<Wanted>) {
    let (mut db, mut file) = (None, None);
    while let Ok(wanted) = wanted.recv() {
        match wanted {
            Wanted::Push(from, to) => {
                let Some(file) = opened(&mut file, || File::open(log_of(path)).ok()) else { continue };
                file.push_out(u64::from(from) * FRAME, u64::from(to.saturating_sub(from)) * FRAME);
            }
            Wanted::Copy => {
                let Some(open) = opened(&mut db, || sqlite::connect(path, pragmas).ok()) else { continue };
                let _pause = readers.pause();
                if let Err(error) = open.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
                    tracing::warn!(%error, "the log could not be copied into the database");
                    db = None;
                }
            }
        }
    }
}

fn opened<T>(place: &mut Option<T>, open: impl FnOnce() -> Option<T>) -> Option<&T> {
    if place.is_none() {
        *place = open();
    }
    place.as_ref()
}

/// SQLite puts it beside its database.
fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}
