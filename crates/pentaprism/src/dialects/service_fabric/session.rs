//! Upload sessions: what is still missing, the commit, and giving up (D-046, D-059).

use pentaprism_core::dialects::service_fabric::commit_image_store_upload_session::{
    CommitImageStoreUploadSession, CommitImageStoreUploadSessionOk,
};
use pentaprism_core::dialects::service_fabric::delete_image_store_upload_session::{
    DeleteImageStoreUploadSession, DeleteImageStoreUploadSessionOk,
};
use pentaprism_core::dialects::service_fabric::get_image_store_upload_session_by_id::{
    GetImageStoreUploadSessionById, GetImageStoreUploadSessionByIdOk,
};
use pentaprism_core::dialects::service_fabric::get_image_store_upload_session_by_path::{
    GetImageStoreUploadSessionByPath, GetImageStoreUploadSessionByPathOk,
};
use pentaprism_core::dialects::service_fabric::models::{UploadChunkRange, UploadSession, UploadSessionInfo};
use pentaprism_store::{ByteRange, Session, SessionError};
use uuid::Uuid;

use super::ServiceFabric;
use super::content_path::ContentPath;
use super::deadline::Deadline;
use super::listing::date;
use super::parameters::{check_api_version, session_id};
use super::problem::Problem;

/// Shows the session of an id.
pub(super) async fn by_id(
    dialect: &ServiceFabric,
    input: GetImageStoreUploadSessionById,
) -> Result<GetImageStoreUploadSessionByIdOk, Problem> {
    check_api_version(&input.api_version)?;
    let id = session_id(&input.session_id).map_err(Problem::SessionToUse)?;
    let session = Deadline::start(input.timeout).bound(dialect.store.session(&dialect.tree, id)).await??;
    let session = session.ok_or(Problem::SessionUnknown(id))?;
    Ok(GetImageStoreUploadSessionByIdOk { body: answer(vec![session]) })
}

/// Shows the sessions of a path; none is an answer too.
pub(super) async fn by_path(
    dialect: &ServiceFabric,
    input: GetImageStoreUploadSessionByPath,
) -> Result<GetImageStoreUploadSessionByPathOk, Problem> {
    check_api_version(&input.api_version)?;
    let path = ContentPath::parse(&input.content_path)?;
    let found = dialect.store.sessions_at(&dialect.tree, path.as_str());
    let sessions = Deadline::start(input.timeout).bound(found).await??;
    Ok(GetImageStoreUploadSessionByPathOk { body: answer(sessions) })
}

/// Makes the file. Sent again after a lost answer it succeeds again, as long as the file is still this one.
pub(super) async fn commit(
    dialect: &ServiceFabric,
    input: CommitImageStoreUploadSession,
) -> Result<CommitImageStoreUploadSessionOk, Problem> {
    check_api_version(&input.api_version)?;
    let id = session_id(&input.session_id).map_err(Problem::SessionToEnd)?;
    let committed = Deadline::start(input.timeout).bound(dialect.store.commit_session(&dialect.tree, id)).await?;
    committed.map_err(|error| not_committed(id, error))?;
    Ok(CommitImageStoreUploadSessionOk {})
}

/// Gives a session up, or forgets that it was committed.
pub(super) async fn delete(
    dialect: &ServiceFabric,
    input: DeleteImageStoreUploadSession,
) -> Result<DeleteImageStoreUploadSessionOk, Problem> {
    check_api_version(&input.api_version)?;
    let id = session_id(&input.session_id).map_err(Problem::SessionToEnd)?;
    let known = Deadline::start(input.timeout).bound(dialect.store.delete_session(&dialect.tree, id)).await??;
    if known { Ok(DeleteImageStoreUploadSessionOk {}) } else { Err(Problem::SessionUnknown(id)) }
}

fn not_committed(id: Uuid, error: SessionError) -> Problem {
    match error {
        SessionError::Unknown => Problem::NothingToCommit(id),
        SessionError::Incomplete { missing } => Problem::Incomplete {
            id,
            missing: missing.iter().map(|range| range.len()).sum(),
            first: missing.first().map_or(0, |range| range.first),
        },
        SessionError::Fault(fault) => Problem::Fault(fault),
    }
}

fn answer(sessions: Vec<Session>) -> UploadSession {
    UploadSession { upload_sessions: Some(sessions.into_iter().map(describe).collect()) }
}

fn describe(session: Session) -> UploadSessionInfo {
    UploadSessionInfo {
        store_relative_path: Some(session.path),
        session_id: Some(session.id),
        file_size: Some(session.total.into()),
        modified_date: Some(date(session.modified)),
        expected_ranges: Some(session.missing.into_iter().map(range).collect()),
    }
}

fn range(range: ByteRange) -> UploadChunkRange {
    UploadChunkRange { start_position: Some(range.first.into()), end_position: Some(range.last.into()) }
}
