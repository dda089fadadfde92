//! The file name of a `Content-Disposition` (RFC 6266, RFC 8187), read as leniently as names are written.

use std::borrow::Cow;

use pentaprism_core::path::is_well_formed;
use percent_encoding::percent_decode_str;

/// The name that a header gives the file, as it was sent: `filename*` if that can be read, else `filename`. Absent when
/// there is neither, or quotation marks do not close.
pub(super) fn file_name(header: &str) -> Option<Cow<'_, str>> {
    let (mut plain, mut extended) = (None, None);
    let mut rest = header;
    while !rest.is_empty() {
        let (name, value, behind) = parameter(rest)?;
        rest = behind;
        // The first of its name counts.
        if name.eq_ignore_ascii_case("filename") {
            plain = plain.or(value);
        } else if name.eq_ignore_ascii_case("filename*") {
            extended = extended.or_else(|| value.as_deref().and_then(decode));
        }
    }
    extended.map(Cow::Owned).or(plain)
}

/// The piece up to the next semicolon, and what is behind it. What has no value, such as the type, is a name alone.
fn parameter(text: &str) -> Option<(&str, Option<Cow<'_, str>>, &str)> {
    let end = text.find([';', '=']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let Some(value) = rest.strip_prefix('=') else {
        return Some((name.trim(), None, rest.strip_prefix(';').unwrap_or_default()));
    };
    if let Some(quoted) = value.trim_start().strip_prefix('"') {
        let (value, rest) = unquote(quoted)?;
        let behind = rest.split_once(';').map_or("", |(_, behind)| behind);
        return Some((name.trim(), Some(Cow::Owned(value)), behind));
    }
    let (value, behind) = value.split_once(';').unwrap_or((value, ""));
    Some((name.trim(), Some(Cow::Borrowed(value.trim())), behind))
}

/// The text up to the closing quotation mark, and what is behind that. A backslash takes the next character as it is.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut plain = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '"' => return Some((plain, characters.as_str())),
            '\\' => plain.push(characters.next()?),
            character => plain.push(character),
        }
    }
}

/// An extended value: charset, language and percent-encoded bytes between apostrophes. Only UTF-8 is understood.
fn decode(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_language, encoded) = rest.split_once('\'')?;
    if !charset.eq_ignore_ascii_case("UTF-8") || !is_well_formed(encoded) {
        return None;
    }
    percent_decode_str(encoded).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
#[path = "tests/content_disposition.rs"]
mod tests;
