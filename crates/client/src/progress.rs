//! How far an upload is, told while it runs.

use std::sync::atomic::{AtomicU64, Ordering};

/// Learns how far an upload is. All numbers are bytes of the uploaded image, added to what was told before.
///
/// *Sent* bytes have been handed to the connection; *acknowledged* ones the service has answered for. When an attempt fails and
/// its bytes are to be sent again, they are taken back. Calls come from the task that sends: they must return at once.
pub trait Progress: Send + Sync {
    /// `bytes` more were handed to the connection.
    fn sent(&self, bytes: u64);

    /// `bytes` that were sent count no more: their attempt failed.
    fn taken_back(&self, bytes: u64);

    /// The service has answered for `bytes` more.
    fn acknowledged(&self, bytes: u64);
}

/// Adds up what it is told.
///
/// ```
/// use pentaprism_client::{Counters, Progress as _};
/// let counters = Counters::default();
/// counters.sent(10);
/// counters.taken_back(4);
/// assert_eq!((counters.bytes_sent(), counters.bytes_acknowledged()), (6, 0));
/// ```
#[derive(Debug, Default)]
pub struct Counters {
    sent: AtomicU64,
    acknowledged: AtomicU64,
}

impl Counters {
    /// Bytes that were sent and not taken back.
    pub fn bytes_sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Bytes that the service has answered for.
    pub fn bytes_acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }
}

impl Progress for Counters {
    fn sent(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
    }

    fn taken_back(&self, bytes: u64) {
        self.sent.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn acknowledged(&self, bytes: u64) {
        self.acknowledged.fetch_add(bytes, Ordering::Relaxed);
    }
}
