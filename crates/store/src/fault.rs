//! A pair of engines that fails on demand, over any other pair: for the conformance suite and for tests of the layers above.

use std::{
    io,
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use bytes::Bytes;
use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    catalog::{BlobRow, Catalog, Counts, Discrepancy, PackRow, Read, SegmentRow, SessionRow},
    change::{Applied, Change, Step},
    clock::Timestamp,
    error::{ChangeError, Fault},
    inner::lock,
    model::{BlobId, FolderEntry, Level, ListQuery, Name, NameKey, Tree, Usage},
    search::Search,
    segments::{Container, Location, Orphan, SegmentReader, SegmentWriter, Segments, Stored},
};

/// Switches that make a store fail. All are off at first; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Switches>);

#[derive(Debug, Default)]
struct Switches {
    disk_full: AtomicBool,
    read_only: AtomicBool,
    io_error: AtomicBool,
    hang: AtomicBool,
    failed_reads: AtomicBool,
    hanging_reads: AtomicBool,
    hung: Notify,
    released: Notify,
    damage: AtomicBool,
    lost_commits: AtomicU32,
    failed_syncs: AtomicU32,
    failed_cleanings: AtomicU32,
    kept: Mutex<Kept>,
}

/// A content that cannot be freed.
#[derive(Debug, Default, PartialEq)]
enum Kept {
    #[default]
    Nothing,
    Next,
    This(Location),
}

impl Faults {
    /// Writing bytes fails because the disk is full; rows can still be written, as the reserve promises.
    pub fn disk_full(&self, on: bool) {
        self.0.disk_full.store(on, Ordering::SeqCst);
    }

    /// Writing anything fails because the file system is read-only.
    pub fn read_only(&self, on: bool) {
        self.0.read_only.store(on, Ordering::SeqCst);
    }

    /// Writing anything fails.
    pub fn io_error(&self, on: bool) {
        self.0.io_error.store(on, Ordering::SeqCst);
    }

    /// Nothing that writes answers any more, until this is switched off: what was held up fails then.
    pub fn hang(&self, on: bool) {
        self.0.hang.store(on, Ordering::SeqCst);
        self.0.released.notify_waiters();
    }

    /// Reading rows, and opening bytes to read them, fails.
    pub fn fail_reads(&self, on: bool) {
        self.0.failed_reads.store(on, Ordering::SeqCst);
    }

    /// Nothing that reads rows or opens bytes answers any more, until this is switched off and the request is made again.
    pub fn hang_reads(&self, on: bool) {
        self.0.hanging_reads.store(on, Ordering::SeqCst);
    }

    /// Bytes that are read have a bit wrong.
    pub fn damage(&self, on: bool) {
        self.0.damage.store(on, Ordering::SeqCst);
    }

    /// The next changes are made, but answer [`Fault::Unknown`].
    pub fn lose_commits(&self, count: u32) {
        self.0.lost_commits.store(count, Ordering::SeqCst);
    }

    /// The next syncs of bytes fail.
    pub fn fail_syncs(&self, count: u32) {
        self.0.failed_syncs.store(count, Ordering::SeqCst);
    }

    /// The next changes that only clean up fail; no other switch meets those.
    pub fn fail_cleanings(&self, count: u32) {
        self.0.failed_cleanings.store(count, Ordering::SeqCst);
    }

    /// One content cannot be freed: the first that is to be from now on.
    pub fn keep_one(&self, on: bool) {
        *lock(&self.0.kept) = if on { Kept::Next } else { Kept::Nothing };
    }

    fn keeps(&self, location: Location) -> bool {
        let mut kept = lock(&self.0.kept);
        if *kept == Kept::Next {
            *kept = Kept::This(location);
        }
        *kept == Kept::This(location)
    }

    fn rows(&self) -> Result<(), Fault> {
        let failure = |kind| Fault::from_io("writing", io::Error::from(kind));
        if self.0.read_only.load(Ordering::SeqCst) {
            return Err(failure(io::ErrorKind::ReadOnlyFilesystem));
        }
        if self.0.io_error.load(Ordering::SeqCst) {
            return Err(failure(io::ErrorKind::Other));
        }
        Ok(())
    }

