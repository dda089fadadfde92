//! Instants as JSON carries them: RFC 3339 in UTC, with whole seconds or with milliseconds, as each dialect writes them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// An instant in UTC, in milliseconds since 1970, that remembers whether it is written with a fraction.
///
/// ```
/// use pentaprism_core::Timestamp;
/// assert_eq!(Timestamp::from_seconds(1_795_221_759).to_string(), "2026-11-21T00:42:39Z");
/// assert_eq!(Timestamp::from_milliseconds(1_795_221_759_600).to_string(), "2026-11-21T00:42:39.600Z");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp {
    milliseconds: i64,
    fraction: bool,
}

/// The text is no RFC 3339 date and time, or lies outside the years 0 to 9999.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an RFC 3339 date and time such as 2026-11-21T00:42:39Z")]
pub struct InvalidTimestamp;

impl Timestamp {
    /// An instant written with whole seconds.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self { milliseconds: seconds * 1000, fraction: false }
    }

    /// An instant written with three decimals of a second.
    #[must_use]
    pub const fn from_milliseconds(milliseconds: i64) -> Self {
        Self { milliseconds, fraction: true }
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn milliseconds(self) -> i64 {
        self.milliseconds
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = i128::from(self.milliseconds) * 1_000_000;
        let moment = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (year, month, day) = moment.to_calendar_date();
        let (hour, minute, second, milli) = moment.to_hms_milli();
        write!(formatter, "{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}", u8::from(month))?;
        if self.fraction {
            write!(formatter, ".{milli:03}")?;
        }
        formatter.write_str("Z")
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| InvalidTimestamp)?;
        let milliseconds = moment.unix_timestamp_nanos().div_euclid(1_000_000);
        Ok(Self {
            milliseconds: i64::try_from(milliseconds).map_err(|_| InvalidTimestamp)?,
            fraction: text.contains('.'),
        })
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_its_precision_through_a_round_trip() {
        for text in ["2017-09-28T17:44:22.609Z", "2026-11-21T00:42:39Z", "1969-12-31T23:59:59.999Z"] {
            assert_eq!(text.parse::<Timestamp>().map(|moment| moment.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn reads_offsets_and_refuses_the_rest() {
        assert_eq!("2026-11-21T02:42:39+02:00".parse(), Ok(Timestamp::from_seconds(1_795_221_759)));
        for wrong in ["2026-11-21", "yesterday", "2026-13-01T00:00:00Z", ""] {
            assert_eq!(wrong.parse::<Timestamp>(), Err(InvalidTimestamp), "{wrong}");
        }
    }
}
