//! Upload sessions: a file that comes in chunks, in any order and in parallel, and is committed at the end. The first chunk begins
//! the session; it ends 30 minutes (a limit) after the last accepted one, by the clock at look-up.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit};
use uuid::Uuid;

use crate::{
    catalog::SessionRow,
    change::{DONE_WRITERS_STAY, Step},
    chunk::{Cut, Flight},
    clock::Timestamp,
    error::{ChangeError, ChunkError, Fault, Refusal, SessionError},
    inner::{Inner, lock},
    model::{BlobId, ByteRange, Session, Tree},
    open_files::{OpenFile, OpenFiles},
    ranges::RangeSet,
    segments::SegmentWriter,
};

/// Rows that are read at a time.
const PAGE: u32 = 1_024;

pub(crate) type Key = (Tree, Uuid);

/// Sessions that were touched since the start; others are in the catalog only.
#[derive(Default)]
pub(crate) struct Sessions {
    places: std::sync::Mutex<HashMap<Key, Arc<tokio::sync::Mutex<Slot>>>>,
    files: Arc<OpenFiles>,
}

/// The place of a session; empty while there is none.
#[derive(Default)]
pub(crate) struct Slot {
    pub(crate) open: Option<Open>,
    /// Chunks that left the place for a moment and come back: the session is not ended behind their backs.
    pub(crate) waiting: usize,
}

/// An open session.
pub(crate) struct Open {
    pub(crate) row: SessionRow,
    /// None while it is idle and other sessions are not.
    pub(crate) file: Option<OpenFile>,
    pub(crate) recorded: RangeSet,
    pub(crate) in_flight: Vec<Arc<Flight>>,
    /// Whether a chunk was recorded is unknown; what the rows say counts.
    pub(crate) doubtful: bool,
    /// Its part of the number of sessions that may be open; one that was open at the start may come on top.
    pub(crate) _counted: Option<OwnedSemaphorePermit>,
}

impl Open {
    /// The clock says that it ended. A chunk in flight holds it.
    fn expired(&self, inner: &Inner) -> bool {
        self.in_flight.is_empty() && has_expired(inner, self.row.touched)
    }

    /// Nothing was recorded, and nothing is on its way.
    const fn is_empty(&self) -> bool {
        self.row.ranges == 0 && self.in_flight.is_empty() && !self.doubtful
    }

    fn describe(&self) -> Session {
        Session {
            id: self.row.session,
            path: self.row.path.clone(),
            total: self.row.total,
            modified: self.row.touched,
            missing: self.recorded.missing(self.row.total),
        }
    }
}

fn has_expired(inner: &Inner, touched: Timestamp) -> bool {
    touched.plus(inner.limits.session_expiry) <= inner.clock.now()
}

pub(crate) type SlotGuard = OwnedMutexGuard<Slot>;

impl Sessions {
    /// The place of a session, for one at a time.
    pub(crate) async fn enter(&self, key: &Key) -> SlotGuard {
        loop {
            let slot = Arc::clone(lock(&self.places).entry(key.clone()).or_default());
            let guard = Arc::clone(&slot).lock_owned().await;
            // While we waited, the session may have ended and its place been given up.
            if lock(&self.places).get(key).is_some_and(|now| Arc::ptr_eq(now, &slot)) {
                return guard;
            }
        }
    }

    /// Gives the place up when there is no session in it.
    pub(crate) fn leave(&self, key: &Key, guard: SlotGuard) {
        if guard.open.is_none() && guard.waiting == 0 {
            lock(&self.places).remove(key);
        }
        drop(guard);
    }

