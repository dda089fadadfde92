//! What must be true of a store that came up after a crash.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
};

use bytes::Bytes;
use futures_util::StreamExt as _;
use rusqlite::Connection;
use uuid::Uuid;

use super::{
    bodies::BodyId,
    model::Seen,
    perform::{key, session_id, tree},
};
use crate::{
    ByteRange, Content, ListQuery, Store,
    catalog::BlobRow,
    segments::{Container, Location},
    simulation::{Machine, extents::Extents, files::PAGE},
    startup::CATALOG,
};

/// A stretch of a pack that a row names or named.
pub(super) type Packed = (Uuid, u64, u64);

async fn body_of(store: &Store, content: Content, read: &mut HashMap<Content, BodyId>) -> BodyId {
    if let Some(body) = read.get(&content) {
        return *body;
    }
    let reader = store.open_content(content).await.unwrap();
    let blocks: Vec<Bytes> = reader.read(0..reader.size()).unwrap().map(|block| block.unwrap()).collect().await;
    let body = BodyId::of(&blocks.concat()).expect("what is shown was sent by nobody");
    read.insert(content, body);
    body
}

/// Everything that clients can see, every byte read.
pub(super) async fn look(store: &Store, sessions: &BTreeSet<u32>) -> Seen {
    let mut seen = Seen::default();
    let mut read = HashMap::new();
    for name in store.list(ListQuery::new(tree().dialect, tree().scope, 1_000)).await.unwrap() {
        let body = body_of(store, name.content.unwrap(), &mut read).await;
        seen.files.insert(name.key.key, body);
    }
    for name in store.list(ListQuery::new(tree().dialect, key("").scope, 1_000)).await.unwrap() {
        let body = match name.content {
            Some(content) => Some(body_of(store, content, &mut read).await),
            None => None,
        };
        seen.things.insert(name.key.key, (name.status, body));
    }
    for thing in super::choice::all_things() {
        if store.is_buried(&key(&thing)).await.unwrap() {
            seen.buried.insert(thing);
        }
    }
    for &id in sessions {
        if let Some(session) = store.session(&tree(), session_id(id)).await.unwrap() {
            let all = ByteRange { first: 0, last: session.total - 1 };
            if session.missing != [all] {
                seen.sessions.insert(id, (session.path, session.missing));
            }
        }
    }
    seen
}

/// Files that no row names and no record of the journal can, by their ids. An older or lost database must not make the store delete images.
pub(super) fn strangers(machine: &Machine, folder: &Path) -> Vec<String> {
    let rows = Connection::open(folder.join(CATALOG)).unwrap();
    let known = "SELECT lower(hex(id)) FROM blob UNION SELECT lower(hex(container)) FROM segment
        UNION SELECT lower(hex(journal_pack)) FROM store";
    let mut known = rows.prepare(known).unwrap();
    let known: BTreeSet<String> = known.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let all = ["files", "packs"].into_iter().flat_map(|folder| machine.names(folder));
    all.filter(|name| !known.contains(name)).collect()
}

async fn blobs(store: &Store) -> Vec<BlobRow> {
    store.inner.catalog.blobs(None, 10_000).await.unwrap()
}

/// Every stretch of a pack that a row names.
pub(super) async fn packed(store: &Store) -> BTreeSet<Packed> {
    let mut packed = BTreeSet::new();
    for blob in blobs(store).await {
        for segment in store.inner.catalog.segments(blob.id, 0, 1).await.unwrap() {
            if let Location { container: Container::Pack(pack), offset } = segment.location {
                packed.insert((pack, offset, segment.length));
            }
        }
    }
    packed
}

/// The store agrees with itself, and after a sweep nothing is left that nobody can reach. `past` are the stretches of packs that
/// rows ever named; `open` the sessions that take chunks.
pub(super) async fn assert_sound(store: &Store, machine: &Machine, past: &BTreeSet<Packed>, open: usize) {
    store.sweep().await.unwrap();
    assert_eq!(store.garbage().await.unwrap(), [], "what is doomed is freed");
    assert_eq!(store.fsck().await.unwrap().problems, []);
    let blobs = blobs(store).await;
    let packed = packed(store).await;
    assert_eq!(
        blobs.iter().filter(|blob| !blob.ready).count(),
        open,
        "only sessions have rows of bytes that are not whole"
    );
    for name in machine.names("files") {
        let id = Uuid::parse_str(&name).unwrap();
        let blob = blobs.iter().find(|blob| blob.id.0 == id).unwrap_or_else(|| panic!("no row names the file {name}"));
        let taken = machine.taken_by("files", &name);
        assert!(!blob.ready || taken <= blob.size.next_multiple_of(PAGE), "{name} of {} takes {taken}", blob.size);
    }
    for name in machine.names("packs") {
        let id = Uuid::parse_str(&name).unwrap();
        assert!(packed.iter().any(|(pack, ..)| *pack == id), "no row names the pack {name}");
        assert_holes(&machine.pages_of("packs", &name), id, &packed, past);
    }
    for name in machine.names("orphans") {
        let parts: Vec<&str> = name.split('-').collect();
        assert!(matches!(parts[..], [_, "file" | "pack", id] if Uuid::parse_str(id).is_ok()), "{name}");
    }
}

/// Whole pages of bodies that are gone take no room, and neither do those of bodies that no row ever named.
fn assert_holes(pages: &Extents, id: Uuid, packed: &BTreeSet<Packed>, past: &BTreeSet<Packed>) {
    for (pack, offset, length) in past.difference(packed).filter(|(pack, ..)| *pack == id) {
        let inner = offset.div_ceil(PAGE)..(offset + length) / PAGE;
        for page in inner {
            assert!(!pages.contains(page), "page {page} of a dead body is kept in pack {pack}");
        }
    }
    let mut named = Extents::default();
    for (_, offset, length) in past.union(packed).filter(|(pack, ..)| *pack == id) {
        named.insert(offset / PAGE..(offset + length).div_ceil(PAGE));
    }
    for page in pages.iter() {
        assert!(named.contains(page), "page {page} of pack {id} is kept for a body that no row ever named");
    }
}
