//! `PUT /savedviews/{savedViewId}/image`: a picture is checked, gets its thumbnail, and replaces the one before.

use bytes::Bytes;
use pentaprism_core::dialects::saved_views::DIALECT;
use pentaprism_core::dialects::saved_views::update_image::UpdateImage;
use pentaprism_store::{Account, Received, UploadRequest};

use super::SavedViews;
use super::answer::{Answer, in_body, no_object, too_busy};
use super::caller::Caller;
use super::changes::{self, ThumbnailBytes};
use super::image_update::{self, BodyMistake};
use super::problem::Problem;
use super::view::{ACCOUNT, Links};
use crate::measure::chain;
use crate::notes;
use crate::pictures::{PictureError, Thumbnail};

impl SavedViews {
    /// Puts a picture on a view. Whatever is refused or fails leaves the earlier one; tokens are made for pictures that
    /// were accepted only.
    pub(super) async fn update(&self, caller: Caller, input: UpdateImage) -> Result<(), Problem> {
        let UpdateImage { saved_view_id: id, body } = input;
        self.look_up_to_change(caller, &id).await?;
        let picture = image_update::picture(body).await.map_err(mistake)?;
        let thumbnail = self.thumbnail(picture.clone()).await?;
        let _turn = self.turns.wait(&id).await?;
        changes::anew(|| self.put(caller, &id, &picture, &thumbnail)).await
    }

    /// Puts a picture that was verified on the view as it is now: what was changed meanwhile is kept, or forbids the picture.
    async fn put(&self, caller: Caller, id: &str, picture: &Bytes, thumbnail: &Thumbnail) -> Result<(), Problem> {
        let view = self.look_up_to_change(caller, id).await?;
        let tokens = &self.context.tokens;
        let (full, small) = (tokens.next_text(), tokens.next_text());
        let links = Links { full, thumbnail: small };
        let received = self.receive(picture.clone()).await?;
        let (bytes, beside) = if thumbnail.is_the_picture {
            (ThumbnailBytes::OfThePicture, Vec::new())
        } else {
            (ThumbnailBytes::Beside, vec![self.receive(thumbnail.bytes.clone()).await?])
        };
        received.commit_with(beside, changes::new_picture(&view, links, bytes)).await?;
        Ok(())
    }

    /// Verifies a picture and makes its thumbnail.
    async fn thumbnail(&self, picture: Bytes) -> Result<Thumbnail, Problem> {
        let settings = &self.context.settings.saved_views;
        let (side, pixels) = (settings.thumbnail_pixels, settings.picture_pixels);
        let made = self.context.pictures.thumbnail(picture, side, pixels).await;
        made.map_err(|error| refused_picture(error, pixels))
    }

    async fn receive(&self, bytes: Bytes) -> Result<Received, Problem> {
        let account = Account::new(DIALECT, ACCOUNT).with_quota(self.context.settings.saved_views.quota_bytes);
        let request = UploadRequest::new(account).declared(Some(bytes.len() as u64));
        let mut upload = self.context.store.begin(request).await?;
        upload.push(bytes).await?;
        Ok(upload.finish().await?)
    }
}

fn mistake(mistake: BodyMistake) -> Problem {
    match mistake {
        BodyMistake::NotAnObject => Answer::unprocessable(MESSAGE, vec![no_object()]),
        BodyMistake::NotAnImage => no_image(NOT_AN_IMAGE),
    }
    .into()
}

const MESSAGE: &str = "Cannot update savedview.";
const NOT_AN_IMAGE: &str = "image must be a base64Image.";

fn no_image(text: impl Into<String>) -> Answer {
    Answer::unprocessable(MESSAGE, vec![in_body(text, Some("image"))])
}

/// D-098.
fn refused_picture(error: PictureError, limit: u64) -> Problem {
    notes::refused_by(&error);
    match error {
        PictureError::TooManyPixels { .. } | PictureError::SideTooLong { .. } | PictureError::TooLarge { .. } => {
            no_image(format!("image must have at most {limit} pixels.")).into()
        }
        PictureError::NotAPicture(_) | PictureError::NotPng { .. } | PictureError::Damaged(_) => {
            no_image(NOT_AN_IMAGE).into()
        }
        temporary @ (PictureError::Busy { .. } | PictureError::Deadline { .. } | PictureError::Stopped) => {
            tracing::warn!(error = ?chain(&temporary), "a picture did not get its turn");
            too_busy().into()
        }
    }
}
