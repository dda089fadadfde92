//! Reading a file back, whole or one range of it (D-056).

use std::ops::Range;

use pentaprism_core::Body;
use pentaprism_core::dialects::service_fabric::download::{Download, DownloadOk};
use pentaprism_core::range::{ByteRange, ContentRange, RangeError};
use pentaprism_store::{ReadError, Reader};

use crate::dialects::blocks;

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
    // What is no single range of bytes counts as not asked for (RFC 9110, 14.2).
    let (range, answer) = match range.map(ByteRange::parse) {
        Some(Ok(range)) => {
            let range = range.resolve(size).map_err(|_: RangeError| Problem::RangeNotSatisfiable { size })?;
            let content_range = ContentRange { first: range.start, last: range.end - 1, length: size }.to_string();
            (range, DownloadOk::PartialContent { content_range })
        }
        Some(Err(_)) | None => (0..size, DownloadOk::Ok),
    };
    let body = stream(&reader, range)?;
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

fn stream(reader: &Reader, range: Range<u64>) -> Result<Body, Problem> {
    let left = range.end - range.start;
    if left == 0 {
        return Ok(Body::empty());
    }
    Ok(blocks::body(reader.read(range).map_err(problem)?, left))
}

fn problem(error: ReadError) -> Problem {
    match error {
        ReadError::Fault(fault) => Problem::Fault(fault),
        other => Problem::internal(other),
    }
}
