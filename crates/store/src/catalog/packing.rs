//! Small bodies that come with their bytes: the committer stores those of a whole batch with one sync, then writes their rows.

use bytes::Bytes;

use super::committer::Job;
use crate::{
    change::{Applied, Effect, Step},
    error::ChangeError,
    segments::{Location, Packs},
};

/// A body that was stored with its batch.
pub(super) struct Packed {
    job: usize,
    step: usize,
    location: Location,
    length: u64,
}

/// Stores the bytes that a batch brings, and tells its bodies where they lie. When that fails, the jobs that brought some are answered and
/// leave the batch.
pub(super) fn store(packs: &dyn Packs, batch: &mut Vec<Job>) -> Vec<Packed> {
    let brought: Vec<Bytes> = batch.iter().flat_map(bytes_of).collect();
    if brought.is_empty() {
        return Vec::new();
    }
    match packs.store(&brought) {
        Ok(first) => settle(packs, batch, first),
        Err(fault) => {
            tracing::warn!(%fault, bodies = brought.len(), "a batch of small bodies failed");
            let failed = batch.extract_if(.., |job| bytes_of(job).next().is_some());
            for job in failed {
                drop(job.reply.send(Err(ChangeError::Fault(fault.clone()))));
            }
            Vec::new()
        }
    }
}

/// The bytes that a job brings. Cheap: clones share them.
fn bytes_of(job: &Job) -> impl Iterator<Item = Bytes> {
    job.change.steps.iter().filter_map(|step| match step {
        Step::Commit(body) => body.bytes.clone(),
        _ => None,
    })
}

/// Tells the bodies where they lie, the first at `next`. Who waited too long for that was told so, and gets no rows.
fn settle(packs: &dyn Packs, batch: &mut Vec<Job>, mut next: Location) -> Vec<Packed> {
    let mut packed = Vec::with_capacity(batch.len());
    let mut job = 0;
    batch.retain_mut(|one| {
        let before = packed.len();
        for (step, change) in one.change.steps.iter_mut().enumerate() {
            let Step::Commit(body) = change else { continue };
            let Some(bytes) = body.bytes.take() else { continue };
            let length = bytes.len() as u64;
            body.location = next;
            packed.push(Packed { job, step, location: next, length });
            next.offset += length;
        }
        let is_late = packed.len() > before && one.reply.is_closed();
        if is_late {
            packed.drain(before..).for_each(|body| packs.give_back(body.location, body.length));
        } else {
            job += 1;
        }
        !is_late
    });
    packed
}

/// Gives back what no row came to name: the bodies of refused changes, and those that were stored before.
pub(super) fn give_back(packs: &dyn Packs, packed: &[Packed], results: &[Result<Applied, ChangeError>]) {
    for body in packed {
        let unnamed = match &results[body.job] {
            Ok(applied) => matches!(applied.effects.get(body.step), Some(Effect::Shared(_))),
            Err(ChangeError::Refused { .. }) => true,
            // Where nobody knows whether a row names the bytes, they stay.
            Err(ChangeError::Fault(fault)) => !fault.leaves_doubt(),
        };
        if unnamed {
            packs.give_back(body.location, body.length);
        }
    }
}
