//! PNG's header: signature and IHDR (W3C "Portable Network Graphics (PNG) Specification", 5.2 and 11.2.1).

use super::{Format, HeaderError};

/// What every PNG begins with.
pub(in super::super) const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// Signature, length, type, content and checksum of IHDR.
pub(super) const HEADER_LENGTH: usize = 33;

/// The longest side and the longest chunk that the format has.
pub(in super::super) const LARGEST: u32 = i32::MAX.cast_unsigned();

/// How pixels are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Ihdr {
    /// Bits of one sample: 1, 2, 4, 8 or 16.
    pub(in super::super) depth: u8,
    /// 0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGB with alpha.
    pub(in super::super) colour: u8,
    /// Whether the pixels come in the seven passes of Adam7.
    pub(in super::super) interlaced: bool,
}

impl Ihdr {
    /// Bits of a pixel.
    pub(in super::super) fn bits(self) -> u64 {
        let samples = match self.colour {
            2 => 3,
            4 => 2,
            6 => 4,
            _ => 1,
        };
        samples * u64::from(self.depth)
    }
}

/// Width, height and the rest of the first [`HEADER_LENGTH`] bytes, of which the signature is known to be right.
pub(super) fn parse(bytes: &[u8; HEADER_LENGTH]) -> Result<(u32, u32, Ihdr), HeaderError> {
    let damaged = |problem| Err(HeaderError::Damaged { format: Format::Png, problem });
    let number = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    if &bytes[12..16] != b"IHDR" {
        return damaged("does not begin with IHDR");
    }
    if number(8) != 13 {
        return damaged("has an IHDR of another length than 13");
    }
    if number(29) != crc32fast::hash(&bytes[12..29]) {
        return damaged("has an IHDR with a wrong checksum");
    }
    let (width, height) = (number(16), number(20));
    if width > LARGEST || height > LARGEST {
        return damaged("claims a side beyond 2147483647 pixels");
    }
    let [depth, colour, compression, filter, interlace] = [bytes[24], bytes[25], bytes[26], bytes[27], bytes[28]];
    let legal = match colour {
        0 => matches!(depth, 1 | 2 | 4 | 8 | 16),
        3 => matches!(depth, 1 | 2 | 4 | 8),
        2 | 4 | 6 => matches!(depth, 8 | 16),
        _ => false,
    };
    if !legal {
        return damaged("has an illegal combination of colour type and bit depth");
    }
    if compression != 0 || filter != 0 || interlace > 1 {
        return damaged("names an unknown compression, filter or interlace method");
    }
    Ok((width, height, Ihdr { depth, colour, interlaced: interlace == 1 }))
}
