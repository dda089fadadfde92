//! The beginning of a text that a request brought, so that nobody's input fills an answer or a log.

use std::borrow::Cow;

/// The first `most` characters of `text`, with a sign where something is missing.
pub(super) fn beginning(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}
