//! The repair of what `audit` finds: rows are made to agree again, from what names say. One transaction for the whole store; for
//! `fsck --repair`, which has the store to itself.

use super::{
    apply::{Stepped, Transaction},
    tree,
};
use crate::{change::Effect, model::Tree};

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
    // What changes before this one counted is in the rows that are counted here.
    transaction.ledger.write()?;
    for statement in LINKS {
        transaction.db.execute(statement, [])?;
    }
    folders(transaction)?;
    for statement in ACCOUNTS {
        transaction.db.execute(statement, [])?;
    }
    Ok(Effect::Done)
}

/// Keeps every folder anew that a file lies below.
fn folders(transaction: &Transaction<'_>) -> Stepped<()> {
    let db = transaction.db;
    db.execute("DELETE FROM folder", [])?;
    let mut files = db.prepare("SELECT dialect, scope, key, coalesce(size, 0) FROM name WHERE parent IS NOT NULL")?;
    let mut rows = files.query([])?;
    while let Some(row) = rows.next()? {
        let tree = Tree { dialect: row.get(0)?, scope: row.get(1)? };
        let key: String = row.get(2)?;
        tree::count(transaction, &tree, &key, 1, row.get(3)?);
    }
    transaction.ledger.write_folders()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::{
        catalog::{apply, ledger::Ledger, queries, schema},
        change::{Change, Step},
        clock::Timestamp,
    };

    #[test]
    fn what_the_same_batch_has_counted_is_not_counted_twice() {
        let mut db = Connection::open_in_memory().unwrap();
        schema::migrate(&mut db).unwrap();
        schema::set_store_id(&db, uuid::Uuid::from_u128(1)).unwrap();
        let (tree, ledger) = (Tree::new("toy", "files"), Ledger::new(&db, 0));
        let change = Change::new().put_file(&tree, "folder/a").step(Step::Recount);
        assert!(apply::apply(&db, &ledger, Timestamp::from_unix_micros(1), &change).is_ok());
        ledger.write().unwrap();
        let folder = queries::folder(&db, &tree, "folder").unwrap().unwrap();
        assert_eq!((folder.files, folder.bytes), (1, 0));
    }
}
