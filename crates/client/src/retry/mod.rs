//! Trying again: what may be tried, how long to wait before, and with which clock, each apart from the others.

mod backoff;
mod clock;
mod policy;
mod retry_after;

use std::sync::Arc;
use std::time::Duration;

pub use backoff::{Backoff, Exponential};
pub use clock::{Clock, SystemClock};
pub use policy::{Attempt, Occurrence, Policy, Standard};
pub(crate) use retry_after::retry_after;

/// How a client tries again.
///
/// ```
/// use std::time::Duration;
/// use pentaprism_client::{Retry, retry};
///
/// let patient = Retry::standard()
///     .with_policy(retry::Standard { attempts: 10, ..retry::Standard::default() })
///     .with_total(Duration::from_mins(10));
/// # drop(patient);
/// ```
#[derive(Clone)]
pub struct Retry {
    pub(crate) policy: Arc<dyn Policy>,
    pub(crate) backoff: Arc<dyn Backoff>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) attempt: Option<Duration>,
    pub(crate) total: Option<Duration>,
}

impl Retry {
    /// How long one attempt may take, unless said otherwise, where neither request nor answer is a stream.
    const ATTEMPT: Duration = Duration::from_mins(1);

    /// Five attempts at most, pauses from a quarter of a second up to 20 seconds, one minute for an attempt, no limit in all.
    #[must_use]
    pub fn standard() -> Self {
        Self {
            policy: Arc::new(Standard::default()),
            backoff: Arc::new(Exponential::default()),
            clock: Arc::new(SystemClock),
            attempt: Some(Self::ATTEMPT),
            total: None,
        }
    }

    /// One attempt, however it ends.
    #[must_use]
    pub fn none() -> Self {
        Self::standard().with_policy(Standard { attempts: 1, ..Standard::default() })
    }

    /// Decides otherwise about what may be tried again.
    #[must_use]
    pub fn with_policy(self, policy: impl Policy + 'static) -> Self {
        Self { policy: Arc::new(policy), ..self }
    }

    /// Pauses otherwise.
    #[must_use]
    pub fn with_backoff(self, backoff: impl Backoff + 'static) -> Self {
        Self { backoff: Arc::new(backoff), ..self }
    }

    /// Takes time from another clock.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// How long one attempt may take. It holds where neither request nor answer is a stream; for those the transport's deadline on
    /// silence does.
    #[must_use]
    pub fn with_attempt(self, deadline: Duration) -> Self {
        Self { attempt: Some(deadline), ..self }
    }

    /// How long a call may take with all its attempts and pauses, streams included (the answer's body, when it streams, is not).
    #[must_use]
    pub fn with_total(self, deadline: Duration) -> Self {
        Self { total: Some(deadline), ..self }
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self::standard()
    }
}

impl std::fmt::Debug for Retry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Retry")
            .field("attempt", &self.attempt)
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}
