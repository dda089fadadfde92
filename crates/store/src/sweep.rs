//! What happens in the background, in small batches and never in a request: freeing what is doomed, ending what the clock has ended,
//! and computing the BLAKE3 of bodies that came out of order.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use uuid::Uuid;

use crate::{
    catalog::BlobRow,
    change::{Applied, Change, DONE_WRITERS_STAY, Effect, Step},
    clock::Timestamp,
    digest::DigestSet,
    error::{ChangeError, Fault, ReadError},
    examine::{Examined, Haste, examine},
    inner::{Inner, lock},
    litter,
    model::BlobId,
    segments::{Container, Location},
    session,
};

/// Blobs, and segments of a blob, that are freed at a time.
const BATCH: u32 = 64;

/// After news of litter the sweep waits so long, so that what is released together is freed together.
const PAUSE: Duration = Duration::from_millis(250);

/// How often the space in packs is asked for, which reads an index as a whole.
const LOOK_AT_PACKS: Duration = Duration::from_hours(1);

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Contents freed.
    pub blobs: u64,
    /// Their bytes; of an upload that did not end, what its file took of the disk.
    pub bytes: u64,
}

/// Something that a sweep would free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Garbage {
    /// The content.
    pub blob: BlobId,
    /// Its size; for an upload that did not end, what its file takes of the disk.
    pub size: u64,
    /// Somebody reads it, so that it stays for now.
    pub pinned: bool,
}

/// Goes on after a failure, and remembers the first one: what cannot be freed must not keep the rest.
#[derive(Default)]
struct Failures(Option<Fault>);

impl Failures {
    /// Fails at once when the engine does not answer at all: everything that follows would wait as long again.
    fn note(&mut self, fault: Fault) -> Result<(), Fault> {
        if matches!(fault, Fault::Deadline { .. } | Fault::Closed) {
            return Err(fault);
        }
        tracing::warn!(%fault, "something could not be cleaned up; it is tried again later");
        self.0.get_or_insert(fault);
        Ok(())
    }

    fn into_result<T>(self, done: T) -> Result<T, Fault> {
        self.0.map_or(Ok(done), Err)
    }
}

/// Frees what can be freed now.
pub(crate) async fn sweep(inner: &Arc<Inner>) -> Result<Swept, Fault> {
    let mut swept = Swept::default();
    let outcome = sweep_into(inner, &mut swept).await;
    inner.activity.swept(swept, outcome.is_err());
    outcome.map(|()| swept)
}

async fn sweep_into(inner: &Arc<Inner>, swept: &mut Swept) -> Result<(), Fault> {
    let unended = std::mem::take(&mut *lock(&inner.unended));
    for writer in unended {
        inner.abort(writer).await;
    }
    let ended = session::expire(inner).await?;
    let now = inner.clock.now();
    let before = now.minus(DONE_WRITERS_STAY);
    let clean = Change::from(ended).step(Step::ForgetWriters { before });
    // Each round does a bounded part.
    while apply(inner, clean.clone()).await?.is_some_and(|applied| applied.deleted() > 0) {}
    let mut failures = Failures::default();
    if let Err(fault) = inner.in_time(inner.segments.purge(now)).await? {
        failures.note(fault)?;
    }
    if let Err(fault) = litter::orphans(inner).await {
        failures.note(fault)?;
    }
    let mut after = None;
    loop {
        let page = inner.in_time(inner.catalog.doomed(after, BATCH)).await??;
        let Some(last) = page.last() else { return failures.into_result(()) };
        after = Some(last.id);
        free_page(inner, &page, swept, &mut failures).await?;
    }
}

async fn free_page(inner: &Inner, page: &[BlobRow], swept: &mut Swept, failures: &mut Failures) -> Result<(), Fault> {
    // The journal may have to bring back what was replaced since, as long as the rows do not stand for themselves.
    apply(inner, Step::Harden.into()).await?;
    let mut freed = Vec::new();
    for blob in page.iter().filter(|blob| !inner.pins.holds(blob.id)) {
        match free(inner, blob).await {
            Ok(one) => freed.push(one),
            Err(fault) => failures.note(fault)?,
        }
    }
    let packs: BTreeSet<Uuid> = freed.iter().filter_map(|one| one.pack).collect();
    for &pack in &packs {
        if let Err(fault) = inner.in_time(inner.segments.freed(pack)).await? {
            failures.note(fault)?;
            freed.retain(|one| one.pack != Some(pack));
        }
    }
    // Bytes first and for good, rows afterwards: a row that stays is tried again, room without a row would be lost.
    let steps = freed.iter().map(|one| Step::DropBlob { blob: one.blob, limit: BATCH });
    drop_rows(inner, steps.fold(Change::new(), Change::step)).await?;
    swept.blobs += freed.len() as u64;
    swept.bytes += freed.iter().map(|one| one.bytes).sum::<u64>();
    for pack in packs {
        if !inner.in_time(inner.catalog.knows(Container::Pack(pack))).await??
            && let Err(fault) = inner.in_time(inner.segments.free_pack(pack)).await?
        {
            failures.note(fault)?;
        }
    }
    Ok(())
}

/// Bytes of a doomed blob. The row of an upload that did not end knows no size.
async fn size_of(inner: &Inner, blob: &BlobRow) -> Result<u64, Fault> {
    if blob.size > 0 { Ok(blob.size) } else { inner.in_time(inner.segments.held(blob.id.0)).await? }
}

