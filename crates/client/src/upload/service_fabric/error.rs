//! Why an upload to the image store, or a download from it, has no success.

use std::ops::Range;
use std::time::Duration;

use http::StatusCode;
use pentaprism_core::dialects::service_fabric::commit_image_store_upload_session::CommitImageStoreUploadSessionError;
use pentaprism_core::dialects::service_fabric::download::DownloadError;
use pentaprism_core::dialects::service_fabric::get_image_store_content::GetImageStoreContentError;
use pentaprism_core::dialects::service_fabric::get_image_store_upload_session_by_id::GetImageStoreUploadSessionByIdError;
use pentaprism_core::dialects::service_fabric::models::{FabricErrorCode, FabricErrorResponse};
use pentaprism_core::dialects::service_fabric::upload_file::UploadFileError;
use pentaprism_core::dialects::service_fabric::upload_file_chunk::UploadFileChunkError;
use pentaprism_core::{ErrorStatus, Message};
use uuid::Uuid;

use crate::Error;

/// Why a file was not uploaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FabricUploadError {
    /// The file went in one request, which failed.
    #[error("the file could not be sent")]
    Put(#[source] Box<Error<UploadFileError>>),
    /// A chunk failed, for good or as often as the retry policy allows while nothing else arrived either.
    #[error("bytes {} to {} could not be sent{}", .chunk.start, .chunk.end - 1, wish(*.retry_after))]
    Chunk {
        /// Which bytes.
        chunk: Range<u64>,
        /// For how long the service wants to be left alone, if it says so.
        retry_after: Option<Duration>,
        /// The latest failure.
        #[source]
        source: Box<Error<UploadFileChunkError>>,
    },
    /// The service could not be asked what it has.
    #[error("the service could not be asked which bytes it has")]
    Ask(#[source] Box<Error<GetImageStoreUploadSessionByIdError>>),
    /// All bytes are there, and the service does not make a file of them.
    #[error("the service has all bytes, and did not make them a file")]
    Commit(#[source] Box<Error<CommitImageStoreUploadSessionError>>),
    /// The path could not be looked at, before the commit or after it.
    #[error("the path could not be looked at in the store")]
    List(#[source] Box<Error<GetImageStoreContentError>>),
    /// The session that was given belongs to another upload.
    #[error("upload session {session} belongs to {path}, which has {length} bytes; give another one or none")]
    OtherSession {
        /// The session.
        session: Uuid,
        /// The path that it is for.
        path: String,
        /// The size that its file shall have.
        length: u64,
    },
    /// The service forgot what it had, again and again.
    #[error("the service lost what it had been sent {times} times; try again later")]
    SessionLost {
        /// How often.
        times: u32,
    },
    /// The service took everything, and shows nothing at the path.
    #[error("the service shows no file there after it took {length} bytes; try again")]
    NotThere {
        /// How many bytes were sent.
        length: u64,
    },
    /// The service took everything, and its file has another size. Somebody else may have written the path since.
    #[error(
        "the file in the store has {found} bytes instead of the {sent} that were sent; look who else writes it, and try again"
    )]
    OtherSize {
        /// The number of bytes that were sent.
        sent: u64,
        /// The size that the service tells.
        found: u64,
    },
}

impl FabricUploadError {
    /// The status that the service answered, if it was its answer that ended the upload.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Put(error) => error.status(),
            Self::Chunk { source, .. } => source.status(),
            Self::Ask(error) => error.status(),
            Self::Commit(error) => error.status(),
            Self::List(error) => error.status(),
            _ => None,
        }
    }

    /// The code of the service's documented refusal, if that ended the upload.
    #[must_use]
    pub fn code(&self) -> Option<&FabricErrorCode> {
        match self {
            Self::Put(error) => code(error),
            Self::Chunk { source, .. } => code(source),
            Self::Ask(error) => code(error),
            Self::Commit(error) => code(error),
            Self::List(error) => code(error),
            _ => None,
        }
    }
}

fn wish(retry_after: Option<Duration>) -> String {
    let wish = |wait: Duration| format!("; the service wants to be left alone for {} seconds", wait.as_secs());
    retry_after.map(wish).unwrap_or_default()
}

/// Why a file cannot be read back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FabricDownloadError {
    /// The path could not be looked at; it may not exist.
    #[error("the path could not be looked at in the store")]
    List(#[source] Box<Error<GetImageStoreContentError>>),
    /// Nothing has the path.
    #[error("nothing has this path")]
    NotFound,
    /// The path is a folder's.
    #[error("the path is a folder; name one of its files")]
    Folder,
    /// The file is shorter.
    #[error("the file has {size} bytes; it cannot be read from byte {from} on")]
    BeyondEnd {
        /// The file's size.
        size: u64,
        /// From where it was to be read.
        from: u64,
    },
    /// The service has the file, and no way to give it out.
    #[error("this service has no download; Service Fabric's own API offers none")]
    NoDownload,
    /// The service refused, or could not be reached.
    #[error("the file could not be read")]
    Download(#[source] Box<Error<DownloadError>>),
    /// The service sends other bytes than those that were asked for.
    #[error(
        "the service sends bytes {found} instead of those from {from} to the end of {size}; the file may have changed, try again"
    )]
    OtherBytes {
        /// From where it was to be read.
        from: u64,
        /// The size that the file had just before.
        size: u64,
        /// What is sent, in the service's words.
        found: String,
    },
}

impl FabricDownloadError {
    /// The status that the service answered, if it was its answer that ended the download.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::List(error) => error.status(),
            Self::Download(error) => error.status(),
            _ => None,
        }
    }
}

/// A refusal in the one form that all operations of this API share.
pub(super) trait Refusal: Message + std::error::Error + 'static {
    fn answer(&self) -> (ErrorStatus, &FabricErrorResponse);
}

macro_rules! refusals {
    ($($name:ident),* $(,)?) => {
        $(impl Refusal for $name {
            fn answer(&self) -> (ErrorStatus, &FabricErrorResponse) {
                match self {
                    Self::Other(status, answer) => (*status, answer),
                }
            }
        })*
    };
}

refusals!(
    CommitImageStoreUploadSessionError,
    DownloadError,
    GetImageStoreContentError,
    GetImageStoreUploadSessionByIdError,
    UploadFileChunkError,
    UploadFileError,
);

/// The code of a documented refusal.
pub(super) fn code<E: Refusal>(error: &Error<E>) -> Option<&FabricErrorCode> {
    error.refused().map(|refusal| &refusal.answer().1.body.error.code)
}

/// Whether the service says that it does not have the operation. Clusters call that an invalid argument.
pub(super) fn is_unsupported<E: Refusal>(error: &Error<E>) -> bool {
    match error.status() {
        Some(StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED) => true,
        Some(StatusCode::BAD_REQUEST) => code(error) == Some(&FabricErrorCode::EInvalidarg),
        _ => false,
    }
}

/// Whether the service says that there is no such thing. Clusters also say it with 204.
pub(super) fn is_unknown<E: Refusal>(error: &Error<E>) -> bool {
    matches!(error.status(), Some(StatusCode::NOT_FOUND | StatusCode::NO_CONTENT))
}
