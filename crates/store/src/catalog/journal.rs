//! The journal of small uploads: what makes a batch of them durable with one sync, that of their pack.
//!
//! Before the bodies of a batch stands a record of its changes, which is synced with them. The rows are then committed without a sync of
//! their own: after a crash the database stands at some batch, and the records behind it, which are in the pack, are
//! [replayed](super::replay). Batches are numbered without gaps, and every batch that has no record is synced in the database before the
//! next one is written; so the records that a crash needs follow each other in one pack, from where the database says.
//!
//! A record is not taken for one unless its keyed hash is right: what clients send lies in the same file.

use std::mem;

use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    change::{Body, Change, Step},
    clock::Timestamp,
    segments::{Container, Location, Packs},
};

/// What a record begins with.
const MAGIC: [u8; 3] = *b"PPJ";
/// The format of what a record says: every change of a type that is in it needs the next number.
const FORMAT: u8 = b'1';
/// Bytes before the changes of a record: magic, format, length of the changes, number of the batch, keyed hash of all that.
pub(super) const HEAD: usize = 3 + 1 + 4 + 8 + 32;
/// Bytes that a record takes for each of its changes, most often.
const USUAL: usize = 384;
/// Bodies that may wait to be given back. More are not waited for: the next batch has no record.
const OWED: usize = 64;

/// The key of the hashes in a pack. Both ids are random, and no client ever sees that of a pack.
pub(super) fn key(store: Uuid, pack: Uuid) -> [u8; 32] {
    let ids = [store.into_bytes(), pack.into_bytes()].concat();
    blake3::derive_key("pentaprism 2026-12 journal of a pack", &ids)
}

/// A place in a pack where a record may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) pack: Uuid,
    pub(super) offset: u64,
}

impl Place {
    pub(super) fn of(location: Location) -> Option<Self> {
        let Container::Pack(pack) = location.container else { return None };
        Some(Self { pack, offset: location.offset })
    }
}

/// What the committer knows of the journal.
pub(super) struct Journal {
    store: Uuid,
    /// The batch that was committed last, and where the next record will be looked for. None as long as the database does not say so for
    /// good: then the next batch is synced in the database.
    known: Option<(u64, Place)>,
    /// Bodies that no row came to name, of batches that the journal may have to replay: with their bytes.
    owed: Vec<(Location, u64)>,
}

impl Journal {
    pub(super) fn new(store: Uuid) -> Self {
        Self { store, known: None, owed: Vec::new() }
    }

    /// The record of a batch, when it may have one.
    pub(super) fn record<'c>(
        &self,
        now: Timestamp,
        changes: impl Iterator<Item = &'c Change> + Clone,
    ) -> Option<Bytes> {
        let (batch, place) = self.known.filter(|_| self.owed.len() < OWED)?;
        let speaks = changes.clone().flat_map(|change| &change.steps).all(is_journaled);
        let brings = changes.clone().any(|change| bodies(change).next().is_some());
        (speaks && brings).then(|| encode(&key(self.store, place.pack), batch + 1, now, changes)).flatten()
    }

    /// Whether a record that was written there is the one that a crash looks for.
    pub(super) fn expects(&self, record: Location) -> bool {
        self.known.is_some_and(|(_, place)| Some(place) == Place::of(record))
    }

    /// Whether a record may be in a pack whose last sync failed: a crash may find it, until the rows go on without it.
    pub(super) fn is_in_doubt(&self, packs: &dyn Packs) -> bool {
        self.known.is_some_and(|(_, place)| !packs.writes_to(place.pack))
    }

    /// A batch was committed; its bodies end at `next`. Without any the place stays.
    pub(super) fn committed(&mut self, batch: u64, next: Option<Place>) {
        self.known = next.or(self.known.map(|(_, place)| place)).map(|place| (batch, place));
    }

    /// It is not known any more what the database says.
    pub(super) fn forget(&mut self) {
        self.known = None;
    }

    /// A body that no row came to name is given back once no record is needed that speaks of it.
    pub(super) fn owe(&mut self, location: Location, length: u64) {
        self.owed.push((location, length));
    }

    /// The database is durable up to now.
    pub(super) fn hardened(&mut self, packs: &dyn Packs) {
        for (location, length) in mem::take(&mut self.owed) {
            packs.give_back(location, length);
        }
    }
}

