//! What the store keeps: images, operations, and in which order operations wait and are forgotten.
//!
//! An image is a name of the scope `images/<tenant>`; an upload that is not done yet is only an operation, which holds the bytes
//! meanwhile. Beside each operation stands one name without content: while it is not done, in the scope `waiting` under the moment of
//! its creation, later in `ended` under that of its end. Lists of those are in the order in which the worker needs them.

use pentaprism_core::Timestamp;
use pentaprism_core::dialects::azure_sphere::DIALECT;
use pentaprism_core::dialects::azure_sphere::models::{
    ErrorResponse, ErrorResponseCode, ImageMetadata, ImageType, Operation, OperationState, OperationType,
};
use pentaprism_store as store;
use pentaprism_store::{Account, Name, NameKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::package::Package;

/// The scope of all operations.
const OPERATIONS: &str = "operations";
/// The scope of what stands for operations that are not done.
pub(super) const WAITING: &str = "waiting";
/// The scope of what stands for operations that are.
pub(super) const ENDED: &str = "ended";

/// An operation that nobody began with.
pub(super) const NOT_STARTED: &str = "not-started";
/// An operation that somebody began with.
pub(super) const IN_PROGRESS: &str = "in-progress";
/// An operation that made its image; also the status of that image.
pub(super) const COMPLETE: &str = "complete";
/// An operation that made no image.
pub(super) const FAILED: &str = "failed";

/// What is kept of a package, and of the image that it becomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct About {
    /// The id of the image.
    pub(super) image: Uuid,
    /// What the image is a build of.
    pub(super) component: Uuid,
    /// The number of its type.
    pub(super) kind: i64,
    /// Its name.
    pub(super) name: String,
}

impl From<Package> for About {
    fn from(package: Package) -> Self {
        let Package { image, component, kind, name } = package;
        Self { image, component, kind: kind.number(), name }
    }
}

/// What the store keeps of an operation besides status and bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OperationRecord {
    /// Which package was uploaded.
    pub(super) about: About,
    /// When, in microseconds since 1970.
    pub(super) created: i64,
    /// When work on it began.
    pub(super) started: Option<i64>,
    /// When it ended.
    pub(super) ended: Option<i64>,
    /// Why it failed.
    pub(super) failure: Option<FailureRecord>,
}

/// Why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FailureRecord {
    /// For programs.
    code: i64,
    /// For people.
    message: String,
}

impl FailureRecord {
    /// The id was taken (D-079).
    pub(super) fn taken(image: Uuid) -> Self {
        let message = format!("An image with the same ID ('{image}') already exists.");
        Self { code: ErrorResponseCode::Conflict.number(), message }
    }

    /// What people are told.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// The store failed for too long (D-080).
    pub(super) fn broken() -> Self {
        let message = "The image could not be stored. Upload the package again.".to_owned();
        Self { code: ErrorResponseCode::InternalServerError.number(), message }
    }
}

/// Which operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct OperationKey {
    /// Whose it is.
    pub(super) tenant: Uuid,
    /// Its id.
    pub(super) id: Uuid,
}

impl OperationKey {
    /// The operation's own name.
    pub(super) fn name(self) -> NameKey {
        NameKey::new(DIALECT, OPERATIONS, format!("{}/{}", self.tenant, self.id))
    }

    /// The name that stands for it in a list of a scope, at a moment in microseconds since 1970.
    pub(super) fn listed(self, scope: &str, moment: i64) -> NameKey {
        NameKey::new(DIALECT, scope, format!("{:020}/{}/{}", moment.max(0), self.tenant, self.id))
    }

    /// The operation that a name of a list stands for, with the moment.
    pub(super) fn of_listed(key: &str) -> Option<(Self, i64)> {
        let (moment, own) = key.split_once('/')?;
        let (tenant, id) = own.split_once('/')?;
        Some((Self { tenant: tenant.parse().ok()?, id: id.parse().ok()? }, moment.parse().ok()?))
    }

    /// The operation as clients see it, who reach this server under `base_path` (D-081).
    pub(super) fn show(self, base_path: &str, status: &str, record: &OperationRecord) -> Operation {
        let Self { tenant, id } = self;
        let state = match status {
            NOT_STARTED => OperationState::NotStarted,
            IN_PROGRESS => OperationState::InProgress,
            COMPLETE => OperationState::Complete,
            _ => OperationState::Failed,
        };
        let error = |failure: &FailureRecord| ErrorResponse {
            code: ErrorResponseCode::from(failure.code),
            message: failure.message.clone(),
        };
        let image = format!("{base_path}/v2/tenants/{tenant}/images/{}", record.about.image);
        Operation {
            completed_date_utc: record.ended.map(date),
            created_date_utc: date(record.created),
            details_location: format!("{base_path}/v2/tenants/{tenant}/operationTypes/imageUpload/operations/{id}"),
            error: record.failure.as_ref().map(error),
            operation_id: id,
            operation_type: OperationType::ImageUpload,
            resource_location: (state != OperationState::Failed).then_some(image),
            started_date_utc: record.started.map(date),
            state,
            tenant_id: tenant,
        }
    }
}

fn date(micros: i64) -> Timestamp {
    Timestamp::from_milliseconds(micros.div_euclid(1000))
}

/// What the store keeps of an image besides its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ImageRecord {
    /// What the package says.
    pub(super) about: About,
    /// The secret of the public link to the bytes.
    pub(super) link: String,
}

impl ImageRecord {
    /// The image as clients see it.
    pub(super) fn show(self) -> ImageMetadata {
        let About { image, component, kind, name } = self.about;
        let kind = ImageType::from(kind);
        ImageMetadata { id: image, name, component_id: component, description: None, image_type: kind, type_: kind }
    }
}

/// The name of an image.
pub(super) fn image_name(tenant: Uuid, image: Uuid) -> NameKey {
    NameKey::new(DIALECT, images(tenant), image.to_string())
}

/// What the bytes of a tenant's images, and of its operations under way, count for.
pub(super) fn account(tenant: Uuid, quota: Option<u64>) -> Account {
    Account::new(DIALECT, images(tenant)).with_quota(quota)
}

fn images(tenant: Uuid) -> String {
    format!("images/{tenant}")
}

/// What the attributes of a name say.
///
/// # Errors
/// [`store::Fault::Corrupt`]: nobody else writes them.
pub(super) fn read<T: DeserializeOwned>(name: &Name) -> Result<T, store::Fault> {
    let damaged =
        |error| store::Fault::Corrupt { what: format!("the attributes of {} are no record: {error}", name.key) };
    T::deserialize(&name.attributes).map_err(damaged)
}

/// A record as attributes.
pub(super) fn write<T: Serialize>(record: &T) -> serde_json::Value {
    serde_json::to_value(record).expect("a record has text for keys and no serializer that fails")
}
