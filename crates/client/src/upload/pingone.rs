//! PingOne: uploading a picture under a name, reading its record back, and getting the picture.

use std::fmt::Write as _;

use pentaprism_core::dialects::pingone::create_image::{CreateImage, CreateImageError};
use pentaprism_core::dialects::pingone::models::Image;
use pentaprism_core::dialects::pingone::read_image::{ReadImage, ReadImageError};
use uuid::Uuid;

use super::{Download, LinkError, link};
use crate::dialects::pingone::PingoneClient;
use crate::error::Error;
use crate::source::{Source, SourceError};
use crate::transport::Transport;

/// How a picture is uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureUploadOptions {
    /// The most bytes a picture may have, told before anything is sent where the length is known: 2 MiB unless changed, as the
    /// service has it. `None` leaves it to the service.
    pub limit: Option<u64>,
}

impl Default for PictureUploadOptions {
    fn default() -> Self {
        Self { limit: Some(2 * 1024 * 1024) }
    }
}

/// The kinds of pictures that the service takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PictureFormat {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// GIF.
    Gif,
}

impl PictureFormat {
    /// How many bytes of a file tell its format.
    pub const BYTES: usize = 8;

    /// The format of a file that begins with these bytes.
    ///
    /// ```
    /// use pentaprism_client::upload::pingone::PictureFormat;
    /// assert_eq!(PictureFormat::of(b"GIF89a..."), Some(PictureFormat::Gif));
    /// assert_eq!(PictureFormat::of(b"<svg>"), None);
    /// ```
    #[must_use]
    pub fn of(file: &[u8]) -> Option<Self> {
        match file {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            _ => None,
        }
    }

    /// The media type, such as `image/png`.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
        }
    }
}

/// A picture that the environment has now.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct UploadedPicture {
    /// Its record, read back. The service may have made a PNG of what was sent: `targets` tells.
    pub image: Image,
    /// What was sent.
    pub format: PictureFormat,
}

/// Why a picture is not uploaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PictureUploadError {
    /// The file cannot be read. Nothing was sent.
    #[error("the picture cannot be read")]
    Source(#[source] SourceError),
    /// The file is too large. Nothing was sent.
    #[error("the picture has {size} bytes, and the service takes {limit} at most; make it smaller")]
    TooLarge {
        /// How many bytes it has.
        size: u64,
        /// The most it may have.
        limit: u64,
    },
    /// The file is no picture of a known format. Nothing was sent.
    #[error("the file is neither a PNG nor a JPEG nor a GIF, and the service takes no other")]
    Format,
    /// The picture is not accepted, or did not arrive.
    #[error("the picture cannot be uploaded to environment {environment}")]
    Create {
        /// The environment.
        environment: String,
        /// Why.
        #[source]
        source: Error<CreateImageError>,
    },
    /// The picture is accepted, and cannot be asked for.
    #[error("the picture was uploaded as image {image_id}, but its record cannot be read back")]
    ReadBack {
        /// The image.
        image_id: Uuid,
        /// Why.
        #[source]
        source: Error<ReadImageError>,
    },
    /// The record is another than the one that the upload was answered with.
    #[error("the picture was uploaded as image {image_id}, but the record read back is another")]
    Differs {
        /// The image.
        image_id: Uuid,
    },
}

/// Why a picture cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PictureDownloadError {
    /// Its record cannot be read.
    #[error("the record of image {image_id} cannot be read")]
    Read {
        /// The image.
        image_id: String,
        /// Why.
        #[source]
        source: Error<ReadImageError>,
    },
    /// What is behind its link cannot be read.
    #[error("the picture of image {image_id} cannot be read")]
    Link {
        /// The image.
        image_id: String,
        /// Why.
        #[source]
        source: LinkError,
    },
}

