//! Disks that are full, read-only or broken: the right error comes out, nothing partial stays, room is given back, and the store
//! goes on once the disk does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::StreamExt as _;
use rustix::io::Errno;
use tempfile::TempDir;
use uuid::Uuid;

use super::{
    Machine, PATIENCE,
    files::PAGE,
    rules::{Kind, Rule},
};
use crate::{
    Account, Change, ChunkError, ChunkRequest, CommitError, Fault, Limits, Options, SequentialIds, Store, Tree,
    UploadError, UploadRequest, Usage,
};

const SMALL: usize = 13_000;
const LARGE: usize = 400_000;
const RESERVE: u64 = 1_000_000;
const SESSION: Uuid = Uuid::from_u128(1);
const ERRORS: [Errno; 3] = [Errno::IO, Errno::NOSPC, Errno::ROFS];
/// A pack grows by as much where there is room.
const PACK_STEP: u64 = 64 * 1024 * 1024;

fn tree() -> Tree {
    Tree::new("toy", "files")
}

fn options(run: u64) -> Options {
    let limits = Limits { disk_reserve: RESERVE, small_threshold: SMALL, ..Limits::default() };
    Options::folder("").limits(limits).ids(Arc::new(SequentialIds::new(run)))
}

/// How a body is sent.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Small,
    Announced,
    Unannounced,
    Chunks,
}

const WAYS: [Way; 4] = [Way::Small, Way::Announced, Way::Unannounced, Way::Chunks];

/// Other bytes for each path.
fn body(way: Way, path: &str) -> Bytes {
    let length = if way == Way::Small { SMALL } else { LARGE };
    let seed: usize = path.bytes().map(usize::from).sum();
    (0..length).map(|at| u8::try_from((at + seed) % 251).unwrap() + 1).collect::<Vec<u8>>().into()
}

fn fault_of_upload(error: UploadError) -> Fault {
    let UploadError::Fault(fault) = error else { panic!("{error:?}") };
    fault
}

fn fault_of_chunk(error: ChunkError) -> Fault {
    let ChunkError::Fault(fault) = error else { panic!("{error:?}") };
    fault
}

async fn send(store: &Store, way: Way, path: &str) -> Result<(), Fault> {
    let bytes = body(way, path);
    if way == Way::Chunks {
        return send_chunks(store, path, &bytes).await;
    }
    let declared = (way == Way::Announced).then_some(bytes.len() as u64);
    let request = UploadRequest::new(Account::new("toy", "files")).declared(declared);
    let mut upload = store.begin(request).await.map_err(fault_of_upload)?;
    for frame in bytes.chunks(20_000) {
        upload.push(Bytes::copy_from_slice(frame)).await.map_err(fault_of_upload)?;
    }
    let received = upload.finish().await.map_err(fault_of_upload)?;
    match received.commit(Change::new().put_file(&tree(), path)).await {
        Ok(_) => Ok(()),
        Err(CommitError::Fault(fault)) => Err(fault),
        Err(other) => panic!("{other:?}"),
    }
}

fn chunk(session: Uuid, path: &str, total: usize, first: usize, end: usize) -> ChunkRequest {
    let (total, first, last) = (total as u64, first as u64, end as u64 - 1);
    ChunkRequest { session, tree: tree(), path: path.to_owned(), total, first, last, quota: None }
}

/// In two chunks; a session that fails is deleted.
async fn send_chunks(store: &Store, path: &str, bytes: &Bytes) -> Result<(), Fault> {
    let (session, half) = (store.next_id(), bytes.len() / 2);
    let send_one = async |first: usize, end: usize| {
        let mut chunk = store.begin_chunk(chunk(session, path, bytes.len(), first, end)).await?;
        chunk.push(bytes.slice(first..end)).await?;
        chunk.finish().await
    };
    let both = async {
        send_one(half, bytes.len()).await?;
        send_one(0, half).await
    };
    if let Err(error) = both.await {
        store.delete_session(&tree(), session).await.unwrap();
        return Err(fault_of_chunk(error));
    }
    store.commit_session(&tree(), session).await.unwrap();
    Ok(())
}

