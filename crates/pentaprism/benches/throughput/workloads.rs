//! What is measured, and what it is compared with.

use std::future::Future;
use std::io::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use md5::Md5;
use pentaprism_client::dialects::glance::GlanceClient;
use pentaprism_client::dialects::service_fabric::ServiceFabricClient;
use pentaprism_client::{Credential, HyperTransport};
use pentaprism_core::Body;
use pentaprism_core::dialects::glance::create_image::CreateImage;
use pentaprism_core::dialects::glance::upload_image_data::UploadImageData;
use pentaprism_core::dialects::service_fabric::commit_image_store_upload_session::CommitImageStoreUploadSession;
use pentaprism_core::dialects::service_fabric::upload_file::UploadFile;
use pentaprism_core::dialects::service_fabric::upload_file_chunk::UploadFileChunk;
use sha2::{Digest, Sha512};
use uuid::Uuid;

use crate::bodies::{piece, repeated};

const MEBIBYTE: u64 = 1 << 20;
const GIBIBYTE: u64 = 1 << 30;

type Running = Pin<Box<dyn Future<Output = f64>>>;

/// One line of the table.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    /// Settings of the server.
    pub(crate) environment: &'static [(&'static str, &'static str)],
    pub(crate) run: fn(String) -> Running,
    /// What the machine can do with the same bytes, in the same unit.
    pub(crate) reference: Option<fn() -> f64>,
    once: bool,
}

impl Workload {
    /// How often it runs.
    pub(crate) fn runs(&self, usual: usize) -> usize {
        if self.once { 1 } else { usual }
    }
}

const fn workload(name: &'static str, run: fn(String) -> Running, reference: Option<fn() -> f64>) -> Workload {
    Workload { name, unit: "MiB/s", environment: &[], run, reference, once: false }
}

/// Acknowledged as soon as the system has the bytes.
const UNSYNCED: &[(&str, &str)] = &[("PENTAPRISM_DURABILITY", "none")];

pub(crate) const ALL: &[Workload] = &[
    workload("glance-1-gib", |url| Box::pin(glance(url, GIBIBYTE)), Some(digests)),
    workload("fabric-1-gib", |url| Box::pin(fabric(url, GIBIBYTE)), Some(synced_file)),
    Workload { once: true, ..workload("glance-4-gib", |url| Box::pin(glance(url, 4 * GIBIBYTE)), Some(digests)) },
    Workload {
        once: true,
        ..workload("fabric-4-gib-chunks", |url| Box::pin(chunks(url, 4 * GIBIBYTE)), Some(synced_file))
    },
    Workload { unit: "images/s", ..workload("fabric-10-kib-x1", |url| Box::pin(small(url, 1, 1000)), None) },
    Workload { unit: "images/s", ..workload("fabric-10-kib-x16", |url| Box::pin(small(url, 16, 8000)), None) },
    Workload { unit: "images/s", ..workload("fabric-10-kib-x64", |url| Box::pin(small(url, 64, 16000)), None) },
    Workload {
        environment: UNSYNCED,
        ..workload("fabric-1-gib-unsynced", |url| Box::pin(fabric(url, GIBIBYTE)), None)
    },
    Workload {
        unit: "images/s",
        environment: UNSYNCED,
        ..workload("fabric-10-kib-x16-unsynced", |url| Box::pin(small(url, 16, 8000)), None)
    },
];

#[allow(clippy::cast_precision_loss, reason = "a rate of a benchmark")]
fn rate(amount: u64, began: Instant) -> f64 {
    amount as f64 / began.elapsed().as_secs_f64()
}

fn glance_client(url: &str) -> GlanceClient<HyperTransport> {
    let token = Credential::auth_token("pentaprism-dev").expect("the token is text");
    GlanceClient::new(HyperTransport::new().expect("roots"), url.parse().expect("a URL"), token)
}

fn fabric_client(url: &str) -> ServiceFabricClient<HyperTransport> {
    ServiceFabricClient::new(HyperTransport::new().expect("roots"), url.parse().expect("a URL"), Credential::none())
}

