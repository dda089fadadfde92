//! What generated enums of text have in common. Open is the default: a value that the document does not name yet is kept
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

#[allow(unused_imports, reason = "only dialects with an `x-closed` enum use it")]
pub(crate) use closed_text_enum;
pub(crate) use text_enum;
