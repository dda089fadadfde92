//! What a store holds and what it does, in numbers that are kept while it works: asking costs the same with a million names.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::{error::Fault, inner::Inner, sweep::Swept};

/// A store in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Names of every dialect, files of trees among them. Kept as a counter.
    pub names: u64,
    /// Stored contents that names have. Kept as a counter.
    pub contents: u64,
    /// Their bytes on the disk: what several names share counts once. Kept as a counter.
    pub bytes: u64,
    /// Contents that no name has any more and that wait to be freed, uploads that did not end among them. Kept as a counter.
    pub doomed: u64,
    /// Their bytes on the disk as far as they are known: 0 for an upload that did not end. Kept as a counter.
    pub doomed_bytes: u64,
    /// Upload sessions that are open, those among them that expired since the last sweep. Counted in an index that holds nothing else:
    /// tens of microseconds for a thousand.
    pub open_sessions: u64,
    /// Those of them that expired since the last sweep. Counted in the same way.
    pub expired_sessions: u64,
    /// Contents that were found damaged and that nothing has set right yet. Counted in an index that holds nothing else.
    pub damaged: u64,
    /// Files that were set aside because no row named them, at the last sweep. In memory.
    pub orphans: u64,
    /// Their bytes on the disk. In memory.
    pub orphan_bytes: u64,
    /// Bytes of contents in packs, when packs were last looked at: at the start and once an hour. In memory.
    pub packed_bytes: u64,
    /// Bytes that packs take of the disk beyond those, without what was taken ahead. In memory.
    pub pack_dead_bytes: u64,
    /// Whole bodies and chunks that are being received now. In memory.
    pub uploads: u64,
    /// Sweeps that ended since the store was opened, failed ones too. In memory.
    pub sweeps: u64,
    /// Those of them that failed, with something left for the next one. In memory.
    pub failed_sweeps: u64,
    /// Contents that were freed since the store was opened. In memory.
    pub freed: u64,
    /// Their bytes, as in [`Swept::bytes`]. In memory.
    pub freed_bytes: u64,
}

/// What the store does, counted since it was opened.
#[derive(Default)]
pub(crate) struct Activity {
    uploads: AtomicU64,
    sweeps: AtomicU64,
    failed_sweeps: AtomicU64,
    freed: AtomicU64,
    freed_bytes: AtomicU64,
    orphans: AtomicU64,
    orphan_bytes: AtomicU64,
    packed_bytes: AtomicU64,
    pack_dead_bytes: AtomicU64,
}

impl Activity {
    /// What was set aside now.
    pub(crate) fn orphans(&self, files: u64, bytes: u64) {
        self.orphans.store(files, Ordering::Relaxed);
        self.orphan_bytes.store(bytes, Ordering::Relaxed);
    }

    /// How the space of packs is used now.
    pub(crate) fn packs(&self, live: u64, dead: u64) {
        self.packed_bytes.store(live, Ordering::Relaxed);
        self.pack_dead_bytes.store(dead, Ordering::Relaxed);
    }

    /// Counts an upload as running until the result is dropped.
    pub(crate) fn upload(self: &Arc<Self>) -> InFlight {
        self.uploads.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    /// Counts a sweep that ended, with what it freed even if it failed.
    pub(crate) fn swept(&self, swept: Swept, failed: bool) {
        self.sweeps.fetch_add(1, Ordering::Relaxed);
        self.failed_sweeps.fetch_add(u64::from(failed), Ordering::Relaxed);
        self.freed.fetch_add(swept.blobs, Ordering::Relaxed);
        self.freed_bytes.fetch_add(swept.bytes, Ordering::Relaxed);
    }
}

/// An upload that is running until this is dropped.
pub(crate) struct InFlight(Arc<Activity>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.uploads.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Reads all numbers.
pub(crate) async fn read(inner: &Inner) -> Result<Statistics, Fault> {
    let expired = inner.clock.now().minus(inner.limits.session_expiry);
    let counts = inner.in_time(inner.catalog.counts(expired)).await??;
    let activity = &inner.activity;
    let now = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    Ok(Statistics {
        names: counts.names,
        contents: counts.contents,
        bytes: counts.bytes,
        doomed: counts.doomed,
        doomed_bytes: counts.doomed_bytes,
        open_sessions: counts.open_sessions,
        expired_sessions: counts.expired_sessions,
        damaged: counts.damaged,
        orphans: now(&activity.orphans),
        orphan_bytes: now(&activity.orphan_bytes),
        packed_bytes: now(&activity.packed_bytes),
        pack_dead_bytes: now(&activity.pack_dead_bytes),
        uploads: now(&activity.uploads),
        sweeps: now(&activity.sweeps),
        failed_sweeps: now(&activity.failed_sweeps),
        freed: now(&activity.freed),
        freed_bytes: now(&activity.freed_bytes),
    })
}
