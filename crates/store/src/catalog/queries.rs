//! Reads: from the reading connections, and inside transactions.

use std::ops::Range;

use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter, types::Value as Sql};
use uuid::Uuid;

use super::{
    BlobRow, Counts, PackRow, SegmentRow, SessionRow,
    schema::{BLOB_DOOMED, BLOB_READY, SEGMENT_READY, WRITER_DEAD},
    tree,
};
use crate::{
    clock::Timestamp,
    digest::Digests,
    model::{BlobId, Content, FileEntry, FolderEntry, Level, ListQuery, Name, NameKey, Order, Tree, Usage},
    segments::{Container, Location},
};

type Rows<T> = rusqlite::Result<Vec<T>>;

pub(super) const NAME_COLUMNS: &str = "key, status, owner, attributes, blob, size, version, born, created, modified";

/// One row of counters; sessions and damaged contents are counted in indexes that hold nothing else, the former as short as their limit.
const COUNTS: &str = "SELECT names, contents, bytes, doomed, doomed_bytes,
    (SELECT count(*) FROM writer INDEXED BY writer_open WHERE state = 0 AND session IS NOT NULL),
    (SELECT count(*) FROM writer INDEXED BY writer_touched WHERE state = 0 AND session IS NOT NULL AND touched <= ?1),
    (SELECT count(*) FROM blob INDEXED BY blob_damaged WHERE damaged IS NOT NULL AND state = 1) FROM store";

pub(super) fn name_of(row: &Row<'_>, dialect: &str, scope: &str) -> rusqlite::Result<Name> {
    Ok(Name {
        key: NameKey { dialect: dialect.to_owned(), scope: scope.to_owned(), key: row.get(0)? },
        status: row.get(1)?,
        owner: row.get(2)?,
        attributes: serde_json::from_str(row.get_ref(3)?.as_str()?)
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Text, error.into()))?,
        content: optional_content(row, 4)?,
        version: row.get(6)?,
        born: row.get(7)?,
        created: Timestamp::from_unix_micros(row.get(8)?),
        modified: Timestamp::from_unix_micros(row.get(9)?),
        open_writer: false,
    })
}

fn optional_content(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Content>> {
    let blob = row.get::<_, Option<[u8; 16]>>(first)?.map(|id| BlobId(Uuid::from_bytes(id)));
    Ok(row.get::<_, Option<u64>>(first + 1)?.map(|size| Content { blob, size }))
}

pub(super) fn name(db: &Connection, key: &NameKey) -> rusqlite::Result<Option<Name>> {
    db.prepare_cached(
        "SELECT key, status, owner, attributes, blob, size, version, born, created, modified FROM name
         WHERE dialect = ?1 AND scope = ?2 AND key = ?3",
    )?
    .query_row(params![key.dialect, key.scope, key.key], |row| name_of(row, &key.dialect, &key.scope))
    .optional()
}

pub(super) fn is_buried(db: &Connection, key: &NameKey) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT EXISTS (SELECT 1 FROM tombstone WHERE dialect = ?1 AND scope = ?2 AND key = ?3)")?
        .query_row(params![key.dialect, key.scope, key.key], |row| row.get(0))
}

pub(super) fn names(db: &Connection, query: &ListQuery) -> Rows<Name> {
    let (sql, values) = select_names(query);
    db.prepare_cached(&sql)?
        .query_map(params_from_iter(values), |row| name_of(row, &query.dialect, &query.scope))?
        .collect()
}

