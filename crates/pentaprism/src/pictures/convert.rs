//! Any recognised picture as a PNG of the same size.

use std::io::{Cursor, Write};
use std::num::NonZeroU64;

use bytes::Bytes;
use gif::{ColorOutput, MemoryLimit};
use png::{BitDepth, ColorType, Compression, Encoder, Filter, Info};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::LONGEST_SIDE;
use super::error::{Damage, PictureError};
use super::recognize::{Detail, Header, jpeg};
use super::stop::Stop;
use super::thumbnail::{Accepted, accept, decoder_memory, verify};

/// The colours that a palette holds.
const LARGEST_PALETTE: usize = 256;

/// What decoders and the encoder take besides pictures: tables and windows.
const FIXED_MEMORY: u64 = 2 * 1024 * 1024;

/// A rendering that is going to be made.
#[derive(Debug)]
pub(super) struct Plan {
    picture: Bytes,
    accepted: Accepted,
}

impl Plan {
    /// Decodes nothing; see [`Pool::to_png`](super::Pool::to_png).
    pub(super) fn new(picture: Bytes, max_pixels: u64) -> Result<Self, PictureError> {
        let accepted = accept(&picture, max_pixels)?;
        Ok(Self { picture, accepted })
    }

    /// The most bytes that [`run`](Self::run) takes beyond the picture itself.
    pub(super) fn memory(&self) -> u64 {
        let Header { width, height, .. } = self.accepted.header;
        // A JPEG is decoded in blocks of up to 32 × 32 pixels.
        let pixels = u64::from(width).next_multiple_of(32) * u64::from(height).next_multiple_of(32);
        let bytes = u64::try_from(self.picture.len()).unwrap_or(u64::MAX);
        match self.accepted.detail {
            Detail::Png(ihdr) => decoder_memory(ihdr, width),
            // The indices, and the encoded picture, which grows by doubling.
            Detail::Gif => bytes + 4 * pixels + FIXED_MEMORY,
            Detail::Jpeg(jpeg::Frame { progressive, components }) => {
                let components = u64::from(components);
                let samples = if components == 1 { 1 } else { 3 };
                let coefficients = if progressive { 2 * components } else { 0 };
                // The pixels, and the encoded picture: half as much again at worst, growing by doubling.
                bytes + (4 * samples + coefficients) * pixels + FIXED_MEMORY
            }
        }
    }

    /// Decodes the picture and encodes it as a PNG.
    pub(super) fn run(self, stop: &Stop) -> Result<Bytes, PictureError> {
        match self.accepted.detail {
            Detail::Png(_) => {
                verify(&self.picture, usize::try_from(self.memory()).unwrap_or(usize::MAX), stop)?;
                Ok(self.picture)
            }
            Detail::Gif => self.gif(stop),
            Detail::Jpeg(_) => self.jpeg(stop),
        }
    }

    /// An image descriptor with everything but the size at its default.
    fn info(&self, colour: ColorType) -> Info<'static> {
        let mut info = Info::with_size(self.accepted.header.width, self.accepted.header.height);
        info.color_type = colour;
        info.bit_depth = BitDepth::Eight;
        info
    }

    fn gif(&self, stop: &Stop) -> Result<Bytes, PictureError> {
        let mut options = gif::DecodeOptions::new();
        options.set_color_output(ColorOutput::Indexed);
        options.check_frame_consistency(true);
        let limit = NonZeroU64::new(self.memory()).expect("an estimate above the fixed part");
        options.set_memory_limit(MemoryLimit::Bytes(limit));
        let mut decoder = options.read_info(Cursor::new(&self.picture)).map_err(Damage::pixels)?;
        let frame = decoder.next_frame_info().map_err(Damage::pixels)?;
        let part = Part::of(frame.ok_or(PictureError::Damaged(Damage::NoFrame))?);
        let mut indices = vec![0; part.width * part.height];
        stop.check()?;
        // Not row by row: given little room at a time, the decoder takes some whole pictures for truncated ones.
        if !decoder.fill_buffer(&mut indices).map_err(Damage::pixels)? {
            return Err(PictureError::Damaged(Damage::Truncated { at: self.picture.len() }));
        }
        let colours = decoder.palette().map_err(Damage::pixels)?.to_vec();
        let background = decoder.bg_color().and_then(|index| u8::try_from(index).ok()).unwrap_or(0);

        let (width, height) = (usize::from(decoder.width()), usize::from(decoder.height()));
        let covered = part.width == width && part.height == height;
        let palette = Palette::of(colours, part.transparent, background, &indices, covered);
        let mut info = self.info(ColorType::Indexed);
        info.trns = palette.alpha().map(Into::into);
        info.palette = Some(palette.colours.into());
        let rows = (0..height).map(|line| {
            let mut row = vec![palette.uncovered; width];
            if let Some(line) = line.checked_sub(part.top).filter(|line| *line < part.height) {
                let stored = part.order[line] * part.width;
                row[part.left..part.left + part.width].copy_from_slice(&indices[stored..][..part.width]);
            }
            row
        });
        // Filters predict samples from their neighbours, which means nothing for indices.
        encode(info, Compression::Balanced, Filter::NoFilter, rows, stop)
    }

    fn jpeg(&self, stop: &Stop) -> Result<Bytes, PictureError> {
        let side = usize::try_from(LONGEST_SIDE).expect("sixteen bits");
        // A JPEG that ends early is refused rather than filled up with grey; the decoder, strict as it is asked to be,
        // does not notice when only the last bytes are missing.
        if !jpeg::has_end(&self.picture) {
            return Err(PictureError::Damaged(Damage::Truncated { at: self.picture.len() }));
        }
        let options = DecoderOptions::default().set_max_width(side).set_max_height(side).set_strict_mode(true);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&self.picture[..]), options);
        decoder.decode_headers().map_err(Damage::pixels)?;
        let stored = decoder.input_colorspace();
        let (space, colour, samples) = match stored {
            Some(ColorSpace::Luma) => (ColorSpace::Luma, ColorType::Grayscale, 1),
            _ => (ColorSpace::RGB, ColorType::Rgb, 3),
        };
        decoder.set_options(options.jpeg_set_out_colorspace(space));
        stop.check()?;
        let pixels = decoder.decode().map_err(Damage::pixels)?;
        let Header { width, height, .. } = self.accepted.header;
        let row = usize::try_from(width).expect("sixteen bits") * samples;
        let rows = pixels.chunks_exact(row);
        if rows.len() != usize::try_from(height).expect("sixteen bits") || !rows.remainder().is_empty() {
            return Err(PictureError::Damaged(Damage::Decoder));
        }
        let mut info = self.info(colour);
        // A profile describes the stored samples; those of inks have been converted.
        if !matches!(stored, Some(ColorSpace::CMYK | ColorSpace::YCCK)) {
            info.icc_profile = decoder.icc_profile().map(Into::into);
        }
        encode(info, Compression::Fast, Filter::Adaptive, rows, stop)
    }
}

