//! After a crash: carries out again what the journal says and the rows do not know.

use std::{io, sync::Arc};

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};
use uuid::Uuid;

use super::{
    batch::{self, BatchError, Rollback},
    journal::{self, HEAD, OtherFormat, Place, Record},
};
use crate::{
    change::{Change, Step},
    error::Fault,
    options::Durability,
    segments::{Container, Location, disk::DiskFile, folder::Folder},
};

/// Carries out the batches whose records follow the rows; says how many. Afterwards the rows stand for themselves.
pub(super) fn replay(db: &mut Connection, store: Uuid, folder: &Folder) -> Result<u64, Fault> {
    let Some((mut number, mut place)) = position(db).map_err(Fault::from_database)? else { return Ok(0) };
    let mut replayed = 0;
    if let Some(pack) = Pack::open(folder, place.pack, store)? {
        while let Some((record, next)) = pack.record(number + 1, place)? {
            if replayed == 0 && folder.durability == Durability::Sync {
                // After the end of a process, unlike that of the power, what is read here need not be on the disk.
                pack.file.sync_data().map_err(|error| Fault::from_io("syncing a pack", error))?;
            }
            number = carry_out(db, &record, next).map_err(|error| Fault::from_database(error.into_cause()))?;
            (place, replayed) = (next, replayed + 1);
        }
    }
    db.execute("UPDATE store SET journal_pack = NULL WHERE one = 1", []).map_err(Fault::from_database)?;
    Ok(replayed)
}

/// The batch that was committed last, and where the record of the next one would stand.
fn position(db: &Connection) -> rusqlite::Result<Option<(u64, Place)>> {
    let columns = "SELECT batch, journal_pack, journal_next FROM store WHERE one = 1 AND journal_pack IS NOT NULL";
    db.query_row(columns, [], |row| {
        let (pack, offset) = (Uuid::from_bytes(row.get(1)?), row.get(2)?);
        Ok((row.get(0)?, Place { pack, offset }))
    })
    .optional()
}

fn carry_out(db: &mut Connection, record: &Record<Change>, next: Place) -> Result<u64, BatchError> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let changes = record.changes.iter();
    let done = batch::carry_out(&transaction, record.at, Some(next), Rollback::Change, changes)?;
    let (number, _) = done.expect("each change is rolled back by itself");
    transaction.commit()?;
    Ok(number)
}

/// A pack that is read for its records.
struct Pack {
    file: Arc<dyn DiskFile>,
    length: u64,
    key: [u8; 32],
}

impl Pack {
    /// None when it is gone: a later run of an older database may have freed it.
    fn open(folder: &Folder, id: Uuid, store: Uuid) -> Result<Option<Self>, Fault> {
        let opened = folder.open_pack(id).and_then(|file| Ok((file.length()?, file)));
        match opened {
            Ok((length, file)) => Ok(Some(Self { file, length, key: journal::key(store, id) })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Fault::from_io("opening a pack", error)),
        }
    }

    /// The record of a batch at a place, and the place behind its bodies. None when there is none, or not all of it.
    fn record(&self, batch: u64, place: Place) -> Result<Option<(Record<Change>, Place)>, Fault> {
        let Some(head) = self.read(place.offset, HEAD)? else { return Ok(None) };
        let Some(length) = journal::length(batch, &head) else { return Ok(None) };
        let Some(changes) = self.read(place.offset + HEAD as u64, length)? else { return Ok(None) };
        let Some(record) = journal::decode(&self.key, &head, &changes) else { return Ok(None) };
        let mut record = record.map_err(|OtherFormat| {
            Fault::corrupt("another version left uploads in the journal; start that version once, and end it")
        })?;
        let first = place.offset + (HEAD + length) as u64;
        let end = self.place_bodies(&mut record, Location { container: Container::Pack(place.pack), offset: first })?;
        Ok(end.map(|offset| (record, Place { offset, ..place })))
    }

