//! Glance: creating an image, filling it with bytes, and seeing that they arrived; finding an image; reading it back.

mod download;
mod fill;
mod find;

use std::time::Duration;

use http::StatusCode;
use pentaprism_core::dialects::glance::create_image::{CreateImage, CreateImageError};
use pentaprism_core::dialects::glance::delete_image::{DeleteImage, DeleteImageError};
use pentaprism_core::dialects::glance::models::{Image, ImageCreate, ImageStatus};
use pentaprism_core::dialects::glance::show_image::{ShowImage, ShowImageError};
use pentaprism_core::dialects::glance::upload_image_data::UploadImageDataError;
use uuid::Uuid;

pub use self::download::{DownloadStart, ImageDownload, ImageDownloadError};
use self::fill::Filling;
pub use self::find::FindImageError;
use super::{Algorithm, Difference, Digest, Polling};
use crate::dialects::glance::GlanceClient;
use crate::error::Error;
use crate::retry::{Attempt, Occurrence};
use crate::source::Source;
use crate::transport::Transport;

/// How an image is uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageUploadOptions {
    /// How the arrived bytes are compared with the sent ones.
    pub verify: Verify,
    /// Whether an image that this upload has created, and that does not become active with the right bytes, is deleted.
    pub delete_on_failure: bool,
    /// How long the image may take to become active behind its upload, and to settle behind a broken one.
    pub wait: Polling,
    /// The name of the store that shall keep the bytes, where the service has several.
    pub store: Option<String>,
}

impl Default for ImageUploadOptions {
    fn default() -> Self {
        Self { verify: Verify::Auto, delete_on_failure: true, wait: Polling::default(), store: None }
    }
}

/// How the bytes that a service has are compared with those that were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Verify {
    /// Not at all.
    None,
    /// By their length only, which costs nothing.
    Length,
    /// By what the service shows: MD5, which is computed while sending. Where there is none, by its other digest, for which
    /// the source is read once more; and where that cannot be, by the length.
    #[default]
    Auto,
    /// By this digest, computed while sending. It is an error when the service does not show it.
    Digest(Algorithm),
}

/// How it was found that the service has the right bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// It was not.
    Not,
    /// The length is right.
    Length(u64),
    /// The digest is right.
    Digest(Digest),
}

/// An image that is active.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct UploadedImage {
    /// Its record, read back after the upload.
    pub image: Image,
    /// How it was compared with what was sent.
    pub verified: Verified,
    /// How often the bytes were sent, or begun to be sent.
    pub attempts: u32,
}