    /// Counts a file that was opened for a session, and closes those that were idle longest when there are more than `limit`.
    /// A file with a chunk in flight stays open; so does one whose session is just looked at.
    pub(crate) fn opened(&self, key: &Key, writer: Arc<dyn SegmentWriter>, limit: usize) -> OpenFile {
        let file = self.files.opened(key, writer);
        let Some((mut beyond, idle_first)) = self.files.beyond(limit) else { return file };
        for idle in idle_first {
            let Some(place) = lock(&self.places).get(&idle).cloned() else { continue };
            let Ok(mut slot) = place.try_lock() else { continue };
            let open = slot.open.as_mut().filter(|open| open.in_flight.is_empty());
            if open.and_then(|open| open.file.take()).is_some() {
                beyond -= 1;
                if beyond == 0 {
                    break;
                }
            }
        }
        file
    }

    /// Files that are open now.
    #[cfg(test)]
    pub(crate) fn open_files(&self) -> usize {
        self.files.beyond(0).map_or(0, |(open, _)| open)
    }

    fn keys(&self) -> Vec<Key> {
        lock(&self.places).keys().cloned().collect()
    }
}

/// Sees to it that the place has the open session of its id, read from the catalog when it was not touched since the start. One that
/// has expired is none. Returns what is remembered of a session that was committed instead.
pub(crate) async fn load(inner: &Inner, slot: &mut Slot, key: &Key) -> Result<Option<SessionRow>, Fault> {
    slot.open.take_if(|open| open.doubtful && open.in_flight.is_empty());
    if let Some(open) = &slot.open {
        if !open.expired(inner) {
            return Ok(None);
        }
        let writer = open.row.writer;
        slot.open = None;
        return end(inner, Step::AbortWriter(writer)).await.map(|()| None);
    }
    let row = inner.in_time(inner.catalog.session(&key.0, key.1)).await??;
    let Some(row) = row else { return Ok(None) };
    if let Some(committed) = row.committed {
        return Ok((committed.plus(DONE_WRITERS_STAY) > inner.clock.now()).then_some(row));
    }
    if has_expired(inner, row.touched) {
        return end(inner, Step::AbortWriter(row.writer)).await.map(|()| None);
    }
    let recorded = recorded(inner, row.blob).await?;
    let counted = Arc::clone(&inner.open_sessions).try_acquire_owned().ok();
    let mut open = Open { row, file: None, recorded, in_flight: Vec::new(), doubtful: false, _counted: counted };
    open_file(inner, &mut open, key).await?;
    slot.open = Some(open);
    Ok(None)
}

/// Opens the file of a session unless it is open.
pub(crate) async fn open_file(inner: &Inner, open: &mut Open, key: &Key) -> Result<(), Fault> {
    if open.file.is_none() {
        let writer = inner.in_time(inner.segments.reopen(open.row.blob.0, open.row.ranges == 0)).await??;
        open.file = Some(inner.sessions.opened(key, writer, inner.limits.session_files));
    }
    Ok(())
}

async fn recorded(inner: &Inner, blob: BlobId) -> Result<RangeSet, Fault> {
    let mut recorded = RangeSet::default();
    let mut next = 0;
    loop {
        let page = inner.in_time(inner.catalog.segments(blob, next, PAGE)).await??;
        // A page begins with the segment that holds its first byte, which may be the last one of the page before.
        let fresh = page.iter().filter(|segment| segment.position >= next);
        let mut count = 0;
        let mut reached = next;
        for segment in fresh {
            let last = segment.position + segment.length - 1;
            recorded.insert(ByteRange { first: segment.position, last });
            reached = last + 1;
            count += 1;
        }
        if count == 0 {
            return Ok(recorded);
        }
        next = reached;
    }
}

/// Ends a session that has nothing: its first chunk failed, and nothing of that is kept, neither the session nor what it reserved.
pub(crate) async fn settle(inner: &Inner, slot: &mut Slot) {
    let Some(open) = slot.open.as_mut().filter(|open| slot.waiting == 0 && open.is_empty()) else { return };
    match end(inner, Step::AbortWriter(open.row.writer)).await {
        Ok(()) => slot.open = None,
        Err(fault) => {
            tracing::warn!(%fault, "a session without bytes could not be ended; the next sweep tries again");
            open.doubtful = true;
        }
    }
}

