//! How long to wait before another attempt when the service does not say.

use std::time::Duration;

/// Decides how long to wait.
pub trait Backoff: Send + Sync {
    /// The pause after attempt `number` (1 for the first).
    fn pause(&self, number: u32) -> Duration;
}

/// Doubles the pause with each attempt, and shortens each by chance to something between half of it and all, so that many clients that
/// failed together do not come back together.
#[derive(Debug, Clone)]
pub struct Exponential {
    /// The longest pause after the first attempt.
    pub first: Duration,
    /// The longest pause after any.
    pub longest: Duration,
    /// Gives a number from 0 up to 1. Injected, so that a test knows it.
    pub chance: fn() -> f64,
}

impl Default for Exponential {
    fn default() -> Self {
        Self { first: Duration::from_millis(250), longest: Duration::from_secs(20), chance: fastrand::f64 }
    }
}

impl Backoff for Exponential {
    fn pause(&self, number: u32) -> Duration {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(number.saturating_sub(1)));
        doubled.min(self.longest).mul_f64(0.5 + (self.chance)() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses = |chance| {
            let backoff = Exponential { chance, ..Exponential::default() };
            [1, 2, 3, 7, 8, 4_000_000_000].map(|number| backoff.pause(number).as_millis())
        };
        assert_eq!(pauses(|| 0.0), [125, 250, 500, 8000, 10_000, 10_000]);
        assert_eq!(pauses(|| 1.0), [250, 500, 1000, 16_000, 20_000, 20_000]);
    }
}
