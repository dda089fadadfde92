//! The OpenStack Image service: images are registered first and filled with bytes afterwards.
//!
//! One module per operation; what they share is in `image` (the record), `visibility` (who sees and changes it) and
//! `problem` (how a failure becomes a documented answer). An image is a name in the store: dialect `glance`, scope `images`,
//! its id as the key. A member of it is a name in the scope `members/<image>`. Every wait on the store ends by the store's own
//! deadline, which is then a 503 (D-019).

mod caller;
mod create;
mod delete;
mod download;
mod faults;
mod image;
mod list;
mod list_query;
mod literal;
mod members;
mod problem;
mod refusals;
mod schema;
mod show;
mod upload;
mod validation;
mod versions;
mod visibility;

use http::request::Parts;
use http::{HeaderValue, Request, Response};
use pentaprism_core::dialects::glance as wire;
use pentaprism_core::{Body, Operation, OperationInfo};
use pentaprism_server::{Api, Call, Failure, Refusal, dialects};
use wire::create_image::{CreateImage, CreateImageError, CreateImageOk};
use wire::create_image_member::{CreateImageMember, CreateImageMemberError, CreateImageMemberOk};
use wire::delete_image::{DeleteImage, DeleteImageError, DeleteImageOk};
use wire::delete_image_member::{DeleteImageMember, DeleteImageMemberError, DeleteImageMemberOk};
use wire::discover_versions::{DiscoverVersions, DiscoverVersionsError, DiscoverVersionsOk};
use wire::download_image_data::{DownloadImageData, DownloadImageDataError, DownloadImageDataOk};
use wire::list_image_members::{ListImageMembers, ListImageMembersError, ListImageMembersOk};
use wire::list_images::{ListImages, ListImagesError, ListImagesOk};
use wire::list_versions::{ListVersions, ListVersionsError, ListVersionsOk};
use wire::show_image::{ShowImage, ShowImageError, ShowImageOk};
use wire::show_image_member::{ShowImageMember, ShowImageMemberError, ShowImageMemberOk};
use wire::show_image_schema::{ShowImageSchema, ShowImageSchemaError, ShowImageSchemaOk};
use wire::show_images_schema::{ShowImagesSchema, ShowImagesSchemaError, ShowImagesSchemaOk};
use wire::show_member_schema::{ShowMemberSchema, ShowMemberSchemaError, ShowMemberSchemaOk};
use wire::show_members_schema::{ShowMembersSchema, ShowMembersSchemaError, ShowMembersSchemaOk};
use wire::update_image_member::{UpdateImageMember, UpdateImageMemberError, UpdateImageMemberOk};
use wire::upload_image_data::{UploadImageData, UploadImageDataError, UploadImageDataOk};

pub use caller::Caller;

use crate::context::Context;
use crate::site::base_url;
use faults::request_id;

/// Bytes of JSON that describe an image, at most: 128 properties and tags of usual length many times over.
const LARGEST_IMAGE: u64 = 1 << 20;
/// Bytes of JSON that describe a member, at most.
const LARGEST_MEMBER: u64 = 64 << 10;

/// The handlers of all operations.
#[derive(Clone)]
pub struct Glance {
    context: Context,
}

impl Glance {
    /// Handlers over the store and settings of `context`.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self { context }
    }

    /// Answers a request whose path belongs to this dialect.
    pub async fn answer(&self, mut request: Request<Body>) -> Response<Body> {
        // A size that is no text is no number either. It is refused where numbers are, after who may upload what (D-010);
        // the bindings would refuse it first.
        if let Some(size) = request.headers_mut().get_mut("x-openstack-image-size")
            && size.to_str().is_err()
        {
            *size = HeaderValue::from_static("not text");
        }
        dialects::glance::serve(self, request).await
    }
}

impl Api for Glance {
    type Caller = Caller;

    async fn authenticate(
        &self,
        head: &Parts,
        operation: Option<&'static OperationInfo>,
    ) -> Result<Self::Caller, Refusal> {
        caller::identify(&self.context.principals, &head.headers, operation)
    }

    fn refuse(&self, head: &Parts, operation: Option<&'static OperationInfo>, refusal: Refusal) -> Response<Body> {
        refusals::refuse(&self.context.settings, head, operation, &refusal)
    }

    fn collected_body_limit(&self, operation: &'static OperationInfo) -> u64 {
        if *operation == CreateImage::INFO { LARGEST_IMAGE } else { LARGEST_MEMBER }
    }
}

impl dialects::glance::Glance for Glance {
    async fn upload_image_data(
        &self,
        call: &Call<Caller>,
        input: UploadImageData,
        body: Body,
    ) -> Result<UploadImageDataOk, Failure<UploadImageDataError>> {
        let stored = self.upload(&call.caller, &input, body).await;
        stored.map_err(|problem| problem.into_failure(&call.head))?;
        Ok(UploadImageDataOk { x_openstack_request_id: request_id(&call.head) })
    }

    async fn download_image_data(
        &self,
        call: &Call<Caller>,
        input: DownloadImageData,
    ) -> Result<(DownloadImageDataOk, Option<Body>), Failure<DownloadImageDataError>> {
        let download = self.download(&call.caller, &call.head.headers, &input).await;
        let download = download.map_err(|problem| problem.into_failure(&call.head))?;
        Ok(download.answer(request_id(&call.head)))
    }

    async fn list_images(
        &self,
        call: &Call<Caller>,
        input: ListImages,
    ) -> Result<ListImagesOk, Failure<ListImagesError>> {
        let listed = self.list(&call.caller, &input).await;
        let body = listed.map_err(|problem| problem.into_failure(&call.head))?;
        Ok(ListImagesOk { x_openstack_request_id: request_id(&call.head), body })
    }

