//! Whether a file is a whole PNG: what can be told without decoding the picture.

/// What a PNG file says about itself in front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PngHeader {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Bits of a sample, or of an index into the palette.
    pub bit_depth: u8,
    /// 0 grey, 2 colours, 3 palette, 4 grey with transparency, 6 colours with transparency.
    pub colour_type: u8,
}

/// Why a file is no whole PNG. Positions are bytes from the start of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PngError {
    /// It is something else.
    #[error("the file does not begin as PNG files do")]
    Signature,
    /// It ends too early: it was cut off.
    #[error("the file ends within the chunk that begins at byte {at}; it was cut off")]
    Truncated {
        /// Where the unfinished chunk begins.
        at: usize,
    },
    /// A chunk cannot be one.
    #[error("there is no chunk at byte {at}, where one should begin; the file is damaged")]
    Chunk {
        /// Where it should begin.
        at: usize,
    },
    /// A chunk's check sum is another than its bytes'.
    #[error("the chunk {kind} at byte {at} is damaged: its check sum is wrong")]
    CheckSum {
        /// The kind of the chunk.
        kind: String,
        /// Where it begins.
        at: usize,
    },
    /// The header is missing, or says what cannot be.
    #[error("the header of the file is no PNG header")]
    Header,
    /// There is no picture in it.
    #[error("the file has no image data")]
    NoData,
    /// The picture uses a palette, and there is none.
    #[error("the file has a picture with a palette, but no palette")]
    NoPalette,
    /// Something follows the end.
    #[error("{count} bytes follow the end of the picture; a PNG has nothing there")]
    Behind {
        /// How many bytes.
        count: usize,
    },
}

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Length, kind and check sum of a chunk.
const FRAME: usize = 12;
/// No chunk is longer, and no side has more pixels, after the PNG specification.
const MOST: u32 = i32::MAX as u32;

struct Chunk<'a> {
    kind: [u8; 4],
    data: &'a [u8],
}

/// Checks that `file` is a PNG from its first byte to its last: signature, header, every chunk with its check sum, image data,
/// and nothing behind the end. The compressed picture itself is not decoded.
///
/// ```
/// use pentaprism_client::upload::{PngError, check_png};
/// assert_eq!(check_png(b"GIF89a"), Err(PngError::Signature));
/// ```
///
/// # Errors
/// The first thing that is wrong.
pub fn check_png(file: &[u8]) -> Result<PngHeader, PngError> {
    if !file.starts_with(SIGNATURE) {
        return Err(PngError::Signature);
    }
    let mut at = SIGNATURE.len();
    let first = chunk(file, at)?;
    let header = header(&first)?;
    let (mut has_palette, mut has_data) = (false, false);
    at += FRAME + first.data.len();
    loop {
        let next = chunk(file, at)?;
        at += FRAME + next.data.len();
        match &next.kind {
            b"IHDR" => return Err(PngError::Header),
            b"PLTE" => has_palette = true,
            b"IDAT" if header.colour_type == 3 && !has_palette => return Err(PngError::NoPalette),
            b"IDAT" => has_data |= !next.data.is_empty(),
            b"IEND" if !next.data.is_empty() => return Err(PngError::Chunk { at: at - FRAME - next.data.len() }),
            b"IEND" => break,
            _ => {}
        }
    }
    match file.len() - at {
        _ if !has_data => Err(PngError::NoData),
        0 => Ok(header),
        count => Err(PngError::Behind { count }),
    }
}

/// The chunk that begins at `at`.
fn chunk(file: &[u8], at: usize) -> Result<Chunk<'_>, PngError> {
    let rest = file.get(at..).unwrap_or_default();
    let truncated = PngError::Truncated { at };
    let (Some((length, behind)), true) = (rest.split_first_chunk::<4>(), rest.len() >= 8) else {
        return Err(truncated);
    };
    let length = u32::from_be_bytes(*length);
    let kind = [behind[0], behind[1], behind[2], behind[3]];
    if length > MOST || !kind.iter().all(u8::is_ascii_alphabetic) {
        return Err(PngError::Chunk { at });
    }
    let length = usize::try_from(length).map_err(|_| PngError::Chunk { at })?;
    let (Some(data), Some(sum)) = (behind.get(4..4 + length), behind.get(4 + length..8 + length)) else {
        return Err(truncated);
    };
    if crc32fast::hash(&behind[..4 + length]).to_be_bytes() != sum {
        return Err(PngError::CheckSum { kind: String::from_utf8_lossy(&kind).into_owned(), at });
    }
    Ok(Chunk { kind, data })
}

