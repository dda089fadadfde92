//! Sets of page numbers, kept as ranges.

use std::{collections::BTreeMap, ops::Range};

/// Ranges that neither overlap nor touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Extents(BTreeMap<u64, u64>);

impl Extents {
    pub(crate) fn insert(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let (mut start, mut end) = (range.start, range.end);
        let touching: Vec<u64> =
            self.0.range(..=end).rev().take_while(|(_, other)| **other >= start).map(|(first, _)| *first).collect();
        for first in touching {
            let other = self.0.remove(&first).unwrap();
            (start, end) = (start.min(first), end.max(other));
        }
        self.0.insert(start, end);
    }

    pub(crate) fn remove(&mut self, range: Range<u64>) {
        let touched: Vec<(u64, u64)> = self
            .0
            .range(..range.end)
            .rev()
            .take_while(|(_, end)| **end > range.start)
            .map(|(start, end)| (*start, *end))
            .collect();
        for (start, end) in touched {
            self.0.remove(&start);
            if start < range.start {
                self.0.insert(start, range.start);
            }
            if end > range.end {
                self.0.insert(range.end, end);
            }
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.iter().map(|(start, end)| end - start).sum()
    }

    /// How many numbers of a range are not there.
    pub(crate) fn missing(&self, range: Range<u64>) -> u64 {
        let mut with = self.clone();
        with.insert(range);
        with.count() - self.count()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u64> {
        self.0.iter().flat_map(|(start, end)| *start..*end)
    }

    pub(crate) fn contains(&self, number: u64) -> bool {
        self.0.range(..=number).next_back().is_some_and(|(_, end)| *end > number)
    }
}

#[test]
fn ranges_grow_together_and_are_cut() {
    let mut set = Extents::default();
    set.insert(0..4);
    set.insert(6..8);
    assert_eq!((set.count(), set.missing(2..7)), (6, 2));
    set.insert(4..6);
    assert_eq!(set.0.len(), 1);
    set.remove(1..3);
    assert_eq!(set.0, BTreeMap::from([(0, 1), (3, 8)]));
    assert!(set.contains(0) && !set.contains(1) && set.contains(7) && !set.contains(8));
    set.insert(0..9);
    set.remove(0..9);
    assert_eq!(set.count(), 0);
}
