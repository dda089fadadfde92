//! Reading an image back, and seeing that nothing of it was lost on the way.

use http::StatusCode;
use pentaprism_core::Body;
use pentaprism_core::dialects::glance::download_image_data::{
    DownloadImageData, DownloadImageDataError, DownloadImageDataOk,
};
use pentaprism_core::dialects::glance::models::{Image, ImageStatus};
use pentaprism_core::dialects::glance::show_image::{ShowImage, ShowImageError};
use uuid::Uuid;

use super::Verify;
use super::fill::shown;
use crate::dialects::glance::GlanceClient;
use crate::error::Error;
use crate::source::{Source, SourceError};
use crate::transport::Transport;
use crate::upload::checked::Promise;
use crate::upload::digest::{Algorithm, Digest, Flow};

/// Where a download begins.
#[derive(Debug, Clone, Default)]
pub enum DownloadStart {
    /// At the first byte.
    #[default]
    Beginning,
    /// At this byte, counted from 0. The digest, which is of the whole, cannot be compared then; the length is.
    Offset(u64),
    /// Behind these bytes, which an earlier download has brought: they are hashed first, so that the whole is compared.
    After(Source),
}

/// An image on its way.
#[derive(Debug)]
#[non_exhaustive]
pub struct ImageDownload {
    /// Its record.
    pub image: Image,
    /// Where the body begins within the image.
    pub from: u64,
    /// How many bytes the body has, if the record says it.
    pub length: Option<u64>,
    /// What the body is compared with: when it differs, it ends with a [`BodyError::Source`](pentaprism_core::BodyError)
    /// about a [`Difference`](crate::upload::Difference), in place of its last piece.
    pub expected: Option<Digest>,
    /// The bytes.
    pub body: Body,
}

/// Why an image cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageDownloadError {
    /// Its record cannot be read.
    #[error("the record of image {image_id} cannot be read")]
    Show {
        /// The image.
        image_id: Uuid,
        /// Why.
        #[source]
        source: Error<ShowImageError>,
    },
    /// The image has no bytes to read.
    #[error("image {image_id} is {} and has no bytes", .status.as_str())]
    NoData {
        /// The image.
        image_id: Uuid,
        /// What it is.
        status: ImageStatus,
    },
    /// The bytes that are there already are more than the image has.
    #[error("image {image_id} has {size} bytes, fewer than the {from} that are there already; begin anew")]
    Beyond {
        /// The image.
        image_id: Uuid,
        /// How many bytes it has.
        size: u64,
        /// Where the download should have begun.
        from: u64,
    },
    /// The bytes that are there already cannot be read.
    #[error("the first bytes of image {image_id}, which are there already, cannot be read")]
    Begun {
        /// The image.
        image_id: Uuid,
        /// Why.
        #[source]
        source: SourceError,
    },
    /// The service sends the image from its beginning only, or another part of it.
    #[error("the service does not send image {image_id} from byte {from} on; begin anew")]
    Range {
        /// The image.
        image_id: Uuid,
        /// Where the download should have begun.
        from: u64,
    },
    /// There is nothing to compare the bytes with.
    #[error("the service shows no {algorithm} of image {image_id} to verify it by; verify by another digest")]
    Unverifiable {
        /// The image.
        image_id: Uuid,
        /// The digest that was wanted.
        algorithm: Algorithm,
    },
    /// The bytes are refused.
    #[error("the bytes of image {image_id} cannot be read")]
    Download {
        /// The image.
        image_id: Uuid,
        /// Why.
        #[source]
        source: Error<DownloadImageDataError>,
    },
}

