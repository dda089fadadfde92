//! Why an operation does not succeed, and which of its documented errors that is (D-112 to D-121, D-125).

use std::error::Error;

use http::request::Parts;
use pentaprism_core::dialects::pingone::models::{P1ErrorDetail, P1ErrorDetailCode, P1ErrorResponse, P1InnerError};
use pentaprism_core::dialects::pingone::{
    create_image::CreateImageError, delete_image::DeleteImageError, read_environment::ReadEnvironmentError,
    read_image::ReadImageError, read_image_file::ReadImageFileError,
};
use pentaprism_core::{BodyError, ErrorStatus};
use pentaprism_server::{Failure, Refusal};
use pentaprism_store::{self as store, Fault};

use crate::measure::chain;
use crate::notes;
use crate::pictures::{HeaderError, PictureError};

use super::answer::{Answer, about_file, detail, number};

/// Why an operation does not succeed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    /// The environment, the image or the file is not there.
    #[error("there is no such resource")]
    NotFound,
    /// The environment is none of the caller's.
    #[error("the caller may not work with the environment")]
    Forbidden,
    /// The body is announced as something that is no picture.
    #[error("the content type says that the body is no picture")]
    ContentType,
    /// The body does not begin as a picture does.
    #[error("the body has no usable picture header")]
    Header(#[from] HeaderError),
    /// The body is larger than a picture may be.
    #[error("a picture may have {limit} bytes")]
    TooLarge {
        /// Bytes that a picture may have.
        limit: u64,
    },
    /// The environment's pictures would exceed their quota.
    #[error("the images of an environment may have {quota} bytes together")]
    OverQuota {
        /// Bytes that they may have.
        quota: u64,
    },
    /// The picture could not be made a PNG.
    #[error("the picture could not be converted")]
    Picture(#[source] PictureError),
    /// The request insists on another picture.
    #[error("the picture is none that If-Match names")]
    OtherFile,
    /// The range begins behind the end.
    #[error("the picture has {size} bytes and none in the range")]
    NoByte {
        /// The size of the whole picture.
        size: u64,
    },
    /// The request's body stalled or broke off.
    #[error("the body broke off")]
    Body(#[source] BodyError),
    /// The request is refused before its picture could be looked at.
    #[error("the request is refused")]
    Refused(#[source] Refusal),
    /// The store failed.
    #[error("the storage failed")]
    Fault(#[from] Fault),
    /// Anything else; nobody outside learns what.
    #[error("an internal fault")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
}

impl Problem {
    /// A fault that has no answer of its own.
    pub(super) fn internal(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Internal(Box::new(error))
    }

    /// The problem as the operation with the errors `E` answers it. Causes go to the log.
    pub(super) fn into_failure<E: Documents>(self, head: &Parts) -> Failure<E> {
        notes::refused_by(&self);
        let answer = match self {
            Self::NotFound => Answer::not_found(),
            Self::Forbidden => Answer::access_failed(ErrorStatus::FORBIDDEN, not_authorized()),
            Self::ContentType => {
                let text = "The body must be the bytes of a png, jpg or gif image.";
                Answer::invalid_request(ErrorStatus::UNSUPPORTED_MEDIA_TYPE, text)
            }
            Self::Header(error) => Answer::invalid_data(no_picture(error)),
            Self::TooLarge { limit } => Answer::invalid_data(too_large("file", limit, "bytes")),
            Self::OverQuota { quota } => Answer::access_failed(ErrorStatus::FORBIDDEN, over_quota(quota)),
            Self::Picture(error) => match unconvertible(error) {
                Ok(detail) => Answer::invalid_data(detail),
                Err(temporary) => return Failure::internal(temporary),
            },
            Self::OtherFile => {
                let text = "The image is none that If-Match names.";
                Answer::invalid_request(ErrorStatus::PRECONDITION_FAILED, text)
            }
            Self::NoByte { .. } => return Failure::internal(Undocumented(ErrorStatus::RANGE_NOT_SATISFIABLE)),
            Self::Body(error) => return Failure::Refused(error.into()),
            Self::Refused(refusal) => return Failure::Refused(refusal),
            Self::Fault(
                fault @ (Fault::DiskFull { .. }
                | Fault::ReadOnly(_)
                | Fault::Deadline { .. }
                | Fault::Busy { .. }
                | Fault::Closed),
            ) => {
                tracing::warn!(error = ?chain(&fault), "the storage failed");
                Answer::unexpected()
            }
            Self::Fault(fault) => return Failure::internal(fault),
            Self::Internal(cause) => return Failure::Internal(cause),
        };
        let status = answer.status;
        match E::of(status, answer.into_payload(head)) {
            Some(documented) => Failure::Documented(documented),
            None => Failure::internal(Undocumented(status)),
        }
    }
}

impl Problem {
    /// The problem as the operation answers it that knows ranges.
    pub(super) fn into_file_failure(self, head: &Parts) -> Failure<ReadImageFileError> {
        let Self::NoByte { size } = self else { return self.into_failure(head) };
        notes::refused_by(&self);
        let text = "The image has no byte in this range.";
        let answer = Answer::invalid_request(ErrorStatus::RANGE_NOT_SATISFIABLE, text);
        let P1ErrorResponse { correlation_id, body } = answer.into_payload(head);
        let content_range = format!("bytes */{size}");
        Failure::Documented(ReadImageFileError::RangeNotSatisfiable { correlation_id, content_range, body })
    }
}

/// A handler answered what its operation does not document: a mistake in this program.
#[derive(Debug, thiserror::Error)]
#[error("a handler answered {0:?}, which its operation does not document")]
struct Undocumented(ErrorStatus);

fn not_authorized() -> P1ErrorDetail {
    let text = "The actor attempting to perform the request is not authorized.";
    detail(P1ErrorDetailCode::InsufficientPermissions, text)
}

/// D-116, D-117.
fn no_picture(error: HeaderError) -> P1ErrorDetail {
    let code = P1ErrorDetailCode::InvalidValue;
    match error {
        HeaderError::Empty => about_file(P1ErrorDetailCode::EmptyValue, "The file must not be empty.", None),
        HeaderError::NotAPicture => {
            let formats = ["png", "jpg", "gif"].map(str::to_owned).into();
            let right = P1InnerError { allowed_values: Some(formats), ..P1InnerError::default() };
            about_file(code, "The file must be a png, jpg or gif image.", Some(right))
        }
        HeaderError::Truncated(_) => about_file(code, "The file ends before the width and height of the image.", None),
        HeaderError::Damaged { .. } => about_file(code, "The header of the image is damaged.", None),
        HeaderError::ZeroSide { .. } => {
            let right = P1InnerError { range_minimum_value: Some(1), ..P1InnerError::default() };
            let text = "The width and height of the image must be at least 1.";
            about_file(P1ErrorDetailCode::OutOfRange, text, Some(right))
        }
    }
}

fn too_large(noun: &str, limit: u64, unit: &str) -> P1ErrorDetail {
    let right = P1InnerError { maximum_value: Some(number(limit)), ..P1InnerError::default() };
    let text = format!("The {noun} must not have more than {limit} {unit}.");
    about_file(P1ErrorDetailCode::SizeLimitExceeded, text, Some(right))
}

fn over_quota(quota: u64) -> P1ErrorDetail {
    let right = P1InnerError { quota_limit: Some(number(quota)), ..P1InnerError::default() };
    let text = format!("The images of the environment must not have more than {quota} bytes together.");
    about_file(P1ErrorDetailCode::LicenseExceeded, text, Some(right))
}

/// What is wrong with a picture that no PNG was made of (D-121); the error itself when it is not the picture's.
fn unconvertible(error: PictureError) -> Result<P1ErrorDetail, PictureError> {
    match error {
        PictureError::NotAPicture(error) => Ok(no_picture(error)),
        PictureError::NotPng { .. } | PictureError::Damaged(_) => {
            Ok(about_file(P1ErrorDetailCode::InvalidValue, "The image cannot be decoded.", None))
        }
        PictureError::TooManyPixels { limit, .. } => Ok(too_large("image", limit, "pixels")),
        PictureError::SideTooLong { limit, .. } => Ok(too_large("longer side of the image", limit.into(), "pixels")),
        PictureError::TooLarge { .. } => {
            let text = "The image needs more memory than there is to convert it; send a smaller one.";
            Ok(about_file(P1ErrorDetailCode::SizeLimitExceeded, text, None))
        }
        PictureError::Busy { .. } | PictureError::Deadline { .. } | PictureError::Stopped => Err(error),
    }
}

impl From<store::UploadError> for Problem {
    fn from(error: store::UploadError) -> Self {
        match error {
            store::UploadError::OverQuota { quota, .. } => Self::OverQuota { quota },
            store::UploadError::Fault(fault) => Self::Fault(fault),
            other => Self::internal(other),
        }
    }
}

impl From<store::CommitError> for Problem {
    fn from(error: store::CommitError) -> Self {
        match error {
            store::CommitError::Refused { refusal: store::Refusal::OverQuota { quota, .. }, .. } => {
                Self::OverQuota { quota }
            }
            store::CommitError::Fault(fault) => Self::Fault(fault),
            other => Self::internal(other),
        }
    }
}

impl From<store::ChangeError> for Problem {
    fn from(error: store::ChangeError) -> Self {
        match error {
            store::ChangeError::Refused { refusal: store::Refusal::Missing(_), .. } => Self::NotFound,
            store::ChangeError::Fault(fault) => Self::Fault(fault),
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

/// The errors that an operation documents for its handler; those with further headers are refused before it.
pub(super) trait Documents: Sized {
    /// The error of this status.
    fn of(status: ErrorStatus, answer: P1ErrorResponse) -> Option<Self>;
}

macro_rules! documents {
    ($($error:ident: $($status:ident $variant:ident),*;)*) => {$(
        impl Documents for $error {
            fn of(status: ErrorStatus, answer: P1ErrorResponse) -> Option<Self> {
                match status {
                    ErrorStatus::NOT_FOUND => Some(Self::NotFound(answer)),
                    $(ErrorStatus::$status => Some(Self::$variant(answer)),)*
                    _ => None,
                }
            }
        }
    )*};
}

documents! {
    CreateImageError: BAD_REQUEST BadRequest, FORBIDDEN Forbidden, UNSUPPORTED_MEDIA_TYPE UnsupportedMediaType,
        INTERNAL_SERVER_ERROR InternalServerError;
    ReadImageError: FORBIDDEN Forbidden, INTERNAL_SERVER_ERROR InternalServerError;
    DeleteImageError: FORBIDDEN Forbidden, INTERNAL_SERVER_ERROR InternalServerError;
    ReadEnvironmentError: FORBIDDEN Forbidden;
    ReadImageFileError: PRECONDITION_FAILED PreconditionFailed, INTERNAL_SERVER_ERROR InternalServerError;
}
