//! Time as the client sees it: what the hour is, and waiting.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

/// A clock that can be waited on. Injected, so that tests need no time.
pub trait Clock: Send + Sync {
    /// The time of day, for dates that services send.
    fn now(&self) -> SystemTime;

    /// Resolves after `pause`.
    fn sleep(&self, pause: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The system's time, and tokio's timer.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that is injected everywhere else")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, pause: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(pause))
    }
}
