//! Text of a request inside a message: between quotes, escaped, and cut, so that nobody's input fills an answer or a log.

use std::fmt;

use crate::dialects::excerpt::beginning;

/// Characters that are shown.
const SHOWN: usize = 120;

/// Text of a request, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Quoted(String);

impl Quoted {
    /// Takes the beginning of `text`.
    pub(super) fn new(text: &str) -> Self {
        Self(cut(text))
    }
}

/// The beginning of a text that is escaped already.
pub(super) fn cut(text: &str) -> String {
    beginning(text, SHOWN).into_owned()
}

impl fmt::Display for Quoted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_cut() {
        assert_eq!(Quoted::new("a\nb\u{1b}").to_string(), r#""a\nb\u{1b}""#);
        let long = "ü".repeat(SHOWN + 1);
        assert_eq!(Quoted::new(&long).to_string(), format!("\"{}…\"", "ü".repeat(SHOWN)));
    }
}