async fn end(inner: &Inner, step: Step) -> Result<(), Fault> {
    let ended = inner.apply(step.into()).await;
    inner.litter.notify_one();
    match ended {
        Err(ChangeError::Fault(fault)) => Err(fault),
        Ok(_) | Err(ChangeError::Refused { .. }) => Ok(()),
    }
}

/// What a refused change means for a chunk.
pub(crate) fn refused(error: ChangeError) -> ChunkError {
    match error {
        ChangeError::Fault(fault) => ChunkError::Fault(fault),
        ChangeError::Refused { refusal, .. } => match refusal {
            Refusal::OverQuota { quota, used, wanted } => ChunkError::OverQuota { quota, used, wanted },
            Refusal::RangeOverlaps { range } => ChunkError::RangeOverlaps(range),
            Refusal::TooManyRanges { limit } => ChunkError::TooManyRanges { limit },
            _ => ChunkError::SessionGone,
        },
    }
}

/// A session as it stands, or stood when it was committed; none when it was never begun, was deleted or has expired.
pub(crate) async fn get(inner: &Inner, tree: &Tree, id: Uuid) -> Result<Option<Session>, Fault> {
    let key = (tree.clone(), id);
    let mut slot = inner.sessions.enter(&key).await;
    let loaded = load(inner, &mut slot, &key).await;
    let session = slot.open.as_ref().map(Open::describe);
    inner.sessions.leave(&key, slot);
    Ok(loaded?.map(complete).or(session))
}

fn complete(row: SessionRow) -> Session {
    Session { id: row.session, path: row.path, total: row.total, modified: row.touched, missing: Vec::new() }
}

/// The sessions of a path, in the order in which they were opened.
pub(crate) async fn at_path(inner: &Inner, tree: &Tree, path: &str) -> Result<Vec<Session>, Fault> {
    let mut sessions = Vec::new();
    for row in inner.in_time(inner.catalog.sessions_at(tree, path)).await?? {
        // Its id may have begun anew since, for another path.
        sessions.extend(get(inner, tree, row.session).await?.filter(|session| session.path == path));
    }
    Ok(sessions)
}

/// Makes the session's bytes the file of its path.
pub(crate) async fn commit(inner: Arc<Inner>, tree: Tree, id: Uuid) -> Result<(), SessionError> {
    let key = (tree, id);
    let mut slot = inner.sessions.enter(&key).await;
    let committed = commit_slot(&inner, &mut slot, &key).await;
    inner.sessions.leave(&key, slot);
    committed
}

async fn commit_slot(inner: &Inner, slot: &mut Slot, key: &Key) -> Result<(), SessionError> {
    let committed = load(inner, slot, key).await?;
    let Some(open) = &slot.open else { return repeated(inner, key, committed).await };
    let missing = open.recorded.missing(open.row.total);
    if !missing.is_empty() {
        return Err(SessionError::Incomplete { missing });
    }
    match inner.apply(Step::CommitSession { writer: open.row.writer }.into()).await {
        Ok(_) => {
            slot.open = None;
            inner.litter.notify_one();
            inner.unknown.notify_one();
            Ok(())
        }
        Err(ChangeError::Refused { .. }) => {
            // An earlier commit that was given up as late may have been carried out since.
            slot.open = None;
            let committed = load(inner, slot, key).await?;
            repeated(inner, key, committed).await
        }
        Err(ChangeError::Fault(fault)) => {
            // What the rows say is read again by the next request.
            slot.open = None;
            Err(fault.into())
        }
    }
}

