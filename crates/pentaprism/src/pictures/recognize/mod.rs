//! Format, width and height from the first bytes of a picture, while they stream past.

pub(super) mod gif;
pub(super) mod jpeg;
pub(super) mod png;

use std::fmt;

/// The formats that are recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Portable Network Graphics.
    Png,
    /// JPEG, in whatever wrapping (JFIF, Exif, none).
    Jpeg,
    /// GIF, of either version.
    Gif,
}

impl Format {
    /// The registered media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Gif => "GIF",
        })
    }
}

/// What a picture's header says. Both sides are at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The format.
    pub format: Format,
    /// Pixels in a row, as stored: an Exif orientation is not applied.
    pub width: u32,
    /// Rows, as stored.
    pub height: u32,
}

/// Why bytes have no picture header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// There are no bytes at all.
    #[error("there are no bytes")]
    Empty,
    /// They do not begin as a PNG, JPEG or GIF does.
    #[error("the bytes are no PNG, JPEG or GIF")]
    NotAPicture,
    /// They end inside the header.
    #[error("the {0} ends inside its header")]
    Truncated(Format),
    /// The header contradicts its format's definition.
    #[error("the {format} header {problem}")]
    Damaged {
        /// What the signature says.
        format: Format,
        /// What is wrong.
        problem: &'static str,
    },
    /// Width or height is zero.
    #[error("the {format} claims {width} x {height} pixels, and a side of zero is none")]
    ZeroSide {
        /// The format.
        format: Format,
        /// As the header says.
        width: u32,
        /// As the header says.
        height: u32,
    },
}

/// What the decoders need to know beyond [`Header`], to say beforehand how much memory they take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    Png(png::Ihdr),
    Jpeg(jpeg::Frame),
    Gif,
}

/// Reads a picture's header from a stream.
///
/// It may be given any split of the bytes, holds a few dozen of them at most, and looks at nothing after the header:
/// that the rest of the picture is right, or there at all, it does not say.
///
/// ```
/// use pentaprism::pictures::{Format, Recognizer};
///
/// let mut recognizer = Recognizer::new();
/// for part in [&b"GIF8"[..], b"9a\x20\x00", b"\x10\x00\x80\x00\x00"] {
///     recognizer.push(part);
/// }
/// let header = recognizer.finish().unwrap();
/// assert_eq!((header.format, header.width, header.height), (Format::Gif, 32, 16));
/// ```
#[derive(Debug)]
pub struct Recognizer {
    state: State,
}

#[derive(Debug)]
enum State {
    /// No signature is complete yet; what is there begins one.
    Signature(Seen),
    Png(Seen),
    Gif(Seen),
    Jpeg(jpeg::Walk),
    Found(Header, Detail),
    Failed(HeaderError),
}

/// The longest part of a header that has to be seen at once: PNG's signature with IHDR.
const LONGEST: usize = png::HEADER_LENGTH;

/// The first bytes, as far as they are there.
#[derive(Clone, Copy, Debug)]
struct Seen {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Seen {
    /// Moves bytes from `input` until there are `wanted`, and says whether there are.
    fn fill(&mut self, input: &mut &[u8], wanted: usize) -> bool {
        let taken = input.len().min(wanted - self.length);
        let (now, later) = input.split_at(taken);
        self.bytes[self.length..self.length + taken].copy_from_slice(now);
        self.length += taken;
        *input = later;
        self.length == wanted
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Default for Recognizer {
    fn default() -> Self {
        Self::new()
    }
}

impl Recognizer {
    /// Nothing has been seen.
    #[must_use]
    pub fn new() -> Self {
        Self { state: State::Signature(Seen { bytes: [0; LONGEST], length: 0 }) }
    }

    /// The next bytes. They cost nothing once the header is judged.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.step(&mut bytes) {
                Ok(Some(next)) => self.state = next,
                Ok(None) => return,
                Err(error) => self.state = State::Failed(error),
            }
        }
    }

    /// The header, as soon as it is complete and right.
    #[must_use]
    pub fn header(&self) -> Option<&Header> {
        match &self.state {
            State::Found(header, _) => Some(header),
            _ => None,
        }
    }

    /// Why there is no header, as soon as no further byte can change that.
    #[must_use]
    pub fn error(&self) -> Option<HeaderError> {
        match &self.state {
            State::Failed(error) => Some(*error),
            _ => None,
        }
    }

    /// The judgement, now that there are no more bytes.
    ///
    /// # Errors
    ///
    /// [`HeaderError`], which is a truncated header when the bytes so far were right.
    pub fn finish(self) -> Result<Header, HeaderError> {
        self.finish_with_detail().map(|(header, _)| header)
    }

    pub(super) fn finish_with_detail(self) -> Result<(Header, Detail), HeaderError> {
        match self.state {
            State::Found(header, detail) => Ok((header, detail)),
            State::Failed(error) => Err(error),
            State::Signature(bytes) if bytes.length == 0 => Err(HeaderError::Empty),
            State::Signature(_) => Err(HeaderError::NotAPicture),
            State::Png(_) => Err(HeaderError::Truncated(Format::Png)),
            State::Gif(_) => Err(HeaderError::Truncated(Format::Gif)),
            State::Jpeg(_) => Err(HeaderError::Truncated(Format::Jpeg)),
        }
    }

    /// One step on; `None`: the state has taken the bytes, or needs no more.
    fn step(&mut self, input: &mut &[u8]) -> Result<Option<State>, HeaderError> {
        match &mut self.state {
            State::Signature(bytes) => {
                bytes.fill(input, bytes.length + 1);
                after_signature(*bytes).map(Some)
            }
            State::Png(bytes) => {
                if !bytes.fill(input, png::HEADER_LENGTH) {
                    return Ok(None);
                }
                let (width, height, ihdr) = png::parse(&bytes.bytes)?;
                found(Format::Png, width, height, Detail::Png(ihdr)).map(Some)
            }
            State::Gif(bytes) => {
                if !bytes.fill(input, gif::HEADER_LENGTH) {
                    return Ok(None);
                }
                let (width, height) = gif::parse(bytes.as_slice());
                found(Format::Gif, width, height, Detail::Gif).map(Some)
            }
            State::Jpeg(walk) => match walk.push(input)? {
                Some((width, height, frame)) => found(Format::Jpeg, width, height, Detail::Jpeg(frame)).map(Some),
                None => Ok(None),
            },
            State::Found(..) | State::Failed(_) => Ok(None),
        }
    }
}

/// What begins with `bytes`.
fn after_signature(bytes: Seen) -> Result<State, HeaderError> {
    let seen = bytes.as_slice();
    if seen == png::SIGNATURE {
        return Ok(State::Png(bytes));
    }
    if gif::SIGNATURES.contains(&seen) {
        return Ok(State::Gif(bytes));
    }
    if seen == jpeg::SIGNATURE {
        return Ok(State::Jpeg(jpeg::Walk::after_signature()));
    }
    let signatures = [&png::SIGNATURE[..], gif::SIGNATURES[0], gif::SIGNATURES[1], &jpeg::SIGNATURE[..]];
    if signatures.iter().any(|signature| signature.starts_with(seen)) {
        return Ok(State::Signature(bytes));
    }
    Err(HeaderError::NotAPicture)
}

fn found(format: Format, width: u32, height: u32, detail: Detail) -> Result<State, HeaderError> {
    if width == 0 || height == 0 {
        return Err(HeaderError::ZeroSide { format, width, height });
    }
    Ok(State::Found(Header { format, width, height }, detail))
}
