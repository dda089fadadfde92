//! Connections for reading. Each transaction locks and unlocks a file, which takes longer than to read a row; so one may linger from read
//! to read, as long as nobody writes: the committer and whoever copies the log end it first.

use std::{
    mem,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
};

use rusqlite::Connection;

use crate::inner::lock;

type Open = dyn Fn() -> rusqlite::Result<Connection> + Send + Sync;

/// Connections that serve one read at a time each. They are opened one by one, as soon as those that are open all have something to do: each
/// takes memory.
#[derive(Default)]
pub(super) struct Readers {
    open: Option<Box<Open>>,
    connections: Vec<Mutex<Reader>>,
    next: AtomicUsize,
    /// Transactions that linger.
    lingering: AtomicUsize,
    /// Those who write now, or copy the log.
    pausing: AtomicUsize,
    /// Counts how often one of them began or ended.
    turns: AtomicU64,
}

#[derive(Default)]
struct Reader {
    /// None before it was needed.
    db: Option<Connection>,
    /// The turn of its last read. A second one in the same turn is probably followed by a third.
    turn: Option<u64>,
    /// Its transaction lingers, and is counted.
    lingers: bool,
}

impl Reader {
    fn db(&self) -> &Connection {
        self.db.as_ref().expect("whoever takes a reader opens it")
    }

    /// Begins a transaction. One that a panic left behind shows what was long ago, and ends first.
    fn begin(&self) -> rusqlite::Result<()> {
        if !self.db().is_autocommit() {
            self.end()?;
        }
        self.db().prepare_cached("BEGIN")?.execute([]).map(drop)
    }

    /// Ends the transaction. Nothing was written; unlike a commit a rollback cannot fail half-way.
    fn end(&self) -> rusqlite::Result<()> {
        self.db().prepare_cached("ROLLBACK")?.execute([]).map(drop)
    }
}

/// While it lives no transaction lingers.
#[must_use = "what lingers may do so again when it is dropped"]
pub(super) struct Pause<'r>(&'r Readers);

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        self.0.turns.fetch_add(1, SeqCst);
        self.0.pausing.fetch_sub(1, SeqCst);
    }
}

impl Readers {
    /// At most `count` connections. The first one is opened now.
    pub(super) fn new(
        count: usize,
        open: impl Fn() -> rusqlite::Result<Connection> + Send + Sync + 'static,
    ) -> rusqlite::Result<Self> {
        let mut connections: Vec<_> = (0..count).map(|_| Mutex::default()).collect();
        if let Some(first) = connections.first_mut() {
            *first = Mutex::new(Reader { db: Some(open()?), ..Reader::default() });
        }
        Ok(Self { open: Some(Box::new(open)), connections, ..Self::default() })
    }

