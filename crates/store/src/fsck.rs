//! Checks a whole store: every row against its bytes, every content against its digest, every counter against what it counts.

use std::{error::Error as _, sync::Arc};

use crate::{
    catalog::BlobRow,
    error::{Fault, ReadError},
    inner::Inner,
    model::{BlobId, NameKey},
    sweep,
};

/// Rows that are read at a time.
const PAGE: u32 = 256;
/// Names of a damaged content that are told; of more only the number is.
const NAMES: usize = 10;

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FsckReport {
    /// Contents that were read.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is wrong, one sentence each; empty when all is well. Damaged content is told with the names that have it.
    pub problems: Vec<String>,
}

/// Reads everything. Nothing is changed.
pub(crate) async fn fsck(inner: &Arc<Inner>) -> Result<FsckReport, Fault> {
    let mut report = FsckReport { problems: inner.catalog.audit().await?, ..FsckReport::default() };
    let mut after = None;
    loop {
        let page = inner.in_time(inner.catalog.blobs(after, PAGE)).await??;
        let Some(last) = page.last() else { return Ok(report) };
        after = Some(last.id);
        let mut damaged = Vec::new();
        for blob in page.iter().filter(|blob| blob.ready) {
            report.blobs += 1;
            report.bytes += blob.size;
            if let Some(wrong) = check(inner, blob).await {
                damaged.push((blob, wrong));
            }
        }
        if damaged.is_empty() {
            continue;
        }
        // This may read every name, once for a page of damage.
        let names = inner.catalog.names_of(damaged.iter().map(|(blob, _)| blob.id).collect()).await?;
        report.problems.extend(damaged.into_iter().map(|(blob, wrong)| describe(blob, &wrong, &names)));
    }
}

/// What is wrong with a content.
async fn check(inner: &Arc<Inner>, blob: &BlobRow) -> Option<String> {
    match sweep::blake3_of(inner, blob).await {
        Ok(found) if blob.blake3.is_none_or(|expected| expected == found) => None,
        Ok(_) => Some("it has another digest than it was stored with".to_owned()),
        // Deleted since the page was read.
        Err(ReadError::Gone) => None,
        Err(ReadError::Damaged { offset }) => Some(format!("the block at {offset} is damaged")),
        Err(error) => {
            let mut told = error.to_string();
            let mut source = error.source();
            while let Some(cause) = source {
                told = format!("{told}: {cause}");
                source = cause.source();
            }
            Some(told)
        }
    }
}

fn describe(blob: &BlobRow, wrong: &str, names: &[(BlobId, NameKey)]) -> String {
    let mut names = names.iter().filter(|(id, _)| *id == blob.id).map(|(_, name)| name.to_string());
    let told: Vec<String> = names.by_ref().take(NAMES).collect();
    let more = match names.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("content of {}{more} ({}, {} bytes): {wrong}", told.join(", "), blob.id, blob.size)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn of_many_names_the_first_are_told() {
        let (id, other) = (BlobId(Uuid::from_u128(1)), BlobId(Uuid::from_u128(2)));
        let blob = BlobRow { id, ready: true, doomed: false, size: 7, blake3: None };
        let name = |id, key: usize| (id, NameKey::new("toy", "files", format!("folder/{key}")));
        let mut names = vec![name(other, 0), name(id, 1)];
        let end = format!(" ({id}, 7 bytes): it is short");
        assert_eq!(describe(&blob, "it is short", &names), format!("content of toy:files:folder/1{end}"));
        names.extend((2..13).map(|key| name(id, key)));
        let told = describe(&blob, "it is short", &names);
        assert!(told.ends_with(&format!(", toy:files:folder/10 and 2 more{end}")), "{told}");
    }
}
