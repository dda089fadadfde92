//! Azure Sphere: handing a package over and waiting for what its operation comes to; reading a package back.

use std::time::Duration;

use http::StatusCode;
use pentaprism_core::Message;
use pentaprism_core::dialects::azure_sphere::get_image_upload_operation::{
    GetImageUploadOperation, GetImageUploadOperationError,
};
use pentaprism_core::dialects::azure_sphere::get_image_url::{GetImageUrl, GetImageUrlError};
use pentaprism_core::dialects::azure_sphere::get_operation::{GetOperation, GetOperationError};
use pentaprism_core::dialects::azure_sphere::image_upload::{ImageUpload, ImageUploadError};
use pentaprism_core::dialects::azure_sphere::list_tenants::{ListTenants, ListTenantsError};
use pentaprism_core::dialects::azure_sphere::models::{ErrorResponseCode, Operation, OperationState, Tenant};
use uuid::Uuid;

use super::polling::Waiting;
use super::{Download, LinkError, Polling, link};
use crate::dialects::azure_sphere::AzureSphereClient;
use crate::error::Error;
use crate::source::Source;
use crate::transport::Transport;

/// A package that is an image now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadedPackage {
    /// The image, if the service has said which one. It comes from the package itself.
    pub image_id: Option<Uuid>,
    /// The operation, which is complete.
    pub operation: Operation,
}

/// Why a package has not become an image.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageUploadError {
    /// The package is not accepted, or did not arrive.
    #[error("the package cannot be uploaded to tenant {tenant}")]
    Upload {
        /// The tenant.
        tenant: String,
        /// Why.
        #[source]
        source: Error<ImageUploadError>,
    },
    /// The package is accepted; what becomes of it is not known.
    #[error("the package was uploaded, but its operation {operation_id} cannot be asked for")]
    Poll {
        /// The operation.
        operation_id: Uuid,
        /// Why.
        #[source]
        source: Error<GetOperationError>,
    },
    /// As [`PackageUploadError::Poll`], at a service that has the other path of operations only.
    #[error("the package was uploaded, but its operation {operation_id} cannot be asked for at its second path")]
    PollUpload {
        /// The operation.
        operation_id: Uuid,
        /// Why.
        #[source]
        source: Error<GetImageUploadOperationError>,
    },
    /// The service has looked into the package and does not take it: there is an image with its id already, say.
    #[error("the service did not make an image of the package: {}", reason(.operation))]
    Failed {
        /// The operation, whose `error` is the reason.
        operation: Box<Operation>,
    },
    /// The service takes longer than was to be waited.
    #[error("operation {} has not ended after {} seconds; ask for it later, or wait longer", .operation.operation_id, .waited.as_secs())]
    Late {
        /// The operation as it was when it was asked for last.
        operation: Box<Operation>,
        /// How long it was waited for.
        waited: Duration,
    },
}

/// What the service says about a failed operation.
fn reason(operation: &Operation) -> String {
    match &operation.error {
        Some(error) => format!("{} (code {}, {:?})", error.message.trim(), error.code.number(), error.code),
        None => format!("it says no reason (state {})", operation.state.number()),
    }
}

impl PackageUploadError {
    /// The service's code for the failure of the operation; [`ErrorResponseCode::Conflict`] when the image is there already.
    #[must_use]
    pub fn code(&self) -> Option<ErrorResponseCode> {
        match self {
            Self::Failed { operation } => operation.error.as_ref().map(|error| error.code),
            _ => None,
        }
    }
}

/// Why it is not known which tenant is meant.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TenantChoiceError {
    /// The tenants cannot be listed.
    #[error("the tenants cannot be listed")]
    List(#[source] Error<ListTenantsError>),
    /// There is none.
    #[error("there is no tenant that this login may use")]
    None,
    /// There are several.
    #[error("this login may use several tenants; name one of them: {}", named(.0))]
    Several(Vec<Tenant>),
}

fn named(tenants: &[Tenant]) -> String {
    tenants.iter().map(|tenant| format!("{} ({})", tenant.id, tenant.name)).collect::<Vec<_>>().join(", ")
}

/// Why a package cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageDownloadError {
    /// The service does not say where it is.
    #[error("the link to image {image_id} cannot be had")]
    Url {
        /// The image.
        image_id: String,
        /// Why.
        #[source]
        source: Error<GetImageUrlError>,
    },
    /// The service has the image, and no link to it.
    #[error("the service has no link to image {image_id}: {message}")]
    NoLink {
        /// The image.
        image_id: String,
        /// What the service says.
        message: String,
    },
    /// What is behind the link cannot be read.
    #[error("image {image_id} cannot be read")]
    Link {
        /// The image.
        image_id: String,
        /// Why.
        #[source]
        source: LinkError,
    },
}

/// Where operations are asked for.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Operations,
    Uploads,
}