/// The part of the logical screen that a GIF's frame covers. The decoder has verified that it lies within.
#[derive(Clone, Debug)]
struct Part {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    transparent: Option<u8>,
    /// Which of the stored rows each row is.
    order: Vec<usize>,
}

impl Part {
    fn of(frame: &gif::Frame<'_>) -> Self {
        let height = usize::from(frame.height);
        let mut order: Vec<usize> = (0..height).collect();
        if frame.interlaced {
            // Every eighth row, those in the middle between them, and so on ("Graphics Interchange Format", 89a, E).
            let passes = [(0, 8), (4, 8), (2, 4), (1, 2)];
            let lines = passes.into_iter().flat_map(|(first, step)| (first..height).step_by(step));
            lines.enumerate().for_each(|(stored, line)| order[line] = stored);
        }
        Self {
            left: frame.left.into(),
            top: frame.top.into(),
            width: frame.width.into(),
            height,
            transparent: frame.transparent,
            order,
        }
    }
}

/// The colours of a GIF's frame as a PNG needs them.
#[derive(Debug)]
struct Palette {
    /// Three bytes each; as many as the indices need.
    colours: Vec<u8>,
    transparent: Option<u8>,
    /// The index of pixels outside the frame.
    uncovered: u8,
}

impl Palette {
    /// Pixels that the frame does not cover are transparent if any colour can be; else they have the background's, as the
    /// format wants it (18, "Background Color Index").
    fn of(mut colours: Vec<u8>, transparent: Option<u8>, background: u8, indices: &[u8], covered: bool) -> Self {
        colours.truncate(3 * LARGEST_PALETTE);
        // Indices beyond the palette are an error in a PNG.
        let highest = indices.iter().copied().chain(transparent).chain([background]).max().unwrap_or(0);
        let needed = 3 * (usize::from(highest) + 1);
        if colours.len() < needed {
            colours.resize(needed, 0);
        }
        let spare = u8::try_from(colours.len() / 3).ok();
        let transparent = match (transparent, spare) {
            (None, Some(spare)) if !covered => {
                colours.extend([0, 0, 0]);
                Some(spare)
            }
            (transparent, _) => transparent,
        };
        Self { colours, transparent, uncovered: transparent.unwrap_or(background) }
    }

    /// The alpha of the colours up to the transparent one; the rest is opaque.
    fn alpha(&self) -> Option<Vec<u8>> {
        self.transparent.map(|index| {
            let mut alpha = vec![u8::MAX; usize::from(index) + 1];
            alpha[usize::from(index)] = 0;
            alpha
        })
    }
}

fn encode<Row: AsRef<[u8]>>(
    info: Info<'_>,
    compression: Compression,
    filter: Filter,
    rows: impl Iterator<Item = Row>,
    stop: &Stop,
) -> Result<Bytes, PictureError> {
    const CANNOT_FAIL: &str = "memory takes every byte, and the rows have the length that the descriptor says";
    let mut bytes = Vec::new();
    let mut encoder = Encoder::with_info(&mut bytes, info).expect("a descriptor without an animation");
    encoder.set_compression(compression);
    encoder.set_filter(filter);
    let mut writer = encoder.write_header().expect(CANNOT_FAIL);
    let mut stream = writer.stream_writer_with_size(64 * 1024).expect(CANNOT_FAIL);
    for row in rows {
        stop.check()?;
        stream.write_all(row.as_ref()).expect(CANNOT_FAIL);
    }
    stream.finish().expect(CANNOT_FAIL);
    writer.finish().expect(CANNOT_FAIL);
    Ok(bytes.into())
}
