//! `Range` and `Content-Range`, as downloads and chunked uploads use them (RFC 9110, section 14).

/// A single requested range of bytes, before the length of the content is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteRange {
    /// `bytes=5-` or `bytes=5-9`; the last position is inclusive.
    From {
        /// First byte, from 0.
        first: u64,
        /// Last byte, inclusive.
        last: Option<u64>,
    },
    /// `bytes=-5`: that many bytes from the end.
    Suffix(u64),
}

/// Why a range is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// Not of the form `bytes=first-last`.
    #[error("the range is not of the form bytes=first-last")]
    Malformed,
    /// More than one range.
    #[error("several ranges in one request are not supported; send one")]
    Several,
    /// The content has no such byte.
    #[error("the range begins behind the end of the content")]
    Unsatisfiable,
}

impl ByteRange {
    /// Reads a `Range` header.
    ///
    /// # Errors
    /// [`RangeError::Malformed`] or [`RangeError::Several`].
    pub fn parse(header: &str) -> Result<Self, RangeError> {
        let ranges = header.trim().strip_prefix("bytes=").ok_or(RangeError::Malformed)?;
        if ranges.contains(',') {
            return Err(RangeError::Several);
        }
        let (first, last) = ranges.trim().split_once('-').ok_or(RangeError::Malformed)?;
        match (first, last) {
            ("", suffix) => Ok(Self::Suffix(position(suffix)?)),
            (first, "") => Ok(Self::From { first: position(first)?, last: None }),
            (first, last) => {
                let (first, last) = (position(first)?, position(last)?);
                if first > last { Err(RangeError::Malformed) } else { Ok(Self::From { first, last: Some(last) }) }
            }
        }
    }

    /// The half-open range of bytes within content of `length` bytes. An end behind the end is cut.
    ///
    /// # Errors
    /// [`RangeError::Unsatisfiable`].
    pub fn resolve(self, length: u64) -> Result<std::ops::Range<u64>, RangeError> {
        let range = match self {
            Self::From { first, last } => first..last.map_or(length, |last| length.min(last.saturating_add(1))),
            Self::Suffix(count) => length.saturating_sub(count)..length,
        };
        if range.start < range.end { Ok(range) } else { Err(RangeError::Unsatisfiable) }
    }
}

/// `Content-Range: bytes 300-5000/20000`: which bytes of a file a message carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentRange {
    /// First byte, from 0.
    pub first: u64,
    /// Last byte, inclusive, below `length`.
    pub last: u64,
    /// Length of the whole in bytes.
    pub length: u64,
}

impl ContentRange {
    /// Reads `[bytes ]first-last/length`.
    ///
    /// # Errors
    /// [`RangeError::Malformed`] when a number is missing, `first` is behind `last`, or `last` is not below `length`.
    pub fn parse(text: &str) -> Result<Self, RangeError> {
        let text = text.trim();
        let range = text.strip_prefix("bytes").map_or(text, str::trim_start);
        let (positions, length) = range.split_once('/').ok_or(RangeError::Malformed)?;
        let (first, last) = positions.split_once('-').ok_or(RangeError::Malformed)?;
        let range = Self { first: position(first)?, last: position(last)?, length: position(length)? };
        if range.first <= range.last && range.last < range.length { Ok(range) } else { Err(RangeError::Malformed) }
    }

    /// How many bytes the message carries.
    #[must_use]
    pub const fn size(self) -> u64 {
        self.last - self.first + 1
    }
}

impl std::fmt::Display for ContentRange {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "bytes {}-{}/{}", self.first, self.last, self.length)
    }
}

/// Digits only: `u64::from_str` would take a sign.
fn position(text: &str) -> Result<u64, RangeError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RangeError::Malformed);
    }
    text.parse().map_err(|_| RangeError::Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_resolve_as_the_rfc_says() {
        let resolve = |header: &str| ByteRange::parse(header).and_then(|range| range.resolve(110));
        assert_eq!(resolve("bytes=0-4"), Ok(0..5));
        assert_eq!(resolve("bytes=100-"), Ok(100..110));
        assert_eq!(resolve("bytes=-5"), Ok(105..110));
        assert_eq!(resolve("bytes=-500"), Ok(0..110));
        assert_eq!(resolve("bytes=5-18446744073709551615"), Ok(5..110));
        assert_eq!(resolve("bytes=110-"), Err(RangeError::Unsatisfiable));
        assert_eq!(resolve("bytes=-0"), Err(RangeError::Unsatisfiable));
        assert_eq!(resolve("bytes=0-1,3-4"), Err(RangeError::Several));
        for malformed in
            ["bytes=", "bytes=-", "bytes=4-3", "bytes=+1-2", "lines=0-1", "0-4", "bytes=0-99999999999999999999"]
        {
            assert_eq!(resolve(malformed), Err(RangeError::Malformed), "{malformed}");
        }
    }

    #[test]
    fn a_content_range_lies_within_its_length() {
        let range = ContentRange { first: 300, last: 5000, length: 20000 };
        assert_eq!(ContentRange::parse("bytes 300-5000/20000"), Ok(range));
        assert_eq!(ContentRange::parse("300-5000/20000"), Ok(range));
        assert_eq!(range.size(), 4701);
        for malformed in [
            "",
            "*",
            "bytes */5",
            "bytes 0-5/5",
            "bytes 5-4/9",
            "bytes 0-4",
            "bytes 0-4/*",
            "Bytes 0-4/5",
            "bytes -4/5",
            "0--1/5",
        ] {
            assert_eq!(ContentRange::parse(malformed), Err(RangeError::Malformed), "{malformed}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_round_trips(text in "(bytes[ =]?)?[0-9]{0,21}-?[0-9]{0,21}/?[0-9*]{0,21}") {
            let _ = ByteRange::parse(&text);
            if let Ok(range) = ContentRange::parse(&text) {
                prop_assert_eq!(ContentRange::parse(&range.to_string()), Ok(range));
            }
        }
    }
}
