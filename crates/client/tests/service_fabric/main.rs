//! Uploads to an image store that loses requests, answers and sessions, and what arrives there.
//!
//! Time is tokio's, and paused: a wait takes none, and happens only when nothing else can.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod downloads;
mod files;
mod folders;
mod model;
mod sessions;
mod waits;

use std::num::{NonZeroU64, NonZeroUsize};

use bytes::Bytes;
use pentaprism_client::upload::service_fabric::FabricUploadOptions;
use uuid::Uuid;

/// The session of all uploads here.
const SESSION: Uuid = Uuid::from_u128(0x4a23_40e8_d8d8_497c_95fe_cdaa_1052_f33b);

/// Chunks of 1000 bytes, four at once, for files of more than 1000.
fn options() -> FabricUploadOptions {
    FabricUploadOptions {
        session: Some(SESSION),
        chunk_bytes: NonZeroU64::new(1000).unwrap(),
        parallel: NonZeroUsize::new(4).unwrap(),
        single_put_limit: 1000,
        ..FabricUploadOptions::default()
    }
}

/// Bytes that repeat at no chunk's border.
fn numbers(length: usize) -> Bytes {
    (0..length).map(|index| u8::try_from(index % 251).unwrap()).collect()
}
