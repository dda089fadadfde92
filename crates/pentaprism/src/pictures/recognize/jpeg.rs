//! JPEG's header: the walk over marker segments to the frame header (ITU-T T.81, B.1 and B.2.2).
//!
//! Segments are skipped by their length, never searched: an Exif thumbnail inside APP1 is a whole JPEG with a frame
//! header of its own.

use super::{Format, HeaderError};

/// SOI, and the beginning of the marker that has to follow.
pub(super) const SIGNATURE: [u8; 3] = [0xFF, 0xD8, 0xFF];

/// How pixels are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Frame {
    /// Whether the pixels come in several scans, so that a decoder has to keep all coefficients.
    pub(in super::super) progressive: bool,
    /// Colour components.
    pub(in super::super) components: u8,
}

/// Where the walk is.
#[derive(Debug)]
pub(super) enum Walk {
    /// Before the FF of a marker.
    Prefix,
    /// After it; more FF bytes are filling.
    Marker,
    /// In the two bytes of a segment's length.
    Length { marker: u8, high: Option<u8> },
    /// In a segment that does not matter, so many bytes before its end.
    Skip(u16),
    /// In a frame header.
    FrameHeader { marker: u8, length: u16, bytes: [u8; 6], filled: usize },
}

impl Walk {
    /// After [`SIGNATURE`].
    pub(super) fn after_signature() -> Self {
        Self::Marker
    }

    /// Takes bytes from `input` up to the end of the frame header: width, height and the rest of what it says.
    pub(super) fn push(&mut self, input: &mut &[u8]) -> Result<Option<(u32, u32, Frame)>, HeaderError> {
        while let Some((&byte, rest)) = input.split_first() {
            if let Self::Skip(left) = *self {
                let skipped = input.len().min(usize::from(left));
                *input = &input[skipped..];
                // `skipped` is at most `left`, a u16.
                let left = left - u16::try_from(skipped).unwrap_or(left);
                *self = if left == 0 { Self::Prefix } else { Self::Skip(left) };
                continue;
            }
            *input = rest;
            if let Some(found) = self.step(byte)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn step(&mut self, byte: u8) -> Result<Option<(u32, u32, Frame)>, HeaderError> {
        match self {
            Self::Prefix if byte == 0xFF => *self = Self::Marker,
            Self::Prefix => return Err(damaged("has something else where a marker has to be")),
            Self::Marker => *self = after_marker(byte)?,
            Self::Length { high: high @ None, .. } => *high = Some(byte),
            Self::Length { marker, high: Some(high) } => {
                let length = u16::from_be_bytes([*high, byte]);
                *self = in_segment(*marker, length)?;
            }
            // `push` has dealt with it.
            Self::Skip(_) => {}
            Self::FrameHeader { marker, length, bytes, filled } => {
                bytes[*filled] = byte;
                *filled += 1;
                if *filled == bytes.len() {
                    return frame(*marker, *length, *bytes).map(Some);
                }
            }
        }
        Ok(None)
    }
}

/// Whether a JPEG that is there as a whole has an end: an EOI after its frame header.
///
/// Pixels cannot look like one (T.81, B.1.1.5), and those of a thumbnail in APP1 come before the frame header.
pub(in super::super) fn has_end(picture: &[u8]) -> bool {
    let mut rest = &picture[SIGNATURE.len().min(picture.len())..];
    let walked = Walk::after_signature().push(&mut rest);
    matches!(walked, Ok(Some(_))) && rest.windows(2).any(|marker| marker == [0xFF, 0xD9])
}

fn damaged(problem: &'static str) -> HeaderError {
    HeaderError::Damaged { format: Format::Jpeg, problem }
}

fn after_marker(marker: u8) -> Result<Walk, HeaderError> {
    match marker {
        0xFF => Ok(Walk::Marker),
        // TEM and the restart markers stand alone.
        0x01 | 0xD0..=0xD7 => Ok(Walk::Prefix),
        0x00 => Err(damaged("has something else where a marker has to be")),
        0xD8 => Err(damaged("has a second beginning")),
        0xD9 | 0xDA => Err(damaged("has no frame before its first scan or its end")),
        marker => Ok(Walk::Length { marker, high: None }),
    }
}

/// Whether a marker begins a frame: SOF0 to SOF15, without DHT (C4), JPG (C8) and DAC (CC).
fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC)
}

fn in_segment(marker: u8, length: u16) -> Result<Walk, HeaderError> {
    match length.checked_sub(2) {
        None => Err(damaged("has a segment shorter than its own length")),
        Some(_) if is_frame(marker) => Ok(Walk::FrameHeader { marker, length, bytes: [0; 6], filled: 0 }),
        Some(0) => Ok(Walk::Prefix),
        Some(left) => Ok(Walk::Skip(left)),
    }
}

fn frame(marker: u8, length: u16, bytes: [u8; 6]) -> Result<(u32, u32, Frame), HeaderError> {
    let [_precision, height_high, height_low, width_high, width_low, components] = bytes;
    if components == 0 || length != 8 + 3 * u16::from(components) {
        return Err(damaged("has a frame whose length contradicts its components"));
    }
    let number = |high, low| u32::from(u16::from_be_bytes([high, low]));
    // SOF0, SOF1 and SOF3 are sequential; every other kind may need all coefficients at once.
    let frame = Frame { progressive: !matches!(marker, 0xC0 | 0xC1 | 0xC3), components };
    Ok((number(width_high, width_low), number(height_high, height_low), frame))
}
