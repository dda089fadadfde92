//! What all handles of one store share: the two engines, the limits, the pins of readers and the claims of uploads.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    future::Future,
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{
    catalog::Catalog,
    change::{Applied, Change, Effect, Step},
    clock::Clock,
    digest::DigestSet,
    error::{ChangeError, Fault},
    ids::Ids,
    model::{BlobId, NameKey},
    options::{Limits, Purpose},
    pipeline,
    segments::{Container, Segments},
    session::Sessions,
    startup::Premises,
    statistics::Activity,
};

/// A body of more bytes is long: a BLAKE3 of it takes more than 5 ms.
const LONG_BODY: u64 = 16 * 1024 * 1024;

/// What all handles of one store share.
pub(crate) struct Inner {
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) segments: Arc<dyn Segments>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) limits: Limits,
    pub(crate) purpose: Purpose,
    pub(crate) tasks: TaskTracker,
    pub(crate) runtime: tokio::runtime::Handle,
    /// Ends the background tasks.
    pub(crate) stop: CancellationToken,
    /// Something was doomed.
    pub(crate) litter: Notify,
    /// A session was committed, whose BLAKE3 is not known.
    pub(crate) unknown: Notify,
    pub(crate) small_budget: Arc<Semaphore>,
    pub(crate) large_budget: Arc<Semaphore>,
    pub(crate) large_uploads: Arc<Semaphore>,
    pub(crate) open_sessions: Arc<Semaphore>,
    /// Blocks that are read because somebody waits for them.
    pub(crate) read_blocks: Arc<Semaphore>,
    /// Blocks that are read ahead.
    pub(crate) ahead_blocks: Arc<Semaphore>,
    pub(crate) claims: Arc<Claims>,
    pub(crate) pins: Arc<Pins>,
    pub(crate) sessions: Sessions,
    pub(crate) activity: Arc<Activity>,
    /// Writers that should have ended and could not; the sweep tries again.
    pub(crate) unended: Mutex<Vec<Uuid>>,
    /// Contents whose damage was noted in this run.
    pub(crate) noted: Mutex<HashSet<BlobId>>,
    /// Held until everything else is gone: the lock of the data folder, and a temporary folder itself.
    pub(crate) premises: Premises,
}

/// Locks a mutex whose data is valid after every single statement, so that a panic elsewhere does no harm.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Inner {
    /// Applies a change within the deadline.
    pub(crate) async fn apply(&self, change: Change) -> Result<Applied, ChangeError> {
        let applied = self.in_time(self.catalog.apply(change)).await.map_err(ChangeError::Fault)??;
        let litters = |effect: &Effect| {
            matches!(effect, Effect::Deleted(1..) | Effect::Shared(_) | Effect::Healed(_) | Effect::Copied(_))
        };
        if applied.effects.iter().any(litters) {
            self.litter.notify_one();
        }
        Ok(applied)
    }

    /// Ends a writer, now or with a later sweep.
    pub(crate) async fn abort(&self, writer: Uuid) {
        match self.apply(Step::AbortWriter(writer).into()).await {
            Ok(_) => self.litter.notify_one(),
            Err(error) => {
                tracing::warn!(%writer, %error, "an upload that was given up could not be ended; it is tried again later");
                lock(&self.unended).push(writer);
            }
        }
    }

    /// A reader met bytes that are not what was written: the content is marked behind it, so that nothing is shared with it any more.
    pub(crate) fn note_damage(self: &Arc<Self>, blob: BlobId, container: Container) {
        if self.purpose == Purpose::Inspect || !lock(&self.noted).insert(blob) {
            return;
        }
        let inner = Arc::clone(self);
        let mark = async move {
            let step = Step::Mark { blob, damaged: true, container: Some(container) };
            if let Err(error) = inner.apply(step.into()).await {
                tracing::warn!(%blob, %error, "a content could not be marked as damaged");
                lock(&inner.noted).remove(&blob);
            }
        };
        self.tasks.spawn_on(mark, &self.runtime);
    }

    /// Waits for an engine, but not for ever.
    pub(crate) async fn in_time<T>(&self, work: impl Future<Output = T>) -> Result<T, Fault> {
        let deadline = self.limits.deadline;
        tokio::time::timeout(deadline, work).await.map_err(|_| Fault::Deadline { deadline })
    }

    /// Part of a budget, or `Busy` after the deadline.
    pub(crate) async fn permit(
        &self,
        budget: &Arc<Semaphore>,
        amount: usize,
        limit: usize,
    ) -> Result<OwnedSemaphorePermit, Fault> {
        let amount = u32::try_from(amount).unwrap_or(u32::MAX);
        let deadline = self.limits.deadline;
        match tokio::time::timeout(deadline, Arc::clone(budget).acquire_many_owned(amount)).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(Fault::Closed),
            Err(_) => Err(Fault::Busy { limit, deadline }),
        }
    }

    /// Whether a BLAKE3 beside the write of a body costs little. The connection, the write and each digest that a dialect shows keep a
    /// processor busy; where none is left the background computes that of a long body afterwards, as it does for sessions.
    pub(crate) fn has_time_for_blake3(&self, declared: Option<u64>, digests: DigestSet) -> bool {
        let is_long = declared.is_some_and(|length| length > LONG_BODY);
        !is_long || digests.algorithms().count() + 2 < self.limits.processors
    }

    /// Whether somebody uploads now or reads something long, besides `own` readers of whoever asks.
    pub(crate) fn works_for_others(&self, own: usize) -> bool {
        self.pins.count() > own
            || self.large_uploads.available_permits() < self.limits.large_uploads
            || self.small_budget.available_permits() < self.limits.small_budget
    }

    pub(crate) fn pipelines(&self) -> pipeline::Shared {
        pipeline::Shared {
            tasks: self.tasks.clone(),
            budget: Arc::clone(&self.large_budget),
            deadline: self.limits.deadline,
        }
    }

    /// Runs to its end even if nobody waits for it any more.
    pub(crate) async fn owned<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Fault> {
        self.tasks.spawn_on(work, &self.runtime).await.map_err(|_| Fault::Closed)
    }
}

