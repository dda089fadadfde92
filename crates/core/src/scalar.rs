//! Scalars as they stand in a path, a query or a header: text in both directions.

use std::borrow::Cow;

use uuid::Uuid;

/// A value that a parameter or header may carry.
pub trait Scalar: Sized {
    /// What a reader of an error message is told to send instead.
    const EXPECTED: &'static str;

    /// Reads the value from its (already percent-decoded) text.
    ///
    /// # Errors
    /// [`InvalidScalar`] when the text is no such value.
    fn from_text(text: &str) -> Result<Self, InvalidScalar>;

    /// The value as text, not yet percent-encoded.
    fn to_text(&self) -> Cow<'_, str>;
}

/// The text is no value of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct InvalidScalar {
    /// What would have been right.
    pub expected: &'static str,
}

impl Scalar for String {
    const EXPECTED: &'static str = "text";

    fn from_text(text: &str) -> Result<Self, InvalidScalar> {
        Ok(text.to_owned())
    }

    fn to_text(&self) -> Cow<'_, str> {
        Cow::Borrowed(self)
    }
}

impl Scalar for Uuid {
    const EXPECTED: &'static str = "a UUID of 36 characters with dashes";

    fn from_text(text: &str) -> Result<Self, InvalidScalar> {
        let invalid = InvalidScalar { expected: Self::EXPECTED };
        if text.len() != 36 {
            return Err(invalid);
        }
        Self::try_parse(text).map_err(|_| invalid)
    }

    fn to_text(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_string())
    }
}

macro_rules! from_str_scalar {
    ($($type:ty => $expected:literal),* $(,)?) => {
        $(impl Scalar for $type {
            const EXPECTED: &'static str = $expected;

            fn from_text(text: &str) -> Result<Self, InvalidScalar> {
                text.parse().map_err(|_| InvalidScalar { expected: Self::EXPECTED })
            }

            fn to_text(&self) -> Cow<'_, str> {
                Cow::Owned(self.to_string())
            }
        })*
    };
}

from_str_scalar! {
    i32 => "a 32-bit number",
    i64 => "a 64-bit number",
    u64 => "a 64-bit number that is not negative",
    bool => "`true` or `false`",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_read_only_in_its_long_form() {
        let text = "cf433676-4896-400d-8ec1-05118365d9d2";
        assert_eq!(Uuid::from_text(text).map(|id| id.to_text().into_owned()), Ok(text.to_owned()));
        for wrong in ["cf4336764896400d8ec105118365d9d2", "{cf433676-4896-400d-8ec1-05118365d9d2}", ""] {
            assert!(Uuid::from_text(wrong).is_err(), "{wrong}");
        }
    }
}
