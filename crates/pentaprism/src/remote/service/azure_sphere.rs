//! Images of Azure Sphere: `sphere:IMAGE_ID`. Where an image is looked for, the id of an upload's operation is understood, too.

use std::time::Duration;

use http::StatusCode;
use pentaprism_client::Transport;
use pentaprism_client::dialects::azure_sphere::AzureSphereClient;
use pentaprism_client::upload::Polling;
use pentaprism_client::upload::azure_sphere::{PackageDownloadError, PackageUploadError, TenantChoiceError};
use pentaprism_core::dialects::azure_sphere::get_image_metadata::GetImageMetadata;
use pentaprism_core::dialects::azure_sphere::get_operation::GetOperation;
use pentaprism_core::dialects::azure_sphere::image_upload::ImageUpload;
use pentaprism_core::dialects::azure_sphere::models::{ErrorResponseCode, ImageMetadata, Operation, OperationState};
use uuid::Uuid;

use super::spot::Spot;
use super::witness::Witness;
use super::{Answer, Fetched, ListQuery, Placed, Remote, Taker, Upload};
use crate::remote::address::{Address, Place};
use crate::remote::entry::{Entry, Kind};
use crate::remote::failure::{Failure, FailureKind};

/// An image of Azure Sphere, or the tenant that images are uploaded to.
pub struct AzureSphere<T> {
    client: AzureSphereClient<T>,
    spot: Spot,
    tenant: Option<String>,
    id: Option<String>,
}

/// What has an id.
enum Found {
    Image(ImageMetadata),
    Operation(Operation),
}

impl<T: Transport> AzureSphere<T> {
    /// The image `id` of `tenant` where `spot` says. Without a tenant it is the only one that there is.
    pub fn new(client: AzureSphereClient<T>, spot: Spot, tenant: Option<String>, id: Option<String>) -> Self {
        Self { client, spot, tenant, id }
    }

    async fn upload(&self, upload: Upload) -> Result<Placed, Failure> {
        let Upload { source, options, .. } = upload;
        if self.id.is_some() {
            let failure = self.spot.usage("packages have their image's id in them, and it cannot be chosen");
            return Err(failure.advise("write `sphere:` as the target"));
        }
        let tenant = self.tenant().await?;
        let (source, witness) =
            Witness::of(source, options.verify).await.map_err(|error| self.spot.unreadable(&error))?;
        if !options.wait {
            let accepted = self.client.image_upload(&ImageUpload { tenant_id: tenant }, source).await;
            let operation = accepted.map_err(|error| self.spot.call("upload", &error))?.body;
            let entry = self.operation(&operation);
            return Ok(Placed { address: entry.address.clone(), entry, bytes: witness.bytes().await, verified: None });
        }
        let uploaded = self.client.upload_package(&tenant, source, &Polling::default()).await;
        let uploaded = uploaded.map_err(|error| self.not_uploaded(&error))?;
        let bytes = witness.bytes().await;
        let Some(image_id) = uploaded.image_id else {
            let entry = self.operation(&uploaded.operation);
            return Ok(Placed { address: entry.address.clone(), entry, bytes, verified: None });
        };
        let id = image_id.to_string();
        let mut verified = None;
        if options.verify {
            let back = self.client.download_package(&tenant, &id, 0).await;
            let back = back.map_err(|error| self.not_downloaded(&error))?;
            verified = Some(witness.compare(&self.spot, back.body).await?);
        }
        let input = GetImageMetadata { tenant_id: tenant, image_id: id };
        let metadata = self.client.get_image_metadata(&input).await;
        let metadata = metadata.map_err(|error| self.spot.call("look at what was uploaded", &error))?;
        let entry = Entry { size: Some(bytes), ..self.image(&metadata.body) };
        Ok(Placed { address: entry.address.clone(), entry, bytes, verified })
    }

