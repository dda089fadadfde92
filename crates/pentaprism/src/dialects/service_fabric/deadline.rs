//! How long an operation may take once the last byte of its request is there (D-043, D-045).
//!
//! While a body comes in it does not count at all: how long an upload takes is the network's affair, and a store that takes
//! bytes more slowly than they come ends its waits by a deadline of its own, which is 503 and not 504.

use std::future::Future;
use std::time::Duration;

use pentaprism_core::Body;
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

/// The `timeout` of a request whose body is read bit by bit. It begins to run when the last byte is there.
#[derive(Debug)]
pub(super) struct AfterBody {
    timeout: Option<i64>,
    deadline: Option<Deadline>,
}

impl AfterBody {
    /// A `timeout` that does not run yet.
    pub(super) fn new(timeout: Option<i64>) -> Self {
        Self { timeout, deadline: None }
    }

    /// Waits for `work`: until the deadline if `body` has ended, as long as the store takes while more may come.
    pub(super) fn bound<T, W: Future<Output = T>>(
        &mut self,
        body: &Body,
        work: W,
    ) -> impl Future<Output = Result<T, TimedOut>> + use<T, W> {
        let deadline = http_body::Body::is_end_stream(body).then(|| self.running());
        async move {
            match deadline {
                Some(deadline) => deadline.bound(work).await,
                None => Ok(work.await),
            }
        }
    }

    /// The deadline, which runs from now if it did not yet: the body is over.
    pub(super) fn running(&mut self) -> Deadline {
        *self.deadline.get_or_insert_with(|| Deadline::start(self.timeout))
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

    #[tokio::test(start_paused = true)]
    async fn the_time_while_a_body_comes_in_does_not_count() {
        let mut timeout = AfterBody::new(Some(2));
        let mut body = Body::from("x");
        let minute = || tokio::time::sleep(Duration::from_mins(1));
        assert_eq!(timeout.bound(&body, minute()).await, Ok(()));
        assert!(body.data().await.is_some());
        let second = tokio::time::sleep(Duration::from_secs(1));
        assert_eq!(timeout.bound(&body, second).await, Ok(()));
        let before = Instant::now();
        assert_eq!(timeout.running().bound(minute()).await, Err(TimedOut { seconds: 2 }));
        assert_eq!(before.elapsed().as_secs(), 1, "it runs from the last byte and is not begun anew");
    }
}
