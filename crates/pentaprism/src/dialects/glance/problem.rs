//! Why an operation does not succeed, and which status of its own an operation has for that.

use std::error::Error;

use http::request::Parts;
use pentaprism_core::ErrorStatus;
use pentaprism_core::dialects::glance::models::FaultResponse;
use pentaprism_core::dialects::glance::{
    create_image::CreateImageError, create_image_member::CreateImageMemberError, delete_image::DeleteImageError,
    delete_image_member::DeleteImageMemberError, download_image_data::DownloadImageDataError,
    list_image_members::ListImageMembersError, list_images::ListImagesError, show_image::ShowImageError,
    show_image_member::ShowImageMemberError, update_image_member::UpdateImageMemberError,
    upload_image_data::UploadImageDataError,
};
use pentaprism_server::{Failure, Refusal};
use pentaprism_store as store;

use super::faults::Fault;
use crate::notes;

/// What is said when something broke that no document has a word for (D-004).
pub(super) const INTERNAL: &str = "The server has either erred or is incapable of performing the requested operation.";
/// What is said when the storage does not answer (D-019).
pub(super) const UNAVAILABLE: &str = "The server is currently unavailable. Please try again at a later time.";
const NOT_WRITABLE: &str = "Insufficient permissions on image storage media: it cannot be written at the moment. Please try again at a later time.";
const FULL: &str = "Image storage media is full. Delete images or ask the operator for space, then try again.";

/// Why an operation does not succeed.
#[derive(Debug)]
pub(super) enum Problem {
    /// Something that the operation documents.
    Fault(Fault),
    /// Something that every operation refuses alike.
    Refused(Refusal),
    /// Something broke; the cause goes to the log.
    Internal(Box<dyn Error + Send + Sync>),
}

impl Problem {
    /// A documented problem.
    pub(super) fn new(status: ErrorStatus, explanation: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Self::Fault(Fault::new(status, explanation))
    }

    /// The problem as the operation with the errors `E` answers it.
    pub(super) fn into_failure<E: Documents>(self, head: &Parts) -> Failure<E> {
        match self {
            Self::Fault(fault) => {
                notes::refused(&format!("{} {}", fault.explanation, fault.detail).trim_end());
                match E::of(fault.status, fault.response(head)) {
                    Some(documented) => Failure::Documented(documented),
                    None => Failure::internal(Undocumented(fault.status)),
                }
            }
            Self::Refused(refusal) => Failure::Refused(refusal),
            Self::Internal(cause) => Failure::Internal(cause),
        }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// `?` on any error is an internal fault, until it is mapped on purpose.
impl<S: Error + Send + Sync + 'static> From<S> for Problem {
    fn from(cause: S) -> Self {
        Self::Internal(Box::new(cause))
    }
}

/// A handler chose a status that its operation does not document: a mistake of ours.
#[derive(Debug, thiserror::Error)]
#[error("the operation documents no status {}", .0.get())]
struct Undocumented(ErrorStatus);

/// The errors of an operation, chosen by status.
pub(super) trait Documents: Sized {
    /// The error of this status, when the operation documents it.
    fn of(status: ErrorStatus, response: FaultResponse) -> Option<Self>;
}

macro_rules! documents {
    ($($error:ident: $($status:ident $variant:ident),*;)*) => {$(
        impl Documents for $error {
            fn of(status: ErrorStatus, response: FaultResponse) -> Option<Self> {
                match status {
                    $(ErrorStatus::$status => Some(Self::$variant(response)),)*
                    ErrorStatus::INTERNAL_SERVER_ERROR => Some(Self::InternalServerError(response)),
                    ErrorStatus::SERVICE_UNAVAILABLE => Some(Self::ServiceUnavailable(response)),
                    _ => None,
                }
            }
        }
    )*};
}

documents! {
    CreateImageError: BAD_REQUEST BadRequest, FORBIDDEN Forbidden, CONFLICT Conflict, PAYLOAD_TOO_LARGE ContentTooLarge;
    ListImagesError: BAD_REQUEST BadRequest;
    ShowImageError: NOT_FOUND NotFound;
    DeleteImageError: FORBIDDEN Forbidden, NOT_FOUND NotFound;
    UploadImageDataError: BAD_REQUEST BadRequest, FORBIDDEN Forbidden, NOT_FOUND NotFound, CONFLICT Conflict, GONE Gone,
        PAYLOAD_TOO_LARGE ContentTooLarge, UNSUPPORTED_MEDIA_TYPE UnsupportedMediaType;
    DownloadImageDataError: BAD_REQUEST BadRequest, NOT_FOUND NotFound, PRECONDITION_FAILED PreconditionFailed,
        RANGE_NOT_SATISFIABLE RangeNotSatisfiable;
    ListImageMembersError: FORBIDDEN Forbidden, NOT_FOUND NotFound;
    CreateImageMemberError: BAD_REQUEST BadRequest, FORBIDDEN Forbidden, NOT_FOUND NotFound, CONFLICT Conflict,
        PAYLOAD_TOO_LARGE ContentTooLarge;
    ShowImageMemberError: NOT_FOUND NotFound;
    UpdateImageMemberError: BAD_REQUEST BadRequest, FORBIDDEN Forbidden, NOT_FOUND NotFound,
        PAYLOAD_TOO_LARGE ContentTooLarge;
    DeleteImageMemberError: FORBIDDEN Forbidden, NOT_FOUND NotFound;
}

/// What a fault of the store means where records are read or changed.
pub(super) fn of_records(fault: store::Fault) -> Problem {
    let text = match fault {
        store::Fault::Deadline { .. } | store::Fault::Busy { .. } | store::Fault::Closed => UNAVAILABLE,
        store::Fault::ReadOnly(_) | store::Fault::DiskFull { .. } => NOT_WRITABLE,
        _ => return fault.into(),
    };
    tracing::warn!(cause = ?fault.to_string(), "the store does not take or give a record");
    Problem::new(ErrorStatus::SERVICE_UNAVAILABLE, text)
}

/// What a fault of the store means where bytes of images are written: a full disk is the client's affair too (D-018).
pub(super) fn of_bytes(fault: store::Fault) -> Problem {
    match fault {
        store::Fault::DiskFull { .. } => {
            tracing::warn!(cause = ?fault.to_string(), "the store has no room for an image");
            Problem::new(ErrorStatus::PAYLOAD_TOO_LARGE, FULL)
        }
        other => of_records(other),
    }
}