impl<T: Transport> GlanceClient<T> {
    /// Reads an image. While its body is read, it is compared with the digest that the service shows ([`Verify::Auto`] takes
    /// the strongest), and with its length.
    ///
    /// # Errors
    /// [`ImageDownloadError`]. What happens after the first byte is the body's error.
    pub async fn download_image(
        &self,
        image_id: Uuid,
        start: DownloadStart,
        verify: Verify,
    ) -> Result<ImageDownload, ImageDownloadError> {
        let show = ShowImage { image_id: image_id.to_string() };
        let shown = self.show_image(&show).await.map_err(|source| ImageDownloadError::Show { image_id, source })?;
        let image = shown.body;
        let size = image.size.and_then(|size| u64::try_from(size).ok());
        let (from, digest) = begin(&image, start, verify).await?;
        if let Some(size) = size.filter(|size| from > *size) {
            return Err(ImageDownloadError::Beyond { image_id, size, from });
        }
        // There is no range behind the last byte, and nothing to ask for.
        let body = if from > 0 && size == Some(from) { Body::empty() } else { self.bytes_from(&image, from).await? };
        let length = size.map(|size| size - from);
        let expected = digest.as_ref().map(|(expected, _)| expected.clone());
        let body = if verify == Verify::None { body } else { Promise { length, digest }.over(body) };
        Ok(ImageDownload { image, from, length, expected, body })
    }

    async fn bytes_from(&self, image: &Image, from: u64) -> Result<Body, ImageDownloadError> {
        let image_id = image.id;
        let input = DownloadImageData {
            image_id: image_id.to_string(),
            range: (from > 0).then(|| format!("bytes={from}-")),
            ..DownloadImageData::default()
        };
        let (answer, body) = match self.download_image_data(&input).await {
            Ok(answer) => answer,
            Err(error) if error.status() == Some(StatusCode::RANGE_NOT_SATISFIABLE) && from > 0 => {
                return Err(ImageDownloadError::Range { image_id, from });
            }
            Err(source) => return Err(ImageDownloadError::Download { image_id, source }),
        };
        let begins = match answer {
            DownloadImageDataOk::NoContent { .. } => {
                return Err(ImageDownloadError::NoData { image_id, status: image.status.clone() });
            }
            DownloadImageDataOk::Ok { .. } => Some(0),
            // Nothing was asked for that could be so.
            DownloadImageDataOk::NotModified { .. } => None,
            DownloadImageDataOk::PartialContent { content_range, .. } => {
                content_range.strip_prefix("bytes ").and_then(|range| range.split('-').next()?.parse().ok())
            }
        };
        if begins == Some(from) { Ok(body) } else { Err(ImageDownloadError::Range { image_id, from }) }
    }
}

/// Where to begin, and the digest to compare with, for which what is there already is hashed.
async fn begin(
    image: &Image,
    start: DownloadStart,
    verify: Verify,
) -> Result<(u64, Option<(Digest, Flow)>), ImageDownloadError> {
    let expected = match verify {
        Verify::None | Verify::Length => None,
        Verify::Auto => shown(image, |_| true),
        Verify::Digest(algorithm) => {
            let expected = shown(image, |one| one == algorithm);
            Some(expected.ok_or(ImageDownloadError::Unverifiable { image_id: image.id, algorithm })?)
        }
    };
    let mut digest = expected.map(|expected| {
        let flow = Flow::new(expected.algorithm);
        (expected, flow)
    });
    let from = match start {
        DownloadStart::Beginning | DownloadStart::Offset(0) => 0,
        DownloadStart::Offset(from) => return Ok((from, None)),
        DownloadStart::After(begun) => {
            let failed = |source| ImageDownloadError::Begun { image_id: image.id, source };
            let mut counted = 0;
            let mut body = begun.silent().body().await.map_err(failed)?;
            while let Some(piece) = body.data().await {
                let piece = piece.map_err(|error| failed(SourceError::Other(Box::new(error))))?;
                counted += piece.len() as u64;
                if let Some((_, flow)) = &mut digest {
                    std::future::poll_fn(|cx| flow.poll_ready(cx)).await;
                    flow.add(piece);
                }
            }
            counted
        }
    };
    Ok((from, digest))
}
