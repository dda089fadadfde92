//! The client's Service Fabric uploads against the real server: in the same process, and over connections that are cut.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::num::{NonZeroU64, NonZeroUsize};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use pentaprism::app::App;
use pentaprism::context::Context;
use pentaprism::dialects::Dialects;
use pentaprism::in_process::Server;
use pentaprism::serve::serve;
use pentaprism::settings::Settings;
use pentaprism::tokens::RandomTokens;
use pentaprism_client::dialects::service_fabric::ServiceFabricClient;
use pentaprism_client::retry::{self, Clock};
use pentaprism_client::upload::service_fabric::{
    FabricDownloadError, FabricFolderOptions, FabricUploadError, FabricUploadOptions, FolderFile, UploadedFile, Way,
};
use pentaprism_client::{Counters, Credential, HyperTransport, Retry, Source, Transport};
use pentaprism_core::dialects::service_fabric::upload_file_chunk::UploadFileChunk;
use pentaprism_store::{Options, RandomIds, Store};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

const SESSION: Uuid = Uuid::from_u128(0x4a23_40e8_d8d8_497c_95fe_cdaa_1052_f33b);
const CHUNK: usize = 64 * 1024;

async fn app() -> App {
    let store = Store::open(Options::ephemeral()).await.unwrap();
    let (clock, ids) = (Arc::new(pentaprism_store::SystemClock), Arc::new(RandomIds));
    let context = Context::new(Settings::default(), store.clone(), clock, ids.clone(), Arc::new(RandomTokens));
    let app = App::new(&context.settings, Dialects::new(&context), store, ids);
    app.prepare().await.unwrap();
    app
}

async fn in_process() -> ServiceFabricClient<impl Transport> {
    let server = Server::start().await.unwrap();
    ServiceFabricClient::new(server.transport(), Server::base(), Credential::none())
}

fn options() -> FabricUploadOptions {
    FabricUploadOptions {
        session: Some(SESSION),
        chunk_bytes: NonZeroU64::new(CHUNK as u64).unwrap(),
        parallel: NonZeroUsize::new(4).unwrap(),
        single_put_limit: CHUNK as u64,
        ..FabricUploadOptions::default()
    }
}

fn numbers(length: usize) -> Bytes {
    (0..length).map(|index| u8::try_from(index % 251).unwrap()).collect()
}

async fn read<T: Transport>(client: &ServiceFabricClient<T>, path: &str, from: u64) -> Bytes {
    let (_, body) = client.download_file(path, from).await.unwrap();
    body.collect(u64::MAX).await.unwrap()
}

#[tokio::test]
async fn a_large_file_is_sent_in_chunks_and_read_back() {
    let client = in_process().await;
    let bytes = numbers(20 * CHUNK + 17);
    let uploaded = client.upload("Images/big.vhd", bytes.clone(), &options()).await.unwrap();
    assert_eq!(uploaded.way, Way::Chunks { session: SESSION, chunks: 21, bytes_resumed: 0 });
    assert_eq!((uploaded.size, uploaded.bytes_in_vain), (Some(bytes.len() as u64), 0));
    assert!(read(&client, "Images/big.vhd", 0).await == bytes);
    assert!(read(&client, "Images/big.vhd", 12_345).await == bytes.slice(12_345..));
    assert!(read(&client, "Images/big.vhd", bytes.len() as u64).await.is_empty());

    // Another run with the same session finds everything there.
    let again = client.upload("Images/big.vhd", bytes.clone(), &options()).await.unwrap();
    assert_eq!(again.way, Way::Chunks { session: SESSION, chunks: 0, bytes_resumed: bytes.len() as u64 });
    assert_eq!(again.file, uploaded.file);

    // When the file was replaced since, the session is spent: everything is sent again.
    client.upload("Images/big.vhd", "small", &options()).await.unwrap();
    let third = client.upload("Images/big.vhd", bytes.clone(), &options()).await.unwrap();
    assert!(matches!(third.way, Way::Chunks { chunks: 21, .. }), "{third:?}");
    assert!(read(&client, "Images/big.vhd", 0).await == bytes);
}

