//! Everything that can go wrong, one type per thing that can fail. The layers above choose a status by variant, never by text.

use std::{io, sync::Arc, time::Duration};

use crate::model::{ByteRange, NameKey};

/// A failure of the machine or of the store itself, not of what was asked for.
///
/// It can be cloned because one failed batch is reported to everybody who waited for it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The disk is full, or fuller than the reserve that keeps deletes and commits possible allows.
    #[error(
        "the disk is full: {needed} bytes wanted, {available} available beyond the reserve; free space or move the data folder"
    )]
    DiskFull {
        /// Bytes that were wanted; 0 when only the system noticed.
        needed: u64,
        /// Bytes that could still be taken.
        available: u64,
    },
    /// The data folder cannot be written: a read-only file system or missing rights.
    #[error("the data folder cannot be written; check its rights and whether it is mounted read-only")]
    ReadOnly(#[source] Arc<io::Error>),
    /// A system call failed otherwise.
    #[error("{action} failed")]
    Io {
        /// What was being done.
        action: &'static str,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },
    /// The database failed.
    #[error("the catalog failed")]
    Database(#[source] Arc<rusqlite::Error>),
    /// Stored data contradicts itself: a row that cannot be, a file that is too short.
    #[error("stored data is damaged: {what}; run fsck")]
    Corrupt {
        /// What was found.
        what: String,
    },
    /// The engine did not answer in time.
    #[error("the storage did not answer within {deadline:?}; try again later")]
    Deadline {
        /// The limit that was passed.
        deadline: Duration,
    },
    /// A limit on what may go on at once stayed reached for as long as the store waits.
    #[error(
        "too much at once: the limit of {limit} uploads, sessions or reads was still reached after {deadline:?}; try again later"
    )]
    Busy {
        /// Uploads, open sessions or blocks read that there may be at once.
        limit: usize,
        /// How long this one waited.
        deadline: Duration,
    },
    /// The store is being closed.
    #[error("the store is closed")]
    Closed,
    /// Whether the change was made is not known: the commit failed and could not be read back.
    #[error("whether the change was made is unknown; read before trying again")]
    Unknown,
}

impl Fault {
    /// Sorts a system error into the kinds that dialects answer differently.
    #[must_use]
    pub fn from_io(action: &'static str, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { needed: 0, available: 0 },
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Self::ReadOnly(Arc::new(error)),
            _ => Self::Io { action, source: Arc::new(error) },
        }
    }

    /// Sorts a database error into the same kinds.
    #[must_use]
    pub fn from_database(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull { needed: 0, available: 0 },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                Self::ReadOnly(Arc::new(io::Error::new(io::ErrorKind::ReadOnlyFilesystem, error)))
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Corrupt { what: format!("the database says {error}") }
            }
            _ => Self::Database(Arc::new(error)),
        }
    }

    /// Whether a change that failed so may have been made all the same.
    #[must_use]
    pub const fn leaves_doubt(&self) -> bool {
        matches!(self, Self::Unknown | Self::Deadline { .. } | Self::Closed)
    }

    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into() }
    }
}

