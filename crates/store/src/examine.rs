//! Reading a content as a whole to see what it is: its digests, and which of its blocks are damaged.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt as _;

use crate::{
    catalog::BlobRow,
    digest::{DigestSet, Digests, Hasher},
    error::{Fault, ReadError},
    inner::Inner,
    model::Content,
    reader::Reader,
    segments::BLOCK,
};

/// How long a content that can wait does so before each of its blocks of 1 MiB, as long as others want the processors: they keep nine tenths
/// of one, and a content of 1 GiB takes 20 seconds.
const YIELD: Duration = Duration::from_millis(20);
/// Damaged blocks of one content that are looked for.
const BLOCKS: usize = 16;

/// The digests of bytes that were read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Examined {
    pub(crate) blake3: [u8; 32],
    /// Those that were asked for.
    pub(crate) digests: Digests,
}

impl Examined {
    /// How many of the digests that a row has are those of the bytes, and how many are not.
    pub(crate) fn compare(&self, row: &BlobRow) -> (usize, usize) {
        let found = &self.digests;
        let told = &row.digests;
        let pairs = [
            row.blake3.map(|told| told == self.blake3),
            told.md5.map(|told| found.md5 == Some(told)),
            told.sha256.map(|told| found.sha256 == Some(told)),
            told.sha512.map(|told| found.sha512 == Some(told)),
        ];
        let right = pairs.iter().flatten().filter(|right| **right).count();
        (right, pairs.iter().flatten().count() - right)
    }
}

/// The digests that a row has, besides BLAKE3.
pub(crate) const fn digests_of(row: &BlobRow) -> DigestSet {
    let digests = &row.digests;
    DigestSet { md5: digests.md5.is_some(), sha256: digests.sha256.is_some(), sha512: digests.sha512.is_some() }
}

/// What computes digests, on its way to and from threads that may block.
struct Hashers {
    blake3: blake3::Hasher,
    others: Vec<Hasher>,
}

/// Whether somebody waits for a result.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Haste {
    Waited,
    CanWait,
}

/// Reads a content as a whole, every block checked, and computes its digests.
pub(crate) async fn examine(
    inner: &Arc<Inner>,
    blob: &BlobRow,
    set: DigestSet,
    haste: Haste,
) -> Result<Examined, ReadError> {
    let reader = open(inner, blob).await?;
    let mut blocks = reader.read(0..reader.size())?;
    let others = set.algorithms().map(Hasher::new).collect();
    let mut hashers = Box::new(Hashers { blake3: blake3::Hasher::new(), others });
    while let Some(block) = blocks.next().await {
        let block = block?;
        if haste == Haste::CanWait && inner.works_for_others(1) {
            tokio::time::sleep(YIELD).await;
        }
        let hashed = tokio::task::spawn_blocking(move || {
            hashers.blake3.update(&block);
            for other in &mut hashers.others {
                other.update(&block);
            }
            hashers
        });
        hashers = hashed.await.map_err(|_| Fault::Closed)?;
    }
    let mut digests = Digests::default();
    let Hashers { blake3, others } = *hashers;
    for hasher in others {
        hasher.finish(&mut digests);
    }
    Ok(Examined { blake3: *blake3.finalize().as_bytes(), digests })
}

async fn open(inner: &Arc<Inner>, blob: &BlobRow) -> Result<Reader, ReadError> {
    Reader::open(Arc::clone(inner), Content { blob: Some(blob.id), size: blob.size }).await
}

/// Where the damaged blocks of a content begin, the one at `first` among them; a few of many. Looks at every 1 MiB behind one.
pub(crate) async fn damaged_blocks(inner: &Arc<Inner>, blob: &BlobRow, first: u64) -> Result<Vec<u64>, ReadError> {
    let mut found = vec![first];
    let mut next = first.saturating_add(BLOCK);
    let Ok(reader) = open(inner, blob).await else { return Ok(found) };
    while next < reader.size() && found.len() < BLOCKS {
        let mut blocks = reader.read(next..reader.size())?;
        let damaged = loop {
            match blocks.next().await {
                None => return Ok(found),
                Some(Ok(_)) => {}
                Some(Err(ReadError::Damaged { offset })) => break offset,
                Some(Err(error)) => return Err(error),
            }
        };
        // A block that is read as a part of it is told by its beginning.
        if found.last().is_none_or(|last| *last < damaged) {
            found.push(damaged);
        }
        next = damaged.max(next).saturating_add(BLOCK);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Account, Change, Options, Store, Tree, UploadRequest, sweep};

    #[tokio::test]
    async fn what_can_wait_gives_way_to_readers_and_uploads_and_ends_all_the_same() {
        let store = Store::open(Options::ephemeral()).await.unwrap();
        let tree = Tree::new("toy", "files");
        let request = || UploadRequest::new(Account::new("toy", "files"));
        let others = |own| store.inner.works_for_others(own);
        let mut upload = store.begin(request()).await.unwrap();
        assert!(!others(0));
        upload.push(vec![1; 3 * 1024 * 1024].into()).await.unwrap();
        assert!(others(0), "an upload");
        upload.finish().await.unwrap().commit(Change::new().put_file(&tree, "a")).await.unwrap();
        assert!(!others(0));
        let content = store.file(&tree, "a").await.unwrap().unwrap().content;
        let stalled = store.open_content(content).await.unwrap();
        assert!(others(0) && !others(1), "a reader");
        let row = store.inner.catalog.blob(content.blob.unwrap()).await.unwrap().unwrap();
        let slowly = examine(&store.inner, &row, DigestSet::NONE, Haste::CanWait).await.unwrap();
        assert_eq!(Some(slowly.blake3), stalled.blake3());
        assert_eq!(sweep::fingerprint(&store.inner, Haste::CanWait).await.unwrap(), 0);
    }
}
