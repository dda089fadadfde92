//! The embedded catalog: one SQLite file, one writing thread, a few connections for reading that are used where they are needed.

use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
    thread::JoinHandle,
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use rusqlite::{Connection, config::DbConfig};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::{
    BlobRow, Catalog, Counts, Discrepancy, PackRow, Read, SegmentRow, SessionRow, audit,
    batch::Job,
    committer,
    queries::{self, Which},
    readers::Readers,
    replay,
    rows::{Outside, Rows},
    schema::{self, MigrateError},
    search,
    witness::Witness,
};
use crate::{
    change::{Applied, Change},
    clock::{Clock, Timestamp},
    error::{ChangeError, Fault},
    inner::lock,
    model::{BlobId, FolderEntry, Level, ListQuery, Name, NameKey, Tree, Usage},
    options::Durability,
    search::Search,
    segments::{Container, Packs, folder::Folder},
};

/// Most connections for reading. A read takes microseconds, so a few serve many.
const READERS: usize = 4;
/// Most connections for scans. They have their own, so that a quick read never waits for one.
const SCANNERS: usize = 2;
/// How long a connection waits for another one's lock; only checkpoints and the start ever meet one.
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// How connections are set up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pragmas {
    pub(crate) durability: Durability,
}

/// Opens a connection to an existing database or makes an empty one.
pub(super) fn connect(path: &Path, pragmas: Pragmas) -> rusqlite::Result<Connection> {
    let db = Connection::open(path)?;
    db.busy_timeout(BUSY)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(
        None,
        "synchronous",
        match pragmas.durability {
            Durability::Sync => "FULL",
            Durability::None => "OFF",
        },
    )?;
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    db.pragma_update(None, "cache_size", -4_096)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.set_prepared_statement_cache_capacity(128);
    // Partial indexes make the planner look at the values that are bound, and then each new value is a new plan: a third of all time
    // went into compiling statements that were there already.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(db)
}

/// The embedded catalog.
pub(crate) struct SqliteCatalog {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    packs: Arc<OnceLock<Arc<dyn Packs>>>,
    rows: Arc<Rows>,
    readers: Arc<Readers>,
    scanners: Arc<Readers>,
}

/// A database that was opened and migrated but does not work yet: the store compares ids first.
pub(crate) struct OpenedCatalog {
    db: Connection,
    path: PathBuf,
    pragmas: Pragmas,
    /// The store's id; none in a new database.
    pub(crate) store_id: Option<Uuid>,
    /// Nothing was ever stored.
    pub(crate) virgin: bool,
}

impl OpenedCatalog {
    /// Opens or makes the database and brings it to the latest version.
    pub(crate) fn open(path: &Path, pragmas: Pragmas) -> Result<Self, MigrateError> {
        let mut db = connect(path, pragmas)?;
        schema::migrate(&mut db)?;
        let store_id = schema::store_id(&db)?;
        let virgin = store_id.is_none() || schema::is_virgin(&db)?;
        Ok(Self { db, path: path.to_owned(), pragmas, store_id, virgin })
    }

    /// Writes the id of a new store.
    pub(crate) fn adopt(&mut self, id: Uuid) -> Result<(), Fault> {
        schema::set_store_id(&self.db, id).map_err(Fault::from_database)?;
        self.store_id = Some(id);
        Ok(())
    }

    /// Carries out what the journal says and the rows do not know.
    pub(crate) fn replay(&mut self, folder: &Folder) -> Result<(), Fault> {
        let replayed = replay::replay(&mut self.db, self.store_id.unwrap_or_default(), folder)?;
        if replayed > 0 {
            tracing::info!(batches = replayed, "uploads were brought back from the journal after a crash");
        }
        Ok(())
    }

    fn readers(&self, count: usize) -> Result<Readers, Fault> {
        let (path, pragmas) = (self.path.clone(), self.pragmas);
        Readers::new(count, move || connect(&path, pragmas)).map_err(Fault::from_database)
    }