/// Why an image is not uploaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageUploadError {
    /// There is no record for it.
    #[error("the image cannot be created")]
    Create(#[source] Error<CreateImageError>),
    /// The bytes did not arrive.
    #[error("the bytes of image {image_id} cannot be uploaded")]
    Upload {
        /// The image.
        image_id: Uuid,
        /// Why.
        #[source]
        source: Error<UploadImageDataError>,
    },
    /// The bytes were sent; what has become of the image is not known.
    #[error("the bytes of image {image_id} were sent, but its record cannot be read")]
    Show {
        /// The image.
        image_id: Uuid,
        /// Why.
        #[source]
        source: Error<ShowImageError>,
    },
    /// The service has taken the bytes and thrown them away, or somebody else has interfered.
    #[error("image {image_id} is {} after its upload, not active", .status.as_str())]
    Status {
        /// The image.
        image_id: Uuid,
        /// What it is.
        status: ImageStatus,
    },
    /// The service is busy with it for too long.
    #[error("image {image_id} is still {} after {} seconds; ask for it later, or wait longer", .status.as_str(), .waited.as_secs())]
    Late {
        /// The image.
        image_id: Uuid,
        /// What it is.
        status: ImageStatus,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The image is active with wrong bytes.
    #[error("the service has other bytes for image {image_id} than were sent")]
    Differs {
        /// The image.
        image_id: Uuid,
        /// How they differ.
        #[source]
        difference: Difference,
    },
    /// The image is active, and nothing can be said about its bytes.
    #[error("the service shows no {algorithm} of image {image_id} to verify it by; verify by another digest")]
    Unverifiable {
        /// The image.
        image_id: Uuid,
        /// The digest that was wanted.
        algorithm: Algorithm,
    },
    /// The upload failed, and the image that it created is still there.
    #[error("image {image_id} is left behind, since it cannot be deleted: {removal}")]
    LeftBehind {
        /// The image.
        image_id: Uuid,
        /// Why it cannot be deleted.
        removal: Error<DeleteImageError>,
        /// Why it should have been.
        #[source]
        failed: Box<Self>,
    },
}

impl ImageUploadError {
    /// The image that the upload was about, if there was one.
    #[must_use]
    pub const fn image_id(&self) -> Option<Uuid> {
        match self {
            Self::Create(_) => None,
            Self::Upload { image_id, .. }
            | Self::Show { image_id, .. }
            | Self::Status { image_id, .. }
            | Self::Late { image_id, .. }
            | Self::Differs { image_id, .. }
            | Self::Unverifiable { image_id, .. }
            | Self::LeftBehind { image_id, .. } => Some(*image_id),
        }
    }

    /// Whether the image is, or may be, active with the right bytes in spite of the error.
    const fn leaves_an_image(&self) -> bool {
        matches!(self, Self::Show { .. } | Self::Unverifiable { .. })
    }
}

impl<T: Transport> GlanceClient<T> {
    /// Creates an image, fills it with the bytes of `source`, waits until it is active, and compares what the service shows
    /// about it with what was sent.
    ///
    /// When the exchange breaks off, the image is asked how it is: the bytes are sent again only if they did not arrive, and
    /// only if they can be read again. An image that has an `id` from the start survives a lost answer to its creation, too.
    ///
    /// ```no_run
    /// use pentaprism_client::dialects::glance::GlanceClient;
    /// use pentaprism_client::upload::glance::{ImageUploadError, ImageUploadOptions};
    /// use pentaprism_client::{Credential, HyperTransport, Source};
    /// use pentaprism_core::dialects::glance::models::{ContainerFormat, DiskFormat, ImageCreate};
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let base = "http://127.0.0.1:8470".parse()?;
    /// let glance = GlanceClient::new(HyperTransport::new()?, base, Credential::auth_token("pentaprism-dev")?);
    /// let image = ImageCreate {
    ///     name: Some("debian".to_owned()),
    ///     disk_format: Some(DiskFormat::Qcow2),
    ///     container_format: Some(ContainerFormat::Bare),
    ///     ..ImageCreate::default()
    /// };
    /// let source = Source::file("debian.qcow2").await?;
    /// match glance.upload_image(&image, source, &ImageUploadOptions::default()).await {
    ///     Ok(uploaded) => println!("{} is {:?}", uploaded.image.id, uploaded.verified),
    ///     Err(ImageUploadError::Create(error)) => println!("no image: {error}"),
    ///     Err(other) => return Err(other.into()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ImageUploadError`]. Unless the options say otherwise, an image that was created and is not active with the right bytes
    /// is deleted before; when it cannot be, the error is [`ImageUploadError::LeftBehind`].
    pub async fn upload_image(
        &self,
        image: &ImageCreate,
        source: impl Into<Source>,
        options: &ImageUploadOptions,
    ) -> Result<UploadedImage, ImageUploadError> {
        let image_id = self.created(image).await.map_err(ImageUploadError::Create)?;
        let failed = match self.fill_image(image_id, source, options).await {
            Ok(uploaded) => return Ok(uploaded),
            Err(failed) => failed,
        };
        if !options.delete_on_failure || failed.leaves_an_image() {
            return Err(failed);
        }
        match self.delete_image(&DeleteImage { image_id: image_id.to_string() }).await {
            Err(removal) if !is_gone(removal.status()) => {
                Err(ImageUploadError::LeftBehind { image_id, removal, failed: Box::new(failed) })
            }
            _ => Err(failed),
        }
    }

    /// Fills an image that is there and queued, as [`GlanceClient::upload_image`] fills the one that it creates. The image is
    /// not deleted when that fails.
    ///
    /// # Errors
    /// [`ImageUploadError`].
    pub async fn fill_image(
        &self,
        image_id: Uuid,
        source: impl Into<Source>,
        options: &ImageUploadOptions,
    ) -> Result<UploadedImage, ImageUploadError> {
        Filling { client: self, image_id, options }.fill(source.into()).await
    }

    /// Creates the record. With an id of the caller's choice a lost answer is no loss: the id is asked for.
    async fn created(&self, image: &ImageCreate) -> Result<Uuid, Error<CreateImageError>> {
        let input = CreateImage { body: CreateImage::json_body(image).map_err(Error::Invalid)? };
        let retry = self.caller().retry();
        let mut number = 1;
        loop {
            let error = match self.create_image(&input).await {
                Ok(created) => return Ok(created.body.id),
                Err(error) => error,
            };
            let Some(image_id) = image.id.filter(|_| may_be_done(&error)) else { return Err(error) };
            match self.show_image(&ShowImage { image_id: image_id.to_string() }).await {
                Ok(shown) if shown.body.status == ImageStatus::Queued => return Ok(image_id),
                Err(absent) if absent.status() == Some(StatusCode::NOT_FOUND) => {}
                Ok(_) | Err(_) => return Err(error),
            }
            if !retry.policy.again(&Attempt { number, idempotent: true, occurrence: Occurrence::BrokenOff }) {
                return Err(error);
            }
            retry.clock.sleep(retry.backoff.pause(number)).await;
            number = number.saturating_add(1);
        }
    }
}

/// Whether the creation may have been carried out: its answer was lost, or is a success in other words than the documented ones.
fn may_be_done(error: &Error<CreateImageError>) -> bool {
    matches!(error, Error::Interrupted(_)) || error.status().is_some_and(|status| status.is_success())
}

/// Whether the answer to a deletion, documented or not, says that the image is no more.
fn is_gone(status: Option<StatusCode>) -> bool {
    status.is_some_and(|status| status.is_success() || status == StatusCode::NOT_FOUND)
}

#[cfg(test)]
mod tests;