/// Ends a writer that was opened, unless it was committed: for uploads that were dropped.
pub(crate) struct AbortGuard {
    inner: Arc<Inner>,
    writer: Option<Uuid>,
}

impl AbortGuard {
    pub(crate) const fn new(inner: Arc<Inner>, writer: Uuid) -> Self {
        Self { inner, writer: Some(writer) }
    }

    /// The writer ended otherwise.
    pub(crate) fn disarm(mut self) {
        self.writer = None;
    }
}

impl Drop for AbortGuard {
    fn drop(&mut self) {
        let Some(writer) = self.writer.take() else { return };
        let inner = Arc::clone(&self.inner);
        let abort = async move { inner.abort(writer).await };
        self.inner.tasks.spawn_on(abort, &self.inner.runtime);
    }
}

/// Names that take one upload at a time. One process owns the data folder, so memory is enough.
#[derive(Default)]
pub(crate) struct Claims(Mutex<HashSet<NameKey>>);

impl Claims {
    /// Claims a name, unless somebody has it.
    pub(crate) fn claim(self: &Arc<Self>, name: &NameKey) -> Option<Claim> {
        lock(&self.0).insert(name.clone()).then(|| Claim { claims: Arc::clone(self), name: name.clone(), born: 0 })
    }

    pub(crate) fn all(&self) -> HashSet<NameKey> {
        lock(&self.0).clone()
    }

    pub(crate) fn holds(&self, name: &NameKey) -> bool {
        lock(&self.0).contains(name)
    }
}

/// A name that is claimed until this is dropped.
pub(crate) struct Claim {
    claims: Arc<Claims>,
    pub(crate) name: NameKey,
    /// The version the name was created with, once it was read.
    pub(crate) born: u64,
}

impl Drop for Claim {
    fn drop(&mut self) {
        lock(&self.claims.0).remove(&self.name);
    }
}

/// Blobs that somebody reads; they are not freed.
#[derive(Default)]
pub(crate) struct Pins(Mutex<HashMap<BlobId, usize>>);

impl Pins {
    pub(crate) fn pin(self: &Arc<Self>, blob: BlobId) -> Pin {
        *lock(&self.0).entry(blob).or_default() += 1;
        Pin { pins: Arc::clone(self), blob }
    }

    pub(crate) fn holds(&self, blob: BlobId) -> bool {
        lock(&self.0).contains_key(&blob)
    }

    /// How many there are.
    fn count(&self) -> usize {
        lock(&self.0).values().sum()
    }
}

/// A blob that is not freed until this is dropped.
pub(crate) struct Pin {
    pins: Arc<Pins>,
    blob: BlobId,
}

impl Drop for Pin {
    fn drop(&mut self) {
        if let Entry::Occupied(mut pinned) = lock(&self.pins.0).entry(self.blob) {
            *pinned.get_mut() -= 1;
            if *pinned.get() == 0 {
                pinned.remove();
            }
        }
    }
}
