//! Which bytes of a session are there: ranges that are merged as they come.

use std::collections::BTreeMap;

use crate::model::ByteRange;

/// Disjoint ranges, touching ones merged. First byte to the one behind the last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RangeSet(BTreeMap<u64, u64>);

impl RangeSet {
    /// Whether any byte of the range is there.
    pub(crate) fn overlaps(&self, range: ByteRange) -> bool {
        self.0.range(..=range.last).next_back().is_some_and(|(_, end)| *end > range.first)
    }

    /// Adds a range that overlaps nothing.
    pub(crate) fn insert(&mut self, range: ByteRange) {
        debug_assert!(!self.overlaps(range), "ranges are checked before they are added");
        let mut first = range.first;
        let mut end = range.last + 1;
        if let Some((before, reaches)) = self.0.range(..first).next_back()
            && *reaches == first
        {
            first = *before;
        }
        if let Some(behind) = self.0.remove(&end) {
            end = behind;
        }
        self.0.insert(first, end);
    }

    /// What is missing of `total` bytes, ascending, as few ranges as possible.
    pub(crate) fn missing(&self, total: u64) -> Vec<ByteRange> {
        let mut missing = Vec::new();
        let mut next = 0;
        for (first, end) in &self.0 {
            if *first > next {
                missing.push(ByteRange { first: next, last: first - 1 });
            }
            next = *end;
        }
        if next < total {
            missing.push(ByteRange { first: next, last: total - 1 });
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(first: u64, last: u64) -> ByteRange {
        ByteRange { first, last }
    }

    #[test]
    fn the_documented_example_of_missing_ranges() {
        let mut set = RangeSet::default();
        assert_eq!(set.missing(1_000), [range(0, 999)]);
        set.insert(range(400, 699));
        assert_eq!(set.missing(1_000), [range(0, 399), range(700, 999)]);
        set.insert(range(900, 999));
        assert_eq!(set.missing(1_000), [range(0, 399), range(700, 899)]);
        set.insert(range(0, 399));
        set.insert(range(700, 899));
        assert_eq!(set.missing(1_000), []);
        assert_eq!(set.0.len(), 1, "touching ranges are merged");
    }

    proptest! {
        #[test]
        fn ranges_agree_with_one_flag_per_byte(chunks in proptest::collection::vec((0_u64..60, 1_u64..12), 0..40)) {
            const TOTAL: u64 = 72;
            let mut set = RangeSet::default();
            let mut there = [false; 72];
            for (first, length) in chunks {
                let chunk = range(first, first + length - 1);
                let bytes = usize::try_from(first).unwrap()..usize::try_from(first + length).unwrap();
                let taken = there[bytes.clone()].iter().any(|byte| *byte);
                prop_assert_eq!(set.overlaps(chunk), taken);
                if !taken {
                    set.insert(chunk);
                    there[bytes].fill(true);
                }
                let mut naive: Vec<ByteRange> = Vec::new();
                for (at, _) in there.iter().enumerate().filter(|(_, there)| !**there) {
                    let at = at as u64;
                    match naive.last_mut() {
                        Some(last) if last.last + 1 == at => last.last = at,
                        _ => naive.push(range(at, at)),
                    }
                }
                prop_assert_eq!(set.missing(TOTAL), naive);
            }
        }
    }
}
