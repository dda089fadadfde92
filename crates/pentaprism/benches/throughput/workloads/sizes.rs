//! Commit and copy of files of very different sizes, which must cost the same (W7).
//!
//! Their bytes are a hole in a sparse file: the sessions are written into the store as chunks of 4 MiB would have left them, and the
//! requests go to a server that is started afterwards.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::try_join_all;
use pentaprism_core::dialects::service_fabric::DIALECT;
use pentaprism_store::segments::{Container, Location};
use pentaprism_store::{Account, BlobId, ByteRange, Durability, NewWriter, Options, Step, Store, Tree};
use uuid::Uuid;

use super::{Turn, Workload};
use crate::bodies::{GIBIBYTE, MEBIBYTE};
use crate::client::{Connection, Numbered};
use crate::contender::{Contender, start_ours};
use crate::figures::{Beside, Figure, Goal, Good};
use crate::load::percentile;

/// Length of a chunk in bytes.
const CHUNK: u64 = 4 * MEBIBYTE;
/// Chunks that are recorded together.
const TOGETHER: usize = 1_000;
/// Ranges that a session may have.
const RANGES: u64 = 1_000_000;
/// How often each size is committed, and copied.
const TIMES: u64 = 20;
/// For the store to end.
const PATIENCE: Duration = Duration::from_mins(1);

/// The sizes, from the smallest up, and what their figures are called.
const SIZES: [(u64, &str, &str); 3] = [
    (1_000_000, "commit of 1 MB", "copy of 1 MB"),
    (GIBIBYTE, "commit of 1 GiB", "copy of 1 GiB"),
    (100 * GIBIBYTE, "commit of 100 GiB", "copy of 100 GiB"),
];
/// The same for all sizes, as far as a machine that others use can tell.
const SAME: (f64, f64) = (1.5, 1.3);

const fn same(label: &'static str, smallest: &'static str) -> Goal {
    Goal { label, beside: Beside::Own(smallest), good: Good::AtMost, must: SAME.0, aim: SAME.1 }
}

pub(super) const ANY: Workload = Workload {
    name: "W7",
    title: "commit and copy of 1 MB, 1 GiB and 100 GiB (Service Fabric), medians",
    contenders: &[Contender::Ours],
    more: &[],
    goals: &[
        Goal::at_most(SIZES[0].1, 5.0, 2.0),
        Goal::at_most(SIZES[1].1, 5.0, 2.0),
        Goal::at_most(SIZES[2].1, 5.0, 2.0),
        Goal::at_most(SIZES[0].2, 5.0, 2.0),
        Goal::at_most(SIZES[1].2, 5.0, 2.0),
        Goal::at_most(SIZES[2].2, 5.0, 2.0),
        same(SIZES[2].1, SIZES[0].1),
        same(SIZES[2].2, SIZES[0].2),
    ],
    many_files: false,
    once: true,
    run,
};

fn run(turn: &Turn<'_>) -> Vec<Figure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be built");
    runtime.block_on(prepare(turn.folder, turn.size(TIMES)));
    turn.disk.settle();
    let server = start_ours(turn.programs, turn.folder);
    let mut connection = Connection::open(server.address());
    let times = turn.size(TIMES);
    let (mut commits, mut copies) = (Vec::new(), Vec::new());
    // All sizes by turns, so that whatever else the machine does hits all alike.
    let mut took: [(Vec<Duration>, Vec<Duration>); SIZES.len()] = Default::default();
    for time in 0..times {
        for (size, (committed, copied)) in took.iter_mut().enumerate() {
            committed.push(commit(&mut connection, size, time));
            copied.push(copy(&mut connection, size, time));
        }
    }
    for ((_, commit, copy), (committed, copied)) in SIZES.iter().zip(&mut took) {
        committed.sort_unstable();
        copied.sort_unstable();
        commits.push(Figure::new(commit, "ms", percentile(committed, 0.50)));
        copies.push(Figure::new(copy, "ms", percentile(copied, 0.50)));
    }
    assert!(server.stop().success(), "the server ended badly");
    commits.into_iter().chain(copies).collect()
}