#[tokio::test]
async fn what_an_earlier_run_left_is_completed() {
    let client = in_process().await;
    let bytes = numbers(10 * CHUNK);
    for range in [100..70_000, 200_000..200_001] {
        let chunk = UploadFileChunk {
            content_path: "big".to_owned(),
            session_id: SESSION.to_string(),
            content_range: format!("bytes {}-{}/{}", range.start, range.end - 1, bytes.len()),
            ..UploadFileChunk::default()
        };
        client.upload_file_chunk(&chunk, bytes.slice(range)).await.unwrap();
    }
    let error = client.upload("other", bytes.clone(), &options()).await.unwrap_err();
    assert!(matches!(error, FabricUploadError::OtherSession { .. }), "{error:?}");
    let counters = Arc::new(Counters::default());
    let source = Source::bytes(bytes.clone()).with_progress(counters.clone());
    let uploaded = client.upload("big", source, &options()).await.unwrap();
    assert!(matches!(uploaded.way, Way::Chunks { bytes_resumed: 69_901, .. }), "{uploaded:?}");
    assert_eq!(counters.bytes_acknowledged(), bytes.len() as u64);
    assert!(read(&client, "big", 0).await == bytes);
}

#[tokio::test]
async fn a_folder_is_uploaded_with_its_marks() {
    let client = in_process().await;
    let files = || {
        vec![
            FolderFile::new("ApplicationManifest.xml", "manifest"),
            FolderFile::new("Svc/Code/a #1 50%? ü+&.dll", numbers(500)),
            FolderFile::new("Svc/Code/big.dll", numbers(3 * CHUNK)),
        ]
    };
    let options = FabricFolderOptions { file: options(), ..FabricFolderOptions::default() };
    let uploaded = client.upload_folder("App", files(), &options).await.unwrap();
    assert_eq!(uploaded.marks, ["App/Svc/Code/_.dir", "App/Svc/_.dir", "App/_.dir"]);
    assert!(uploaded.files.iter().all(|file| file.file.is_some()));
    assert!(read(&client, "App/Svc/Code/a #1 50%? ü+&.dll", 0).await == numbers(500));
    assert!(read(&client, "App/_.dir", 0).await.is_empty());
    let again = FabricFolderOptions { skip_existing: true, ..options };
    let uploaded = client.upload_folder("App", files(), &again).await.unwrap();
    assert_eq!((uploaded.files.len(), uploaded.skipped.len()), (0, 3));
    assert!(matches!(client.download_file("App", 0).await, Err(FabricDownloadError::Folder)));
    assert!(matches!(client.download_file("None", 0).await, Err(FabricDownloadError::NotFound)));
}

/// No pause takes time; no deadline passes.
struct Impatient;

impl Clock for Impatient {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn sleep(&self, pause: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            if pause >= Duration::from_secs(30) {
                std::future::pending::<()>().await;
            }
            tokio::task::yield_now().await;
        })
    }
}

/// Where a connection is cut: after so many bytes of its requests, or of its answers.
#[derive(Debug, Clone, Copy)]
enum Cut {
    Requests(usize),
    Answers(usize),
}

/// Copies bytes until they are over or enough.
async fn copy(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, enough: usize) {
    let (mut left, mut buffer) = (enough, vec![0; 16 * 1024]);
    while left > 0 {
        let most = left.min(buffer.len());
        let Ok(count @ 1..) = from.read(&mut buffer[..most]).await else { break };
        if to.write_all(&buffer[..count]).await.is_err() {
            break;
        }
        left -= count;
    }
}

/// A relay to `server` that cuts one connection after another, each at the next of `cuts`; those after the last live.
async fn relay(listener: TcpListener, server: SocketAddr, cuts: Arc<Mutex<VecDeque<Cut>>>) {
    while let Ok((client, _)) = listener.accept().await {
        let cut = cuts.lock().unwrap().pop_front();
        tokio::spawn(async move {
            let server = TcpStream::connect(server).await.unwrap();
            let (requests, answers) = match cut {
                Some(Cut::Requests(bytes)) => (bytes, usize::MAX),
                Some(Cut::Answers(bytes)) => (usize::MAX, bytes),
                None => (usize::MAX, usize::MAX),
            };
            let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
            // Whichever ends first ends both.
            tokio::select! {
                () = copy(from_client, to_server, requests) => {}
                () = copy(from_server, to_client, answers) => {}
            }
        });
    }
}

