//! File names: operation, status and condition.

use std::fmt;

/// What the name of an exchange file says: `upload_image_data.204-stored.http`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileName {
    /// The operation in snake case.
    pub operation: String,
    /// The status of the subject response.
    pub status: u16,
    /// The condition, when the status has several.
    pub condition: Option<String>,
}

/// The name is not that of an exchange.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no exchange's name; use `<operation>.<status>.http` or `<operation>.<status>-<condition>.http`")]
pub struct InvalidName(pub String);

impl FileName {
    /// Reads a file's name without its folder.
    ///
    /// # Errors
    /// [`InvalidName`].
    pub fn parse(name: &str) -> Result<Self, InvalidName> {
        let invalid = || InvalidName(name.to_owned());
        let stem = name.strip_suffix(".http").ok_or_else(invalid)?;
        let (operation, rest) = stem.split_once('.').ok_or_else(invalid)?;
        let (status, condition) = match rest.split_once('-') {
            Some((status, condition)) => (status, Some(condition)),
            None => (rest, None),
        };
        let is_operation = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let is_condition = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let valid = !operation.is_empty()
            && operation.bytes().all(is_operation)
            && status.len() == 3
            && condition.is_none_or(|text| !text.is_empty() && text.bytes().all(is_condition));
        let status = status.parse().ok().filter(|status| valid && (200..600).contains(status)).ok_or_else(invalid)?;
        Ok(Self { operation: operation.to_owned(), status, condition: condition.map(str::to_owned) })
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.operation, self.status)?;
        if let Some(condition) = &self.condition {
            write!(formatter, "-{condition}")?;
        }
        formatter.write_str(".http")
    }
}
