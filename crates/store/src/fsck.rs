//! Checks a whole store: every row against its bytes, every content against its digest, every counter against what it counts.

use std::sync::Arc;

use crate::{
    error::{Fault, ReadError},
    inner::Inner,
    sweep,
};

/// Rows that are read at a time.
const PAGE: u32 = 256;

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FsckReport {
    /// Contents that were read.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is wrong, one sentence each; empty when all is well.
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
        for blob in page.iter().filter(|blob| blob.ready) {
            report.blobs += 1;
            report.bytes += blob.size;
            match sweep::blake3_of(inner, blob).await {
                Ok(found) if blob.blake3.is_none_or(|expected| expected == found) => {}
                Ok(_) => {
                    report.problems.push(format!("content {} has another digest than it was stored with", blob.id));
                }
                // Deleted since the page was read.
                Err(ReadError::Gone) => {}
                Err(error) => report.problems.push(format!("content {} of {} bytes: {error}", blob.id, blob.size)),
            }
        }
    }
}
