//! Every operation of the Service Fabric image store.

use pentaprism_client::dialects::service_fabric::ServiceFabricClient;
use pentaprism_client::{Credential, Transport};
use pentaprism_core::ErrorStatus;
use pentaprism_core::dialects::service_fabric::commit_image_store_upload_session::{
    CommitImageStoreUploadSession, CommitImageStoreUploadSessionError,
};
use pentaprism_core::dialects::service_fabric::copy_image_store_content::{
    CopyImageStoreContent, CopyImageStoreContentError,
};
use pentaprism_core::dialects::service_fabric::delete_image_store_content::{
    DeleteImageStoreContent, DeleteImageStoreContentError,
};
use pentaprism_core::dialects::service_fabric::delete_image_store_upload_session::{
    DeleteImageStoreUploadSession, DeleteImageStoreUploadSessionError,
};
use pentaprism_core::dialects::service_fabric::download::{Download, DownloadError, DownloadOk};
use pentaprism_core::dialects::service_fabric::get_cluster_version::{GetClusterVersion, GetClusterVersionError};
use pentaprism_core::dialects::service_fabric::get_image_store_content::{
    GetImageStoreContent, GetImageStoreContentError,
};
use pentaprism_core::dialects::service_fabric::get_image_store_root_content::{
    GetImageStoreRootContent, GetImageStoreRootContentError,
};
use pentaprism_core::dialects::service_fabric::get_image_store_upload_session_by_id::{
    GetImageStoreUploadSessionById, GetImageStoreUploadSessionByIdError,
};
use pentaprism_core::dialects::service_fabric::get_image_store_upload_session_by_path::{
    GetImageStoreUploadSessionByPath, GetImageStoreUploadSessionByPathError,
};
use pentaprism_core::dialects::service_fabric::models::{
    FabricErrorCode, FabricErrorResponse, ImageStoreCopyDescription, UploadSession,
};
use pentaprism_core::dialects::service_fabric::upload_file::{UploadFile, UploadFileError};
use pentaprism_core::dialects::service_fabric::upload_file_chunk::{UploadFileChunk, UploadFileChunkError};

use crate::calls::{Calls, refuse, succeed};
use crate::{UNKNOWN_TOKEN, Way};

const SESSION: &str = "4a2340e8-d8d8-497c-95fe-cdaa1052f33b";
const ABSENT: &str = "1d9d5f62-11d8-4a30-9be5-0a6ae3f2a011";
const FILE: &str = "Calc/Code #1/größe 50%?.dll";

pub(crate) async fn every_operation<T: Transport + Clone>(way: &Way<T>, calls: &Calls) {
    let client = |credential| {
        let (transport, base, credential) = way.showing(credential);
        ServiceFabricClient::new(transport, base, credential)
    };
    let store = client(Credential::none());
    let stranger = client(Credential::bearer(UNKNOWN_TOKEN).unwrap());
    let version = succeed!(calls, store.get_cluster_version(&GetClusterVersion::default())).body.version;
    assert!(version.is_some_and(|version| version.split('.').count() == 4));
    let old = GetClusterVersion { api_version: "0.9".to_owned(), ..GetClusterVersion::default() };
    refuse!(calls, store.get_cluster_version(&old), GetClusterVersionError::Other(ErrorStatus::BAD_REQUEST, answer)
        if code(&answer) == &FabricErrorCode::EInvalidarg);
    files(&store, calls).await;
    contents(&store, &stranger, calls).await;
    sessions(&store, calls).await;
    session_ends(&store, calls).await;
    copies_and_deletions(&store, calls).await;
}

const fn code(answer: &FabricErrorResponse) -> &FabricErrorCode {
    &answer.body.error.code
}