impl<T: Transport> AzureSphereClient<T> {
    /// Uploads a package and waits until the service has made an image of it.
    ///
    /// ```no_run
    /// use pentaprism_client::dialects::azure_sphere::AzureSphereClient;
    /// use pentaprism_client::upload::{Polling, azure_sphere::PackageUploadError};
    /// use pentaprism_client::{Credential, HyperTransport, Source};
    /// use pentaprism_core::dialects::azure_sphere::models::ErrorResponseCode;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let base = "http://127.0.0.1:8470".parse()?;
    /// let sphere = AzureSphereClient::new(HyperTransport::new()?, base, Credential::bearer("pentaprism-dev")?);
    /// let tenant = sphere.only_tenant().await?.id.to_string();
    /// let package = Source::file("blink.imagepackage").await?;
    /// match sphere.upload_package(&tenant, package, &Polling::default()).await {
    ///     Ok(uploaded) => println!("image {:?}", uploaded.image_id),
    ///     Err(error) if error.code() == Some(ErrorResponseCode::Conflict) => println!("it is there already"),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`PackageUploadError`]. An upload whose answer was lost is not repeated: the service would refuse it as a duplicate.
    pub async fn upload_package(
        &self,
        tenant: &str,
        package: impl Into<Source>,
        polling: &Polling,
    ) -> Result<UploadedPackage, PackageUploadError> {
        let input = ImageUpload { tenant_id: tenant.to_owned() };
        let accepted = self.image_upload(&input, package).await;
        let accepted =
            accepted.map_err(|source| PackageUploadError::Upload { tenant: tenant.to_owned(), source })?.body;
        let announced = image_of(&accepted);
        let operation = self.ended(tenant, accepted, polling).await?;
        Ok(UploadedPackage { image_id: image_of(&operation).or(announced), operation })
    }

    /// Waits for the end of an upload's operation, from where it stands in `operation`.
    ///
    /// # Errors
    /// All of [`PackageUploadError`] but the first.
    pub async fn ended(
        &self,
        tenant: &str,
        mut operation: Operation,
        polling: &Polling,
    ) -> Result<Operation, PackageUploadError> {
        let mut waiting = Waiting::new(polling, self.caller().retry().clock());
        let mut place = Place::Operations;
        loop {
            match operation.state {
                OperationState::Complete => return Ok(operation),
                OperationState::NotStarted | OperationState::InProgress => {}
                // An upload makes one image: what is complete with errors is not.
                _ => return Err(PackageUploadError::Failed { operation: Box::new(operation) }),
            }
            if let Err(waited) = waiting.pause().await {
                return Err(PackageUploadError::Late { operation: Box::new(operation), waited });
            }
            operation = self.asked(tenant, operation.operation_id, &mut place).await?;
        }
    }

    /// Asks for an operation. Where the path of all operations is not known, that of uploads is asked from then on.
    async fn asked(&self, tenant: &str, id: Uuid, place: &mut Place) -> Result<Operation, PackageUploadError> {
        let (tenant_id, operation_id) = (tenant.to_owned(), id.to_string());
        if *place == Place::Operations {
            match self
                .get_operation(&GetOperation { tenant_id: tenant_id.clone(), operation_id: operation_id.clone() })
                .await
            {
                Ok(answer) => return Ok(answer.body),
                Err(error) if is_absent(&error) => *place = Place::Uploads,
                Err(source) => return Err(PackageUploadError::Poll { operation_id: id, source }),
            }
        }
        let input = GetImageUploadOperation { tenant_id, operation_id };
        let answer = self.get_image_upload_operation(&input).await;
        answer.map(|answer| answer.body).map_err(|source| PackageUploadError::PollUpload { operation_id: id, source })
    }

    /// The tenant, where there is only one to choose.
    ///
    /// # Errors
    /// [`TenantChoiceError`].
    pub async fn only_tenant(&self) -> Result<Tenant, TenantChoiceError> {
        let mut tenants = self.list_tenants(&ListTenants {}).await.map_err(TenantChoiceError::List)?.body;
        match tenants.len() {
            0 => Err(TenantChoiceError::None),
            1 => Ok(tenants.swap_remove(0)),
            _ => Err(TenantChoiceError::Several(tenants)),
        }
    }

    /// Reads the package of an image, from byte `from` on where the host of its link can do that ([`Download::from`] tells).
    /// The link is followed without the credential, over this client's transport.
    ///
    /// # Errors
    /// [`PackageDownloadError`].
    pub async fn download_package(
        &self,
        tenant: &str,
        image_id: &str,
        from: u64,
    ) -> Result<Download, PackageDownloadError> {
        let image = || image_id.to_owned();
        let input = GetImageUrl { tenant_id: tenant.to_owned(), image_id: image() };
        let answer = self.get_image_url(&input).await;
        let answer = answer.map_err(|source| PackageDownloadError::Url { image_id: image(), source })?.body;
        let link = match answer.uri {
            Some(link) if answer.is_success && !link.is_empty() => link,
            _ => {
                let message = answer.uri_message.unwrap_or_else(|| "it says no reason".to_owned());
                return Err(PackageDownloadError::NoLink { image_id: image(), message });
            }
        };
        let download = link::follow(self.caller(), &link, from).await;
        download.map_err(|source| PackageDownloadError::Link { image_id: image(), source })
    }
}

fn is_absent<E: Message + std::error::Error + 'static>(error: &Error<E>) -> bool {
    error.status() == Some(StatusCode::NOT_FOUND)
}

/// The image that the operation makes: its location ends with the id, whatever is in front.
fn image_of(operation: &Operation) -> Option<Uuid> {
    let location = operation.resource_location.as_deref()?;
    let path = location.split(['?', '#']).next()?.trim_end_matches('/');
    Uuid::try_parse(path.rsplit('/').next()?).ok()
}

#[cfg(test)]
#[path = "tests/azure_sphere.rs"]
mod tests;
