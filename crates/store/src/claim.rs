//! How a chunk comes to its place: the checks against its session, which the first chunk begins, and the end of older chunks
//! that send the same bytes.

use std::{sync::Arc, time::Duration};

use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use crate::{
    catalog::SessionRow,
    change::{NewWriter, Step},
    chunk::{ChunkWriter, Cut, Flight},
    error::{ChunkError, Fault},
    inner::Inner,
    model::{Account, BlobId, ByteRange, ChunkRequest},
    ranges::RangeSet,
    segments::{Container, Location},
    session::{Key, Open, Slot, load, open_file, refused, settle},
};

/// Begins a chunk: checks it against its session, which it may create, and waits until no older chunk writes the same bytes.
/// A session that is being opened is nobody's alone: it is opened even if the request that began it goes.
pub(crate) async fn begin_chunk(inner: &Arc<Inner>, request: ChunkRequest) -> Result<ChunkWriter, ChunkError> {
    let ChunkRequest { total, first, last, .. } = request;
    if first > last || last >= total {
        return Err(ChunkError::RangeInvalid { first, last, total });
    }
    inner.owned(claim(Arc::clone(inner), request)).await?
}

/// Claims the range of a chunk in its session. Where all places for large bodies are taken it waits for one only after the checks, and
/// after older chunks with the same bytes were ended: these may be who has the places.
async fn claim(inner: Arc<Inner>, request: ChunkRequest) -> Result<ChunkWriter, ChunkError> {
    let mut permit = Arc::clone(&inner.large_uploads).try_acquire_owned().ok();
    let range = ByteRange { first: request.first, last: request.last };
    let key = (request.tree.clone(), request.session);
    let mut waited_in = None;
    let mut outcome = Ok(());
    loop {
        let mut slot = inner.sessions.enter(&key).await;
        slot.waiting -= usize::from(waited_in.is_some());
        if outcome.is_ok() {
            outcome = prepare(&inner, &mut slot, &key, &request, waited_in, permit.is_some()).await;
        }
        if let Err(error) = outcome {
            settle(&inner, &mut slot).await;
            inner.sessions.leave(&key, slot);
            return Err(error);
        }
        let Some(open) = slot.open.as_mut() else {
            // The first chunk of a session has nothing to be checked against.
            inner.sessions.leave(&key, slot);
            permit = Some(place(&inner).await?);
            continue;
        };
        let rivals: Vec<_> = open.in_flight.iter().filter(|other| other.overlaps(range)).cloned().collect();
        if rivals.is_empty()
            && let Some(file) = &open.file
            && let Some(permit) = permit.take()
        {
            file.used();
            let flight = Flight::start(&inner, open.row.writer, Arc::clone(&file.writer), range);
            open.in_flight.push(Arc::clone(&flight));
            drop(slot);
            return Ok(ChunkWriter::new(inner, key, flight, permit));
        }
        waited_in = Some(open.row.writer);
        slot.waiting += 1;
        drop(slot);
        outcome = match supersede(&inner, &key, rivals).await {
            Ok(()) if permit.is_none() => place(&inner).await.map(|place| permit = Some(place)),
            superseded => superseded,
        };
    }
}

/// One of the places for large bodies.
async fn place(inner: &Inner) -> Result<OwnedSemaphorePermit, ChunkError> {
    Ok(inner.permit(&inner.large_uploads, 1, inner.limits.large_uploads).await?)
}

/// Ends older chunks, and waits until nothing of them is written any more.
async fn supersede(inner: &Arc<Inner>, key: &Key, rivals: Vec<Arc<Flight>>) -> Result<(), ChunkError> {
    for rival in rivals {
        rival.cut(Cut::Superseded, inner, key);
        inner.in_time(rival.gone()).await?;
    }
    Ok(())
}

/// Makes sure that there is a session. A chunk that waited in one stays in it; a late duplicate for one that was committed must not
/// begin another, which nobody would end. Only a chunk that `may_write` begins one, and opens its file.
async fn prepare(
    inner: &Arc<Inner>,
    slot: &mut Slot,
    key: &Key,
    request: &ChunkRequest,
    waited_in: Option<Uuid>,
    may_write: bool,
) -> Result<(), ChunkError> {
    let committed = load(inner, slot, key).await?;
    let found = slot.open.as_ref().map(|open| open.row.writer);
    if waited_in.is_some() && found != waited_in {
        return Err(ChunkError::SessionGone);
    }
    if committed.is_some() {
        return Err(ChunkError::RangeOverlaps(ByteRange { first: request.first, last: request.last }));
    }
    if let Some(open) = &mut slot.open {
        check(inner, open, request)?;
        if may_write {
            open_file(inner, open, key).await?;
        }
    } else if may_write {
        inner.segments.check_room(request.total)?;
        slot.open = Some(create(inner, request, key).await?);
    }
    Ok(())
}

async fn create(inner: &Arc<Inner>, request: &ChunkRequest, key: &Key) -> Result<Open, ChunkError> {
    let full = |_| Fault::Busy { limit: inner.limits.open_sessions, deadline: Duration::ZERO };
    let counted = Some(Arc::clone(&inner.open_sessions).try_acquire_owned().map_err(full)?);
    let (writer, blob) = (inner.ids.next_row(), BlobId(inner.ids.next_row()));
    let tree = &request.tree;
    let new = NewWriter {
        id: writer,
        blob,
        location: Location { container: Container::Own(blob.0), offset: 0 },
        session: Some((request.session, tree.name(&request.path))),
        account: Account::new(&tree.dialect, &tree.scope).with_quota(request.quota),
        declared: Some(request.total),
        reserve: request.total,
    };
    let made = async {
        let applied = inner.apply(Step::OpenWriter(Box::new(new)).into()).await.map_err(refused)?;
        let file = inner.in_time(inner.segments.create(blob.0, None)).await??;
        Ok((applied, file))
    };
    let (applied, file) = match made.await {
        Ok(made) => made,
        Err(error) => {
            // Ended before the place is given up: the next chunk must not take the row for a session.
            if matches!(error, ChunkError::Fault(_)) {
                inner.abort(writer).await;
            }
            return Err(error);
        }
    };
    let row = SessionRow {
        writer,
        session: request.session,
        path: request.path.clone(),
        blob,
        committed: None,
        total: request.total,
        received: 0,
        ranges: 0,
        touched: applied.at,
    };
    let file = Some(inner.sessions.opened(key, file, inner.limits.session_files));
    let recorded = RangeSet::default();
    Ok(Open { row, file, recorded, in_flight: Vec::new(), doubtful: false, _counted: counted })
}

fn check(inner: &Inner, open: &Open, request: &ChunkRequest) -> Result<(), ChunkError> {
    let row = &open.row;
    if row.path != request.path {
        return Err(ChunkError::PathConflict { actual: row.path.clone(), asked: request.path.clone() });
    }
    if row.total != request.total {
        return Err(ChunkError::TotalDiffers { expected: row.total, asked: request.total });
    }
    let range = ByteRange { first: request.first, last: request.last };
    if open.recorded.overlaps(range) {
        return Err(ChunkError::RangeOverlaps(range));
    }
    let limit = inner.limits.session_ranges;
    if row.ranges + open.in_flight.len() as u64 >= limit {
        return Err(ChunkError::TooManyRanges { limit });
    }
    Ok(())
}