    fn bytes(&self) -> Result<(), Fault> {
        if self.0.disk_full.load(Ordering::SeqCst) {
            return Err(Fault::from_io("writing", io::ErrorKind::StorageFull.into()));
        }
        self.rows()
    }

    /// Resolves once something hangs: for one caller, which may also ask afterwards.
    pub async fn hung(&self) {
        self.0.hung.notified().await;
    }

    async fn reads(&self) -> Result<(), Fault> {
        if self.0.hanging_reads.load(Ordering::SeqCst) {
            self.0.hung.notify_one();
            std::future::pending::<()>().await;
        }
        if self.0.failed_reads.load(Ordering::SeqCst) {
            return Err(Fault::from_io("reading", io::ErrorKind::Other.into()));
        }
        Ok(())
    }

    async fn hanging(&self) -> Result<(), Fault> {
        let mut released = std::pin::pin!(self.0.released.notified());
        released.as_mut().enable();
        if self.0.hang.load(Ordering::SeqCst) {
            self.0.hung.notify_one();
            released.await;
            return Err(Fault::from_io("writing", io::ErrorKind::Other.into()));
        }
        Ok(())
    }
}

/// A read of rows that fails on demand.
fn reading<'a, T: Send + 'a>(faults: &'a Faults, read: Read<'a, T>) -> Read<'a, T> {
    async move {
        faults.reads().await?;
        read.await
    }
    .boxed()
}

