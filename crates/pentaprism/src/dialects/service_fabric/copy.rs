//! Copies inside the store (D-055). Only the catalog is written.

use pentaprism_core::dialects::service_fabric::copy_image_store_content::{
    CopyImageStoreContent, CopyImageStoreContentOk,
};
use pentaprism_store::{Change, ChangeError, Refusal, TreeCopy};

use super::ServiceFabric;
use super::content_path::{ContentPath, MAX_SEGMENTS, PathError};
use super::deadline::Deadline;
use super::parameters::check_api_version;
use super::problem::Problem;

/// The empty file that says "this folder is complete" (D-050).
const MARK_FILE: &str = "_.dir";

/// Copies a file, or a folder in place of the destination folder.
pub(super) async fn copy_content(
    dialect: &ServiceFabric,
    input: CopyImageStoreContent,
) -> Result<CopyImageStoreContentOk, Problem> {
    let deadline = Deadline::start(input.timeout);
    check_api_version(&input.api_version)?;
    let (from, to) = paths(&input.body.remote_source, &input.body.remote_destination)?;
    let copy = TreeCopy {
        tree: dialect.tree.clone(),
        from: from.as_str().to_owned(),
        to: to.as_str().to_owned(),
        skip: input.body.skip_files.unwrap_or_default(),
        mark: Some(MARK_FILE.to_owned()),
        require_mark: input.body.check_mark_file.unwrap_or_default(),
        quota: dialect.quota,
    };
    match deadline.bound(dialect.store.apply(Change::new().copy_path(copy))).await? {
        Ok(_) => Ok(CopyImageStoreContentOk {}),
        Err(ChangeError::Refused { refusal, step }) => Err(match refusal {
            Refusal::SourceMissing { .. } => Problem::NothingThere(from),
            Refusal::MarkMissing { .. } => Problem::MarkMissing(from),
            Refusal::Overlap { .. } => Problem::Overlap { from, to },
            Refusal::PathTooLong { bytes, segments } => {
                let deep = segments > MAX_SEGMENTS;
                let problem = if deep { PathError::TooDeep(segments) } else { PathError::TooLong(bytes) };
                Problem::CopyPath { member: "RemoteDestination", problem }
            }
            Refusal::OverQuota { quota, used, wanted } => Problem::OverQuota { quota, used, wanted },
            refusal => Problem::internal(ChangeError::Refused { step, refusal }),
        }),
        Err(ChangeError::Fault(fault)) => Err(Problem::Fault(fault)),
    }
}

/// Both paths. An empty source counts as one that does not exist; the original destroys a source that overlaps its
/// destination, so that is refused here whatever lies there.
fn paths(source: &str, destination: &str) -> Result<(ContentPath, ContentPath), Problem> {
    let in_member = |member| move |problem| Problem::CopyPath { member, problem };
    let to = ContentPath::parse(destination).map_err(in_member("RemoteDestination"))?;
    let from = ContentPath::parse(source).map_err(|problem| match problem {
        PathError::Empty => Problem::SourceEmpty,
        other => in_member("RemoteSource")(other),
    })?;
    if from.overlaps(&to) { Err(Problem::Overlap { from, to }) } else { Ok((from, to)) }
}
