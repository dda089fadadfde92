//! The writing thread, step by step and without its thread.

use std::{path::Path, sync::Mutex};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::*;
use crate::{
    catalog::{
        journal::HEAD,
        rows::Outside,
        sqlite::{self, OpenedCatalog, Pragmas},
    },
    change::{Body, Change, NewName, Step},
    clock::SystemClock,
    digest::Digests,
    inner::lock,
    model::{Account, BlobId, NameKey},
    options::Durability,
    segments::Container,
};

const PRAGMAS: Pragmas = Pragmas { durability: Durability::None };

fn committer(folder: &Path) -> Committer {
    let path = folder.join("catalog.sqlite");
    OpenedCatalog::open(&path, PRAGMAS).unwrap().adopt(Uuid::from_u128(1)).unwrap();
    let outside = Outside { witness: None, readers: Arc::default() };
    let rows = Rows::new(path.clone(), PRAGMAS, outside, sqlite::connect(&path, PRAGMAS).unwrap()).unwrap();
    Committer {
        journal: Journal::new(Uuid::from_u128(1)),
        rows: Arc::new(rows),
        clock: Arc::new(SystemClock),
        packs: Arc::default(),
    }
}

fn create(key: &str) -> (Job, oneshot::Receiver<Result<Applied, ChangeError>>) {
    let (reply, answer) = oneshot::channel();
    let change = Change::new().create(NewName::new(NameKey::new("toy", "things", key), "queued"));
    (Job { change, reply }, answer)
}

#[test]
fn a_refused_change_fails_its_caller_and_not_its_batch() {
    let folder = tempfile::tempdir().unwrap();
    let mut committer = committer(folder.path());
    let (jobs, answers): (Vec<_>, Vec<_>) = ["a", "a", "b"].map(create).into_iter().unzip();
    let mut batch = jobs;
    committer.commit(&mut batch);
    let outcomes: Vec<bool> = answers.into_iter().map(|answer| answer.blocking_recv().unwrap().is_ok()).collect();
    assert_eq!(outcomes, [true, false, true]);
    assert!(batch.is_empty());
}

/// A pack in memory. A record whose batch has no rows is to be erased.
#[derive(Default)]
struct OnePack(Mutex<Vec<u8>>);

impl Packs for OnePack {
    fn store(&self, bodies: &[Bytes]) -> Result<Location, Fault> {
        let mut pack = lock(&self.0);
        let offset = pack.len() as u64;
        pack.extend(bodies.concat());
        Ok(Location { container: Container::Pack(Uuid::from_u128(9)), offset })
    }

    fn erase(&self, location: Location, length: usize) -> Result<(), Fault> {
        let first = usize::try_from(location.offset).unwrap();
        lock(&self.0)[first..first + length].fill(0);
        Ok(())
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn writes_to(&self, _: Uuid) -> bool {
        true
    }

    fn give_back(&self, _: Location, _: u64) {}
}

fn upload(key: &str) -> (Job, oneshot::Receiver<Result<Applied, ChangeError>>) {
    let (mut job, answer) = create(key);
    let bytes = Bytes::copy_from_slice(key.as_bytes());
    let body = Body {
        blob: BlobId(Uuid::from_u128(u128::from(key.as_bytes()[0]))),
        size: bytes.len() as u64,
        location: Location { container: Container::Own(Uuid::nil()), offset: 0 },
        checksums: Bytes::new(),
        digests: Digests::default(),
        blake3: Some(*blake3::hash(&bytes).as_bytes()),
        bytes: Some(bytes),
        account: Account::new("toy", "things"),
        writer: None,
    };
    job.change.steps.insert(0, Step::Commit(Box::new(body)));
    (job, answer)
}

#[test]
fn the_record_of_a_batch_that_has_no_rows_is_erased() {
    let folder = tempfile::tempdir().unwrap();
    let mut committer = committer(folder.path());
    let pack = Arc::new(OnePack::default());
    assert!(committer.packs.set(Arc::<OnePack>::clone(&pack)).is_ok());
    let commit = |committer: &mut Committer, key: &str| {
        let from = lock(&pack.0).len();
        let (job, answer) = upload(key);
        committer.commit(&mut vec![job]);
        (answer.blocking_recv().unwrap(), lock(&pack.0)[from..].to_vec())
    };
    let (first, written) = commit(&mut committer, "a");
    assert!(first.is_ok() && written == b"a", "the rows do not know the pack yet");
    let (second, written) = commit(&mut committer, "b");
    assert!(second.is_ok() && written.starts_with(b"PPJ1") && written.ends_with(b"b"));
    committer.rows.lose(folder.path().join("nowhere/catalog.sqlite"));
    let (failed, written) = commit(&mut committer, "c");
    assert!(matches!(failed, Err(ChangeError::Fault(Fault::ReadOnly(_)))), "{failed:?}");
    assert!(written.starts_with(&[0; HEAD]) && written.ends_with(b"c"));
    committer.rows.lose(folder.path().join("catalog.sqlite"));
    for (key, has_record) in [("d", false), ("e", true)] {
        let (result, written) = commit(&mut committer, key);
        assert!(result.is_ok());
        assert_eq!(written.starts_with(b"PPJ1"), has_record, "{key}");
    }
    committer.rows.close();
    assert_eq!(names(folder.path()), ["a", "b", "d", "e"], "what was answered for before is not lost");
}

/// What another connection sees.
fn names(folder: &Path) -> Vec<String> {
    let db = sqlite::connect(&folder.join("catalog.sqlite"), PRAGMAS).unwrap();
    let mut names = db.prepare("SELECT key FROM name ORDER BY key").unwrap();
    names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}