fn spend(counter: &AtomicU32) -> bool {
    counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

/// Rows that fail on demand.
pub(crate) struct FaultyCatalog {
    rows: Arc<dyn Catalog>,
    faults: Faults,
}

impl FaultyCatalog {
    pub(crate) fn new(rows: Arc<dyn Catalog>, faults: Faults) -> Self {
        Self { rows, faults }
    }
}

/// Steps that only give back are never made to fail: a test switches faults on to see a request fail, not the cleaning after it.
fn only_frees(change: &Change) -> bool {
    let frees = |step: &Step| {
        matches!(
            step,
            Step::AbortWriter(_) | Step::AbortSessions { .. } | Step::DropBlob { .. } | Step::ForgetWriters { .. }
        )
    };
    change.steps().iter().all(frees)
}

impl Catalog for FaultyCatalog {
    fn apply(&self, change: Change) -> BoxFuture<'_, Result<Applied, ChangeError>> {
        async move {
            if only_frees(&change) {
                if spend(&self.faults.0.failed_cleanings) {
                    return Err(Fault::from_io("writing", io::ErrorKind::Other.into()).into());
                }
                return self.rows.apply(change).await;
            }
            self.faults.hanging().await?;
            self.faults.rows()?;
            let applied = self.rows.apply(change).await;
            if applied.is_ok() && spend(&self.faults.0.lost_commits) {
                return Err(Fault::Unknown.into());
            }
            applied
        }
        .boxed()
    }

    fn name<'a>(&'a self, key: &'a NameKey) -> Read<'a, Option<Name>> {
        reading(&self.faults, self.rows.name(key))
    }

    fn is_buried<'a>(&'a self, key: &'a NameKey) -> Read<'a, bool> {
        reading(&self.faults, self.rows.is_buried(key))
    }

    fn names(&self, query: ListQuery) -> Read<'_, Vec<Name>> {
        reading(&self.faults, self.rows.names(query))
    }

    fn search(&self, search: Search, writing: Vec<String>) -> Read<'_, Vec<Name>> {
        reading(&self.faults, self.rows.search(search, writing))
    }

    fn search_keys(&self, search: Search, writing: Vec<String>) -> Read<'_, Vec<String>> {
        reading(&self.faults, self.rows.search_keys(search, writing))
    }

    fn usage<'a>(&'a self, dialect: &'a str, scope: &'a str) -> Read<'a, Usage> {
        reading(&self.faults, self.rows.usage(dialect, scope))
    }

    fn counts(&self, expired: Timestamp) -> Read<'_, Counts> {
        reading(&self.faults, self.rows.counts(expired))
    }

    fn level<'a>(&'a self, tree: &'a Tree, path: &'a str) -> Read<'a, Level> {
        reading(&self.faults, self.rows.level(tree, path))
    }

    fn folder<'a>(&'a self, tree: &'a Tree, path: &'a str) -> Read<'a, Option<FolderEntry>> {
        reading(&self.faults, self.rows.folder(tree, path))
    }

    fn is_alike(&self, size: u64, checksums: Bytes) -> Read<'_, bool> {
        reading(&self.faults, self.rows.is_alike(size, checksums))
    }

    fn blob(&self, id: BlobId) -> Read<'_, Option<BlobRow>> {
        reading(&self.faults, self.rows.blob(id))
    }

    fn content(&self, id: BlobId) -> Read<'_, Option<(BlobRow, Option<SegmentRow>)>> {
        reading(&self.faults, self.rows.content(id))
    }

    fn segments(&self, blob: BlobId, from: u64, limit: u32) -> Read<'_, Vec<SegmentRow>> {
        reading(&self.faults, self.rows.segments(blob, from, limit))
    }

    fn session<'a>(&'a self, tree: &'a Tree, id: Uuid) -> Read<'a, Option<SessionRow>> {
        reading(&self.faults, self.rows.session(tree, id))
    }

    fn sessions_at<'a>(&'a self, tree: &'a Tree, path: &'a str) -> Read<'a, Vec<SessionRow>> {
        reading(&self.faults, self.rows.sessions_at(tree, path))
    }

    fn doomed(&self, after: Option<BlobId>, limit: u32) -> Read<'_, Vec<BlobRow>> {
        self.rows.doomed(after, limit)
    }

    fn unknown(&self, after: Option<BlobId>, limit: u32) -> Read<'_, Vec<BlobRow>> {
        self.rows.unknown(after, limit)
    }

    fn blobs(&self, after: Option<BlobId>, limit: u32) -> Read<'_, Vec<BlobRow>> {
        self.rows.blobs(after, limit)
    }

    fn knows(&self, container: Container) -> Read<'_, bool> {
        self.rows.knows(container)
    }

    fn pack_end(&self, pack: Uuid) -> Read<'_, Option<u64>> {
        self.rows.pack_end(pack)
    }

    fn gaps(&self, pack: Uuid, from: u64, least: u64, limit: usize) -> Read<'_, Vec<Range<u64>>> {
        self.rows.gaps(pack, from, least, limit)
    }

    fn names_of(&self, blobs: Vec<BlobId>) -> Read<'_, Vec<(BlobId, NameKey)>> {
        self.rows.names_of(blobs)
    }

    fn audit(&self) -> Read<'_, Vec<Discrepancy>> {
        self.rows.audit()
    }

    fn equals(&self, blob: BlobRow) -> Read<'_, Vec<BlobRow>> {
        self.rows.equals(blob)
    }

    fn packs(&self) -> Read<'_, Vec<PackRow>> {
        self.rows.packs()
    }

    fn expired(&self, before: Timestamp) -> Read<'_, Vec<SessionRow>> {
        self.rows.expired(before)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.rows.close()
    }
}

/// Bytes that fail on demand.
pub(crate) struct FaultySegments {
    bytes: Arc<dyn Segments>,
    faults: Faults,
}

impl FaultySegments {
    pub(crate) fn new(bytes: Arc<dyn Segments>, faults: Faults) -> Self {
        Self { bytes, faults }
    }

    fn wrap(&self, writer: Arc<dyn SegmentWriter>) -> Arc<dyn SegmentWriter> {
        Arc::new(FaultyWriter { writer, faults: self.faults.clone() })
    }
}

