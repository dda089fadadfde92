//! Why the bytes behind a link are not handed out.

use pentaprism_core::dialects::public::get_public_file::GetPublicFileError;
use pentaprism_core::dialects::public::models::RefusedResponse;
use pentaprism_server::Failure;
use pentaprism_store::{Fault, ReadError};

use crate::dialects::outage;
use crate::measure::chain;
use crate::notes;

/// A link that leads nowhere, whatever the reason (D-132).
pub(super) const NOTHING: &str = "There is no such file.";

const OTHER_FILE: &str = "The file is none that If-Match names.";

const NO_BYTE: &str = "The file has no byte in this range.";

/// Why nothing is handed out.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    /// The token is unknown, or its link ends otherwise.
    #[error("the link leads nowhere")]
    Nothing,
    /// The request insists on another file.
    #[error("the file is none that If-Match names")]
    OtherFile,
    /// The range begins behind the end.
    #[error("the file has {size} bytes and none in the range")]
    NoByte {
        /// The size of the whole file.
        size: u64,
    },
    /// The store failed.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The row of the link cannot be read.
    #[error("a link is not as this program writes it")]
    Row(#[from] serde_json::Error),
    /// The bytes cannot be read.
    #[error(transparent)]
    Unreadable(ReadError),
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Fault(fault) => Self::Fault(fault),
            other => Self::Unreadable(other),
        }
    }
}

impl Problem {
    /// The problem as the operation answers it. Causes go to the log.
    pub(super) fn into_failure(self) -> Failure<GetPublicFileError> {
        notes::refused_by(&self);
        let refused = |text: &str| RefusedResponse { body: text.to_owned() };
        Failure::Documented(match &self {
            Self::Nothing => GetPublicFileError::NotFound(refused(NOTHING)),
            Self::OtherFile => GetPublicFileError::PreconditionFailed(refused(OTHER_FILE)),
            Self::NoByte { size } => GetPublicFileError::RangeNotSatisfiable {
                content_range: format!("bytes */{size}"),
                body: NO_BYTE.to_owned(),
            },
            Self::Fault(fault) => {
                tracing::warn!(error = ?chain(fault), "the storage failed");
                GetPublicFileError::InternalServerError(refused(outage::sentence(fault)))
            }
            Self::Row(_) | Self::Unreadable(_) => return Failure::internal(self),
        })
    }
}
