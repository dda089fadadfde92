//! Saved Views: putting a picture on a view, once it is sure to be a whole PNG, and getting it back.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use bytes::{Bytes, BytesMut};
use pentaprism_core::Body;
use pentaprism_core::dialects::saved_views::get_image::{GetImage, GetImageError};
use pentaprism_core::dialects::saved_views::update_image::{UpdateImage, UpdateImageError};
use percent_encoding::percent_decode_str;

use super::{Download, LinkError, PngError, PngHeader, check_png, link};
use crate::dialects::saved_views::SavedViewsClient;
use crate::error::Error;
use crate::source::{Source, SourceError};
use crate::transport::Transport;

/// How a picture is put on a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutPictureOptions {
    /// The most bytes the file may have. It is held in memory, since it travels inside of JSON. No service publishes its limit;
    /// 10 MB, the default, are what one may hope for.
    pub limit: u64,
}

impl Default for PutPictureOptions {
    fn default() -> Self {
        Self { limit: 10_000_000 }
    }
}

/// The sizes in which a service keeps a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PictureSize {
    /// As it was put there.
    #[default]
    Full,
    /// Made smaller by the service.
    Thumbnail,
}

impl PictureSize {
    /// The value as it travels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Thumbnail => "thumbnail",
        }
    }
}

/// A picture that a view has now.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PutPicture {
    /// What the file says about itself.
    pub header: PngHeader,
    /// How many bytes the file has.
    pub bytes: u64,
    /// The link to the picture in full size, read back. Whoever knows it may read the picture; it may be a data URL.
    pub href: String,
}

impl std::fmt::Debug for PutPicture {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The link is a secret.
        let mut shown = formatter.debug_struct("PutPicture");
        shown.field("header", &self.header).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// Why a view has no new picture.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PutPictureError {
    /// The file cannot be read. Nothing was sent.
    #[error("the picture cannot be read")]
    Source(#[source] SourceError),
    /// The file is too large. Nothing was sent.
    #[error("the picture has more than {limit} bytes; make it smaller")]
    TooLarge {
        /// The most it may have.
        limit: u64,
    },
    /// The file is no whole PNG. Nothing was sent.
    #[error("the picture is no whole PNG, and saved views take no other")]
    NotPng(#[source] PngError),
    /// The picture is not accepted, or did not arrive.
    #[error("the picture cannot be put on saved view {view_id}")]
    Update {
        /// The view.
        view_id: String,
        /// Why.
        #[source]
        source: Error<UpdateImageError>,
    },
    /// The picture is accepted, and cannot be asked for.
    #[error("the picture was put on saved view {view_id}, but its link cannot be had")]
    ReadBack {
        /// The view.
        view_id: String,
        /// Why.
        #[source]
        source: Error<GetImageError>,
    },
}

/// Why a view's picture cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GetPictureError {
    /// There is no link to it.
    #[error("the link to the picture of saved view {view_id} cannot be had")]
    Link {
        /// The view.
        view_id: String,
        /// Why.
        #[source]
        source: Error<GetImageError>,
    },
    /// The link is a picture itself, and damaged.
    #[error("the service gave a damaged data URL as the picture of saved view {view_id}")]
    DataUrl {
        /// The view.
        view_id: String,
    },
    /// What is behind the link cannot be read.
    #[error("the picture of saved view {view_id} cannot be read")]
    Follow {
        /// The view.
        view_id: String,
        /// Why.
        #[source]
        source: LinkError,
    },
}

impl<T: Transport> SavedViewsClient<T> {
    /// Puts a PNG on a saved view, in the place of what it had, and reads the link to it back.
    ///
    /// The file is read whole and checked from its signature to its end before anything is sent: a picture that was cut off is
    /// not let near the view. It counts as sent for its [`Progress`](crate::Progress) while it is read.
    ///
    /// ```no_run
    /// use pentaprism_client::dialects::saved_views::SavedViewsClient;
    /// use pentaprism_client::upload::saved_views::{PutPictureError, PutPictureOptions};
    /// use pentaprism_client::{Credential, HyperTransport, Source};
    ///
    /// # async fn example(view: &str) -> Result<(), Box<dyn std::error::Error>> {
    /// let base = "http://127.0.0.1:8470".parse()?;
    /// let views = SavedViewsClient::new(HyperTransport::new()?, base, Credential::bearer("pentaprism-dev")?);
    /// let picture = Source::file("view.png").await?;
    /// match views.put_picture(view, picture, &PutPictureOptions::default()).await {
    ///     Ok(picture) => println!("{} by {} pixels", picture.header.width, picture.header.height),
    ///     Err(PutPictureError::NotPng(reason)) => println!("convert it first: {reason}"),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`PutPictureError`].
    pub async fn put_picture(
        &self,
        view_id: &str,
        picture: impl Into<Source>,
        options: &PutPictureOptions,
    ) -> Result<PutPicture, PutPictureError> {
        let (source, limit) = (picture.into(), options.limit);
        if source.length().is_some_and(|length| length > limit) {
            return Err(PutPictureError::TooLarge { limit });
        }
        let (body, sent) = source.sending().await.map_err(PutPictureError::Source)?;
        let put = async {
            let file = read(body, limit).await?;
            let bytes = file.len() as u64;
            let checked =
                tokio::task::spawn_blocking(move || check_png(&file).map(|header| (header, update(&file)))).await;
            let checked = checked.map_err(|error| PutPictureError::Source(SourceError::Other(Box::new(error))))?;
            let (header, body) = checked.map_err(PutPictureError::NotPng)?;
            let input = UpdateImage { saved_view_id: view_id.to_owned(), body };
            let updated = self.update_image(&input).await;
            updated.map_err(|source| PutPictureError::Update { view_id: view_id.to_owned(), source })?;
            Ok((header, bytes))
        };
        let (header, bytes) = put.await.inspect_err(|_| sent.take_back())?;
        sent.acknowledge();
        let href = self.href(view_id, PictureSize::Full).await;
        let href = href.map_err(|source| PutPictureError::ReadBack { view_id: view_id.to_owned(), source })?;
        Ok(PutPicture { header, bytes, href })
    }

