//! Steps on single names: create, change, delete, bury.

use rusqlite::{OptionalExtension as _, params};
use uuid::Uuid;

use super::{
    apply::{Stepped, Transaction, Uploaded},
    queries,
};
use crate::{
    change::{Effect, NewContent, NewName, Update},
    error::Refusal,
    model::{BlobId, Condition, Content, Name, NameKey},
};

/// Content with the account it counts for.
struct Charged {
    content: Content,
    account: Option<String>,
}

pub(super) fn create(transaction: &Transaction<'_>, new: &NewName) -> Stepped<Effect> {
    if queries::is_buried(transaction.db, &new.key)? {
        return Err(Refusal::Buried(new.key.clone()).into());
    }
    if queries::name(transaction.db, &new.key)?.is_some() {
        return Err(Refusal::Exists(new.key.clone()).into());
    }
    let content = take(transaction, &new.key.dialect, &new.content)?;
    let version = transaction.ledger.next_version();
    transaction
        .db
        .prepare_cached(
            "INSERT INTO name (dialect, scope, key, blob, size, account, status, owner, version, born, created, modified, attributes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?10, ?11)",
        )?
        .execute(params![
            new.key.dialect,
            new.key.scope,
            new.key.key,
            content.as_ref().and_then(|charged| charged.content.blob).map(|blob| blob.0.into_bytes()),
            content.as_ref().map(|charged| charged.content.size),
            content.as_ref().and_then(|charged| charged.account.as_deref()),
            new.status,
            new.owner,
            version,
            transaction.now.as_unix_micros(),
            new.attributes.to_string()
        ])?;
    transaction.ledger.add_name();
    Ok(Effect::Name(Box::new(Name {
        key: new.key.clone(),
        status: new.status.clone(),
        owner: new.owner.clone(),
        attributes: new.attributes.clone(),
        content: content.map(|charged| charged.content),
        version,
        born: version,
        created: transaction.now,
        modified: transaction.now,
        open_writer: false,
    })))
}

pub(super) fn update(
    transaction: &Transaction<'_>,
    key: &NameKey,
    when: &Condition,
    update: &Update,
) -> Stepped<Effect> {
    let mut name = expect(transaction, key, when)?;
    if let Some(new) = &update.content {
        let content = take(transaction, &key.dialect, new)?;
        if name.content.is_some() {
            give_back(transaction, key)?;
        }
        transaction
            .db
            .prepare_cached(
                "UPDATE name SET blob = ?4, size = ?5, account = ?6 WHERE dialect = ?1 AND scope = ?2 AND key = ?3",
            )?
            .execute(params![
                key.dialect,
                key.scope,
                key.key,
                content.as_ref().and_then(|charged| charged.content.blob).map(|blob| blob.0.into_bytes()),
                content.as_ref().map(|charged| charged.content.size),
                content.as_ref().and_then(|charged| charged.account.as_deref()),
            ])?;
        name.content = content.map(|charged| charged.content);
    }
    name.status = update.status.clone().unwrap_or(name.status);
    name.owner = update.owner.clone().unwrap_or(name.owner);
    name.attributes = update.attributes.clone().unwrap_or(name.attributes);
    name.version = transaction.ledger.next_version();
    name.modified = transaction.now;
    transaction
        .db
        .prepare_cached(
            "UPDATE name SET status = ?4, owner = ?5, attributes = ?6, version = ?7, modified = ?8
             WHERE dialect = ?1 AND scope = ?2 AND key = ?3",
        )?
        .execute(params![
            key.dialect,
            key.scope,
            key.key,
            name.status,
            name.owner,
            name.attributes.to_string(),
            name.version,
            transaction.now.as_unix_micros()
        ])?;
    Ok(Effect::Name(Box::new(name)))
}

pub(super) fn expect(transaction: &Transaction<'_>, key: &NameKey, when: &Condition) -> Stepped<Name> {
    let Some(name) = queries::name(transaction.db, key)? else {
        return Err(Refusal::Missing(key.clone()).into());
    };
    check(&name, when)?;
    Ok(name)
}

/// Whether a name meets a condition; also asked outside of transactions, before an upload begins.
pub(crate) fn check(name: &Name, when: &Condition) -> Result<(), Refusal> {
    if let Some(expected) = &when.status
        && *expected != name.status
    {
        let (expected, actual) = (expected.clone(), name.status.clone());
        return Err(Refusal::StatusChanged { name: name.key.clone(), expected, actual });
    }
    if let Some(expected) = when.version
        && expected != name.version
    {
        return Err(Refusal::VersionChanged { name: name.key.clone(), expected, actual: name.version });
    }
    Ok(())
}

