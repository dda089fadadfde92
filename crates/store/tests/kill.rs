//! A process that uploads is killed at a random moment, several times over one data folder: everything it acknowledged is there, and
//! nothing partial is visible.
#![expect(clippy::unwrap_used, reason = "helpers are part of a test, but no test functions")]

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use bytes::Bytes;
use futures_util::StreamExt as _;
use pentaprism_store::{Account, Change, ChunkRequest, Limits, Options, Store, Tree, UploadRequest};

const FOLDER: &str = "PENTAPRISM_STORE_KILL_FOLDER";
const ROUNDS: u64 = 4;
const WORKERS: u64 = 4;

fn tree() -> Tree {
    Tree::new("toy", "files")
}

fn options(folder: &Path) -> Options {
    Options::folder(folder).limits(Limits { disk_reserve: 0, ..Limits::default() })
}

/// The bytes of an upload follow from its number; every third one is large.
fn body(number: u64) -> Bytes {
    let size = if number.is_multiple_of(3) { 700_000 } else { 5_000 };
    let seed = number.to_be_bytes();
    (0..size).map(|at| seed[at % 8] ^ at.to_le_bytes()[0] ^ at.to_le_bytes()[1]).collect::<Vec<u8>>().into()
}

async fn upload(store: &Store, number: u64) {
    let bytes = body(number);
    let mut upload = store.begin(UploadRequest::new(Account::new("toy", "files"))).await.unwrap();
    for piece in bytes.chunks(60_000) {
        upload.push(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    upload.finish().await.unwrap().commit(Change::new().put_file(&tree(), number.to_string())).await.unwrap();
}

async fn upload_in_chunks(store: &Store, number: u64) {
    let (bytes, session) = (body(number), store.next_id());
    let total = bytes.len() as u64;
    let half = total / 2;
    for (first, last) in [(half, total - 1), (0, half - 1)] {
        let path = number.to_string();
        let request = ChunkRequest { session, tree: tree(), path, total, first, last, quota: None };
        let mut chunk = store.begin_chunk(request).await.unwrap();
        let part = usize::try_from(first).unwrap()..=usize::try_from(last).unwrap();
        chunk.push(bytes.slice(part)).await.unwrap();
        chunk.finish().await.unwrap();
    }
    store.commit_session(&tree(), session).await.unwrap();
}

/// Not a test by itself: the process that is killed. It says the number of every upload that was acknowledged.
#[test]
#[ignore = "the killed half of the test below"]
fn uploads_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(options(Path::new(&folder))).await.unwrap();
        let start = store.next_id().as_u64_pair().0 >> 1;
        let workers = (0..WORKERS).map(|worker| {
            let store = store.clone();
            tokio::spawn(async move {
                for step in 0..100_000 {
                    let number = (start + step * WORKERS + worker) & (u64::MAX >> 2);
                    if step % 2 == 0 {
                        upload(&store, number).await;
                    } else {
                        upload_in_chunks(&store, number).await;
                    }
                    println!("acknowledged {number}");
                }
            })
        });
        futures_util::future::join_all(workers).await;
    });
}

fn kill_after(folder: &Path, acknowledgements: usize) -> Vec<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "uploads_until_it_is_killed", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The harness may print its own words before ours on the same line.
    let number = |line: String| line.rsplit_once("acknowledged ").and_then(|(_, number)| number.parse().ok());
    let mut numbers: Vec<u64> =
        lines.by_ref().map_while(Result::ok).filter_map(number).take(acknowledgements).collect();
    assert_eq!(numbers.len(), acknowledgements, "the child ended by itself");
    child.kill().unwrap();
    child.wait().unwrap();
    // Whole lines that were on their way count too; the last one may be cut.
    let mut rest: Vec<String> = lines.map_while(Result::ok).collect();
    rest.pop();
    numbers.extend(rest.into_iter().filter_map(number));
    numbers
}

#[tokio::test]
async fn a_killed_process_keeps_what_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        acknowledged.extend(kill_after(folder.path(), 20 + 17 * usize::try_from(round).unwrap()));
        let store = Store::open(options(folder.path())).await.unwrap();
        let level = store.level(&tree(), "").await.unwrap();
        for number in &acknowledged {
            assert!(level.files.iter().any(|file| file.path == number.to_string()), "{number} was acknowledged");
        }
        for file in level.files {
            let reader = store.open_content(file.content).await.unwrap();
            let blocks: Vec<Bytes> = reader.read(0..reader.size()).unwrap().map(Result::unwrap).collect().await;
            assert!(blocks.concat() == body(file.path.parse().unwrap()), "{} is whole", file.path);
        }
        store.sweep().await.unwrap();
        assert_eq!(store.fsck().await.unwrap().problems, []);
        assert!(store.close(std::time::Duration::from_secs(30)).await);
    }
}
