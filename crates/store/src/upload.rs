//! The upload of a whole body. A small one is collected and packed; a large one has a writer row and a file of its own. Which it is
//! shows only when the length is known or the threshold is passed; whoever pushes does not see it.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    catalog,
    change::{Applied, Body, Change, Effect, NewWriter, Step},
    checksum::Checksums,
    digest::{self, Digests},
    error::{ChangeError, CommitError, Fault, Refusal, UploadError},
    inner::{AbortGuard, Claim, Inner},
    model::{Account, BlobId, UploadRequest},
    pipeline::{Passing, Pipeline},
    segments::{BLOCK, Container, Location},
    statistics::InFlight,
};

/// A body of unknown length reserves in steps of this size, so that the quota is exact without a transaction per frame.
const RESERVE_STEP: u64 = 64 * 1024 * 1024;
/// A small body of unknown length takes memory in steps of this size.
const SMALL_STEP: u64 = 16 * 1024;
/// Bodies up to this size are digested where they are received; that takes tens of microseconds.
const DIGEST_INLINE: u64 = 32 * 1024;

/// A running upload of a whole body. Dropping it gives everything back that it holds.
pub struct Upload {
    inner: Arc<Inner>,
    request: UploadRequest,
    claim: Option<Claim>,
    received: u64,
    /// A push failed or was given up half-way: what came so far is not the body.
    broken: bool,
    way: Way,
    in_flight: InFlight,
}

enum Way {
    /// Copied out of the frames, so that the connection has its buffer back for the next request.
    Small {
        collected: BytesMut,
        budget: Option<OwnedSemaphorePermit>,
    },
    Large(Box<Large>),
}

struct Large {
    blob: BlobId,
    location: Location,
    pipeline: Pipeline,
    reserved: u64,
    guard: AbortGuard,
    id: uuid::Uuid,
    slot: OwnedSemaphorePermit,
}

impl Upload {
    pub(crate) async fn begin(inner: Arc<Inner>, request: UploadRequest) -> Result<Self, UploadError> {
        let claim = claim_target(&inner, &request).await?;
        let declared = request.declared.unwrap_or(0);
        inner.segments.check_room(declared)?;
        check_quota(&inner, &request.account, declared).await?;
        let way = Way::Small { collected: BytesMut::new(), budget: None };
        let in_flight = inner.activity.upload();
        let mut upload = Self { inner, request, claim, received: 0, broken: false, way, in_flight };
        if declared > upload.inner.limits.small_threshold as u64 {
            upload.way = Way::Large(Box::new(upload.open_writer(declared).await?));
        }
        Ok(upload)
    }

    /// Bytes taken so far.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Takes a piece of the body as it came; waits while the disk or a digest is behind.
    ///
    /// # Errors
    /// [`UploadError::OverQuota`] as soon as the bytes cannot fit; [`UploadError::Fault`] when the store fails. Nothing more can
    /// be pushed then; drop the upload.
    pub async fn push(&mut self, frame: Bytes) -> Result<(), UploadError> {
        if std::mem::replace(&mut self.broken, true) {
            return Err(Fault::Closed.into());
        }
        self.take(frame).await?;
        self.broken = false;
        Ok(())
    }

    async fn take(&mut self, frame: Bytes) -> Result<(), UploadError> {
        let length = frame.len() as u64;
        let threshold = self.inner.limits.small_threshold as u64;
        if let Way::Small { collected, budget } = &mut self.way {
            let total = self.received + length;
            if total <= threshold && hold(&self.inner, self.request.declared, total, budget).await? {
                self.received = total;
                if collected.is_empty() {
                    let announced = self.request.declared.unwrap_or_default().clamp(length, threshold);
                    collected.reserve(usize::try_from(announced).unwrap_or_default());
                }
                collected.extend_from_slice(&frame);
                return Ok(());
            }
            self.become_large(length).await?;
        }
        self.reserve(self.received + length).await?;
        if let Way::Large(large) = &mut self.way {
            large.pipeline.push(frame).await?;
            self.received += length;
        }
        Ok(())
    }

    async fn become_large(&mut self, more: u64) -> Result<(), UploadError> {
        let mut large = Box::new(self.open_writer(self.request.declared.unwrap_or(0).max(self.received + more)).await?);
        if let Way::Small { collected, .. } = &mut self.way {
            large.pipeline.push(collected.split().freeze()).await?;
        }
        self.way = Way::Large(large);
        Ok(())
    }

