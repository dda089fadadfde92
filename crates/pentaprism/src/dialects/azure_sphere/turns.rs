//! Who came first: moments that never repeat and never go back, as a clock may.

use std::sync::atomic::{AtomicI64, Ordering};

/// The moments that were given out, in microseconds since 1970.
#[derive(Debug, Default)]
pub(super) struct Turns(AtomicI64);

impl Turns {
    /// The moment `now`, or, when that was given out already, the next one behind all others.
    pub(super) fn take(&self, now: i64) -> i64 {
        let behind = |last: i64| now.max(last.saturating_add(1));
        let last = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| Some(behind(last)));
        behind(last.unwrap_or_else(|last| last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_moment_comes_twice_or_before_another() {
        let turns = Turns::default();
        let taken = [5, 5, 3, 9, 9, i64::MAX].map(|now| turns.take(now));
        assert_eq!(taken, [5, 6, 7, 9, 10, i64::MAX]);
    }
}
