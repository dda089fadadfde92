//! Colours, where they are wanted.

use std::fmt;

use clap::builder::styling::{AnsiColor, Style};

use crate::command::Color;

/// Colours words, or leaves them as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    colored: bool,
}

impl Paint {
    /// No colours.
    pub const NONE: Self = Self { colored: false };

    /// Colours as the command line and the environment want them, for a stream that is a terminal or is not.
    #[must_use]
    pub fn new(wanted: Color, terminal: bool, variable: impl Fn(&str) -> Option<String>) -> Self {
        let colored = match wanted {
            Color::Always => true,
            Color::Never => false,
            // https://no-color.org: any value but the empty one.
            Color::Auto => {
                terminal
                    && variable("NO_COLOR").is_none_or(|value| value.is_empty())
                    && variable("TERM").is_none_or(|value| value != "dumb")
            }
        };
        Self { colored }
    }

    /// The word before an error.
    pub fn error<T: fmt::Display>(self, text: T) -> Painted<T> {
        self.with(AnsiColor::Red.on_default().bold(), text)
    }

    /// The word before a piece of advice, and what deserves a look.
    pub fn hint<T: fmt::Display>(self, text: T) -> Painted<T> {
        self.with(AnsiColor::Yellow.on_default(), text)
    }

    /// What went well.
    pub fn good<T: fmt::Display>(self, text: T) -> Painted<T> {
        self.with(AnsiColor::Green.on_default(), text)
    }

    /// What stands out: headings and names.
    pub fn strong<T: fmt::Display>(self, text: T) -> Painted<T> {
        self.with(Style::new().bold(), text)
    }

    /// What matters less.
    pub fn faint<T: fmt::Display>(self, text: T) -> Painted<T> {
        self.with(Style::new().dimmed(), text)
    }

    fn with<T>(self, style: Style, text: T) -> Painted<T> {
        Painted { style: if self.colored { style } else { Style::new() }, text }
    }
}

/// A text with its colour.
#[derive(Debug, Clone)]
pub struct Painted<T> {
    style: Style,
    text: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}{:#}", self.style, self.text, self.style)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_that_want_them() {
        let with = |wanted, terminal, name: &'static str, value: &'static str| {
            Paint::new(wanted, terminal, |asked| (asked == name).then(|| value.to_owned())).colored
        };
        assert!(with(Color::Auto, true, "", ""));
        assert!(!with(Color::Auto, false, "", ""));
        assert!(!with(Color::Auto, true, "NO_COLOR", "1"));
        assert!(with(Color::Auto, true, "NO_COLOR", ""));
        assert!(!with(Color::Auto, true, "TERM", "dumb"));
        assert!(with(Color::Always, false, "NO_COLOR", "1"));
        assert!(!with(Color::Never, true, "", ""));
    }

    #[test]
    fn a_colour_ends_behind_its_word() {
        let paint = Paint { colored: true };
        assert_eq!(paint.good("ok").to_string(), "\u{1b}[32mok\u{1b}[0m");
        assert_eq!(Paint::NONE.good("ok").to_string(), "ok");
    }
}
