//! Why an operation does not succeed, and which of its documented errors that is.

use std::error::Error;

use http::StatusCode;
use pentaprism_core::dialects::saved_views::models::ErrorResponse;
use pentaprism_core::dialects::saved_views::{
    create_saved_view::CreateSavedViewError, delete_saved_view::DeleteSavedViewError,
    get_all_saved_views::GetAllSavedViewsError, get_image::GetImageError, get_saved_view::GetSavedViewError,
    update_image::UpdateImageError,
};
use pentaprism_server::Failure;
use pentaprism_store::{self as store, Fault};

use super::answer::{self, Answer};
use crate::dialects::outage;
use crate::measure::chain;
use crate::notes;

/// Why an operation does not succeed.
#[derive(Debug)]
pub(super) enum Problem {
    /// Something that the operation documents.
    Refused(Answer),
    /// The store failed.
    Fault(Fault),
    /// Pictures would exceed their quota (D-100).
    OverQuota(u64),
    /// Another change of the view came between look and change; made anew, this one may succeed.
    Outdated(store::Refusal),
    /// Something broke; the cause goes to the log.
    Internal(Box<dyn Error + Send + Sync>),
}

impl Problem {
    /// A fault that has no answer of its own.
    pub(super) fn internal(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Internal(Box::new(error))
    }

    /// The problem as the operation with the errors `E` answers it.
    pub(super) fn into_failure<E: Documents>(self) -> Failure<E> {
        let answer = match self {
            Self::Refused(answer) => {
                notes::refused(&answer.reason());
                answer
            }
            Self::OverQuota(limit) => {
                notes::refused(&format!("the quota of {limit} bytes is exceeded"));
                answer::too_large(format!("The image exceeds the {limit} bytes that all images may have together."))
            }
            Self::Fault(fault) => {
                // The client learns what to do; the log gets the cause, escaped.
                tracing::warn!(error = ?chain(&fault), "the storage failed");
                notes::refused_by(&fault);
                match fault {
                    Fault::DiskFull { .. } if E::TAKES_IMAGES => {
                        answer::too_large("There is no space left for the image.")
                    }
                    fault => Answer::internal(outage::sentence(&fault)),
                }
            }
            Self::Outdated(refusal) => return Failure::internal(refusal),
            Self::Internal(cause) => return Failure::Internal(cause),
        };
        let status = answer.status;
        match E::of(status, answer.into_body()) {
            Some(documented) => Failure::Documented(documented),
            None => Failure::internal(Undocumented(status)),
        }
    }
}

/// A handler answered what its operation does not document: a mistake in this program.
#[derive(Debug, thiserror::Error)]
#[error("a handler answered {0}, which its operation does not document")]
struct Undocumented(StatusCode);

impl From<Answer> for Problem {
    fn from(answer: Answer) -> Self {
        Self::Refused(answer)
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<store::UploadError> for Problem {
    fn from(error: store::UploadError) -> Self {
        match error {
            store::UploadError::OverQuota { quota, .. } => Self::OverQuota(quota),
            store::UploadError::Fault(fault) => Self::Fault(fault),
            other => Self::internal(other),
        }
    }
}

impl From<store::CommitError> for Problem {
    fn from(error: store::CommitError) -> Self {
        match error {
            store::CommitError::Refused { refusal: store::Refusal::OverQuota { quota, .. }, .. } => {
                Self::OverQuota(quota)
            }
            store::CommitError::Refused { refusal, .. } if is_outdated(&refusal) => Self::Outdated(refusal),
            store::CommitError::Fault(fault) => Self::Fault(fault),
            other => Self::internal(other),
        }
    }
}

impl From<store::ChangeError> for Problem {
    fn from(error: store::ChangeError) -> Self {
        match error {
            store::ChangeError::Fault(fault) => Self::Fault(fault),
            store::ChangeError::Refused { refusal, .. } if is_outdated(&refusal) => Self::Outdated(refusal),
            refused @ store::ChangeError::Refused { .. } => Self::internal(refused),
        }
    }
}

impl From<store::ReadError> for Problem {
    fn from(error: store::ReadError) -> Self {
        match error {
            store::ReadError::Fault(fault) => Self::Fault(fault),
            other => Self::internal(other),
        }
    }
}

/// Whether a change was refused for what became of its view after the look at it.
const fn is_outdated(refusal: &store::Refusal) -> bool {
    matches!(refusal, store::Refusal::VersionChanged { .. } | store::Refusal::Missing(_))
}

/// The errors that an operation documents for its handler; those with headers are refused before it.
pub(super) trait Documents: Sized {
    /// Whether the operation stores bytes of pictures, so that a full disk is the client's affair too.
    const TAKES_IMAGES: bool;

    /// The error of this status.
    fn of(status: StatusCode, body: ErrorResponse) -> Option<Self>;
}

macro_rules! documents {
    ($($error:ident: $takes_images:literal, $($status:ident $variant:ident),*;)*) => {$(
        impl Documents for $error {
            const TAKES_IMAGES: bool = $takes_images;

            fn of(status: StatusCode, body: ErrorResponse) -> Option<Self> {
                match status {
                    $(StatusCode::$status => Some(Self::$variant { body }),)*
                    StatusCode::INTERNAL_SERVER_ERROR => Some(Self::InternalServerError { body }),
                    _ => None,
                }
            }
        }
    )*};
}

documents! {
    UpdateImageError: true, FORBIDDEN Forbidden, NOT_FOUND NotFound, PAYLOAD_TOO_LARGE ContentTooLarge,
        UNPROCESSABLE_ENTITY UnprocessableContent;
    GetImageError: false, NOT_FOUND NotFound, UNPROCESSABLE_ENTITY UnprocessableContent;
    CreateSavedViewError: false, NOT_FOUND NotFound, PAYLOAD_TOO_LARGE ContentTooLarge,
        UNPROCESSABLE_ENTITY UnprocessableContent;
    GetAllSavedViewsError: false, NOT_FOUND NotFound, UNPROCESSABLE_ENTITY UnprocessableContent;
    GetSavedViewError: false, NOT_FOUND NotFound;
    DeleteSavedViewError: false, FORBIDDEN Forbidden, NOT_FOUND NotFound;
}