    /// Gets the picture of a saved view. A link is followed without the credential, over this client's transport; a data URL is
    /// the picture itself.
    ///
    /// # Errors
    /// [`GetPictureError`].
    pub async fn get_picture(&self, view_id: &str, size: PictureSize) -> Result<Download, GetPictureError> {
        let href = self.href(view_id, size).await;
        let href = href.map_err(|source| GetPictureError::Link { view_id: view_id.to_owned(), source })?;
        if href.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
            return data_url(&href).ok_or_else(|| GetPictureError::DataUrl { view_id: view_id.to_owned() });
        }
        let download = link::follow(self.caller(), &href, 0).await;
        download.map_err(|source| GetPictureError::Follow { view_id: view_id.to_owned(), source })
    }

    async fn href(&self, view_id: &str, size: PictureSize) -> Result<String, Error<GetImageError>> {
        let input = GetImage { saved_view_id: view_id.to_owned(), size: Some(size.as_str().to_owned()) };
        self.get_image(&input).await.map(|link| link.body.href)
    }
}

async fn read(mut body: Body, limit: u64) -> Result<Bytes, PutPictureError> {
    let mut file = BytesMut::new();
    while let Some(piece) = body.data().await {
        let piece = piece.map_err(|error| PutPictureError::Source(SourceError::Other(Box::new(error))))?;
        if (file.len() + piece.len()) as u64 > limit {
            return Err(PutPictureError::TooLarge { limit });
        }
        file.extend_from_slice(&piece);
    }
    Ok(file.freeze())
}

/// The JSON of the request, written at once: neither a data URL nor its alphabet needs an escape.
fn update(file: &[u8]) -> Bytes {
    const BEFORE: &str = "{\"image\":\"data:image/png;base64,";
    const BEHIND: &str = "\"}";
    let mut text = String::with_capacity(BEFORE.len() + file.len().div_ceil(3) * 4 + BEHIND.len());
    text.push_str(BEFORE);
    STANDARD.encode_string(file, &mut text);
    text.push_str(BEHIND);
    Bytes::from(text)
}

/// What a data URL (RFC 2397) holds.
fn data_url(url: &str) -> Option<Download> {
    let (head, data) = url.get(5..)?.split_once(',')?;
    let (media_type, is_base64) = match head.rsplit_once(';') {
        Some((media_type, last)) if last.trim().eq_ignore_ascii_case("base64") => (media_type, true),
        _ => (head, false),
    };
    let plain: Vec<u8> = percent_decode_str(data).collect();
    let bytes =
        if is_base64 { STANDARD.decode(&plain).or_else(|_| STANDARD_NO_PAD.decode(&plain)).ok()? } else { plain };
    let media_type = (!media_type.is_empty()).then(|| media_type.to_owned());
    Some(Download { length: Some(bytes.len() as u64), media_type, from: 0, body: Body::from(bytes) })
}

#[cfg(test)]
#[path = "tests/saved_views.rs"]
mod tests;
