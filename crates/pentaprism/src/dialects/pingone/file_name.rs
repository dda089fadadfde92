//! Names that a link can end with (D-119).

/// Characters of a name that are kept.
const LONGEST: usize = 100;

/// The last segment of a path that somebody sent, without anything that needs an escape in a URL, a shell or a style sheet;
/// absent when nothing is left of it.
pub(super) fn safe(sent: &str) -> Option<String> {
    let name = sent.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = name.chars().map(|character| if is_plain(character) { character } else { '_' }).collect();
    // One byte a character from here on.
    let end = &plain[plain.len().saturating_sub(LONGEST)..];
    let visible = end.trim_start_matches('.');
    (!visible.is_empty()).then(|| visible.to_owned())
}

fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_')
}

#[cfg(test)]
#[path = "tests/file_name.rs"]
mod tests;
