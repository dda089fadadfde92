//! Steps on writers: whole bodies on their way, sessions, and the bytes that both reserve.

use rusqlite::{OptionalExtension as _, params};
use uuid::Uuid;

use super::{
    apply::{Stepped, Transaction, id_at_0},
    schema::{BLOB_OPEN, BLOB_READY, SEGMENT_READY, SEGMENT_WRITING, WRITER_DEAD, WRITER_DONE, WRITER_OPEN},
    tree,
};
use crate::{
    change::{Effect, NewWriter},
    clock::Timestamp,
    error::Refusal,
    model::{BlobId, ByteRange, Content, NameKey, Tree},
    segments::{Container, Location},
};

/// Writers that one step of cleaning up ends or forgets, so that nobody waits long for the transaction it is in.
const AT_ONCE: u32 = 256;

/// What a step needs to know of an open writer.
struct OpenWriter {
    dialect: String,
    account: String,
    blob: Uuid,
    reserved: u64,
    declared: Option<u64>,
    received: u64,
    ranges: u64,
}

fn find_open(transaction: &Transaction<'_>, writer: Uuid) -> Stepped<OpenWriter> {
    transaction
        .db
        .prepare_cached(
            "SELECT dialect, account, blob, reserved, declared, received, ranges FROM writer WHERE id = ?1 AND state = ?2",
        )?
        .query_row(params![writer.into_bytes(), WRITER_OPEN], |row| {
            Ok(OpenWriter {
                dialect: row.get(0)?,
                account: row.get(1)?,
                blob: Uuid::from_bytes(row.get(2)?),
                reserved: row.get(3)?,
                declared: row.get(4)?,
                received: row.get(5)?,
                ranges: row.get(6)?,
            })
        })
        .optional()?
        .ok_or_else(|| Refusal::WriterGone.into())
}

/// Refuses when an account with a quota has no room for more bytes.
pub(super) fn check_quota(
    transaction: &Transaction<'_>,
    dialect: &str,
    account: &str,
    wanted: u64,
    quota: u64,
) -> Stepped<()> {
    let used = used(transaction, dialect, account)?;
    if used.saturating_add(wanted) > quota {
        return Err(Refusal::OverQuota { quota, used, wanted }.into());
    }
    Ok(())
}

fn used(transaction: &Transaction<'_>, dialect: &str, account: &str) -> rusqlite::Result<u64> {
    transaction.ledger.write_accounts()?;
    transaction
        .db
        .prepare_cached("SELECT bytes + reserved FROM usage WHERE dialect = ?1 AND scope = ?2")?
        .query_row(params![dialect, account], |row| row.get(0))
        .optional()
        .map(Option::unwrap_or_default)
}

fn add_reservation(transaction: &Transaction<'_>, dialect: &str, account: &str, bytes: u64) -> rusqlite::Result<()> {
    transaction
        .db
        .prepare_cached(
            "INSERT INTO usage (dialect, scope, bytes, reserved) VALUES (?1, ?2, 0, ?3)
             ON CONFLICT DO UPDATE SET reserved = reserved + ?3",
        )?
        .execute(params![dialect, account, bytes])
        .map(drop)
}

pub(super) fn open(transaction: &Transaction<'_>, new: &NewWriter) -> Stepped<Effect> {
    let account = &new.account;
    if let Some(quota) = account.quota {
        check_quota(transaction, &account.dialect, &account.scope, new.reserve, quota)?;
    }
    add_reservation(transaction, &account.dialect, &account.scope, new.reserve)?;
    transaction
        .db
        .prepare_cached("INSERT INTO blob (id, state, size, refs) VALUES (?1, ?2, 0, 0)")?
        .execute(params![new.blob.0.into_bytes(), BLOB_OPEN])?;
    if new.session.is_none() {
        transaction.insert_segment(new.id, new.blob.0, 0, 0, new.location, &[], SEGMENT_WRITING)?;
    }
    if let Some((session, _)) = &new.session {
        // The id begins anew: what it committed earlier is no longer what a commit of it means.
        transaction
            .db
            .prepare_cached("DELETE FROM writer WHERE dialect = ?1 AND scope = ?2 AND session = ?3 AND state = ?4")?
            .execute(params![account.dialect, account.scope, session.into_bytes(), WRITER_DONE])?;
    }
    let opened = match &new.session {
        Some((_, path)) => Some(next_of_path(transaction, path)?),
        None => None,
    };
    let (session, target) = new.session.as_ref().map_or((None, None), |(id, key)| (Some(id), Some(key)));
    transaction
        .db
        .prepare_cached(
            "INSERT INTO writer (id, state, dialect, account, scope, key, session, blob, declared, received, ranges, reserved, touched, opened)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, 0, ?10, ?11, ?12)",
        )?
        .execute(params![
            new.id.into_bytes(),
            WRITER_OPEN,
            account.dialect,
            account.scope,
            target.map(|key| &key.scope),
            target.map(|key| &key.key),
            session.map(|id| id.into_bytes()),
            new.blob.0.into_bytes(),
            new.declared,
            new.reserve,
            transaction.now.as_unix_micros(),
            opened
        ])?;
    Ok(Effect::Reserved(new.reserve))
}

