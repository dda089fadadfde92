//! Damage on the disk and in rows: what a check says, what a repair does, and what heals by itself.
#![expect(clippy::unwrap_used, reason = "helpers are part of a test, but no test functions")]

mod healing;
mod repairs;

use std::{
    fmt::Write as _,
    fs,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures_util::StreamExt as _;
use pentaprism_store::{
    Account, Change, ChunkRequest, Content, DigestSet, Durability, FsckReport, Limits, ManualClock, Options, Purpose,
    ReadError, Store, Timestamp, Tree, UploadRequest,
};
use rusqlite::Connection;
use uuid::Uuid;

const LONG: Duration = Duration::from_secs(30);

/// A data folder whose files and rows are tampered with while nobody has it open.
struct Place {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
}

impl Place {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_unix_micros(1_763_700_000_000_000)));
        Self { folder: tempfile::tempdir().unwrap(), clock }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    async fn open(&self, purpose: Purpose) -> Store {
        // What happens in the background must not show.
        let limits = Limits {
            disk_reserve: 0,
            small_threshold: 4_096,
            sweep_interval: Duration::from_hours(1_000),
            ..Limits::default()
        };
        let options = Options::folder(self.path())
            .durability(Durability::None)
            .clock(Arc::<ManualClock>::clone(&self.clock))
            .limits(limits)
            .purpose(purpose);
        Store::open(options).await.unwrap()
    }

    async fn usual(&self) -> Store {
        self.open(Purpose::Use).await
    }

    /// What a check says that changes nothing.
    async fn check(&self) -> FsckReport {
        let store = self.open(Purpose::Inspect).await;
        let report = store.fsck().await.unwrap();
        close(store).await;
        report
    }

    async fn repair(&self) -> FsckReport {
        let store = self.open(Purpose::Inspect).await;
        let report = store.repair().await.unwrap();
        close(store).await;
        report
    }

    fn rows(&self) -> Connection {
        Connection::open(self.path().join("catalog.sqlite")).unwrap()
    }

    fn change_rows(&self, sql: &str) {
        let changed = self.rows().execute(sql, []).unwrap();
        assert!(changed > 0, "{sql} changes nothing");
    }

    /// Where the bytes of the file at a path lie: the container's file and the first byte of a position.
    fn bytes_of(&self, path: &str, position: u64) -> (PathBuf, u64) {
        let select = "SELECT packed, hex(container), offset + ?2 - position FROM segment JOIN name USING (blob)
                      WHERE key = ?1 AND position <= ?2 ORDER BY position DESC LIMIT 1";
        let found = self.rows().query_row(select, rusqlite::params![path, position], |row| {
            Ok((row.get::<_, bool>(0)?, row.get::<_, String>(1)?, row.get::<_, u64>(2)?))
        });
        let (packed, container, offset) = found.unwrap();
        let home = if packed { "packs" } else { "files" };
        (self.path().join(home).join(container.to_lowercase()), offset)
    }

    /// Flips a bit of the file at a path.
    fn damage(&self, path: &str, position: u64) {
        let (container, offset) = self.bytes_of(path, position);
        let mut file = fs::File::options().read(true).write(true).open(container).unwrap();
        let mut byte = [0];
        file.seek(SeekFrom::Start(offset)).unwrap();
        file.read_exact(&mut byte).unwrap();
        file.seek(SeekFrom::Start(offset)).unwrap();
        file.write_all(&[byte[0] ^ 1]).unwrap();
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path().join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// Every row of every table.
    fn dump(&self) -> String {
        let rows = self.rows();
        let mut dump = String::new();
        for table in ["name", "folder", "blob", "segment", "writer", "usage", "tombstone", "store"] {
            let mut statement = rows.prepare(&format!("SELECT * FROM {table}")).unwrap();
            let columns = statement.column_count();
            let mut found = statement.query([]).unwrap();
            while let Some(row) = found.next().unwrap() {
                let values = (0..columns).map(|column| format!("{:?}", row.get_ref(column).unwrap()));
                writeln!(dump, "{table} {}", values.collect::<Vec<_>>().join(" ")).unwrap();
            }
        }
        dump
    }
}

async fn close(store: Store) {
    assert!(store.close(LONG).await);
}

fn tree() -> Tree {
    Tree::new("toy", "files")
}

fn pattern(seed: u8, size: usize) -> Bytes {
    (0..size).map(|at| (at / 251 + at).to_le_bytes()[0] ^ seed).collect::<Vec<u8>>().into()
}

async fn put_with(store: &Store, path: &str, bytes: &Bytes, digests: DigestSet) {
    let request = UploadRequest::new(Account::new("toy", "files")).digests(digests);
    let mut upload = store.begin(request).await.unwrap();
    upload.push(bytes.clone()).await.unwrap();
    upload.finish().await.unwrap().commit(Change::new().put_file(&tree(), path)).await.unwrap();
}

async fn put(store: &Store, path: &str, bytes: &Bytes) {
    put_with(store, path, bytes, DigestSet::NONE).await;
}

/// Uploads in two chunks, the second one first.
async fn put_in_chunks(store: &Store, session: u128, path: &str, bytes: &Bytes) {
    let half = bytes.len() / 2;
    for (first, part) in [(half, bytes.slice(half..)), (0, bytes.slice(..half))] {
        let request = ChunkRequest {
            session: Uuid::from_u128(session),
            tree: tree(),
            path: path.into(),
            total: bytes.len() as u64,
            first: first as u64,
            last: (first + part.len() - 1) as u64,
            quota: None,
        };
        let mut chunk = store.begin_chunk(request).await.unwrap();
        chunk.push(part).await.unwrap();
        chunk.finish().await.unwrap();
    }
    store.commit_session(&tree(), Uuid::from_u128(session)).await.unwrap();
}

async fn content(store: &Store, path: &str) -> Content {
    store.file(&tree(), path).await.unwrap().unwrap().content
}

async fn read(store: &Store, path: &str) -> Result<Bytes, ReadError> {
    let reader = store.open_content(content(store, path).await).await?;
    let mut blocks = reader.read(0..reader.size())?;
    let mut bytes = Vec::new();
    while let Some(block) = blocks.next().await {
        bytes.extend_from_slice(&block?);
    }
    Ok(bytes.into())
}

/// Sees to it that every content has a BLAKE3; the background task may be computing one.
async fn fingerprinted(place: &Place, store: &Store) {
    let unknown = "SELECT count(*) FROM blob WHERE state = 1 AND blake3 IS NULL";
    while place.rows().query_row(unknown, [], |row| row.get::<_, u64>(0)).unwrap() > 0 {
        store.fingerprint().await.unwrap();
    }
}

/// Waits until readers have marked what they met.
async fn marked(store: &Store, count: u64) {
    let waiting = async {
        while store.statistics().await.unwrap().damaged != count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, waiting).await.unwrap();
}
