//! How long an operation may take once the last byte of its request is there (D-043, D-045).
//!
//! While a body comes in, no wait for the store may be longer than `timeout` either, but these waits are not added up: how
//! long an upload takes is the network's affair. The store ends waits by a deadline of its own, which is 503 and not 504.

use std::future::Future;
use std::time::Duration;

use pentaprism_core::dialects::service_fabric::upload_file::UploadFile;
use tokio::time::Instant;

/// The largest `timeout` in seconds that counts; larger ones are ignored like every wrong value.
const LARGEST: i64 = 4_294_967_295;

/// The moment at which the request's own `timeout` runs out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    at: Instant,
    seconds: u64,
}

/// `timeout` ran out. Whether a change that was under way is made, only a question can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the operation did not finish within its timeout of {seconds} s; look at what is there, then try again with more"
)]
pub(super) struct TimedOut {
    /// The time that there was.
    pub(super) seconds: u64,
}

impl Deadline {
    /// A deadline that begins now.
    pub(super) fn start(timeout: Option<i64>) -> Self {
        let seconds = seconds(timeout);
        Self { at: Instant::now() + Duration::from_secs(seconds), seconds }
    }

    /// Waits for `work` until the deadline; then `work` is dropped.
    pub(super) async fn bound<T>(self, work: impl Future<Output = T>) -> Result<T, TimedOut> {
        tokio::time::timeout_at(self.at, work).await.map_err(|_| TimedOut { seconds: self.seconds })
    }
}

/// Seconds to wait: the default for a `timeout` that is absent or outside its limits.
fn seconds(timeout: Option<i64>) -> u64 {
    let seconds = timeout.filter(|seconds| (1..=LARGEST).contains(seconds)).unwrap_or(UploadFile::DEFAULT_TIMEOUT);
    seconds.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_timeout_is_the_default() {
        for wrong in [None, Some(0), Some(-1), Some(LARGEST + 1), Some(i64::MAX), Some(i64::MIN)] {
            assert_eq!(seconds(wrong), 60, "{wrong:?}");
        }
        assert_eq!(seconds(Some(1)), 1);
        assert_eq!(seconds(Some(LARGEST)), 4_294_967_295);
    }

    #[tokio::test(start_paused = true)]
    async fn work_ends_at_the_deadline() {
        let deadline = Deadline::start(Some(2));
        assert_eq!(deadline.bound(std::future::ready(1)).await, Ok(1));
        let before = Instant::now();
        assert_eq!(deadline.bound(std::future::pending::<()>()).await, Err(TimedOut { seconds: 2 }));
        assert_eq!(before.elapsed().as_secs(), 2);
        let longest = Deadline::start(Some(LARGEST));
        assert_eq!(longest.bound(std::future::ready(1)).await, Ok(1));
    }
}
