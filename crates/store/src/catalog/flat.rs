//! What a request costs the database does not grow with what is stored: the steps of its virtual machine are counted, for every kind
//! of read and change, in a small store and in one a hundred times as large.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::{
    apply,
    ledger::Ledger,
    queries::{self, Which},
    schema, search,
};
use crate::{
    change::{Body, Change, NewContent, NewName, NewWriter, Step, TreeCopy, Update},
    clock::Timestamp,
    digest::Digests,
    model::{Account, BlobId, ByteRange, Condition, ListQuery, NameKey, Order, Tree},
    search::{Companion, Field, Filter, Reach, Search},
    segments::{Container, Location},
};

const SMALL: u32 = 200;
const LARGE: u32 = 20_000;
/// Files in each folder of the tree.
const FILES: u32 = 20;
const NOW: i64 = 1_000_000_000;

/// Images, files of a tree in folders of equal size, their contents in one pack, ended writers and tombstones: of each so many.
fn filled(count: u32) -> Connection {
    let mut db = Connection::open_in_memory().unwrap();
    schema::migrate(&mut db).unwrap();
    schema::set_store_id(&db, Uuid::from_u128(5)).unwrap();
    let numbers = "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?1)";
    let id = "CAST(printf('%016d', n) AS BLOB)";
    for insert in [
        format!("INSERT INTO blob (id, state, size, refs, blake3) SELECT {id}, 1, 10, 1, CAST(printf('%032d', n) AS BLOB) FROM numbers"),
        format!(
            "INSERT INTO segment (id, blob, position, length, packed, container, offset, checksums, state)
             SELECT {id}, {id}, 0, 10, 1, CAST('the-only-pack-16' AS BLOB), n * 10, x'00000000', 1 FROM numbers"
        ),
        "INSERT INTO name (dialect, scope, key, status, owner, version, born, created, modified, attributes)
         SELECT 'toy', 'images', printf('%08d', n), 'active', 'p' || (n % 10), n, n, n, n,
         json_object('name', 'image ' || n, 'visibility', iif(n % 10 = 5, 'public', 'private')) FROM numbers"
            .to_owned(),
        format!(
            "INSERT INTO name (dialect, scope, key, parent, blob, size, account, status, version, born, created, modified, attributes)
             SELECT 'toy', 'files', printf('f/%06d/%08d', n / {FILES}, n), printf('f/%06d', n / {FILES}), {id}, 10, 'files', '',
             n, n, n, n, 'null' FROM numbers"
        ),
        format!(
            "INSERT INTO folder (dialect, scope, path, parent, files, bytes)
             SELECT 'toy', 'files', printf('f/%06d', n), 'f', {FILES}, 10 * {FILES} FROM numbers WHERE n < ?1 / {FILES}"
        ),
        "INSERT INTO folder (dialect, scope, path, parent, files, bytes)
         SELECT 'toy', 'files', 'f', '', ?1, 10 * ?1 UNION ALL SELECT 'toy', 'files', '', NULL, ?1, 10 * ?1"
            .to_owned(),
        format!(
            "INSERT INTO writer (id, state, dialect, account, session, blob, received, ranges, reserved, touched, ended)
             SELECT {id}, 1, 'toy', 'files', {id}, {id}, 0, 0, 0, {NOW}, {NOW} FROM numbers"
        ),
        "INSERT INTO tombstone (dialect, scope, key, buried) SELECT 'toy', 'images', 'gone ' || n, n FROM numbers".to_owned(),
        "INSERT INTO usage (dialect, scope, bytes, reserved) SELECT 'toy', 'account ' || n, 1, 0 FROM numbers".to_owned(),
    ] {
        db.execute(&format!("{numbers} {insert}"), [count]).unwrap_or_else(|error| panic!("{insert}: {error}"));
    }
    db.execute("UPDATE store SET names = (SELECT count(*) FROM name)", []).unwrap();
    let session = "INSERT INTO writer (id, state, dialect, account, scope, key, session, blob, declared, received, ranges, reserved, touched, opened)
                   VALUES (?1, 0, 'toy', 'files', 'files', ?2, ?1, ?1, 100, 0, 0, 100, ?3, 1)";
    for (number, path) in [(1, "one"), (2, "two")] {
        let id = Uuid::from_u128(number).into_bytes();
        db.execute(session, params![id, path, NOW]).unwrap();
        db.execute("INSERT INTO blob (id, state, size, refs) VALUES (?1, 0, 0, 0)", [id]).unwrap();
    }
    db
}

