//! A PNG's rows, decoded one after the other to eight bits a sample.

use png::{BitDepth, ColorType, DecodeOptions, Decoder, Limits, Transformations};

use super::chunks::Essential;
use super::error::{Damage, PictureError};
use super::stop::Stop;

/// Where the samples of a decoded row belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The row.
    pub(super) line: u32,
    /// The column of the first pixel.
    pub(super) first: u32,
    /// How far the next pixel is from it: 1 unless interlaced.
    pub(super) step: u32,
}

/// A PNG that is being decoded.
pub(super) struct Rows {
    reader: png::Reader<Essential>,
    row: Vec<u8>,
    channels: usize,
}

impl Rows {
    /// Begins with `essential`, whose chunks are known to have the right checksums; that of the pixels is verified on the
    /// way. `memory`: what the decoder may take, in bytes.
    pub(super) fn open(essential: Essential, memory: usize) -> Result<Self, PictureError> {
        let mut options = DecodeOptions::default();
        options.set_ignore_crc(true);
        options.set_ignore_adler32(false);
        let mut decoder = Decoder::new_with_options(essential, options);
        decoder.set_limits(Limits { bytes: memory });
        decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
        let reader = decoder.read_info().map_err(Damage::pixels)?;
        let (colour, depth) = reader.output_color_type();
        assert_eq!(depth, BitDepth::Eight, "the transformations make every sample eight bits");
        let channels = match colour {
            ColorType::Grayscale | ColorType::Indexed => 1,
            ColorType::GrayscaleAlpha => 2,
            ColorType::Rgb => 3,
            ColorType::Rgba => 4,
        };
        let width = usize::try_from(reader.info().width).expect("a row that fits into memory");
        Ok(Self { reader, row: vec![0; width * channels], channels })
    }

    /// Samples of a pixel: grey, grey and alpha, RGB, RGB and alpha. Alpha is not premultiplied.
    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    /// Decodes all rows and hands each to `take`.
    ///
    /// More compressed data than the rows need is neither inflated nor an error, as in libpng and thus in browsers; less
    /// is one. The pixels' own checksum is part of that: a chunk that the rows do not need is not looked into for it.
    pub(super) fn each(mut self, stop: &Stop, mut take: impl FnMut(Place, &[u8])) -> Result<(), PictureError> {
        let (width, height) = (self.reader.info().width, self.reader.info().height);
        let passes: &[Pass] = if self.reader.info().interlaced { &ADAM7 } else { &WHOLE };
        for pass in passes {
            let samples = pass.columns(width) * self.channels;
            if samples == 0 {
                continue;
            }
            for line in (pass.line..height).step_by(pass.every_line) {
                stop.check()?;
                self.reader.read_row(&mut self.row).map_err(Damage::pixels)?;
                take(Place { line, first: pass.column, step: pass.every_column }, &self.row[..samples]);
            }
        }
        Ok(())
    }
}

/// One pass over the picture.
#[derive(Clone, Copy, Debug)]
struct Pass {
    column: u32,
    line: u32,
    every_column: u32,
    every_line: usize,
}

impl Pass {
    const fn new(column: u32, line: u32, every_column: u32, every_line: usize) -> Self {
        Self { column, line, every_column, every_line }
    }

    /// Pixels of a row of this pass.
    fn columns(&self, width: u32) -> usize {
        usize::try_from(width.saturating_sub(self.column).div_ceil(self.every_column)).expect("at most the width")
    }
}

const WHOLE: [Pass; 1] = [Pass::new(0, 0, 1, 1)];

/// The passes of an interlaced picture (PNG specification, 8.2).
const ADAM7: [Pass; 7] = [
    Pass::new(0, 0, 8, 8),
    Pass::new(4, 0, 8, 8),
    Pass::new(0, 4, 4, 8),
    Pass::new(2, 0, 4, 4),
    Pass::new(0, 2, 2, 4),
    Pass::new(1, 0, 2, 2),
    Pass::new(0, 1, 1, 2),
];
