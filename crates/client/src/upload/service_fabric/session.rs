//! One upload session: the calls that it is made of, and what their answers mean.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use pentaprism_core::dialects::service_fabric::commit_image_store_upload_session::{
    CommitImageStoreUploadSession, CommitImageStoreUploadSessionError,
};
use pentaprism_core::dialects::service_fabric::delete_image_store_upload_session::DeleteImageStoreUploadSession;
use pentaprism_core::dialects::service_fabric::get_image_store_content::{
    GetImageStoreContent, GetImageStoreContentError,
};
use pentaprism_core::dialects::service_fabric::get_image_store_upload_session_by_id::{
    GetImageStoreUploadSessionById, GetImageStoreUploadSessionByIdError,
};
use pentaprism_core::dialects::service_fabric::models::{
    FileInfo, ImageStoreContent, UploadChunkRange, UploadSession, UploadSessionInfo,
};
use pentaprism_core::dialects::service_fabric::upload_file_chunk::{UploadFileChunk, UploadFileChunkError};
use uuid::Uuid;

use super::error::{is_unknown, is_unsupported};
use crate::caller::Failed;
use crate::dialects::service_fabric::ServiceFabricClient;
use crate::retry::{Attempt, Occurrence, Policy};
use crate::{Error, Retry, Source, Transport};

/// What a service knows of a session.
#[derive(Debug)]
pub(super) enum Known {
    /// It has no such operation.
    Unsupported,
    /// Nothing, or nothing any more.
    Nothing,
    Session {
        path: String,
        length: u64,
        expected: Vec<Range<u64>>,
    },
}

/// A session for one file.
pub(super) struct Session<'a, T> {
    pub(super) client: &'a ServiceFabricClient<T>,
    pub(super) path: &'a str,
    pub(super) id: Uuid,
    /// The size of the whole file in bytes.
    pub(super) length: u64,
}

impl<T: Transport> Session<'_, T> {
    /// What the service has.
    pub(super) async fn look(&self) -> Result<Known, Failed<GetImageStoreUploadSessionByIdError>> {
        let input = GetImageStoreUploadSessionById { session_id: self.id.to_string(), ..Default::default() };
        match self.client.caller().told(&input, Source::empty()).await {
            Ok(answer) => Ok(self.known(answer.body)),
            Err(Failed { error, .. }) if is_unknown(&error) || is_empty(&error) => Ok(Known::Nothing),
            Err(Failed { error, .. }) if is_unsupported(&error) => Ok(Known::Unsupported),
            Err(failed) => Err(failed),
        }
    }

    fn known(&self, found: UploadSession) -> Known {
        let is_this = |info: &UploadSessionInfo| info.session_id.is_none_or(|id| id == self.id);
        let Some(info) = found.upload_sessions.unwrap_or_default().into_iter().find(is_this) else {
            return Known::Nothing;
        };
        Known::Session {
            path: info.store_relative_path.unwrap_or_else(|| self.path.to_owned()),
            length: info.file_size.map_or(self.length, |size| size.0),
            expected: info.expected_ranges.unwrap_or_default().iter().map(|range| self.range(range)).collect(),
        }
    }

    /// A stretch as the service writes it, its last byte included.
    fn range(&self, range: &UploadChunkRange) -> Range<u64> {
        let start = range.start_position.map_or(0, |position| position.0);
        start..range.end_position.map_or(self.length, |position| position.0.saturating_add(1))
    }

    /// Whether a path that the service tells of a session is this one. It may write backslashes; unlike names of files, paths of
    /// sessions are compared with their case.
    pub(super) fn is_path(&self, told: &str) -> bool {
        with_slashes(self.path) == with_slashes(told)
    }

    /// Sends one chunk. What the service answers concerns all chunks, so that it is told at once; what did not reach the service is
    /// tried again here.
    pub(super) async fn send(&self, chunk: Range<u64>, source: Source) -> Result<(), Failed<UploadFileChunkError>> {
        let input = UploadFileChunk {
            content_path: self.path.to_owned(),
            session_id: self.id.to_string(),
            content_range: format!("bytes {}-{}/{}", chunk.start, chunk.end - 1, self.length),
            timeout: Some(sending_seconds(Some(chunk.end - chunk.start))),
            ..UploadFileChunk::default()
        };
        let caller = self.client.caller();
        let retry = caller.retry().clone();
        let policy = UntilAnswered(Arc::clone(&retry.policy));
        caller.retrying(retry.with_policy(policy)).told(&input, source).await.map(drop)
    }

    /// Makes the chunks a file. An attempt may take as long as the service is allowed to.
    pub(super) async fn commit(&self) -> Result<(), Failed<CommitImageStoreUploadSessionError>> {
        let seconds = commit_seconds(self.length);
        let input = CommitImageStoreUploadSession {
            session_id: self.id.to_string(),
            timeout: Some(seconds),
            ..CommitImageStoreUploadSession::default()
        };
        let caller = self.client.caller();
        let patience = Duration::from_secs(seconds.unsigned_abs().saturating_add(30));
        let retry = caller.retry().clone();
        let patience = retry.attempt.map_or(patience, |usual| usual.max(patience));
        caller.retrying(retry.with_attempt(patience)).told(&input, Source::empty()).await.map(drop)
    }

    /// Tells the service to forget the session. It ends by itself when this fails, so nobody is told.
    pub(super) async fn delete(&self) {
        let input = DeleteImageStoreUploadSession { session_id: self.id.to_string(), ..Default::default() };
        let caller = self.client.caller();
        let once = Retry::none().with_clock(caller.retry().clock());
        drop(caller.retrying(once).call(&input).await);
    }

    /// The file that has the path now.
    pub(super) async fn file(&self) -> Result<Option<FileInfo>, Error<GetImageStoreContentError>> {
        let found = list(self.client, self.path).await?;
        Ok(found.and_then(|content| the_file(content, self.path)))
    }
}

