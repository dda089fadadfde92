//! Sets of byte positions, kept as stretches that neither overlap nor touch.

use std::collections::BTreeMap;
use std::ops::Range;

/// A set of positions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Spans(BTreeMap<u64, u64>);

impl Spans {
    pub(super) fn of(range: Range<u64>) -> Self {
        let mut spans = Self::default();
        spans.insert(range);
        spans
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many positions there are.
    pub(super) fn count(&self) -> u64 {
        self.iter().map(|span| span.end - span.start).sum()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.0.iter().map(|(&start, &end)| start..end)
    }

    pub(super) fn first(&self) -> Option<Range<u64>> {
        self.iter().next()
    }

    pub(super) fn insert(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let (mut start, mut end) = (range.start, range.end);
        // Whatever overlaps or touches becomes one stretch with it.
        while let Some((&other_start, &other_end)) = self.0.range(..=end).next_back() {
            if other_end < start {
                break;
            }
            self.0.remove(&other_start);
            (start, end) = (start.min(other_start), end.max(other_end));
        }
        self.0.insert(start, end);
    }

    /// Takes the positions of `range` out, and gives those that were there.
    pub(super) fn take(&mut self, range: Range<u64>) -> Self {
        let mut taken = Self::default();
        if range.is_empty() {
            return taken;
        }
        while let Some((&start, &end)) = self.0.range(..range.end).next_back() {
            if end <= range.start {
                break;
            }
            self.0.remove(&start);
            taken.0.insert(start.max(range.start), end.min(range.end));
            if end > range.end {
                self.0.insert(range.end, end);
            }
            if start < range.start {
                self.0.insert(start, range.start);
                break;
            }
        }
        taken
    }

    /// Takes all of `other` out, and gives those that were there.
    pub(super) fn take_all(&mut self, other: &Self) -> Self {
        let mut taken = Self::default();
        other.iter().for_each(|span| taken.insert_all(&self.take(span)));
        taken
    }

    pub(super) fn insert_all(&mut self, other: &Self) {
        other.iter().for_each(|span| self.insert(span));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set_in_as_few_stretches_as_possible(
            steps in prop::collection::vec((any::<bool>(), 0_u64..60, 0_u64..20), 0..40),
        ) {
            let (mut spans, mut set) = (Spans::default(), BTreeSet::new());
            for (inserted, start, length) in steps {
                let range = start..start + length;
                if inserted {
                    spans.insert(range.clone());
                    set.extend(range);
                } else {
                    let taken: Vec<u64> = spans.take(range.clone()).iter().flatten().collect();
                    let expected: Vec<u64> = set.iter().copied().filter(|position| range.contains(position)).collect();
                    prop_assert_eq!(taken, expected);
                    set.retain(|position| !range.contains(position));
                }
                prop_assert_eq!(spans.iter().flatten().collect::<BTreeSet<_>>(), set.clone());
                prop_assert_eq!(spans.count(), set.len() as u64);
                let stretches: Vec<_> = spans.iter().collect();
                prop_assert!(stretches.windows(2).all(|pair| pair[0].end < pair[1].start));
            }
        }
    }
}