    /// Opens the writer row, then its file: a file without a row would be set aside at the next start.
    async fn open_writer(&self, reserve: u64) -> Result<Large, UploadError> {
        let inner = &self.inner;
        let slot = inner.permit(&inner.large_uploads, 1, inner.limits.large_uploads).await?;
        let (id, blob) = (inner.ids.next_row(), BlobId(inner.ids.next_row()));
        let location = Location { container: Container::Own(blob.0), offset: 0 };
        let account = self.request.account.clone();
        let new = NewWriter { id, blob, location, session: None, account, declared: self.request.declared, reserve };
        // Armed before the row: when this future is dropped while the row is written, the row must go too.
        let guard = AbortGuard::new(Arc::clone(inner), id);
        inner.apply(Step::OpenWriter(Box::new(new)).into()).await.map_err(refused)?;
        let writer = inner.in_time(inner.segments.create(blob.0, self.request.declared)).await??;
        let passing = Passing::Body {
            digests: self.request.digests,
            blake3: inner.has_time_for_blake3(self.request.declared, self.request.digests),
        };
        let pipeline = Pipeline::start(inner.pipelines(), writer, 0, passing);
        Ok(Large { blob, location, pipeline, reserved: reserve, guard, id, slot })
    }

    /// Reserves for bytes that go beyond what was announced.
    async fn reserve(&mut self, total: u64) -> Result<(), UploadError> {
        let quota = self.request.account.quota;
        let Way::Large(large) = &mut self.way else { return Ok(()) };
        if quota.is_none() || total <= large.reserved {
            return Ok(());
        }
        let least = total - large.reserved;
        let step = Step::Reserve { writer: large.id, least, most: least.max(RESERVE_STEP), quota };
        let applied = self.inner.apply(step.into()).await.map_err(refused)?;
        if let Some(Effect::Reserved(granted)) = applied.effects.first() {
            large.reserved += granted;
        }
        Ok(())
    }

    /// Ends the body: afterwards its digests are known, and it can be committed. No name has it yet.
    ///
    /// # Errors
    /// [`UploadError::Fault`] when the store fails or a push had failed; everything is given back then.
    pub async fn finish(self) -> Result<Received, UploadError> {
        let Self { inner, request, claim, received, broken, way, in_flight: _counted } = self;
        if broken {
            return Err(Fault::Closed.into());
        }
        match way {
            Way::Small { collected, budget } => {
                let (mut body, digests) = summarise_small(&inner, &request, collected.freeze()).await?;
                let mut small = None;
                if let Some(body) = &mut body
                    && !inner.catalog.takes_bytes()
                    && let Some(bytes) = body.bytes.take()
                {
                    body.location = inner.in_time(inner.segments.put_small(vec![bytes])).await??;
                    small = Some(SmallGuard::new(Arc::clone(&inner), body));
                }
                Ok(Received { inner, claim, size: received, digests, body, guard: None, small, _budget: budget })
            }
            // Nothing came of what was announced. Dropping the rest gives it back.
            Way::Large(large) if received == 0 => {
                let digests = inner.in_time(large.pipeline.finish()).await??.digests;
                Ok(Received { inner, claim, size: 0, digests, body: None, guard: None, small: None, _budget: None })
            }
            Way::Large(large) => {
                let Large { blob, location, pipeline, reserved, guard, id, slot } = *large;
                let written = inner.in_time(pipeline.finish()).await??;
                // The request may have another body beside this one, which needs what is left.
                settle(&inner, id, received, request.account.quota.is_some() && reserved > received).await?;
                let blake3 = match written.blake3 {
                    Some(known) => Some(known),
                    None => fingerprint_of_probable_copy(&inner, location, received, &written.checksums).await?,
                };
                drop(slot);
                let body = Body {
                    blob,
                    size: received,
                    location,
                    bytes: None,
                    checksums: written.checksums,
                    digests: written.digests.clone(),
                    blake3,
                    account: request.account,
                    writer: Some(id),
                };
                let (digests, body, guard) = (written.digests, Some(body), Some(guard));
                Ok(Received { inner, claim, size: received, digests, body, guard, small: None, _budget: None })
            }
        }
    }
}

/// The BLAKE3 of a body whose size and checksums another content has, so that equal bytes are kept once. It is read back for that, which
/// other bodies are not worth.
async fn fingerprint_of_probable_copy(
    inner: &Arc<Inner>,
    location: Location,
    size: u64,
    checksums: &Bytes,
) -> Result<Option<[u8; 32]>, Fault> {
    if !inner.in_time(inner.catalog.is_alike(size, checksums.clone())).await?? {
        return Ok(None);
    }
    let file = inner.in_time(inner.segments.open(location.container)).await??;
    let hash = tokio::task::spawn_blocking(move || {
        let (mut hasher, mut at) = (blake3::Hasher::new(), 0);
        while at < size {
            let length = BLOCK.min(size - at);
            hasher.update(&file.read_at(location.offset + at, usize::try_from(length).map_err(|_| Fault::Closed)?)?);
            at += length;
        }
        Ok::<_, Fault>(*hasher.finalize().as_bytes())
    });
    // No deadline: how long it takes depends on the size.
    hash.await.map_err(|_| Fault::Closed)?.map(Some)
}