async fn files<T: Transport>(store: &ServiceFabricClient<T>, calls: &Calls) {
    let upload = UploadFile { content_path: FILE.to_owned(), ..UploadFile::default() };
    succeed!(calls, store.upload_file(&upload, "0123456789"));
    let long = UploadFile { content_path: "x".repeat(4097), ..UploadFile::default() };
    refuse!(calls, store.upload_file(&long, "bytes"), UploadFileError::Other(ErrorStatus::BAD_REQUEST, answer)
        if code(&answer) == &FabricErrorCode::FabricEPathTooLong);

    let download = Download { content_path: FILE.to_owned(), ..Download::default() };
    let (whole, body) = succeed!(calls, store.download(&download));
    let DownloadOk::Ok { etag: same @ Some(_) } = whole else { panic!("{whole:?}") };
    assert_eq!(body.collect(100).await.unwrap(), "0123456789");
    let part = Download { range: Some("bytes=4-".to_owned()), if_range: same.clone(), ..download.clone() };
    let (part, body) = succeed!(calls, store.download(&part));
    let content_range = "bytes 4-9/10".to_owned();
    let expected = DownloadOk::PartialContent { etag: same.clone(), content_range };
    assert_eq!((part, body.collect(100).await.unwrap()), (expected, "456789".into()));
    let (unchanged, _) = succeed!(calls, store.download(&Download { if_none_match: same.clone(), ..download.clone() }));
    assert_eq!(unchanged, DownloadOk::NotModified { etag: same });
    let other = Download { if_match: Some("\"x\"".to_owned()), ..download.clone() };
    refuse!(calls, store.download(&other), DownloadError::Other(ErrorStatus::PRECONDITION_FAILED, _));
    let folder = Download { content_path: "Calc".to_owned(), ..Download::default() };
    refuse!(calls, store.download(&folder), DownloadError::Other(ErrorStatus::NOT_FOUND, _));
    let beyond = Download { range: Some("bytes=10-".to_owned()), ..download };
    refuse!(calls, store.download(&beyond), DownloadError::Other(ErrorStatus::RANGE_NOT_SATISFIABLE, _));
}

async fn contents<T: Transport>(store: &ServiceFabricClient<T>, stranger: &ServiceFabricClient<T>, calls: &Calls) {
    let root = GetImageStoreRootContent::default();
    let folders = succeed!(calls, store.get_image_store_root_content(&root)).body.store_folders.unwrap();
    let named: Vec<_> = folders.iter().filter_map(|folder| folder.store_relative_path.as_deref()).collect();
    assert!(named.contains(&"Calc"), "{named:?}");
    refuse!(
        calls,
        stranger.get_image_store_root_content(&root),
        GetImageStoreRootContentError::Other(ErrorStatus::UNAUTHORIZED, answer)
            if code(&answer) == &FabricErrorCode::FabricEServerAuthenticationFailed
    );
    let file = GetImageStoreContent { content_path: FILE.to_owned(), ..GetImageStoreContent::default() };
    let found = succeed!(calls, store.get_image_store_content(&file)).body.store_files.unwrap();
    assert_eq!(found[0].store_relative_path.as_deref(), Some(FILE));
    assert_eq!(found[0].file_size.map(|size| size.0), Some(10));
    let absent = GetImageStoreContent { content_path: "None".to_owned(), ..GetImageStoreContent::default() };
    refuse!(
        calls,
        store.get_image_store_content(&absent),
        GetImageStoreContentError::Other(ErrorStatus::NOT_FOUND, answer)
            if code(&answer) == &FabricErrorCode::FabricEFileNotFound
    );
}

fn chunk(session: &str, path: &str, range: &str) -> UploadFileChunk {
    UploadFileChunk {
        content_path: path.to_owned(),
        session_id: session.to_owned(),
        content_range: range.to_owned(),
        ..UploadFileChunk::default()
    }
}

/// The session, and where its first missing bytes begin and end.
fn missing(found: UploadSession) -> (String, Option<(u64, u64)>) {
    let session = found.upload_sessions.unwrap().remove(0);
    let range = session.expected_ranges.unwrap_or_default().into_iter().next();
    let range = range.map(|range| (range.start_position.unwrap().0, range.end_position.unwrap().0));
    (session.session_id.unwrap().to_string(), range)
}