pub(super) fn select_names(query: &ListQuery) -> (String, Vec<Sql>) {
    let mut sql = format!("SELECT {NAME_COLUMNS} FROM name WHERE dialect = ? AND scope = ?");
    let mut values: Vec<Sql> = vec![query.dialect.clone().into(), query.scope.clone().into()];
    if let Some(owner) = &query.owner {
        sql.push_str(" AND owner = ?");
        values.push(owner.clone().into());
    }
    if let Some(status) = &query.status {
        // The index by status has no use for the other orders: the plus sign keeps it from being taken, and everything from being sorted.
        let indexed = query.order == Order::LongestUnchanged;
        sql.push_str(if indexed { " AND status = ?" } else { " AND +status = ?" });
        values.push(status.clone().into());
    }
    if let Some(before) = query.modified_before {
        sql.push_str(" AND modified < ?");
        values.push(before.as_unix_micros().into());
    }
    let position: [Sql; 2] = [query.dialect.clone().into(), query.scope.clone().into()];
    match (query.order, &query.after) {
        (Order::Key, None) => sql.push_str(" ORDER BY key"),
        (Order::Key, Some(after)) => {
            sql.push_str(" AND key > ? ORDER BY key");
            values.push(after.clone().into());
        }
        (Order::NewestFirst, None) => sql.push_str(" AND parent IS NULL ORDER BY created DESC, key DESC"),
        (Order::NewestFirst, Some(after)) => {
            sql.push_str(
                " AND parent IS NULL AND (created, key) < (SELECT created, key FROM name WHERE dialect = ? AND scope = ? AND key = ?)
                 ORDER BY created DESC, key DESC",
            );
            values.extend(position.into_iter().chain([after.clone().into()]));
        }
        (Order::LongestUnchanged, None) => sql.push_str(" AND parent IS NULL ORDER BY modified, key"),
        (Order::LongestUnchanged, Some(after)) => {
            sql.push_str(
                " AND parent IS NULL AND (modified, key) > (SELECT modified, key FROM name WHERE dialect = ? AND scope = ? AND key = ?)
                 ORDER BY modified, key",
            );
            values.extend(position.into_iter().chain([after.clone().into()]));
        }
    }
    sql.push_str(" LIMIT ?");
    values.push(i64::try_from(query.limit).unwrap_or(i64::MAX).into());
    (sql, values)
}

pub(super) fn counts(db: &Connection, expired: Timestamp) -> rusqlite::Result<Counts> {
    db.prepare_cached(COUNTS)?.query_row([expired.as_unix_micros()], |row| {
        Ok(Counts {
            names: row.get(0)?,
            contents: row.get(1)?,
            bytes: row.get(2)?,
            doomed: row.get(3)?,
            doomed_bytes: row.get(4)?,
            open_sessions: row.get(5)?,
            expired_sessions: row.get(6)?,
            damaged: row.get(7)?,
        })
    })
}

pub(super) fn usage(db: &Connection, dialect: &str, scope: &str) -> rusqlite::Result<Usage> {
    db.prepare_cached("SELECT bytes, reserved FROM usage WHERE dialect = ?1 AND scope = ?2")?
        .query_row(params![dialect, scope], |row| Ok(Usage { bytes: row.get(0)?, reserved: row.get(1)? }))
        .optional()
        .map(Option::unwrap_or_default)
}

pub(super) fn folder(db: &Connection, tree: &Tree, path: &str) -> rusqlite::Result<Option<FolderEntry>> {
    db.prepare_cached("SELECT path, files, bytes FROM folder WHERE dialect = ?1 AND scope = ?2 AND path = ?3")?
        .query_row(params![tree.dialect, tree.scope, path], folder_of)
        .optional()
}

fn folder_of(row: &Row<'_>) -> rusqlite::Result<FolderEntry> {
    Ok(FolderEntry { path: row.get(0)?, files: row.get(1)?, bytes: row.get(2)? })
}