    /// Starts the writing thread, and opens connections for reading.
    pub(crate) fn start(
        self,
        clock: Arc<dyn Clock>,
        witness: Option<Arc<dyn Witness>>,
    ) -> Result<SqliteCatalog, Fault> {
        let readers = Arc::new(self.readers(READERS)?);
        let scanners = Arc::new(self.readers(SCANNERS)?);
        let packs = Arc::default();
        let outside = Outside { witness, readers: Arc::clone(&readers) };
        let started = Rows::new(self.path, self.pragmas, outside, self.db).and_then(|rows| {
            let rows = Arc::new(rows);
            let store = self.store_id.unwrap_or_default();
            Ok((committer::start(store, Arc::clone(&rows), clock, Arc::clone(&packs))?, rows))
        });
        let ((jobs, thread), rows) = started.map_err(|error| Fault::from_io("starting the committer", error))?;
        let (jobs, thread) = (Mutex::new(Some(jobs)), Mutex::new(Some(thread)));
        Ok(SqliteCatalog { jobs, thread, packs, rows, readers, scanners })
    }
}

impl SqliteCatalog {
    /// From now on bodies may come with their bytes, which go to `packs`.
    pub(crate) fn store_bytes_with(&self, packs: Arc<dyn Packs>) {
        // A second call would mean a second pack beside the first; the first stays.
        let _first_stays = self.packs.set(packs);
    }

    /// A few indexed selects of microseconds as of one moment, where the caller is; behind a commit, if one is due.
    async fn quick<T: Send>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send) -> Result<T, Fault> {
        if self.rows.are_unseen() {
            let rows = Arc::clone(&self.rows);
            tokio::task::spawn_blocking(move || rows.settle()).await.unwrap_or(Err(Fault::Closed))?;
        }
        self.readers.read(read).map_err(Fault::from_database)
    }

    /// A scan, on a thread that may block.
    fn scan<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Read<'_, T> {
        let (rows, scanners) = (Arc::clone(&self.rows), Arc::clone(&self.scanners));
        let scan = move || {
            rows.settle()?;
            scanners.once(read).map_err(Fault::from_database)
        };
        Box::pin(async move { tokio::task::spawn_blocking(scan).await.unwrap_or(Err(Fault::Closed)) })
    }
}

