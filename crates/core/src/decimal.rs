//! 64-bit numbers that travel as decimal strings, as JavaScript readers need them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A number that JSON carries as a string: `"897"`. Plain numbers are read as well, because some clients send them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Decimal<T>(pub T);

impl<T: fmt::Display> Serialize for Decimal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: FromStr> Deserialize<'de> for Decimal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(std::marker::PhantomData<T>);

        impl<T: FromStr> de::Visitor<'_> for Visitor<T> {
            type Value = Decimal<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a whole number of 64 bits, as a string")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                text.parse().map(Decimal).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
                self.visit_str(&number.to_string())
            }
        }

        deserializer.deserialize_any(Visitor(std::marker::PhantomData))
    }
}

impl<T> From<T> for Decimal<T> {
    fn from(number: T) -> Self {
        Self(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_strings_and_reads_both() {
        let largest = Decimal(u64::MAX);
        assert_eq!(serde_json::to_string(&largest).unwrap(), "\"18446744073709551615\"");
        assert_eq!(serde_json::from_str::<Decimal<u64>>("\"18446744073709551615\"").unwrap(), largest);
        assert_eq!(serde_json::from_str::<Decimal<i64>>("-1").unwrap(), Decimal(-1));
        assert!(serde_json::from_str::<Decimal<u64>>("\"-1\"").is_err());
        assert!(serde_json::from_str::<Decimal<u64>>("1.5").is_err());
    }
}
