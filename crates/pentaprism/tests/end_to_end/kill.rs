//! SIGKILL in the middle of uploads, ten times: no acknowledged upload is lost, and nothing partial is ever shown.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pentaprism_client::dialects::glance::GlanceClient;
use pentaprism_client::dialects::service_fabric::ServiceFabricClient;
use pentaprism_client::{Credential, Error, HyperTransport};
use pentaprism_core::Body;
use pentaprism_core::dialects::glance::create_image::CreateImage;
use pentaprism_core::dialects::glance::download_image_data::{DownloadImageData, DownloadImageDataOk};
use pentaprism_core::dialects::glance::upload_image_data::UploadImageData;
use pentaprism_core::dialects::service_fabric::commit_image_store_upload_session::CommitImageStoreUploadSession;
use pentaprism_core::dialects::service_fabric::download::Download;
use pentaprism_core::dialects::service_fabric::upload_file::UploadFile;
use pentaprism_core::dialects::service_fabric::upload_file_chunk::UploadFileChunk;
use pentaprism_testkit::server_process::ServerProcess;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::support::{noise, program};

const ROUNDS: usize = 10;
const WORKERS: usize = 6;
/// So many acknowledged uploads of a round, and the server is killed while the others run.
const ACKNOWLEDGED_PER_ROUND: usize = 24;

/// One upload that was begun, in the order of its number; its content follows from the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Unknown,
    Acknowledged,
}

#[derive(Clone)]
struct Clients {
    glance: GlanceClient<HyperTransport>,
    fabric: ServiceFabricClient<HyperTransport>,
}

impl Clients {
    fn of(server: &ServerProcess) -> Self {
        let transport = HyperTransport::new().expect("the system has root certificates");
        let base: pentaprism_client::BaseUrl = server.url().parse().expect("the URL is one");
        let token = Credential::auth_token("pentaprism-dev").expect("the token is text");
        Self {
            glance: GlanceClient::new(transport.clone(), base.clone(), token),
            fabric: ServiceFabricClient::new(transport, base, Credential::none()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_uploads_survive_ten_kills() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let next = Arc::new(AtomicUsize::new(0));
    let mut uploads = BTreeMap::new();
    for round in 0..ROUNDS {
        let server = ServerProcess::start(program(), folder.path(), &[]);
        verify(&Clients::of(&server), &uploads).await;
        upload_until_killed(server, &next, &mut uploads).await;
        let acknowledged = uploads.values().filter(|fate| **fate == Fate::Acknowledged).count();
        assert!(acknowledged >= (round + 1) * ACKNOWLEDGED_PER_ROUND, "only {acknowledged} uploads were acknowledged");
    }
    let server = ServerProcess::start(program(), folder.path(), &[]);
    verify(&Clients::of(&server), &uploads).await;
    assert!(server.stop().success());
    let checked = std::process::Command::new(program()).args(["fsck", "--data"]).arg(folder.path()).status();
    assert!(checked.is_ok_and(|status| status.success()), "the store is not sound");
}

/// Workers upload without pause; after enough acknowledgements the server dies under them.
async fn upload_until_killed(server: ServerProcess, next: &Arc<AtomicUsize>, uploads: &mut BTreeMap<usize, Fate>) {
    let clients = Clients::of(&server);
    let (sender, mut events) = mpsc::unbounded_channel();
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let (clients, next, sender) = (clients.clone(), next.clone(), sender.clone());
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let _receiver_lives = sender.send((number, Fate::Unknown));
                    if !upload(&clients, number).await {
                        return;
                    }
                    let _receiver_lives = sender.send((number, Fate::Acknowledged));
                }
            })
        })
        .collect();
    drop(sender);
    let mut server = Some(server);
    let mut acknowledged = 0;
    while let Some((number, fate)) = events.recv().await {
        uploads.insert(number, fate);
        acknowledged += usize::from(fate == Fate::Acknowledged);
        if acknowledged >= ACKNOWLEDGED_PER_ROUND
            && let Some(server) = server.take()
        {
            server.kill();
        }
    }
    for worker in workers {
        worker.await.expect("no worker panics");
    }
    assert!(server.is_none(), "the server ended by itself, or refused an upload");
}

