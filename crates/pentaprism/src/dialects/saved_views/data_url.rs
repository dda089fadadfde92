//! Data URLs of PNGs, in the one form that every sender uses (D-097).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What each of them begins with, as this server writes it; it is compared without case.
pub(super) const PREFIX: &str = "data:image/png;base64,";

/// The text is another kind of data URL, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is no data URL; send `{PREFIX}` and the picture in padded base64, without parameters or white space")]
pub(super) struct NotADataUrl;

/// The bytes of a data URL; there is at least one.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, NotADataUrl> {
    let (prefix, base64) = text.split_at_checked(PREFIX.len()).ok_or(NotADataUrl)?;
    if !prefix.eq_ignore_ascii_case(PREFIX) || base64.is_empty() {
        return Err(NotADataUrl);
    }
    // The engine takes no white space, needs the padding, and refuses bits that stand for nothing.
    STANDARD.decode(base64).map_err(|_| NotADataUrl)
}

#[cfg(test)]
#[path = "tests/data_url.rs"]
mod tests;