/// Steps that only depend on the rows and on themselves, and that come with small uploads.
fn is_journaled(step: &Step) -> bool {
    match step {
        Step::Commit(body) => body.bytes.is_some() && body.blake3.is_some(),
        Step::Create(_)
        | Step::Update { .. }
        | Step::Expect { .. }
        | Step::Delete { .. }
        | Step::DeleteScope { .. }
        | Step::Bury(_)
        | Step::PutFile { .. }
        | Step::DeletePath { .. }
        | Step::CopyPath(_)
        | Step::SameName { .. }
        | Step::CommitEmpty => true,
        _ => false,
    }
}

/// The bodies that a change commits.
pub(super) fn bodies(change: &Change) -> impl Iterator<Item = &Body> {
    change.steps.iter().filter_map(|step| if let Step::Commit(body) = step { Some(&**body) } else { None })
}

/// What a record says.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Record<C> {
    /// When the changes were made.
    pub(super) at: Timestamp,
    /// In the order in which they were carried out; their bodies follow in the pack.
    pub(super) changes: Vec<C>,
}

/// None when the changes are too long for a record.
pub(super) fn encode<'c>(
    key: &[u8; 32],
    batch: u64,
    at: Timestamp,
    changes: impl Iterator<Item = &'c Change>,
) -> Option<Bytes> {
    let changes: Vec<_> = changes.collect();
    let room = Vec::with_capacity(changes.len() * USUAL);
    let changes = postcard::to_extend(&Record { at, changes }, room).ok()?;
    let mut record = BytesMut::with_capacity(HEAD + changes.len());
    record.extend_from_slice(&MAGIC);
    record.extend_from_slice(&[FORMAT]);
    record.extend_from_slice(&u32::try_from(changes.len()).ok()?.to_be_bytes());
    record.extend_from_slice(&batch.to_be_bytes());
    let hash = hash(key, &record, &changes);
    record.extend_from_slice(hash.as_bytes());
    record.extend_from_slice(&changes);
    Some(record.freeze())
}

fn hash(key: &[u8; 32], numbers: &[u8], changes: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(numbers).update(changes);
    hasher.finalize()
}

/// Bytes that follow the head of the record of a batch; none when it is no such head.
pub(super) fn length(batch: u64, head: &[u8]) -> Option<usize> {
    let (numbers, _) = head.strip_prefix(&MAGIC)?.split_first_chunk::<13>()?;
    let [_, l0, l1, l2, l3, number @ ..] = *numbers;
    (u64::from_be_bytes(number) == batch).then(|| usize::try_from(u32::from_be_bytes([l0, l1, l2, l3])).ok()).flatten()
}

/// A record was written by a version of this program that says it in another way.
#[derive(Debug)]
pub(super) struct OtherFormat;

/// What a record says; none when its hash is wrong.
pub(super) fn decode(key: &[u8; 32], head: &[u8], changes: &[u8]) -> Option<Result<Record<Change>, OtherFormat>> {
    let (numbers, hashed) = head.split_last_chunk::<32>()?;
    let is_ours = numbers.get(MAGIC.len()) == Some(&FORMAT);
    let read = || if is_ours { postcard::from_bytes(changes).map_err(|_| OtherFormat) } else { Err(OtherFormat) };
    (hash(key, numbers, changes) == *hashed).then(read)
}