fn header(chunk: &Chunk<'_>) -> Result<PngHeader, PngError> {
    let (b"IHDR", Some((width, rest))) = (&chunk.kind, chunk.data.split_first_chunk()) else {
        return Err(PngError::Header);
    };
    let Some((height, &[bit_depth, colour_type, compression, filter, interlace])) = rest.split_first_chunk() else {
        return Err(PngError::Header);
    };
    let (width, height) = (u32::from_be_bytes(*width), u32::from_be_bytes(*height));
    let is_possible =
        matches!((colour_type, bit_depth), (0, 1 | 2 | 4 | 8 | 16) | (3, 1 | 2 | 4 | 8) | (2 | 4 | 6, 8 | 16));
    let sides = 1..=MOST;
    if !sides.contains(&width)
        || !sides.contains(&height)
        || !is_possible
        || compression != 0
        || filter != 0
        || interlace > 1
    {
        return Err(PngError::Header);
    }
    Ok(PngHeader { width, height, bit_depth, colour_type })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The picture of the Saved Views document: one grey pixel.
    pub(crate) const PIXEL: &[u8] = &[
        0x89, b'P', b'N', b'G', 13, 10, 26, 10, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 4, 0,
        0, 0, 0xb5, 0x1c, 0x0c, 0x02, 0, 0, 0, 11, b'I', b'D', b'A', b'T', 0x78, 0xda, 0x63, 0x64, 0x60, 0, 0, 0, 6, 0,
        2, 0x30, 0x81, 0xd0, 0x2f, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
    ];

    fn with(header: &[u8], chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let mut file = SIGNATURE.to_vec();
        for (kind, data) in [(b"IHDR", header)].iter().chain(chunks) {
            file.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
            let body = [&kind[..], data].concat();
            file.extend(&body);
            file.extend(crc32fast::hash(&body).to_be_bytes());
        }
        file
    }

    const HEADER: &[u8] = &[0, 0, 0, 2, 0, 0, 0, 3, 8, 2, 0, 0, 0];

    #[test]
    fn a_whole_png_is_one() {
        let header = PngHeader { width: 1, height: 1, bit_depth: 8, colour_type: 4 };
        assert_eq!(check_png(PIXEL), Ok(header));
        let file = with(HEADER, &[(b"tEXt", b"x"), (b"IDAT", b"1"), (b"IDAT", b"2"), (b"IEND", b"")]);
        assert_eq!(check_png(&file).map(|header| (header.width, header.height)), Ok((2, 3)));
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_found() {
        for length in 0..PIXEL.len() {
            let error = check_png(&PIXEL[..length]).unwrap_err();
            assert!(matches!(error, PngError::Signature | PngError::Truncated { .. }), "{length}: {error:?}");
        }
        for bit in 0..PIXEL.len() * 8 {
            let mut damaged = PIXEL.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(check_png(&damaged).is_err(), "bit {bit}");
        }
        assert_eq!(check_png(&[PIXEL, b"!!"].concat()), Err(PngError::Behind { count: 2 }));
    }

    #[test]
    fn what_chunks_say_has_to_be_possible() {
        for (header, error) in [
            (&[0, 0, 0, 0, 0, 0, 0, 3, 8, 2, 0, 0, 0][..], PngError::Header),
            (&[0, 0, 0, 1, 0x80, 0, 0, 0, 8, 2, 0, 0, 0], PngError::Header),
            (&[0, 0, 0, 1, 0, 0, 0, 1, 4, 2, 0, 0, 0], PngError::Header),
            (&[0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 2], PngError::Header),
            (&[0; 12], PngError::Header),
            (&[0, 0, 0, 1, 0, 0, 0, 1, 8, 3, 0, 0, 0], PngError::NoPalette),
        ] {
            assert_eq!(check_png(&with(header, &[(b"IDAT", b"1"), (b"IEND", b"")])), Err(error), "{header:?}");
        }
        for (chunks, error) in [
            (&[(b"IEND", &b""[..])][..], PngError::NoData),
            (&[(b"IDAT", b""), (b"IEND", b"")], PngError::NoData),
            (&[(b"IHDR", HEADER), (b"IEND", b"")], PngError::Header),
            (&[(b"IDAT", b"1")], PngError::Truncated { at: 46 }),
            (&[(b"IDAT", b"1"), (b"IEND", b"1")], PngError::Chunk { at: 46 }),
            (&[(b"ID\0T", b"1"), (b"IEND", b"")], PngError::Chunk { at: 33 }),
        ] {
            assert_eq!(check_png(&with(HEADER, chunks)), Err(error));
        }
        let mut long = with(HEADER, &[(b"IDAT", b"1")]);
        long[33] = 0x80;
        assert_eq!(check_png(&long), Err(PngError::Chunk { at: 33 }));
    }
}
