//! The body of an image update: one long text in a JSON object, taken apart where it lies (D-097, D-099).
//!
//! Such bodies are the largest that are ever in memory as a whole, so the picture is decoded in the memory of the body.

use bytes::{Bytes, BytesMut};
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
        return read(body);
    }
    let reading = tokio::task::spawn_blocking(move || read(body)).await;
    reading.expect("taking a body apart does not panic, and the runtime ends after its requests")
}

fn read(body: Bytes) -> Result<Bytes, BodyMistake> {
    let text = image_text(&body)?;
    drop(body);
    // Nobody else has the body. If somebody had, the text would be copied.
    let mut text = text.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
    unescape(&mut text).ok_or(BodyMistake::NotAnImage)?;
    data_url::decode(&mut text).map_err(|_| BodyMistake::NotAnImage)?;
    Ok(text.freeze())
}

/// What stands between the quotation marks of `image`.
fn image_text(body: &Bytes) -> Result<Bytes, BodyMistake> {
    // Lists would be taken for the members in their order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(BodyMistake::NotAnObject);
    }
    let members: Members<'_> = serde_json::from_slice(body).map_err(|_| BodyMistake::NotAnObject)?;
    let text = members.image.and_then(|image| image.get().strip_prefix('"')?.strip_suffix('"'));
    text.map(|text| body.slice_ref(text.as_bytes())).ok_or(BodyMistake::NotAnImage)
}

/// Resolves the escapes of JSON in place; absent for those of characters that no data URL has. Many senders write `/` as
/// `\/`.
fn unescape(text: &mut BytesMut) -> Option<()> {
    let mut next = text.iter().position(|byte| *byte == b'\\').unwrap_or(text.len());
    let mut end = next;
    while let Some(byte) = text.get(next).copied() {
        let (plain, length) = match (byte, text.get(next + 1)) {
            (b'\\', Some(b'/')) => (b'/', 2),
            (b'\\', Some(b'u')) => (code(text.get(next + 2..next + 6)?)?, 6),
            (b'\\', _) => return None,
            (byte, _) => (byte, 1),
        };
        text[end] = plain;
        (next, end) = (next + length, end + 1);
    }
    text.truncate(end);
    Some(())
}

/// The character of an escape such as `\u002f`, if it is one of ASCII.
fn code(digits: &[u8]) -> Option<u8> {
    let code = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    code.is_ascii().then_some(code)
}

#[cfg(test)]
#[path = "tests/image_update.rs"]
mod tests;