/// Sessions of a path are numbered: the clock may stand still or go back between two of them.
fn next_of_path(transaction: &Transaction<'_>, path: &NameKey) -> rusqlite::Result<u64> {
    transaction
        .db
        .prepare_cached(
            "SELECT coalesce(max(opened), 0) + 1 FROM writer
             WHERE dialect = ?1 AND scope = ?2 AND key = ?3 AND session IS NOT NULL",
        )?
        .query_row(params![path.dialect, path.scope, path.key], |row| row.get(0))
}

pub(super) fn reserve(
    transaction: &Transaction<'_>,
    writer: Uuid,
    least: u64,
    most: u64,
    quota: Option<u64>,
) -> Stepped<Effect> {
    let open = find_open(transaction, writer)?;
    let mut granted = most;
    if let Some(quota) = quota {
        let used = used(transaction, &open.dialect, &open.account)?;
        granted = most.min(quota.saturating_sub(used));
        if granted < least {
            return Err(Refusal::OverQuota { quota, used, wanted: least }.into());
        }
    }
    add_reservation(transaction, &open.dialect, &open.account, granted)?;
    transaction
        .db
        .prepare_cached("UPDATE writer SET reserved = reserved + ?2 WHERE id = ?1")?
        .execute(params![writer.into_bytes(), granted])?;
    Ok(Effect::Reserved(granted))
}

pub(super) fn settle(transaction: &Transaction<'_>, writer: Uuid, reserved: u64) -> Stepped<Effect> {
    let open = find_open(transaction, writer)?;
    let surplus = open.reserved.saturating_sub(reserved);
    transaction
        .db
        .prepare_cached("UPDATE usage SET reserved = reserved - ?3 WHERE dialect = ?1 AND scope = ?2")?
        .execute(params![open.dialect, open.account, surplus])?;
    transaction
        .db
        .prepare_cached("UPDATE writer SET reserved = reserved - ?2 WHERE id = ?1")?
        .execute(params![writer.into_bytes(), surplus])?;
    Ok(Effect::Done)
}

/// Closes an open writer and releases what it reserved.
pub(super) fn end(transaction: &Transaction<'_>, writer: Uuid, state: i64) -> Stepped<BlobId> {
    let open = find_open(transaction, writer)?;
    transaction
        .db
        .prepare_cached("UPDATE usage SET reserved = reserved - ?3 WHERE dialect = ?1 AND scope = ?2")?
        .execute(params![open.dialect, open.account, open.reserved])?;
    transaction
        .db
        .prepare_cached("UPDATE writer SET state = ?2, reserved = 0, ended = ?3 WHERE id = ?1")?
        .execute(params![writer.into_bytes(), state, transaction.now.as_unix_micros()])?;
    Ok(BlobId(open.blob))
}

pub(super) fn abort(transaction: &Transaction<'_>, writer: Uuid) -> Stepped<Effect> {
    match end(transaction, writer, WRITER_DEAD) {
        Ok(blob) => transaction.doom(blob.0)?,
        Err(super::apply::StepError::Refused(Refusal::WriterGone)) => {}
        Err(error) => return Err(error),
    }
    Ok(Effect::Done)
}

