//! SIGKILL in the middle of uploads and deletes, many times over: no acknowledged upload is lost, nothing partial is ever shown, and what was
//! deleted stays deleted. `KILLS` says how many times (16 otherwise).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use pentaprism_client::dialects::glance::GlanceClient;
use pentaprism_client::dialects::service_fabric::ServiceFabricClient;
use pentaprism_client::{Credential, Error, HyperTransport};
use pentaprism_core::Body;
use pentaprism_core::dialects::glance::create_image::CreateImage;
use pentaprism_core::dialects::glance::delete_image::DeleteImage;
use pentaprism_core::dialects::glance::download_image_data::{DownloadImageData, DownloadImageDataOk};
use pentaprism_core::dialects::glance::upload_image_data::UploadImageData;
use pentaprism_core::dialects::service_fabric::commit_image_store_upload_session::CommitImageStoreUploadSession;
use pentaprism_core::dialects::service_fabric::delete_image_store_content::DeleteImageStoreContent;
use pentaprism_core::dialects::service_fabric::download::Download;
use pentaprism_core::dialects::service_fabric::upload_file::UploadFile;
use pentaprism_core::dialects::service_fabric::upload_file_chunk::UploadFileChunk;
use pentaprism_testkit::server_process::ServerProcess;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::support::{noise, program};

const ROUNDS: usize = 16;
const WORKERS: usize = 6;
/// So many uploads later a worker deletes one, so that a long run does not fill the disk, and the server frees while it dies.
const KEPT: usize = 40;
/// Deleted uploads that are looked for after each kill; after the last one it is all of them.
const REMEMBERED: usize = 100;

/// One upload that was begun; its content follows from its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It may be there as a whole, or not at all.
    Unknown,
    Acknowledged,
    /// It was there and may be gone.
    Deleting,
    /// It was deleted, or was not there after a kill.
    Gone,
}

/// Every upload by its number.
#[derive(Clone, Default)]
struct Uploads(Arc<Mutex<BTreeMap<usize, Fate>>>);

impl Uploads {
    fn all(&self) -> BTreeMap<usize, Fate> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The number of the next upload.
    fn begin(&self) -> usize {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = all.last_key_value().map_or(0, |(last, _)| last + 1);
        all.insert(number, Fate::Unknown);
        number
    }

    fn set(&self, number: usize, fate: Fate) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(number, fate);
    }

    /// The oldest upload that is there, when enough came after it: it is to be deleted, and by nobody else.
    fn take_old(&self, number: usize) -> Option<usize> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (old, fate) =
            all.range_mut(..number.saturating_sub(KEPT)).find(|(_, fate)| **fate == Fate::Acknowledged)?;
        *fate = Fate::Deleting;
        Some(*old)
    }
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

fn rounds() -> usize {
    std::env::var("KILLS").map_or(ROUNDS, |text| text.parse().expect("KILLS is a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_uploads_survive_every_kill() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let uploads = Uploads::default();
    for round in 0..rounds() {
        let server = ServerProcess::start(program(), folder.path(), &[]);
        verify(&Clients::of(&server), &uploads, REMEMBERED).await;
        // Now and then hardly anything is done in between: a start is killed, too.
        upload_until_killed(server, &uploads, if round % 5 == 4 { 1 } else { 8 + 7 * round % 25 }).await;
    }
    let server = ServerProcess::start(program(), folder.path(), &[]);
    verify(&Clients::of(&server), &uploads, usize::MAX).await;
    assert!(server.stop().success());
    let checked = std::process::Command::new(program()).args(["fsck", "--data"]).arg(folder.path()).status();
    assert!(checked.is_ok_and(|status| status.success()), "the store is not sound");
}

/// Workers upload and delete without pause; after enough acknowledgements the server dies under them.
async fn upload_until_killed(server: ServerProcess, uploads: &Uploads, enough: usize) {
    let clients = Clients::of(&server);
    let (sender, mut acknowledgements) = mpsc::unbounded_channel();
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let (clients, uploads, sender) = (clients.clone(), uploads.clone(), sender.clone());
            tokio::spawn(async move {
                loop {
                    let number = uploads.begin();
                    if !upload(&clients, number).await {
                        return;
                    }
                    uploads.set(number, Fate::Acknowledged);
                    let _receiver_lives = sender.send(());
                    if let Some(old) = uploads.take_old(number) {
                        if !delete(&clients, old).await {
                            return;
                        }
                        uploads.set(old, Fate::Gone);
                    }
                }
            })
        })
        .collect();
    drop(sender);
    let mut server = Some(server);
    let mut acknowledged = 0;
    while acknowledgements.recv().await.is_some() {
        acknowledged += 1;
        if acknowledged >= enough
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

async fn delete(clients: &Clients, number: usize) -> bool {
    if number.is_multiple_of(3) {
        return acknowledged(clients.glance.delete_image(&DeleteImage { image_id: image(number) }).await);
    }
    let input = DeleteImageStoreContent { content_path: path(number), ..DeleteImageStoreContent::default() };
    acknowledged(clients.fabric.delete_image_store_content(&input).await)
}

/// Every acknowledged upload is there, byte for byte; every other is there in full, or not at all, and stays so. Of those that are gone only
/// the latest are looked for.
async fn verify(clients: &Clients, uploads: &Uploads, remembered: usize) {
    let all = uploads.all();
    let gone = all.values().filter(|fate| **fate == Fate::Gone).count();
    let mut forgotten = gone.saturating_sub(remembered);
    for (number, fate) in all {
        if fate == Fate::Gone && forgotten > 0 {
            forgotten -= 1;
            continue;
        }
        let found =
            if number.is_multiple_of(3) { read_image(clients, number).await } else { read_file(clients, number).await };
        if let Some(bytes) = found {
            assert!(fate != Fate::Gone, "upload {number}, which was gone, is there");
            assert!(bytes == content(number), "upload {number} shows other bytes than were sent");
            uploads.set(number, Fate::Acknowledged);
        } else {
            assert!(fate != Fate::Acknowledged, "the acknowledged upload {number} is lost");
            uploads.set(number, Fate::Gone);
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