/// Leaves what the service answered to whoever asked.
struct UntilAnswered(Arc<dyn Policy>);

impl Policy for UntilAnswered {
    fn again(&self, attempt: &Attempt) -> bool {
        !matches!(attempt.occurrence, Occurrence::Answered { .. }) && self.0.again(attempt)
    }
}

/// Gateways of clusters also write "nothing" as a success without a body.
fn is_empty<E: std::error::Error>(error: &Error<E>) -> bool {
    let Error::Undocumented { response, .. } = error else { return false };
    response.status == StatusCode::OK && response.body.is_empty()
}

/// What lies at a path, if anything does.
pub(super) async fn list<T: Transport>(
    client: &ServiceFabricClient<T>,
    path: &str,
) -> Result<Option<ImageStoreContent>, Error<GetImageStoreContentError>> {
    let input = GetImageStoreContent { content_path: path.to_owned(), ..GetImageStoreContent::default() };
    match client.get_image_store_content(&input).await {
        Ok(answer) => Ok(Some(answer.body)),
        Err(error) if is_unknown(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The file of a listing whose path is `path`.
pub(super) fn the_file(content: ImageStoreContent, path: &str) -> Option<FileInfo> {
    let is_it = |file: &FileInfo| file.store_relative_path.as_deref().is_none_or(|told| same_path(path, told));
    content.store_files.unwrap_or_default().into_iter().find(is_it)
}

/// What tells one file from another that had its path before.
pub(super) fn version(file: &FileInfo) -> impl PartialEq + use<> {
    (file.file_version.clone(), file.modified_date)
}

/// Whether two paths name the same file, for a service that sees no case and writes either slash.
pub(super) fn same_path(one: &str, other: &str) -> bool {
    path_key(one) == path_key(other)
}

/// A path in the form in which services compare it.
pub(super) fn path_key(path: &str) -> String {
    with_slashes(path).to_lowercase()
}

pub(super) fn with_slashes(path: &str) -> String {
    let trimmed = path.trim_matches(|letter: char| letter == '/' || letter == '\\' || letter.is_whitespace());
    trimmed.replace('\\', "/")
}

/// How long the service may take for so many bytes, in seconds: five minutes, and as long as a line of 64 KiB per second takes. A
/// stalled connection is ended sooner, by the transport.
pub(super) fn sending_seconds(bytes: Option<u64>) -> i64 {
    const LONGEST: u64 = 7 * 24 * 60 * 60;
    let seconds = bytes.map_or(LONGEST, |bytes| (bytes / (64 * 1024)).saturating_add(300));
    seconds.min(LONGEST).cast_signed()
}

/// How long the service may take to join chunks, in seconds: a minute, and what copying them at 16 MiB per second takes.
/// Clusters copy; with the usual minute, large files came to nothing there.
fn commit_seconds(bytes: u64) -> i64 {
    (60 + bytes / (16 * 1024 * 1024)).min(4 * 60 * 60).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_for_a_request_grows_with_its_bytes() {
        assert_eq!([Some(0), Some(16 << 20), Some(u64::MAX), None].map(sending_seconds), [300, 556, 604_800, 604_800]);
        assert_eq!([0, 16 << 30, u64::MAX].map(commit_seconds), [60, 1084, 14_400]);
    }

    #[test]
    fn paths_are_compared_as_a_cluster_does() {
        assert!(same_path("App/Code/x.dll", "App\\code\\X.dll"));
        assert!(same_path("App", " /App/ "));
        assert!(!same_path("App", "App2"));
    }
}
