//! Reading a file back, whole or one range of it (D-056).

use pentaprism_core::Body;
use pentaprism_core::dialects::service_fabric::download::{Download, DownloadOk};
use pentaprism_core::range::RangeError;
use pentaprism_store::{ReadError, Reader};

use crate::dialects::blocks::Part;

use super::ServiceFabric;
use super::content_path::ContentPath;
use super::deadline::Deadline;
use super::parameters::check_api_version;
use super::problem::Problem;

/// How often a file is looked up again when it is replaced between look-up and reading.
const ATTEMPTS: usize = 8;

/// Opens a file and hands out its bytes. Replacing or deleting the file does not hurt a download that has begun.
pub(super) async fn download(dialect: &ServiceFabric, input: Download) -> Result<(DownloadOk, Option<Body>), Problem> {
    check_api_version(&input.api_version)?;
    let path = ContentPath::parse(&input.content_path)?;
    Deadline::start(input.timeout).bound(read(dialect, path, input.range.as_deref())).await?
}

async fn read(
    dialect: &ServiceFabric,
    path: ContentPath,
    range: Option<&str>,
) -> Result<(DownloadOk, Option<Body>), Problem> {
    let reader = open(dialect, path).await?;
    let size = reader.size();
    let part = Part::asked(range, size).map_err(|_: RangeError| Problem::RangeNotSatisfiable { size })?;
    let body = part.body(&reader).map_err(problem)?;
    let answer = match part.content_range() {
        Some(range) => DownloadOk::PartialContent { content_range: range.to_string() },
        None => DownloadOk::Ok,
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
