//! A change: steps that are done together or not at all. The layers above build one; a catalog carries it out.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    digest::Digests,
    model::{Account, BlobId, ByteRange, Condition, NameKey, Tree},
    segments::{Container, Location},
};

pub use crate::applied::{Applied, Effect};

/// What becomes the content of a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NewContent {
    /// No content.
    Clear,
    /// The body that is committed with this change; without one (or with an empty one) content of no bytes.
    Uploaded,
    /// One of the bodies that are committed beside the first one, counted from 0; see
    /// [`Received::commit_with`](crate::Received::commit_with). Without that body the change is refused.
    UploadedBeside(usize),
    /// The bytes of another name, shared; an earlier step of the same change may have given it these. Counted for the account that the
    /// other name counts for, but in the dialect of the name that shares.
    SameAs(NameKey),
}

/// A name to be created.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewName {
    /// What it is called.
    pub key: NameKey,
    /// Its status.
    pub status: String,
    /// Its owner.
    pub owner: Option<String>,
    /// What the dialect keeps with it.
    #[serde(with = "json_text")]
    pub attributes: Value,
    /// Its bytes.
    pub content: NewContent,
}

impl NewName {
    /// A name without owner, attributes and content.
    pub fn new(key: NameKey, status: impl Into<String>) -> Self {
        Self { key, status: status.into(), owner: None, attributes: Value::Null, content: NewContent::Clear }
    }

    /// With an owner.
    #[must_use]
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// With attributes.
    #[must_use]
    pub fn attributes(mut self, attributes: Value) -> Self {
        self.attributes = attributes;
        self
    }

    /// With content.
    #[must_use]
    pub fn content(mut self, content: NewContent) -> Self {
        self.content = content;
        self
    }
}

/// What changes about a name; what is none stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Update {
    /// The new status.
    pub status: Option<String>,
    /// The new owner (`Some(None)` takes it away).
    pub owner: Option<Option<String>>,
    /// The new attributes, as a whole.
    #[serde(with = "optional_json_text")]
    pub attributes: Option<Value>,
    /// The new content; the old one is released.
    pub content: Option<NewContent>,
}

impl Update {
    /// With a new status.
    #[must_use]
    pub fn status(mut self, status: impl Into<String>) -> Self {
        self.status = Some(status.into());
        self
    }

    /// With new attributes.
    #[must_use]
    pub fn attributes(mut self, attributes: Value) -> Self {
        self.attributes = Some(attributes);
        self
    }

    /// With new content.
    #[must_use]
    pub fn content(mut self, content: NewContent) -> Self {
        self.content = Some(content);
        self
    }
}

/// A copy inside a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeCopy {
    /// The tree.
    pub tree: Tree,
    /// The file or folder to copy.
    pub from: String,
    /// Where it goes. A file there is replaced by a file, a folder as a whole by a folder.
    pub to: String,
    /// Bare file names that are left out of a folder at any depth, compared without case.
    pub skip: Vec<String>,
    /// The bare name of the empty file that says "this folder is complete"; the destination folder gets one, last.
    pub mark: Option<String>,
    /// Refuse a source folder without its mark file.
    pub require_mark: bool,
    /// Bytes the tree may hold.
    pub quota: Option<u64>,
}

/// Steps that are done together or not at all, in the order in which they were added.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[must_use = "a change does nothing until it is applied"]
pub struct Change {
    pub(crate) steps: Vec<Step>,
}

impl Change {
    /// No steps yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a name. Refused: [`Exists`](crate::Refusal::Exists), [`Buried`](crate::Refusal::Buried).
    pub fn create(self, name: NewName) -> Self {
        self.step(Step::Create(Box::new(name)))
    }

    /// Changes a name. Refused: [`Missing`](crate::Refusal::Missing),
    /// [`VersionChanged`](crate::Refusal::VersionChanged), [`StatusChanged`](crate::Refusal::StatusChanged).
    pub fn update(self, name: NameKey, when: Condition, update: Update) -> Self {
        self.step(Step::Update { name, when, update: Box::new(update) })
    }

    /// Only checks a name. Refused as [`update`](Self::update).
    pub fn expect(self, name: NameKey, when: Condition) -> Self {
        self.step(Step::Expect { name, when })
    }

    /// Deletes a name and releases its content. Refused as [`update`](Self::update). An exclusive upload to it that is running
    /// will find its target gone.
    pub fn delete(self, name: NameKey, when: Condition) -> Self {
        self.step(Step::Delete { name, when })
    }

    /// Deletes all names of a scope; none is fine.
    pub fn delete_scope(self, dialect: impl Into<String>, scope: impl Into<String>) -> Self {
        self.step(Step::DeleteScope { dialect: dialect.into(), scope: scope.into() })
    }

    /// Leaves a tombstone, so that the name can never be created again.
    pub fn bury(self, name: NameKey) -> Self {
        self.step(Step::Bury(name))
    }

