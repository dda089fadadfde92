//! The body of an image update: one long text in a JSON object, taken apart without copying it (D-097, D-099).
//!
//! Such bodies are the largest that are ever in memory as a whole, so the text is borrowed from the body, and the body is
//! given back as soon as the picture's own bytes are there.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::data_url;

/// From this many bytes on a body is taken apart away from the runtime, which it would hold up for milliseconds.
const LARGE: usize = 64 << 10;

/// What is wrong with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyMistake {
    /// Not JSON, not an object, or a member comes twice.
    #[error("the body is no JSON object; send one with the member `image`")]
    NotAnObject,
    /// `image` is absent or no data URL of a PNG.
    #[error("`image` is no data URL of a PNG; send `data:image/png;base64,` and the picture in base64")]
    NotAnImage,
}

/// The members that count. Both stand as they stood in the body.
#[derive(Deserialize)]
struct Members<'b> {
    #[serde(borrow)]
    image: Option<&'b RawValue>,
}

/// The bytes that a body announces to be a PNG.
pub(super) async fn picture(body: Bytes) -> Result<Bytes, BodyMistake> {
    if body.len() < LARGE {
        return read(&body);
    }
    let reading = tokio::task::spawn_blocking(move || read(&body)).await;
    reading.expect("taking a body apart does not panic, and the runtime ends after its requests")
}

fn read(body: &[u8]) -> Result<Bytes, BodyMistake> {
    // Lists would be taken for the members in their order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(BodyMistake::NotAnObject);
    }
    let members: Members<'_> = serde_json::from_slice(body).map_err(|_| BodyMistake::NotAnObject)?;
    let image = members.image.and_then(|image| unescaped(image.get())).ok_or(BodyMistake::NotAnImage)?;
    data_url::decode(&image).map(Bytes::from).map_err(|_| BodyMistake::NotAnImage)
}

/// The text of a JSON string; absent for JSON of another kind and for characters that no data URL has.
///
/// Many senders write `/` as `\/`. That costs a copy, of which the length is known beforehand.
fn unescaped(json: &str) -> Option<Cow<'_, str>> {
    let text = json.strip_prefix('"')?.strip_suffix('"')?;
    let mut pieces = text.split('\\');
    let first = pieces.next()?;
    if first.len() == text.len() {
        return Some(Cow::Borrowed(text));
    }
    let mut plain = String::with_capacity(text.len());
    plain.push_str(first);
    for piece in pieces {
        if let Some(rest) = piece.strip_prefix('/') {
            plain.push('/');
            plain.push_str(rest);
        } else {
            let (code, rest) = piece.strip_prefix('u')?.split_at_checked(4)?;
            let code = u8::from_str_radix(code, 16).ok().filter(u8::is_ascii)?;
            plain.push(char::from(code));
            plain.push_str(rest);
        }
    }
    Some(Cow::Owned(plain))
}

#[cfg(test)]
#[path = "tests/image_update.rs"]
mod tests;
