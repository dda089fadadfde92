//! The half of the store that takes decisions: what every engine for rows must do. The embedded one is `sqlite`.

mod apply;
mod audit;
mod batch;
mod committer;
#[cfg(test)]
mod flat;
mod heal;
mod journal;
mod ledger;
mod log;
mod names;
mod packing;
#[cfg(test)]
mod plans;
mod queries;
mod readers;
mod recount;
mod replay;
mod rows;
mod schema;
mod search;
pub(crate) mod sqlite;
mod tree;
pub(crate) mod witness;
mod writers;

use std::ops::Range;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::{
    change::{Applied, Change},
    clock::Timestamp,
    digest::Digests,
    error::{ChangeError, Fault},
    model::{BlobId, FolderEntry, Level, ListQuery, Name, NameKey, Tree, Usage},
    search::Search,
    segments::{Container, Location},
};

/// The result of a read.
pub type Read<'a, T> = BoxFuture<'a, Result<T, Fault>>;

/// Stored bytes as the catalog knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobRow {
    /// Its id.
    pub id: BlobId,
    /// Names may share it and readers may read it.
    pub ready: bool,
    /// It waits to be freed.
    pub doomed: bool,
    /// Size in bytes.
    pub size: u64,
    /// Its BLAKE3, once known.
    pub blake3: Option<[u8; 32]>,
    /// The digests that a dialect asked for.
    pub digests: Digests,
    /// It was found damaged, and nothing has set that right yet.
    pub damaged: bool,
}

/// A pack as its rows know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackRow {
    /// Its id.
    pub id: Uuid,
    /// Contents in it.
    pub contents: u64,
    /// Their bytes.
    pub bytes: u64,
    /// First byte behind the last of them.
    pub end: u64,
}

/// Something that rows do not agree on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discrepancy {
    /// What, in one sentence.
    pub what: String,
    /// How [`Step::Recount`](crate::Step::Recount) sets it right, or what people can do.
    pub cure: Result<&'static str, &'static str>,
}

/// A stretch of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentRow {
    /// First byte inside the blob.
    pub position: u64,
    /// Bytes.
    pub length: u64,
    /// Where it lies.
    pub location: Location,
    /// CRC-32C of each 1 MiB block counted from its first byte, 4 bytes each, big-endian.
    pub checksums: Bytes,
}

/// A session's writer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// The writer's id.
    pub writer: Uuid,
    /// The session's id.
    pub session: Uuid,
    /// The path it will become.
    pub path: String,
    /// The blob it writes.
    pub blob: BlobId,
    /// When it was committed; none while it takes bytes.
    pub committed: Option<Timestamp>,
    /// Size of the whole.
    pub total: u64,
    /// Bytes recorded.
    pub received: u64,
    /// Ranges recorded.
    pub ranges: u64,
    /// When its last chunk was recorded, or when it was begun.
    pub touched: Timestamp,
}

/// How much a catalog holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Names of every dialect, files of trees among them.
    pub names: u64,
    /// Contents that names have.
    pub contents: u64,
    /// Their bytes; what several names share counts once.
    pub bytes: u64,
    /// Contents that wait to be freed, uploads that did not end among them.
    pub doomed: u64,
    /// Their bytes; 0 for an upload that did not end.
    pub doomed_bytes: u64,
    /// Sessions that take chunks, and those that expired since the last sweep.
    pub open_sessions: u64,
    /// Those that expired.
    pub expired_sessions: u64,
    /// Contents that were found damaged.
    pub damaged: u64,
}

