//! The handle that the layers above use.
use std::{
    future::Future,
    ops::Range,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::Stream;
use uuid::Uuid;

use crate::*;

fn pending<T>() -> T {
    panic!("this body lands with the next commit")
}

/// An open store; cheap to clone.
#[derive(Clone)]
pub struct Store(());
/// Switches that make a store fail.
#[derive(Clone)]
pub struct Faults(());
/// A running upload of a whole body.
pub struct Upload(());
/// A body that was received as a whole.
pub struct Received(Digests);
/// Pinned content.
pub struct Reader(());
/// Blocks of content.
pub struct Blocks(());
/// A running upload of a chunk.
pub struct ChunkWriter(());
/// What a sweep freed.
pub struct Swept {
    /// Contents freed.
    pub blobs: u64,
}

#[allow(
    clippy::unused_async,
    clippy::missing_errors_doc,
    clippy::must_use_candidate,
    missing_docs,
    reason = "signatures first"
)]
impl Store {
    pub async fn open(_: Options) -> Result<Store, OpenError> {
        pending()
    }
    pub async fn open_faulty(_: Options) -> Result<(Store, Faults), OpenError> {
        pending()
    }
    pub async fn close(&self, _deadline: Duration) -> bool {
        pending()
    }
    pub fn now(&self) -> Timestamp {
        pending()
    }
    pub fn next_id(&self) -> Uuid {
        pending()
    }
    pub async fn get(&self, _: &NameKey) -> Result<Option<Name>, Fault> {
        pending()
    }
    pub async fn is_buried(&self, _: &NameKey) -> Result<bool, Fault> {
        pending()
    }
    pub async fn list(&self, _: ListQuery) -> Result<Vec<Name>, Fault> {
        pending()
    }
    pub async fn usage(&self, _dialect: &str, _scope: &str) -> Result<Usage, Fault> {
        pending()
    }
    pub async fn apply(&self, _: Change) -> Result<Applied, ChangeError> {
        pending()
    }
    pub async fn begin(&self, _: UploadRequest) -> Result<Upload, UploadError> {
        pending()
    }
    pub async fn open_content(&self, _: Content) -> Result<Reader, ReadError> {
        pending()
    }
    pub async fn level(&self, _: &Tree, _path: &str) -> Result<Level, Fault> {
        pending()
    }
    pub async fn file(&self, _: &Tree, _path: &str) -> Result<Option<FileEntry>, Fault> {
        pending()
    }
    pub async fn folder(&self, _: &Tree, _path: &str) -> Result<Option<FolderEntry>, Fault> {
        pending()
    }
    pub async fn begin_chunk(&self, _: ChunkRequest) -> Result<ChunkWriter, ChunkError> {
        pending()
    }
    pub async fn session(&self, _: &Tree, _id: Uuid) -> Result<Option<Session>, Fault> {
        pending()
    }
    pub async fn sessions_at(&self, _: &Tree, _path: &str) -> Result<Vec<Session>, Fault> {
        pending()
    }
    pub async fn commit_session(&self, _: &Tree, _id: Uuid) -> Result<(), SessionError> {
        pending()
    }
    pub async fn delete_session(&self, _: &Tree, _id: Uuid) -> Result<bool, Fault> {
        pending()
    }
    pub async fn sweep(&self) -> Result<Swept, Fault> {
        pending()
    }
}
#[allow(
    clippy::unused_async,
    clippy::missing_errors_doc,
    clippy::must_use_candidate,
    missing_docs,
    reason = "signatures first"
)]
impl Faults {
    pub fn disk_full(&self, _: bool) {
        pending()
    }
    pub fn read_only(&self, _: bool) {
        pending()
    }
    pub fn io_error(&self, _: bool) {
        pending()
    }
    pub fn hang(&self, _: bool) {
        pending()
    }
    pub fn lose_commits(&self, _: u32) {
        pending()
    }
    pub fn fail_syncs(&self, _: u32) {
        pending()
    }
}
#[allow(
    clippy::unused_async,
    clippy::missing_errors_doc,
    clippy::must_use_candidate,
    missing_docs,
    reason = "signatures first"
)]
impl Upload {
    pub async fn push(&mut self, _: Bytes) -> Result<(), UploadError> {
        pending()
    }
    pub fn received(&self) -> u64 {
        pending()
    }
    pub async fn finish(self) -> Result<Received, UploadError> {
        pending()
    }
}
#[allow(
    clippy::unused_async,
    clippy::missing_errors_doc,
    clippy::must_use_candidate,
    missing_docs,
    reason = "signatures first"
)]
impl Received {
    pub fn size(&self) -> u64 {
        pending()
    }
    pub fn digests(&self) -> &Digests {
        &self.0
    }
    pub async fn commit(self, _: Change) -> Result<Applied, CommitError> {
        pending()
    }
}
#[allow(
    clippy::unused_async,
    clippy::missing_errors_doc,
    clippy::must_use_candidate,
    missing_docs,
    reason = "signatures first"
)]
impl ChunkWriter {
    pub async fn push(&mut self, _: Bytes) -> Result<(), ChunkError> {
        pending()
    }
    pub async fn finish(self) -> Result<(), ChunkError> {
        pending()
    }
    pub fn superseded(&self) -> impl Future<Output = ()> + Send + 'static {
        async { pending() }
    }
}
#[allow(
    clippy::unused_async,
    clippy::missing_errors_doc,
    clippy::must_use_candidate,
    missing_docs,
    reason = "signatures first"
)]
impl Reader {
    pub fn size(&self) -> u64 {
        pending()
    }
    pub fn read(&self, _: Range<u64>) -> Result<Blocks, ReadError> {
        pending()
    }
}
impl Stream for Blocks {
    type Item = Result<Bytes, ReadError>;
    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        pending()
    }
}
