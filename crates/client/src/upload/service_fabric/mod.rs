//! Files and folders of the Service Fabric image store: large files in chunks that survive broken connections, folders with
//! their mark files, and files read back.
//!
//! [`upload`](crate::dialects::service_fabric::ServiceFabricClient::upload),
//! [`upload_folder`](crate::dialects::service_fabric::ServiceFabricClient::upload_folder) and
//! [`download_file`](crate::dialects::service_fabric::ServiceFabricClient::download_file) are methods of the client.

mod chunk_plan;
mod download;
mod error;
mod file;
mod folder;
mod ledger;
mod local;
mod session;
mod spans;
mod transfer;

use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;

use pentaprism_core::dialects::service_fabric::models::FileInfo;
use uuid::Uuid;

pub use chunk_plan::{Answered, ChunkPlan};
pub use error::{FabricDownloadError, FabricUploadError};
pub use folder::{FabricFolderError, FabricFolderOptions, FileProgress, FolderFailure, UploadedFolder};
pub use local::{Folder, FolderFile, LocalFolderError};

/// The smallest chunk that is tried when connections break within larger ones.
const SMALLEST_CHUNK: NonZeroU64 = NonZeroU64::new(256 * 1024).expect("it is not 0");

/// How to upload a file.
#[derive(Clone)]
pub struct FabricUploadOptions {
    /// The upload session of a file that goes in chunks. If the service knows it, only what it lacks is sent: whoever notes the
    /// session before the upload can go on after a crash. Without it a new one is made.
    pub session: Option<Uuid>,
    /// Whether a failed upload leaves its session on the service, where it ends by itself half an hour after the last chunk.
    /// Otherwise it is deleted. An upload that is dropped never deletes it.
    pub keep_session: bool,
    /// The size of a chunk, in bytes.
    pub chunk_bytes: NonZeroU64,
    /// How many requests with bytes are under way at once.
    pub parallel: NonZeroUsize,
    /// The largest file that goes in one request, in bytes. A source that cannot be read again always does.
    pub single_put_limit: u64,
    /// Whether the file is looked up afterwards, and its size compared.
    pub verify: bool,
    /// Makes ids of sessions. Injected, so that a test knows them.
    pub new_session: Arc<dyn Fn() -> Uuid + Send + Sync>,
}

impl Default for FabricUploadOptions {
    /// Up to 32 MiB in one request, else four chunks of 16 MiB at once; the result is verified.
    fn default() -> Self {
        Self {
            session: None,
            keep_session: false,
            chunk_bytes: const { NonZeroU64::new(16 * 1024 * 1024).expect("it is not 0") },
            parallel: const { NonZeroUsize::new(4).expect("it is not 0") },
            single_put_limit: 32 * 1024 * 1024,
            verify: true,
            new_session: Arc::new(Uuid::new_v4),
        }
    }
}

impl FabricUploadOptions {
    /// An upload that another run with the same session goes on with, after a failure as after a crash, for half an hour.
    #[must_use]
    pub fn resumable(session: Uuid) -> Self {
        Self { session: Some(session), keep_session: true, ..Self::default() }
    }
}

impl std::fmt::Debug for FabricUploadOptions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut formatter = formatter.debug_struct("FabricUploadOptions");
        formatter.field("session", &self.session).field("keep_session", &self.keep_session);
        formatter.field("chunk_bytes", &self.chunk_bytes).field("parallel", &self.parallel);
        formatter.field("single_put_limit", &self.single_put_limit).field("verify", &self.verify);
        formatter.finish_non_exhaustive()
    }
}

/// A file that was uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadedFile {
    /// Its path in the store.
    pub path: String,
    /// Its size in bytes, as far as it is known: a stream of unknown length is measured by the service.
    pub size: Option<u64>,
    /// What the service tells of it, with its version, if it was looked up.
    pub file: Option<FileInfo>,
    /// How it was sent.
    pub way: Way,
    /// Bytes that were sent and not taken, or taken and lost by the service.
    pub bytes_in_vain: u64,
}

/// How a file was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Way {
    /// In one request.
    Put,
    /// In chunks.
    Chunks {
        /// Under this session.
        session: Uuid,
        /// How many chunks were sent and acknowledged.
        chunks: u64,
        /// Bytes that an earlier upload under this session had sent.
        bytes_resumed: u64,
    },
}