    /// A connection that nobody uses, or the next one in turn.
    fn take(&self) -> rusqlite::Result<MutexGuard<'_, Reader>> {
        let free = self.connections.iter().find_map(|connection| connection.try_lock().ok());
        let mut reader = free.unwrap_or_else(|| {
            let next = self.next.fetch_add(1, SeqCst) % self.connections.len();
            lock(&self.connections[next])
        });
        if let (None, Some(open)) = (&reader.db, &self.open) {
            reader.db = Some(open()?);
        }
        Ok(reader)
    }

    /// Reads, and leaves no transaction behind.
    pub(super) fn once<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        read(self.take()?.db())
    }

    /// Reads in one transaction, which may linger. Whatever was committed before is seen.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let mut reader = self.take()?;
        let turn = self.turns.load(SeqCst);
        let is_second = reader.turn.replace(turn) == Some(turn);
        if !reader.lingers {
            reader.begin()?;
        }
        let found = read(reader.db());
        if found.is_err() {
            self.end(&mut reader)?;
        } else if !reader.lingers {
            if is_second && self.may_linger(turn) {
                reader.lingers = true;
            } else {
                reader.end()?;
            }
        }
        found
    }

    fn end(&self, reader: &mut Reader) -> rusqlite::Result<()> {
        if mem::take(&mut reader.lingers) {
            self.lingering.fetch_sub(1, SeqCst);
        }
        reader.end()
    }

    /// Whether a transaction that began in `turn` may linger; it is counted then. It is counted before anybody looks whether somebody
    /// writes, while [`pause`](Self::pause) says so before it looks at the count: one of both sees the other.
    fn may_linger(&self, turn: u64) -> bool {
        self.lingering.fetch_add(1, SeqCst);
        let may = self.pausing.load(SeqCst) == 0 && self.turns.load(SeqCst) == turn;
        if !may {
            self.lingering.fetch_sub(1, SeqCst);
        }
        may
    }

    /// Ends what lingers, and lets nothing linger as long as the pause lasts. Takes as long as the reads that are under way.
    pub(super) fn pause(&self) -> Pause<'_> {
        self.pausing.fetch_add(1, SeqCst);
        self.turns.fetch_add(1, SeqCst);
        let pause = Pause(self);
        if self.lingering.load(SeqCst) > 0 {
            for mut reader in self.connections.iter().map(lock).filter(|reader| reader.lingers) {
                if let Err(error) = self.end(&mut reader) {
                    tracing::error!(%error, "a transaction that only read could not be ended");
                }
            }
        }
        pause
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn database(path: &std::path::Path) -> Connection {
        let db = Connection::open(path).unwrap();
        db.pragma_update(None, "journal_mode", "WAL").unwrap();
        db
    }

    fn count(db: &Connection) -> rusqlite::Result<i64> {
        db.query_row("SELECT count(*) FROM things", [], |row| row.get(0))
    }

    /// One connection for reading beside one for writing.
    fn reader_and_writer(folder: &std::path::Path) -> (Readers, Connection) {
        let path = folder.join("db");
        let writer = database(&path);
        writer.execute_batch("CREATE TABLE things (one INTEGER)").unwrap();
        (Readers::new(1, move || Ok(database(&path))).unwrap(), writer)
    }

    #[test]
    fn a_transaction_lingers_from_the_second_read_on_until_somebody_writes() {
        let folder = tempfile::tempdir().unwrap();
        let (readers, writer) = reader_and_writer(folder.path());
        let lingering = || readers.lingering.load(SeqCst);
        assert_eq!((readers.read(count).unwrap(), lingering()), (0, 0));
        assert_eq!((readers.read(count).unwrap(), lingering()), (0, 1));
        assert_eq!((readers.read(count).unwrap(), lingering()), (0, 1));
        let pause = readers.pause();
        assert_eq!(lingering(), 0);
        writer.execute("INSERT INTO things VALUES (1)", []).unwrap();
        for _ in 0..3 {
            assert_eq!((readers.read(count).unwrap(), lingering()), (1, 0));
        }
        let busy: i64 = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).unwrap();
        assert_eq!(busy, 0, "nobody is in the way");
        drop(pause);
        assert_eq!((readers.read(count).unwrap(), lingering()), (1, 0));
        assert_eq!((readers.read(count).unwrap(), lingering()), (1, 1));
    }

    #[test]
    fn a_read_that_panics_leaves_nothing_old() {
        let folder = tempfile::tempdir().unwrap();
        let (readers, writer) = reader_and_writer(folder.path());
        let panics = |db: &Connection| -> rusqlite::Result<i64> {
            count(db).unwrap();
            panic!("as a test")
        };
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| readers.read(panics))).unwrap_err();
        writer.execute("INSERT INTO things VALUES (1)", []).unwrap();
        assert_eq!(readers.read(count).unwrap(), 1);
    }

    #[test]
    fn a_read_that_fails_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let readers = Readers::new(1, move || Ok(database(&path))).unwrap();
        for _ in 0..3 {
            assert!(readers.read(count).is_err());
            assert_eq!(readers.lingering.load(SeqCst), 0);
        }
    }

    #[test]
    fn connections_are_opened_when_they_are_needed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, opened) = (folder.path().join("db"), Arc::new(AtomicUsize::new(0)));
        let open = Arc::clone(&opened);
        let readers = Readers::new(2, move || {
            open.fetch_add(1, SeqCst);
            Ok(database(&path))
        });
        let readers = readers.unwrap();
        let one = |db: &Connection| db.query_row("SELECT 1", [], |row| row.get::<_, i64>(0));
        assert_eq!((readers.read(one).unwrap(), readers.once(one).unwrap()), (1, 1));
        assert_eq!(opened.load(SeqCst), 1, "one after the other needs one");
        readers.once(|_| readers.once(|db| one(db))).unwrap();
        assert_eq!(opened.load(SeqCst), 2);
    }
}
