//! The words of the store: names, contents, trees, sessions. No HTTP, no dialect, no SQL.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{clock::Timestamp, digest::DigestSet};

/// What a name is called: unique in a scope of a dialect, compared bytewise.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NameKey {
    /// Who speaks: keeps the names of one API apart from another's. Any text; the store gives it no meaning.
    pub dialect: String,
    /// A list of names inside the dialect.
    pub scope: String,
    /// The name inside its scope. In a tree, the path from the root with `/` between segments.
    pub key: String,
}

impl NameKey {
    /// The name `key` in `scope` of `dialect`.
    pub fn new(dialect: impl Into<String>, scope: impl Into<String>, key: impl Into<String>) -> Self {
        Self { dialect: dialect.into(), scope: scope.into(), key: key.into() }
    }
}

impl fmt::Display for NameKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.dialect, self.scope, self.key)
    }
}

/// The id of some stored bytes. Chosen at random; bytes never change under an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BlobId(pub Uuid);

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The bytes behind a name. Empty content has no blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Content {
    /// The stored bytes; none when the size is 0.
    pub blob: Option<BlobId>,
    /// Size in bytes.
    pub size: u64,
}

impl Content {
    /// Content of no bytes.
    pub const EMPTY: Self = Self { blob: None, size: 0 };
}

/// A name as it stands in the catalog.
#[derive(Debug, Clone, PartialEq)]
pub struct Name {
    /// What it is called.
    pub key: NameKey,
    /// Its status, a word of the dialect. A status that only a running upload has is not stored: see `open_writer`.
    pub status: String,
    /// Who owns it, a word of the dialect.
    pub owner: Option<String>,
    /// Everything else the dialect keeps with it; opaque to the store.
    pub attributes: Value,
    /// Its bytes; none before the first upload.
    pub content: Option<Content>,
    /// Grows with every change of the name. Numbers come from one sequence per store, so a name that was deleted and created
    /// again never shows an old number.
    pub version: u64,
    /// The version it was created with: tells a name from a later one of the same key.
    pub born: u64,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
    /// An exclusive upload to this name is running.
    pub open_writer: bool,
}

/// What a change expects of the name it touches. Everything that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// The version it must be at.
    pub version: Option<u64>,
    /// The status it must have.
    pub status: Option<String>,
}

impl Condition {
    /// No condition but that the name exists.
    pub const EXISTS: Self = Self { version: None, status: None };

    /// The name must be at `version`.
    #[must_use]
    pub const fn version(version: u64) -> Self {
        Self { version: Some(version), status: None }
    }

    /// The name must have `status`.
    #[must_use]
    pub fn status(status: impl Into<String>) -> Self {
        Self { version: None, status: Some(status.into()) }
    }

    /// The name must also be at `version`.
    #[must_use]
    pub const fn and_version(mut self, version: u64) -> Self {
        self.version = Some(version);
        self
    }
}

/// Whose bytes are counted together, and how many they may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The dialect.
    pub dialect: String,
    /// The scope of the usage row. It need not be the scope of any name.
    pub scope: String,
    /// Bytes the account may hold; none for no limit. Looked up by the caller for each upload.
    pub quota: Option<u64>,
}

impl Account {
    /// An account without a limit.
    pub fn new(dialect: impl Into<String>, scope: impl Into<String>) -> Self {
        Self { dialect: dialect.into(), scope: scope.into(), quota: None }
    }

    /// Limits the account.
    #[must_use]
    pub const fn with_quota(mut self, quota: Option<u64>) -> Self {
        self.quota = quota;
        self
    }
}

/// How many bytes an account holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of committed content. Content shared by several names counts once for each.
    pub bytes: u64,
    /// Bytes promised to uploads that are running.
    pub reserved: u64,
}

/// In which order names are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// By key, ascending, bytewise.
    #[default]
    Key,
    /// The newest first; of one moment the greatest key first.
    NewestFirst,
    /// The one that was changed longest ago first; of one moment the smallest key first. Together with a status this reads only what it
    /// lists, however many names the scope has. Files of trees are not listed.
    LongestUnchanged,
}

/// Which names to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListQuery {
    /// The dialect.
    pub dialect: String,
    /// The scope.
    pub scope: String,
    /// Only names of this owner.
    pub owner: Option<String>,
    /// Only names of this status.
    pub status: Option<String>,
    /// Only names whose last change came before this moment.
    pub modified_before: Option<Timestamp>,
    /// The order.
    pub order: Order,
    /// Continue behind this key, which need not be of the same owner or status. A key that does not exist lists nothing
    /// in [`Order::NewestFirst`] and [`Order::LongestUnchanged`].
    pub after: Option<String>,
    /// At most this many names.
    pub limit: usize,
}

impl ListQuery {
    /// All names of a scope by key, at most `limit`.
    pub fn new(dialect: impl Into<String>, scope: impl Into<String>, limit: usize) -> Self {
        Self {
            dialect: dialect.into(),
            scope: scope.into(),
            owner: None,
            status: None,
            modified_before: None,
            order: Order::Key,
            after: None,
            limit,
        }
    }