fn blob(number: u32) -> BlobId {
    BlobId(Uuid::from_bytes(format!("{number:016}").as_bytes().try_into().unwrap()))
}

fn image(number: u32) -> NameKey {
    NameKey::new("toy", "images", format!("{number:08}"))
}

fn tree() -> Tree {
    Tree::new("toy", "files")
}

fn body(number: u32, blake3: [u8; 32]) -> Step {
    Step::Commit(Box::new(Body {
        bytes: None,
        blob: BlobId(Uuid::from_u128(1_000 + u128::from(number))),
        size: 10,
        location: Location { container: Container::Pack(Uuid::from_u128(9)), offset: 0 },
        checksums: Bytes::from_static(&[0; 4]),
        digests: Digests::default(),
        blake3: Some(blake3),
        account: Account::new("toy", "files").with_quota(Some(u64::MAX / 2)),
        writer: None,
    }))
}

type Work = (&'static str, fn(&Connection));

/// What a request asks the database.
fn reads() -> Vec<Work> {
    fn list(db: &Connection, order: Order, owner: Option<&str>, after: Option<u32>) {
        let after = after.map(|number| image(number).key);
        let query = ListQuery { owner: owner.map(str::to_owned), after, order, ..ListQuery::new("toy", "images", 10) };
        assert_eq!(queries::names(db, &query).unwrap().len(), 10);
    }
    fn find(db: &Connection, reach: Option<Vec<Reach>>, filters: Vec<Filter>, after: Option<String>, count: usize) {
        let found = Search { reach, filters, after, ..Search::new("toy", "images", 10) };
        assert_eq!(search::search(db, &found, &[]).unwrap().len(), count);
    }
    fn everyone() -> Vec<Reach> {
        let companion = Companion { prefix: "members/", key: "p".into(), status: Some("accepted".into()) };
        let public = Reach::Attribute("visibility", "public".into());
        vec![Reach::Owner("p7".into()), public, Reach::Companion(companion, "visibility", "shared".into())]
    }
    vec![
        ("a name", |db| assert!(queries::name(db, &image(77)).unwrap().is_some())),
        ("a tombstone", |db| assert!(queries::is_buried(db, &NameKey::new("toy", "images", "gone 7")).unwrap())),
        ("names by key", |db| list(db, Order::Key, None, None)),
        ("names by key, behind one", |db| list(db, Order::Key, None, Some(100))),
        ("the newest", |db| list(db, Order::NewestFirst, None, None)),
        ("the newest, behind one", |db| list(db, Order::NewestFirst, None, Some(100))),
        ("the newest of an owner", |db| list(db, Order::NewestFirst, Some("p7"), None)),
        ("the newest of everyone", |db| find(db, None, vec![], None, 10)),
        ("the newest within reach", |db| find(db, Some(everyone()), vec![], None, 10)),
        ("the newest within reach, behind one", |db| find(db, Some(everyone()), vec![], Some(image(190).key), 10)),
        ("by name", |db| {
            find(db, Some(everyone()), vec![Filter::Is(Field::Attribute("name"), vec!["image 77".into()])], None, 1);
        }),
        ("by id", |db| find(db, Some(everyone()), vec![Filter::Is(Field::Key, vec!["00000077".into()])], None, 1)),
        ("usage", |db| assert_eq!(queries::usage(db, "toy", "account 7").unwrap().bytes, 1)),
        ("counters", |db| assert!(queries::counts(db, Timestamp::from_unix_micros(NOW)).unwrap().names > 0)),
        ("a folder", |db| assert!(queries::folder(db, &tree(), "f/000003").unwrap().is_some())),
        ("a level", |db| assert_eq!(queries::level(db, &tree(), "f/000003").unwrap().files.len(), FILES as usize)),
        ("a content", |db| assert!(queries::blob(db, blob(7)).unwrap().is_some())),
        ("its segments", |db| assert_eq!(queries::segments(db, blob(7), 5, 10).unwrap().len(), 1)),
        ("contents", |db| assert_eq!(queries::blobs(db, Which::All, Some(blob(7)), 10).unwrap().len(), 10)),
        ("doomed contents", |db| assert_eq!(queries::blobs(db, Which::Doomed, None, 10).unwrap().len(), 0)),
        ("contents without a digest", |db| assert_eq!(queries::blobs(db, Which::Unknown, None, 10).unwrap().len(), 0)),
        ("a session", |db| assert!(queries::session(db, &tree(), Uuid::from_u128(1)).unwrap().is_some())),
        ("sessions of a path", |db| assert_eq!(queries::sessions_at(db, &tree(), "one").unwrap().len(), 1)),
        ("expired sessions", |db| assert_eq!(queries::expired(db, Timestamp::from_unix_micros(NOW)).unwrap().len(), 2)),
        ("a file's row", |db| assert!(queries::knows(db, Container::Own(blob(7).0)).unwrap())),
        ("a file without a row", |db| assert!(!queries::knows(db, Container::Own(Uuid::from_u128(77))).unwrap())),
        ("a pack's rows", |db| {
            let pack = Uuid::from_bytes(*b"the-only-pack-16");
            assert!(
                queries::knows(db, Container::Pack(pack)).unwrap() && queries::pack_end(db, pack).unwrap().is_some()
            );
        }),
    ]
}

/// Changes of names and files, each by the name under which it fails the test.
fn changes() -> Vec<(&'static str, Change)> {
    let known = known();
    let copy = TreeCopy {
        tree: tree(),
        from: "f/000003".into(),
        to: "g/h".into(),
        skip: Vec::new(),
        mark: Some("_.dir".into()),
        require_mark: false,
        quota: None,
    };
    let committed = |step| Change::from(step).put_file(&tree(), "f/000003/new");
    vec![
        ("create", Change::new().create(NewName::new(image(99_999_999), "queued"))),
        ("create with bytes", {
            let image = NewName::new(image(99_999_999), "active").content(NewContent::Uploaded);
            Change::from(body(1, [1; 32])).create(image)
        }),
        ("update", Change::new().update(image(77), Condition::EXISTS, Update::default().status("x"))),
        ("delete", Change::new().delete(image(77), Condition::EXISTS)),
        ("bury", Change::new().bury(image(77))),
        ("a new file", committed(body(1, [1; 32]))),
        ("a file of known bytes", committed(body(1, known))),
        ("a file that is replaced", Change::from(body(1, [1; 32])).put_file(&tree(), "f/000003/00000060")),
        ("delete a folder", Change::new().delete_path(&tree(), "f/000003")),
        ("copy a folder", Change::new().copy_path(copy)),
    ]
}

/// The BLAKE3 of a content that there is.
fn known() -> [u8; 32] {
    format!("{:032}", 7).into_bytes().try_into().unwrap()
}

/// Changes of uploads, sessions and contents.
fn changes_below() -> Vec<(&'static str, Change)> {
    let writer = Uuid::from_u128(50);
    let account = || Account::new("toy", "files").with_quota(Some(u64::MAX / 2));
    let location = Location { container: Container::Own(Uuid::from_u128(51)), offset: 0 };
    let open = |session| NewWriter {
        id: writer,
        blob: BlobId(Uuid::from_u128(51)),
        location,
        session,
        account: account(),
        declared: Some(10),
        reserve: 10,
    };
    let upload = || Change::from(Step::OpenWriter(Box::new(open(None))));
    let session = || Change::from(Step::OpenWriter(Box::new(open(Some((writer, tree().name("new")))))));
    let chunk = |range: (u64, u64)| Step::RecordChunk {
        writer,
        segment: Uuid::from_u128(60 + u128::from(range.0)),
        range: ByteRange { first: range.0, last: range.1 },
        checksums: Bytes::from_static(&[0; 4]),
        limit: 10,
    };
    let moment = Timestamp::from_unix_micros(NOW - 1);
    vec![
        ("an upload that is given up", upload().step(Step::AbortWriter(writer))),
        ("a reservation", {
            let reserve = Step::Reserve { writer, least: 1, most: 5, quota: Some(u64::MAX / 2) };
            upload().step(reserve).step(Step::Settle { writer, reserved: 3 })
        }),
        ("a session", session().step(chunk((5, 9))).step(chunk((0, 4))).step(Step::CommitSession { writer })),
        ("sessions that expire", Step::AbortSessions { before: moment, except: vec![] }.into()),
        ("uploads of an earlier run", Step::AbortUploads.into()),
        ("writers to forget", Step::ForgetWriters { before: moment }.into()),
        ("a session to forget", Step::ForgetSession(Uuid::from_u128(1)).into()),
        ("a digest", Step::Fingerprint { blob: blob(7), blake3: [3; 32] }.into()),
        ("a mark", Step::Mark { blob: blob(7), damaged: true, container: None }.into()),
        ("bytes that heal", {
            let damaged = Step::Mark { blob: blob(7), damaged: true, container: None };
            Change::from(damaged).step(body(1, known())).put_file(&tree(), "f/000003/new")
        }),
        ("a content that goes", {
            let gone = Change::new().delete_path(&tree(), "f/000003/00000060");
            gone.step(Step::DropBlob { blob: blob(60), limit: 10 })
        }),
    ]
}

/// Counts the steps of a piece of work.
fn steps(db: &mut Connection, work: impl FnOnce(&Connection)) -> u64 {
    let count = Arc::new(AtomicU64::new(0));
    let counting = Arc::clone(&count);
    let handler = move || {
        counting.fetch_add(1, Ordering::Relaxed);
        false
    };
    db.progress_handler(1, Some(handler)).unwrap();
    work(db);
    db.progress_handler(1, None::<fn() -> bool>).unwrap();
    count.load(Ordering::Relaxed)
}

#[test]
fn a_hundred_times_as_much_costs_a_request_no_more() {
    let (mut small, mut large) = (filled(SMALL), filled(LARGE));
    let mut grown = Vec::new();
    let mut compare = |what: &str, few: u64, many: u64| {
        assert!(few > 0, "{what} is counted");
        if many > few + few / 10 + 20 {
            grown.push(format!("{what}: {few} steps among {SMALL}, {many} among {LARGE}"));
        }
    };
    for (what, read) in reads() {
        compare(what, steps(&mut small, read), steps(&mut large, read));
    }
    for (what, change) in changes().into_iter().chain(changes_below()) {
        let cost = |db: &mut Connection| {
            db.execute_batch("SAVEPOINT one").unwrap();
            let cost = steps(db, |db| {
                let ledger = Ledger::new(db, 0);
                let applied = apply::apply(db, &ledger, Timestamp::from_unix_micros(NOW), &change);
                ledger.write().unwrap();
                assert!(applied.is_ok(), "{what}: {:?}", applied.err().map(|failed| failed.error));
            });
            db.execute_batch("ROLLBACK TO one; RELEASE one").unwrap();
            cost
        };
        compare(what, cost(&mut small), cost(&mut large));
    }
    assert!(grown.is_empty(), "{grown:#?}");
}
