//! Pictures of saved views: `views:SAVED_VIEW_ID` and `views:SAVED_VIEW_ID/thumbnail`.

use http::StatusCode;
use pentaprism_client::dialects::saved_views::SavedViewsClient;
use pentaprism_client::upload::saved_views::{GetPictureError, PictureSize, PutPictureError, PutPictureOptions};
use pentaprism_client::{Error, Transport};
use pentaprism_core::dialects::saved_views::delete_saved_view::DeleteSavedView;
use pentaprism_core::dialects::saved_views::get_all_saved_views::GetAllSavedViews;
use pentaprism_core::dialects::saved_views::get_image::{GetImage, GetImageError};
use pentaprism_core::dialects::saved_views::get_saved_view::GetSavedView;
use pentaprism_core::dialects::saved_views::models::{ErrorCode, SavedView};

use super::spot::{Listing, Pages, Pauses, Spot};
use super::witness::Witness;
use super::{Answer, Fetched, ListQuery, Placed, Remote, Taker, Upload};
use crate::remote::address::{Address, Place};
use crate::remote::entry::{Entry, Kind};
use crate::remote::failure::{Failure, FailureKind};
use crate::remote::profiles::Places;

/// Views on a page of a listing: the most that the service gives.
const PAGE: u64 = 100;

/// The picture of a saved view, or all views.
pub struct SavedViews<T> {
    client: SavedViewsClient<T>,
    spot: Spot,
    itwin: Option<String>,
    imodel: Option<String>,
    view: Option<String>,
    size: PictureSize,
}

impl<T: Transport> SavedViews<T> {
    /// The picture of `view` where `spot` says. Listings are of the iTwin, and perhaps the iModel, of `places`.
    pub fn new(
        client: SavedViewsClient<T>,
        spot: Spot,
        places: &Places,
        view: Option<String>,
        thumbnail: bool,
    ) -> Self {
        let size = if thumbnail { PictureSize::Thumbnail } else { PictureSize::Full };
        Self { client, spot, itwin: places.itwin.clone(), imodel: places.imodel.clone(), view, size }
    }

    async fn upload(&self, upload: Upload) -> Result<Placed, Failure> {
        let Upload { source, options, .. } = upload;
        let view = self.view()?;
        self.not_of_a_thumbnail("take a thumbnail", "it makes thumbnails itself, of the picture in full size")?;
        let (source, witness) =
            Witness::of(source, options.verify).await.map_err(|error| self.spot.unreadable(&error))?;
        let put = self.client.put_picture(view, source, &PutPictureOptions::default()).await;
        let put = put.map_err(|error| self.not_put(&error))?;
        let mut verified = None;
        if options.verify {
            let back = self.client.get_picture(view, PictureSize::Full).await;
            let back = back.map_err(|error| self.not_got(&error))?;
            verified = Some(witness.compare(&self.spot, back.body).await?);
        }
        let entry = Entry {
            size: Some(put.bytes),
            media_type: Some("image/png".to_owned()),
            pixels: Some((put.header.width, put.header.height)),
            ..Entry::new(self.spot.address.clone(), Kind::Image)
        };
        Ok(Placed { address: self.spot.address.clone(), entry, bytes: put.bytes, verified })
    }

    async fn fetch(&self) -> Result<Fetched, Failure> {
        let view = self.view()?;
        let picture = self.client.get_picture(view, self.size).await.map_err(|error| self.not_got(&error))?;
        let suffix = if self.size == PictureSize::Thumbnail { "-thumbnail" } else { "" };
        Ok(Fetched {
            from: picture.from,
            length: picture.length,
            media_type: picture.media_type,
            file_name: Some(format!("{view}{suffix}.png")),
            version: None,
            checksums: Vec::new(),
            body: picture.body,
        })
    }