impl Catalog for SqliteCatalog {
    fn apply(&self, change: Change) -> BoxFuture<'_, Result<Applied, ChangeError>> {
        Box::pin(async move {
            let jobs = lock(&self.jobs).clone().ok_or(Fault::Closed)?;
            let (reply, answer) = oneshot::channel();
            jobs.send(Job { change, reply }).await.map_err(|_| Fault::Closed)?;
            drop(jobs);
            answer.await.unwrap_or(Err(ChangeError::Fault(Fault::Closed)))
        })
    }

    fn takes_bytes(&self) -> bool {
        self.packs.get().is_some()
    }

    fn name<'a>(&'a self, key: &'a NameKey) -> Read<'a, Option<Name>> {
        Box::pin(self.quick(move |db| queries::name(db, key)))
    }

    fn is_buried<'a>(&'a self, key: &'a NameKey) -> Read<'a, bool> {
        Box::pin(self.quick(move |db| queries::is_buried(db, key)))
    }

    fn names(&self, query: ListQuery) -> Read<'_, Vec<Name>> {
        self.scan(move |db| queries::names(db, &query))
    }

    fn search(&self, search: Search, writing: Vec<String>) -> Read<'_, Vec<Name>> {
        self.scan(move |db| search::search(db, &search, &writing))
    }

    fn search_keys(&self, search: Search, writing: Vec<String>) -> Read<'_, Vec<String>> {
        self.scan(move |db| search::keys(db, &search, &writing))
    }

    fn usage<'a>(&'a self, dialect: &'a str, scope: &'a str) -> Read<'a, Usage> {
        Box::pin(self.quick(move |db| queries::usage(db, dialect, scope)))
    }

    fn counts(&self, expired: Timestamp) -> Read<'_, Counts> {
        self.scan(move |db| queries::counts(db, expired))
    }

    fn level<'a>(&'a self, tree: &'a Tree, path: &'a str) -> Read<'a, Level> {
        let (tree, path) = (tree.clone(), path.to_owned());
        self.scan(move |db| queries::level(db, &tree, &path))
    }

    fn folder<'a>(&'a self, tree: &'a Tree, path: &'a str) -> Read<'a, Option<FolderEntry>> {
        Box::pin(self.quick(move |db| queries::folder(db, tree, path)))
    }

    fn is_alike(&self, size: u64, checksums: Bytes) -> Read<'_, bool> {
        self.scan(move |db| queries::is_alike(db, size, &checksums))
    }

    fn blob(&self, id: BlobId) -> Read<'_, Option<BlobRow>> {
        Box::pin(self.quick(move |db| queries::blob(db, id)))
    }

    fn content(&self, id: BlobId) -> Read<'_, Option<(BlobRow, Option<SegmentRow>)>> {
        Box::pin(self.quick(move |db| {
            let Some(blob) = queries::blob(db, id)? else { return Ok(None) };
            Ok(Some((blob, queries::segments(db, id, 0, 1)?.pop())))
        }))
    }

    fn segments(&self, blob: BlobId, from: u64, limit: u32) -> Read<'_, Vec<SegmentRow>> {
        Box::pin(self.quick(move |db| queries::segments(db, blob, from, limit)))
    }

    fn session<'a>(&'a self, tree: &'a Tree, id: Uuid) -> Read<'a, Option<SessionRow>> {
        Box::pin(self.quick(move |db| queries::session(db, tree, id)))
    }

    fn sessions_at<'a>(&'a self, tree: &'a Tree, path: &'a str) -> Read<'a, Vec<SessionRow>> {
        Box::pin(self.quick(move |db| queries::sessions_at(db, tree, path)))
    }

    fn doomed(&self, after: Option<BlobId>, limit: u32) -> Read<'_, Vec<BlobRow>> {
        self.scan(move |db| queries::blobs(db, Which::Doomed, after, limit))
    }

    fn unknown(&self, after: Option<BlobId>, limit: u32) -> Read<'_, Vec<BlobRow>> {
        self.scan(move |db| queries::blobs(db, Which::Unknown, after, limit))
    }

    fn blobs(&self, after: Option<BlobId>, limit: u32) -> Read<'_, Vec<BlobRow>> {
        self.scan(move |db| queries::blobs(db, Which::All, after, limit))
    }

    fn knows(&self, container: Container) -> Read<'_, bool> {
        Box::pin(self.quick(move |db| queries::knows(db, container)))
    }

    fn pack_end(&self, pack: Uuid) -> Read<'_, Option<u64>> {
        Box::pin(self.quick(move |db| queries::pack_end(db, pack)))
    }

    fn gaps(&self, pack: Uuid, from: u64, least: u64, limit: usize) -> Read<'_, Vec<Range<u64>>> {
        self.scan(move |db| queries::gaps(db, pack, from, least, limit))
    }

    fn names_of(&self, blobs: Vec<BlobId>) -> Read<'_, Vec<(BlobId, NameKey)>> {
        self.scan(move |db| queries::names_of(db, &blobs))
    }

    fn audit(&self) -> Read<'_, Vec<Discrepancy>> {
        self.scan(audit::audit)
    }

    fn equals(&self, blob: BlobRow) -> Read<'_, Vec<BlobRow>> {
        self.scan(move |db| queries::equals(db, &blob))
    }

    fn packs(&self) -> Read<'_, Vec<PackRow>> {
        self.scan(queries::packs)
    }

    fn expired(&self, before: Timestamp) -> Read<'_, Vec<SessionRow>> {
        self.scan(move |db| queries::expired(db, before))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        drop(lock(&self.jobs).take());
        let thread = lock(&self.thread).take();
        Box::pin(async move {
            if let Some(thread) = thread {
                // A committer that panicked has answered nobody; its callers were told that the store is closed.
                drop(tokio::task::spawn_blocking(move || thread.join()).await);
            }
        })
    }
}