pub(super) fn same(transaction: &Transaction<'_>, key: &NameKey, born: u64) -> Stepped<Effect> {
    let found: Option<u64> = transaction
        .db
        .prepare_cached("SELECT born FROM name WHERE dialect = ?1 AND scope = ?2 AND key = ?3")?
        .query_row(params![key.dialect, key.scope, key.key], |row| row.get(0))
        .optional()?;
    if found == Some(born) { Ok(Effect::Done) } else { Err(Refusal::Missing(key.clone()).into()) }
}

pub(super) fn delete(transaction: &Transaction<'_>, key: &NameKey, when: &Condition) -> Stepped<Effect> {
    expect(transaction, key, when)?;
    remove(transaction, key)?;
    Ok(Effect::Deleted(1))
}

pub(super) fn delete_scope(transaction: &Transaction<'_>, dialect: &str, scope: &str) -> Stepped<Effect> {
    let keys: Vec<String> = transaction
        .db
        .prepare_cached("SELECT key FROM name WHERE dialect = ?1 AND scope = ?2 ORDER BY blob")?
        .query_map(params![dialect, scope], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for key in &keys {
        remove(transaction, &NameKey::new(dialect, scope, key))?;
    }
    Ok(Effect::Deleted(keys.len() as u64))
}

pub(super) fn bury(transaction: &Transaction<'_>, key: &NameKey) -> Stepped<Effect> {
    transaction
        .db
        .prepare_cached(
            "INSERT INTO tombstone (dialect, scope, key, buried) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        )?
        .execute(params![key.dialect, key.scope, key.key, transaction.now.as_unix_micros()])?;
    Ok(Effect::Done)
}

fn remove(transaction: &Transaction<'_>, key: &NameKey) -> Stepped<()> {
    give_back(transaction, key)?;
    transaction
        .db
        .prepare_cached("DELETE FROM name WHERE dialect = ?1 AND scope = ?2 AND key = ?3")?
        .execute(params![key.dialect, key.scope, key.key])?;
    Ok(())
}

/// Releases the content of a name, and the bytes it counts for.
fn give_back(transaction: &Transaction<'_>, key: &NameKey) -> Stepped<()> {
    let (content, account) = content_of(transaction, key)?;
    let Some(content) = content else { return Ok(()) };
    if let Some(blob) = content.blob {
        transaction.release(blob.0, 1)?;
    }
    if let Some(account) = account {
        transaction.refund(&key.dialect, &account, content.size);
    }
    Ok(())
}

/// Shares the bytes that a name shall have, and counts them.
fn take(transaction: &Transaction<'_>, dialect: &str, new: &NewContent) -> Stepped<Option<Charged>> {
    match new {
        NewContent::Clear => Ok(None),
        // A change may be applied without any body: then this is an empty one.
        NewContent::Uploaded => {
            take_uploaded(transaction, dialect, transaction.uploaded.first().and_then(Option::as_ref))
        }
        NewContent::UploadedBeside(index) => match transaction.uploaded.get(index.saturating_add(1)) {
            Some(uploaded) => take_uploaded(transaction, dialect, uploaded.as_ref()),
            None => Err(Refusal::BodyMissing { index: *index }.into()),
        },
        NewContent::SameAs(other) => {
            let (content, account) = content_of(transaction, other)?;
            let Some(content) = content else { return Err(Refusal::ContentGone.into()) };
            if let Some(blob) = content.blob {
                transaction.share(blob.0, 1)?;
            }
            if let Some(account) = &account {
                transaction.charge(dialect, account, content.size, None)?;
            }
            Ok(Some(Charged { content, account }))
        }
    }
}

fn take_uploaded(
    transaction: &Transaction<'_>,
    dialect: &str,
    uploaded: Option<&Uploaded>,
) -> Stepped<Option<Charged>> {
    let Some(uploaded) = uploaded else {
        return Ok(Some(Charged { content: Content::EMPTY, account: None }));
    };
    transaction.name_uploaded(uploaded)?;
    let account = &uploaded.account;
    transaction.charge(dialect, &account.scope, uploaded.size, account.quota)?;
    let content = Content { blob: Some(BlobId(uploaded.blob)), size: uploaded.size };
    Ok(Some(Charged { content, account: Some(account.scope.clone()) }))
}

fn content_of(transaction: &Transaction<'_>, key: &NameKey) -> Stepped<(Option<Content>, Option<String>)> {
    let row = transaction
        .db
        .prepare_cached("SELECT blob, size, account FROM name WHERE dialect = ?1 AND scope = ?2 AND key = ?3")?
        .query_row(params![key.dialect, key.scope, key.key], |row| {
            let blob = row.get::<_, Option<[u8; 16]>>(0)?.map(|id| BlobId(Uuid::from_bytes(id)));
            let content = row.get::<_, Option<u64>>(1)?.map(|size| Content { blob, size });
            Ok((content, row.get(2)?))
        })
        .optional()?;
    Ok(row.unwrap_or((None, None)))
}
