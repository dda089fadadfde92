//! Steps on contents that are damaged: they are marked, their names get an equal content, or equal bytes take the place of theirs.

use rusqlite::params;
use uuid::Uuid;

use super::{
    apply::{Stepped, Transaction},
    schema::{BLOB_DOOMED, BLOB_READY},
};
use crate::{change::Effect, digest::Digests, error::Refusal, model::BlobId, segments::Container};

/// Remembers that a content is damaged, or that it is not; with a container only while its bytes lie there.
pub(super) fn mark(
    transaction: &Transaction<'_>,
    blob: BlobId,
    damaged: bool,
    container: Option<Container>,
) -> Stepped<Effect> {
    let since = damaged.then(|| transaction.now.as_unix_micros());
    transaction
        .db
        .prepare_cached(
            "UPDATE blob SET damaged = CASE WHEN ?2 IS NOT NULL THEN coalesce(damaged, ?2) END WHERE id = ?1 AND state = ?3
             AND (?4 IS NULL OR EXISTS (SELECT 1 FROM segment WHERE blob = ?1 AND container = ?4))",
        )?
        .execute(params![
            blob.0.into_bytes(),
            since,
            BLOB_READY,
            container.map(|container| container.id().into_bytes())
        ])?;
    Ok(Effect::Done)
}

/// Writes the digests that the bytes have.
pub(super) fn digest_anew(
    transaction: &Transaction<'_>,
    blob: BlobId,
    blake3: &[u8; 32],
    digests: &Digests,
) -> Stepped<Effect> {
    transaction
        .db
        .prepare_cached(
            "UPDATE blob SET blake3 = ?2, md5 = ?3, sha256 = ?4, sha512 = ?5, damaged = NULL WHERE id = ?1",
        )?
        .execute(params![
            blob.0.into_bytes(),
            blake3,
            digests.md5,
            digests.sha256,
            digests.sha512.as_ref().map(|digest| &digest[..])
        ])?;
    Ok(Effect::Done)
}

/// Gives the names of one content to another one; says how many. Without an index: for repairs.
pub(super) fn relink(transaction: &Transaction<'_>, from: BlobId, to: BlobId) -> Stepped<Effect> {
    let names = transaction
        .db
        .execute("UPDATE name SET blob = ?2 WHERE blob = ?1", params![from.0.into_bytes(), to.0.into_bytes()])?
        as u64;
    if names > 0 {
        transaction.share(to.0, names)?;
    }
    transaction
        .db
        .prepare_cached("UPDATE blob SET refs = 0, state = ?2, damaged = NULL WHERE id = ?1")?
        .execute(params![from.0.into_bytes(), BLOB_DOOMED])?;
    Ok(Effect::Copied(names))
}

/// Gives the bytes of the content `sound` to the damaged one, and the damaged bytes to `sound`, which is doomed with them. Nothing about
/// names changes: whoever has the damaged content has the bytes that just came.
pub(super) fn take_the_place(transaction: &Transaction<'_>, damaged: Uuid, sound: Uuid) -> Stepped<()> {
    // No blob has this id: what was swapped waits under it.
    let nobody: &[u8] = &[];
    let mut hand_over = transaction.db.prepare_cached("UPDATE segment SET blob = ?2 WHERE blob = ?1")?;
    let (damaged, sound) = (damaged.into_bytes(), sound.into_bytes());
    hand_over.execute(params![damaged, nobody])?;
    if hand_over.execute(params![sound, damaged])? == 0 {
        return Err(Refusal::ContentGone.into());
    }
    hand_over.execute(params![nobody, sound])?;
    transaction.db.prepare_cached("UPDATE blob SET damaged = NULL WHERE id = ?1")?.execute([damaged])?;
    transaction.db.prepare_cached("UPDATE blob SET state = ?2 WHERE id = ?1")?.execute(params![sound, BLOB_DOOMED])?;
    Ok(())
}
