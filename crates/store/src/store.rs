//! The handle that the layers above use.

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use uuid::Uuid;

use crate::{
    catalog::Catalog,
    change::{Applied, Change},
    chunk::ChunkWriter,
    claim,
    clock::Timestamp,
    error::{ChangeError, ChunkError, Fault, OpenError, ReadError, SessionError, UploadError},
    examine::Haste,
    fault::{Faults, FaultyCatalog, FaultySegments},
    fsck::{self, FsckReport},
    inner::Inner,
    litter::{self, Litter},
    model::{
        ChunkRequest, Content, FileEntry, FolderEntry, Level, ListQuery, Name, NameKey, Session, Tree, UploadRequest,
        Usage,
    },
    options::{Options, Purpose},
    reader::Reader,
    search::Search,
    segments::Segments,
    session,
    startup::{self, Foundation, Premises},
    statistics::{self, Statistics},
    sweep::{self, Garbage, Swept},
    upload::Upload,
};

/// An open store; cheap to clone. When the last clone goes, its background tasks end; [`close`](Self::close) also waits for what is
/// running.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
    _last: Arc<DropGuard>,
}

impl Store {
    /// Opens the data folder, which it makes when there is none. Must be called inside a Tokio runtime with time.
    ///
    /// # Errors
    /// [`OpenError::Locked`] when another process has it, [`OpenError::Mismatch`] when folder and database do not belong together,
    /// [`OpenError::TooNew`], [`OpenError::Limit`], else [`OpenError::Fault`].
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        let store = Self::open_upon(&options, Foundation::system(&options)).await?;
        store.begin_background();
        Ok(store)
    }

    /// Lets the background work, unless the store is only looked at.
    fn begin_background(&self) {
        if self.inner.purpose == Purpose::Use {
            sweep::start(&self.inner);
        }
    }

    /// A store with another foundation, in whose background nothing goes on.
    pub(crate) async fn open_upon(options: &Options, foundation: Foundation) -> Result<Self, OpenError> {
        let engines = startup::open(options, foundation).await?;
        Ok(Self::over(options, Arc::new(engines.catalog), Arc::new(engines.segments), engines.premises))
    }

    /// The same store with switches that make it fail, for tests.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_faulty(options: Options) -> Result<(Self, Faults), OpenError> {
        let engines = startup::open(&options, Foundation::system(&options)).await?;
        let faults = Faults::default();
        let catalog = Arc::new(FaultyCatalog::new(Arc::new(engines.catalog), faults.clone()));
        let segments = Arc::new(FaultySegments::new(Arc::new(engines.segments), faults.clone()));
        let store = Self::over(&options, catalog, segments, engines.premises);
        store.begin_background();
        Ok((store, faults))
    }

    fn over(options: &Options, catalog: Arc<dyn Catalog>, segments: Arc<dyn Segments>, premises: Premises) -> Self {
        let limits = options.limits.clone();
        let stop = CancellationToken::new();
        let inner = Arc::new(Inner {
            catalog,
            segments,
            clock: Arc::clone(&options.clock),
            ids: Arc::clone(&options.ids),
            tasks: TaskTracker::new(),
            runtime: tokio::runtime::Handle::current(),
            stop: stop.clone(),
            litter: tokio::sync::Notify::new(),
            unknown: tokio::sync::Notify::new(),
            small_budget: Arc::new(Semaphore::new(limits.small_budget)),
            large_budget: Arc::new(Semaphore::new(limits.large_budget)),
            large_uploads: Arc::new(Semaphore::new(limits.large_uploads)),
            read_blocks: Arc::new(Semaphore::new(limits.read_budget_blocks() / 2)),
            ahead_blocks: Arc::new(Semaphore::new(limits.read_budget_blocks().div_ceil(2))),
            open_sessions: Arc::new(Semaphore::new(limits.open_sessions)),
            claims: Arc::default(),
            pins: Arc::default(),
            sessions: session::Sessions::default(),
            activity: Arc::default(),
            unended: std::sync::Mutex::default(),
            noted: std::sync::Mutex::default(),
            purpose: options.purpose,
            limits,
            premises,
        });
        Self { inner, _last: Arc::new(stop.drop_guard()) }
    }

    /// Ends the store: background tasks stop, what is queued is finished, uploads that were given up are freed. Says whether all
    /// of that was done in time. Afterwards whatever writes answers [`Fault::Closed`].
    pub async fn close(&self, deadline: Duration) -> bool {
        let inner = &self.inner;
        inner.stop.cancel();
        inner.tasks.close();
        let ended = async {
            inner.tasks.wait().await;
            inner.segments.close().await;
            inner.catalog.close().await;
        };
        tokio::time::timeout(deadline, ended).await.is_ok()
    }

    /// The present moment of the injected clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// A new id of the injected source.
    #[must_use]
    pub fn next_id(&self) -> Uuid {
        self.inner.ids.next()
    }

    /// The folder that the data lies in.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        &self.inner.premises.root
    }

    /// A name as it stands.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn get(&self, key: &NameKey) -> Result<Option<Name>, Fault> {
        let inner = &self.inner;
        // The claim is asked first: an upload that ends in between shows its result, never "queued" with the result missing.
        let open_writer = inner.claims.holds(key);
        let name = inner.in_time(inner.catalog.name(key)).await??;
        Ok(name.map(|name| Name { open_writer, ..name }))
    }

    /// Whether a name was buried: it can never be created again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn is_buried(&self, key: &NameKey) -> Result<bool, Fault> {
        self.inner.in_time(self.inner.catalog.is_buried(key)).await?
    }

    /// A page of the names of a scope.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self, query: ListQuery) -> Result<Vec<Name>, Fault> {
        let inner = &self.inner;
        // As in `get`, the claims first.
        let claimed = inner.claims.all();
        let mut names = inner.in_time(inner.catalog.names(query)).await??;
        for name in &mut names {
            name.open_writer = claimed.contains(&name.key);
        }
        Ok(names)
    }

    /// A page of the names of a scope, chosen and ordered by what they have.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn search(&self, search: Search) -> Result<Vec<Name>, Fault> {
        let inner = &self.inner;
        // As in `get`, the claims first.
        let claimed = inner.claims.all();
        let writing = in_scope(&claimed, &search);
        let mut names = inner.in_time(inner.catalog.search(search, writing)).await??;
        for name in &mut names {
            name.open_writer = claimed.contains(&name.key);
        }
        Ok(names)
    }

    /// The keys of the names that [`Store::search`] would find, for lists of names that have much.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn search_keys(&self, search: Search) -> Result<Vec<String>, Fault> {
        let inner = &self.inner;
        let writing = in_scope(&inner.claims.all(), &search);
        inner.in_time(inner.catalog.search_keys(search, writing)).await?
    }

    /// What an account holds.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn usage(&self, dialect: &str, scope: &str) -> Result<Usage, Fault> {
        self.inner.in_time(self.inner.catalog.usage(dialect, scope)).await?
    }

    /// Carries a change out, as a whole or not at all, and resolves when it is durable. It runs to its end even if this future is dropped.
    ///
    /// # Errors
    /// [`ChangeError::Refused`] when a condition does not hold, else [`ChangeError::Fault`].
    pub async fn apply(&self, change: Change) -> Result<Applied, ChangeError> {
        let inner = Arc::clone(&self.inner);
        self.inner.owned(async move { inner.apply(change).await }).await?
    }

    /// Begins the upload of a whole body.
    ///
    /// # Errors
    /// [`UploadError::TargetBusy`] and [`UploadError::TargetRefused`] for an exclusive target; [`UploadError::OverQuota`] when the
    /// announced size has no room; [`UploadError::Fault`], among others when the disk has none.
    pub async fn begin(&self, request: UploadRequest) -> Result<Upload, UploadError> {
        Upload::begin(Arc::clone(&self.inner), request).await
    }

    /// Opens content for reading and pins it.
    ///
    /// # Errors
    /// [`ReadError::Gone`] when it was released since its name was read, [`ReadError::Damaged`], [`ReadError::Fault`].
    pub async fn open_content(&self, content: Content) -> Result<Reader, ReadError> {
        Reader::open(Arc::clone(&self.inner), content).await
    }

    /// What is at a path of a tree, one level deep. The empty path is the root, which always exists.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn level(&self, tree: &Tree, path: &str) -> Result<Level, Fault> {
        self.inner.in_time(self.inner.catalog.level(tree, path)).await?
    }

    /// The file of a path.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn file(&self, tree: &Tree, path: &str) -> Result<Option<FileEntry>, Fault> {
        let name = self.inner.in_time(self.inner.catalog.name(&tree.name(path))).await??;
        Ok(name.and_then(|name| {
            let content = name.content?;
            Some(FileEntry { path: name.key.key, version: name.version, modified: name.modified, content })
        }))
    }

    /// The counters of a folder.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn folder_entry(&self, tree: &Tree, path: &str) -> Result<Option<FolderEntry>, Fault> {
        self.inner.in_time(self.inner.catalog.folder(tree, path)).await?
    }

    /// Begins a chunk. The first one of an unknown session begins the session. To one that was committed in the last
    /// half hour no chunk can be added: [`ChunkError::RangeOverlaps`]. An older chunk that is on its way with some of the
    /// same bytes is given up for this one.
    ///
    /// # Errors
    /// See [`ChunkError`]; nothing of the chunk counts then.
    pub async fn begin_chunk(&self, request: ChunkRequest) -> Result<ChunkWriter, ChunkError> {
        claim::begin_chunk(&self.inner, request).await
    }

    /// A session. One that was committed is shown complete for half an hour, as it was before. None when it was never begun, was deleted
    /// or has expired.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn session(&self, tree: &Tree, id: Uuid) -> Result<Option<Session>, Fault> {
        session::get(&self.inner, tree, id).await
    }

    /// The sessions of a path, in the order in which they were opened; committed ones as in [`session`](Self::session).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sessions_at(&self, tree: &Tree, path: &str) -> Result<Vec<Session>, Fault> {
        session::at_path(&self.inner, tree, path).await
    }

    /// Makes a complete session the file of its path, replacing one that is there. The cost does not depend on the size. A repeat is
    /// fine while the path still has these bytes, for half an hour. It runs to its end even if this future is dropped.
    ///
    /// # Errors
    /// [`SessionError::Unknown`], [`SessionError::Incomplete`], [`SessionError::Fault`].
    pub async fn commit_session(&self, tree: &Tree, id: Uuid) -> Result<(), SessionError> {
        self.inner.owned(session::commit(Arc::clone(&self.inner), tree.clone(), id)).await?
    }

    /// Ends a session and frees its chunks; of one that was committed only the record goes. False when there is none. It runs to its end even if this future is dropped.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete_session(&self, tree: &Tree, id: Uuid) -> Result<bool, Fault> {
        self.inner.owned(session::delete(Arc::clone(&self.inner), tree.clone(), id)).await?
    }

    /// Frees now what the background task would free later.
    ///
    /// # Errors
    /// When the store fails; what is left is tried again later.
    pub async fn sweep(&self) -> Result<Swept, Fault> {
        sweep::sweep(&self.inner).await
    }

    /// What a sweep would free, besides what the clock has ended since the last one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn garbage(&self) -> Result<Vec<Garbage>, Fault> {
        sweep::garbage(&self.inner).await
    }

    /// What the store holds and does, in numbers. Reads counters, and counts open sessions; may be asked every few seconds.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub async fn statistics(&self) -> Result<Statistics, Fault> {
        statistics::read(&self.inner).await
    }

    /// Computes now the digests that the background task would compute later; says how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn fingerprint(&self) -> Result<u64, Fault> {
        sweep::fingerprint(&self.inner, Haste::Waited).await
    }

    /// Everything that takes room and is nobody's: what a sweep would free now, with sessions that expired, dead space in packs, and what
    /// was set aside. Reads an index as a whole.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn litter(&self) -> Result<Litter, Fault> {
        litter::read(&self.inner).await
    }

    /// Checks every row against its bytes and every content against its digests. Changes nothing; reads everything. Whether files
    /// have rows is only asked of a store that was opened for [`Purpose::Inspect`].
    ///
    /// # Errors
    /// When the catalog cannot be read; damage is part of the report.
    pub async fn fsck(&self) -> Result<FsckReport, Fault> {
        fsck::fsck(&self.inner, false).await
    }

    /// The same, and repairs what can be: counters are counted anew, names of a damaged content get an equal one that is whole, contents
    /// without names are doomed, files without rows are set aside, and what stays damaged is marked, so that nothing is shared with
    /// it and equal bytes that are uploaded take its place. For a store that nobody uses meanwhile.
    ///
    /// # Errors
    /// When the catalog cannot be read or written; damage is part of the report.
    pub async fn repair(&self) -> Result<FsckReport, Fault> {
        fsck::fsck(&self.inner, true).await
    }
}

/// The keys among the claimed ones that a search may find.
fn in_scope<'k>(claimed: impl IntoIterator<Item = &'k NameKey>, search: &Search) -> Vec<String> {
    let in_scope = claimed.into_iter().filter(|key| key.dialect == search.dialect && key.scope == search.scope);
    in_scope.map(|key| key.key.clone()).collect()
}
