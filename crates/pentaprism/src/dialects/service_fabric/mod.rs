//! The Service Fabric Image Store on top of the store: one file per group of operations, and this one to join them.
//!
//! What an operation answers stands in `specs/service_fabric.yaml`, why it does in `specs/decisions.md` (D-040 and up).
//! Everything that a request names is a key in the catalog, never a path of a file.

mod answer;
mod caller;
mod chunk;
mod content_path;
mod copy;
mod deadline;
mod delete;
mod download;
mod listing;
mod parameters;
mod problem;
mod quote;
mod refusals;
mod session;
#[cfg(test)]
mod tests;
mod upload;

use std::sync::Arc;

use http::header::RANGE;
use http::request::Parts;
use http::{Request, Response};
use pentaprism_core::dialects::service_fabric::DIALECT;
use pentaprism_core::dialects::service_fabric::commit_image_store_upload_session::{
    CommitImageStoreUploadSession, CommitImageStoreUploadSessionError, CommitImageStoreUploadSessionOk,
};
use pentaprism_core::dialects::service_fabric::copy_image_store_content::{
    CopyImageStoreContent, CopyImageStoreContentError, CopyImageStoreContentOk,
};
use pentaprism_core::dialects::service_fabric::delete_image_store_content::{
    DeleteImageStoreContent, DeleteImageStoreContentError, DeleteImageStoreContentOk,
};
use pentaprism_core::dialects::service_fabric::delete_image_store_upload_session::{
    DeleteImageStoreUploadSession, DeleteImageStoreUploadSessionError, DeleteImageStoreUploadSessionOk,
};
use pentaprism_core::dialects::service_fabric::download::{Download, DownloadError, DownloadOk};
use pentaprism_core::dialects::service_fabric::get_cluster_version::{
    GetClusterVersion, GetClusterVersionError, GetClusterVersionOk,
};
use pentaprism_core::dialects::service_fabric::get_image_store_content::{
    GetImageStoreContent, GetImageStoreContentError, GetImageStoreContentOk,
};
use pentaprism_core::dialects::service_fabric::get_image_store_root_content::{
    GetImageStoreRootContent, GetImageStoreRootContentError, GetImageStoreRootContentOk,
};
use pentaprism_core::dialects::service_fabric::get_image_store_upload_session_by_id::{
    GetImageStoreUploadSessionById, GetImageStoreUploadSessionByIdError, GetImageStoreUploadSessionByIdOk,
};
use pentaprism_core::dialects::service_fabric::get_image_store_upload_session_by_path::{
    GetImageStoreUploadSessionByPath, GetImageStoreUploadSessionByPathError, GetImageStoreUploadSessionByPathOk,
};
use pentaprism_core::dialects::service_fabric::models::ClusterVersion;
use pentaprism_core::dialects::service_fabric::upload_file::{UploadFile, UploadFileError, UploadFileOk};
use pentaprism_core::dialects::service_fabric::upload_file_chunk::{
    UploadFileChunk, UploadFileChunkError, UploadFileChunkOk,
};
use pentaprism_core::{Body, OperationInfo};
use pentaprism_server::dialects::service_fabric as bindings;
use pentaprism_server::{Api, Call, Failure, Refusal};
use pentaprism_store::{Store, Tree};

use crate::access::{Principal, Principals};
use crate::context::Context;
use crate::settings::Settings;

use parameters::check_api_version;
use problem::Problem;

/// The largest JSON text in bytes that a copy may send: the limit of the original's gateway.
const COLLECTED_BODY_LIMIT: u64 = 4 << 20;

/// A version that the command line client takes for supported (D-058).
const CLUSTER_VERSION: &str = "8.2.0.0";

/// The Image Store of a Service Fabric cluster.
#[derive(Clone)]
pub struct ServiceFabric {
    store: Store,
    tree: Tree,
    principals: Arc<Principals>,
    settings: Arc<Settings>,
    quota: Option<u64>,
}

impl ServiceFabric {
    /// The dialect over what the handlers share.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self {
            store: context.store,
            tree: Tree::new(DIALECT, "image-store"),
            principals: context.principals,
            quota: context.settings.service_fabric.quota_bytes,
            settings: context.settings,
        }
    }

    /// Answers a request whose path belongs to this dialect.
    pub async fn answer(&self, mut request: Request<Body>) -> Response<Body> {
        // What is no range of bytes is ignored (D-056); the bindings would refuse one that is not even text.
        if request.headers().get(RANGE).is_some_and(|range| range.to_str().is_err()) {
            request.headers_mut().remove(RANGE);
        }
        answer::with_reason_phrase(bindings::serve(self, request).await)
    }
}

impl Api for ServiceFabric {
    type Caller = Arc<Principal>;

