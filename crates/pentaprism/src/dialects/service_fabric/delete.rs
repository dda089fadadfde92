//! Deletes (D-053).

use pentaprism_core::dialects::service_fabric::delete_image_store_content::{
    DeleteImageStoreContent, DeleteImageStoreContentOk,
};
use pentaprism_store::Change;

use super::ServiceFabric;
use super::content_path::ContentPath;
use super::deadline::Deadline;
use super::parameters::check_api_version;
use super::problem::Problem;

/// Deletes the file and the folder of a path, in one step. Scripts rely on nothing there being a success.
pub(super) async fn delete_content(
    dialect: &ServiceFabric,
    input: DeleteImageStoreContent,
) -> Result<DeleteImageStoreContentOk, Problem> {
    check_api_version(&input.api_version)?;
    let path = ContentPath::parse(&input.content_path)?;
    if path.is_reserved() {
        return Err(Problem::Reserved(path));
    }
    let change = Change::new().delete_path(&dialect.tree, path.as_str());
    Deadline::start(input.timeout).bound(dialect.store.apply(change)).await??;
    Ok(DeleteImageStoreContentOk {})
}
