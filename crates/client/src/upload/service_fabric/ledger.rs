//! What an upload has sent, told on to whoever wants to know, with the bytes that were sent in vain.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::progress::Progress;

/// Stands between the source and the caller's own progress.
///
/// Bytes that the service forgets are acknowledged twice; the second time is not told, so that what is told never exceeds the file.
pub(super) struct Ledger {
    outer: Option<Arc<dyn Progress>>,
    in_vain: AtomicU64,
    forgotten: Mutex<u64>,
}

impl Ledger {
    pub(super) fn new(outer: Option<Arc<dyn Progress>>) -> Self {
        Self { outer, in_vain: AtomicU64::new(0), forgotten: Mutex::new(0) }
    }

    /// How many bytes were sent that the service did not take, or lost.
    pub(super) fn in_vain(&self) -> u64 {
        self.in_vain.load(Ordering::Relaxed)
    }

    /// `bytes` are at the service, though no answer had come for them. `lost` of them were sent by this upload and taken back.
    pub(super) fn arrived(&self, bytes: u64, lost: u64) {
        let less = |in_vain: u64| Some(in_vain.saturating_sub(lost));
        // It cannot fail: the closure always gives a number.
        let _ = self.in_vain.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        if let (Some(outer), 1..) = (&self.outer, bytes) {
            outer.sent(bytes);
        }
        self.acknowledged(bytes);
    }

    /// `bytes` that the service had acknowledged are lost there.
    pub(super) fn forgotten(&self, bytes: u64) {
        *self.forgotten.lock().unwrap_or_else(PoisonError::into_inner) += bytes;
        self.taken_back(bytes);
    }
}

impl Progress for Ledger {
    fn sent(&self, bytes: u64) {
        if let Some(outer) = &self.outer {
            outer.sent(bytes);
        }
    }

    fn taken_back(&self, bytes: u64) {
        self.in_vain.fetch_add(bytes, Ordering::Relaxed);
        if let (Some(outer), 1..) = (&self.outer, bytes) {
            outer.taken_back(bytes);
        }
    }

    fn acknowledged(&self, bytes: u64) {
        let again = {
            let mut forgotten = self.forgotten.lock().unwrap_or_else(PoisonError::into_inner);
            let again = bytes.min(*forgotten);
            *forgotten -= again;
            again
        };
        if let (Some(outer), 1..) = (&self.outer, bytes - again) {
            outer.acknowledged(bytes - again);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Counters;

    #[test]
    fn what_is_forgotten_is_told_once() {
        let counters = Arc::new(Counters::default());
        let ledger = Ledger::new(Some(counters.clone()));
        ledger.sent(10);
        ledger.acknowledged(10);
        ledger.forgotten(6);
        assert_eq!((counters.bytes_sent(), counters.bytes_acknowledged(), ledger.in_vain()), (4, 10, 6));
        ledger.sent(8);
        ledger.acknowledged(8);
        assert_eq!((counters.bytes_sent(), counters.bytes_acknowledged(), ledger.in_vain()), (12, 12, 6));
    }

    #[test]
    fn what_arrived_after_all_was_not_in_vain() {
        let counters = Arc::new(Counters::default());
        let ledger = Ledger::new(Some(counters.clone()));
        ledger.sent(10);
        ledger.taken_back(10);
        ledger.arrived(15, 10);
        assert_eq!((counters.bytes_sent(), counters.bytes_acknowledged(), ledger.in_vain()), (15, 15, 0));
    }
}
