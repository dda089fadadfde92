//! The walk over a PNG's chunks: every checksum verified, and the few chunks that pixels are made of picked out.
//!
//! The decoder sees nothing else. A text or a profile that inflates to gigabytes is thereby a few bytes with a checksum,
//! and an animation is its default picture.

use std::io::{BufRead, Error, ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;

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
    pub(super) essential: Essential,
    /// Type and content of the chunks that say what the samples mean.
    pub(super) colour_space: Vec<([u8; 4], Bytes)>,
}

/// Some parts of a PNG, read one after the other without a copy of them.
#[derive(Debug)]
pub(super) struct Essential {
    png: Bytes,
    /// What is left of the part that is being read.
    now: Range<usize>,
    later: std::vec::IntoIter<Range<usize>>,
}

impl BufRead for Essential {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        while self.now.is_empty()
            && let Some(next) = self.later.next()
        {
            self.now = next;
        }
        Ok(&self.png[self.now.clone()])
    }

    fn consume(&mut self, amount: usize) {
        self.now.start += amount;
    }
}

impl Read for Essential {
    fn read(&mut self, target: &mut [u8]) -> std::io::Result<usize> {
        let read = self.fill_buf()?.read(target)?;
        self.consume(read);
        Ok(read)
    }
}

/// The decoder asks for it and does not use it.
impl Seek for Essential {
    fn seek(&mut self, _to: SeekFrom) -> std::io::Result<u64> {
        Err(Error::from(ErrorKind::Unsupported))
    }
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
}

/// Verifies all chunks of `png`, of which the header is known to be right, up to IEND.
///
/// Bytes after IEND are not looked at: every decoder stops there, so clients show such a picture, and some tools append
/// something. The thumbnail does not have them.
pub(super) fn check(png: &Bytes) -> Result<Checked, PictureError> {
    let signature = 0..SIGNATURE.len();
    let mut walk = Walk {
        essential: vec![signature],
        colour_space: Vec::new(),
        pixels: Pixels::Before,
        has_palette: false,
        has_alpha: false,
    };
    let mut at = SIGNATURE.len();
    loop {
        let chunk = chunk_at(png, at)?;
        at = chunk.end();
        walk.take(png, &chunk)?;
        if &chunk.name == b"IEND" {
            let essential = Essential { png: png.clone(), now: 0..0, later: walk.essential.into_iter() };
            return Ok(Checked { essential, colour_space: walk.colour_space });
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
    /// Parts, none of which follows right after the one before.
    essential: Vec<Range<usize>>,
    colour_space: Vec<([u8; 4], Bytes)>,
    pixels: Pixels,
    has_palette: bool,
    has_alpha: bool,
}

impl Walk {
    /// Whether the chunk may be where it is.
    fn judge_order(&self, chunk: &Chunk) -> Result<(), PictureError> {
        let problem = match &chunk.name {
            b"IHDR" if chunk.at != SIGNATURE.len() => "is a second IHDR",
            b"IDAT" if self.pixels == Pixels::After => "continues the pixels after another chunk",
            b"IEND" if chunk.content_end != chunk.content_begin() => "is an IEND with content",
            b"IEND" if self.pixels == Pixels::Before => "is an IEND before any pixels",
            b"PLTE" | b"tRNS" if self.pixels != Pixels::Before => "says after the pixels what their colours are",
            b"PLTE" if self.has_palette => "is a second PLTE",
            b"tRNS" if self.has_alpha => "is a second tRNS",
            b"IHDR" | b"PLTE" | b"IDAT" | b"IEND" => return Ok(()),
            [first, ..] if first.is_ascii_uppercase() => "is of a type that is critical and unknown",
            _ => return Ok(()),
        };
        Err(PictureError::Damaged(Damage::Chunk { at: chunk.at, problem }))
    }

    /// Judges a chunk, and keeps what matters of it.
    fn take(&mut self, png: &Bytes, chunk: &Chunk) -> Result<(), PictureError> {
        self.judge_order(chunk)?;
        match (&chunk.name, &self.pixels) {
            (b"IDAT", _) => self.pixels = Pixels::Within,
            (_, Pixels::Within) => self.pixels = Pixels::After,
            _ => {}
        }
        self.has_palette |= &chunk.name == b"PLTE";
        self.has_alpha |= &chunk.name == b"tRNS";
        match &chunk.name {
            b"IHDR" | b"PLTE" | b"tRNS" | b"IDAT" | b"IEND" => match self.essential.last_mut() {
                Some(last) if last.end == chunk.at => last.end = chunk.end(),
                _ => self.essential.push(chunk.at..chunk.end()),
            },
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