    /// Puts the committed body (or an empty file) at a path of a tree, replacing a file of that path.
    pub fn put_file(self, tree: &Tree, path: impl Into<String>) -> Self {
        self.step(Step::PutFile { tree: tree.clone(), path: path.into() })
    }

    /// Deletes the file and the folder of a path with everything below; nothing there is fine.
    pub fn delete_path(self, tree: &Tree, path: impl Into<String>) -> Self {
        self.step(Step::DeletePath { tree: tree.clone(), path: path.into() })
    }

    /// Copies a file or folder. Refused: [`SourceMissing`](crate::Refusal::SourceMissing),
    /// [`MarkMissing`](crate::Refusal::MarkMissing), [`Overlap`](crate::Refusal::Overlap), [`PathTooLong`](crate::Refusal::PathTooLong),
    /// [`OverQuota`](crate::Refusal::OverQuota).
    pub fn copy_path(self, copy: TreeCopy) -> Self {
        self.step(Step::CopyPath(Box::new(copy)))
    }

    pub(crate) fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The steps, for whoever writes a catalog.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

impl From<Step> for Change {
    fn from(step: Step) -> Self {
        Self { steps: vec![step] }
    }
}

/// A body that becomes content with this change. Its bytes are durable, or go to the catalog with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// The id chosen for it.
    pub blob: BlobId,
    /// Its size, at least 1.
    pub size: u64,
    /// Where it lies; anywhere as long as it has `bytes`.
    pub location: Location,
    /// Bytes that are not stored yet. Only a catalog that [takes bytes](crate::Catalog::takes_bytes) gets them; it stores them before its rows.
    #[serde(skip)]
    pub bytes: Option<Bytes>,
    /// CRC-32C of each 1 MiB block, 4 bytes each, big-endian.
    pub checksums: Bytes,
    /// The digests that were computed.
    pub digests: Digests,
    /// BLAKE3, for sharing equal bytes.
    pub blake3: Option<[u8; 32]>,
    /// Whose bytes these are.
    pub account: Account,
    /// The writer row of a large body.
    pub writer: Option<Uuid>,
}

/// A writer row to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWriter {
    /// Its id.
    pub id: Uuid,
    /// The blob it writes.
    pub blob: BlobId,
    /// Where it writes.
    pub location: Location,
    /// The session it belongs to, with the tree's path it will become; none for a whole body.
    pub session: Option<(Uuid, NameKey)>,
    /// Whose bytes these are.
    pub account: Account,
    /// The announced size.
    pub declared: Option<u64>,
    /// Bytes to reserve.
    pub reserve: u64,
}