    /// With a status.
    #[must_use]
    pub fn status(mut self, status: impl Into<String>) -> Self {
        self.status = Some(status.into());
        self
    }

    /// Only what was last changed before a moment.
    #[must_use]
    pub const fn modified_before(mut self, moment: Timestamp) -> Self {
        self.modified_before = Some(moment);
        self
    }

    /// In another order.
    #[must_use]
    pub const fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Behind this key.
    #[must_use]
    pub fn after(mut self, key: impl Into<String>) -> Self {
        self.after = Some(key.into());
        self
    }
}

/// A tree of files: names whose keys are paths. Its bytes count for the account of the same dialect and scope.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tree {
    /// The dialect.
    pub dialect: String,
    /// The scope.
    pub scope: String,
}

impl Tree {
    /// The most bytes that a path may have: `PATH_MAX` of Linux.
    pub const MAX_PATH_BYTES: usize = 4096;
    /// The most segments that a path may have: each folder above a file is a row, which no quota counts.
    pub const MAX_PATH_SEGMENTS: usize = 128;

    /// The tree of a scope.
    pub fn new(dialect: impl Into<String>, scope: impl Into<String>) -> Self {
        Self { dialect: dialect.into(), scope: scope.into() }
    }

    /// The name of the file at `path`.
    pub fn name(&self, path: impl Into<String>) -> NameKey {
        NameKey { dialect: self.dialect.clone(), scope: self.scope.clone(), key: path.into() }
    }
}

/// A file of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Path from the root.
    pub path: String,
    /// Grows with every overwrite; one sequence per store.
    pub version: u64,
    /// When it was last written.
    pub modified: Timestamp,
    /// Its bytes.
    pub content: Content,
}

/// A folder of a tree. Folders exist only through the files below them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderEntry {
    /// Path from the root; empty for the root itself.
    pub path: String,
    /// Files below it at any depth.
    pub files: u64,
    /// Bytes of those files.
    pub bytes: u64,
}

/// What is at a path of a tree, one level deep.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Level {
    /// The file of exactly this path. A folder of the same name may exist beside it.
    pub file: Option<FileEntry>,
    /// The folder of exactly this path, with its counters.
    pub folder: Option<FolderEntry>,
    /// Files directly below, by path, bytewise.
    pub files: Vec<FileEntry>,
    /// Folders directly below, by path, bytewise.
    pub folders: Vec<FolderEntry>,
}

impl Level {
    /// Nothing is stored at the path.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        self.file.is_none() && self.folder.is_none()
    }
}

/// Positions of bytes, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ByteRange {
    /// First byte.
    pub first: u64,
    /// Last byte.
    pub last: u64,
}

impl ByteRange {
    /// Bytes in the range.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "with both ends included no range is empty")]
    pub const fn len(self) -> u64 {
        self.last - self.first + 1
    }
}

impl fmt::Display for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// An upload session as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id, chosen by the client.
    pub id: Uuid,
    /// The path it will become.
    pub path: String,
    /// Size of the whole file.
    pub total: u64,
    /// When the last chunk was accepted (or the session was begun).
    pub modified: Timestamp,
    /// What is not there yet, ascending.
    pub missing: Vec<ByteRange>,
}

/// One piece of a session's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkRequest {
    /// The session's id, chosen by the client.
    pub session: Uuid,
    /// The tree it will be committed to.
    pub tree: Tree,
    /// The path it will be committed to.
    pub path: String,
    /// Size of the whole file, at least 1.
    pub total: u64,
    /// First byte of this chunk.
    pub first: u64,
    /// Last byte of this chunk (included).
    pub last: u64,
    /// Bytes the tree may hold; none for no limit.
    pub quota: Option<u64>,
}

/// An upload of a whole body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadRequest {
    /// Whose bytes these are.
    pub account: Account,
    /// The size that was announced, when one was. It counts against quota and disk at once.
    pub declared: Option<u64>,
    /// Digests to be computed on the way.
    pub digests: DigestSet,
    /// A name that takes one upload at a time; it must exist and meet the condition.
    pub exclusive: Option<(NameKey, Condition)>,
}

impl UploadRequest {
    /// An upload of unknown size without digests.
    #[must_use]
    pub const fn new(account: Account) -> Self {
        Self { account, declared: None, digests: DigestSet::NONE, exclusive: None }
    }

    /// With the size that was announced.
    #[must_use]
    pub const fn declared(mut self, size: Option<u64>) -> Self {
        self.declared = size;
        self
    }

    /// With digests.
    #[must_use]
    pub const fn digests(mut self, digests: DigestSet) -> Self {
        self.digests = digests;
        self
    }

    /// To a name that takes one upload at a time.
    #[must_use]
    pub fn exclusive(mut self, name: NameKey, condition: Condition) -> Self {
        self.exclusive = Some((name, condition));
        self
    }
}