/// A record as a version to come would write it.
#[cfg(test)]
pub(super) fn in_another_format(key: &[u8; 32], record: &[u8]) -> Vec<u8> {
    let (head, changes) = record.split_at(HEAD);
    let mut other = head[..HEAD - 32].to_vec();
    other[MAGIC.len()] += 1;
    let hash = hash(key, &other, changes);
    [&other, &hash.as_bytes()[..], changes].concat()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        change::{NewContent, NewName, TreeCopy, Update},
        digest::Digests,
        model::{Account, BlobId, Condition, NameKey, Tree},
    };

    const KEY: [u8; 32] = [7; 32];

    fn body() -> Body {
        Body {
            blob: BlobId(Uuid::from_u128(1)),
            size: 3,
            location: Location { container: Container::Own(Uuid::from_u128(1)), offset: 0 },
            bytes: None,
            checksums: Bytes::from_static(&[0, 1, 2, 255]),
            digests: Digests { md5: Some([1; 16]), sha256: None, sha512: Some([255; 64]) },
            blake3: Some([9; 32]),
            account: Account::new("toy", "ä\"").with_quota(Some(u64::MAX)),
            writer: None,
        }
    }

    /// Every kind of step that a record may hold, with what is told apart only by a null.
    fn changes() -> Vec<Change> {
        let key = NameKey::new("toy", "things", "a");
        let update = |owner, attributes| Update { owner, attributes, ..Update::default() };
        let mut both = Change::new().step(Step::Commit(Box::new(body()))).step(Step::CommitEmpty);
        for update in [
            update(None, None),
            update(Some(None), Some(Value::Null)),
            update(Some(Some("me".into())), Some(json!({"a": [1.5, null]}))),
        ] {
            both = both.update(key.clone(), Condition::status("queued").and_version(3), update);
        }
        let new = NewName::new(key.clone(), "active").content(NewContent::UploadedBeside(1)).attributes(json!("x"));
        let named = Change::new()
            .step(Step::SameName { name: key.clone(), born: 4 })
            .create(new)
            .expect(key.clone(), Condition::EXISTS)
            .delete(key.clone(), Condition::version(2))
            .delete_scope("toy", "others")
            .bury(key);
        let tree = Tree::new("toy", "files");
        let copy = TreeCopy {
            tree: tree.clone(),
            from: "a".into(),
            to: "b".into(),
            skip: vec!["c".into()],
            mark: None,
            require_mark: true,
            quota: Some(7),
        };
        vec![both, named, Change::new().put_file(&tree, "a/b").delete_path(&tree, "c").copy_path(copy)]
    }

    #[test]
    fn a_record_says_what_was_written_and_nobody_else_can_write_one() {
        let (changes, at) = (changes(), Timestamp::from_unix_micros(5));
        let record = encode(&KEY, 8, at, changes.iter()).unwrap();
        let (head, rest) = record.split_at(HEAD);
        assert_eq!(length(8, head), Some(rest.len()));
        assert_eq!(length(9, head), None, "the number of another batch");
        assert_eq!(decode(&KEY, head, rest).unwrap().unwrap(), Record { at, changes });
        assert!(decode(&[8; 32], head, rest).is_none(), "another key");
        let mut forged = rest.to_vec();
        forged[20] ^= 1;
        assert!(decode(&KEY, head, &forged).is_none());
        let later = in_another_format(&KEY, &record);
        assert!(matches!(decode(&KEY, &later[..HEAD], rest), Some(Err(OtherFormat))), "a version to come");
        assert_ne!(key(Uuid::from_u128(1), Uuid::from_u128(2)), key(Uuid::from_u128(1), Uuid::from_u128(3)));
    }

    #[test]
    fn only_batches_of_small_uploads_have_records() {
        let mut journal = Journal::new(Uuid::from_u128(1));
        let place = Place { pack: Uuid::from_u128(2), offset: 0 };
        let with_bytes =
            Change::from(Step::Commit(Box::new(Body { bytes: Some(Bytes::from_static(b"abc")), ..body() })));
        let large = Change::from(Step::Commit(Box::new(Body { writer: Some(Uuid::from_u128(3)), ..body() })));
        let other = Change::from(Step::AbortUploads);
        let has_record = |journal: &Journal, changes: &[&Change]| {
            journal.record(Timestamp::from_unix_micros(1), changes.iter().copied()).is_some()
        };
        assert!(!has_record(&journal, &[&with_bytes]), "the rows do not say where it would be");
        journal.committed(1, Some(place));
        assert!(has_record(&journal, &[&with_bytes, &changes()[2]]));
        for changes in [&[&with_bytes, &large][..], &[&with_bytes, &other], &[&changes()[2]], &[]] {
            assert!(!has_record(&journal, changes), "{changes:?}");
        }
        let location = Location { container: Container::Pack(place.pack), offset: 9 };
        (0..OWED).for_each(|_| journal.owe(location, 1));
        assert!(!has_record(&journal, &[&with_bytes]), "what is owed is given back after a sync of the rows");
        journal.forget();
        assert!(!journal.expects(location));
    }
}