    async fn fetch(&self, from: u64) -> Result<Fetched, Failure> {
        let (tenant, id) = (self.tenant().await?, self.id()?);
        let download = self.client.download_package(&tenant, id, from).await;
        let download = download.map_err(|error| self.not_downloaded(&error))?;
        Ok(Fetched {
            from: download.from,
            length: download.length.map(|length| length + download.from),
            media_type: download.media_type,
            file_name: Some(format!("{id}.imagepackage")),
            // A package has its id in it, signed: another one has another id.
            version: Some(id.to_owned()),
            checksums: Vec::new(),
            body: download.body,
        })
    }

    async fn awaited(&self, gone: bool) -> Result<Option<Entry>, Failure> {
        if gone {
            return Err(self.spot.not_supported("wait until an image is gone", NEVER_GONE));
        }
        let operation = match self.find("wait").await? {
            Found::Image(metadata) => return Ok(Some(self.image(&metadata))),
            Found::Operation(operation) => operation,
        };
        let tenant = self.tenant().await?;
        // Whoever waits has a deadline of their own.
        let polling = Polling { total: Duration::MAX, longest: Duration::from_secs(5), ..Polling::default() };
        let ended = self.client.ended(&tenant, operation, &polling).await;
        let ended = ended.map_err(|error| self.not_uploaded(&error))?;
        let image_id = ended.resource_location.as_deref().and_then(|location| {
            let path = location.split(['?', '#']).next()?.trim_end_matches('/');
            Uuid::try_parse(path.rsplit('/').next()?).ok()
        });
        let Some(image_id) = image_id else { return Ok(Some(self.operation(&ended))) };
        let input = GetImageMetadata { tenant_id: tenant, image_id: image_id.to_string() };
        let metadata = self.client.get_image_metadata(&input).await;
        metadata.map(|metadata| Some(self.image(&metadata.body))).map_err(|error| self.spot.call("wait", &error))
    }

    /// The image that has the id, else the operation.
    async fn find(&self, what: &str) -> Result<Found, Failure> {
        let (tenant_id, id) = (self.tenant().await?, self.id()?.to_owned());
        let input = GetImageMetadata { tenant_id: tenant_id.clone(), image_id: id.clone() };
        let refused = match self.client.get_image_metadata(&input).await {
            Ok(metadata) => return Ok(Found::Image(metadata.body)),
            Err(error) => error,
        };
        if refused.status() == Some(StatusCode::NOT_FOUND)
            && let Ok(operation) = self.client.get_operation(&GetOperation { tenant_id, operation_id: id }).await
        {
            return Ok(Found::Operation(operation.body));
        }
        Err(self.spot.call(what, &refused))
    }

    fn id(&self) -> Result<&str, Failure> {
        self.id.as_deref().ok_or_else(|| self.spot.usage("this is no image; write sphere:IMAGE_ID"))
    }

    async fn tenant(&self) -> Result<String, Failure> {
        if let Some(tenant) = &self.tenant {
            return Ok(tenant.clone());
        }
        let advice = "name it with `tenant` in `[PROFILE.azure_sphere]` of the profile";
        self.client.only_tenant().await.map(|tenant| tenant.id.to_string()).map_err(|error| match &error {
            TenantChoiceError::List(source) => self.spot.call("tenant", source),
            _ => self.spot.usage("it is not known which tenant is meant").because(&error).advise(advice),
        })
    }

    fn image(&self, metadata: &ImageMetadata) -> Entry {
        Entry {
            name: Some(metadata.name.clone()),
            details: serde_json::to_value(metadata).unwrap_or_default(),
            ..Entry::new(self.spot.at(Place::AzureSphere(Some(metadata.id.to_string()))), Kind::Image)
        }
    }