pub(super) fn level(db: &Connection, tree: &Tree, path: &str) -> rusqlite::Result<Level> {
    let file = name(db, &tree.name(path))?.and_then(|name| {
        let content = name.content?;
        Some(FileEntry { path: name.key.key, version: name.version, modified: name.modified, content })
    });
    let mut folder = folder(db, tree, path)?;
    if folder.is_none() && path.is_empty() {
        folder = Some(FolderEntry { path: String::new(), files: 0, bytes: 0 });
    }
    let folders: Vec<_> = db
        .prepare_cached(
            // By itself the database would go by the primary key, through every folder of the tree.
            "SELECT path, files, bytes FROM folder INDEXED BY folder_level
             WHERE dialect = ?1 AND scope = ?2 AND parent = ?3 ORDER BY path",
        )?
        .query_map(params![tree.dialect, tree.scope, path], folder_of)?
        .collect::<rusqlite::Result<_>>()?;
    let files = files_directly_below(db, tree, path, &folders)?;
    Ok(Level { file, folder, files, folders })
}

/// The files between the folders: everything below a folder lies in one stretch of keys, which is left out. An index of its own for that
/// would cost each upload more than a listing gains by it.
fn files_directly_below(db: &Connection, of: &Tree, path: &str, folders: &[FolderEntry]) -> Rows<FileEntry> {
    let mut find = db.prepare_cached(
        "SELECT key, version, modified, blob, size FROM name
         WHERE dialect = ?1 AND scope = ?2 AND key >= ?3 AND key < ?4 AND parent = ?5 ORDER BY key",
    )?;
    let mut left_out: Vec<_> = folders.iter().map(|folder| tree::below(&folder.path)).collect();
    // `a-b/` comes before `a/`, though `a` comes before `a-b`.
    left_out.sort_unstable();
    let (mut low, end) = tree::below(path);
    let mut files = Vec::new();
    for (high, next) in left_out.into_iter().chain([(end, String::new())]) {
        let found = find.query_map(params![of.dialect, of.scope, low, high, path], |row| {
            Ok(FileEntry {
                path: row.get(0)?,
                version: row.get(1)?,
                modified: Timestamp::from_unix_micros(row.get(2)?),
                content: optional_content(row, 3)?.unwrap_or(Content::EMPTY),
            })
        })?;
        for file in found {
            files.push(file?);
        }
        low = next;
    }
    Ok(files)
}

/// What [`blob_of`] reads.
const BLOB_COLUMNS: &str = "id, state, size, blake3, damaged IS NOT NULL, md5, sha256, sha512";

fn blob_of(row: &Row<'_>) -> rusqlite::Result<BlobRow> {
    let state: i64 = row.get(1)?;
    Ok(BlobRow {
        id: BlobId(Uuid::from_bytes(row.get(0)?)),
        ready: state == BLOB_READY,
        doomed: state == BLOB_DOOMED,
        size: row.get(2)?,
        blake3: row.get(3)?,
        damaged: row.get(4)?,
        digests: Digests { md5: row.get(5)?, sha256: row.get(6)?, sha512: row.get(7)? },
    })
}

pub(super) fn blob(db: &Connection, id: BlobId) -> rusqlite::Result<Option<BlobRow>> {
    db.prepare_cached(&format!("SELECT {BLOB_COLUMNS} FROM blob WHERE id = ?1"))?
        .query_row([id.0.into_bytes()], blob_of)
        .optional()
}

/// Which blobs a page is about.
#[derive(Clone, Copy)]
pub(super) enum Which {
    All,
    Doomed,
    Unknown,
}

pub(super) fn blobs(db: &Connection, which: Which, after: Option<BlobId>, limit: u32) -> Rows<BlobRow> {
    let condition = match which {
        Which::All => "",
        // A blob whose writer is still open is not final; its writer ends first.
        Which::Doomed => "state = 2 AND",
        Which::Unknown => "state = 1 AND blake3 IS NULL AND",
    };
    let sql = select_blobs(condition);
    let after: Vec<u8> = after.map_or_else(Vec::new, |id| id.0.into_bytes().to_vec());
    db.prepare_cached(&sql)?.query_map(params![after, limit], blob_of)?.collect()
}

pub(super) fn select_blobs(condition: &str) -> String {
    format!("SELECT {BLOB_COLUMNS} FROM blob WHERE {condition} id > ?1 ORDER BY id LIMIT ?2")
}