impl Segments for FaultySegments {
    fn put_small(&self, frames: Vec<Bytes>) -> BoxFuture<'_, Result<Location, Fault>> {
        async move {
            self.faults.hanging().await?;
            self.faults.bytes()?;
            if spend(&self.faults.0.failed_syncs) {
                return Err(Fault::from_io("syncing a pack", io::ErrorKind::Other.into()));
            }
            self.bytes.put_small(frames).await
        }
        .boxed()
    }

    fn create(&self, id: Uuid, length: Option<u64>) -> BoxFuture<'_, Result<Arc<dyn SegmentWriter>, Fault>> {
        async move {
            self.faults.bytes()?;
            Ok(self.wrap(self.bytes.create(id, length).await?))
        }
        .boxed()
    }

    fn reopen(&self, id: Uuid, fresh: bool) -> BoxFuture<'_, Result<Arc<dyn SegmentWriter>, Fault>> {
        async move { Ok(self.wrap(self.bytes.reopen(id, fresh).await?)) }.boxed()
    }

    fn open(&self, container: Container) -> BoxFuture<'_, Result<Arc<dyn SegmentReader>, Fault>> {
        async move {
            self.faults.reads().await?;
            let reader = self.bytes.open(container).await?;
            Ok(Arc::new(FaultyReader { reader, faults: self.faults.clone() }) as Arc<dyn SegmentReader>)
        }
        .boxed()
    }

    fn free(&self, location: Location, length: u64) -> BoxFuture<'_, Result<(), Fault>> {
        if self.faults.keeps(location) {
            return std::future::ready(Err(Fault::from_io("freeing a body", io::ErrorKind::Other.into()))).boxed();
        }
        self.bytes.free(location, length)
    }

    fn freed(&self, pack: Uuid) -> BoxFuture<'_, Result<(), Fault>> {
        self.bytes.freed(pack)
    }

    fn free_pack(&self, id: Uuid) -> BoxFuture<'_, Result<(), Fault>> {
        self.bytes.free_pack(id)
    }

    fn held(&self, id: Uuid) -> BoxFuture<'_, Result<u64, Fault>> {
        self.bytes.held(id)
    }

    fn purge(&self, now: Timestamp) -> BoxFuture<'_, Result<(), Fault>> {
        self.bytes.purge(now)
    }

    fn inventory(&self) -> BoxFuture<'_, Result<Vec<Stored>, Fault>> {
        self.bytes.inventory()
    }

    fn set_aside(&self, container: Container, now: Timestamp) -> BoxFuture<'_, Result<(), Fault>> {
        self.bytes.set_aside(container, now)
    }

    fn orphans(&self) -> BoxFuture<'_, Result<Vec<Orphan>, Fault>> {
        self.bytes.orphans()
    }

    fn check_room(&self, bytes: u64) -> Result<(), Fault> {
        self.faults.bytes()?;
        self.bytes.check_room(bytes)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.bytes.close()
    }
}

struct FaultyWriter {
    writer: Arc<dyn SegmentWriter>,
    faults: Faults,
}

impl SegmentWriter for FaultyWriter {
    fn write_at(&self, offset: u64, frames: &[Bytes]) -> Result<(), Fault> {
        self.faults.bytes()?;
        self.writer.write_at(offset, frames)
    }

    fn stretch_done(&self, offset: u64, length: u64) -> Result<(), Fault> {
        self.writer.stretch_done(offset, length)
    }

    fn end_at(&self, length: u64) -> Result<(), Fault> {
        self.writer.end_at(length)
    }

    fn sync(&self) -> Result<(), Fault> {
        tokio::runtime::Handle::current().block_on(self.faults.hanging())?;
        self.faults.bytes()?;
        if spend(&self.faults.0.failed_syncs) {
            return Err(Fault::from_io("syncing a body", io::ErrorKind::Other.into()));
        }
        self.writer.sync()
    }
}

struct FaultyReader {
    reader: Arc<dyn SegmentReader>,
    faults: Faults,
}

impl SegmentReader for FaultyReader {
    fn read_at(&self, offset: u64, length: usize) -> Result<Bytes, Fault> {
        let bytes = self.reader.read_at(offset, length)?;
        if !self.faults.0.damage.load(Ordering::SeqCst) || bytes.is_empty() {
            return Ok(bytes);
        }
        let mut wrong = bytes.to_vec();
        wrong[0] ^= 1;
        Ok(wrong.into())
    }
}
