//! What of a file is still to be sent: pure bookkeeping, without connection, clock or file.

use std::num::NonZeroU64;
use std::ops::Range;

use super::spans::Spans;

/// Says which chunk of a file to send next, and what is known about each byte.
///
/// A byte is missing, in flight, stored, or of unknown fate: its chunk was sent and no answer came. Bytes of unknown fate are not
/// sent again before the service was asked about them, because it refuses what it has. A question is opened with
/// [`ask`](Self::ask) when it is sent, and its answer given to [`expected`](Self::expected): what was on its way in between is not
/// judged by an answer that may be older.
///
/// ```
/// use pentaprism_client::upload::service_fabric::ChunkPlan;
///
/// let mut plan = ChunkPlan::new(100, 40.try_into()?);
/// assert_eq!((plan.next(), plan.next()), (Some(0..40), Some(40..80)));
/// plan.acknowledged(0..40);
/// plan.lost(40..80);
/// assert!(plan.must_ask());
/// plan.ask();
/// // The chunk had arrived: only the rest is expected.
/// plan.expected([80..100]);
/// assert_eq!(plan.next(), Some(80..100));
/// plan.acknowledged(80..100);
/// assert!(plan.is_complete());
/// # Ok::<(), std::num::TryFromIntError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ChunkPlan {
    length: u64,
    chunk_bytes: NonZeroU64,
    // Each byte is in exactly one of these four.
    missing: Spans,
    flying: Spans,
    unsure: Spans,
    stored: Spans,
    /// The bytes that the answer to the open question will speak of with certainty.
    asked: Option<Spans>,
}

/// What an answer of the service changed, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Answered {
    /// Not known to be stored before: they are there.
    pub arrived: u64,
    /// How many of those had been lost.
    pub lost: u64,
    /// Known to be stored before: they are expected again.
    pub forgotten: u64,
}

impl ChunkPlan {
    /// A file of which nothing was sent, in chunks of `chunk_bytes`.
    #[must_use]
    pub fn new(length: u64, chunk_bytes: NonZeroU64) -> Self {
        let missing = Spans::of(0..length);
        let (flying, unsure, stored) = Default::default();
        Self { length, chunk_bytes, missing, flying, unsure, stored, asked: None }
    }

    /// A chunk to send now, if there is one. It is in flight from here on, and its end has to be told.
    #[expect(clippy::should_implement_trait, reason = "it may give chunks again after it gave none")]
    pub fn next(&mut self) -> Option<Range<u64>> {
        let first = self.missing.first()?;
        let chunk = first.start..first.end.min(first.start.saturating_add(self.chunk_bytes.get()));
        self.missing.take(chunk.clone());
        self.flying.insert(chunk.clone());
        if let Some(asked) = &mut self.asked {
            asked.take(chunk.clone());
        }
        Some(chunk)
    }

    /// The service has taken a chunk that was in flight.
    pub fn acknowledged(&mut self, chunk: Range<u64>) {
        self.stored.insert_all(&self.flying.take(chunk));
    }

    /// A chunk was in flight, and nobody knows whether the service has it.
    pub fn lost(&mut self, chunk: Range<u64>) {
        self.unsure.insert_all(&self.flying.take(chunk));
    }

    /// A chunk that was handed out was not sent.
    pub fn not_sent(&mut self, chunk: Range<u64>) {
        self.missing.insert_all(&self.flying.take(chunk));
    }

    /// Whether the service must be asked before everything can be sent.
    #[must_use]
    pub fn must_ask(&self) -> bool {
        !self.unsure.is_empty()
    }

    /// The service is asked now what it expects. An earlier question that got no answer is given up.
    pub fn ask(&mut self) {
        let mut asked = Spans::of(0..self.length);
        asked.take_all(&self.flying);
        self.asked = Some(asked);
    }

    /// The service's answer: all that it lacks, in any order. It changes nothing where nobody asked.
    ///
    /// Bytes that were in flight when it was asked, or were handed out since, keep their state.
    pub fn expected(&mut self, ranges: impl IntoIterator<Item = Range<u64>>) -> Answered {
        let Some(mut there) = self.asked.take() else { return Answered::default() };
        let mut lacking = Spans::default();
        ranges.into_iter().for_each(|range| lacking.insert_all(&there.take(range)));
        let forgotten = self.stored.take_all(&lacking);
        // What is unsure and lacking is missing now.
        self.unsure.take_all(&lacking);
        self.missing.insert_all(&lacking);
        let (others, lost) = (self.missing.take_all(&there), self.unsure.take_all(&there));
        self.stored.insert_all(&others);
        self.stored.insert_all(&lost);
        Answered { arrived: others.count() + lost.count(), lost: lost.count(), forgotten: forgotten.count() }
    }

    /// The service knows nothing of the upload (any more): as if it expected everything.
    pub fn restart(&mut self) -> Answered {
        if self.asked.is_none() {
            self.ask();
        }
        self.expected(std::iter::once(0..self.length))
    }

    /// Sends smaller chunks from here on, a quarter as large, but not below `least` bytes: for connections that break within each.
    pub fn shrink(&mut self, least: NonZeroU64) {
        let quarter = NonZeroU64::new(self.chunk_bytes.get() / 4).unwrap_or(NonZeroU64::MIN);
        self.chunk_bytes = quarter.max(least).min(self.chunk_bytes);
    }

    /// Whether the service has every byte.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.flying.is_empty() && self.unsure.is_empty()
    }

    /// How many bytes the file has.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// How many bytes the service is known to have.
    #[must_use]
    pub fn bytes_stored(&self) -> u64 {
        self.stored.count()
    }
}

#[cfg(test)]
mod tests;
