//! The PingOne images on top of the store.
//!
//! What an operation answers stands in `specs/pingone.yaml`, why it does in `specs/decisions.md` (D-110 and up). An image is a name
//! of dialect `pingone` in the scope `images/<environment>`, its id is the key, its picture the content; nothing else hangs on it,
//! so that one change makes it and one ends it, with its link.

mod answer;
mod content_disposition;
mod convert;
mod create;
mod environment;
mod file_name;
mod picture_file;
mod problem;
mod record;
mod refusals;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use http::request::Parts;
use http::{Request, Response};
use pentaprism_core::dialects::pingone as wire;
use pentaprism_core::{Body, Operation, OperationInfo};
use pentaprism_server::dialects::pingone as bindings;
use pentaprism_server::{Api, Call, Failure, Refusal};
use pentaprism_store::{Change, Condition};
use wire::create_image::{CreateImage, CreateImageError, CreateImageOk};
use wire::delete_image::{DeleteImage, DeleteImageError, DeleteImageOk};
use wire::models::Image;
use wire::read_environment::{ReadEnvironment, ReadEnvironmentError, ReadEnvironmentOk};
use wire::read_image::{ReadImage, ReadImageError, ReadImageOk};
use wire::read_image_file::{ReadImageFile, ReadImageFileError, ReadImageFileOk};

use crate::access::Principal;
use crate::context::Context;
use crate::site::base_url;

use answer::correlation_id;
use convert::Converter;
use problem::Problem;
use record::{ImageKey, Record};

/// No operation has a body that is collected.
const COLLECTED_BODY_LIMIT: u64 = 0;

/// The handlers of all operations.
#[derive(Clone)]
pub struct PingOne {
    context: Context,
    converter: Arc<Converter>,
}

impl PingOne {
    /// Handlers over the store and settings of `context`.
    #[must_use]
    pub fn new(context: Context) -> Self {
        let converter = Arc::new(Converter::new(context.pictures.clone()));
        Self { context, converter }
    }

    /// Answers a request whose path belongs to this dialect.
    pub async fn answer(&self, request: Request<Body>) -> Response<Body> {
        bindings::serve(self, request).await
    }

    /// An image, and where it stands in the store.
    async fn look_up(&self, call: &Call<Arc<Principal>>, environment: &str, image: &str) -> Result<Image, Problem> {
        let environment = environment::of_caller(&self.context.settings.pingone, &call.caller, environment)?;
        let key = ImageKey { environment: environment.id, id: environment::id(image)? };
        let name = self.context.store.get(&key.name()).await?.ok_or(Problem::NotFound)?;
        Ok(Record::read(&name)?.show(key, name.created, &base_url(&call.head, &self.context.settings)))
    }

    async fn delete(&self, caller: &Principal, environment: &str, image: &str) -> Result<(), Problem> {
        let environment = environment::of_caller(&self.context.settings.pingone, caller, environment)?;
        let key = ImageKey { environment: environment.id, id: environment::id(image)? };
        self.context.store.apply(Change::new().delete(key.name(), Condition::EXISTS)).await?;
        Ok(())
    }
}

impl Api for PingOne {
    type Caller = Arc<Principal>;

    /// Links to pictures need no token, and whoever forgets `/v1` learns of that rather than of tokens (D-110).
    async fn authenticate(
        &self,
        head: &Parts,
        operation: Option<&'static OperationInfo>,
    ) -> Result<Arc<Principal>, Refusal> {
        let principals = &self.context.principals;
        let is_file = operation.is_some_and(|operation| *operation == ReadImageFile::INFO);
        if is_file || refusals::lacks_version(head.uri.path()) {
            return Ok(principals.anonymous());
        }
        let principal = principals.by_bearer(&head.headers).known()?;
        principals.count(&principal)?;
        Ok(principal)
    }

    fn refuse(&self, head: &Parts, operation: Option<&'static OperationInfo>, refusal: Refusal) -> Response<Body> {
        refusals::refuse(head, operation, &refusal)
    }

    fn collected_body_limit(&self, _operation: &'static OperationInfo) -> u64 {
        COLLECTED_BODY_LIMIT
    }
}

impl bindings::Pingone for PingOne {
    async fn create_image(
        &self,
        call: &Call<Arc<Principal>>,
        input: CreateImage,
        body: Body,
    ) -> Result<CreateImageOk, Failure<CreateImageError>> {
        let created = self.create(&call.caller, &base_url(&call.head, &self.context.settings), &input, body).await;
        let body = created.map_err(|problem| problem.into_failure(&call.head))?;
        Ok(CreateImageOk { correlation_id: correlation_id(&call.head).to_string(), body })
    }

    async fn read_image(
        &self,
        call: &Call<Arc<Principal>>,
        input: ReadImage,
    ) -> Result<ReadImageOk, Failure<ReadImageError>> {
        let image = self.look_up(call, &input.environment_id, &input.image_id).await;
        let body = image.map_err(|problem| problem.into_failure(&call.head))?;
        Ok(ReadImageOk { correlation_id: correlation_id(&call.head).to_string(), body })
    }

    async fn delete_image(
        &self,
        call: &Call<Arc<Principal>>,
        input: DeleteImage,
    ) -> Result<DeleteImageOk, Failure<DeleteImageError>> {
        let deleted = self.delete(&call.caller, &input.environment_id, &input.image_id).await;
        deleted.map_err(|problem| problem.into_failure(&call.head))?;
        Ok(DeleteImageOk { correlation_id: correlation_id(&call.head).to_string() })
    }

    async fn read_environment(
        &self,
        call: &Call<Arc<Principal>>,
        input: ReadEnvironment,
    ) -> Result<ReadEnvironmentOk, Failure<ReadEnvironmentError>> {
        let settings = &self.context.settings.pingone;
        let environment = environment::of_caller(settings, &call.caller, &input.environment_id);
        let environment = environment.map_err(|problem| problem.into_failure(&call.head))?;
        let body = environment::show(environment, &base_url(&call.head, &self.context.settings));
        Ok(ReadEnvironmentOk { correlation_id: correlation_id(&call.head).to_string(), body })
    }

    async fn read_image_file(
        &self,
        call: &Call<Arc<Principal>>,
        input: ReadImageFile,
    ) -> Result<(ReadImageFileOk, Option<Body>), Failure<ReadImageFileError>> {
        let correlation_id = correlation_id(&call.head).to_string();
        let read = picture_file::read(&self.context, &call.head.headers, &input, correlation_id).await;
        read.map_err(|problem| problem.into_file_failure(&call.head))
    }
}