/// The first look at a session after a start reads its chunks; the client that sent them just now does not wait for that.
fn commit(connection: &mut Connection, size: usize, time: u64) -> Duration {
    let session = session(size, time);
    let look = format!("/ImageStore/$/GetUploadSession?api-version=6.0&session-id={session}");
    connection.ask(Numbered::head("GET", &look, &[]).bytes());
    connection.expect(200);
    let target = format!("/ImageStore/$/CommitUploadSession?api-version=6.0&session-id={session}");
    let head = Numbered::head("POST", &target, &["Content-Length: 0"]);
    let began = Instant::now();
    connection.ask(head.bytes());
    connection.expect(200);
    began.elapsed()
}

fn copy(connection: &mut Connection, size: usize, time: u64) -> Duration {
    let body = format!(
        r#"{{"RemoteSource":"{}","RemoteDestination":"copy/{size}/{time}","CheckMarkFile":false}}"#,
        path(size, time)
    );
    let length = format!("Content-Length: {}", body.len());
    let fields = ["Content-Type: application/json", &length];
    let head = Numbered::head("POST", "/ImageStore/$/Copy?api-version=6.0", &fields);
    let began = Instant::now();
    connection.ask_with(head.bytes(), body.as_bytes());
    connection.expect(200);
    began.elapsed()
}

fn session(size: usize, time: u64) -> Uuid {
    Uuid::from_u128(0x4000_8000_0000_0000_0000 | (size as u128) << 32 | u128::from(time))
}

fn path(size: usize, time: u64) -> String {
    format!("sparse/{size}/{time}")
}

/// Complete sessions of all sizes. The tree is the one that the handlers give the store.
async fn prepare(folder: &Path, times: u64) {
    let store = Store::open(Options::folder(folder).durability(Durability::None)).await.expect("the folder is empty");
    let tree = Tree::new(DIALECT, "image-store");
    let zeros = crc32c::crc32c(&vec![0; usize::try_from(MEBIBYTE).expect("a small number")]);
    for time in 0..times {
        for (size, (length, ..)) in SIZES.iter().enumerate() {
            let (writer, blob) = (store.next_id(), BlobId(store.next_id()));
            let new = NewWriter {
                id: writer,
                blob,
                location: Location { container: Container::Own(blob.0), offset: 0 },
                session: Some((session(size, time), tree.name(path(size, time)))),
                account: Account::new(&tree.dialect, &tree.scope),
                declared: Some(*length),
                reserve: *length,
            };
            store.apply(Step::OpenWriter(Box::new(new)).into()).await.expect("the session is new");
            let file = File::create(folder.join("files").join(blob.0.simple().to_string()))
                .expect("the store made the folder");
            file.set_len(*length).expect("a file may have holes");
            record(&store, writer, *length, zeros).await;
        }
    }
    assert!(store.close(PATIENCE).await, "the store did not end");
}

/// Records all chunks of a session.
async fn record(store: &Store, writer: Uuid, length: u64, zeros: u32) {
    let firsts: Vec<u64> = (0..length).step_by(usize::try_from(CHUNK).expect("a few MiB")).collect();
    for some in firsts.chunks(TOGETHER) {
        let changes = some.iter().map(|first| {
            let range = ByteRange { first: *first, last: (first + CHUNK).min(length) - 1 };
            let step = Step::RecordChunk {
                writer,
                segment: store.next_id(),
                range,
                checksums: checksums(range.len(), zeros),
                limit: RANGES,
            };
            store.apply(step.into())
        });
        try_join_all(changes).await.expect("the chunks are new");
    }
}

/// Of bytes that are all 0: one for each MiB, and for the rest.
fn checksums(length: u64, zeros: u32) -> Bytes {
    let rest = usize::try_from(length % MEBIBYTE).expect("less than a MiB");
    let mut checksums: Vec<u8> = (0..length / MEBIBYTE).flat_map(|_| zeros.to_be_bytes()).collect();
    if rest > 0 {
        checksums.extend(crc32c::crc32c(&vec![0; rest]).to_be_bytes());
    }
    checksums.into()
}
