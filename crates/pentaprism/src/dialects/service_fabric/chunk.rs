//! One piece of a file under an upload session (D-048, D-049).

use std::pin::pin;

use bytes::Bytes;
use http::request::Parts;
use pentaprism_core::Body;
use pentaprism_core::dialects::service_fabric::upload_file_chunk::{UploadFileChunk, UploadFileChunkOk};
use pentaprism_core::range::ContentRange;
use pentaprism_store::{ChunkError, ChunkRequest, ChunkWriter};

use super::ServiceFabric;
use super::content_path::ContentPath;
use super::deadline::AfterBody;
use super::parameters::{check_api_version, content_range, session_id};
use super::problem::Problem;
use super::upload::declared_length;

/// Stores a piece. The first piece of an id opens its session.
pub(super) async fn upload_file_chunk(
    dialect: &ServiceFabric,
    head: &Parts,
    input: UploadFileChunk,
    body: Body,
) -> Result<UploadFileChunkOk, Problem> {
    check_api_version(&input.api_version)?;
    let path = ContentPath::parse(&input.content_path)?;
    let range = content_range(&input.content_range)?;
    let session = session_id(&input.session_id).map_err(Problem::SessionToUse)?;
    // A piece of the wrong length must not take the place of an older request that may be the right one.
    check_length(range, declared_length(head, &body))?;
    let request = ChunkRequest {
        session,
        tree: dialect.tree.clone(),
        path: path.as_str().to_owned(),
        total: range.length,
        first: range.first,
        last: range.last,
        quota: dialect.quota,
    };
    let mut timeout = AfterBody::new(input.timeout);
    let mut chunk = timeout.bound(&body, dialect.store.begin_chunk(request)).await??;
    receive(&mut chunk, body, &mut timeout).await?;
    timeout.running().bound(chunk.finish()).await??;
    Ok(UploadFileChunkOk {})
}

fn check_length(range: ContentRange, declared: Option<u64>) -> Result<(), ChunkError> {
    match declared {
        Some(received) if received != range.size() => Err(ChunkError::WrongLength { expected: range.size(), received }),
        _ => Ok(()),
    }
}

/// Reads the body, and gives up as soon as a younger request takes over its bytes or the session is deleted: a client whose
/// connection died unnoticed must not wait for the idle deadline of the old one.
async fn receive(chunk: &mut ChunkWriter, mut body: Body, timeout: &mut AfterBody) -> Result<(), Problem> {
    let mut ended = pin!(chunk.superseded());
    loop {
        let piece = tokio::select! {
            biased;
            () = &mut ended => return Err(why_it_ended(chunk).await.into()),
            piece = body.data() => piece,
        };
        match piece {
            Some(piece) => timeout.bound(&body, chunk.push(piece.map_err(Problem::Body)?)).await??,
            None => return Ok(()),
        }
    }
}

/// Which of the two it was: the store says so to whoever goes on pushing.
async fn why_it_ended(chunk: &mut ChunkWriter) -> ChunkError {
    chunk.push(Bytes::new()).await.err().unwrap_or(ChunkError::Superseded)
}
