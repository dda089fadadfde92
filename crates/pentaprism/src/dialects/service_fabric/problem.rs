//! Why an operation did not do what it was asked for, and which status and code of the original goes with it (D-042, D-043).

use std::error::Error;

use pentaprism_core::dialects::service_fabric::{
    commit_image_store_upload_session::CommitImageStoreUploadSessionError,
    copy_image_store_content::CopyImageStoreContentError, delete_image_store_content::DeleteImageStoreContentError,
    delete_image_store_upload_session::DeleteImageStoreUploadSessionError, download::DownloadError,
    get_cluster_version::GetClusterVersionError, get_image_store_content::GetImageStoreContentError,
    get_image_store_root_content::GetImageStoreRootContentError,
    get_image_store_upload_session_by_id::GetImageStoreUploadSessionByIdError,
    get_image_store_upload_session_by_path::GetImageStoreUploadSessionByPathError, models::FabricErrorCode,
    models::FabricErrorResponse, upload_file::UploadFileError, upload_file_chunk::UploadFileChunkError,
};
use pentaprism_core::{BodyError, ErrorStatus};
use pentaprism_server::Failure;
use pentaprism_store::{self as store, ChunkError, Fault};
use uuid::Uuid;

use crate::measure::chain;
use crate::notes;

use super::answer::Answer;
use super::content_path::{ContentPath, PathError};
use super::deadline::TimedOut;
use super::parameters::{ApiVersionError, ContentRangeError, SessionIdError};

