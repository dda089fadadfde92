//! The Azure Sphere image upload on top of the store.
//!
//! What an operation answers stands in `specs/azure_sphere.yaml`, why it does in `specs/decisions.md` (D-070 and up). A package is
//! stored by the request that brings it (`upload`), under an operation that waits; the `worker` makes an image of it. How the store
//! keeps both is in `record`. Every wait on the store ends by the store's own deadline, which is then a 500 (D-086).

mod answer;
mod bell;
mod package;
mod patience;
mod problem;
mod read;
mod record;
mod refusals;
mod tenant;
#[cfg(test)]
mod tests;
mod turns;
mod upload;
mod worker;

use std::sync::{Arc, Mutex, PoisonError};

use http::request::Parts;
use http::{Request, Response};
use pentaprism_core::dialects::azure_sphere as wire;
use pentaprism_core::{Body, OperationInfo};
use pentaprism_server::dialects::azure_sphere as bindings;
use pentaprism_server::{Api, Call, Failure, Refusal};
use tokio::task::JoinSet;
use wire::get_image_metadata::{GetImageMetadata, GetImageMetadataError, GetImageMetadataOk};
use wire::get_image_upload_operation::{
    GetImageUploadOperation, GetImageUploadOperationError, GetImageUploadOperationOk,
};
use wire::get_image_url::{GetImageUrl, GetImageUrlError, GetImageUrlOk};
use wire::get_operation::{GetOperation, GetOperationError, GetOperationOk};
use wire::image_upload::{ImageUpload, ImageUploadError, ImageUploadOk};
use wire::list_tenants::{ListTenants, ListTenantsError, ListTenantsOk};

pub use worker::Hold;

use crate::access::Principal;
use crate::context::Context;
use crate::settings::PublicUrl;

use bell::Bell;
use problem::Problem;
use turns::Turns;
use worker::Worker;

/// No operation has a body that is collected.
const COLLECTED_BODY_LIMIT: u64 = 0;

/// The handlers of all operations, and the worker that ends what uploads begin.
pub struct AzureSphere {
    context: Context,
    bell: Bell,
    turns: Turns,
    hold: Hold,
    /// The worker's task; it goes when this goes.
    worker: Mutex<JoinSet<()>>,
}

impl AzureSphere {
    /// Handlers over the store and settings of `context`. Uploads wait until [`start`](Self::start).
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self { context, bell: Bell::new(), turns: Turns::default(), hold: Hold::default(), worker: Mutex::default() }
    }

    /// Holds operations up, for whoever wants to look at them on their way.
    #[must_use]
    pub fn held(self, hold: Hold) -> Self {
        Self { hold, ..self }
    }

    /// Answers a request whose path belongs to this dialect.
    pub async fn answer(&self, request: Request<Body>) -> Response<Body> {
        bindings::serve(self, request).await
    }

    /// Goes on with the operations that wait, those of earlier runs first.
    pub fn start(&self) {
        let mut workers = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        if workers.is_empty() {
            self.bell.ring();
            let worker = Worker::new(&self.context, self.hold, self.bell.clone());
            workers.spawn(worker.run(self.bell.attend()));
        }
    }

    /// What the paths of this server begin with for clients: the path of the public URL.
    fn base_path(&self) -> &str {
        self.context.settings.public_url.as_ref().map_or("", PublicUrl::path)
    }

    /// Resolves when nothing goes on: no operation waits, or those that do wait for the store or for whoever holds them.
    pub async fn settled(&self) {
        self.bell.settled().await;
    }

    /// Ends the worker behind the step that it is at.
    pub async fn close(&self) {
        self.bell.close();
        let mut workers = std::mem::take(&mut *self.worker.lock().unwrap_or_else(PoisonError::into_inner));
        while workers.join_next().await.is_some() {}
    }
}

impl Api for AzureSphere {
    type Caller = Arc<Principal>;

    async fn authenticate(
        &self,
        head: &Parts,
        _operation: Option<&'static OperationInfo>,
    ) -> Result<Arc<Principal>, Refusal> {
        let principals = &self.context.principals;
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

impl bindings::AzureSphere for AzureSphere {
    async fn list_tenants(
        &self,
        call: &Call<Arc<Principal>>,
        _input: ListTenants,
    ) -> Result<ListTenantsOk, Failure<ListTenantsError>> {
        Ok(ListTenantsOk { body: tenant::list(&self.context.settings.azure_sphere, &call.caller) })
    }

    async fn image_upload(
        &self,
        call: &Call<Arc<Principal>>,
        input: ImageUpload,
        body: Body,
    ) -> Result<ImageUploadOk, Failure<ImageUploadError>> {
        let operation = self.upload(&call.caller, &input, body).await;
        Ok(ImageUploadOk { body: operation.map_err(Problem::into_failure)? })
    }

    async fn get_operation(
        &self,
        call: &Call<Arc<Principal>>,
        input: GetOperation,
    ) -> Result<GetOperationOk, Failure<GetOperationError>> {
        let operation = self.operation(&call.caller, &input.tenant_id, &input.operation_id).await;
        Ok(GetOperationOk { body: operation.map_err(Problem::into_failure)? })
    }

    async fn get_image_upload_operation(
        &self,
        call: &Call<Arc<Principal>>,
        input: GetImageUploadOperation,
    ) -> Result<GetImageUploadOperationOk, Failure<GetImageUploadOperationError>> {
        let operation = self.operation(&call.caller, &input.tenant_id, &input.operation_id).await;
        Ok(GetImageUploadOperationOk { body: operation.map_err(Problem::into_failure)? })
    }

    async fn get_image_url(
        &self,
        call: &Call<Arc<Principal>>,
        input: GetImageUrl,
    ) -> Result<GetImageUrlOk, Failure<GetImageUrlError>> {
        let url = self.url(&call.caller, &call.head, &input.tenant_id, &input.image_id).await;
        Ok(GetImageUrlOk { body: url.map_err(Problem::into_failure)? })
    }

    async fn get_image_metadata(
        &self,
        call: &Call<Arc<Principal>>,
        input: GetImageMetadata,
    ) -> Result<GetImageMetadataOk, Failure<GetImageMetadataError>> {
        let metadata = self.metadata(&call.caller, &input.tenant_id, &input.image_id).await;
        Ok(GetImageMetadataOk { body: metadata.map_err(Problem::into_failure)? })
    }
}