    async fn listed(&self, query: &ListQuery, take: Taker<'_>) -> Result<(), Failure> {
        let mut listing = Listing::new(query, take);
        if self.view.is_some() {
            let entry = self.stated("listing").await?;
            let name = entry.name.clone().unwrap_or_default();
            return listing.give(&name, entry);
        }
        if self.itwin.is_none() && self.imodel.is_none() {
            return Err(self
                .spot
                .usage("it is not known which iTwin's views are meant")
                .advise("name it with `itwin` in `[PROFILE.saved_views]` of the profile"));
        }
        let mut skip: u64 = 0;
        let mut pages = Pages::default();
        while !listing.is_full() {
            let input = GetAllSavedViews {
                itwin_id: self.itwin.clone(),
                imodel_id: self.imodel.clone(),
                top: Some(PAGE.to_string()),
                skip: Some(skip.to_string()),
                ..GetAllSavedViews::default()
            };
            let page = self.client.get_all_saved_views(&input).await;
            let page = page.map_err(|error| self.spot.call("listing", &error))?.body;
            if let Some(first) = page.saved_views.first() {
                pages.turn(&first.id, &self.spot)?;
            }
            for view in &page.saved_views {
                listing.give(&view.display_name, self.entry(view))?;
            }
            skip += page.saved_views.len() as u64;
            if page.links.next.is_none() || page.saved_views.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// The view and whether it has a picture; of a thumbnail, only that it is there.
    async fn stated(&self, what: &str) -> Result<Entry, Failure> {
        let view = self.view()?;
        let pictured = self.has_picture(what).await?;
        if self.size == PictureSize::Thumbnail {
            let entry = Entry::new(self.spot.address.clone(), Kind::Image);
            return if pictured { Ok(entry) } else { Err(self.spot.not_found()) };
        }
        let input = GetSavedView { saved_view_id: view.to_owned(), ..GetSavedView::default() };
        let answer = self.client.get_saved_view(&input).await.map_err(|error| self.spot.call(what, &error))?;
        let status = if pictured { "with picture" } else { "without picture" };
        Ok(Entry { status: Some(status.to_owned()), ..self.entry(&answer.body.saved_view) })
    }

    async fn removed(&self, recursive: bool) -> Result<(), Failure> {
        let saved_view_id = self.view()?.to_owned();
        self.not_of_a_thumbnail("delete a thumbnail", "it goes with the view")?;
        if !recursive {
            return Err(self
                .spot
                .usage("a picture cannot be deleted alone")
                .advise("-r deletes the saved view itself, with its picture"));
        }
        let deleted = self.client.delete_saved_view(&DeleteSavedView { saved_view_id }).await;
        deleted.map(drop).map_err(|error| self.spot.call("deletion", &error))
    }

    async fn awaited(&self, gone: bool) -> Result<Option<Entry>, Failure> {
        let mut pauses = Pauses::new(self.client.caller().retry().clock());
        loop {
            match self.has_picture("wait").await {
                Ok(true) if !gone => return self.stated("wait").await.map(Some),
                Err(Failure { kind: FailureKind::NotFound, .. }) if gone => return Ok(None),
                Err(failure) => return Err(failure),
                Ok(_) => pauses.pause().await,
            }
        }
    }

    /// Whether the view has a picture. That the view is not there is a failure.
    async fn has_picture(&self, what: &str) -> Result<bool, Failure> {
        let input = GetImage { saved_view_id: self.view()?.to_owned(), size: Some(self.size.as_str().to_owned()) };
        match self.client.get_image(&input).await {
            Ok(_) => Ok(true),
            Err(error) if is_pictureless(&error) => Ok(false),
            Err(error) => Err(self.spot.call(what, &error)),
        }
    }

    fn view(&self) -> Result<&str, Failure> {
        self.view.as_deref().ok_or_else(|| {
            self.spot.usage("this is all views; write views:SAVED_VIEW_ID").advise("`pentaprism ls views:` lists them")
        })
    }

    fn not_of_a_thumbnail(&self, what: &str, why: &str) -> Result<(), Failure> {
        match self.size {
            PictureSize::Full => Ok(()),
            PictureSize::Thumbnail => {
                Err(self.spot.not_supported(what, why).advise("leave out `/thumbnail` to mean the view"))
            }
        }
    }

    fn entry(&self, view: &SavedView) -> Entry {
        let place = Place::SavedViews { view: Some(view.id.clone()), thumbnail: false };
        Entry {
            name: Some(view.display_name.clone()),
            modified: view.last_modified.or(view.creation_time).map(|time| time.to_string()),
            details: serde_json::to_value(view).unwrap_or_default(),
            ..Entry::new(self.spot.at(place), Kind::View)
        }
    }

    fn not_put(&self, error: &PutPictureError) -> Failure {
        let spot = &self.spot;
        let not_sent = || spot.usage("the picture was not sent").because(error);
        match error {
            PutPictureError::Source(source) => spot.unreadable(source),
            PutPictureError::TooLarge { .. } => not_sent(),
            PutPictureError::NotPng(_) => not_sent().advise("convert it with --to-png"),
            PutPictureError::Update { source, .. } => spot.call("upload", source),
            PutPictureError::ReadBack { source, .. } => spot.call("look at what was uploaded", source),
            _ => Failure::new(FailureKind::Other, spot.of("upload")).because(error),
        }
    }

    fn not_got(&self, error: &GetPictureError) -> Failure {
        match error {
            GetPictureError::Link { source, .. } if is_pictureless(source) => {
                self.spot.not_found().cause("the view is there, and nobody has put a picture on it").advise(format!(
                    "put one there with `pentaprism cp FILE.png {}`, or wait for it with `pentaprism wait`",
                    self.spot.address
                ))
            }
            GetPictureError::Link { source, .. } => self.spot.call("download", source),
            GetPictureError::Follow { source, .. } => self.spot.link(source),
            _ => {
                Failure::new(FailureKind::ServiceFailed, format!("{} cannot be read", self.spot.address)).because(error)
            }
        }
    }
}

impl<T: Transport> Remote for SavedViews<T> {
    fn address(&self) -> &Address {
        &self.spot.address
    }

    fn server(&self) -> &str {
        &self.spot.server
    }

    fn put(&self, upload: Upload) -> Answer<'_, Placed> {
        Box::pin(self.upload(upload))
    }

    fn get(&self, _: u64) -> Answer<'_, Fetched> {
        Box::pin(self.fetch())
    }

    fn list<'a>(&'a self, query: &'a ListQuery, take: Taker<'a>) -> Answer<'a, ()> {
        Box::pin(self.listed(query, take))
    }

    fn stat(&self) -> Answer<'_, Entry> {
        Box::pin(self.stated("look"))
    }

    fn remove(&self, recursive: bool) -> Answer<'_, ()> {
        Box::pin(self.removed(recursive))
    }

    fn wait(&self, gone: bool) -> Answer<'_, Option<Entry>> {
        Box::pin(self.awaited(gone))
    }
}

/// Whether the view is there and has no picture.
fn is_pictureless(error: &Error<GetImageError>) -> bool {
    error.status() == Some(StatusCode::NOT_FOUND)
        && matches!(error.refused(), Some(GetImageError::NotFound { body }) if body.error.code == Some(ErrorCode::ImageNotFound))
}