/// A commit whose reply was lost comes again: fine while the name still has these bytes.
async fn repeated(inner: &Inner, key: &Key, committed: Option<SessionRow>) -> Result<(), SessionError> {
    let Some(row) = committed else { return Err(SessionError::Unknown) };
    let name = inner.in_time(inner.catalog.name(&key.0.name(&row.path))).await??;
    let blob = name.and_then(|name| name.content?.blob);
    if blob == Some(row.blob) { Ok(()) } else { Err(SessionError::Unknown) }
}

/// Ends a session and frees its chunks. A committed one that is still remembered is forgotten; its file stays.
pub(crate) async fn delete(inner: Arc<Inner>, tree: Tree, id: Uuid) -> Result<bool, Fault> {
    let key = (tree, id);
    let mut slot = inner.sessions.enter(&key).await;
    let deleted = delete_slot(&inner, &mut slot, &key).await;
    inner.sessions.leave(&key, slot);
    deleted
}

async fn delete_slot(inner: &Arc<Inner>, slot: &mut Slot, key: &Key) -> Result<bool, Fault> {
    let committed = load(inner, slot, key).await?;
    if let Some(open) = &mut slot.open {
        end(inner, Step::DeleteSession(open.row.writer))
            .await
            .inspect_err(|fault| open.doubtful |= fault.leaves_doubt())?;
        for flight in &open.in_flight {
            flight.cut(Cut::SessionGone, inner, key);
        }
        slot.open = None;
        return Ok(true);
    }
    let Some(row) = committed else { return Ok(false) };
    match inner.apply(Step::ForgetSession(row.writer).into()).await {
        Err(ChangeError::Fault(fault)) => Err(fault),
        _ => Ok(true),
    }
}

/// Ends in memory the sessions that the clock has ended; returns the step that ends them, and those in the catalog only, in the rows.
pub(crate) async fn expire(inner: &Inner) -> Result<Step, Fault> {
    // Read first: a session that is found alive below, and takes a chunk then, has been touched after this.
    let before = inner.clock.now().minus(inner.limits.session_expiry);
    let mut except = Vec::new();
    for key in inner.sessions.keys() {
        let mut slot = inner.sessions.enter(&key).await;
        let loaded = load(inner, &mut slot, &key).await;
        settle(inner, &mut slot).await;
        except.extend(slot.open.as_ref().filter(|open| !open.in_flight.is_empty()).map(|open| open.row.writer));
        inner.sessions.leave(&key, slot);
        if let Err(fault) = loaded {
            // Its row is ended with the others below, by the clock.
            tracing::warn!(%fault, session = %key.1, "a session could not be read");
        }
    }
    Ok(Step::AbortSessions { before, except })
}

#[cfg(test)]
mod tests {
    use crate::{ChunkRequest, Limits, Options, Store, Tree};
    use bytes::Bytes;
    use uuid::Uuid;

    #[tokio::test]
    async fn of_many_open_sessions_few_keep_their_file_open() {
        let limits = Limits { session_files: 3, disk_reserve: 0, ..Limits::default() };
        let store = Store::open(Options::ephemeral().limits(limits)).await.unwrap();
        let tree = Tree::new("toy", "files");
        let chunk = |id| ChunkRequest {
            session: Uuid::from_u128(id),
            tree: tree.clone(),
            path: "a".into(),
            total: 2,
            first: 0,
            last: 0,
            quota: None,
        };
        let mut in_flight = store.begin_chunk(chunk(0)).await.unwrap();
        for id in 1..20 {
            let mut one = store.begin_chunk(chunk(id)).await.unwrap();
            one.push(Bytes::from_static(b"x")).await.unwrap();
            one.finish().await.unwrap();
            assert!(store.inner.sessions.open_files() <= 3, "after session {id}");
        }
        in_flight.push(Bytes::from_static(b"x")).await.unwrap();
        in_flight.finish().await.unwrap();
        assert_eq!(store.sessions_at(&tree, "a").await.unwrap().len(), 20);
        assert!(store.inner.sessions.open_files() <= 3, "after all were looked at");
    }
}