/// A blob whose bytes were freed.
struct Freed {
    blob: BlobId,
    bytes: u64,
    /// What they lay in, unless in a file of their own.
    pack: Option<Uuid>,
}

/// Frees the bytes of a doomed blob.
async fn free(inner: &Inner, blob: &BlobRow) -> Result<Freed, Fault> {
    let bytes = size_of(inner, blob).await?;
    let first = inner.in_time(inner.catalog.segments(blob.id, 0, 1)).await??.into_iter().next();
    // A file of its own may have no segment yet. What was swapped with other bytes lies in the file of another.
    let own = Location { container: Container::Own(blob.id.0), offset: 0 };
    let (location, length) = first.map_or((own, blob.size), |segment| (segment.location, segment.length));
    inner.in_time(inner.segments.free(location, length)).await??;
    let pack = if let Container::Pack(pack) = location.container { Some(pack) } else { None };
    Ok(Freed { blob: blob.id, bytes, pack })
}

async fn drop_rows(inner: &Inner, mut rows: Change) -> Result<(), Fault> {
    while !rows.steps.is_empty() {
        let applied = match inner.in_time(inner.catalog.apply(rows.clone())).await? {
            Ok(applied) => applied,
            Err(ChangeError::Fault(fault)) => return Err(fault),
            Err(ChangeError::Refused { .. }) => return Ok(()),
        };
        let mut effects = applied.effects.into_iter();
        rows.steps.retain(|_| effects.next() == Some(Effect::More));
    }
    Ok(())
}

/// None when it was refused.
async fn apply(inner: &Inner, change: Change) -> Result<Option<Applied>, Fault> {
    match inner.in_time(inner.catalog.apply(change)).await? {
        Err(ChangeError::Fault(fault)) => Err(fault),
        applied => Ok(applied.ok()),
    }
}

/// What a sweep would free.
pub(crate) async fn garbage(inner: &Inner) -> Result<Vec<Garbage>, Fault> {
    let mut garbage = Vec::new();
    let mut after = None;
    loop {
        let page = inner.in_time(inner.catalog.doomed(after, BATCH)).await??;
        let Some(last) = page.last() else { return Ok(garbage) };
        after = Some(last.id);
        for blob in &page {
            let size = size_of(inner, blob).await?;
            garbage.push(Garbage { blob: blob.id, size, pinned: inner.pins.holds(blob.id) });
        }
    }
}

/// Computes the BLAKE3 of every blob that lacks it; says how many got one.
pub(crate) async fn fingerprint(inner: &Arc<Inner>, haste: Haste) -> Result<u64, Fault> {
    let mut done = 0;
    let mut after = None;
    let mut failures = Failures::default();
    loop {
        let page = inner.in_time(inner.catalog.unknown(after, 1)).await??;
        let Some(blob) = page.first() else { return failures.into_result(done) };
        after = Some(blob.id);
        match examine(inner, blob, DigestSet::NONE, haste).await {
            Ok(Examined { blake3, .. }) => {
                apply(inner, Step::Fingerprint { blob: blob.id, blake3 }.into()).await?;
                done += 1;
            }
            Err(ReadError::Fault(fault)) => failures.note(fault)?,
            // Gone meanwhile, or damaged: fsck tells.
            Err(error) => tracing::warn!(blob = %blob.id, %error, "a digest could not be computed"),
        }
    }
}

/// Starts the two background tasks. They end when the last handle of the store goes, which cancels `stop`.
pub(crate) fn start(inner: &Arc<Inner>) {
    inner.tasks.spawn(sweep_when_needed(Arc::clone(inner)));
    inner.tasks.spawn(fingerprint_when_needed(Arc::clone(inner)));
}

async fn sweep_when_needed(inner: Arc<Inner>) {
    let mut packs_at = None;
    loop {
        let now = inner.clock.now();
        if packs_at.is_none_or(|at: Timestamp| at.plus(LOOK_AT_PACKS) <= now) {
            packs_at = Some(now);
            tokio::select! {
                () = inner.stop.cancelled() => return,
                packs = litter::packs(&inner) => if let Err(fault) = packs {
                    tracing::warn!(%fault, "the space in packs could not be asked for; it is tried again later");
                }
            }
        }
        let wait = wait_for(&inner.litter, inner.limits.sweep_interval);
        tokio::select! {
            () = inner.stop.cancelled() => return,
            () = wait => {}
        }
        tokio::select! {
            () = inner.stop.cancelled() => return,
            swept = sweep(&inner) => match swept {
                Ok(swept) if swept.blobs > 0 => tracing::debug!(swept.blobs, swept.bytes, "freed"),
                Ok(_) => {}
                Err(fault) => tracing::warn!(%fault, "freeing failed; it is tried again later"),
            }
        }
    }
}

async fn wait_for(news: &tokio::sync::Notify, at_most: Duration) {
    // Either way it is time to look.
    drop(tokio::time::timeout(at_most, news.notified()).await);
    tokio::time::sleep(PAUSE).await;
}

async fn fingerprint_when_needed(inner: Arc<Inner>) {
    loop {
        tokio::select! {
            () = inner.stop.cancelled() => return,
            done = fingerprint(&inner, Haste::CanWait) => {
                if let Err(fault) = done {
                    tracing::warn!(%fault, "computing digests failed; it is tried again later");
                }
            }
        }
        tokio::select! {
            () = inner.stop.cancelled() => return,
            () = wait_for(&inner.unknown, inner.limits.sweep_interval) => {}
        }
    }
}