/// One image: create, then one PUT, with MD5 and SHA-512 computed by the server.
async fn glance(url: String, length: u64) -> f64 {
    let client = glance_client(&url);
    let id = Uuid::from_u128(0xcf43_3676_4896_400d_8ec1_0511_8365_d9d2).to_string();
    let record = format!("{{\"id\":\"{id}\",\"disk_format\":\"raw\",\"container_format\":\"bare\"}}");
    client.create_image(&CreateImage { body: record.into() }).await.expect("the image is created");
    let input = UploadImageData { image_id: id, ..UploadImageData::default() };
    let began = Instant::now();
    client.upload_image_data(&input, repeated(length)).await.expect("the upload is acknowledged");
    rate(length / MEBIBYTE, began)
}

/// One file in one PUT.
async fn fabric(url: String, length: u64) -> f64 {
    let input = UploadFile { content_path: "large".to_owned(), ..UploadFile::default() };
    let began = Instant::now();
    fabric_client(&url).upload_file(&input, repeated(length)).await.expect("the upload is acknowledged");
    rate(length / MEBIBYTE, began)
}

/// One file in chunks of 16 MiB, from the last to the first, eight at a time, then the commit.
async fn chunks(url: String, length: u64) -> f64 {
    const CHUNK: u64 = 16 * MEBIBYTE;
    let client = fabric_client(&url);
    let session_id = Uuid::from_u128(7).to_string();
    let next = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let workers = (0..8).map(|_| {
        let (client, next, session_id) = (client.clone(), next.clone(), session_id.clone());
        tokio::spawn(async move {
            loop {
                let from_the_end = (next.fetch_add(1, Ordering::Relaxed) + 1) * CHUNK;
                let Some(first) = length.checked_sub(from_the_end) else { return };
                let input = UploadFileChunk {
                    content_path: "large".to_owned(),
                    session_id: session_id.clone(),
                    content_range: format!("bytes {first}-{}/{length}", first + CHUNK - 1),
                    ..UploadFileChunk::default()
                };
                client.upload_file_chunk(&input, repeated(CHUNK)).await.expect("the chunk is acknowledged");
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.expect("no worker panics");
    }
    let commit = CommitImageStoreUploadSession { session_id, ..CommitImageStoreUploadSession::default() };
    client.commit_image_store_upload_session(&commit).await.expect("the commit is acknowledged");
    rate(length / MEBIBYTE, began)
}

/// Files of 10 KiB with names of their own, on `connections` connections.
async fn small(url: String, connections: u64, count: u64) -> f64 {
    let client = fabric_client(&url);
    let bytes = piece().slice(..10 * 1024);
    let began = Instant::now();
    let workers = (0..connections).map(|worker| {
        let (client, bytes) = (client.clone(), bytes.clone());
        tokio::spawn(async move {
            for number in 0..count / connections {
                let content_path = format!("folder/{worker}/{number}");
                let input = UploadFile { content_path, ..UploadFile::default() };
                client.upload_file(&input, Body::from(bytes.clone())).await.expect("the upload is acknowledged");
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.expect("no worker panics");
    }
    rate(count / connections * connections, began)
}

/// MD5 and SHA-512 of 1 GiB, each on a thread of its own, with the server's default libraries.
fn digests() -> f64 {
    let bytes = piece();
    let began = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| digest::<Md5>(&bytes));
        scope.spawn(|| digest::<Sha512>(&bytes));
    });
    rate(GIBIBYTE / MEBIBYTE, began)
}

fn digest<D: Digest>(bytes: &[u8]) {
    let mut digest = D::new();
    (0..GIBIBYTE / MEBIBYTE).for_each(|_| digest.update(bytes));
    std::hint::black_box(digest.finalize());
}

/// 1 GiB written to a file in pieces of 1 MiB, then synced.
fn synced_file() -> f64 {
    let bytes = piece();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let began = Instant::now();
    let mut file = std::fs::File::create(folder.path().join("reference")).expect("a file can be made");
    (0..GIBIBYTE / MEBIBYTE).for_each(|_| file.write_all(&bytes).expect("the disk takes it"));
    file.sync_data().expect("the disk takes it");
    rate(GIBIBYTE / MEBIBYTE, began)
}