/// Why a step of a change was refused. Nothing of the change was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The name to be created exists.
    #[error("{0} exists already")]
    Exists(NameKey),
    /// The name to be created was deleted and may not come back.
    #[error("{0} was deleted and cannot be created again")]
    Buried(NameKey),
    /// The name does not exist.
    #[error("{0} does not exist")]
    Missing(NameKey),
    /// The name is at another version than the one the change was made for.
    #[error("{name} is at version {actual}, not {expected}; read it again")]
    VersionChanged {
        /// The name.
        name: NameKey,
        /// The version the change asked for.
        expected: u64,
        /// The version found.
        actual: u64,
    },
    /// The name has another status than the one the change was made for.
    #[error("{name} has status {actual:?}, not {expected:?}")]
    StatusChanged {
        /// The name.
        name: NameKey,
        /// The status the change asked for.
        expected: String,
        /// The status found.
        actual: String,
    },
    /// The account would hold more than its quota.
    #[error(
        "the quota of {quota} bytes has {used} used or reserved and no room for {wanted} more; delete something or raise it"
    )]
    OverQuota {
        /// Bytes the account may hold.
        quota: u64,
        /// Bytes it holds or has reserved.
        used: u64,
        /// Bytes that were wanted on top.
        wanted: u64,
    },
    /// Nothing is stored at the source of a copy.
    #[error("nothing is stored at the source {path:?}")]
    SourceMissing {
        /// The source.
        path: String,
    },
    /// The source of a copy has no mark file, and one was required.
    #[error("the folder {path:?} has no mark file {mark:?}, so it is not known to be complete")]
    MarkMissing {
        /// The source.
        path: String,
        /// The bare name of the mark file.
        mark: String,
    },
    /// Source and destination of a copy are the same, or one lies in the other.
    #[error("source {from:?} and destination {to:?} overlap; copy to a place outside")]
    Overlap {
        /// The source.
        from: String,
        /// The destination.
        to: String,
    },
    /// A path in a tree would be longer or deeper than [`Tree`](crate::Tree) takes: each folder above a file is a row.
    #[error(
        "a path would have {bytes} bytes in {segments} segments; at most {} bytes in {} segments are taken",
        crate::Tree::MAX_PATH_BYTES,
        crate::Tree::MAX_PATH_SEGMENTS
    )]
    PathTooLong {
        /// Bytes of the path.
        bytes: usize,
        /// Segments of the path.
        segments: usize,
    },
    /// The content that a name should share is gone.
    #[error("the content to be shared is gone")]
    ContentGone,
    /// The change names a body beside the first one that was not committed with it.
    #[error("the change takes body {index} beside the first one, but was committed without it")]
    BodyMissing {
        /// Which body, counted from 0.
        index: usize,
    },
    /// The upload or session is no longer open.
    #[error("the upload is no longer open")]
    WriterGone,
    /// A chunk overlaps bytes that are there already.
    #[error("bytes {range} overlap bytes that were received already")]
    RangeOverlaps {
        /// The range that was refused.
        range: ByteRange,
    },
    /// A session has as many recorded ranges as it may have.
    #[error("the session has {limit} ranges, the most it may have; send larger chunks")]
    TooManyRanges {
        /// The limit.
        limit: u64,
    },
    /// A session cannot be committed yet.
    #[error("{received} of {declared} bytes were received")]
    Incomplete {
        /// Bytes recorded.
        received: u64,
        /// Bytes the session was opened for.
        declared: u64,
    },
}

/// Why a change failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChangeError {
    /// A condition did not hold. Nothing of the change was done.
    #[error("the change was refused at step {step}")]
    Refused {
        /// The index of the step, counted from 0 in the order in which the change was built.
        step: usize,
        /// Which condition.
        #[source]
        refusal: Refusal,
    },
    /// The store failed.
    #[error("the change failed")]
    Fault(#[from] Fault),
}

impl ChangeError {
    /// The refusal, when it was one.
    #[must_use]
    pub const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal),
            Self::Fault(_) => None,
        }
    }
}

/// Why an upload could not begin or go on.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum UploadError {
    /// Another upload to the same exclusive target is running.
    #[error("another upload to {0} is running; wait for it or delete the name")]
    TargetBusy(NameKey),
    /// The target does not exist or does not meet the condition of the request.
    #[error("the target does not take an upload")]
    TargetRefused(#[source] Refusal),
    /// The account's quota is used up.
    #[error(
        "the quota of {quota} bytes has {used} used or reserved and no room for {wanted} more; delete something or raise it"
    )]
    OverQuota {
        /// Bytes the account may hold.
        quota: u64,
        /// Bytes it holds or has reserved.
        used: u64,
        /// Bytes that were wanted on top.
        wanted: u64,
    },
    /// The store failed.
    #[error("the upload failed")]
    Fault(#[from] Fault),
}

/// Why a whole body that was received could not be committed. Everything it held is freed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommitError {
    /// The exclusive target was deleted while the body was received.
    #[error("{0} was deleted while the body was received")]
    TargetGone(NameKey),
    /// A condition of the change did not hold.
    #[error("the commit was refused at step {step}")]
    Refused {
        /// The index of the step, counted from 0 in the order in which the change was built.
        step: usize,
        /// Which condition.
        #[source]
        refusal: Refusal,
    },
    /// The store failed.
    #[error("the commit failed")]
    Fault(#[from] Fault),
}