/// An engine for names, contents, sessions and quotas. `apply` resolves when its change is durable.
pub trait Catalog: Send + Sync + 'static {
    /// Carries out a change: as a whole or not at all.
    fn apply(&self, change: Change) -> BoxFuture<'_, Result<Applied, ChangeError>>;

    /// Whether bodies may come with bytes that are not stored yet. One thread then stores them and writes their rows, which saves two
    /// of four changes of thread, and on an idle machine as much time as a sync.
    fn takes_bytes(&self) -> bool {
        false
    }

    /// A name. Its `open_writer` is for the store to fill in.
    fn name<'a>(&'a self, key: &'a NameKey) -> Read<'a, Option<Name>>;

    /// Whether a name has a tombstone.
    fn is_buried<'a>(&'a self, key: &'a NameKey) -> Read<'a, bool>;

    /// A page of names.
    fn names(&self, query: ListQuery) -> Read<'_, Vec<Name>>;

    /// A page of names by what they have. `writing` are the keys in the scope that an exclusive upload runs for.
    fn search(&self, search: Search, writing: Vec<String>) -> Read<'_, Vec<Name>>;

    /// The same, but only the keys.
    fn search_keys(&self, search: Search, writing: Vec<String>) -> Read<'_, Vec<String>>;

    /// What an account holds.
    fn usage<'a>(&'a self, dialect: &'a str, scope: &'a str) -> Read<'a, Usage>;

    /// How much there is; sessions whose last chunk came at `expired` or earlier have expired. Must not cost more with more names or contents.
    fn counts(&self, expired: Timestamp) -> Read<'_, Counts>;

    /// One level of a tree.
    fn level<'a>(&'a self, tree: &'a Tree, path: &'a str) -> Read<'a, Level>;

    /// A folder's counters.
    fn folder<'a>(&'a self, tree: &'a Tree, path: &'a str) -> Read<'a, Option<FolderEntry>>;

    /// Whether a large content of this size has these block checksums, so that a body that has them, too, is probably stored already.
    fn is_alike(&self, size: u64, checksums: Bytes) -> Read<'_, bool>;

    /// A blob.
    fn blob(&self, id: BlobId) -> Read<'_, Option<BlobRow>>;

    /// A blob with its first segment, as they are together.
    fn content(&self, id: BlobId) -> Read<'_, Option<(BlobRow, Option<SegmentRow>)>>;

    /// At most `limit` segments of a blob that end behind `from`, by position.
    fn segments(&self, blob: BlobId, from: u64, limit: u32) -> Read<'_, Vec<SegmentRow>>;

    /// The open session of an id, else the one committed last.
    fn session<'a>(&'a self, tree: &'a Tree, id: Uuid) -> Read<'a, Option<SessionRow>>;

    /// Sessions of a path that are open or were committed, in the order in which they were opened.
    fn sessions_at<'a>(&'a self, tree: &'a Tree, path: &'a str) -> Read<'a, Vec<SessionRow>>;

    /// Doomed blobs by id, behind `after`.
    fn doomed(&self, after: Option<BlobId>, limit: u32) -> Read<'_, Vec<BlobRow>>;

    /// Ready blobs whose BLAKE3 is not known, by id, behind `after`.
    fn unknown(&self, after: Option<BlobId>, limit: u32) -> Read<'_, Vec<BlobRow>>;

    /// All blobs by id, behind `after`.
    fn blobs(&self, after: Option<BlobId>, limit: u32) -> Read<'_, Vec<BlobRow>>;

    /// Whether any row names the container.
    fn knows(&self, container: Container) -> Read<'_, bool>;

    /// First byte of a pack behind its last recorded segment; none when no row names the pack.
    fn pack_end(&self, pack: Uuid) -> Read<'_, Option<u64>>;

    /// Stretches of a pack before one of its recorded segments that no row names, in their order: at most `limit` of those that begin at
    /// `from` or behind it, and that have at least `least` bytes. A segment begins at `from`, or the pack.
    fn gaps(&self, pack: Uuid, from: u64, least: u64, limit: usize) -> Read<'_, Vec<Range<u64>>>;

    /// Which names have which of a few blobs, by blob and name. May read every name: for checks that found something.
    fn names_of(&self, blobs: Vec<BlobId>) -> Read<'_, Vec<(BlobId, NameKey)>>;

    /// What is wrong with counters and links: references, folders, usage. Reads every row.
    fn audit(&self) -> Read<'_, Vec<Discrepancy>>;

    /// Other ready contents that have the same bytes as a content should have, as far as its digests tell. May read every content.
    fn equals(&self, blob: BlobRow) -> Read<'_, Vec<BlobRow>>;

    /// The packs that rows name. Reads an index as a whole.
    fn packs(&self) -> Read<'_, Vec<PackRow>>;

    /// Open sessions whose last chunk came at `before` or earlier, the oldest first.
    fn expired(&self, before: Timestamp) -> Read<'_, Vec<SessionRow>>;

    /// Ends the engine's threads after what is queued.
    fn close(&self) -> BoxFuture<'_, ()>;
}

pub(crate) use names::check;
