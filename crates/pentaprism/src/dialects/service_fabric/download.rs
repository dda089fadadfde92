//! Reading a file back, whole or one range of it (D-056).

use http::HeaderMap;
use pentaprism_core::Body;
use pentaprism_core::dialects::service_fabric::download::{Download, DownloadOk};
use pentaprism_core::range::RangeError;
use pentaprism_store::{ReadError, Reader};

use crate::dialects::blocks::Part;
use crate::dialects::entity_tag::{Condition, Tags};

use super::ServiceFabric;
use super::content_path::ContentPath;
use super::deadline::Deadline;
use super::parameters::check_api_version;
use super::problem::Problem;

/// How often a file is looked up again when it is replaced between look-up and reading.
const ATTEMPTS: usize = 8;

/// Opens a file and hands out its bytes. Replacing or deleting the file does not hurt a download that has begun.
pub(super) async fn download(
    dialect: &ServiceFabric,
    headers: &HeaderMap,
    input: Download,
) -> Result<(DownloadOk, Option<Body>), Problem> {
    check_api_version(&input.api_version)?;
    let path = ContentPath::parse(&input.content_path)?;
    Deadline::start(input.timeout).bound(read(dialect, headers, path, input.range.as_deref())).await?
}

async fn read(
    dialect: &ServiceFabric,
    headers: &HeaderMap,
    path: ContentPath,
    range: Option<&str>,
) -> Result<(DownloadOk, Option<Body>), Problem> {
    let reader = open(dialect, path.clone()).await?;
    let tags = Tags::of_content(&reader);
    let with_range = match Condition::of(headers, Some(&tags)) {
        Condition::Failed => return Err(Problem::OtherBytes(path)),
        Condition::NotModified => return Ok((DownloadOk::NotModified { etag: Some(tags.into_told()) }, None)),
        Condition::Fulfilled { with_range } => with_range,
    };
    let (etag, size) = (Some(tags.into_told()), reader.size());
    let part = Part::asked(range.filter(|_| with_range), size)
        .map_err(|_: RangeError| Problem::RangeNotSatisfiable { size })?;
    let body = part.body(&reader).map_err(problem)?;
    let answer = match part.content_range() {
        Some(range) => DownloadOk::PartialContent { etag, content_range: range.to_string() },
        None => DownloadOk::Ok { etag },
    };
    Ok((answer, Some(body)))
}

async fn open(dialect: &ServiceFabric, path: ContentPath) -> Result<Reader, Problem> {
    let mut gone = ReadError::Gone;
    for _ in 0..ATTEMPTS {
        let Some(file) = dialect.store.file(&dialect.tree, path.as_str()).await? else {
            let folder = dialect.store.folder_entry(&dialect.tree, path.as_str()).await?;
            return Err(if folder.is_some() { Problem::IsFolder(path) } else { Problem::NothingThere(path) });
        };
        match dialect.store.open_content(file.content).await {
            Err(replaced @ ReadError::Gone) => gone = replaced,
            opened => return opened.map_err(problem),
        }
    }
    Err(problem(gone))
}

fn problem(error: ReadError) -> Problem {
    match error {
        ReadError::Fault(fault) => Problem::Fault(fault),
        other => Problem::internal(other),
    }
}
