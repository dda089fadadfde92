//! One chunk of a session on its way. While it is, it has its bytes to itself; a later chunk for the same bytes takes over, because
//! it comes from the same client, who gave the older request up.

use std::{
    future::Future,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use tokio::sync::{Mutex, OwnedSemaphorePermit};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    change::Step,
    clock::Timestamp,
    error::{ChunkError, Fault},
    inner::Inner,
    model::{ByteRange, Tree},
    pipeline::{Passing, Pipeline},
    segments::SegmentWriter,
    session::{refused, settle},
    statistics::InFlight,
};

/// How a flight ended.
enum Outcome {
    Recorded(Timestamp),
    Doubtful,
    Nothing,
}

impl Outcome {
    const fn of(recorded: &Result<Timestamp, ChunkError>) -> Self {
        match recorded {
            Ok(at) => Self::Recorded(*at),
            // Rows that overlap where memory knows of none, or no open row: memory is behind.
            Err(ChunkError::RangeOverlaps(_) | ChunkError::SessionGone) => Self::Doubtful,
            Err(ChunkError::Fault(fault)) if fault.leaves_doubt() => Self::Doubtful,
            Err(_) => Self::Nothing,
        }
    }
}

/// Why a flight was ended from outside.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cut {
    /// A later chunk sends the same bytes.
    Superseded,
    /// The session was deleted.
    SessionGone,
}

/// A chunk in flight, as its session sees it.
pub(crate) struct Flight {
    range: ByteRange,
    writer: Uuid,
    /// Taken by whoever ends the flight: its own request, or whoever cuts it.
    pipeline: Mutex<Option<Pipeline>>,
    /// Set before `cut_off` is cancelled; the first reason stays.
    reason: OnceLock<Cut>,
    cut_off: CancellationToken,
    gone: CancellationToken,
}

impl Flight {
    pub(crate) fn start(inner: &Inner, writer: Uuid, file: Arc<dyn SegmentWriter>, range: ByteRange) -> Arc<Self> {
        let pipeline = Pipeline::start(inner.pipelines(), file, range.first, Passing::Chunk);
        Arc::new(Self {
            range,
            writer,
            pipeline: Mutex::new(Some(pipeline)),
            reason: OnceLock::new(),
            cut_off: CancellationToken::new(),
            gone: CancellationToken::new(),
        })
    }

    pub(crate) const fn overlaps(&self, other: ByteRange) -> bool {
        self.range.first <= other.last && other.first <= self.range.last
    }

    /// Ends the flight from outside: its pushes are refused from now on, and its bytes are free once nothing writes any more.
    pub(crate) fn cut(self: &Arc<Self>, reason: Cut, inner: &Arc<Inner>, key: &(Tree, Uuid)) {
        self.reason.get_or_init(|| reason);
        self.cut_off.cancel();
        self.give_up(inner, key);
    }

    /// What to tell the client of a flight that was ended from outside.
    fn why(&self) -> ChunkError {
        match self.reason.get() {
            Some(Cut::SessionGone) => ChunkError::SessionGone,
            Some(Cut::Superseded) | None => ChunkError::Superseded,
        }
    }

    fn check(&self) -> Result<(), ChunkError> {
        if self.cut_off.is_cancelled() { Err(self.why()) } else { Ok(()) }
    }

    /// Resolves when nothing writes the bytes any more.
    pub(crate) async fn gone(&self) {
        self.gone.cancelled().await;
    }

    /// Lets an owned task end the flight. Whoever took the pipeline before ends it instead.
    fn give_up(self: &Arc<Self>, inner: &Arc<Inner>, key: &(Tree, Uuid)) {
        let end = Arc::clone(self).end(Arc::clone(inner), key.clone());
        inner.tasks.spawn_on(end, &inner.runtime);
    }

    async fn end(self: Arc<Self>, inner: Arc<Inner>, key: (Tree, Uuid)) {
        let Some(pipeline) = self.pipeline.lock().await.take() else { return };
        pipeline.abandon().await;
        self.land(&inner, &key, Outcome::Nothing).await;
    }

    /// Tells the session that the flight is over, and what it recorded.
    async fn land(self: &Arc<Self>, inner: &Inner, key: &(Tree, Uuid), outcome: Outcome) {
        let mut slot = inner.sessions.enter(key).await;
        if let Some(open) = slot.open.as_mut().filter(|open| open.row.writer == self.writer) {
            open.in_flight.retain(|other| !Arc::ptr_eq(other, self));
            if let Some(file) = &open.file {
                file.used();
            }
            match outcome {
                Outcome::Recorded(at) => {
                    open.recorded.insert(self.range);
                    open.row.ranges += 1;
                    open.row.received += self.range.len();
                    open.row.touched = at;
                }
                Outcome::Doubtful => open.doubtful = true,
                Outcome::Nothing => {}
            }
        }
        settle(inner, &mut slot).await;
        inner.sessions.leave(key, slot);
        self.gone.cancel();
    }
}

