//! Thumbnails of PNGs.

use bytes::Bytes;
use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use png::{BitDepth, ColorType, Compression, Encoder, Filter};

use super::LONGEST_SIDE;
use super::chunks::{self, Checked};
use super::error::PictureError;
use super::recognize::{Detail, Header, Recognizer, png as header};
use super::rows::Rows;
use super::shrink::{Shrink, Side};
use super::stop::Stop;

/// What the decoder and the encoder take besides rows and pictures: windows, tables and buffers that grow in steps.
const FIXED_MEMORY: u64 = 3 * 512 * 1024;

/// A thumbnail, made by [`Pool::thumbnail`](super::Pool::thumbnail).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// A PNG.
    pub bytes: Bytes,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
    /// Whether the picture is its own thumbnail, since it fits already: then `bytes` are the very bytes that were given.
    pub is_the_picture: bool,
}

/// A picture that is worth decoding: its header is right and within the limits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accepted {
    pub(super) header: Header,
    pub(super) detail: Detail,
}

/// Judges the header of a picture that is there as a whole.
pub(super) fn accept(picture: &[u8], max_pixels: u64) -> Result<Accepted, PictureError> {
    let mut recognizer = Recognizer::new();
    recognizer.push(picture);
    let (header, detail) = recognizer.finish_with_detail().map_err(PictureError::NotAPicture)?;
    let Header { width, height, .. } = header;
    if u64::from(width) * u64::from(height) > max_pixels {
        return Err(PictureError::TooManyPixels { width, height, limit: max_pixels });
    }
    let side = width.max(height);
    if side > LONGEST_SIDE {
        return Err(PictureError::SideTooLong { side, limit: LONGEST_SIDE });
    }
    Ok(Accepted { header, detail })
}

/// A thumbnail that is going to be made.
#[derive(Debug)]
pub(super) struct Plan {
    png: Bytes,
    columns: Side,
    lines: Side,
    width: u32,
    height: u32,
    ihdr: header::Ihdr,
}

impl Plan {
    /// Decodes nothing; see [`Pool::thumbnail`](super::Pool::thumbnail).
    pub(super) fn new(png: Bytes, fit: u32, max_pixels: u64) -> Result<Self, PictureError> {
        let Accepted { header, detail } = accept(&png, max_pixels)?;
        let Detail::Png(ihdr) = detail else { return Err(PictureError::NotPng { found: header.format }) };
        let (width, height) = fitted(header.width, header.height, fit.max(1));
        let (columns, lines) = (Side::towards(header.width, width), Side::towards(header.height, height));
        Ok(Self { png, columns, lines, width, height, ihdr })
    }

    fn is_the_picture(&self) -> bool {
        (self.width, self.height) == (self.columns.whole, self.lines.whole)
    }

    /// The most bytes that [`run`](Self::run) takes beyond the picture itself.
    pub(super) fn memory(&self) -> u64 {
        let decoding = decoder_memory(self.ihdr, self.columns.whole);
        if self.is_the_picture() {
            return decoding;
        }
        let boxes = u64::from(self.columns.boxes()) * u64::from(self.lines.boxes());
        let sums = if self.ihdr.interlaced { boxes } else { u64::from(self.columns.boxes()) };
        let result = u64::from(self.width) * u64::from(self.height);
        let across = u64::from(self.width) * u64::from(self.lines.boxes());
        // Four bytes a pixel: the boxes, again with alpha multiplied in, shrunk in one direction, and in both; then the
        // encoded thumbnail, which grows by doubling. Sixteen a pixel: the sums.
        decoding + 4 * (2 * boxes + across + 4 * result) + 16 * sums
    }

    /// Verifies the picture as a whole and makes the thumbnail.
    pub(super) fn run(self, stop: &Stop) -> Result<Thumbnail, PictureError> {
        if self.is_the_picture() {
            verify(&self.png, self.decoder_limit(), stop)?;
            let Self { png: bytes, width, height, .. } = self;
            return Ok(Thumbnail { bytes, width, height, is_the_picture: true });
        }
        let Checked { essential, colour_space } = chunks::check(&self.png)?;
        let rows = Rows::open(essential, self.decoder_limit())?;
        let (pixels, colour) = match rows.channels() {
            1 => self.shrunk::<1>(rows, stop)?,
            2 => self.shrunk::<2>(rows, stop)?,
            3 => self.shrunk::<3>(rows, stop)?,
            _ => self.shrunk::<4>(rows, stop)?,
        };
        stop.check()?;
        let bytes = encode(self.width, self.height, colour, &colour_space, &pixels);
        Ok(Thumbnail { bytes, width: self.width, height: self.height, is_the_picture: false })
    }

