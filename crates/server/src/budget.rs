//! How much memory the bodies may take together that are collected before they are parsed.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body::Body as _;
use pentaprism_core::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use crate::Refusal;

/// How long a request waits for its share. Clients give up not much later.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a body may come at any speed.
const GRACE: Duration = Duration::from_secs(10);
/// How many bytes per second it brings on average from then on.
const RATE: u64 = 64 * 1024;
/// What is first asked of the allocator for a body of unknown length, in bytes.
const FIRST: u64 = 16 * 1024;

/// Memory that collected bodies share, in bytes. A request reserves the length of its body before it reads any of it, waits
/// in the order of arrival while there is too little, and gives it back when its handler has returned. A body that holds a
/// reservation must not be slow, since others wait for it.
#[derive(Debug)]
pub struct BodyBudget {
    free: Arc<Semaphore>,
    total: u32,
}

impl BodyBudget {
    /// A budget of `bytes`; what one body may have at most is up to [`Api::collected_body_limit`](crate::Api::collected_body_limit).
    /// A body that is larger than the whole budget takes all of it.
    #[must_use]
    pub fn new(bytes: u32) -> Self {
        let total = bytes.max(1);
        let permits = usize::try_from(total).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(permits)), total }
    }

    /// How many bytes are free at the moment.
    #[must_use]
    pub fn free(&self) -> usize {
        self.free.available_permits()
    }

    /// Reserves a body's length, or the limit where it does not say, then reads it: for bodies of operations that stream,
    /// which a handler needs as a whole all the same. The others are collected before their handler runs.
    ///
    /// # Errors
    /// [`Refusal::BodyTooLarge`] before anything is reserved where the length says so, [`Refusal::Unavailable`] when there
    /// was no room in time, [`Refusal::BodyStalled`] for a slow body, or what broke it off.
    pub async fn collect(&self, body: Body, limit: u64) -> Result<(Bytes, Reservation), Refusal> {
        let length = body.size_hint();
        if length.lower() > limit {
            return Err(Refusal::BodyTooLarge { limit });
        }
        let declared = length.exact();
        let mut reservation = self.reserve(declared.unwrap_or(limit)).await?;
        let collected = gather(body, limit, declared).await?;
        reservation.shrink(collected.capacity());
        Ok((collected.into(), reservation))
    }

    async fn reserve(&self, bytes: u64) -> Result<Reservation, Refusal> {
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.total);
        let waiting = Arc::clone(&self.free).acquire_many_owned(permits);
        match timeout(PATIENCE, waiting).await {
            Ok(Ok(permit)) => Ok(Reservation(permit)),
            Ok(Err(_)) | Err(_) => Err(Refusal::Unavailable),
        }
    }
}

/// A share of a [`BodyBudget`], given back when it is dropped.
#[derive(Debug)]
pub struct Reservation(OwnedSemaphorePermit);

impl Reservation {
    /// Gives back what a body of unknown length did not need.
    fn shrink(&mut self, needed: usize) {
        let surplus = self.0.num_permits().saturating_sub(needed);
        drop(self.0.split(surplus));
    }
}

/// Reads a body that came fast enough, into no more memory than was reserved.
async fn gather(mut body: Body, limit: u64, declared: Option<u64>) -> Result<Vec<u8>, Refusal> {
    let begun = Instant::now();
    let mut collected = Vec::new();
    reserve_exact(&mut collected, declared.unwrap_or_default());
    loop {
        let length = collected.len() as u64;
        let allowed = GRACE + Duration::from_millis(length.saturating_mul(1000) / RATE);
        let piece = timeout_at(begun + allowed, body.data()).await.map_err(|_| Refusal::BodyStalled(allowed))?;
        let Some(piece) = piece.transpose()? else { return Ok(collected) };
        let longer = length + piece.len() as u64;
        if longer > limit {
            return Err(Refusal::BodyTooLarge { limit });
        }
        let capacity = collected.capacity() as u64;
        if longer > capacity {
            // Doubled as usual, but never beyond what was reserved.
            let doubled = capacity.saturating_mul(2).max(FIRST).max(longer).min(limit);
            reserve_exact(&mut collected, doubled - length);
        }
        collected.extend_from_slice(&piece);
    }
}

fn reserve_exact(collected: &mut Vec<u8>, additional: u64) {
    // What does not fit into the address space fails in the allocation that follows, not here.
    collected.reserve_exact(usize::try_from(additional).unwrap_or_default());
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
