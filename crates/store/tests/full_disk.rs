//! A real file system that fills up: a small one in memory, which only root can mount. Uploads leave the reserve alone, deletes go on, and
//! when somebody else takes the reserve, too, errors are told apart and the store goes on once there is room.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "helpers are part of a test, but no test functions")]

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use bytes::Bytes;
use futures_util::StreamExt as _;
use pentaprism_store::{
    Account, Change, ChangeError, ChunkError, ChunkRequest, CommitError, Fault, Limits, Options, Store, Tree,
    UploadError, UploadRequest,
};

const MIB: u64 = 1024 * 1024;
const SIZE: u64 = 48 * MIB;
const RESERVE: u64 = 8 * MIB;
const BODY: usize = 1_000_000;
/// What the database's log may take, once it has grown.
const LOG: u64 = 16 * MIB;

/// A file system of its own, until this is dropped.
struct Mounted {
    at: PathBuf,
    _folder: tempfile::TempDir,
}

impl Mounted {
    /// None where it cannot be, which is said aloud; in CI root must be able to.
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("disk");
        fs::create_dir(&at).unwrap();
        let root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        let options = format!("size={SIZE}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&at);
        if root && mount.status().is_ok_and(|status| status.success()) {
            return Some(Self { at, _folder: folder });
        }
        assert!(!root || std::env::var_os("CI").is_none(), "root cannot mount a file system in memory");
        // Not a macro, whose output would be kept back when the test passes.
        let line = b"SKIPPED: a test needs a file system of its own, which only root can mount\n";
        std::io::stderr().write_all(line).unwrap();
        None
    }

    fn free(&self) -> u64 {
        let status = rustix::fs::statvfs(&self.at).unwrap();
        status.f_bavail * status.f_frsize
    }

    /// Takes whatever room is left.
    fn fill(&self) -> PathBuf {
        let path = self.at.join("somebody else's");
        let mut file = File::create(&path).unwrap();
        for length in [64 * 1024, 4_096, 1] {
            let bytes = vec![7; length];
            while file.write_all(&bytes).is_ok() {}
        }
        path
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Also when the test failed and files are open; the folder goes afterwards.
        drop(Command::new("umount").arg("--lazy").arg(&self.at).status());
    }
}

fn tree() -> Tree {
    Tree::new("toy", "files")
}

async fn open(at: &Path) -> Store {
    let limits = Limits { disk_reserve: RESERVE, ..Limits::default() };
    Store::open(Options::folder(at.join("data")).limits(limits)).await.unwrap()
}

fn fault(error: UploadError) -> Fault {
    let UploadError::Fault(fault) = error else { panic!("{error:?}") };
    fault
}

/// Bodies of different numbers differ.
async fn put(store: &Store, number: u8, size: usize, declared: bool) -> Result<(), Fault> {
    let request = UploadRequest::new(Account::new("toy", "files")).declared(declared.then_some(size as u64));
    let mut upload = store.begin(request).await.map_err(fault)?;
    for at in (0..size).step_by(50_000) {
        upload.push(vec![number; 50_000.min(size - at)].into()).await.map_err(fault)?;
    }
    let received = upload.finish().await.map_err(fault)?;
    match received.commit(Change::new().put_file(&tree(), number.to_string())).await {
        Ok(_) => Ok(()),
        Err(CommitError::Fault(fault)) => Err(fault),
        Err(other) => panic!("{other:?}"),
    }
}

fn assert_full(done: &Result<(), Fault>) {
    assert!(matches!(done, Err(Fault::DiskFull { .. })), "{done:?}");
}

async fn put_until_full(store: &Store) -> u8 {
    for number in 0..=u8::MAX {
        let done = put(store, number, BODY, number % 2 == 0).await;
        if done.is_err() {
            assert_full(&done);
            return number;
        }
    }
    panic!("the disk is never full");
}

async fn delete(store: &Store, number: u8) -> Result<(), ChangeError> {
    store.apply(Change::new().delete_path(&tree(), number.to_string())).await.map(drop)
}

/// Frees what was given up, too.
async fn sweep(store: &Store) {
    while !store.garbage().await.unwrap().is_empty() || store.usage("toy", "files").await.unwrap().reserved > 0 {
        store.sweep().await.unwrap();
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_file_system_takes_deletes_and_then_uploads_again() {
    let Some(disk) = Mounted::new() else { return };
    let store = open(&disk.at).await;
    let stored = put_until_full(&store).await;
    sweep(&store).await;
    assert!(stored > 30, "only {stored} bodies found room");
    // Rows take room of the reserve, bodies do not.
    assert!(disk.free() + 2 * MIB > RESERVE, "{} bytes are left", disk.free());
    for declared in [true, false] {
        assert_full(&put(&store, 200, 20_000_000, declared).await);
    }
    let total = 20_000_000;
    let path = "session".to_owned();
    let chunk =
        ChunkRequest { session: store.next_id(), tree: tree(), path, total, first: 0, last: total - 1, quota: None };
    let refused = store.begin_chunk(chunk).await.map(drop).unwrap_err();
    assert!(matches!(refused, ChunkError::Fault(Fault::DiskFull { .. })), "{refused:?}");
    sweep(&store).await;
    for number in 0..stored {
        delete(&store, number).await.unwrap();
    }
    sweep(&store).await;
    assert!(disk.free() > SIZE - RESERVE, "{} bytes are free again", disk.free());
    let again = put_until_full(&store).await;
    let lost = u64::from(stored.saturating_sub(again)) * BODY as u64;
    assert!(
        lost < LOG + MIB,
        "{again} bodies find room where {stored} did; only rows and their log may take some of it"
    );
    sweep(&store).await;
    assert_eq!(store.fsck().await.unwrap().problems, []);
    assert!(store.close(Duration::from_secs(30)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_system_without_any_room_fails_requests_and_nothing_else() {
    let Some(disk) = Mounted::new() else { return };
    let store = open(&disk.at).await;
    for (number, size) in [(0, BODY), (1, 1_000), (2, BODY)] {
        put(&store, number, size, true).await.unwrap();
    }
    let foreign = disk.fill();
    for size in [1_000, BODY] {
        assert_full(&put(&store, 100, size, true).await);
        assert_full(&put(&store, 100, size, false).await);
    }
    // A row may still find room in the log. Where it does not, the log may have no room to be emptied either, so that it cannot be known
    // whether the row is in it.
    for number in [0, 1] {
        match delete(&store, number).await {
            Ok(()) | Err(ChangeError::Fault(Fault::DiskFull { .. } | Fault::Unknown)) => {}
            other => panic!("{other:?}"),
        }
    }
    fs::remove_file(foreign).unwrap();
    for number in [0, 1] {
        delete(&store, number).await.unwrap();
        assert_eq!(store.file(&tree(), &number.to_string()).await.unwrap(), None);
    }
    put(&store, 3, BODY, false).await.unwrap();
    sweep(&store).await;
    assert_eq!(store.fsck().await.unwrap().problems, []);
    assert!(store.close(Duration::from_secs(30)).await);
    drop(store);
    let store = open(&disk.at).await;
    for number in [2, 3] {
        let content = store.file(&tree(), &number.to_string()).await.unwrap().unwrap().content;
        let reader = store.open_content(content).await.unwrap();
        let blocks: Vec<Bytes> = reader.read(0..content.size).unwrap().map(Result::unwrap).collect().await;
        assert!(blocks.concat() == vec![number; BODY]);
    }
    assert_eq!(store.fsck().await.unwrap().blobs, 2);
    assert!(store.close(Duration::from_secs(30)).await);
}
