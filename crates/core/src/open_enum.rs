//! What generated enums of text and of numbers have in common. Open is the default: a value that the document does not name yet is kept
//! as it came and survives a round trip, so that a newer peer does not break an older one.

/// A value that the document does not name. Only reading one makes it, so a documented value is never hidden in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UnknownValue(Box<str>);

impl UnknownValue {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The value as it came.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A number that the document does not name. Only reading one makes it, so a documented number is never hidden in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UnknownNumber(i64);

impl UnknownNumber {
    #[allow(dead_code, reason = "only dialects with an enum of numbers use it")]
    pub(crate) const fn new(number: i64) -> Self {
        Self(number)
    }

    /// The number as it came.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// Text in both directions, in JSON and in parameters, for an enum with `as_str` and `From<&str>`.
macro_rules! text_enum {
    ($name:ident) => {
        crate::open_enum::text_enum!(@common $name);

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                std::borrow::Cow::<str>::deserialize(deserializer).map(|text| Self::from(text.as_ref()))
            }
        }

        impl crate::Scalar for $name {
            const EXPECTED: &'static str = "text";

            fn from_text(text: &str) -> Result<Self, crate::InvalidScalar> {
                Ok(Self::from(text))
            }

            fn to_text(&self) -> std::borrow::Cow<'_, str> {
                self.as_str().into()
            }
        }
    };
    (@common $name:ident) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl crate::codec::Summarize for $name {
            fn summarize(&self, summary: crate::codec::Summary) -> crate::codec::Summary {
                summary.text(self.as_str())
            }
        }
    };
}

/// The same for an enum that will never grow, with `TryFrom<&str>` in place of `From<&str>`.
#[allow(unused_macros, reason = "only dialects with an `x-closed` enum use it")]
macro_rules! closed_text_enum {
    ($name:ident) => {
        crate::open_enum::text_enum!(@common $name);

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                Self::try_from(text.as_ref()).map_err(serde::de::Error::custom)
            }
        }

        impl crate::Scalar for $name {
            const EXPECTED: &'static str = "one of the documented values";

            fn from_text(text: &str) -> Result<Self, crate::InvalidScalar> {
                Self::try_from(text)
            }

            fn to_text(&self) -> std::borrow::Cow<'_, str> {
                self.as_str().into()
            }
        }
    };
}

/// A number in both directions, in JSON and in parameters, for an enum with `number` and `From<i64>`.
#[allow(unused_macros, reason = "only dialects with an enum of numbers use it")]
macro_rules! number_enum {
    ($name:ident) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.number(), formatter)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_i64(self.number())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                i64::deserialize(deserializer).map(Self::from)
            }
        }

        impl crate::Scalar for $name {
            const EXPECTED: &'static str = <i64 as crate::Scalar>::EXPECTED;

            fn from_text(text: &str) -> Result<Self, crate::InvalidScalar> {
                <i64 as crate::Scalar>::from_text(text).map(Self::from)
            }

            fn to_text(&self) -> std::borrow::Cow<'_, str> {
                self.number().to_string().into()
            }
        }
    };
}

#[allow(unused_imports, reason = "only dialects with an `x-closed` enum use it")]
pub(crate) use closed_text_enum;
#[allow(unused_imports, reason = "only dialects with an enum of numbers use it")]
pub(crate) use number_enum;
pub(crate) use text_enum;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scalar as _;

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum State {
        NotStarted,
        Unknown(UnknownNumber),
    }

    impl State {
        const fn number(self) -> i64 {
            match self {
                Self::NotStarted => 0,
                Self::Unknown(number) => number.get(),
            }
        }
    }

    impl From<i64> for State {
        fn from(number: i64) -> Self {
            if number == 0 { Self::NotStarted } else { Self::Unknown(UnknownNumber::new(number)) }
        }
    }

    number_enum!(State);

    #[test]
    fn every_number_survives_a_round_trip() {
        for number in [0, 1, -1, i64::MAX, i64::MIN] {
            let text = number.to_string();
            let state: State = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::to_string(&state).unwrap(), text);
            assert_eq!(State::from_text(&text).map(|state| state.to_text().into_owned()), Ok(text.clone()));
            assert_eq!(state.to_string(), text);
        }
        assert_eq!(serde_json::from_str::<State>("0").unwrap(), State::NotStarted);
        assert!(serde_json::from_str::<State>("\"0\"").is_err());
        assert!(State::from_text("first").is_err());
    }
}