/// Gives back what was reserved beyond what came.
async fn settle(inner: &Inner, writer: uuid::Uuid, reserved: u64, surplus: bool) -> Result<(), UploadError> {
    if surplus {
        inner.apply(Step::Settle { writer, reserved }.into()).await.map_err(refused)?;
    }
    Ok(())
}

/// Holds the part of the small budget that `total` collected bytes need: what was announced at once, otherwise as the bytes come. False
/// when there is nothing left to grow with: the body goes to a file then, so that bodies which hold a part do not wait for each other.
async fn hold(
    inner: &Inner,
    declared: Option<u64>,
    total: u64,
    held: &mut Option<OwnedSemaphorePermit>,
) -> Result<bool, Fault> {
    let limit = inner.limits.small_threshold;
    let wanted = declared.unwrap_or_else(|| total.next_multiple_of(SMALL_STEP)).max(total);
    let wanted = usize::try_from(wanted).unwrap_or(limit).min(limit);
    let Some(held) = held else {
        let bodies = inner.limits.small_budget / limit.max(1);
        *held = Some(inner.permit(&inner.small_budget, wanted, bodies).await?);
        return Ok(true);
    };
    let more = u32::try_from(wanted.saturating_sub(held.num_permits())).unwrap_or(u32::MAX);
    match Arc::clone(&inner.small_budget).try_acquire_many_owned(more) {
        Ok(more) => held.merge(more),
        Err(_) => return Ok(false),
    }
    Ok(true)
}

async fn claim_target(inner: &Arc<Inner>, request: &UploadRequest) -> Result<Option<Claim>, UploadError> {
    let Some((name, condition)) = &request.exclusive else { return Ok(None) };
    let mut claim = inner.claims.claim(name).ok_or_else(|| UploadError::TargetBusy(name.clone()))?;
    let found = inner.in_time(inner.catalog.name(name)).await??;
    let found = found.ok_or_else(|| UploadError::TargetRefused(Refusal::Missing(name.clone())))?;
    catalog::check(&found, condition).map_err(UploadError::TargetRefused)?;
    claim.born = found.born;
    Ok(Some(claim))
}

/// Refuses early what the transaction of the commit would refuse; that one is exact.
async fn check_quota(inner: &Inner, account: &Account, wanted: u64) -> Result<(), UploadError> {
    let Some(quota) = account.quota.filter(|_| wanted > 0) else { return Ok(()) };
    let usage = inner.in_time(inner.catalog.usage(&account.dialect, &account.scope)).await??;
    let used = usage.bytes + usage.reserved;
    if used.saturating_add(wanted) > quota {
        return Err(UploadError::OverQuota { quota, used, wanted });
    }
    Ok(())
}

fn refused(error: ChangeError) -> UploadError {
    match error {
        ChangeError::Refused { refusal: Refusal::OverQuota { quota, used, wanted }, .. } => {
            UploadError::OverQuota { quota, used, wanted }
        }
        ChangeError::Refused { refusal, .. } => UploadError::TargetRefused(refusal),
        ChangeError::Fault(fault) => UploadError::Fault(fault),
    }
}

/// What is known of a small body, which has its bytes with it; none of an empty one.
async fn summarise_small(
    inner: &Arc<Inner>,
    request: &UploadRequest,
    bytes: Bytes,
) -> Result<(Option<Body>, Digests), Fault> {
    let (set, size) = (request.digests, bytes.len() as u64);
    let blob = BlobId(inner.ids.next_row());
    let summarise = {
        let bytes = bytes.clone();
        move || {
            let digests = digest::of_frames(set, &std::iter::once(&bytes[..]));
            let mut checksums = Checksums::default();
            checksums.update(&bytes);
            (digests, checksums.finish(), *blake3::hash(&bytes).as_bytes())
        }
    };
    let (digests, checksums, blake3) = if size <= DIGEST_INLINE {
        summarise()
    } else {
        tokio::task::spawn_blocking(summarise).await.map_err(|_| Fault::Closed)?
    };
    if size == 0 {
        return Ok((None, digests));
    }
    let body = Body {
        blob,
        size,
        location: Location { container: Container::Own(blob.0), offset: 0 },
        bytes: Some(bytes),
        checksums,
        digests: digests.clone(),
        blake3: Some(blake3),
        account: request.account.clone(),
        writer: None,
    };
    Ok((Some(body), digests))
}

/// Frees the bytes of a small body that no row names.
struct SmallGuard {
    inner: Arc<Inner>,
    bytes: Option<(Location, u64)>,
}

impl SmallGuard {
    const fn new(inner: Arc<Inner>, body: &Body) -> Self {
        Self { inner, bytes: Some((body.location, body.size)) }
    }

    fn disarm(mut self) {
        self.bytes = None;
    }
}

