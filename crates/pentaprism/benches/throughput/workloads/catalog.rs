//! Reading a catalog of a million images, and a tree of a million files (W6).
//!
//! The server writes the first image and the first file; the store's own API makes the others of them, many in one change.

use std::path::Path;
use std::time::{Duration, Instant};

use pentaprism_core::dialects::service_fabric::DIALECT;
use pentaprism_store::{
    Change, Condition, Durability, NameKey, NewContent, NewName, Options, Store, Tree, TreeCopy, Update,
};

use super::{Turn, Workload};
use crate::bodies::{SMALL, SmallBody};
use crate::client::{Connection, Numbered};
use crate::contender::{Contender, GlanceUpload, get, glance_get, put, start_ours};
use crate::figures::{Figure, Goal};
use crate::load::percentile;

/// Images, and files.
const COUNT: u64 = 1_000_000;
/// Names that one change makes.
const TOGETHER: u64 = 1_000;
/// Images of one name.
const NAMESAKES: u64 = 1_000;
/// Files in a folder.
const SIBLINGS: u64 = 1_000;
/// How often each question is asked.
const TIMES: u64 = 200;
/// For the store to end.
const PATIENCE: Duration = Duration::from_mins(1);

const ONE: (&str, &str) = ("one image by id, p50", "one image by id, p99");
const NEWEST: (&str, &str) = ("100 images, newest first, p50", "100 images, newest first, p99");
const NAMED: (&str, &str) = ("100 images of a name, p50", "100 images of a name, p99");
const BEHIND: (&str, &str) = ("100 images behind the middle, p50", "100 images behind the middle, p99");
const FOLDER: (&str, &str) = ("folder of 1,000 files, p50", "folder of 1,000 files, p99");

pub(super) const MILLION: Workload = Workload {
    name: "W6",
    title: "with 1,000,000 images, and 1,000,000 files in folders of 1,000",
    contenders: &[Contender::Ours],
    more: &[],
    goals: &[
        Goal::at_most(ONE.0, 5.0, 2.0),
        Goal::at_most(NEWEST.0, 5.0, 2.0),
        Goal::at_most(NAMED.0, 5.0, 2.0),
        Goal::at_most(BEHIND.0, 5.0, 2.0),
        Goal::at_most(FOLDER.0, 5.0, 2.0),
    ],
    many_files: false,
    once: true,
    run,
};

fn run(turn: &Turn<'_>) -> Vec<Figure> {
    let count = turn.size(COUNT);
    write_the_first(turn);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be built");
    runtime.block_on(fill(turn.folder, count));
    turn.disk.settle();
    let server = start_ours(turn.programs, turn.folder);
    let mut connection = Connection::open(server.address());
    let middle = format!("/v2/images?limit=100&marker={}", id(count / 2));
    let mut figures = Vec::new();
    let mut measure = |(half, tail), head: Numbered, contains: &str, spread| {
        figures.extend(
            ask(&mut connection, head, contains, spread)
                .map(|(value, share)| Figure::new(if share { half } else { tail }, "ms", value)),
        );
    };
    measure(ONE, glance_get(&format!("/v2/images/{}", GlanceUpload::ID)), "\"status\":\"active\"", count);
    measure(NEWEST, glance_get("/v2/images?limit=100"), "\"next\"", 1);
    measure(NAMED, glance_get("/v2/images?limit=100&name=name-########"), "\"next\"", count / NAMESAKES);
    measure(BEHIND, glance_get(&middle), "\"next\"", 1);
    let folder = Numbered::head("GET", "/ImageStore/tree/########?api-version=6.0", &[]);
    measure(FOLDER, folder, "/00000999\"", count / SIBLINGS);
    assert!(server.stop().success(), "the server ended badly");
    figures
}