pub(super) async fn read(store: &Store, path: &str) -> Option<Bytes> {
    let content = store.file(&tree(), path).await.unwrap()?.content;
    let reader = store.open_content(content).await.unwrap();
    let blocks: Vec<Bytes> = reader.read(0..reader.size()).unwrap().map(Result::unwrap).collect().await;
    Some(blocks.concat().into())
}

async fn delete(store: &Store, path: &str) {
    assert_eq!(store.apply(Change::new().delete_path(&tree(), path)).await.unwrap().deleted(), 1);
}

/// A machine whose store is open.
struct Running {
    machine: Arc<Machine>,
    folder: TempDir,
    store: Store,
}

impl Running {
    async fn start() -> Self {
        let (machine, folder) = (Machine::new(), TempDir::new().unwrap());
        let store = machine.open(folder.path(), options(1)).await.unwrap();
        Self { machine, folder, store }
    }

    /// Waits for what goes on behind a request that failed.
    async fn settle(&self) {
        self.store.inner.tasks.close();
        self.store.inner.tasks.wait().await;
        self.store.inner.tasks.reopen();
    }

    /// Nothing of what failed is left, and everything works.
    async fn assert_goes_on(&self, kept: &[(&str, Way)]) {
        self.settle().await;
        self.store.sweep().await.unwrap();
        assert_eq!(self.store.garbage().await.unwrap(), []);
        let bytes: usize = kept.iter().map(|(path, way)| body(*way, path).len()).sum();
        assert_eq!(self.store.usage("toy", "files").await.unwrap(), Usage { bytes: bytes as u64, reserved: 0 });
        assert_eq!(self.machine.names("files").len(), kept.iter().filter(|(_, way)| *way != Way::Small).count());
        for (path, way) in kept {
            assert!(read(&self.store, path).await.unwrap() == body(*way, path), "{path}");
        }
        for way in WAYS {
            send(&self.store, way, "afterwards").await.unwrap();
            assert!(read(&self.store, "afterwards").await.unwrap() == body(way, "afterwards"));
        }
        delete(&self.store, "afterwards").await;
        self.store.sweep().await.unwrap();
        assert_eq!(self.store.fsck().await.unwrap().problems, []);
    }

    /// After a start nothing takes room but what is kept; sessions and failures have left nothing.
    async fn assert_room(self, kept: &[(&str, Way)]) {
        assert!(self.store.close(PATIENCE).await);
        drop(self.store);
        let store = self.machine.open(self.folder.path(), options(2)).await.unwrap();
        store.sweep().await.unwrap();
        let pages: u64 = kept.iter().map(|(path, way)| (body(*way, path).len() as u64).div_ceil(PAGE) + 1).sum();
        // Packs of small bodies may hold the ends of pages that several dead bodies shared.
        let taken: u64 = self.machine.names("files").iter().map(|name| self.machine.taken_by("files", name)).sum();
        assert!(taken <= pages * PAGE, "{taken} bytes are taken for {pages} pages");
        assert_eq!(store.fsck().await.unwrap().problems, []);
        assert!(store.close(PATIENCE).await);
    }
}

fn assert_matches(error: Errno, fault: &Fault) {
    let right = match error {
        Errno::NOSPC => matches!(fault, Fault::DiskFull { .. }),
        Errno::ROFS => matches!(fault, Fault::ReadOnly(_)),
        _ => matches!(fault, Fault::Io { .. }),
    };
    assert!(right, "{error} became {fault:?}");
}

