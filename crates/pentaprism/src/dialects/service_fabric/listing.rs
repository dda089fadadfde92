//! What lies in the store: one level of it, with full paths (D-051, D-052).

use pentaprism_core::Timestamp;
use pentaprism_core::dialects::service_fabric::get_image_store_content::{
    GetImageStoreContent, GetImageStoreContentOk,
};
use pentaprism_core::dialects::service_fabric::get_image_store_root_content::{
    GetImageStoreRootContent, GetImageStoreRootContentOk,
};
use pentaprism_core::dialects::service_fabric::models::{FileInfo, FileVersion, FolderInfo, ImageStoreContent};
use pentaprism_store::{self as store, FileEntry, FolderEntry, Level};

use super::ServiceFabric;
use super::content_path::ContentPath;
use super::deadline::Deadline;
use super::parameters::check_api_version;
use super::problem::Problem;

/// Grows when a cluster loses data, which this store does not.
const DATA_LOSS_NUMBER: i64 = 1;
/// Grows when replicas change. There is one; -1 is what the original shows for "not set".
const CONFIGURATION_NUMBER: i64 = -1;

/// Lists the root; an empty one has two empty lists.
pub(super) async fn root(
    dialect: &ServiceFabric,
    input: GetImageStoreRootContent,
) -> Result<GetImageStoreRootContentOk, Problem> {
    check_api_version(&input.api_version)?;
    let level = Deadline::start(input.timeout).bound(dialect.store.level(&dialect.tree, "")).await??;
    Ok(GetImageStoreRootContentOk { body: content(level) })
}

/// Lists a folder, or shows a file, or both where they share the path.
pub(super) async fn at_path(
    dialect: &ServiceFabric,
    input: GetImageStoreContent,
) -> Result<GetImageStoreContentOk, Problem> {
    check_api_version(&input.api_version)?;
    let path = ContentPath::parse(&input.content_path)?;
    let level = Deadline::start(input.timeout).bound(dialect.store.level(&dialect.tree, path.as_str())).await??;
    if level.is_missing() {
        Err(Problem::NothingThere(path))
    } else {
        Ok(GetImageStoreContentOk { body: content(level) })
    }
}

/// Always complete, so there is no token to go on with.
fn content(level: Level) -> ImageStoreContent {
    ImageStoreContent {
        store_files: Some(level.file.into_iter().chain(level.files).map(file).collect()),
        store_folders: Some(level.folders.into_iter().map(folder).collect()),
        continuation_token: None,
    }
}

fn file(entry: FileEntry) -> FileInfo {
    FileInfo {
        store_relative_path: Some(entry.path),
        file_version: Some(FileVersion {
            epoch_data_loss_number: Some(DATA_LOSS_NUMBER.into()),
            version_number: Some(entry.version.into()),
            epoch_configuration_number: Some(CONFIGURATION_NUMBER.into()),
        }),
        file_size: Some(entry.content.size.into()),
        modified_date: Some(date(entry.modified)),
    }
}

fn folder(entry: FolderEntry) -> FolderInfo {
    FolderInfo { store_relative_path: Some(entry.path), file_count: Some(entry.files.into()) }
}

/// A moment as this dialect shows it: with milliseconds.
pub(super) fn date(moment: store::Timestamp) -> Timestamp {
    Timestamp::from_milliseconds(moment.as_unix_micros().div_euclid(1000))
}
