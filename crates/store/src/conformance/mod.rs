//! What every pair of engines must do, as a list of cases over a store that the caller opens. This crate runs it on the embedded pair
//! with and without syncs and on the fault-injecting pair; an engine to come runs the same list.
#![expect(
    clippy::unwrap_used,
    reason = "these are tests; they stand outside of cfg(test) so that other crates can run them"
)]

mod faults;
mod freeing;
mod names;
mod pages;
mod restart;
mod search;
mod sessions;
mod statistics;
mod together;
mod trees;
mod uploads;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, future::BoxFuture};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{
    Account, Applied, Change, ChunkError, ChunkRequest, CommitError, Content, Durability, Limits, ManualClock, NameKey,
    NewName, Options, ReadError, SequentialIds, Store, Timestamp, Tree, UploadRequest,
};

/// Opens a store; called again on the same folder when a case needs a restart.
pub type Opener = fn(Options) -> BoxFuture<'static, Store>;

/// What a case works with: a folder of its own, a clock that it moves, and a way to open the store.
pub struct Fixture {
    /// The clock of every store that is opened.
    pub clock: Arc<ManualClock>,
    /// How stores are opened.
    pub options: Options,
    opener: Opener,
    _folder: TempDir,
}

impl Fixture {
    /// A new folder for stores of one kind.
    ///
    /// # Panics
    /// When there is no room for temporary folders.
    #[must_use]
    pub fn new(opener: Opener, durability: Durability) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::from_unix_micros(1_763_700_000_000_000)));
        let options = Options::folder(folder.path().join("data"))
            .durability(durability)
            .clock(Arc::<ManualClock>::clone(&clock))
            .limits(Limits { disk_reserve: 0, small_threshold: 4_096, ..Limits::default() });
        Self { clock, options, opener, _folder: folder }
    }

    /// Opens the store, or opens it again.
    pub async fn open(&self) -> Store {
        (self.opener)(self.options.clone()).await
    }

    /// Opens a store of other limits.
    async fn open_with(&mut self, limits: impl FnOnce(&mut Limits)) -> Store {
        limits(&mut self.options.limits);
        self.open().await
    }
}

/// A case: its name, and what it does. It panics when the store is wrong.
pub type Case = (&'static str, fn(Fixture) -> BoxFuture<'static, ()>);

/// Names a group's functions as cases.
macro_rules! cases {
    ($($name:ident),+ $(,)?) => {
        pub(super) fn cases() -> Vec<super::Case> {
            vec![$((concat!(module_path!(), "::", stringify!($name)), |fixture| Box::pin($name(fixture)))),+]
        }
    };
}
use cases;

/// Every case for a store that works.
#[must_use]
pub fn all() -> Vec<Case> {
    [
        names::cases(),
        search::cases(),
        pages::cases(),
        uploads::cases(),
        together::cases(),
        statistics::cases(),
        trees::cases(),
        sessions::cases(),
        freeing::cases(),
        restart::cases(),
    ]
    .concat()
}

/// Runs every case, each on a folder of its own.
pub async fn run(opener: Opener, durability: Durability) {
    for case in all() {
        run_one(case, Fixture::new(opener, durability)).await;
    }
}

/// Runs the cases for a store that fails on demand: they open it themselves.
pub async fn run_faults(durability: Durability) {
    let opener: Opener = |options| Box::pin(open_embedded(options));
    for case in faults::cases() {
        run_one(case, Fixture::new(opener, durability)).await;
    }
}

async fn open_embedded(options: Options) -> Store {
    Store::open(options).await.unwrap()
}

/// Says which case it was when one panics or does not end.
async fn run_one((name, case): Case, fixture: Fixture) {
    let outcome = tokio::time::timeout(Duration::from_mins(2), tokio::spawn(case(fixture))).await;
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(_)) => panic!("the case {name} failed, see above"),
        Err(late) => panic!("the case {name} does not end: {late}"),
    }
}

const DIALECT: &str = "toy";

fn key(name: &str) -> NameKey {
    NameKey::new(DIALECT, "things", name)
}

fn account() -> Account {
    Account::new(DIALECT, "everybody")
}

fn tree() -> Tree {
    Tree::new(DIALECT, "files")
}

/// Bytes that differ from place to place and from seed to seed.
fn pattern(seed: u32, length: usize) -> Bytes {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    let bytes: Vec<u8> = (0..length)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .collect();
    bytes.into()
}

async fn create(store: &Store, name: &str, status: &str) -> Applied {
    store.apply(Change::new().create(NewName::new(key(name), status))).await.unwrap()
}

async fn upload(store: &Store, request: UploadRequest, bytes: &Bytes, change: Change) -> Result<Applied, CommitError> {
    let mut upload = store.begin(request).await.unwrap();
    for piece in bytes.chunks(1_500) {
        upload.push(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    let received = upload.finish().await.unwrap();
    assert_eq!(received.size(), bytes.len() as u64);
    received.commit(change).await
}

async fn put_file(store: &Store, path: &str, bytes: &Bytes) {
    let request = UploadRequest::new(Account::new(DIALECT, "files"));
    upload(store, request, bytes, Change::new().put_file(&tree(), path)).await.unwrap();
}

async fn read(store: &Store, content: Content) -> Result<Bytes, ReadError> {
    let reader = store.open_content(content).await?;
    assert_eq!(reader.size(), content.size);
    collect(reader.read(0..reader.size())?).await
}

async fn collect(mut blocks: crate::Blocks) -> Result<Bytes, ReadError> {
    let mut bytes = Vec::new();
    while let Some(block) = blocks.next().await {
        bytes.extend_from_slice(&block?);
    }
    Ok(bytes.into())
}

async fn read_file(store: &Store, path: &str) -> Option<Bytes> {
    let file = store.file(&tree(), path).await.unwrap()?;
    Some(read(store, file.content).await.unwrap())
}

async fn content_of(store: &Store, name: &str) -> Content {
    store.get(&key(name)).await.unwrap().unwrap().content.unwrap()
}

fn chunk(session: u128, path: &str, total: u64, first: u64, last: u64) -> ChunkRequest {
    ChunkRequest { session: Uuid::from_u128(session), tree: tree(), path: path.into(), total, first, last, quota: None }
}

/// Sends one chunk of `whole`.
async fn send(
    store: &Store,
    session: u128,
    path: &str,
    whole: &Bytes,
    first: u64,
    last: u64,
) -> Result<(), ChunkError> {
    let mut writer = store.begin_chunk(chunk(session, path, whole.len() as u64, first, last)).await?;
    writer.push(part(whole, first, last)).await?;
    writer.finish().await
}

fn part(whole: &Bytes, first: u64, last: u64) -> Bytes {
    whole.slice(usize::try_from(first).unwrap()..=usize::try_from(last).unwrap())
}

/// The store agrees with itself.
async fn assert_sound(store: &Store) {
    let report = store.fsck().await.unwrap();
    assert_eq!(report.problems, []);
}

fn sequential(prefix: u64) -> Arc<SequentialIds> {
    Arc::new(SequentialIds::new(prefix))
}
