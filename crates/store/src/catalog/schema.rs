//! The tables, and how an older database becomes a newer one. A migration is never edited after a release; the next one is appended.

use rusqlite::Connection;
use uuid::Uuid;

use crate::error::{Fault, OpenError};

/// Every migration in order; the database's `user_version` says how many were applied.
const MIGRATIONS: &[&str] = &[FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH, SEVENTH, EIGHTH, NINTH];

/// Ids are 16 bytes, times microseconds since 1970, keys are compared bytewise. States are small numbers, see the constants below.
const FIRST: &str = "
CREATE TABLE store (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    id       BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    batch    INTEGER NOT NULL
) STRICT;

CREATE TABLE name (
    row        INTEGER PRIMARY KEY,
    dialect    TEXT NOT NULL,
    scope      TEXT NOT NULL,
    key        TEXT NOT NULL,
    parent     TEXT,
    blob       BLOB,
    size       INTEGER,
    account    TEXT,
    status     TEXT NOT NULL,
    owner      TEXT,
    version    INTEGER NOT NULL,
    born       INTEGER NOT NULL,
    created    INTEGER NOT NULL,
    modified   INTEGER NOT NULL,
    attributes TEXT NOT NULL,
    UNIQUE (dialect, scope, key)
) STRICT;
CREATE INDEX name_newest ON name (dialect, scope, created, key) WHERE parent IS NULL;
CREATE INDEX name_owner ON name (dialect, scope, owner, created, key) WHERE owner IS NOT NULL;
CREATE INDEX name_level ON name (dialect, scope, parent, key) WHERE parent IS NOT NULL;