impl Drop for SmallGuard {
    fn drop(&mut self) {
        let Some((location, size)) = self.bytes.take() else { return };
        let inner = Arc::clone(&self.inner);
        let free = async move {
            if let Err(fault) = inner.segments.free(location, size).await {
                // They go with their pack.
                tracing::debug!(%fault, "bytes of a small body that was given up stay for now");
            }
        };
        self.inner.tasks.spawn_on(free, &self.inner.runtime);
    }
}

/// A body that was received as a whole, and is nobody's yet: durable, or small and in memory. Dropping it gives everything back.
pub struct Received {
    inner: Arc<Inner>,
    claim: Option<Claim>,
    size: u64,
    digests: Digests,
    body: Option<Body>,
    guard: Option<AbortGuard>,
    small: Option<SmallGuard>,
    /// For bytes in memory.
    _budget: Option<OwnedSemaphorePermit>,
}

impl Received {
    /// Size in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The digests that were asked for.
    #[must_use]
    pub const fn digests(&self) -> &Digests {
        &self.digests
    }

    /// Makes the body content in one transaction with everything else of `change`, and resolves when that is durable. It runs to its
    /// end even if this future is dropped.
    ///
    /// # Errors
    /// [`CommitError::TargetGone`] when the exclusive target was deleted meanwhile; [`CommitError::Refused`] when a condition
    /// of `change` does not hold; [`CommitError::Fault`] when the store fails.
    pub async fn commit(self, change: Change) -> Result<Applied, CommitError> {
        self.commit_with(Vec::new(), change).await
    }

    /// As [`commit`](Self::commit), with more bodies of the same store in the one transaction: in `change` this body is
    /// [`NewContent::Uploaded`](crate::NewContent::Uploaded), those `beside` it are
    /// [`NewContent::UploadedBeside`](crate::NewContent::UploadedBeside) by their place in the list. All become content or none does;
    /// a body that no step takes is freed.
    ///
    /// # Errors
    /// As [`commit`](Self::commit); everything that any of the bodies held is freed then.
    pub async fn commit_with(self, beside: Vec<Self>, change: Change) -> Result<Applied, CommitError> {
        let inner = Arc::clone(&self.inner);
        debug_assert!(beside.iter().all(|other| Arc::ptr_eq(&other.inner, &inner)), "a change is of one store");
        let mut bodies = beside;
        bodies.insert(0, self);
        inner.owned(carry_out(Arc::clone(&inner), bodies, change)).await?
    }

    /// The commit succeeded.
    fn committed(self, effect: &Effect) {
        if let Some(guard) = self.guard {
            guard.disarm();
        }
        // Bytes that turned out to be stored already are not needed twice; dropping the guard frees them.
        if let Some(small) = self.small.filter(|_| !matches!(effect, Effect::Shared(_))) {
            small.disarm();
        }
    }

    /// The commit failed. Where it is not known whether a row names the bytes, they stay; a writer row decides for itself.
    fn failed(self, fault: &Fault) {
        if let Some(small) = self.small.filter(|_| fault.leaves_doubt()) {
            small.disarm();
        }
    }
}

/// Commits bodies with a change. Whatever they hold is held until it is known how that ended.
async fn carry_out(inner: Arc<Inner>, mut bodies: Vec<Received>, change: Change) -> Result<Applied, CommitError> {
    let mut steps = Vec::with_capacity(change.steps.len() + 2 * bodies.len());
    let claims = bodies.iter().filter_map(|body| body.claim.as_ref());
    steps.extend(claims.map(|claim| Step::SameName { name: claim.name.clone(), born: claim.born }));
    let claims = steps.len();
    let unknown = bodies.iter().filter_map(|body| body.body.as_ref()).any(|body| body.blake3.is_none());
    let commit = |body: &mut Received| body.body.take().map_or(Step::CommitEmpty, |body| Step::Commit(Box::new(body)));
    steps.extend(bodies.iter_mut().map(commit));
    let ours = steps.len();
    steps.extend(change.steps);
    match inner.apply(Change { steps }).await {
        Ok(mut applied) => {
            let effects = applied.effects.drain(..ours).skip(claims);
            bodies.into_iter().zip(effects).for_each(|(body, effect)| body.committed(&effect));
            if unknown {
                inner.unknown.notify_one();
            }
            Ok(applied)
        }
        Err(ChangeError::Refused { step, refusal: Refusal::Missing(name) }) if step < claims => {
            Err(CommitError::TargetGone(name))
        }
        Err(ChangeError::Refused { step, refusal }) => {
            Err(CommitError::Refused { step: step.saturating_sub(ours), refusal })
        }
        Err(ChangeError::Fault(fault)) => {
            for body in bodies {
                body.failed(&fault);
            }
            Err(CommitError::Fault(fault))
        }
    }
}
