//! Text from elsewhere, made fit for a terminal.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar as _;
use unicode_width::UnicodeWidthStr as _;

/// `text` in one line, without what would move a cursor, colour the rest or turn it around: services choose names and
/// messages, and whoever reads them sees what was chosen.
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => shown.extend(character.escape_default()),
            hidden if is_hidden(hidden) => shown.extend(hidden.escape_unicode()),
            other => shown.push(other),
        }
    }
    Cow::Owned(shown)
}

/// Control characters, line separators, and those that set the direction of what follows or cannot be seen.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}

/// How many columns of a terminal `text` takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` with blanks behind it, or before it, up to `columns`.
#[must_use]
pub fn padded(text: &str, columns: usize, before: bool) -> String {
    let blanks = " ".repeat(columns.saturating_sub(width(text)));
    if before { blanks + text } else { text.to_owned() + &blanks }
}

/// At most `columns` of `text`: what is in its middle gives way to `…`, since names differ at their ends.
#[must_use]
pub fn shortened(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let Some(room) = columns.checked_sub(1) else { return Cow::Borrowed("") };
    let end: String = take(text.chars().rev(), room - room / 3).chars().rev().collect();
    Cow::Owned(take(text.chars(), room - width(&end)) + "…" + &end)
}

fn take(characters: impl Iterator<Item = char>, columns: usize) -> String {
    let mut used = 0;
    characters
        .take_while(|character| {
            used += character.width().unwrap_or(0);
            used <= columns
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_upon_is_escaped() {
        assert_eq!(plain("Grüße, 世界 🖼"), "Grüße, 世界 🖼");
        assert_eq!(plain("a\u{1b}[2Jb\nc\u{202e}d\u{9b}1m"), "a\\u{1b}[2Jb\\nc\\u{202e}d\\u{9b}1m");
    }

    #[test]
    fn columns_are_counted_and_not_characters() {
        assert_eq!(padded("世界", 6, false), "世界  ");
        assert_eq!(padded("7", 3, true), "  7");
        assert_eq!(padded("long", 3, true), "long");
    }

    #[test]
    fn long_names_lose_their_middle() {
        assert_eq!(shortened("short", 5), "short");
        assert_eq!(shortened("Store/App/Code.zip", 10), "Sto…de.zip");
        for columns in 0..12 {
            let shown = shortened("画像画像画像.png", columns);
            assert!(width(&shown) <= columns, "{shown} {columns}");
        }
    }
}
