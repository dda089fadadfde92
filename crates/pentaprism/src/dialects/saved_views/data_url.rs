//! Data URLs of PNGs, in the one form that every sender uses (D-097).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf as _, BytesMut};

/// What each of them begins with, as this server writes it; it is compared without case.
pub(super) const PREFIX: &str = "data:image/png;base64,";

/// So many characters are decoded at a time, and give three bytes for four of them.
const PIECE: usize = 4096;

/// The text is another kind of data URL, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is no data URL; send `{PREFIX}` and the picture in padded base64, without parameters or white space")]
pub(super) struct NotADataUrl;

/// Turns the text of a data URL into the bytes that it holds, at least one, in the memory of the text. What a refusal leaves
/// there is of no use.
pub(super) fn decode(text: &mut BytesMut) -> Result<(), NotADataUrl> {
    let has_prefix = text.get(..PREFIX.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(PREFIX.as_bytes()));
    if !has_prefix || text.len() == PREFIX.len() {
        return Err(NotADataUrl);
    }
    text.advance(PREFIX.len());
    let mut bytes = [0; PIECE / 4 * 3];
    let mut decoded = 0;
    for begin in (0..text.len()).step_by(PIECE) {
        let end = text.len().min(begin + PIECE);
        // The engine takes no white space, needs the padding, and refuses bits that stand for nothing.
        let count = STANDARD.decode_slice(&text[begin..end], &mut bytes).map_err(|_| NotADataUrl)?;
        // Padding ends the text.
        if end < text.len() && count < bytes.len() {
            return Err(NotADataUrl);
        }
        text[decoded..decoded + count].copy_from_slice(&bytes[..count]);
        decoded += count;
    }
    text.truncate(decoded);
    Ok(())
}

#[cfg(test)]
#[path = "tests/data_url.rs"]
mod tests;
