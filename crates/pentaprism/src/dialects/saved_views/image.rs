//! `GET /savedviews/{savedViewId}/image`: where the picture or its thumbnail is (D-103, D-104).

use http::request::Parts;
use pentaprism_core::dialects::saved_views::get_image::GetImage;
use pentaprism_store::{Content, ReadError};

use super::SavedViews;
use super::answer::{Answer, image_not_found, in_parameter};
use super::caller::Caller;
use super::changes::{FULL_NAME, THUMBNAIL_NAME};
use super::data_url;
use super::embedded::{Embedded, Picture};
use super::problem::Problem;
use super::view::{View, thumbnail_key};
use crate::dialects::public::link;
use crate::settings::Href;
use crate::site::base_url;

/// How often a picture is looked up again when it is replaced between look-up and reading.
const ATTEMPTS: usize = 8;

/// Which of the two pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    Full,
    Thumbnail,
}

impl Size {
    fn parse(size: Option<&str>) -> Result<Self, Answer> {
        match size {
            Some("full") => Ok(Self::Full),
            Some("thumbnail") | None => Ok(Self::Thumbnail),
            Some(_) => Err(unknown_size()),
        }
    }
}

/// Any other size.
pub(super) fn unknown_size() -> Answer {
    let mistake = in_parameter("size must be full or thumbnail.", "size");
    Answer::unprocessable("Cannot retrieve saved view.", vec![mistake])
}

impl SavedViews {
    /// The link to a picture, or what its data URL begins with: the rest is put into the answer while it is sent.
    pub(super) async fn href(&self, caller: Caller, head: &Parts, input: &GetImage) -> Result<String, Problem> {
        let (view, _) = self.look_up(caller, &input.saved_view_id).await?;
        let size = Size::parse(input.size.as_deref())?;
        let links = view.attributes.links.as_ref().ok_or_else(image_not_found)?;
        if self.context.settings.saved_views.href == Href::Link {
            let (token, name) = match size {
                Size::Full => (&links.full, FULL_NAME),
                Size::Thumbnail => (&links.thumbnail, THUMBNAIL_NAME),
            };
            return Ok(link::url(&base_url(head, &self.context.settings), token, name));
        }
        let picture = self.open(caller, view, size).await?;
        let embedded = head.extensions.get::<Embedded>().ok_or_else(|| Problem::internal(NowhereToEmbed))?;
        embedded.set(picture);
        Ok(data_url::PREFIX.to_owned())
    }

    async fn open(&self, caller: Caller, mut view: View, size: Size) -> Result<Picture, Problem> {
        let id = view.name.key.key.clone();
        let mut gone = ReadError::Gone;
        for _ in 0..ATTEMPTS {
            let content = self.content(&view, size).await?.ok_or_else(image_not_found)?;
            match self.context.store.open_content(content).await {
                Err(replaced @ ReadError::Gone) => gone = replaced,
                opened => return Ok(Picture::of(&opened?)?),
            }
            (view, _) = self.look_up(caller, &id).await?;
        }
        Err(gone.into())
    }

    async fn content(&self, view: &View, size: Size) -> Result<Option<Content>, Problem> {
        match size {
            Size::Full => Ok(view.name.content),
            Size::Thumbnail => {
                let thumbnail = self.context.store.get(&thumbnail_key(&view.name.key.key)).await?;
                Ok(thumbnail.and_then(|thumbnail| thumbnail.content))
            }
        }
    }
}

/// A request did not come through [`SavedViews::answer`].
#[derive(Debug, thiserror::Error)]
#[error("the request has no place for a picture")]
struct NowhereToEmbed;