/// Why bytes could not be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadError {
    /// The content was released since its name was read; read the name again.
    #[error("the content is gone; read the name again")]
    Gone,
    /// The range asked for ends behind the content.
    #[error("the range ends at {end}, behind the content of {size} bytes")]
    OutOfRange {
        /// End of the range (exclusive).
        end: u64,
        /// Size of the content.
        size: u64,
    },
    /// A block does not have the checksum it was written with. It was not handed out.
    #[error("the block at {offset} is damaged; run fsck")]
    Damaged {
        /// First byte of the block in the content.
        offset: u64,
    },
    /// The store failed.
    #[error("reading failed")]
    Fault(#[from] Fault),
}

/// Why a chunk of a session was not taken. Nothing of it counts.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ChunkError {
    /// The session belongs to another path.
    #[error("the session uploads {actual:?}, not {asked:?}; use a session id of its own for each file")]
    PathConflict {
        /// The path of the session.
        actual: String,
        /// The path of the chunk.
        asked: String,
    },
    /// The session was opened for another total size.
    #[error("the session was opened for {expected} bytes, not {asked}")]
    TotalDiffers {
        /// Size of the session.
        expected: u64,
        /// Size the chunk named.
        asked: u64,
    },
    /// The range is empty, inverted or ends behind the total size.
    #[error("the range {first}-{last} does not lie in {total} bytes")]
    RangeInvalid {
        /// First byte.
        first: u64,
        /// Last byte.
        last: u64,
        /// Size of the whole.
        total: u64,
    },
    /// Bytes of the range are there already; a repeat of the same chunk counts too.
    #[error("bytes {0} overlap bytes that were received already; ask which ranges are missing")]
    RangeOverlaps(ByteRange),
    /// The session has as many ranges as it may have.
    #[error("the session has {limit} ranges, the most it may have; send larger chunks")]
    TooManyRanges {
        /// The limit.
        limit: u64,
    },
    /// The quota has no room for the declared size.
    #[error(
        "the quota of {quota} bytes has {used} used or reserved and no room for {wanted} more; delete something or raise it"
    )]
    OverQuota {
        /// Bytes the account may hold.
        quota: u64,
        /// Bytes it holds or has reserved.
        used: u64,
        /// Bytes that were wanted on top.
        wanted: u64,
    },
    /// A later chunk took over the range while this one was on its way.
    #[error("a later request sends the same bytes; this one was given up")]
    Superseded,
    /// The body was shorter or longer than its range.
    #[error("the range has {expected} bytes, the body {received}")]
    WrongLength {
        /// Bytes of the range.
        expected: u64,
        /// Bytes that came (at least, when there were too many).
        received: u64,
    },
    /// The session was deleted or committed while the chunk was on its way.
    #[error("the session ended while the chunk was on its way")]
    SessionGone,
    /// The store failed.
    #[error("the chunk could not be stored")]
    Fault(#[from] Fault),
}

/// Why a session was not committed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SessionError {
    /// No such session: never begun, deleted, expired, or committed and replaced since.
    #[error("there is no such session; it may have expired")]
    Unknown,
    /// Bytes are missing.
    #[error("{} ranges are missing, the first is {}", missing.len(), missing.first().map_or_else(String::new, ToString::to_string))]
    Incomplete {
        /// What is missing, ascending.
        missing: Vec<ByteRange>,
    },
    /// The store failed.
    #[error("the session could not be committed")]
    Fault(#[from] Fault),
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has the data folder open.
    #[error("the data folder {folder} is in use by another process; stop it first")]
    Locked {
        /// The data folder.
        folder: String,
    },
    /// The folder and its database do not belong together.
    #[error("the data folder {folder} does not belong to its database: {why}; restore both from one backup")]
    Mismatch {
        /// The data folder.
        folder: String,
        /// What does not fit.
        why: String,
    },
    /// The database was written by a later version of this program.
    #[error("the database has schema version {found}, this program knows versions up to {known}; use a newer program")]
    TooNew {
        /// Version found.
        found: i64,
        /// Latest version this program knows.
        known: i64,
    },
    /// A limit makes no sense.
    #[error("the limit {limit} is {value}, {rule}")]
    Limit {
        /// Name of the limit.
        limit: &'static str,
        /// The value given.
        value: u64,
        /// What it must be.
        rule: &'static str,
    },
    /// Anything else.
    #[error("the data folder {folder} could not be opened")]
    Fault {
        /// The data folder.
        folder: String,
        /// What failed.
        #[source]
        source: Fault,
    },
}

/// An error with its causes in one line.
pub(crate) fn sentence_of(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        told = format!("{told}: {cause}");
        source = cause.source();
    }
    told
}
