//! Asking again and again until something has ended, with pauses that grow.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::retry::Clock;

/// How the end of work at a service is waited for: with a pause before each question, twice as long each time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Polling {
    /// The first pause.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
    /// How long is waited in all.
    pub total: Duration,
}

impl Default for Polling {
    /// From 200 milliseconds up to 10 seconds, for 10 minutes.
    fn default() -> Self {
        Self { first: Duration::from_millis(200), longest: Duration::from_secs(10), total: Duration::from_mins(10) }
    }
}

/// One wait.
pub(crate) struct Waiting {
    polling: Polling,
    clock: Arc<dyn Clock>,
    start: SystemTime,
    pause: Duration,
    paused: Duration,
}

impl Waiting {
    pub(crate) fn new(polling: &Polling, clock: Arc<dyn Clock>) -> Self {
        let start = clock.now();
        Self { polling: polling.clone(), clock, start, pause: polling.first, paused: Duration::ZERO }
    }

    /// Pauses, unless the time is over: then it says how long was waited. The last pause ends with the time.
    pub(crate) async fn pause(&mut self) -> Result<(), Duration> {
        // The hour may be changed meanwhile; the pauses are sure.
        let passed = self.clock.now().duration_since(self.start).unwrap_or_default().max(self.paused);
        let left = self.polling.total.saturating_sub(passed);
        if left.is_zero() {
            return Err(passed);
        }
        let pause = self.pause.min(self.polling.longest).min(left).max(Duration::from_millis(1));
        self.clock.sleep(pause).await;
        self.paused += pause;
        self.pause = self.pause.saturating_mul(2);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upload::testing::Leaping;

    #[tokio::test]
    async fn pauses_double_and_end_with_the_time() {
        let clock = Arc::new(Leaping::default());
        let polling = Polling { total: Duration::from_secs(30), ..Polling::default() };
        let mut waiting = Waiting::new(&polling, clock.clone());
        while waiting.pause().await.is_ok() {}
        assert_eq!(waiting.pause().await, Err(Duration::from_secs(30)));
        assert_eq!(clock.pauses(), [200, 400, 800, 1600, 3200, 6400, 10_000, 7400].map(Duration::from_millis));
    }
}
