//! How many requests a principal may send in a time.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use serde::{Deserialize, Deserializer, de};
use tokio::time::Instant;

/// A number of requests per second, minute or hour, written as in `500/min`. All of them may come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    count: NonZeroU32,
    per: Period,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Period {
    Second,
    Minute,
    Hour,
}

/// A text that is no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a rate such as `500/min`: a number from 1 to 4294967295, then `/s`, `/min` or `/h`")]
pub struct InvalidRate(String);

impl FromStr for Rate {
    type Err = InvalidRate;

    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        let wrong = || InvalidRate(text.to_owned());
        let (count, per) = text.split_once('/').ok_or_else(wrong)?;
        let per = match per {
            "s" => Period::Second,
            "min" => Period::Minute,
            "h" => Period::Hour,
            _ => return Err(wrong()),
        };
        Ok(Self { count: count.parse().map_err(|_| wrong())?, per })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per = match self.per {
            Period::Second => "s",
            Period::Minute => "min",
            Period::Hour => "h",
        };
        write!(formatter, "{}/{per}", self.count)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Counts the requests of one principal.
#[derive(Debug)]
pub struct Limiter(RateLimiter<NotKeyed, InMemoryState, Ticks, NoOpMiddleware<Moment>>);

impl Limiter {
    /// Nothing was counted yet.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        let quota = match rate.per {
            Period::Second => Quota::per_second(rate.count),
            Period::Minute => Quota::per_minute(rate.count),
            Period::Hour => Quota::per_hour(rate.count),
        };
        Self(RateLimiter::direct_with_clock(quota, Ticks(Instant::now())))
    }

    /// Counts a request.
    ///
    /// # Errors
    /// How long to wait until one would be allowed: the request is one too many, and is not counted.
    pub fn count(&self) -> Result<(), Duration> {
        self.0.check().map_err(|refused| refused.wait_time_from(self.0.clock().now()))
    }
}

/// The runtime's clock, which a test can stop and move: it never jumps with the time of day.
#[derive(Debug, Clone)]
struct Ticks(Instant);

/// Time since the limiter was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Moment(Duration);

impl Clock for Ticks {
    type Instant = Moment;

    fn now(&self) -> Moment {
        Moment(self.0.elapsed())
    }
}

impl Reference for Moment {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_sub(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.saturating_sub(duration.into()))
    }
}

impl std::ops::Add<Nanos> for Moment {
    type Output = Self;

    fn add(self, duration: Nanos) -> Self {
        Self(self.0.saturating_add(duration.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_written_alike() {
        for text in ["1/s", "500/min", "4294967295/h"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        for wrong in ["", "500", "0/min", "-1/min", "1/day", "1 /min", "4294967296/s", "1/min/s"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_allowed_and_then_one_for_each_share_of_the_time() {
        let limiter = Limiter::new("3/min".parse().unwrap());
        assert_eq!([limiter.count(), limiter.count(), limiter.count()], [Ok(()); 3]);
        assert_eq!(limiter.count(), Err(Duration::from_secs(20)));
        tokio::time::advance(Duration::from_secs(15)).await;
        assert_eq!(limiter.count(), Err(Duration::from_secs(5)));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(limiter.count(), Ok(()));
        assert_eq!(limiter.count(), Err(Duration::from_secs(20)));
        tokio::time::advance(Duration::from_mins(10)).await;
        assert_eq!([limiter.count(), limiter.count(), limiter.count()], [Ok(()); 3]);
        assert!(limiter.count().is_err());
    }
}