/// Why an operation was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    /// `api-version`.
    #[error(transparent)]
    ApiVersion(#[from] ApiVersionError),
    /// The content path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A path of a copy.
    #[error("in {member} {problem}")]
    CopyPath {
        /// Which of the two.
        member: &'static str,
        /// What is wrong with it.
        problem: PathError,
    },
    /// `Content-Range`.
    #[error(transparent)]
    ContentRange(#[from] ContentRangeError),
    /// `session-id`, where a session is used.
    #[error(transparent)]
    SessionToUse(SessionIdError),
    /// `session-id`, where a session ends: the original has another code there.
    #[error(transparent)]
    SessionToEnd(SessionIdError),
    /// A delete of a tree that belongs to the cluster.
    #[error("the tree {0} belongs to the cluster and cannot be deleted as a whole; delete what lies in it")]
    Reserved(ContentPath),
    /// Source and destination of a copy.
    #[error("the source {from} and the destination {to} overlap; copy to a place outside")]
    Overlap {
        /// The source.
        from: ContentPath,
        /// The destination.
        to: ContentPath,
    },
    /// Neither file nor folder.
    #[error("nothing has the path {0}; list the folder above to see what is there")]
    NothingThere(ContentPath),
    /// The source of a copy is empty text.
    #[error("in RemoteSource the path is empty; name a file or folder")]
    SourceEmpty,
    /// A download of a folder.
    #[error("the path {0} is a folder; list it, and read its files one by one")]
    IsFolder(ContentPath),
    /// A download that insists on other bytes.
    #[error("the file {0} does not have the bytes that If-Match names; read it without, or upload it again")]
    OtherBytes(ContentPath),
    /// A range that begins behind the end.
    #[error("the range begins behind the end of the file, which has {size} bytes; ask for one below")]
    RangeNotSatisfiable {
        /// Size of the file.
        size: u64,
    },
    /// No session has the id.
    #[error(
        "no upload session has the id {0}; it was never opened, was deleted, or expired 30 minutes after its last piece"
    )]
    SessionUnknown(Uuid),
    /// A commit of a session that is unknown, expired, or whose file is gone again.
    #[error(
        "no upload session with the id {0} can be committed; it is unknown or expired, or its file was deleted or replaced since"
    )]
    NothingToCommit(Uuid),
    /// A commit before all bytes came.
    #[error("the upload session {id} misses {missing} bytes, the first at position {first}; send them, then commit")]
    Incomplete {
        /// The session.
        id: Uuid,
        /// How many bytes are missing.
        missing: u64,
        /// The first missing position.
        first: u64,
    },
    /// A chunk whose body is not as long as its range. Of one that is too long not all was read.
    #[error(
        "the body does not fit Content-Range: {received} bytes came and {expected} are announced; send exactly as many"
    )]
    WrongLength {
        /// Bytes of the range.
        expected: u64,
        /// Bytes that came, or were announced.
        received: u64,
    },
    /// A chunk of a file of another length.
    #[error(
        "the upload session is for a file of {expected} bytes, not {asked}; use a session id of its own for each file"
    )]
    TotalDiffers {
        /// Length of the session's file.
        expected: u64,
        /// Length that the chunk names.
        asked: u64,
    },
    /// A chunk that was not taken for another reason.
    #[error(transparent)]
    Chunk(ChunkError),
    /// `CheckMarkFile` and no mark file.
    #[error("the folder {0} has no mark file `_.dir`; upload one last, or send CheckMarkFile false")]
    MarkMissing(ContentPath),
    /// The quota.
    #[error(
        "the quota of {quota} bytes has {used} used or reserved and no room for {wanted} more; delete something or raise it"
    )]
    OverQuota {
        /// Bytes the store may hold.
        quota: u64,
        /// Bytes that are used or reserved.
        used: u64,
        /// Bytes that were wanted.
        wanted: u64,
    },
    /// The request's body stalled or broke off.
    #[error("the body broke off")]
    Body(#[source] BodyError),
    /// The request's `timeout`.
    #[error(transparent)]
    TimedOut(#[from] TimedOut),
    /// The store failed.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Anything else; nobody outside learns what.
    #[error("an internal fault")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
}

impl Problem {
    /// A fault that has no code of its own.
    pub(super) fn internal(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Internal(Box::new(error))
    }

    /// What the client learns; absent for a fault that stays in the log.
    pub(super) fn answer(&self) -> Option<Answer> {
        self.code().map(|(status, code)| Answer::new(status, code, self))
    }

    /// The problem as a handler of an operation returns it.
    pub(super) fn into_failure<E: DocumentsOther>(self) -> Failure<E> {
        notes::refused_by(&self);
        if let Some(answer) = self.answer() {
            if let Self::Fault(fault) = &self {
                // The client learns what to do; the log gets the cause, escaped.
                tracing::warn!(error = ?chain(fault), "the storage failed");
            }
            let (status, payload) = answer.into_parts();
            return Failure::Documented(E::other(status, payload));
        }
        match self {
            Self::Body(error) => Failure::Refused(error.into()),
            Self::Internal(source) => Failure::Internal(source),
            other => Failure::Internal(Box::new(other)),
        }
    }

    fn code(&self) -> Option<(ErrorStatus, FabricErrorCode)> {
        use FabricErrorCode as Code;
        Some(match self {
            Self::ApiVersion(_)
            | Self::SessionToEnd(_)
            | Self::Overlap { .. }
            | Self::NothingToCommit(_)
            | Self::WrongLength { .. }
            | Self::TotalDiffers { .. }
            | Self::Incomplete { .. } => (ErrorStatus::BAD_REQUEST, Code::EInvalidarg),
            Self::Path(problem) | Self::CopyPath { problem, .. } => (ErrorStatus::BAD_REQUEST, path_code(problem)),
            Self::ContentRange(_) => (ErrorStatus::BAD_REQUEST, Code::FabricEUploadSessionRangeNotSatisfiable),
            Self::SessionToUse(_) => (ErrorStatus::BAD_REQUEST, Code::FabricEInvalidUploadSessionId),
            Self::Reserved(_) => (ErrorStatus::BAD_REQUEST, Code::FabricEImagebuilderReservedDirectoryError),
            Self::NothingThere(_) | Self::SourceEmpty | Self::MarkMissing(_) | Self::IsFolder(_) => {
                (ErrorStatus::NOT_FOUND, Code::FabricEFileNotFound)
            }
            Self::SessionUnknown(_) => (ErrorStatus::NOT_FOUND, Code::NotFound),
            Self::OtherBytes(_) => (ErrorStatus::PRECONDITION_FAILED, Code::EInvalidarg),
            Self::RangeNotSatisfiable { .. } => (ErrorStatus::RANGE_NOT_SATISFIABLE, Code::EInvalidarg),
            Self::OverQuota { .. } => (ErrorStatus::PAYLOAD_TOO_LARGE, Code::FabricEValueTooLarge),
            Self::TimedOut(_) => (ErrorStatus::GATEWAY_TIMEOUT, Code::FabricETimeout),
            Self::Chunk(error) => return chunk_code(error),
            Self::Fault(fault) => return fault_code(fault),
            Self::Body(_) | Self::Internal(_) => return None,
        })
    }
}

/// D-047.
fn path_code(problem: &PathError) -> FabricErrorCode {
    match problem {
        PathError::Empty | PathError::DotSegment(_) | PathError::Nul(_) => FabricErrorCode::EInvalidarg,
        PathError::TooLong(_) | PathError::TooDeep(_) => FabricErrorCode::FabricEPathTooLong,
    }
}

/// D-049, in the order of the table of the original.
fn chunk_code(error: &ChunkError) -> Option<(ErrorStatus, FabricErrorCode)> {
    use FabricErrorCode as Code;
    Some(match error {
        ChunkError::PathConflict { .. } => (ErrorStatus::CONFLICT, Code::FabricEUploadSessionIdConflict),
        ChunkError::RangeInvalid { .. } | ChunkError::RangeOverlaps(_) | ChunkError::TooManyRanges { .. } => {
            (ErrorStatus::BAD_REQUEST, Code::FabricEUploadSessionRangeNotSatisfiable)
        }
        ChunkError::Superseded => (ErrorStatus::CONFLICT, Code::FabricEWriteConflict),
        ChunkError::SessionGone => (ErrorStatus::NOT_FOUND, Code::NotFound),
        _ => return None,
    })
}

/// D-054 and D-043: what the storage cannot take is the client's business, what it cannot do is not.
fn fault_code(fault: &Fault) -> Option<(ErrorStatus, FabricErrorCode)> {
    use FabricErrorCode as Code;
    match fault {
        Fault::DiskFull { .. } => Some((ErrorStatus::PAYLOAD_TOO_LARGE, Code::FabricEValueTooLarge)),
        Fault::ReadOnly(_) => Some((ErrorStatus::INTERNAL_SERVER_ERROR, Code::FabricEImagestoreIoerror)),
        Fault::Deadline { .. } | Fault::Busy { .. } | Fault::Closed => {
            Some((ErrorStatus::SERVICE_UNAVAILABLE, Code::FabricENotReady))
        }
        _ => None,
    }
}

impl From<store::UploadError> for Problem {
    fn from(error: store::UploadError) -> Self {
        match error {
            store::UploadError::OverQuota { quota, used, wanted } => Self::OverQuota { quota, used, wanted },
            store::UploadError::Fault(fault) => Self::Fault(fault),
            other => Self::internal(other),
        }
    }
}

impl From<store::CommitError> for Problem {
    fn from(error: store::CommitError) -> Self {
        match error {
            store::CommitError::Refused { refusal: store::Refusal::OverQuota { quota, used, wanted }, .. } => {
                Self::OverQuota { quota, used, wanted }
            }
            store::CommitError::Fault(fault) => Self::Fault(fault),
            other => Self::internal(other),
        }
    }
}

impl From<store::ChangeError> for Problem {
    fn from(error: store::ChangeError) -> Self {
        match error {
            store::ChangeError::Fault(fault) => Self::Fault(fault),
            refused @ store::ChangeError::Refused { .. } => Self::internal(refused),
        }
    }
}

impl From<ChunkError> for Problem {
    fn from(error: ChunkError) -> Self {
        match error {
            ChunkError::Fault(fault) => Self::Fault(fault),
            ChunkError::OverQuota { quota, used, wanted } => Self::OverQuota { quota, used, wanted },
            ChunkError::WrongLength { expected, received } => Self::WrongLength { expected, received },
            ChunkError::TotalDiffers { expected, asked } => Self::TotalDiffers { expected, asked },
            other => Self::Chunk(other),
        }
    }
}

/// The error of an operation, all of whose refusals stand under `default`.
pub(super) trait DocumentsOther {
    /// The error with a status.
    fn other(status: ErrorStatus, payload: FabricErrorResponse) -> Self;
}

macro_rules! documents_other {
    ($($error:ident),* $(,)?) => {
        $(impl DocumentsOther for $error {
            fn other(status: ErrorStatus, payload: FabricErrorResponse) -> Self {
                Self::Other(status, payload)
            }
        })*
    };
}

documents_other! {
    CommitImageStoreUploadSessionError, CopyImageStoreContentError, DeleteImageStoreContentError,
    DeleteImageStoreUploadSessionError, DownloadError, GetClusterVersionError, GetImageStoreContentError,
    GetImageStoreRootContentError, GetImageStoreUploadSessionByIdError, GetImageStoreUploadSessionByPathError,
    UploadFileError, UploadFileChunkError,
}