impl<T: Transport> PingoneClient<T> {
    /// Uploads a picture and reads its record back. The bytes tell whether it is a PNG, a JPEG or a GIF; the link to it will end
    /// with `file_name`, as far as the service likes it.
    ///
    /// ```no_run
    /// use pentaprism_client::dialects::pingone::PingoneClient;
    /// use pentaprism_client::upload::pingone::{PictureUploadError, PictureUploadOptions};
    /// use pentaprism_client::{Credential, HyperTransport, Source};
    ///
    /// # async fn example(environment: &str) -> Result<(), Box<dyn std::error::Error>> {
    /// let base = "http://127.0.0.1:8470".parse()?;
    /// let pingone = PingoneClient::new(HyperTransport::new()?, base, Credential::bearer("pentaprism-dev")?);
    /// let picture = Source::file("logo.png").await?;
    /// match pingone.upload_picture(environment, "logo.png", picture, &PictureUploadOptions::default()).await {
    ///     Ok(uploaded) => println!("{}", uploaded.image.targets.original.href),
    ///     Err(PictureUploadError::Format) => println!("convert it first"),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`PictureUploadError`]. An upload whose answer was lost is not repeated: there would be two pictures, and no list to find
    /// the first in.
    pub async fn upload_picture(
        &self,
        environment: &str,
        file_name: &str,
        picture: impl Into<Source>,
        options: &PictureUploadOptions,
    ) -> Result<UploadedPicture, PictureUploadError> {
        let source = picture.into();
        if let (Some(size), Some(limit)) = (source.length(), options.limit)
            && size > limit
        {
            return Err(PictureUploadError::TooLarge { size, limit });
        }
        let first = source.first_bytes(PictureFormat::BYTES).await.map_err(PictureUploadError::Source)?;
        let format = PictureFormat::of(&first).ok_or(PictureUploadError::Format)?;
        let input = CreateImage {
            environment_id: environment.to_owned(),
            content_disposition: Some(attachment(file_name)),
            content_type: Some(format.media_type().to_owned()),
        };
        let created = self.create_image(&input, source).await;
        let created =
            created.map_err(|source| PictureUploadError::Create { environment: environment.to_owned(), source })?.body;
        let image_id = created.id;
        let input = ReadImage { environment_id: environment.to_owned(), image_id: image_id.to_string() };
        let read = self.read_image(&input).await;
        let image = read.map_err(|source| PictureUploadError::ReadBack { image_id, source })?.body;
        if image.id != created.id || image.targets != created.targets {
            return Err(PictureUploadError::Differs { image_id });
        }
        Ok(UploadedPicture { image, format })
    }

    /// Gets a picture, and its record. The link is followed without the credential, over this client's transport.
    ///
    /// # Errors
    /// [`PictureDownloadError`].
    pub async fn download_picture(
        &self,
        environment: &str,
        image_id: &str,
    ) -> Result<(Image, Download), PictureDownloadError> {
        let id = || image_id.to_owned();
        let input = ReadImage { environment_id: environment.to_owned(), image_id: id() };
        let read = self.read_image(&input).await;
        let image = read.map_err(|source| PictureDownloadError::Read { image_id: id(), source })?.body;
        let download = link::follow(self.caller(), &image.targets.original.href, 0).await;
        let download = download.map_err(|source| PictureDownloadError::Link { image_id: id(), source })?;
        Ok((image, download))
    }
}

/// The `Content-Disposition` that names a file (RFC 6266): once for everybody in ASCII, and once as it is where that differs.
fn attachment(file_name: &str) -> String {
    let mut header = "attachment; filename=\"".to_owned();
    let is_plain = |character: char| character.is_ascii_graphic() || character == ' ';
    for character in file_name.chars() {
        match character {
            '"' | '\\' => header.extend(['\\', character]),
            _ if is_plain(character) => header.push(character),
            _ => header.push('_'),
        }
    }
    header.push('"');
    if !file_name.chars().all(is_plain) {
        header.push_str("; filename*=UTF-8''");
        for byte in file_name.bytes() {
            // RFC 8187 lets these stand as they are.
            if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
                header.push(char::from(byte));
            } else {
                write!(header, "%{byte:02X}").expect("text is always written");
            }
        }
    }
    header
}

#[cfg(test)]
#[path = "tests/pingone.rs"]
mod tests;
