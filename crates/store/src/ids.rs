//! Random ids, injected so that tests and recorded exchanges can fix them.

use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

/// Where new ids come from. Two calls must never return the same id, not even across restarts of one data folder.
pub trait Ids: Send + Sync + 'static {
    /// A new id.
    fn next(&self) -> Uuid;

    /// A new id for a row: where the source can, behind all earlier ones. Rows that are made together then lie together in their index;
    /// with random ones each dirties a page of its own, and the log is three times as long.
    fn next_row(&self) -> Uuid {
        self.next()
    }
}

/// Random UUIDs of the operating system's generator: version 4, and for rows version 7, whose first bits are the time.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    fn next(&self) -> Uuid {
        Uuid::new_v4()
    }

    fn next_row(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// Ids that count upwards from a start, for tests that compare them.
#[derive(Debug)]
pub struct SequentialIds {
    prefix: u64,
    next: AtomicU64,
}

impl SequentialIds {
    /// Ids that begin with `prefix` and then count 1, 2, 3, …; give every run over the same folder a prefix of its own.
    #[must_use]
    pub const fn new(prefix: u64) -> Self {
        Self { prefix, next: AtomicU64::new(1) }
    }
}

impl Ids for SequentialIds {
    fn next(&self) -> Uuid {
        Uuid::from_u64_pair(self.prefix, self.next.fetch_add(1, Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequential_ids_count_and_random_ones_differ() {
        let ids = SequentialIds::new(7);
        assert_eq!(ids.next(), Uuid::from_u64_pair(7, 1));
        assert_eq!(ids.next(), Uuid::from_u64_pair(7, 2));
        assert_ne!(RandomIds.next(), RandomIds.next());
        let rows: Vec<Uuid> = (0..1_000).map(|_| RandomIds.next_row()).collect();
        assert!(rows.is_sorted_by(|one, next| one < next));
    }
}
