//! Why an operation did not do what it was asked for, and which status goes with it (D-071 to D-076, D-086).

use std::error::Error;

use pentaprism_core::dialects::azure_sphere::models::PublicApiErrorDetails;
use pentaprism_core::dialects::azure_sphere::{
    get_image_metadata::GetImageMetadataError, get_image_upload_operation::GetImageUploadOperationError,
    get_image_url::GetImageUrlError, get_operation::GetOperationError, image_upload::ImageUploadError,
};
use pentaprism_core::{BodyError, ErrorStatus};
use pentaprism_server::Failure;
use pentaprism_store::{self as store, Fault};
use uuid::Uuid;

use crate::dialects::excerpt::beginning;
use crate::measure::chain;
use crate::notes;

use super::answer::Answer;
use super::package::PackageError;

/// Characters of an id that an answer shows: twice as many as a right one has.
const SHOWN: usize = 72;

/// What an id is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Noun {
    /// A tenant.
    Tenant,
    /// An operation.
    Operation,
    /// An image.
    Image,
}

impl std::fmt::Display for Noun {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Tenant => "tenant",
            Self::Operation => "operation",
            Self::Image => "image",
        })
    }
}

/// Why an operation was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    /// An id of another form.
    #[error(
        "the {noun} id '{}' is not a UUID such as 768c2cd6-1bf0-4521-9f53-084a331d81cb",
        beginning(text, SHOWN).escape_debug()
    )]
    NotUuid {
        /// What it should name.
        noun: Noun,
        /// What the path has.
        text: String,
    },
    /// Unknown, or somebody else's.
    #[error("there is no tenant with the ID '{0}', or you have no right to see it")]
    NoTenant(Uuid),
    /// Unknown in the tenant.
    #[error("there is no {0} with the ID '{1}' in this tenant")]
    Missing(Noun, Uuid),
    /// The body is no package.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The declared length.
    #[error("the package has {size} bytes; a package may have {limit}")]
    DeclaredTooLarge {
        /// Bytes that were declared.
        size: u64,
        /// Bytes that a package may have.
        limit: u64,
    },
    /// A body of unknown length.
    #[error("the package has more bytes than a package may have, {limit}")]
    TooLarge {
        /// Bytes that a package may have.
        limit: u64,
    },
    /// The quota.
    #[error(
        "the images of a tenant may have {quota} bytes together; {used} of them are taken or promised, and {wanted} more do not fit; \
         ask the operator for a larger quota"
    )]
    OverQuota {
        /// Bytes the tenant may store.
        quota: u64,
        /// Bytes that are used or reserved.
        used: u64,
        /// Bytes that were wanted.
        wanted: u64,
    },
    /// The request's body stalled or broke off.
    #[error("the body broke off")]
    Body(#[source] BodyError),
    /// The store failed in a way that clients learn.
    #[error("{text}")]
    Storage {
        /// What they learn.
        text: String,
        /// What happened.
        #[source]
        fault: Fault,
    },
    /// Anything else; nobody outside learns what.
    #[error("an internal fault")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
}

impl Problem {
    /// A fault that has no words of its own.
    pub(super) fn internal(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Internal(Box::new(error))
    }

    /// The problem as a handler of an operation returns it.
    pub(super) fn into_failure<E: Documents>(self) -> Failure<E> {
        notes::refused_by(&self);
        let status = match self {
            Self::NotUuid { .. }
            | Self::Package(_)
            | Self::DeclaredTooLarge { .. }
            | Self::TooLarge { .. }
            | Self::OverQuota { .. } => ErrorStatus::BAD_REQUEST,
            Self::NoTenant(_) | Self::Missing(..) => ErrorStatus::NOT_FOUND,
            Self::Storage { ref fault, .. } => {
                // The client learns what to do; the log gets the cause, escaped.
                tracing::warn!(error = ?chain(fault), "the storage failed");
                ErrorStatus::INTERNAL_SERVER_ERROR
            }
            Self::Body(error) => return Failure::Refused(error.into()),
            Self::Internal(source) => return Failure::Internal(source),
        };
        let (_, body) = Answer::new(status, &self).into_parts();
        Failure::Documented(match status {
            ErrorStatus::BAD_REQUEST => E::bad_request(body),
            ErrorStatus::NOT_FOUND => E::not_found(body),
            _ => E::internal_server_error(body),
        })
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let text = match &fault {
            Fault::DiskFull { .. } => "the storage is full; free some space, or ask the operator for it".to_owned(),
            Fault::ReadOnly(_) => fault.to_string(),
            Fault::Deadline { deadline } => {
                format!("the storage did not answer within {} s; try again later", deadline.as_secs_f64())
            }
            Fault::Busy { .. } => "the server does too much at once; try again later".to_owned(),
            Fault::Closed => "the server is stopping; try again later".to_owned(),
            _ => return Self::internal(fault),
        };
        Self::Storage { text, fault }
    }
}

impl From<store::UploadError> for Problem {
    fn from(error: store::UploadError) -> Self {
        match error {
            store::UploadError::OverQuota { quota, used, wanted } => Self::OverQuota { quota, used, wanted },
            store::UploadError::Fault(fault) => fault.into(),
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
            store::CommitError::Fault(fault) => fault.into(),
            other => Self::internal(other),
        }
    }
}

/// The errors of an operation on something of a tenant.
pub(super) trait Documents {
    /// The 400.
    fn bad_request(body: Vec<PublicApiErrorDetails>) -> Self;
    /// The 404.
    fn not_found(body: Vec<PublicApiErrorDetails>) -> Self;
    /// The 500.
    fn internal_server_error(body: Vec<PublicApiErrorDetails>) -> Self;
}

macro_rules! documents {
    ($($error:ident),* $(,)?) => {
        $(impl Documents for $error {
            fn bad_request(body: Vec<PublicApiErrorDetails>) -> Self {
                Self::BadRequest { body }
            }

            fn not_found(body: Vec<PublicApiErrorDetails>) -> Self {
                Self::NotFound { body }
            }

            fn internal_server_error(body: Vec<PublicApiErrorDetails>) -> Self {
                Self::InternalServerError { body }
            }
        })*
    };
}

documents! {
    GetImageMetadataError, GetImageUploadOperationError, GetImageUrlError, GetOperationError, ImageUploadError,
}