    async fn authenticate(
        &self,
        head: &Parts,
        operation: Option<&'static OperationInfo>,
    ) -> Result<Arc<Principal>, Refusal> {
        caller::authenticate(&self.principals, self.settings.public_url.as_ref(), head, operation)
    }

    fn refuse(&self, head: &Parts, operation: Option<&'static OperationInfo>, refusal: Refusal) -> Response<Body> {
        refusals::refuse(head, operation, &refusal)
    }

    fn collected_body_limit(&self, _operation: &'static OperationInfo) -> u64 {
        COLLECTED_BODY_LIMIT
    }
}

impl bindings::ServiceFabric for ServiceFabric {
    async fn get_image_store_root_content(
        &self,
        _call: &Call<Arc<Principal>>,
        input: GetImageStoreRootContent,
    ) -> Result<GetImageStoreRootContentOk, Failure<GetImageStoreRootContentError>> {
        listing::root(self, input).await.map_err(Problem::into_failure)
    }

    async fn get_image_store_content(
        &self,
        _call: &Call<Arc<Principal>>,
        input: GetImageStoreContent,
    ) -> Result<GetImageStoreContentOk, Failure<GetImageStoreContentError>> {
        listing::at_path(self, input).await.map_err(Problem::into_failure)
    }

    async fn upload_file(
        &self,
        call: &Call<Arc<Principal>>,
        input: UploadFile,
        body: Body,
    ) -> Result<UploadFileOk, Failure<UploadFileError>> {
        upload::upload_file(self, &call.head, input, body).await.map_err(Problem::into_failure)
    }

    async fn delete_image_store_content(
        &self,
        _call: &Call<Arc<Principal>>,
        input: DeleteImageStoreContent,
    ) -> Result<DeleteImageStoreContentOk, Failure<DeleteImageStoreContentError>> {
        delete::delete_content(self, input).await.map_err(Problem::into_failure)
    }

    async fn download(
        &self,
        call: &Call<Arc<Principal>>,
        input: Download,
    ) -> Result<(DownloadOk, Option<Body>), Failure<DownloadError>> {
        download::download(self, &call.head.headers, input).await.map_err(Problem::into_failure)
    }

    async fn get_image_store_upload_session_by_path(
        &self,
        _call: &Call<Arc<Principal>>,
        input: GetImageStoreUploadSessionByPath,
    ) -> Result<GetImageStoreUploadSessionByPathOk, Failure<GetImageStoreUploadSessionByPathError>> {
        session::by_path(self, input).await.map_err(Problem::into_failure)
    }

    async fn upload_file_chunk(
        &self,
        call: &Call<Arc<Principal>>,
        input: UploadFileChunk,
        body: Body,
    ) -> Result<UploadFileChunkOk, Failure<UploadFileChunkError>> {
        chunk::upload_file_chunk(self, &call.head, input, body).await.map_err(Problem::into_failure)
    }

    async fn get_image_store_upload_session_by_id(
        &self,
        _call: &Call<Arc<Principal>>,
        input: GetImageStoreUploadSessionById,
    ) -> Result<GetImageStoreUploadSessionByIdOk, Failure<GetImageStoreUploadSessionByIdError>> {
        session::by_id(self, input).await.map_err(Problem::into_failure)
    }

    async fn commit_image_store_upload_session(
        &self,
        _call: &Call<Arc<Principal>>,
        input: CommitImageStoreUploadSession,
    ) -> Result<CommitImageStoreUploadSessionOk, Failure<CommitImageStoreUploadSessionError>> {
        session::commit(self, input).await.map_err(Problem::into_failure)
    }

    async fn delete_image_store_upload_session(
        &self,
        _call: &Call<Arc<Principal>>,
        input: DeleteImageStoreUploadSession,
    ) -> Result<DeleteImageStoreUploadSessionOk, Failure<DeleteImageStoreUploadSessionError>> {
        session::delete(self, input).await.map_err(Problem::into_failure)
    }

    async fn copy_image_store_content(
        &self,
        _call: &Call<Arc<Principal>>,
        input: CopyImageStoreContent,
    ) -> Result<CopyImageStoreContentOk, Failure<CopyImageStoreContentError>> {
        copy::copy_content(self, input).await.map_err(Problem::into_failure)
    }

    async fn get_cluster_version(
        &self,
        _call: &Call<Arc<Principal>>,
        input: GetClusterVersion,
    ) -> Result<GetClusterVersionOk, Failure<GetClusterVersionError>> {
        check_api_version(&input.api_version).map_err(|error| Problem::from(error).into_failure())?;
        let version = Some(CLUSTER_VERSION.to_owned());
        Ok(GetClusterVersionOk { body: ClusterVersion { version } })
    }
}
