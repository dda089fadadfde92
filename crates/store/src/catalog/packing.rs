//! Small bodies that come with their bytes: the committer stores those of a whole batch with one sync, behind the record of the batch, then
//! writes their rows.

use bytes::Bytes;

use super::{
    batch::Job,
    journal::{self, HEAD, Journal, Place},
};
use crate::{
    change::{Applied, Effect, Step},
    clock::Timestamp,
    error::{ChangeError, Fault},
    segments::{Location, Packs},
};

/// A body that was stored with its batch.
struct Packed {
    job: usize,
    step: usize,
    location: Location,
    length: u64,
}

/// What was stored of a batch before its rows are written.
#[derive(Default)]
pub(super) struct Stored {
    packed: Vec<Packed>,
    /// Where the record of the batch stands, if it has one.
    pub(super) record: Option<Location>,
    /// Bytes of that record: about what its changes take in memory.
    pub(super) record_bytes: u64,
    /// Where the next record goes, if anything was stored for good.
    pub(super) next: Option<Place>,
    /// Jobs whose bytes were not stored, and why. A crash may find their record until the rows go on without it.
    pub(super) failed: Vec<(Job, Fault)>,
}

/// Stores the bytes that a batch brings, and tells its bodies where they lie. When that fails, the jobs that brought some are answered and
/// leave the batch.
pub(super) fn store(packs: &dyn Packs, journal: &Journal, now: Timestamp, batch: &mut Vec<Job>) -> Stored {
    let record = journal.record(now, batch.iter().map(|job| &job.change));
    let record_bytes = record.as_ref().map_or(0, |record| record.len() as u64);
    let has_record = record.is_some();
    let frames: Vec<Bytes> = record.into_iter().chain(batch.iter().flat_map(bytes_of)).collect();
    if frames.is_empty() {
        return Stored::default();
    }
    match packs.store(&frames) {
        Ok(first) => {
            let bodies = Location { offset: first.offset + record_bytes, ..first };
            let (mut packed, end) = settle(batch, bodies);
            // Without durability the journal never learns of a place, so no batch has a record.
            let next = Place::of(end).filter(|_| packs.is_durable());
            let mut record = has_record.then_some(first);
            if batch.iter().any(is_late) && record.is_none_or(|record| erase(packs, record).is_ok()) {
                record = None;
                leave_late(packs, batch, &mut packed);
            }
            Stored { packed, record, record_bytes, next, failed: Vec::new() }
        }
        Err(fault) => {
            tracing::warn!(%fault, bodies = frames.len(), "a batch of small bodies failed");
            let failed = batch.extract_if(.., |job| bytes_of(job).next().is_some()).map(|job| (job, fault.clone()));
            if has_record && journal.is_in_doubt(packs) {
                return Stored { failed: failed.collect(), ..Stored::default() };
            }
            failed.for_each(|(job, fault)| answer(job, Err(ChangeError::Fault(fault))));
            Stored::default()
        }
    }
}

/// Nobody waits when the caller was dropped; a change is made all the same.
pub(super) fn answer(job: Job, result: Result<Applied, ChangeError>) {
    drop(job.reply.send(result));
}

/// The bytes that a job brings. Cheap: clones share them.
fn bytes_of(job: &Job) -> impl Iterator<Item = Bytes> {
    journal::bodies(&job.change).filter_map(|body| body.bytes.clone())
}

/// Tells the bodies where they lie, the first at `next`, and returns the end of the last.
fn settle(batch: &mut [Job], mut next: Location) -> (Vec<Packed>, Location) {
    let mut packed = Vec::with_capacity(batch.len());
    for (job, one) in batch.iter_mut().enumerate() {
        for (step, change) in one.change.steps.iter_mut().enumerate() {
            let Step::Commit(body) = change else { continue };
            let Some(bytes) = body.bytes.take() else { continue };
            let length = bytes.len() as u64;
            body.location = next;
            packed.push(Packed { job, step, location: next, length });
            next.offset += length;
        }
    }
    (packed, next)
}

/// Whoever brought bytes and waited for them too long was told so.
fn is_late(job: &Job) -> bool {
    job.reply.is_closed() && journal::bodies(&job.change).next().is_some_and(|body| body.writer.is_none())
}

/// Jobs that are late get no rows, which no record speaks of.
fn leave_late(packs: &dyn Packs, batch: &mut Vec<Job>, packed: &mut Vec<Packed>) {
    let late: Vec<bool> = batch.iter().map(is_late).collect();
    packed.extract_if(.., |body| late[body.job]).for_each(|body| packs.give_back(body.location, body.length));
    for body in packed {
        body.job -= late[..body.job].iter().filter(|late| **late).count();
    }
    let mut late = late.into_iter();
    batch.retain(|_| late.next() == Some(false));
}

/// Takes the head of a record away.
pub(super) fn erase(packs: &dyn Packs, record: Location) -> Result<(), Fault> {
    packs.erase(record, HEAD)
}

/// Gives back what no row came to name: the bodies of refused changes, and those that were stored before. A body that a record speaks of
/// waits until nobody needs the record.
pub(super) fn give_back(
    packs: &dyn Packs,
    journal: &mut Journal,
    stored: &Stored,
    results: &[Result<Applied, ChangeError>],
) {
    for body in &stored.packed {
        let unnamed = match &results[body.job] {
            Ok(applied) => matches!(applied.effects.get(body.step), Some(Effect::Shared(_))),
            Err(ChangeError::Refused { .. }) => true,
            // Where nobody knows whether a row names the bytes, they stay.
            Err(ChangeError::Fault(fault)) => !fault.leaves_doubt(),
        };
        match (unnamed, stored.record) {
            (true, Some(_)) => journal.owe(body.location, body.length),
            (true, None) => packs.give_back(body.location, body.length),
            (false, _) => {}
        }
    }
}