    fn decoder_limit(&self) -> usize {
        usize::try_from(decoder_memory(self.ihdr, self.columns.whole)).unwrap_or(usize::MAX)
    }

    /// The thumbnail's pixels.
    fn shrunk<const C: usize>(&self, rows: Rows, stop: &Stop) -> Result<(Vec<u8>, ColorType), PictureError> {
        let mut shrink = Shrink::<C>::new(self.columns, self.lines, self.ihdr.interlaced);
        rows.each(stop, |place, row| shrink.add(place, row))?;
        let (pixels, opaque) = shrink.finish();
        stop.check()?;
        let (kind, colour) = match C {
            1 => (PixelType::U8, ColorType::Grayscale),
            2 => (PixelType::U8x2, ColorType::GrayscaleAlpha),
            3 => (PixelType::U8x3, ColorType::Rgb),
            _ => (PixelType::U8x4, ColorType::Rgba),
        };
        let source = Image::from_vec_u8(self.columns.boxes(), self.lines.boxes(), pixels, kind)
            .expect("the boxes are as many as their sides say");
        let mut target = Image::new(self.width, self.height, kind);
        // Alpha is multiplied in for the filter and divided out again, so that the colour of what cannot be seen does
        // not bleed into what can; where everything is opaque that would be work for nothing.
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
            .crop(0.0, 0.0, self.columns.covered(), self.lines.covered())
            .use_alpha(!opaque);
        Resizer::new().resize(&source, &mut target, &options).expect("the covered part lies within the boxes");
        Ok(without_idle_alpha::<C>(target.into_vec(), colour, opaque))
    }
}

/// Leaves out the alpha of a picture that is opaque everywhere.
fn without_idle_alpha<const C: usize>(pixels: Vec<u8>, colour: ColorType, opaque: bool) -> (Vec<u8>, ColorType) {
    let without = match colour {
        ColorType::GrayscaleAlpha if opaque => ColorType::Grayscale,
        ColorType::Rgba if opaque => ColorType::Rgb,
        _ => return (pixels, colour),
    };
    let kept = pixels.as_chunks::<C>().0.iter().flat_map(|pixel| &pixel[..C - 1]).copied().collect();
    (kept, without)
}

/// The size of a thumbnail within `fit` × `fit`: the aspect is kept, nothing is enlarged, no side vanishes.
fn fitted(width: u32, height: u32, fit: u32) -> (u32, u32) {
    let longer = width.max(height);
    if longer <= fit {
        return (width, height);
    }
    let side = |side: u32| {
        let scaled = (u64::from(side) * u64::from(fit) + u64::from(longer / 2)) / u64::from(longer);
        u32::try_from(scaled.max(1)).expect("not longer than before")
    };
    (side(width), side(height))
}

/// The most bytes that decoding a PNG row by row takes.
pub(super) fn decoder_memory(ihdr: header::Ihdr, width: u32) -> u64 {
    let raw = (u64::from(width) * ihdr.bits()).div_ceil(8) + 1;
    // The decoder keeps this row, the one before and the next in a buffer that doubles when it grows; the decoded row has
    // up to four bytes a pixel, twice.
    8 * raw + 8 * u64::from(width) + FIXED_MEMORY
}

/// Decodes a whole PNG for nothing but its errors.
pub(super) fn verify(png: &Bytes, memory: usize, stop: &Stop) -> Result<(), PictureError> {
    Rows::open(chunks::check(png)?.essential, memory)?.each(stop, |_, _| {})
}

/// A PNG of eight bits a sample.
fn encode(width: u32, height: u32, colour: ColorType, colour_space: &[([u8; 4], Bytes)], pixels: &[u8]) -> Bytes {
    let mut bytes = Vec::with_capacity(pixels.len() / 2);
    let mut encoder = Encoder::new(&mut bytes, width, height);
    encoder.set_color(colour);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    encoder.set_filter(Filter::Adaptive);
    let mut writer = encoder.write_header().expect("both sides are at least 1, and memory takes every byte");
    for (name, content) in colour_space {
        writer.write_chunk(png::chunk::ChunkType(*name), content).expect("a chunk that came out of a PNG");
    }
    writer.write_image_data(pixels).expect("as many samples as the sides and the colour say");
    writer.finish().expect("memory takes every byte");
    bytes.into()
}