    /// Tells the bodies where they lie. Returns where they end; none when one is not there as a whole.
    fn place_bodies(&self, record: &mut Record<Change>, mut next: Location) -> Result<Option<u64>, Fault> {
        for step in record.changes.iter_mut().flat_map(|change| &mut change.steps) {
            let Step::Commit(body) = step else { continue };
            let Some(bytes) = self.read(next.offset, usize::try_from(body.size).unwrap_or(usize::MAX))? else {
                return Ok(None);
            };
            if body.blake3 != Some(*blake3::hash(&bytes).as_bytes()) {
                return Ok(None);
            }
            body.location = next;
            next.offset += body.size;
        }
        Ok(Some(next.offset))
    }

    /// None when the pack ends before.
    fn read(&self, offset: u64, length: usize) -> Result<Option<bytes::Bytes>, Fault> {
        let end = offset.checked_add(length as u64);
        if end.is_none_or(|end| end > self.length) {
            return Ok(None);
        }
        self.file.read_exact_at(offset, length).map(Some).map_err(|error| Fault::from_io("reading a pack", error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::schema, change::NewName, clock::Timestamp, model::NameKey, segments::disk::system::SystemDisk,
    };

    const STORE: Uuid = Uuid::from_u128(1);
    const PACK: Uuid = Uuid::from_u128(2);

    /// A database that stands at batch 4, and a pack with what follows.
    fn machine(pack: &[u8]) -> (Connection, Folder, tempfile::TempDir) {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(Arc::new(SystemDisk), root.path(), Durability::Sync, 0).unwrap();
        std::fs::write(root.path().join("packs").join(PACK.simple().to_string()), pack).unwrap();
        let mut db = Connection::open_in_memory().unwrap();
        schema::migrate(&mut db).unwrap();
        schema::set_store_id(&db, STORE).unwrap();
        db.execute("UPDATE store SET batch = 4, journal_pack = ?1, journal_next = 3", [PACK.into_bytes()]).unwrap();
        (db, folder, root)
    }

    fn create(key: &str) -> Change {
        Change::new().create(NewName::new(NameKey::new("toy", "things", key), "queued"))
    }

    fn record(batch: u64, name: &str) -> bytes::Bytes {
        let changes = [create(name)];
        journal::encode(&journal::key(STORE, PACK), batch, Timestamp::from_unix_micros(7), changes.iter()).unwrap()
    }

    fn names(db: &Connection) -> String {
        db.query_row("SELECT group_concat(key || created, ' ') FROM name", [], |row| row.get(0)).unwrap_or_default()
    }

    #[test]
    fn records_are_carried_out_up_to_the_first_that_does_not_follow() {
        let pack = [&b"old"[..], &record(5, "a"), &record(6, "b"), &record(8, "c")].concat();
        let (mut db, folder, _root) = machine(&pack);
        assert_eq!(replay(&mut db, STORE, &folder).unwrap(), 2);
        assert_eq!(names(&db), "a7 b7");
        assert_eq!(position(&db).unwrap(), None, "the rows stand for themselves");
        assert_eq!(replay(&mut db, STORE, &folder).unwrap(), 0);
    }

    #[test]
    fn what_is_cut_or_forged_or_gone_counts_for_nothing() {
        let whole = record(5, "a");
        let forged = journal::encode(&[0; 32], 5, Timestamp::from_unix_micros(7), [create("a")].iter()).unwrap();
        for pack in [&whole[..whole.len() - 1], &whole[..HEAD - 1], &forged, &[0; 500], &[]] {
            let (mut db, folder, _root) = machine(&[b"old", pack].concat());
            assert_eq!(replay(&mut db, STORE, &folder).unwrap(), 0);
            assert_eq!(names(&db), "");
        }
        let (mut db, folder, root) = machine(&[]);
        std::fs::remove_dir_all(root.path().join("packs")).unwrap();
        assert_eq!(replay(&mut db, STORE, &folder).unwrap(), 0);
    }

    #[test]
    fn a_record_of_another_version_is_not_passed_over() {
        let other = journal::in_another_format(&journal::key(STORE, PACK), &record(5, "a"));
        let (mut db, folder, _root) = machine(&[b"old", &other[..]].concat());
        let fault = replay(&mut db, STORE, &folder).unwrap_err();
        assert!(matches!(&fault, Fault::Corrupt { what } if what.contains("start that version")), "{fault:?}");
        assert!(position(&db).unwrap().is_some(), "it can still be replayed");
    }
}
