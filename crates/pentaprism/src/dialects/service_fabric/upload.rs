//! A whole file in one request (D-050, D-054, D-057).

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::request::Parts;
use pentaprism_core::Body;
use pentaprism_core::dialects::service_fabric::upload_file::{UploadFile, UploadFileOk};
use pentaprism_store::{Account, Change, UploadRequest};

use super::ServiceFabric;
use super::content_path::ContentPath;
use super::deadline::AfterBody;
use super::parameters::check_api_version;
use super::problem::Problem;

/// Stores the body under the path. Nobody sees anything of it before the store has made the last byte durable.
pub(super) async fn upload_file(
    dialect: &ServiceFabric,
    head: &Parts,
    input: UploadFile,
    mut body: Body,
) -> Result<UploadFileOk, Problem> {
    check_api_version(&input.api_version)?;
    let path = ContentPath::parse(&input.content_path)?;
    let account = Account::new(&dialect.tree.dialect, &dialect.tree.scope).with_quota(dialect.quota);
    // What the declared length alone forbids is refused here, before the first byte is asked for.
    let request = UploadRequest::new(account).declared(declared_length(head, &body));
    let mut timeout = AfterBody::new(input.timeout);
    let mut upload = timeout.bound(&body, dialect.store.begin(request)).await??;
    while let Some(piece) = body.data().await {
        timeout.bound(&body, upload.push(piece.map_err(Problem::Body)?)).await??;
    }
    let kept = async {
        let received = upload.finish().await?;
        received.commit(Change::new().put_file(&dialect.tree, path.as_str())).await?;
        Ok(UploadFileOk {})
    };
    timeout.running().bound(kept).await?
}

/// How many bytes the body will have, if the request says so. Beside chunked a length means nothing (RFC 9112, 6.3).
pub(super) fn declared_length(head: &Parts, body: &Body) -> Option<u64> {
    let length = head.headers.get(CONTENT_LENGTH).filter(|_| !head.headers.contains_key(TRANSFER_ENCODING));
    http_body::Body::size_hint(body).exact().or_else(|| length?.to_str().ok()?.parse().ok())
}