/// Sizes from nothing special to several writes: packed bodies and bodies with files of their own.
fn content(number: usize) -> Vec<u8> {
    let sizes = [100, 10_240, 262_143, 262_145, 1 << 20, 5 << 20];
    noise(number as u64, sizes[number % sizes.len()] + number)
}

/// The image that an upload fills.
fn image(number: usize) -> String {
    Uuid::from_u128(0x4000_8000_0000_0000_0000 + number as u128).to_string()
}

/// Uploads number `number`; whether it was acknowledged. A refusal is a failure of the test, a lost connection is not.
async fn upload(clients: &Clients, number: usize) -> bool {
    let bytes = content(number);
    match number % 3 {
        0 => upload_to_glance(clients, number, bytes).await,
        1 => upload_to_fabric(clients, number, bytes).await,
        _ => upload_in_chunks(clients, number, &bytes).await,
    }
}

fn acknowledged<T, E: std::error::Error + 'static>(outcome: Result<T, Error<E>>) -> bool {
    match outcome {
        Ok(_) => true,
        Err(Error::Unreachable(_) | Error::Interrupted(_)) => false,
        Err(other) => panic!("an upload was refused: {other:?}"),
    }
}

async fn upload_to_glance(clients: &Clients, number: usize, bytes: Vec<u8>) -> bool {
    let record = format!("{{\"id\":\"{}\",\"disk_format\":\"raw\",\"container_format\":\"bare\"}}", image(number));
    let created = clients.glance.create_image(&CreateImage { body: record.into() }).await;
    let input = UploadImageData { image_id: image(number), ..UploadImageData::default() };
    acknowledged(created) && acknowledged(clients.glance.upload_image_data(&input, Body::from(bytes)).await)
}

fn path(number: usize) -> String {
    format!("folder {}/file {number}", number % 7)
}

async fn upload_to_fabric(clients: &Clients, number: usize, bytes: Vec<u8>) -> bool {
    let input = UploadFile { content_path: path(number), ..UploadFile::default() };
    acknowledged(clients.fabric.upload_file(&input, Body::from(bytes)).await)
}

async fn upload_in_chunks(clients: &Clients, number: usize, bytes: &[u8]) -> bool {
    let session_id = Uuid::from_u128(number as u128 + 1).to_string();
    let half = bytes.len() / 2;
    for (first, end) in [(half, bytes.len()), (0, half)] {
        let input = UploadFileChunk {
            content_path: path(number),
            session_id: session_id.clone(),
            content_range: format!("bytes {first}-{}/{}", end - 1, bytes.len()),
            ..UploadFileChunk::default()
        };
        let piece = Body::from(bytes[first..end].to_vec());
        if !acknowledged(clients.fabric.upload_file_chunk(&input, piece).await) {
            return false;
        }
    }
    let commit = CommitImageStoreUploadSession { session_id, ..CommitImageStoreUploadSession::default() };
    acknowledged(clients.fabric.commit_image_store_upload_session(&commit).await)
}

/// Every acknowledged upload is there, byte for byte; every other is there in full, or not at all.
async fn verify(clients: &Clients, uploads: &BTreeMap<usize, Fate>) {
    for (&number, &fate) in uploads {
        let found = if number % 3 == 0 { read_image(clients, number).await } else { read_file(clients, number).await };
        match found {
            Some(bytes) => assert!(bytes == content(number), "upload {number} shows other bytes than were sent"),
            None => assert!(fate == Fate::Unknown, "the acknowledged upload {number} is lost"),
        }
    }
}

async fn read_image(clients: &Clients, number: usize) -> Option<Vec<u8>> {
    let input = DownloadImageData { image_id: image(number), ..DownloadImageData::default() };
    match clients.glance.download_image_data(&input).await {
        Ok((DownloadImageDataOk::Ok { .. }, body)) => Some(body.collect(u64::MAX).await.expect("it is whole").to_vec()),
        Ok(_) | Err(Error::Refused(_)) => None,
        Err(other) => panic!("image {number} cannot be read: {other:?}"),
    }
}

async fn read_file(clients: &Clients, number: usize) -> Option<Vec<u8>> {
    let input = Download { content_path: path(number), ..Download::default() };
    match clients.fabric.download(&input).await {
        Ok((_, body)) => Some(body.collect(u64::MAX).await.expect("it is whole").to_vec()),
        Err(Error::Refused(_)) => None,
        Err(other) => panic!("file {number} cannot be read: {other:?}"),
    }
}