async fn sessions<T: Transport>(store: &ServiceFabricClient<T>, calls: &Calls) {
    succeed!(calls, store.upload_file_chunk(&chunk(SESSION, "Calc/big", "bytes 0-4/10"), "01234"));
    let elsewhere = chunk(SESSION, "Calc/other", "bytes 5-9/10");
    refuse!(
        calls,
        store.upload_file_chunk(&elsewhere, "56789"),
        UploadFileChunkError::Other(ErrorStatus::CONFLICT, answer)
            if code(&answer) == &FabricErrorCode::FabricEUploadSessionIdConflict
    );
    let by_path = GetImageStoreUploadSessionByPath { content_path: "Calc/big".to_owned(), ..Default::default() };
    let found = succeed!(calls, store.get_image_store_upload_session_by_path(&by_path)).body;
    assert_eq!(missing(found), (SESSION.to_owned(), Some((5, 9))));
    let long = GetImageStoreUploadSessionByPath { content_path: "x".repeat(4097), ..Default::default() };
    refuse!(
        calls,
        store.get_image_store_upload_session_by_path(&long),
        GetImageStoreUploadSessionByPathError::Other(ErrorStatus::BAD_REQUEST, answer)
            if code(&answer) == &FabricErrorCode::FabricEPathTooLong
    );
    let by_id = |session: &str| GetImageStoreUploadSessionById { session_id: session.to_owned(), ..Default::default() };
    let found = succeed!(calls, store.get_image_store_upload_session_by_id(&by_id(SESSION))).body;
    assert_eq!(missing(found), (SESSION.to_owned(), Some((5, 9))));
    refuse!(
        calls,
        store.get_image_store_upload_session_by_id(&by_id(ABSENT)),
        GetImageStoreUploadSessionByIdError::Other(ErrorStatus::NOT_FOUND, answer)
            if code(&answer) == &FabricErrorCode::NotFound
    );
}

async fn session_ends<T: Transport>(store: &ServiceFabricClient<T>, calls: &Calls) {
    let commit = CommitImageStoreUploadSession { session_id: SESSION.to_owned(), ..Default::default() };
    refuse!(
        calls,
        store.commit_image_store_upload_session(&commit),
        CommitImageStoreUploadSessionError::Other(ErrorStatus::BAD_REQUEST, answer)
            if code(&answer) == &FabricErrorCode::EInvalidarg
    );
    succeed!(calls, store.upload_file_chunk(&chunk(SESSION, "Calc/big", "bytes 5-9/10"), "56789"));
    succeed!(calls, store.commit_image_store_upload_session(&commit));
    let download = Download { content_path: "Calc/big".to_owned(), ..Download::default() };
    let (_, body) = succeed!(calls, store.download(&download));
    assert_eq!(body.collect(100).await.unwrap(), "0123456789");

    let other = "9a2340e8-d8d8-497c-95fe-cdaa1052f33b";
    succeed!(calls, store.upload_file_chunk(&chunk(other, "Calc/given up", "bytes 0-4/10"), "01234"));
    let delete = DeleteImageStoreUploadSession { session_id: other.to_owned(), ..Default::default() };
    succeed!(calls, store.delete_image_store_upload_session(&delete));
    refuse!(
        calls,
        store.delete_image_store_upload_session(&delete),
        DeleteImageStoreUploadSessionError::Other(ErrorStatus::NOT_FOUND, answer)
            if code(&answer) == &FabricErrorCode::NotFound
    );
}

async fn copies_and_deletions<T: Transport>(store: &ServiceFabricClient<T>, calls: &Calls) {
    let copy = |from: &str| CopyImageStoreContent {
        body: ImageStoreCopyDescription {
            remote_source: from.to_owned(),
            remote_destination: "Copy".to_owned(),
            skip_files: None,
            check_mark_file: Some(false),
        },
        ..CopyImageStoreContent::default()
    };
    succeed!(calls, store.copy_image_store_content(&copy("Calc")));
    let download = Download { content_path: FILE.replace("Calc", "Copy"), ..Download::default() };
    let (_, body) = succeed!(calls, store.download(&download));
    assert_eq!(body.collect(100).await.unwrap(), "0123456789");
    refuse!(
        calls,
        store.copy_image_store_content(&copy("None")),
        CopyImageStoreContentError::Other(ErrorStatus::NOT_FOUND, answer)
            if code(&answer) == &FabricErrorCode::FabricEFileNotFound
    );
    let delete = |path: &str| DeleteImageStoreContent { content_path: path.to_owned(), ..Default::default() };
    succeed!(calls, store.delete_image_store_content(&delete("Copy")));
    refuse!(calls, store.download(&download), DownloadError::Other(ErrorStatus::NOT_FOUND, _));
    refuse!(
        calls,
        store.delete_image_store_content(&delete("Store")),
        DeleteImageStoreContentError::Other(ErrorStatus::BAD_REQUEST, answer)
            if code(&answer) == &FabricErrorCode::FabricEImagebuilderReservedDirectoryError
    );
}
