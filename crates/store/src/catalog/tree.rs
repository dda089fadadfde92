//! Steps on trees. Every folder row counts the files and bytes below it at any depth, in the same transaction as the files
//! themselves, so that a listing reads one level.

use std::collections::HashSet;

use rusqlite::{OptionalExtension as _, params};
use serde_json::Value;
use uuid::Uuid;

use super::{
    apply::{Stepped, Transaction, signed},
    queries,
};
use crate::{
    change::{Effect, TreeCopy},
    error::Refusal,
    model::{BlobId, Content, FolderEntry, Name, Tree},
};

/// Files that a copy of a folder reads at a time.
const COPY_PAGE: u32 = 1_000;

/// The folder a path lies in; empty for the root, none for the root itself.
pub(super) fn parent(path: &str) -> Option<&str> {
    if path.is_empty() { None } else { Some(path.rsplit_once('/').map_or("", |(parent, _)| parent)) }
}

/// The keys below a folder, as a half-open range in byte order.
pub(super) fn below(folder: &str) -> (String, String) {
    if folder.is_empty() {
        (String::new(), char::MAX.to_string())
    } else {
        // '0' is the character behind '/'.
        (format!("{folder}/"), format!("{folder}0"))
    }
}

/// Whether `path` is `folder` or lies below it, by whole segments.
fn is_within(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Adds to the counters of every folder above `path`. A folder that holds nothing any more goes.
pub(super) fn count(transaction: &Transaction<'_>, tree: &Tree, path: &str, files: i64, bytes: i64) {
    let mut at = parent(path);
    while let Some(folder) = at {
        transaction.ledger.add_below(tree, folder, files, bytes);
        at = parent(folder);
    }
}

/// The counters of a folder as they are after everything so far.
fn folder(transaction: &Transaction<'_>, tree: &Tree, path: &str) -> rusqlite::Result<Option<FolderEntry>> {
    transaction.ledger.write_folders()?;
    queries::folder(transaction.db, tree, path)
}

/// A path in reach of no limit of its own: a copy to a long path makes longer ones.
fn check_length(path: &str) -> Result<(), Refusal> {
    let (bytes, segments) = (path.len(), path.split('/').count());
    if bytes > Tree::MAX_PATH_BYTES || segments > Tree::MAX_PATH_SEGMENTS {
        return Err(Refusal::PathTooLong { bytes, segments });
    }
    Ok(())
}

pub(super) fn put_uploaded(transaction: &Transaction<'_>, tree: &Tree, path: &str) -> Stepped<Effect> {
    let Some(uploaded) = transaction.uploaded.first().and_then(Option::as_ref) else {
        return put(transaction, tree, path, Content::EMPTY, None);
    };
    transaction.name_uploaded(uploaded)?;
    let content = Content { blob: Some(BlobId(uploaded.blob)), size: uploaded.size };
    put(transaction, tree, path, content, uploaded.account.quota)
}

/// Puts content that counts this name already at a path.
pub(super) fn put(
    transaction: &Transaction<'_>,
    tree: &Tree,
    path: &str,
    content: Content,
    quota: Option<u64>,
) -> Stepped<Effect> {
    check_length(path)?;
    let version = transaction.ledger.next_version();
    let now = transaction.now.as_unix_micros();
    let blob = content.blob.map(|blob| blob.0.into_bytes());
    let (mut born, mut created) = (version, transaction.now);
    // Most paths are new, so that is tried before anybody looks.
    let is_new = transaction
        .db
        .prepare_cached(
            "INSERT INTO name (dialect, scope, key, parent, blob, size, account, status, version, born, created, modified, attributes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?2, '', ?7, ?7, ?8, ?8, 'null') ON CONFLICT (dialect, scope, key) DO NOTHING",
        )?
        .execute(params![tree.dialect, tree.scope, path, parent(path), blob, content.size, version, now])?
        > 0;
    if is_new {
        transaction.ledger.add_name();
        count(transaction, tree, path, 1, signed(content.size));
    } else if let Some(old) = queries::name(transaction.db, &tree.name(path))? {
        (born, created) = (old.born, old.created);
        let old = old.content.unwrap_or(Content::EMPTY);
        forget_content(transaction, tree, old)?;
        count(transaction, tree, path, 0, signed(content.size) - signed(old.size));
        transaction
            .db
            .prepare_cached(
                "UPDATE name SET blob = ?4, size = ?5, version = ?6, modified = ?7 WHERE dialect = ?1 AND scope = ?2 AND key = ?3",
            )?
            .execute(params![tree.dialect, tree.scope, path, blob, content.size, version, now])?;
    }
    transaction.charge(&tree.dialect, &tree.scope, content.size, quota)?;
    Ok(Effect::Name(Box::new(Name {
        key: tree.name(path),
        status: String::new(),
        owner: None,
        attributes: Value::Null,
        content: Some(content),
        version,
        born,
        created,
        modified: transaction.now,
        open_writer: false,
    })))
}

fn file(transaction: &Transaction<'_>, tree: &Tree, path: &str) -> rusqlite::Result<Option<Content>> {
    transaction
        .db
        .prepare_cached("SELECT blob, size FROM name WHERE dialect = ?1 AND scope = ?2 AND key = ?3")?
        .query_row(params![tree.dialect, tree.scope, path], |row| content(row, 0))
        .optional()
}

fn content(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Content> {
    let blob = row.get::<_, Option<[u8; 16]>>(first)?.map(|id| BlobId(Uuid::from_bytes(id)));
    Ok(Content { blob, size: row.get(first + 1)? })
}

fn forget_content(transaction: &Transaction<'_>, tree: &Tree, content: Content) -> Stepped<()> {
    if let Some(blob) = content.blob {
        transaction.release(blob.0, 1)?;
    }
    transaction.refund(&tree.dialect, &tree.scope, content.size);
    Ok(())
}

/// Deletes the file and the folder of a path; says how many files went.
pub(super) fn delete(transaction: &Transaction<'_>, tree: &Tree, path: &str) -> Stepped<u64> {
    let mut deleted = 0;
    if let Some(old) = file(transaction, tree, path)? {
        forget_content(transaction, tree, old)?;
        transaction
            .db
            .prepare_cached("DELETE FROM name WHERE dialect = ?1 AND scope = ?2 AND key = ?3")?
            .execute(params![tree.dialect, tree.scope, path])?;
        count(transaction, tree, path, -1, -signed(old.size));
        deleted += 1;
    }
    Ok(deleted + delete_folder(transaction, tree, path)?)
}

fn delete_folder(transaction: &Transaction<'_>, tree: &Tree, path: &str) -> Stepped<u64> {
    let Some(folder) = folder(transaction, tree, path)? else { return Ok(0) };
    let (low, high) = below(path);
    let shared: Vec<(Uuid, u64)> = transaction
        .db
        .prepare_cached(
            "SELECT blob, count(*) FROM name WHERE dialect = ?1 AND scope = ?2 AND key >= ?3 AND key < ?4 AND blob IS NOT NULL
             GROUP BY blob ORDER BY blob",
        )?
        .query_map(params![tree.dialect, tree.scope, low, high], |row| {
            Ok((Uuid::from_bytes(row.get(0)?), row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    for (blob, names) in shared {
        transaction.release(blob, names)?;
    }
    transaction
        .db
        .prepare_cached("DELETE FROM name WHERE dialect = ?1 AND scope = ?2 AND key >= ?3 AND key < ?4")?
        .execute(params![tree.dialect, tree.scope, low, high])?;
    // With both in one condition the database would go through every folder of the tree.
    transaction
        .db
        .prepare_cached("DELETE FROM folder WHERE dialect = ?1 AND scope = ?2 AND path = ?3")?
        .execute(params![tree.dialect, tree.scope, path])?;
    transaction
        .db
        .prepare_cached("DELETE FROM folder WHERE dialect = ?1 AND scope = ?2 AND path >= ?3 AND path < ?4")?
        .execute(params![tree.dialect, tree.scope, low, high])?;
    count(transaction, tree, path, -signed(folder.files), -signed(folder.bytes));
    transaction.refund(&tree.dialect, &tree.scope, folder.bytes);
    Ok(folder.files)
}

/// Copies a file, a folder, or both when both have the name; says how many files were written.
pub(super) fn copy(transaction: &Transaction<'_>, copy: &TreeCopy) -> Stepped<u64> {
    if is_within(&copy.from, &copy.to) || is_within(&copy.to, &copy.from) {
        return Err(Refusal::Overlap { from: copy.from.clone(), to: copy.to.clone() }.into());
    }
    let source = file(transaction, &copy.tree, &copy.from)?;
    let folder = folder(transaction, &copy.tree, &copy.from)?;
    if source.is_none() && folder.is_none() {
        return Err(Refusal::SourceMissing { path: copy.from.clone() }.into());
    }
    let mut written = 0;
    if folder.is_some() {
        check_mark(transaction, copy)?;
    }
    if let Some(content) = source {
        put_shared(transaction, copy, &copy.to, content)?;
        written += 1;
    }
    if folder.is_some() {
        delete_folder(transaction, &copy.tree, &copy.to)?;
        written += copy_files(transaction, copy)?;
        if let Some(mark) = &copy.mark {
            put(transaction, &copy.tree, &format!("{}/{mark}", copy.to), Content::EMPTY, None)?;
            written += 1;
        }
    }
    Ok(written)
}

fn check_mark(transaction: &Transaction<'_>, copy: &TreeCopy) -> Stepped<()> {
    let Some(mark) = copy.mark.as_ref().filter(|_| copy.require_mark) else { return Ok(()) };
    if file(transaction, &copy.tree, &format!("{}/{mark}", copy.from))?.is_none() {
        return Err(Refusal::MarkMissing { path: copy.from.clone(), mark: mark.clone() }.into());
    }
    Ok(())
}

fn put_shared(transaction: &Transaction<'_>, copy: &TreeCopy, to: &str, content: Content) -> Stepped<()> {
    if let Some(blob) = content.blob {
        transaction.share(blob.0, 1)?;
    }
    put(transaction, &copy.tree, to, content, copy.quota)?;
    Ok(())
}

fn copy_files(transaction: &Transaction<'_>, copy: &TreeCopy) -> Stepped<u64> {
    let skip: HashSet<String> = copy.skip.iter().map(|name| name.to_lowercase()).collect();
    let top_mark = copy.mark.as_ref().map(|mark| format!("{}/{mark}", copy.from));
    let (mut low, high) = below(&copy.from);
    let mut written = 0;
    loop {
        let page = files_below(transaction, &copy.tree, &low, &high)?;
        let Some((last, _)) = page.last() else { return Ok(written) };
        low = format!("{last}\0");
        for (path, content) in &page {
            let bare = path.rsplit_once('/').map_or(path.as_str(), |(_, bare)| bare);
            if top_mark.as_ref() == Some(path) || skip.contains(&bare.to_lowercase()) {
                continue;
            }
            let to = format!("{}{}", copy.to, &path[copy.from.len()..]);
            put_shared(transaction, copy, &to, *content)?;
            written += 1;
        }
    }
}

fn files_below(
    transaction: &Transaction<'_>,
    tree: &Tree,
    low: &str,
    high: &str,
) -> rusqlite::Result<Vec<(String, Content)>> {
    transaction
        .db
        .prepare_cached(
            "SELECT key, blob, size FROM name WHERE dialect = ?1 AND scope = ?2 AND key >= ?3 AND key < ?4 ORDER BY key LIMIT ?5",
        )?
        .query_map(params![tree.dialect, tree.scope, low, high, COPY_PAGE], |row| Ok((row.get(0)?, content(row, 1)?)))?
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_segments_lie_within_a_folder() {
        assert!(is_within("App", "App"));
        assert!(is_within("App/x", "App"));
        assert!(!is_within("App2", "App"));
        assert!(!is_within("App", "App/x"));
        assert!(is_within("anything", ""));
    }

    #[test]
    fn parents_end_at_the_root() {
        assert_eq!(parent("a/b/c"), Some("a/b"));
        assert_eq!(parent("a"), Some(""));
        assert_eq!(parent(""), None);
    }
}
