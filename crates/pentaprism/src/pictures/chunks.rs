//! The walk over a PNG's chunks: every checksum verified, and the few chunks that pixels are made of picked out.
//!
//! The decoder sees nothing else. A text or a profile that inflates to gigabytes is thereby a few bytes with a checksum,
//! and an animation is its default picture.

use bytes::Bytes;

use super::error::{Damage, PictureError};
use super::recognize::png::{LARGEST, SIGNATURE};

/// Chunks that say what the samples mean. A thumbnail keeps them, as they are, so that its colours mean the same.
const COLOUR_SPACE: [&[u8; 4]; 5] = [b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM"];

/// The longest chunk that a thumbnail keeps, in bytes. Usual profiles have 500 to 4,000.
const LONGEST_COLOUR_SPACE: usize = 64 * 1024;

/// A PNG whose chunks are all there and unharmed.
#[derive(Debug)]
pub(super) struct Checked {
    /// A PNG of nothing but IHDR, PLTE, tRNS, IDAT and IEND.
    pub(super) essential: Bytes,
    /// Type and content of the chunks that say what the samples mean.
    pub(super) colour_space: Vec<([u8; 4], Bytes)>,
}

/// One chunk, whose checksum is right.
struct Chunk {
    name: [u8; 4],
    /// Where its length begins.
    at: usize,
    /// Where its content ends.
    content_end: usize,
}

impl Chunk {
    fn content_begin(&self) -> usize {
        self.at + 8
    }

    fn end(&self) -> usize {
        self.content_end + 4
    }

    fn problem(&self, problem: &'static str) -> PictureError {
        PictureError::Damaged(Damage::Chunk { at: self.at, problem })
    }
}

/// Verifies all chunks of `png`, of which the header is known to be right, up to IEND.
///
/// Bytes after IEND are not looked at: every decoder stops there, so clients show such a picture, and some tools append
/// something. The thumbnail does not have them.
pub(super) fn check(png: &Bytes) -> Result<Checked, PictureError> {
    let mut walk = Walk { essential: Vec::with_capacity(png.len()), colour_space: Vec::new(), pixels: Pixels::Before };
    walk.essential.extend_from_slice(&SIGNATURE);
    let mut at = SIGNATURE.len();
    loop {
        let chunk = chunk_at(png, at)?;
        at = chunk.end();
        walk.take(png, &chunk)?;
        if &chunk.name == b"IEND" {
            return Ok(Checked { essential: walk.essential.into(), colour_space: walk.colour_space });
        }
    }
}

/// Which of the consecutive IDAT chunks have been seen.
#[derive(PartialEq, Eq)]
enum Pixels {
    Before,
    Within,
    After,
}

struct Walk {
    essential: Vec<u8>,
    colour_space: Vec<([u8; 4], Bytes)>,
    pixels: Pixels,
}

impl Walk {
    fn take(&mut self, png: &Bytes, chunk: &Chunk) -> Result<(), PictureError> {
        if &chunk.name == b"IDAT" {
            if self.pixels == Pixels::After {
                return Err(chunk.problem("continues the pixels after another chunk"));
            }
            self.pixels = Pixels::Within;
        } else if self.pixels == Pixels::Within {
            self.pixels = Pixels::After;
        }
        match &chunk.name {
            b"IHDR" if chunk.at != SIGNATURE.len() => return Err(chunk.problem("is a second IHDR")),
            b"IEND" if chunk.content_end != chunk.content_begin() => {
                return Err(chunk.problem("is an IEND with content"));
            }
            b"IEND" if self.pixels == Pixels::Before => return Err(chunk.problem("is an IEND before any pixels")),
            b"IHDR" | b"PLTE" | b"tRNS" | b"IDAT" | b"IEND" => {
                self.essential.extend_from_slice(&png[chunk.at..chunk.end()]);
            }
            [first, ..] if first.is_ascii_uppercase() => {
                return Err(chunk.problem("is of a type that is critical and unknown"));
            }
            name if COLOUR_SPACE.contains(&name) && self.pixels == Pixels::Before => {
                let content = png.slice(chunk.content_begin()..chunk.content_end);
                let known = self.colour_space.iter().any(|(known, _)| known == name);
                if !known && content.len() <= LONGEST_COLOUR_SPACE {
                    self.colour_space.push((*name, content));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn chunk_at(png: &[u8], at: usize) -> Result<Chunk, PictureError> {
    let truncated = || PictureError::Damaged(Damage::Truncated { at: png.len() });
    let (head, rest) = png[at..].split_first_chunk::<8>().ok_or_else(truncated)?;
    let [l0, l1, l2, l3, name @ ..] = *head;
    let length = u32::from_be_bytes([l0, l1, l2, l3]);
    if length > LARGEST {
        return Err(PictureError::Damaged(Damage::Chunk { at, problem: "claims more than 2147483647 bytes" }));
    }
    if !name.iter().all(u8::is_ascii_alphabetic) {
        return Err(PictureError::Damaged(Damage::Chunk { at, problem: "has a type that is not four letters" }));
    }
    let length = usize::try_from(length).map_err(|_| truncated())?;
    let checksum = rest.get(length..).and_then(|after| after.first_chunk::<4>()).ok_or_else(truncated)?;
    let content_end = at + 8 + length;
    if crc32fast::hash(&png[at + 4..content_end]) != u32::from_be_bytes(*checksum) {
        let name = name.iter().copied().map(char::from).collect();
        return Err(PictureError::Damaged(Damage::Checksum { name, at }));
    }
    Ok(Chunk { name, at, content_end })
}