/// A server on a port, and a client whose connections to it are cut.
async fn over(cuts: &Arc<Mutex<VecDeque<Cut>>>) -> ServiceFabricClient<HyperTransport> {
    let (server, relayed) =
        (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let (address, base) = (server.local_addr().unwrap(), format!("http://{}", relayed.local_addr().unwrap()));
    let limits = Settings::default().connections.limits();
    tokio::spawn(serve(server, app().await, limits, std::future::pending()));
    tokio::spawn(relay(relayed, address, cuts.clone()));
    let retry = Retry::standard()
        .with_policy(retry::Standard { attempts: 12, ..retry::Standard::default() })
        .with_clock(Arc::new(Impatient));
    let transport = HyperTransport::builder().build().unwrap();
    ServiceFabricClient::new(transport, base.parse().unwrap(), Credential::none()).with_retry(retry)
}

#[tokio::test]
async fn connections_that_are_cut_anywhere_cost_no_byte() {
    let head = 400;
    let places = [0, 1, 100, head, 1000, CHUNK - 1, CHUNK, CHUNK + head, CHUNK + 2 * head, 2 * CHUNK, 5 * CHUNK + 7];
    let requests = places.iter().map(|bytes| Cut::Requests(*bytes));
    let answers = [0, 1, 15, 100, 300, 1000].iter().map(|bytes| Cut::Answers(*bytes));
    let cuts = Arc::new(Mutex::new(requests.clone().chain(answers).chain(requests.rev()).collect()));
    let client = over(&cuts).await;
    let bytes = numbers(60 * CHUNK + 1);
    let counters = Arc::new(Counters::default());
    let source = Source::bytes(bytes.clone()).with_progress(counters.clone());
    let uploaded = client.upload("Images/big.vhd", source, &options()).await.unwrap();
    assert!(cuts.lock().unwrap().is_empty());
    assert_eq!((counters.bytes_sent(), counters.bytes_acknowledged()), (bytes.len() as u64, bytes.len() as u64));
    assert!(read(&client, "Images/big.vhd", 0).await == bytes);
    // It was written once: the next file has the next number.
    let version =
        |uploaded: &UploadedFile| uploaded.file.clone().unwrap().file_version.unwrap().version_number.unwrap().0;
    let next = client.upload("next", "1", &options()).await.unwrap();
    assert!(version(&next) > version(&uploaded));
    // Each of 28 connections can have swallowed one chunk.
    assert!(uploaded.bytes_in_vain <= 28 * CHUNK as u64, "{}", uploaded.bytes_in_vain);
}

#[tokio::test]
async fn a_killed_upload_goes_on_where_it_was() {
    let cuts: Arc<Mutex<VecDeque<Cut>>> = Arc::default();
    let client = over(&cuts).await;
    let (bytes, options) = (numbers(40 * CHUNK), options());
    for threshold in [10 * CHUNK, 25 * CHUNK] {
        let counters = Arc::new(Counters::default());
        let source = Source::bytes(bytes.clone()).with_progress(counters.clone());
        let enough = async {
            while counters.bytes_acknowledged() < threshold as u64 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            ended = client.upload("big", source, &options) => panic!("{ended:?}"),
            () = enough => {}
        }
    }
    let uploaded = client.upload("big", bytes.clone(), &options).await.unwrap();
    let Way::Chunks { bytes_resumed, chunks, .. } = uploaded.way else { panic!("{uploaded:?}") };
    assert!(bytes_resumed >= 25 * CHUNK as u64);
    // A chunk of the killed run may arrive after the question; it is refused then, and counts for neither.
    let counted = bytes_resumed + chunks * CHUNK as u64;
    assert!((bytes.len() - 4 * CHUNK..=bytes.len()).contains(&usize::try_from(counted).unwrap()), "{uploaded:?}");
    assert!(read(&client, "big", 0).await == bytes);
}