pub(super) fn record(
    transaction: &Transaction<'_>,
    writer: Uuid,
    segment: Uuid,
    range: ByteRange,
    checksums: &[u8],
    limit: u64,
) -> Stepped<Effect> {
    let open = find_open(transaction, writer)?;
    if open.ranges >= limit {
        return Err(Refusal::TooManyRanges { limit }.into());
    }
    // Recorded ranges never overlap each other, so only the last one that begins before our end can reach into ours.
    let reaches: Option<u64> = transaction
        .db
        .prepare_cached(
            "SELECT position + length FROM segment WHERE blob = ?1 AND position <= ?2 ORDER BY position DESC LIMIT 1",
        )?
        .query_row(params![open.blob.into_bytes(), range.last], |row| row.get(0))
        .optional()?;
    if reaches.is_some_and(|end| end > range.first) {
        return Err(Refusal::RangeOverlaps { range }.into());
    }
    let location = Location { container: Container::Own(open.blob), offset: range.first };
    transaction.insert_segment(segment, open.blob, range.first, range.len(), location, checksums, SEGMENT_READY)?;
    transaction
        .db
        .prepare_cached("UPDATE writer SET received = received + ?2, ranges = ranges + 1, touched = ?3 WHERE id = ?1")?
        .execute(params![writer.into_bytes(), range.len(), transaction.now.as_unix_micros()])?;
    Ok(Effect::Done)
}

pub(super) fn commit_session(transaction: &Transaction<'_>, writer: Uuid) -> Stepped<Effect> {
    let open = find_open(transaction, writer)?;
    let declared = open.declared.unwrap_or_default();
    if open.received != declared {
        return Err(Refusal::Incomplete { received: open.received, declared }.into());
    }
    let (scope, path): (String, String) = transaction
        .db
        .prepare_cached("SELECT scope, key FROM writer WHERE id = ?1")?
        .query_row([writer.into_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    end(transaction, writer, WRITER_DONE)?;
    transaction.db.prepare_cached("UPDATE blob SET state = ?2, size = ?3 WHERE id = ?1")?.execute(params![
        open.blob.into_bytes(),
        BLOB_READY,
        declared
    ])?;
    let tree = Tree { dialect: open.dialect, scope };
    transaction.share(open.blob, 1)?;
    tree::put(transaction, &tree, &path, Content { blob: Some(BlobId(open.blob)), size: declared }, None)
}

pub(super) fn abort_uploads(transaction: &Transaction<'_>) -> Stepped<Effect> {
    abort_all(
        transaction,
        "SELECT id FROM writer WHERE state = 0 AND session IS NULL AND touched <= ?1 ORDER BY touched LIMIT ?2",
        Timestamp::from_unix_micros(i64::MAX),
        &[],
        u32::MAX,
    )
}

pub(super) fn abort_sessions(transaction: &Transaction<'_>, before: Timestamp, except: &[Uuid]) -> Stepped<Effect> {
    abort_all(
        transaction,
        "SELECT id FROM writer WHERE state = 0 AND session IS NOT NULL AND touched <= ?1 ORDER BY touched LIMIT ?2",
        before,
        except,
        AT_ONCE.saturating_add(u32::try_from(except.len()).unwrap_or(u32::MAX)),
    )
}

fn abort_all(
    transaction: &Transaction<'_>,
    select: &str,
    before: Timestamp,
    except: &[Uuid],
    limit: u32,
) -> Stepped<Effect> {
    let writers: Vec<Uuid> = transaction
        .db
        .prepare_cached(select)?
        .query_map(params![before.as_unix_micros(), limit], id_at_0)?
        .collect::<rusqlite::Result<_>>()?;
    let mut ended = 0;
    for writer in writers.into_iter().filter(|writer| !except.contains(writer)) {
        abort(transaction, writer)?;
        ended += 1;
    }
    Ok(Effect::Deleted(ended))
}

pub(super) fn forget(transaction: &Transaction<'_>, before: Timestamp) -> Stepped<Effect> {
    let gone = transaction
        .db
        .prepare_cached(
            "DELETE FROM writer WHERE id IN
             (SELECT id FROM writer WHERE state <> 0 AND ended <= ?1 ORDER BY ended LIMIT ?2)",
        )?
        .execute(params![before.as_unix_micros(), AT_ONCE])?;
    Ok(Effect::Deleted(gone as u64))
}

pub(super) fn forget_session(transaction: &Transaction<'_>, writer: Uuid) -> Stepped<Effect> {
    let gone = transaction
        .db
        .prepare_cached("DELETE FROM writer WHERE id = ?1 AND state <> 0")?
        .execute([writer.into_bytes()])?;
    Ok(Effect::Deleted(gone as u64))
}
