//! The repair of what `audit` finds: rows are made to agree again, from what names say. One transaction for the whole store; for
//! `fsck --repair`, which has the store to itself.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::{
    apply::{Stepped, Transaction},
    tree,
};
use crate::change::Effect;

/// In an order in which each statement builds on those before it.
const LINKS: &[&str] = &[
    "DELETE FROM segment WHERE blob NOT IN (SELECT id FROM blob)",
    // What names have stays when all of its rows are there; whether its bytes are is looked at afterwards.
    "UPDATE blob SET state = 1 WHERE state <> 1 AND id IN (SELECT blob FROM name WHERE blob IS NOT NULL)
     AND size > 0 AND size = (SELECT coalesce(sum(length), 0) FROM segment WHERE segment.blob = blob.id AND segment.state = 1)",
    "UPDATE name SET size = blob.size FROM blob WHERE blob.id = name.blob AND blob.state = 1 AND name.size IS NOT blob.size",
    "UPDATE blob SET refs = counted.names FROM
     (SELECT id, coalesce(names, 0) AS names FROM blob LEFT JOIN
      (SELECT blob, count(*) AS names FROM name WHERE blob IS NOT NULL GROUP BY blob) ON blob = id) AS counted
     WHERE counted.id = blob.id AND blob.state = 1 AND blob.refs <> counted.names",
    "UPDATE blob SET state = 2 WHERE state = 1 AND refs = 0",
    "UPDATE blob SET state = 2 WHERE state = 0 AND id NOT IN (SELECT blob FROM writer WHERE state = 0)",
];

const ACCOUNTS: &[&str] = &[
    "UPDATE usage SET bytes = 0, reserved = 0",
    "INSERT INTO usage (dialect, scope, bytes, reserved)
     SELECT dialect, account, sum(size), 0 FROM name WHERE account IS NOT NULL AND size IS NOT NULL GROUP BY dialect, account
     ON CONFLICT DO UPDATE SET bytes = excluded.bytes",
    "INSERT INTO usage (dialect, scope, bytes, reserved)
     SELECT dialect, account, 0, sum(reserved) FROM writer WHERE true GROUP BY dialect, account
     ON CONFLICT DO UPDATE SET reserved = excluded.reserved",
    "UPDATE store SET names = (SELECT count(*) FROM name),
     (contents, bytes) = (SELECT count(*), coalesce(sum(size), 0) FROM blob WHERE state = 1),
     (doomed, doomed_bytes) = (SELECT count(*), coalesce(sum(size), 0) FROM blob WHERE state = 2)",
];

/// Makes all rows agree.
pub(super) fn recount(transaction: &Transaction<'_>) -> Stepped<Effect> {
    for statement in LINKS {
        transaction.db.execute(statement, [])?;
    }
    folders(transaction.db)?;
    for statement in ACCOUNTS {
        transaction.db.execute(statement, [])?;
    }
    Ok(Effect::Done)
}

/// A folder of a tree: dialect, scope, path.
type Folder = (String, String, String);

/// Keeps every folder anew that a file lies below.
fn folders(db: &Connection) -> rusqlite::Result<()> {
    let mut counted: BTreeMap<Folder, (i64, i64)> = BTreeMap::new();
    let mut files = db.prepare("SELECT dialect, scope, key, coalesce(size, 0) FROM name WHERE parent IS NOT NULL")?;
    let mut rows = files.query([])?;
    while let Some(row) = rows.next()? {
        let (dialect, scope, key): Folder = (row.get(0)?, row.get(1)?, row.get(2)?);
        let bytes: i64 = row.get(3)?;
        let mut at = tree::parent(&key);
        while let Some(folder) = at {
            let (files, sum) = counted.entry((dialect.clone(), scope.clone(), folder.to_owned())).or_default();
            *files += 1;
            *sum += bytes;
            at = tree::parent(folder);
        }
    }
    db.execute("DELETE FROM folder", [])?;
    let mut keep =
        db.prepare("INSERT INTO folder (dialect, scope, path, parent, files, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    for ((dialect, scope, path), (files, bytes)) in counted {
        keep.execute(params![dialect, scope, path, tree::parent(&path), files, bytes])?;
    }
    Ok(())
}