/// One step of a change. The first group is for the layers above (by the methods of [`Change`]), the second for the store. The steps that a
/// record of the journal may hold come first, and in this order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Step {
    /// See [`Change::create`].
    Create(Box<NewName>),
    /// See [`Change::update`].
    Update {
        /// The name.
        name: NameKey,
        /// What it must be.
        when: Condition,
        /// What changes.
        update: Box<Update>,
    },
    /// See [`Change::expect`].
    Expect {
        /// The name.
        name: NameKey,
        /// What it must be.
        when: Condition,
    },
    /// See [`Change::delete`].
    Delete {
        /// The name.
        name: NameKey,
        /// What it must be.
        when: Condition,
    },
    /// See [`Change::delete_scope`].
    DeleteScope {
        /// The dialect.
        dialect: String,
        /// The scope.
        scope: String,
    },
    /// See [`Change::bury`].
    Bury(NameKey),
    /// See [`Change::put_file`].
    PutFile {
        /// The tree.
        tree: Tree,
        /// The path.
        path: String,
    },
    /// See [`Change::delete_path`].
    DeletePath {
        /// The tree.
        tree: Tree,
        /// The path.
        path: String,
    },
    /// See [`Change::copy_path`].
    CopyPath(Box<TreeCopy>),

    /// The target of an exclusive upload must still be the name it was. Refused: `Missing`.
    SameName {
        /// The name.
        name: NameKey,
        /// The version it was created with.
        born: u64,
    },
    /// Makes a durable body content, for the steps that follow: the first one is [`NewContent::Uploaded`]. Equal bytes that are stored already are shared instead.
    /// Refused: `WriterGone`, `OverQuota`.
    Commit(Box<Body>),
    /// Counts a body of no bytes among those that the change commits.
    CommitEmpty,
    /// Opens a writer. Refused: `OverQuota`. An open session of the same id is an error of the caller.
    #[serde(skip)]
    OpenWriter(Box<NewWriter>),
    /// Reserves more bytes for a writer: `most` when the quota has room, else what is left but not less than `least`.
    /// Refused: `OverQuota`, `WriterGone`.
    #[serde(skip)]
    Reserve {
        /// The writer.
        writer: Uuid,
        /// Bytes it needs now.
        least: u64,
        /// Bytes it would like.
        most: u64,
        /// The quota of its account.
        quota: Option<u64>,
    },
    /// Gives back what a writer has reserved beyond what came. Refused: `WriterGone`.
    #[serde(skip)]
    Settle {
        /// The writer.
        writer: Uuid,
        /// Bytes that stay reserved.
        reserved: u64,
    },
    /// Records a durable chunk. Refused: `WriterGone`, `RangeOverlaps`, `TooManyRanges`.
    #[serde(skip)]
    RecordChunk {
        /// The session's writer.
        writer: Uuid,
        /// The id of its segment.
        segment: Uuid,
        /// Which bytes.
        range: ByteRange,
        /// As in [`Body::checksums`], counted from the first byte of the chunk.
        checksums: Bytes,
        /// Ranges a session may have.
        limit: u64,
    },
    /// Commits a session whose bytes are all there. Refused: `WriterGone`, `Incomplete`.
    #[serde(skip)]
    CommitSession {
        /// The session's writer.
        writer: Uuid,
    },
    /// Ends a writer without a result; what it wrote is doomed, what it reserved is released. One that ended is fine.
    #[serde(skip)]
    AbortWriter(Uuid),
    /// The same for a session that its client deletes. Cleaning up must always go on; what a client asks for may fail.
    #[serde(skip)]
    DeleteSession(Uuid),
    /// Ends every open writer that is not a session: they belong to an earlier run.
    #[serde(skip)]
    AbortUploads,
    /// Ends sessions whose last chunk is older, the oldest first; repeat it until none was. The effect says how many.
    #[serde(skip)]
    AbortSessions {
        /// Sessions with a chunk after this moment stay.
        before: Timestamp,
        /// Writers of sessions that have a chunk in flight.
        except: Vec<Uuid>,
    },
    /// Forgets ended writers; repeat it until none was. The effect says how many. A done session is remembered for a while, so that a repeated commit succeeds.
    #[serde(skip)]
    ForgetWriters {
        /// Writers that ended before this moment go.
        before: Timestamp,
    },
    /// Forgets that a session was committed.
    #[serde(skip)]
    ForgetSession(Uuid),
    /// Remembers a digest that was computed after the commit.
    #[serde(skip)]
    Fingerprint {
        /// The blob.
        blob: BlobId,
        /// Its BLAKE3.
        blake3: [u8; 32],
    },
    /// Drops rows of a doomed blob whose bytes were freed: at most `limit` segments, and the blob after its last one.
    #[serde(skip)]
    DropBlob {
        /// The blob.
        blob: BlobId,
        /// Segments in this step.
        limit: u32,
    },
    /// Remembers that a content is damaged, or that it is not. Nothing is shared with a damaged one any more; a body with the bytes that
    /// it should have takes their place.
    #[serde(skip)]
    Mark {
        /// The blob.
        blob: BlobId,
        /// Whether it is.
        damaged: bool,
        /// Only while its bytes lie there: others may have taken their place.
        container: Option<Container>,
    },
    /// Writes the digests of a content anew, because those that stand there are wrong and the bytes are right.
    #[serde(skip)]
    Redigest {
        /// The blob.
        blob: BlobId,
        /// Its BLAKE3.
        blake3: [u8; 32],
        /// The others that it is to have.
        digests: Digests,
    },
    /// Gives the names of a damaged content to an equal one and dooms it. Reads every name. Refused: `ContentGone`.
    #[serde(skip)]
    Relink {
        /// The damaged one.
        from: BlobId,
        /// The other one.
        to: BlobId,
    },
    /// Counts everything anew that [`Catalog::audit`](crate::Catalog::audit) compares, and frees what no name has. Reads every row.
    #[serde(skip)]
    Recount,
    /// Everything that was committed before is durable in the database itself: a crash does not need the journal for it. Whoever frees
    /// bytes that a record of the journal may speak of asks for that first.
    #[serde(skip)]
    Harden,
}

/// How long ended writers are remembered: a commit whose reply was lost may be repeated for so long.
pub const DONE_WRITERS_STAY: Duration = Duration::from_mins(30);

/// JSON as its text, for formats that do not describe themselves.
mod json_text {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};
    use serde_json::Value;

    pub(super) fn serialize<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
        value.to_string().serialize(serializer)
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(deserializer: D) -> Result<Value, D::Error> {
        serde_json::from_str(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

mod optional_json_text {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};
    use serde_json::Value;

    #[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
    pub(super) fn serialize<S: Serializer>(value: &Option<Value>, serializer: S) -> Result<S::Ok, S::Error> {
        value.as_ref().map(Value::to_string).serialize(serializer)
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(deserializer: D) -> Result<Option<Value>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| serde_json::from_str(&text)).transpose().map_err(D::Error::custom)
    }
}