/// A running upload of a chunk. Dropping it frees its bytes for others.
pub struct ChunkWriter {
    inner: Arc<Inner>,
    key: (Tree, Uuid),
    flight: Arc<Flight>,
    received: u64,
    /// A push failed or was given up half-way.
    broken: bool,
    permit: Option<OwnedSemaphorePermit>,
    _in_flight: InFlight,
}

impl ChunkWriter {
    pub(crate) fn new(inner: Arc<Inner>, key: (Tree, Uuid), flight: Arc<Flight>, permit: OwnedSemaphorePermit) -> Self {
        let in_flight = inner.activity.upload();
        Self { inner, key, flight, received: 0, broken: false, permit: Some(permit), _in_flight: in_flight }
    }

    /// Bytes taken so far.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Resolves when a later request took the range over or the session was deleted: the body need not be read to its end. Pends for ever otherwise.
    pub fn superseded(&self) -> impl Future<Output = ()> + Send + 'static {
        self.flight.cut_off.clone().cancelled_owned()
    }

    /// Takes a piece of the body as it came; waits while the disk is behind.
    ///
    /// # Errors
    /// [`ChunkError::WrongLength`] at the first byte behind the range, [`ChunkError::Superseded`], [`ChunkError::SessionGone`],
    /// [`ChunkError::Fault`]. Nothing more can be pushed then; drop the writer.
    pub async fn push(&mut self, frame: Bytes) -> Result<(), ChunkError> {
        self.flight.check()?;
        if std::mem::replace(&mut self.broken, true) {
            return Err(Fault::Closed.into());
        }
        let received = self.received + frame.len() as u64;
        let expected = self.flight.range.len();
        if received > expected {
            return Err(self.wrong_length(received).await);
        }
        let mut pipeline = self.flight.pipeline.lock().await;
        let pipeline = pipeline.as_mut().ok_or_else(|| self.flight.why())?;
        tokio::select! {
            pushed = pipeline.push(frame) => pushed?,
            () = self.flight.cut_off.cancelled() => return Err(self.flight.why()),
        }
        self.received = received;
        self.broken = false;
        Ok(())
    }

    /// Nothing of a body of the wrong length is kept, before anybody is told.
    async fn wrong_length(&self, received: u64) -> ChunkError {
        let end = Arc::clone(&self.flight).end(Arc::clone(&self.inner), self.key.clone());
        match self.inner.owned(end).await {
            Ok(()) => ChunkError::WrongLength { expected: self.flight.range.len(), received },
            Err(fault) => fault.into(),
        }
    }

    /// Ends the chunk: when this resolves, its bytes are durable and recorded. It runs to its end even if this future is dropped.
    ///
    /// # Errors
    /// [`ChunkError::WrongLength`] when bytes are missing, [`ChunkError::Superseded`], [`ChunkError::SessionGone`], or
    /// [`ChunkError::Fault`]. Nothing of the chunk counts then.
    pub async fn finish(mut self) -> Result<(), ChunkError> {
        self.flight.check()?;
        if self.broken {
            return Err(Fault::Closed.into());
        }
        let expected = self.flight.range.len();
        if self.received != expected {
            return Err(self.wrong_length(self.received).await);
        }
        let pipeline = self.flight.pipeline.lock().await.take().ok_or_else(|| self.flight.why())?;
        let (inner, key, flight) = (Arc::clone(&self.inner), self.key.clone(), Arc::clone(&self.flight));
        let permit = self.permit.take();
        // The range stays claimed until nothing writes it any more and it is known whether it was recorded: a later chunk that wrote
        // the same bytes before that could leave its own under the other's checksums. Only our client does not wait so long.
        let recorded = self.inner.owned(async move {
            let recorded = record(&inner, &flight, pipeline).await;
            flight.land(&inner, &key, Outcome::of(&recorded)).await;
            drop(permit);
            recorded.map(drop)
        });
        self.inner.in_time(recorded).await??
    }
}

impl Drop for ChunkWriter {
    fn drop(&mut self) {
        self.flight.give_up(&self.inner, &self.key);
    }
}

/// Writes and syncs the rest, and records the range.
async fn record(inner: &Inner, flight: &Flight, pipeline: Pipeline) -> Result<Timestamp, ChunkError> {
    let written = pipeline.finish().await?;
    flight.check()?;
    let step = Step::RecordChunk {
        writer: flight.writer,
        segment: inner.ids.next(),
        range: flight.range,
        checksums: written.checksums,
        limit: inner.limits.session_ranges,
    };
    inner.catalog.apply(step.into()).await.map(|applied| applied.at).map_err(refused)
}