/// Asks again and again, for numbers that are spread over what there is. Gives the median and what 99 of 100 did not exceed, in ms.
fn ask(connection: &mut Connection, mut head: Numbered, contains: &str, spread: u64) -> [(f64, bool); 2] {
    let mut latencies = Vec::new();
    for time in 0..TIMES {
        let number = time * spread / TIMES;
        let began = Instant::now();
        connection.ask(head.with(number));
        let body = connection.collect(200);
        latencies.push(began.elapsed());
        let found = body.windows(contains.len()).any(|window| window == contains.as_bytes());
        assert!(found, "the answer has no {contains}: {}", String::from_utf8_lossy(&body));
    }
    latencies.sort_unstable();
    [(percentile(&latencies, 0.50), true), (percentile(&latencies, 0.99), false)]
}

/// One image and one file, through the server.
fn write_the_first(turn: &Turn<'_>) {
    let server = start_ours(turn.programs, turn.folder);
    let mut connection = Connection::open(server.address());
    let (mut upload, mut body) = (GlanceUpload::new(SMALL as u64), SmallBody::new());
    connection.ask_with(upload.create.0.bytes(), upload.create.1.with(0));
    connection.expect(201);
    connection.ask_with(upload.put.with(0), body.numbered(0));
    connection.expect(204);
    connection.ask_with(put(Contender::Ours, "first", SMALL as u64).bytes(), body.numbered(1));
    connection.expect(200);
    connection.ask(get(Contender::Ours, "first").bytes());
    connection.expect(200);
    assert!(server.stop().success(), "the server ended badly");
}

fn id(number: u64) -> String {
    String::from_utf8(Numbered::text(GlanceUpload::ID).with(number).to_vec()).expect("it is text")
}

/// Makes images and files of the first ones. Nothing is synced: who measures waits for the disk afterwards.
async fn fill(folder: &Path, count: u64) {
    let options = Options::folder(folder).durability(Durability::None);
    let store = Store::open(options).await.expect("the server has ended");
    images(&store, count).await;
    files(&store, count).await;
    assert!(store.close(PATIENCE).await, "the store did not end");
}

/// The names of the dialects here are those that their handlers give the store; were they others, nothing would be found.
async fn images(store: &Store, count: u64) {
    let key = |number| NameKey::new("glance", "images", id(number));
    let first = store.get(&key(0)).await.expect("the store works").expect("the server made it");
    for begin in (0..count).step_by(usize::try_from(TOGETHER).expect("a small number")) {
        let mut change = Change::new();
        for number in begin.max(1)..(begin + TOGETHER).min(count) {
            let mut attributes = first.attributes.clone();
            attributes["name"] = format!("name-{:08}", number / NAMESAKES).into();
            let name = NewName {
                key: key(number),
                status: first.status.clone(),
                owner: first.owner.clone(),
                attributes,
                content: NewContent::SameAs(key(0)),
            };
            change = change.create(name);
        }
        store.apply(change).await.expect("the images are new");
    }
    // The first one gets the name of its neighbours.
    let mut attributes = first.attributes;
    attributes["name"] = format!("name-{:08}", 0).into();
    let update = Update::default().attributes(attributes);
    store.apply(Change::new().update(key(0), Condition::EXISTS, update)).await.expect("it is there");
}

async fn files(store: &Store, count: u64) {
    let tree = Tree::new(DIALECT, "image-store");
    let copy = |from: String, to: String| TreeCopy {
        tree: tree.clone(),
        from,
        to,
        skip: Vec::new(),
        mark: None,
        require_mark: false,
        quota: None,
    };
    let mut change = Change::new();
    for number in 0..SIBLINGS {
        change = change.copy_path(copy("first".into(), format!("tree/{:08}/{number:08}", 0)));
    }
    store.apply(change).await.expect("the server made the file");
    for folder in 1..count / SIBLINGS {
        let change = Change::new().copy_path(copy(format!("tree/{:08}", 0), format!("tree/{folder:08}")));
        store.apply(change).await.expect("the folder is there");
    }
}