    fn operation(&self, operation: &Operation) -> Entry {
        let modified =
            operation.completed_date_utc.or(operation.started_date_utc).unwrap_or(operation.created_date_utc);
        Entry {
            status: Some(match operation.state {
                OperationState::NotStarted => "not started".to_owned(),
                OperationState::InProgress => "in progress".to_owned(),
                OperationState::Complete => "complete".to_owned(),
                OperationState::Failed => "failed".to_owned(),
                OperationState::CompleteWithErrors => "complete with errors".to_owned(),
                other => other.number().to_string(),
            }),
            modified: Some(modified.to_string()),
            details: serde_json::to_value(operation).unwrap_or_default(),
            ..Entry::new(self.spot.at(Place::AzureSphere(Some(operation.operation_id.to_string()))), Kind::Operation)
        }
    }

    fn not_uploaded(&self, error: &PackageUploadError) -> Failure {
        let spot = &self.spot;
        let failed = |kind| {
            Failure::new(kind, format!("{} did not succeed at {}", spot.of("upload"), spot.server)).because(error)
        };
        match error {
            PackageUploadError::Upload { source, .. } => spot.call("upload", source),
            PackageUploadError::Poll { operation_id, source } => {
                spot.call("operation", source).cause(format!("the operation is {operation_id}"))
            }
            PackageUploadError::PollUpload { operation_id, source } => {
                spot.call("operation", source).cause(format!("the operation is {operation_id}"))
            }
            PackageUploadError::Late { operation, .. } => {
                let address = spot.at(Place::AzureSphere(Some(operation.operation_id.to_string())));
                failed(FailureKind::TimedOut).advise(format!("wait longer with `pentaprism wait {address}`"))
            }
            PackageUploadError::Failed { .. } => match error.code() {
                Some(ErrorResponseCode::Conflict) => failed(FailureKind::Conflict)
                    .advise("the tenant has the image already; look with `pentaprism stat`"),
                Some(ErrorResponseCode::Forbidden) => failed(FailureKind::NotAllowed),
                Some(ErrorResponseCode::NotFound) => failed(FailureKind::NotFound),
                Some(ErrorResponseCode::InternalServerError | ErrorResponseCode::Unknown(_)) | None => {
                    failed(FailureKind::ServiceFailed)
                }
                Some(_) => {
                    failed(FailureKind::Refused).advise("make the package anew, such as with `azsphere image-package`")
                }
            },
            _ => failed(FailureKind::Other),
        }
    }

    fn not_downloaded(&self, error: &PackageDownloadError) -> Failure {
        match error {
            PackageDownloadError::Url { source, .. } => self.spot.call("download", source),
            PackageDownloadError::Link { source, .. } => self.spot.link(source),
            _ => Failure::new(FailureKind::NotFound, format!("{} cannot be read", self.spot.address)).because(error),
        }
    }
}

/// Why nothing of Azure Sphere is deleted.
const NEVER_GONE: &str = "its API has nothing that deletes an image";

impl<T: Transport> Remote for AzureSphere<T> {
    fn address(&self) -> &Address {
        &self.spot.address
    }

    fn server(&self) -> &str {
        &self.spot.server
    }

    fn put(&self, upload: Upload) -> Answer<'_, Placed> {
        Box::pin(self.upload(upload))
    }

    fn get(&self, from: u64) -> Answer<'_, Fetched> {
        Box::pin(self.fetch(from))
    }

    fn list<'a>(&'a self, _: &'a ListQuery, _: Taker<'a>) -> Answer<'a, ()> {
        let why = "the documents of the image upload have no listing of images";
        let failure = self.spot.not_supported("list images", why);
        Box::pin(std::future::ready(Err(failure.advise("note the ids that `cp` writes, and ask for them with `stat`"))))
    }

    fn stat(&self) -> Answer<'_, Entry> {
        Box::pin(async {
            Ok(match self.find("look").await? {
                Found::Image(metadata) => self.image(&metadata),
                Found::Operation(operation) => self.operation(&operation),
            })
        })
    }

    fn remove(&self, _: bool) -> Answer<'_, ()> {
        Box::pin(std::future::ready(Err(self.spot.not_supported("delete images", NEVER_GONE))))
    }

    fn wait(&self, gone: bool) -> Answer<'_, Option<Entry>> {
        Box::pin(self.awaited(gone))
    }
}
