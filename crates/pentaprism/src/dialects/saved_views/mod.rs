//! iTwin Saved Views: saved views, and a picture on each in two sizes.
//!
//! A view is a name in the store: dialect `saved_views`, scope `views`, its id as the key, its picture as the content. The
//! thumbnail is a name of the same key in the scope `thumbnails`, and each of the two has a public link. All four change
//! together or not at all (D-101).

mod answer;
mod caller;
mod changes;
mod data_url;
mod default_view;
mod documents;
mod embedded;
mod image;
mod image_update;
mod list;
mod list_query;
mod new_view;
mod problem;
mod refusals;
#[cfg(test)]
mod tests;
mod upload;
mod view;
mod view_id;
mod views;

use std::sync::Arc;

use http::header::HeaderName;
use http::request::Parts;
use http::{Request, Response};
use pentaprism_core::dialects::saved_views as wire;
use pentaprism_core::{Body, Operation, OperationInfo};
use pentaprism_server::{Api, BodyBudget, Call, Failure, Refusal, dialects};
use pentaprism_store::Fault;
use wire::create_saved_view::{CreateSavedView, CreateSavedViewError, CreateSavedViewOk};
use wire::delete_saved_view::{DeleteSavedView, DeleteSavedViewError, DeleteSavedViewOk};
use wire::get_all_saved_views::{GetAllSavedViews, GetAllSavedViewsError, GetAllSavedViewsOk};
use wire::get_image::{GetImage, GetImageError, GetImageOk};
use wire::get_saved_view::{GetSavedView, GetSavedViewError, GetSavedViewOk};
use wire::models::ImageResponse;
use wire::update_image::{UpdateImage, UpdateImageError, UpdateImageOk};

pub use caller::Caller;

use crate::context::Context;

use changes::Turns;
use documents::{Documents, Held};
use embedded::Embedded;
use problem::Problem;

/// Memory for bodies that are being collected and taken apart, in bytes: one of the usual limit, or many small ones. The
/// pictures lie in the memory of their bodies until they are stored.
const BODY_MEMORY: u32 = 16 << 20;

/// The largest body of a creation in bytes. Every member of a view costs many times its length while it is read.
const LARGEST_VIEW: u64 = 256 << 10;

/// Says whether extensions are shown in full (D-108). What is no text counts as absent.
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The handlers of all operations.
#[derive(Clone)]
pub struct SavedViews {
    context: Context,
    bodies: Arc<BodyBudget>,
    documents: Arc<Documents>,
    turns: Arc<Turns>,
}

impl SavedViews {
    /// Handlers over the store and settings of `context`.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self {
            context,
            bodies: Arc::new(BodyBudget::new(BODY_MEMORY)),
            documents: Arc::default(),
            turns: Arc::default(),
        }
    }

    /// Makes the view that exists from the start, unless it is there or was deleted (D-091).
    ///
    /// # Errors
    /// The store's [`Fault`].
    pub async fn prepare(&self) -> Result<(), Fault> {
        default_view::prepare(&self.context).await
    }

    /// Answers a request whose path belongs to this dialect.
    pub async fn answer(&self, mut request: Request<Body>) -> Response<Body> {
        if request.headers().get(PREFER).is_some_and(|prefer| prefer.to_str().is_err()) {
            request.headers_mut().remove(PREFER);
        }
        let embedded = Embedded::default();
        request.extensions_mut().insert(embedded.clone());
        request.extensions_mut().insert(Held::default());
        embedded.put_into(dialects::saved_views::serve(self, request).await)
    }
}

impl Api for SavedViews {
    type Caller = Caller;

    async fn authenticate(&self, head: &Parts, _: Option<&'static OperationInfo>) -> Result<Caller, Refusal> {
        caller::identify(&self.context.principals, &head.headers)
    }

    fn refuse(&self, _: &Parts, operation: Option<&'static OperationInfo>, refusal: Refusal) -> Response<Body> {
        refusals::refuse(self.context.settings.saved_views.follow, operation, &refusal)
    }

    fn collected_body_limit(&self, operation: &'static OperationInfo) -> u64 {
        let limit = self.context.settings.saved_views.body_bytes;
        if *operation == UpdateImage::INFO { limit } else { limit.min(LARGEST_VIEW) }
    }

    fn collected_body_budget(&self) -> Option<&BodyBudget> {
        Some(&self.bodies)
    }
}

impl dialects::saved_views::SavedViews for SavedViews {
    async fn update_image(
        &self,
        call: &Call<Caller>,
        input: UpdateImage,
    ) -> Result<UpdateImageOk, Failure<UpdateImageError>> {
        self.update(call.caller, input).await.map_err(Problem::into_failure)?;
        Ok(UpdateImageOk {})
    }

    async fn get_image(&self, call: &Call<Caller>, input: GetImage) -> Result<GetImageOk, Failure<GetImageError>> {
        let href = self.href(call.caller, &call.head, &input).await.map_err(Problem::into_failure)?;
        Ok(GetImageOk { body: ImageResponse { href } })
    }

    async fn create_saved_view(
        &self,
        call: &Call<Caller>,
        input: CreateSavedView,
    ) -> Result<CreateSavedViewOk, Failure<CreateSavedViewError>> {
        let body = self.create(call.caller, &call.head, &input).await.map_err(Problem::into_failure)?;
        Ok(CreateSavedViewOk { body })
    }

    async fn get_saved_view(
        &self,
        call: &Call<Caller>,
        input: GetSavedView,
    ) -> Result<GetSavedViewOk, Failure<GetSavedViewError>> {
        let body = self.show(call.caller, &call.head, &input).await.map_err(Problem::into_failure)?;
        Ok(GetSavedViewOk { body })
    }

    async fn get_all_saved_views(
        &self,
        call: &Call<Caller>,
        input: GetAllSavedViews,
    ) -> Result<GetAllSavedViewsOk, Failure<GetAllSavedViewsError>> {
        let body = self.list(call.caller, &call.head, &input).await.map_err(Problem::into_failure)?;
        Ok(GetAllSavedViewsOk { body })
    }

    async fn delete_saved_view(
        &self,
        call: &Call<Caller>,
        input: DeleteSavedView,
    ) -> Result<DeleteSavedViewOk, Failure<DeleteSavedViewError>> {
        self.delete(call.caller, &input.saved_view_id).await.map_err(Problem::into_failure)?;
        Ok(DeleteSavedViewOk {})
    }
}