CREATE TABLE folder (
    dialect TEXT NOT NULL,
    scope   TEXT NOT NULL,
    path    TEXT NOT NULL,
    parent  TEXT,
    files   INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    PRIMARY KEY (dialect, scope, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX folder_level ON folder (dialect, scope, parent, path);

CREATE TABLE blob (
    id     BLOB NOT NULL PRIMARY KEY,
    state  INTEGER NOT NULL,
    size   INTEGER NOT NULL,
    refs   INTEGER NOT NULL,
    md5    BLOB,
    sha256 BLOB,
    sha512 BLOB,
    blake3 BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX blob_equal ON blob (blake3, size) WHERE blake3 IS NOT NULL;
CREATE INDEX blob_doomed ON blob (id) WHERE state = 2;
CREATE INDEX blob_unknown ON blob (id) WHERE state = 1 AND blake3 IS NULL;

CREATE TABLE segment (
    id        BLOB NOT NULL,
    blob      BLOB NOT NULL,
    position  INTEGER NOT NULL,
    length    INTEGER NOT NULL,
    packed    INTEGER NOT NULL,
    container BLOB NOT NULL,
    offset    INTEGER NOT NULL,
    checksums BLOB NOT NULL,
    state     INTEGER NOT NULL,
    PRIMARY KEY (blob, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX segment_pack ON segment (container, offset, length) WHERE packed = 1;

CREATE TABLE writer (
    id       BLOB NOT NULL PRIMARY KEY,
    state    INTEGER NOT NULL,
    dialect  TEXT NOT NULL,
    account  TEXT NOT NULL,
    scope    TEXT,
    key      TEXT,
    session  BLOB,
    blob     BLOB NOT NULL,
    declared INTEGER,
    received INTEGER NOT NULL,
    ranges   INTEGER NOT NULL,
    reserved INTEGER NOT NULL,
    touched  INTEGER NOT NULL,
    lease    INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX writer_open ON writer (dialect, scope, session) WHERE state = 0 AND session IS NOT NULL;
CREATE INDEX writer_session ON writer (dialect, scope, session, touched) WHERE session IS NOT NULL;
CREATE INDEX writer_path ON writer (dialect, scope, key) WHERE state = 0 AND session IS NOT NULL;
CREATE INDEX writer_ended ON writer (touched) WHERE state <> 0;

CREATE TABLE usage (
    dialect  TEXT NOT NULL,
    scope    TEXT NOT NULL,
    bytes    INTEGER NOT NULL,
    reserved INTEGER NOT NULL,
    PRIMARY KEY (dialect, scope)
) STRICT, WITHOUT ROWID;

CREATE TABLE operation (
    id         BLOB NOT NULL PRIMARY KEY,
    dialect    TEXT NOT NULL,
    scope      TEXT NOT NULL,
    key        TEXT NOT NULL,
    status     TEXT NOT NULL,
    created    INTEGER NOT NULL,
    modified   INTEGER NOT NULL,
    lease      INTEGER,
    attributes TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX operation_status ON operation (dialect, scope, status, created);

CREATE TABLE tombstone (
    dialect TEXT NOT NULL,
    scope   TEXT NOT NULL,
    key     TEXT NOT NULL,
    buried  INTEGER NOT NULL,
    PRIMARY KEY (dialect, scope, key)
) STRICT, WITHOUT ROWID;
";

/// When a writer ended, apart from when its last chunk came; and which session of a path was opened before which other.
const SECOND: &str = "
ALTER TABLE writer ADD COLUMN ended INTEGER;
ALTER TABLE writer ADD COLUMN opened INTEGER;
UPDATE writer SET ended = touched WHERE state <> 0;
UPDATE writer SET opened = 0 WHERE session IS NOT NULL;
DROP INDEX writer_ended;
DROP INDEX writer_path;
DROP INDEX writer_session;
CREATE INDEX writer_ended ON writer (ended) WHERE state <> 0;
CREATE INDEX writer_touched ON writer (touched) WHERE state = 0;
CREATE INDEX writer_path ON writer (dialect, scope, key, opened) WHERE session IS NOT NULL;
CREATE INDEX writer_session ON writer (dialect, scope, session, state, ended) WHERE session IS NOT NULL;
";

/// What the store holds is counted where it changes, whoever changes it, so that asking costs one row; and names of one status are
/// found by their age. The numbers in the triggers are the states below.
const THIRD: &str = "
ALTER TABLE store ADD COLUMN names INTEGER NOT NULL DEFAULT 0;
ALTER TABLE store ADD COLUMN contents INTEGER NOT NULL DEFAULT 0;
ALTER TABLE store ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE store ADD COLUMN doomed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE store ADD COLUMN doomed_bytes INTEGER NOT NULL DEFAULT 0;
UPDATE store SET
    names = (SELECT count(*) FROM name),
    (contents, bytes) = (SELECT count(*), coalesce(sum(size), 0) FROM blob WHERE state = 1),
    (doomed, doomed_bytes) = (SELECT count(*), coalesce(sum(size), 0) FROM blob WHERE state = 2);
CREATE TRIGGER name_appears AFTER INSERT ON name BEGIN
    UPDATE store SET names = names + 1;
END;
CREATE TRIGGER name_goes AFTER DELETE ON name BEGIN
    UPDATE store SET names = names - 1;
END;
CREATE TRIGGER blob_appears AFTER INSERT ON blob WHEN new.state <> 0 BEGIN
    UPDATE store SET contents = contents + (new.state = 1), bytes = bytes + (new.state = 1) * new.size,
        doomed = doomed + (new.state = 2), doomed_bytes = doomed_bytes + (new.state = 2) * new.size;
END;
CREATE TRIGGER blob_changes AFTER UPDATE OF state, size ON blob WHEN (new.state, new.size) <> (old.state, old.size) BEGIN
    UPDATE store SET
        contents = contents + (new.state = 1) - (old.state = 1),
        bytes = bytes + (new.state = 1) * new.size - (old.state = 1) * old.size,
        doomed = doomed + (new.state = 2) - (old.state = 2),
        doomed_bytes = doomed_bytes + (new.state = 2) * new.size - (old.state = 2) * old.size;
END;
CREATE TRIGGER blob_goes AFTER DELETE ON blob WHEN old.state <> 0 BEGIN
    UPDATE store SET contents = contents - (old.state = 1), bytes = bytes - (old.state = 1) * old.size,
        doomed = doomed - (old.state = 2), doomed_bytes = doomed_bytes - (old.state = 2) * old.size;
END;
CREATE INDEX name_unchanged ON name (dialect, scope, status, modified, key) WHERE parent IS NULL;
";

/// Names are found by what their attributes call them and to whom they show them, and companions by their key. Only names outside
/// of trees have that; where an attribute is missing there is nothing to keep.
const FOURTH: &str = "
CREATE INDEX name_named ON name (dialect, scope, (attributes ->> '$.name'), created, key)
    WHERE parent IS NULL AND (attributes ->> '$.name') IS NOT NULL;
CREATE INDEX name_visibility ON name (dialect, scope, (attributes ->> '$.visibility'), created, key)
    WHERE parent IS NULL AND (attributes ->> '$.visibility') IS NOT NULL;
CREATE INDEX name_companion ON name (dialect, key, scope) WHERE parent IS NULL AND instr(scope, '/') > 0;
";

/// Saved views are listed by iTwin or iModel in the order of what they are called.
const FIFTH: &str = "
CREATE INDEX name_itwin ON name
    (dialect, scope, (attributes ->> '$.itwin'), coalesce((attributes ->> '$.display_name'), ''), key)
    WHERE parent IS NULL AND (attributes ->> '$.itwin') IS NOT NULL;
CREATE INDEX name_imodel ON name
    (dialect, scope, (attributes ->> '$.imodel'), coalesce((attributes ->> '$.display_name'), ''), key)
    WHERE parent IS NULL AND (attributes ->> '$.imodel') IS NOT NULL;
";

/// Which contents were found damaged, and when: nothing is shared with them, and equal bytes that come take the place of theirs. From
/// then on their segments lie in a container that has another id.
const SIXTH: &str = "
ALTER TABLE blob ADD COLUMN damaged INTEGER;
DROP INDEX blob_equal;
CREATE INDEX blob_equal ON blob (blake3, size, damaged) WHERE blake3 IS NOT NULL;
CREATE INDEX blob_damaged ON blob (id) WHERE damaged IS NOT NULL AND state = 1;
CREATE INDEX segment_moved ON segment (container) WHERE packed = 0 AND container <> blob;
";

/// Large bodies whose BLAKE3 is computed later are compared with those of their size.
const SEVENTH: &str = "
CREATE INDEX blob_size ON blob (size) WHERE state = 1 AND size > 262144;
";

/// New names and contents are counted once a batch, by whoever inserts them.
const EIGHTH: &str = "
DROP TRIGGER name_appears;
DROP TRIGGER blob_appears;
";

/// Where the record of the next batch of small uploads will stand: a pack, and the first byte behind what the rows know of it. And the
/// files of one level are found by their keys.
const NINTH: &str = "
DROP INDEX name_level;
ALTER TABLE store ADD COLUMN journal_pack BLOB;
ALTER TABLE store ADD COLUMN journal_next INTEGER NOT NULL DEFAULT 0;
";

/// A blob that a writer is filling.
pub(super) const BLOB_OPEN: i64 = 0;
/// A blob that names may share.
pub(super) const BLOB_READY: i64 = 1;
/// A blob without names: final, waits to be freed.
pub(super) const BLOB_DOOMED: i64 = 2;
/// A segment whose bytes are not known to be complete.
pub(super) const SEGMENT_WRITING: i64 = 0;
/// A segment whose bytes are durable.
pub(super) const SEGMENT_READY: i64 = 1;
/// A writer that takes bytes.
pub(super) const WRITER_OPEN: i64 = 0;
/// A writer whose blob became content.
pub(super) const WRITER_DONE: i64 = 1;
/// A writer that ended without a result.
pub(super) const WRITER_DEAD: i64 = 2;

/// Brings the database to the latest version.
pub(super) fn migrate(db: &mut Connection) -> Result<(), MigrateError> {
    migrate_to(db, MIGRATIONS.len())
}

/// Brings the database to one of the versions.
pub(super) fn migrate_to(db: &mut Connection, version: usize) -> Result<(), MigrateError> {
    let known = i64::try_from(version).expect("migrations are few");
    let found: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > known || found < 0 {
        return Err(MigrateError::TooNew { found, known });
    }
    let done = usize::try_from(found).expect("checked to be between 0 and the number of migrations");
    for (index, migration) in MIGRATIONS.iter().enumerate().take(version).skip(done) {
        let transaction = db.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", index + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Why a database could not be brought to the latest version.
#[derive(Debug)]
pub(crate) enum MigrateError {
    TooNew { found: i64, known: i64 },
    Sql(rusqlite::Error),
}

impl From<rusqlite::Error> for MigrateError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl MigrateError {
    pub(crate) fn into_open_error(self, folder: &str) -> OpenError {
        match self {
            Self::TooNew { found, known } => OpenError::TooNew { found, known },
            Self::Sql(error) => OpenError::Fault { folder: folder.to_owned(), source: Fault::from_database(error) },
        }
    }
}

/// The id that stands in the database; none in a new one.
pub(super) fn store_id(db: &Connection) -> rusqlite::Result<Option<Uuid>> {
    use rusqlite::OptionalExtension as _;
    db.query_row("SELECT id FROM store", [], |row| row.get::<_, [u8; 16]>(0))
        .optional()
        .map(|id| id.map(Uuid::from_bytes))
}

/// Writes the id into a new database.
pub(super) fn set_store_id(db: &Connection, id: Uuid) -> rusqlite::Result<()> {
    db.execute("INSERT INTO store (one, id, sequence, batch) VALUES (1, ?1, 0, 0)", [id.into_bytes()]).map(drop)
}

/// Nothing was ever stored.
pub(super) fn is_virgin(db: &Connection) -> rusqlite::Result<bool> {
    db.query_row("SELECT sequence = 0 AND NOT EXISTS (SELECT 1 FROM blob) FROM store", [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_of_the_first_version_keeps_what_it_remembers() {
        let mut db = Connection::open_in_memory().unwrap();
        db.execute_batch(FIRST).unwrap();
        db.pragma_update(None, "user_version", 1).unwrap();
        for (id, state) in [(1, WRITER_OPEN), (2, WRITER_DONE)] {
            db.execute(
                "INSERT INTO writer (id, state, dialect, account, session, blob, received, ranges, reserved, touched)
                 VALUES (?1, ?2, '', '', x'07', x'08', 0, 0, 0, 42)",
                (vec![id], state),
            )
            .unwrap();
        }
        migrate(&mut db).unwrap();
        let mut writers = db.prepare("SELECT ended, opened FROM writer ORDER BY id").unwrap();
        let writers: Vec<(Option<i64>, i64)> =
            writers.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
        assert_eq!(writers, [(None, 0), (Some(42), 0)]);
    }

    #[test]
    fn a_database_of_the_second_version_is_counted() {
        let mut db = Connection::open_in_memory().unwrap();
        db.execute_batch(FIRST).unwrap();
        db.execute_batch(SECOND).unwrap();
        db.pragma_update(None, "user_version", 2).unwrap();
        set_store_id(&db, Uuid::from_u128(5)).unwrap();
        for (id, state, size) in
            [(1, BLOB_OPEN, 0), (2, BLOB_READY, 10), (3, BLOB_READY, 20), (4, BLOB_DOOMED, 7), (5, BLOB_DOOMED, 0)]
        {
            db.execute("INSERT INTO blob (id, state, size, refs) VALUES (?1, ?2, ?3, 0)", (vec![id], state, size))
                .unwrap();
        }
        db.execute(
            "INSERT INTO name (dialect, scope, key, status, version, born, created, modified, attributes)
             VALUES ('', '', '', '', 1, 1, 1, 1, 'null')",
            [],
        )
        .unwrap();
        migrate(&mut db).unwrap();
        let counted = |db: &Connection| -> [i64; 5] {
            let columns = "SELECT names, contents, bytes, doomed, doomed_bytes FROM store";
            db.query_row(columns, [], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?]))
                .unwrap()
        };
        assert_eq!(counted(&db), [1, 2, 30, 2, 7]);
        db.execute("UPDATE blob SET state = ?1, size = 100 WHERE state = ?2", [BLOB_READY, BLOB_OPEN]).unwrap();
        db.execute("UPDATE blob SET state = ?1 WHERE size = 20", [BLOB_DOOMED]).unwrap();
        db.execute("DELETE FROM blob WHERE size IN (7, 10)", []).unwrap();
        db.execute("DELETE FROM name", []).unwrap();
        assert_eq!(counted(&db), [0, 1, 100, 2, 20]);
    }

    #[test]
    fn migrations_are_applied_once_and_a_later_schema_is_refused() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db).unwrap();
        set_store_id(&db, Uuid::from_u128(5)).unwrap();
        migrate(&mut db).unwrap();
        assert_eq!(store_id(&db).unwrap(), Some(Uuid::from_u128(5)));
        assert!(is_virgin(&db).unwrap());
        db.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(migrate(&mut db), Err(MigrateError::TooNew { found: 99, known: 9 })));
    }
}
