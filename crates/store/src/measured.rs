//! Inner parts that benchmarks measure alone, so that they run the code of the store and not a copy of it. No promise to anybody else.

use crate::{
    digest::{self, DigestSet, Digests},
    model::ByteRange,
    ranges::RangeSet,
};

/// The digests of a body in pieces, as an upload computes them.
pub fn digests<'a>(set: DigestSet, pieces: &(impl Iterator<Item = &'a [u8]> + Clone)) -> Digests {
    digest::of_frames(set, pieces)
}

/// The chunks of a session that are there.
#[derive(Debug, Clone, Default)]
pub struct Chunks(RangeSet);

impl Chunks {
    /// Takes a chunk; says whether it overlapped one that is there, and was refused.
    pub fn take(&mut self, range: ByteRange) -> bool {
        let overlaps = self.0.overlaps(range);
        if !overlaps {
            self.0.insert(range);
        }
        overlaps
    }

    /// What is missing of `total` bytes.
    #[must_use]
    pub fn missing(&self, total: u64) -> Vec<ByteRange> {
        self.0.missing(total)
    }
}