pub(super) fn segments(db: &Connection, blob: BlobId, from: u64, limit: u32) -> Rows<SegmentRow> {
    // Segments do not overlap: the one that holds `from` is the last that begins at or before it.
    db.prepare_cached(
        "SELECT position, length, packed, container, offset, checksums FROM segment
         WHERE blob = ?1 AND state = ?4 AND position >= coalesce(
             (SELECT max(position) FROM segment WHERE blob = ?1 AND position <= ?2), 0)
         ORDER BY position LIMIT ?3",
    )?
    .query_map(params![blob.0.into_bytes(), from, limit, SEGMENT_READY], |row| {
        let container = Uuid::from_bytes(row.get(3)?);
        let container = if row.get(2)? { Container::Pack(container) } else { Container::Own(container) };
        Ok(SegmentRow {
            position: row.get(0)?,
            length: row.get(1)?,
            location: Location { container, offset: row.get(4)? },
            checksums: row.get::<_, Vec<u8>>(5)?.into(),
        })
    })?
    .collect()
}

fn session_of(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    Ok(SessionRow {
        writer: Uuid::from_bytes(row.get(0)?),
        session: Uuid::from_bytes(row.get(1)?),
        path: row.get(2)?,
        blob: BlobId(Uuid::from_bytes(row.get(3)?)),
        committed: row.get::<_, Option<i64>>(4)?.map(Timestamp::from_unix_micros),
        total: row.get::<_, Option<u64>>(5)?.unwrap_or_default(),
        received: row.get(6)?,
        ranges: row.get(7)?,
        touched: Timestamp::from_unix_micros(row.get(8)?),
    })
}

pub(super) fn session(db: &Connection, tree: &Tree, id: Uuid) -> rusqlite::Result<Option<SessionRow>> {
    db.prepare_cached(
        "SELECT id, session, key, blob, ended, declared, received, ranges, touched FROM writer
         WHERE dialect = ?1 AND scope = ?2 AND session = ?3 AND state <> ?4 ORDER BY state, ended DESC LIMIT 1",
    )?
    .query_row(params![tree.dialect, tree.scope, id.into_bytes(), WRITER_DEAD], session_of)
    .optional()
}

pub(super) fn sessions_at(db: &Connection, tree: &Tree, path: &str) -> Rows<SessionRow> {
    db.prepare_cached(
        "SELECT id, session, key, blob, ended, declared, received, ranges, touched FROM writer
         WHERE dialect = ?1 AND scope = ?2 AND key = ?3 AND state <> ?4 AND session IS NOT NULL ORDER BY opened",
    )?
    .query_map(params![tree.dialect, tree.scope, path, WRITER_DEAD], session_of)?
    .collect()
}

pub(super) fn knows(db: &Connection, container: Container) -> rusqlite::Result<bool> {
    let sql = match container {
        Container::Pack(_) => "SELECT EXISTS (SELECT 1 FROM segment WHERE container = ?1 AND packed = 1)",
        // Bytes that took the place of damaged ones lie under the id that they came with.
        Container::Own(_) => {
            "SELECT EXISTS (SELECT 1 FROM blob WHERE id = ?1)
             OR EXISTS (SELECT 1 FROM segment WHERE container = ?1 AND packed = 0 AND container <> blob)"
        }
    };
    db.prepare_cached(sql)?.query_row([container.id().into_bytes()], |row| row.get(0))
}

pub(super) fn pack_end(db: &Connection, pack: Uuid) -> rusqlite::Result<Option<u64>> {
    db.prepare_cached(
        "SELECT offset + length FROM segment WHERE container = ?1 AND packed = 1 ORDER BY offset DESC LIMIT 1",
    )?
    .query_row([pack.into_bytes()], |row| row.get(0))
    .optional()
}