/// Lets one call after the other fail, until the body is stored without that call.
async fn fail_each_call(way: Way, error: Errno) {
    let running = Running::start().await;
    send(&running.store, Way::Small, "kept/small").await.unwrap();
    send(&running.store, Way::Announced, "kept/large").await.unwrap();
    let kept = [("kept/small", Way::Small), ("kept/large", Way::Announced)];
    for nth in 0.. {
        assert!(nth < 100, "the calls of one upload do not end");
        let (count, failed) = (AtomicU64::new(0), Arc::new(AtomicU64::new(0)));
        let noted = Arc::clone(&failed);
        running.machine.add(Rule::fails(
            move |call| {
                let fails = call.changes() && count.fetch_add(1, Ordering::Relaxed) == nth;
                noted.fetch_add(u64::from(fails), Ordering::Relaxed);
                fails
            },
            error,
        ));
        let sent = send(&running.store, way, "a").await;
        running.machine.heal();
        match &sent {
            Err(fault) => assert_matches(error, fault),
            Ok(()) => assert!(read(&running.store, "a").await.unwrap() == body(way, "a")),
        }
        if sent.is_ok() {
            delete(&running.store, "a").await;
        } else {
            assert_eq!(read(&running.store, "a").await, None, "nothing partial is shown");
        }
        running.assert_goes_on(&kept).await;
        if failed.load(Ordering::Relaxed) == 0 {
            assert!(nth > 1 && sent.is_ok());
            break;
        }
    }
    running.assert_room(&kept).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_call_fails_the_upload_fails_and_nothing_else() {
    for way in WAYS {
        for error in ERRORS {
            fail_each_call(way, error).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fails_for_long_takes_no_room_meanwhile() {
    let kinds = [Kind::Create, Kind::Write, Kind::Allocate, Kind::Sync, Kind::SyncFolder];
    for error in ERRORS {
        for kind in kinds {
            let running = Running::start().await;
            send(&running.store, Way::Small, "kept").await.unwrap();
            let before = running.machine.taken();
            running.machine.add(Rule::fails(move |call| call.kind == kind, error));
            for round in 0..10 {
                for way in WAYS {
                    // A small body needs no new file, nor blocks, while the pack has some.
                    match send(&running.store, way, "a").await {
                        Ok(()) => delete(&running.store, "a").await,
                        Err(fault) => assert_matches(error, &fault),
                    }
                }
                running.settle().await;
                running.store.sweep().await.unwrap();
                let taken = running.machine.taken();
                assert!(taken <= before + PAGE * (round + 2), "{error} of {kind:?}: {taken} bytes instead of {before}");
                assert!(running.machine.names("packs").len() <= 2, "{error} of {kind:?} leaves packs behind");
            }
            running.machine.heal();
            running.assert_goes_on(&[("kept", Way::Small)]).await;
        }
    }
}

#[tokio::test]
async fn what_was_given_back_of_a_pack_does_not_come_back() {
    let running = Running::start().await;
    send(&running.store, Way::Small, "a").await.unwrap();
    send(&running.store, Way::Small, "kept").await.unwrap();
    delete(&running.store, "a").await;
    running.store.sweep().await.unwrap();
    let pack = running.machine.names("packs").remove(0);
    for seed in 0..50 {
        let crashed = running.machine.crash(running.machine.position(), seed);
        assert!(!crashed.pages_of("packs", &pack).contains(1), "no row says any more that it was to be given back");
    }
}

#[tokio::test]
async fn bodies_that_no_row_came_to_name_take_no_room_after_the_next_start() {
    let running = Running::start().await;
    let mut upload = running.store.begin(UploadRequest::new(Account::new("toy", "files"))).await.unwrap();
    upload.push(body(Way::Small, "never")).await.unwrap();
    let never = upload.finish().await.unwrap();
    send(&running.store, Way::Small, "kept").await.unwrap();
    let crashed = running.machine.crash(running.machine.position(), 0);
    drop(never);
    let folder = TempDir::new().unwrap();
    crashed.restore_rows(folder.path());
    let store = crashed.open(folder.path(), options(2)).await.unwrap();
    assert!(read(&store, "kept").await.unwrap() == body(Way::Small, "kept"));
    let pages = (SMALL as u64).div_ceil(PAGE) + 1;
    assert!(crashed.taken() <= pages * PAGE, "{} bytes are taken", crashed.taken());
    assert!(store.close(PATIENCE).await);
}

#[tokio::test]
async fn a_pack_that_cannot_be_synced_gives_back_what_it_took_ahead() {
    let running = Running::start().await;
    for stored in [0, 1] {
        running.machine.add(Rule::fails(|call| call.is_sync() && call.folder == "packs", Errno::IO).times(1));
        send(&running.store, Way::Small, "a").await.unwrap_err();
        assert_eq!(running.machine.names("packs").len(), stored, "a pack without bodies goes");
        assert!(running.machine.taken() < PACK_STEP);
        running.machine.heal();
        send(&running.store, Way::Small, "kept").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_failed_speaks_for_all_that_was_written_before() {
    let running = Running::start().await;
    let (total, half) = (1_200_000, 600_000);
    let whole: Bytes = (0..total).map(|at| u8::try_from(at % 241).unwrap() + 1).collect::<Vec<u8>>().into();
    let mut chunks = Vec::new();
    for first in [0, half] {
        let mut chunk = running.store.begin_chunk(chunk(SESSION, "a", total, first, first + half)).await.unwrap();
        chunk.push(whole.slice(first..first + half)).await.unwrap();
        chunks.push(chunk);
    }
    let written = |machine: &Machine| machine.taken() > half as u64;
    while !written(&running.machine) {
        tokio::task::yield_now().await;
    }
    running.machine.add(Rule::fails(|call| call.is_sync(), Errno::IO).times(1));
    for chunk in chunks {
        let fault = fault_of_chunk(chunk.finish().await.unwrap_err());
        assert!(matches!(fault, Fault::Io { .. }), "{fault:?}");
    }
    assert_eq!(running.store.session(&tree(), SESSION).await.unwrap(), None);
    running.assert_goes_on(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_freed_is_freed_later() {
    for error in ERRORS {
        let running = Running::start().await;
        send(&running.store, Way::Small, "kept").await.unwrap();
        for kind in [Kind::Punch, Kind::Remove, Kind::Sync] {
            let before = running.machine.taken();
            for way in WAYS {
                send(&running.store, way, &format!("{way:?}")).await.unwrap();
                delete(&running.store, &format!("{way:?}")).await;
            }
            running.machine.add(Rule::fails(move |call| call.kind == kind, error));
            let fault = running.store.sweep().await.unwrap_err();
            assert_matches(error, &fault);
            let left = running.store.garbage().await.unwrap().len();
            assert!(left > 0 && left < 4, "{kind:?} keeps {left}");
            running.machine.heal();
            running.store.sweep().await.unwrap();
            assert_eq!(running.store.garbage().await.unwrap(), []);
            assert!(running.machine.taken() <= before, "{error} of {kind:?}");
        }
        running.assert_goes_on(&[("kept", Way::Small)]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_takes_deletes_and_then_uploads_again() {
    let running = Running::start().await;
    let (machine, store) = (&running.machine, &running.store);
    let room = 7 * LARGE as u64 / 2;
    machine.set_capacity(RESERVE + room);
    let stored = ["0", "1", "2"];
    for (seed, path) in (1..).zip(stored) {
        // Different bytes, so that nothing is shared.
        send_different(store, path, seed).await.unwrap();
    }
    let full = send_different(store, "3", 4).await.unwrap_err();
    assert!(matches!(full, Fault::DiskFull { .. }), "{full:?}");
    assert!(machine.taken() <= room, "the reserve is left alone");
    for way in [Way::Announced, Way::Unannounced, Way::Chunks] {
        let fault = send(store, way, "more").await.unwrap_err();
        assert!(matches!(fault, Fault::DiskFull { .. }), "{way:?}: {fault:?}");
    }
    running.settle().await;
    store.sweep().await.unwrap();
    // What is left is enough for small bodies: blocks are taken one by one where the step of a pack has no room.
    send(store, Way::Small, "small").await.unwrap();
    assert_eq!(machine.names("files").len(), stored.len());
    assert!(machine.taken() < PACK_STEP);
    for path in stored {
        delete(store, path).await;
    }
    store.sweep().await.unwrap();
    assert_eq!(machine.names("files").len(), 0);
    running.assert_goes_on(&[("small", Way::Small)]).await;
    machine.set_capacity(machine.taken() + RESERVE / 2);
    for way in WAYS {
        let fault = send(store, way, "more").await.unwrap_err();
        assert!(matches!(fault, Fault::DiskFull { .. }), "{way:?} leaves the reserve alone: {fault:?}");
    }
    delete(store, "small").await;
    store.sweep().await.unwrap();
    assert_eq!(store.garbage().await.unwrap(), []);
}

async fn send_different(store: &Store, path: &str, seed: u8) -> Result<(), Fault> {
    let bytes = vec![seed; LARGE];
    let request = UploadRequest::new(Account::new("toy", "files"));
    let mut upload = store.begin(request).await.map_err(fault_of_upload)?;
    upload.push(bytes.into()).await.map_err(fault_of_upload)?;
    let received = upload.finish().await.map_err(fault_of_upload)?;
    received.commit(Change::new().put_file(&tree(), path)).await.unwrap();
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_shown_or_acknowledged_while_its_sync_is_on_its_way() {
    for way in WAYS {
        let running = Running::start().await;
        running.machine.add(Rule::holds(|call| call.is_sync()));
        let store = running.store.clone();
        let sending = tokio::spawn(async move { send(&store, way, "a").await });
        let machine = Arc::clone(&running.machine);
        tokio::task::spawn_blocking(move || machine.wait_until_held()).await.unwrap();
        assert!(!sending.is_finished());
        assert_eq!(read(&running.store, "a").await, None);
        let crashed = running.machine.crash(running.machine.position(), 0);
        running.machine.heal();
        sending.await.unwrap().unwrap();
        assert!(read(&running.store, "a").await.unwrap() == body(way, "a"));
        let folder = TempDir::new().unwrap();
        crashed.restore_rows(folder.path());
        let again = crashed.open(folder.path(), options(3)).await.unwrap();
        assert_eq!(read(&again, "a").await, None);
        assert!(again.close(PATIENCE).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_hangs_meets_the_deadline_and_leaves_nothing() {
    for way in WAYS {
        let (machine, folder) = (Machine::new(), TempDir::new().unwrap());
        let mut options = options(1);
        options.limits.deadline = Duration::from_millis(300);
        let store = machine.open(folder.path(), options).await.unwrap();
        let running = Running { machine, folder, store };
        running.machine.add(Rule::holds(|call| call.is_sync()));
        let store = running.store.clone();
        if way == Way::Chunks {
            let mut writer = store.begin_chunk(chunk(SESSION, "a", LARGE, 0, LARGE)).await.unwrap();
            writer.push(body(way, "a")).await.unwrap();
            let fault = fault_of_chunk(writer.finish().await.unwrap_err());
            assert!(matches!(fault, Fault::Deadline { .. }), "{fault:?}");
            running.machine.heal();
            running.settle().await;
            // It was recorded after all, as its client can ask.
            assert_eq!(store.session(&tree(), SESSION).await.unwrap().unwrap().missing, []);
            assert!(store.delete_session(&tree(), SESSION).await.unwrap());
        } else {
            let fault = send(&store, way, "a").await.unwrap_err();
            assert!(matches!(fault, Fault::Deadline { .. }), "{fault:?}");
            running.machine.heal();
        }
        assert_eq!(read(&store, "a").await, None);
        running.assert_goes_on(&[]).await;
    }
}
