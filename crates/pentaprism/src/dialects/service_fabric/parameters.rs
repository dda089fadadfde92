//! The parameters that the spec declares as text, because a wrong value has an answer of its own.

use pentaprism_core::range::ContentRange;
use pentaprism_core::{InvalidScalar, Scalar};
use uuid::Uuid;

use super::quote::Quoted;

/// `api-version` is of no use (D-040).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ApiVersionError {
    /// Absent, or without a value.
    #[error("the parameter api-version is missing; send api-version=6.0")]
    Missing,
    /// No number.
    #[error("the parameter api-version is {0}, which is no decimal number; send 6.0")]
    Malformed(Quoted),
    /// Below 1.0.
    #[error("the parameter api-version is {0}, and the lowest version is 1.0; send 6.0")]
    TooLow(Quoted),
}

/// Checks `api-version`: a decimal number from 1.0, perhaps with `-preview` behind it. All versions behave alike.
pub(super) fn check_api_version(text: &str) -> Result<(), ApiVersionError> {
    let number = text.strip_suffix("-preview").unwrap_or(text);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return Err(ApiVersionError::Malformed(Quoted::new(text)));
    }
    if whole.bytes().all(|digit| digit == b'0') { Err(ApiVersionError::TooLow(Quoted::new(text))) } else { Ok(()) }
}

/// `session-id` is no id of a session. Each operation has its own code for this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum SessionIdError {
    /// Absent, or without a value.
    #[error("the parameter session-id is missing; send a GUID of 36 characters")]
    Missing,
    /// Another form.
    #[error("the parameter session-id is {0}; send a GUID of 36 characters, with dashes and without braces")]
    Malformed(Quoted),
    /// The GUID of all zeros.
    #[error("the parameter session-id is all zeros; make up a random GUID for each upload")]
    Nil,
}

/// Reads `session-id`: a GUID in its form with dashes, in any case.
pub(super) fn session_id(text: &str) -> Result<Uuid, SessionIdError> {
    match Uuid::from_text(text) {
        Ok(id) if id.is_nil() => Err(SessionIdError::Nil),
        Ok(id) => Ok(id),
        Err(InvalidScalar { .. }) => Err(SessionIdError::Malformed(Quoted::new(text))),
    }
}

/// `Content-Range` is no range of a file (D-048).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ContentRangeError {
    /// Absent.
    #[error("the header Content-Range is missing; send `bytes first-last/length`, such as `bytes 0-4095/10000`")]
    Missing,
    /// An asterisk where a number is needed.
    #[error("the header Content-Range is {0}; positions and length must be numbers here, such as `bytes 0-4095/10000`")]
    Unspecified(Quoted),
    /// Another form, or numbers beyond 64 bits.
    #[error("the header Content-Range is {0}; send `bytes first-last/length`, such as `bytes 0-4095/10000`")]
    Malformed(Quoted),
    /// Last before first.
    #[error("the last position {last} of Content-Range lies before the first, {first}")]
    Reversed {
        /// The first position.
        first: u64,
        /// The last position.
        last: u64,
    },
    /// Last at or behind the length.
    #[error("the last position {last} of Content-Range is not below the length {length}; positions count from 0")]
    PastTheLength {
        /// The last position.
        last: u64,
        /// The length of the whole file.
        length: u64,
    },
}

/// Reads `Content-Range`.
pub(super) fn content_range(text: &str) -> Result<ContentRange, ContentRangeError> {
    ContentRange::parse(text).map_err(|_| explain(text))
}

/// Says why a range was refused: by what its numbers are, if it has numbers.
fn explain(text: &str) -> ContentRangeError {
    if text.contains('*') {
        return ContentRangeError::Unspecified(Quoted::new(text));
    }
    match numbers(text) {
        Some([first, last, _]) if last < first => ContentRangeError::Reversed { first, last },
        Some([_, last, length]) if last >= length => ContentRangeError::PastTheLength { last, length },
        _ => ContentRangeError::Malformed(Quoted::new(text)),
    }
}

fn numbers(text: &str) -> Option<[u64; 3]> {
    let text = text.trim();
    let (positions, length) = text.strip_prefix("bytes").unwrap_or(text).trim_start().split_once('/')?;
    let (first, last) = positions.split_once('-')?;
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    Some([number(first)?, number(last)?, number(length)?])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn versions_are_decimal_numbers_from_one() {
        for good in ["1.0", "1", "3.0-preview", "6.0", "6.2", "11.10", "01.0", "99999999999999999999.0"] {
            assert_eq!(check_api_version(good), Ok(()), "{good}");
        }
        for wrong in
            ["", "six", "6.", ".5", "6.0.0", "+6.0", "-6.0", "6,0", "6.0-beta", "-preview", "6e1", "６.0", " 6"]
        {
            assert!(matches!(check_api_version(wrong), Err(ApiVersionError::Malformed(_))), "{wrong}");
        }
        for low in ["0.9", "0", "00.99"] {
            assert!(matches!(check_api_version(low), Err(ApiVersionError::TooLow(_))), "{low}");
        }
    }

    #[test]
    fn session_ids_have_one_form() {
        let id = "4A2340e8-d8d8-497c-95fe-cdaa1052f33b";
        assert_eq!(session_id(id).map(|id| id.to_string()), Ok(id.to_lowercase()));
        assert_eq!(session_id("00000000-0000-0000-0000-000000000000"), Err(SessionIdError::Nil));
        for wrong in [
            "",
            "1",
            "4a2340e8d8d8497c95fecdaa1052f33b",
            "{4a2340e8-d8d8-497c-95fe-cdaa1052f33b}",
            "4a2340e8-d8d8-497c-95fe-cdaa1052f33g",
        ] {
            assert!(matches!(session_id(wrong), Err(SessionIdError::Malformed(_))), "{wrong}");
        }
    }

    #[test]
    fn ranges_are_refused_for_what_is_wrong_with_them() {
        assert_eq!(content_range("bytes 5-9/10"), Ok(ContentRange { first: 5, last: 9, length: 10 }));
        assert_eq!(content_range("5-9/10"), content_range("bytes 5-9/10"));
        for text in ["bytes */10", "bytes 0-4/*", "*"] {
            assert_eq!(content_range(text), Err(ContentRangeError::Unspecified(Quoted::new(text))));
        }
        for text in
            ["", "bytes", "bytes 0-4", "0/4", "bytes=0-4/10", "Bytes 0-4/10", "0-+4/10", "0-4/99999999999999999999"]
        {
            assert_eq!(content_range(text), Err(ContentRangeError::Malformed(Quoted::new(text))));
        }
        assert_eq!(content_range("bytes 5-4/10"), Err(ContentRangeError::Reversed { first: 5, last: 4 }));
        for (last, length) in [(10, 10), (11, 10), (0, 0)] {
            let text = format!("bytes 0-{last}/{length}");
            assert_eq!(content_range(&text), Err(ContentRangeError::PastTheLength { last, length }));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "(bytes ?)?[0-9*]{0,21}-?[0-9]{0,21}/?[0-9*]{0,21}", other in any::<String>()) {
            let _ = (content_range(&text), content_range(&other), check_api_version(&other), session_id(&other));
        }
    }
}