pub(super) fn gaps(db: &Connection, pack: Uuid, from: u64, least: u64, limit: usize) -> Rows<Range<u64>> {
    let mut segments = db.prepare_cached(
        "SELECT offset, length FROM segment WHERE container = ?1 AND packed = 1 AND offset >= ?2 ORDER BY offset",
    )?;
    let mut segments = segments.query(params![pack.into_bytes(), from])?;
    let mut gaps = Vec::new();
    let mut named = from;
    while gaps.len() < limit
        && let Some(segment) = segments.next()?
    {
        let (offset, length): (u64, u64) = (segment.get(0)?, segment.get(1)?);
        if offset >= named + least {
            gaps.push(named..offset);
        }
        named = offset + length;
    }
    Ok(gaps)
}

/// Whether a large content has the size and the block checksums of a body, so that their bytes are probably equal.
pub(super) fn is_alike(db: &Connection, size: u64, checksums: &[u8]) -> rusqlite::Result<bool> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM blob INDEXED BY blob_size JOIN segment ON segment.blob = blob.id AND segment.position = 0
         WHERE blob.size = ?1 AND blob.size > 262144 AND blob.state = 1 AND segment.checksums = ?2)",
    )?
    .query_row(params![size, checksums], |row| row.get(0))
}

/// Other ready contents that have the same bytes as far as digests tell. Without an index, except by BLAKE3.
pub(super) fn equals(db: &Connection, blob: &BlobRow) -> Rows<BlobRow> {
    let digests = &blob.digests;
    let (condition, digest) = match (blob.blake3, digests.sha512, digests.sha256, digests.md5) {
        (Some(blake3), ..) => ("blake3", blake3.to_vec()),
        (None, Some(sha512), ..) => ("sha512", sha512.to_vec()),
        (None, None, Some(sha256), _) => ("sha256", sha256.to_vec()),
        (None, None, None, Some(md5)) => ("md5", md5.to_vec()),
        (None, None, None, None) => return Ok(Vec::new()),
    };
    let sql = format!(
        "SELECT {BLOB_COLUMNS} FROM blob WHERE {condition} = ?1 AND size = ?2 AND state = ?3 AND id <> ?4 ORDER BY id"
    );
    db.prepare(&sql)?.query_map(params![digest, blob.size, BLOB_READY, blob.id.0.into_bytes()], blob_of)?.collect()
}

/// Packs that rows name, with the bytes that are still theirs. Reads an index as a whole.
pub(super) fn packs(db: &Connection) -> Rows<PackRow> {
    db.prepare("SELECT container, count(*), sum(length), max(offset + length) FROM segment WHERE packed = 1 GROUP BY container")?
        .query_map([], |row| {
            let id = Uuid::from_bytes(row.get(0)?);
            Ok(PackRow { id, contents: row.get(1)?, bytes: row.get(2)?, end: row.get(3)? })
        })?
        .collect()
}

/// Sessions whose last chunk came at `before` or earlier, the oldest first.
pub(super) fn expired(db: &Connection, before: Timestamp) -> Rows<SessionRow> {
    db.prepare_cached(
        "SELECT id, session, key, blob, ended, declared, received, ranges, touched FROM writer
         WHERE state = 0 AND session IS NOT NULL AND touched <= ?1 ORDER BY touched",
    )?
    .query_map([before.as_unix_micros()], session_of)?
    .collect()
}

pub(super) fn names_of(db: &Connection, blobs: &[BlobId]) -> Rows<(BlobId, NameKey)> {
    let places = vec!["?"; blobs.len()].join(", ");
    db.prepare(&format!(
        "SELECT blob, dialect, scope, key FROM name WHERE blob IN ({places}) ORDER BY blob, dialect, scope, key"
    ))?
    .query_map(params_from_iter(blobs.iter().map(|blob| blob.0.into_bytes())), |row| {
        let key = NameKey { dialect: row.get(1)?, scope: row.get(2)?, key: row.get(3)? };
        Ok((BlobId(Uuid::from_bytes(row.get(0)?)), key))
    })?
    .collect()
}