    async fn create_image(
        &self,
        call: &Call<Caller>,
        input: CreateImage,
    ) -> Result<CreateImageOk, Failure<CreateImageError>> {
        let created = self.create(&call.caller, &input.body).await;
        let image = created.map_err(|problem| problem.into_failure(&call.head))?;
        let base_url = base_url(&call.head, &self.context.settings);
        Ok(CreateImageOk {
            x_openstack_request_id: request_id(&call.head),
            location: format!("{base_url}{}", image::path(image.id)),
            body: image.to_model(),
        })
    }

    async fn show_image(&self, call: &Call<Caller>, input: ShowImage) -> Result<ShowImageOk, Failure<ShowImageError>> {
        let shown = self.show(&call.caller, &input.image_id).await;
        let image = shown.map_err(|problem| problem.into_failure(&call.head))?;
        Ok(ShowImageOk { x_openstack_request_id: request_id(&call.head), body: image.to_model() })
    }

    async fn delete_image(
        &self,
        call: &Call<Caller>,
        input: DeleteImage,
    ) -> Result<DeleteImageOk, Failure<DeleteImageError>> {
        let deleted = self.delete(&call.caller, &input.image_id).await;
        deleted.map_err(|problem| problem.into_failure(&call.head))?;
        Ok(DeleteImageOk { x_openstack_request_id: request_id(&call.head) })
    }

    async fn list_image_members(
        &self,
        call: &Call<Caller>,
        input: ListImageMembers,
    ) -> Result<ListImageMembersOk, Failure<ListImageMembersError>> {
        let members = self.list_members(&call.caller, &input.image_id).await;
        let body = members.map_err(|problem| problem.into_failure(&call.head))?;
        Ok(ListImageMembersOk { x_openstack_request_id: request_id(&call.head), body })
    }

    async fn create_image_member(
        &self,
        call: &Call<Caller>,
        input: CreateImageMember,
    ) -> Result<CreateImageMemberOk, Failure<CreateImageMemberError>> {
        let member = self.create_member(&call.caller, &input).await;
        let body = member.map_err(|problem| problem.into_failure(&call.head))?;
        Ok(CreateImageMemberOk { x_openstack_request_id: request_id(&call.head), body })
    }

    async fn show_image_member(
        &self,
        call: &Call<Caller>,
        input: ShowImageMember,
    ) -> Result<ShowImageMemberOk, Failure<ShowImageMemberError>> {
        let member = self.show_member(&call.caller, &input).await;
        let body = member.map_err(|problem| problem.into_failure(&call.head))?;
        Ok(ShowImageMemberOk { x_openstack_request_id: request_id(&call.head), body })
    }

    async fn update_image_member(
        &self,
        call: &Call<Caller>,
        input: UpdateImageMember,
    ) -> Result<UpdateImageMemberOk, Failure<UpdateImageMemberError>> {
        let member = self.update_member(&call.caller, &input).await;
        let body = member.map_err(|problem| problem.into_failure(&call.head))?;
        Ok(UpdateImageMemberOk { x_openstack_request_id: request_id(&call.head), body })
    }

    async fn delete_image_member(
        &self,
        call: &Call<Caller>,
        input: DeleteImageMember,
    ) -> Result<DeleteImageMemberOk, Failure<DeleteImageMemberError>> {
        let deleted = self.delete_member(&call.caller, &input).await;
        deleted.map_err(|problem| problem.into_failure(&call.head))?;
        Ok(DeleteImageMemberOk { x_openstack_request_id: request_id(&call.head) })
    }

    async fn show_image_schema(
        &self,
        call: &Call<Caller>,
        _input: ShowImageSchema,
    ) -> Result<ShowImageSchemaOk, Failure<ShowImageSchemaError>> {
        Ok(ShowImageSchemaOk { x_openstack_request_id: request_id(&call.head), body: schema::image() })
    }

    async fn show_images_schema(
        &self,
        call: &Call<Caller>,
        _input: ShowImagesSchema,
    ) -> Result<ShowImagesSchemaOk, Failure<ShowImagesSchemaError>> {
        Ok(ShowImagesSchemaOk { x_openstack_request_id: request_id(&call.head), body: schema::images() })
    }

    async fn show_member_schema(
        &self,
        call: &Call<Caller>,
        _input: ShowMemberSchema,
    ) -> Result<ShowMemberSchemaOk, Failure<ShowMemberSchemaError>> {
        Ok(ShowMemberSchemaOk { x_openstack_request_id: request_id(&call.head), body: schema::member() })
    }

    async fn show_members_schema(
        &self,
        call: &Call<Caller>,
        _input: ShowMembersSchema,
    ) -> Result<ShowMembersSchemaOk, Failure<ShowMembersSchemaError>> {
        Ok(ShowMembersSchemaOk { x_openstack_request_id: request_id(&call.head), body: schema::members() })
    }

    async fn discover_versions(
        &self,
        call: &Call<Caller>,
        _input: DiscoverVersions,
    ) -> Result<DiscoverVersionsOk, Failure<DiscoverVersionsError>> {
        let body = versions::document(&base_url(&call.head, &self.context.settings));
        Ok(DiscoverVersionsOk { x_openstack_request_id: request_id(&call.head), body })
    }

    async fn list_versions(
        &self,
        call: &Call<Caller>,
        _input: ListVersions,
    ) -> Result<ListVersionsOk, Failure<ListVersionsError>> {
        let body = versions::document(&base_url(&call.head, &self.context.settings));
        Ok(ListVersionsOk { x_openstack_request_id: request_id(&call.head), body })
    }
}

#[cfg(test)]
#[path = "tests/mod.rs"]
mod tests;
