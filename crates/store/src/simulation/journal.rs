//! Small uploads whose rows were not synced: a loss of power finds them in the journal, as a whole or not at all.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use rustix::io::Errno;
use tempfile::TempDir;

use super::{
    Event, Machine, PATIENCE,
    failing_disks::read,
    files::Operation,
    rules::{Kind, Rule},
};
use crate::{Account, Change, CommitError, Fault, Options, SequentialIds, Store, Tree, UploadRequest, inner::lock};

/// How often a loss of power is tried at one point.
const CHANCES: u64 = 24;
/// The same where a record must be kept as a whole, and its body in part.
const MANY_CHANCES: u64 = 200;

fn tree() -> Tree {
    Tree::new("toy", "files")
}

fn body(letter: u8) -> Bytes {
    vec![letter; 10_000].into()
}

async fn put(store: &Store, path: &str, letter: u8) -> Result<(), CommitError> {
    let mut upload = store.begin(UploadRequest::new(Account::new("toy", "files"))).await.unwrap();
    upload.push(body(letter)).await.unwrap();
    let received = upload.finish().await.unwrap();
    received.commit(Change::new().put_file(&tree(), path)).await.map(drop)
}

async fn open(machine: &Arc<Machine>, folder: &TempDir, run: u64) -> Store {
    machine.open(folder.path(), Options::folder("").ids(Arc::new(SequentialIds::new(run)))).await.unwrap()
}

/// What the paths hold after each of many losses of power at a point of the log.
async fn outcomes(machine: &Machine, at: usize, paths: &[&str]) -> BTreeSet<Vec<Option<u8>>> {
    outcomes_of(CHANCES, machine, at, paths).await
}

async fn outcomes_of(chances: u64, machine: &Machine, at: usize, paths: &[&str]) -> BTreeSet<Vec<Option<u8>>> {
    let mut outcomes = BTreeSet::new();
    for chance in 0..chances {
        let (crashed, folder) = (machine.crash(at, chance), TempDir::new().unwrap());
        crashed.restore_rows(folder.path());
        let store = open(&crashed, &folder, 2).await;
        let mut letters = Vec::new();
        for path in paths {
            let found = read(&store, path).await;
            let letter = found.as_ref().map(|bytes| bytes[0]);
            assert!(found == letter.map(body), "{path} is shown in part, chance {chance}");
            letters.push(letter);
        }
        assert_eq!(store.fsck().await.unwrap().problems, [], "chance {chance}");
        assert!(store.close(PATIENCE).await);
        outcomes.insert(letters);
    }
    outcomes
}

/// Whether each commit of rows was durable, and the last sync of a file.
fn counted(machine: &Machine) -> (Vec<bool>, usize) {
    let log = &lock(&machine.state).log;
    let durable = |event: &Event| if let Event::Committed { durable, .. } = event { Some(*durable) } else { None };
    let committed = log.iter().filter_map(durable).collect();
    let sync = log.iter().rposition(|event| matches!(event, Event::Disk(Operation::Sync { .. })));
    (committed, sync.unwrap())
}

#[tokio::test]
async fn what_was_acknowledged_is_replayed_and_what_was_torn_is_not() {
    let (machine, folder) = (Machine::new(), TempDir::new().unwrap());
    let store = open(&machine, &folder, 1).await;
    for (path, letter) in [("a", b'a'), ("b", b'b'), ("c", b'c')] {
        put(&store, path, letter).await.unwrap();
    }
    let (committed, last_sync) = counted(&machine);
    assert_eq!(
        committed,
        [true, true],
        "after the start and the first batch, which tells the rows where the journal is"
    );
    let [a, b, c] = [b'a', b'b', b'c'].map(Some);
    assert_eq!(outcomes(&machine, machine.position(), &["a", "b", "c"]).await, [vec![a, b, c]].into());
    let torn = outcomes_of(MANY_CHANCES, &machine, last_sync, &["a", "b", "c"]).await;
    assert_eq!(torn, [vec![a, b, None], vec![a, b, c]].into());
    assert_eq!(read(&store, "c").await, Some(body(b'c')));
    assert_eq!(counted(&machine).0, [true, true, false], "whoever reads lets the rows be committed");
    assert_eq!(outcomes(&machine, machine.position(), &["a", "b", "c"]).await, [vec![a, b, c]].into());
    assert!(store.close(PATIENCE).await);
}

#[tokio::test]
async fn a_replay_that_is_cut_short_goes_on_at_the_next_start() {
    let (machine, folder) = (Machine::new(), TempDir::new().unwrap());
    let store = open(&machine, &folder, 1).await;
    for path in ["a", "b", "a", "c"] {
        put(&store, path, path.as_bytes()[0]).await.unwrap();
    }
    // The third one shares the bytes of the first; its own are given back after a crash, not before.
    assert!(store.close(PATIENCE).await);
    let (crashed, folder) = (machine.crash(machine.position(), 0), TempDir::new().unwrap());
    crashed.restore_rows(folder.path());
    let store = open(&crashed, &folder, 2).await;
    let all = vec![Some(b'a'), Some(b'b'), Some(b'c')];
    for at in 0..=crashed.position() {
        assert_eq!(outcomes(&crashed, at, &["a", "b", "c"]).await, [all.clone()].into(), "cut at {at}");
    }
    assert!(store.close(PATIENCE).await);
}

#[tokio::test]
async fn what_failed_does_not_happen_after_a_crash() {
    let (machine, folder) = (Machine::new(), TempDir::new().unwrap());
    let store = open(&machine, &folder, 1).await;
    put(&store, "a", b'a').await.unwrap();
    machine.add(Rule::fails(|call| call.is_sync() && call.folder == "packs", Errno::IO).times(1));
    let error = put(&store, "b", b'b').await.unwrap_err();
    assert!(matches!(error, CommitError::Fault(Fault::Io { .. })), "{error:?}");
    assert_eq!(outcomes(&machine, machine.position(), &["a", "b"]).await, [vec![Some(b'a'), None]].into());
    put(&store, "b", b'c').await.unwrap();
    put(&store, "c", b'd').await.unwrap();
    let after = outcomes(&machine, machine.position(), &["a", "b", "c"]).await;
    assert_eq!(after, [vec![Some(b'a'), Some(b'c'), Some(b'd')]].into(), "the journal goes on in another pack");
    assert!(store.close(PATIENCE).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_a_record_speaks_of_are_not_freed_before_the_rows_are_durable() {
    let (machine, folder) = (Machine::new(), TempDir::new().unwrap());
    let store = open(&machine, &folder, 1).await;
    put(&store, "a", b'a').await.unwrap();
    machine.add(Rule::holds(|call| call.kind == Kind::List && call.folder == "orphans"));
    let sweep = tokio::spawn({
        let store = store.clone();
        async move { store.sweep().await.unwrap() }
    });
    tokio::task::block_in_place(|| machine.wait_until_held());
    put(&store, "b", b'b').await.unwrap();
    put(&store, "b", b'c').await.unwrap();
    let from = machine.position();
    machine.heal();
    assert_eq!(sweep.await.unwrap().blobs, 1);
    for at in from..=machine.position() {
        let found = outcomes(&machine, at, &["a", "b"]).await;
        assert_eq!(found, [vec![Some(b'a'), Some(b'c')]].into(), "crash at {at}\n{}", machine.story(at));
    }
    assert!(store.close(PATIENCE).await);
}
