//! Averages boxes of pixels while rows arrive, so that a large picture never is in memory as a whole.
//!
//! This is the coarse half of making a thumbnail; a proper filter makes the rest of the way. The boxes leave at least
//! twice the pixels of the thumbnail in each direction, so the averaging is not seen.

use super::rows::Place;

/// The largest side of a box: the sums of 255 × 255 products of two bytes just fit into 32 bits.
const LARGEST_BOX: u32 = 255;

/// How far a side is shrunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Side {
    /// Pixels before.
    pub(super) whole: u32,
    /// Pixels of a box; the last box may be cut.
    pub(super) factor: u32,
}

impl Side {
    /// Shrinks `whole` pixels to at least twice and less than four times `target`, or not at all.
    pub(super) fn towards(whole: u32, target: u32) -> Self {
        let factor = (u64::from(whole) / (2 * u64::from(target.max(1)))).clamp(1, u64::from(LARGEST_BOX));
        Self { whole, factor: u32::try_from(factor).expect("at most the largest box") }
    }

    /// Pixels after.
    pub(super) fn boxes(self) -> u32 {
        self.whole.div_ceil(self.factor)
    }

    /// The part of the boxes that the picture covers, in boxes: the last one may be cut.
    pub(super) fn covered(self) -> f64 {
        f64::from(self.whole) / f64::from(self.factor)
    }

    /// Pixels in a box.
    fn pixels(self, index: usize) -> u32 {
        let before = u32::try_from(index).expect("an index below a u32") * self.factor;
        self.factor.min(self.whole - before)
    }
}

/// A shrunk picture of `C` samples a pixel; with two or four, the last one is alpha, and weighs the others.
pub(super) struct Shrink<const C: usize> {
    columns: Side,
    lines: Side,
    /// The picture so far, eight bits a sample, not premultiplied.
    pixels: Vec<u8>,
    /// Sums of one row of boxes, or of all boxes of an interlaced picture; empty when nothing is shrunk.
    sums: Vec<[u32; C]>,
    interlaced: bool,
    opaque: bool,
}

impl<const C: usize> Shrink<C> {
    const HAS_ALPHA: bool = C == 2 || C == 4;

    pub(super) fn new(columns: Side, lines: Side, interlaced: bool) -> Self {
        let (width, height) = (index(columns.boxes()), index(lines.boxes()));
        let shrinks = columns.factor > 1 || lines.factor > 1;
        let sums = match (shrinks, interlaced) {
            (false, _) => 0,
            (true, false) => width,
            (true, true) => width * height,
        };
        let pixels = vec![0; width * height * C];
        Self { columns, lines, pixels, sums: vec![[0; C]; sums], interlaced, opaque: true }
    }

    /// Adds the pixels of a row.
    pub(super) fn add(&mut self, place: Place, row: &[u8]) {
        let row = row.as_chunks::<C>().0;
        if Self::HAS_ALPHA {
            self.opaque &= row.iter().fold(255, |lowest: u8, pixel| lowest & pixel[C - 1]) == 255;
        }
        if self.sums.is_empty() {
            return self.copy(place, row);
        }
        let width = index(self.columns.boxes());
        let line = index(place.line / self.lines.factor);
        if self.interlaced {
            let boxes = &mut self.sums[line * width..][..width];
            for (column, pixel) in (place.first..).step_by(index(place.step)).zip(row) {
                add_pixel(&mut boxes[index(column / self.columns.factor)], *pixel);
            }
            return;
        }
        for (sums, pixels) in self.sums.iter_mut().zip(row.chunks(index(self.columns.factor))) {
            for pixel in pixels {
                add_pixel(sums, *pixel);
            }
        }
        let last_of_boxes = place.line % self.lines.factor == self.lines.factor - 1;
        if last_of_boxes || place.line + 1 == self.lines.whole {
            average(&mut self.sums, self.columns, self.lines.pixels(line), &mut self.pixels[line * width * C..]);
        }
    }

    /// Without shrinking, pixels go where they belong.
    fn copy(&mut self, place: Place, row: &[[u8; C]]) {
        let width = index(self.columns.whole);
        let line = &mut self.pixels[index(place.line) * width * C..][..width * C];
        if place.step == 1 {
            line.copy_from_slice(row.as_flattened());
            return;
        }
        let line = line.as_chunks_mut::<C>().0;
        for (target, pixel) in line[index(place.first)..].iter_mut().step_by(index(place.step)).zip(row) {
            *target = *pixel;
        }
    }

    /// The shrunk picture, and whether every pixel of it is opaque.
    pub(super) fn finish(mut self) -> (Vec<u8>, bool) {
        if self.interlaced && !self.sums.is_empty() {
            let width = index(self.columns.boxes());
            let rows = self.sums.chunks_mut(width).zip(self.pixels.chunks_mut(width * C));
            for (line, (sums, pixels)) in rows.enumerate() {
                average(sums, self.columns, self.lines.pixels(line), pixels);
            }
        }
        (self.pixels, self.opaque)
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).expect("a 32-bit number fits into a usize")
}

fn add_pixel<const C: usize>(sums: &mut [u32; C], pixel: [u8; C]) {
    if Shrink::<C>::HAS_ALPHA {
        let alpha = u32::from(pixel[C - 1]);
        for (sum, sample) in sums.iter_mut().zip(&pixel[..C - 1]) {
            *sum += u32::from(*sample) * alpha;
        }
        sums[C - 1] += alpha;
    } else {
        for (sum, sample) in sums.iter_mut().zip(pixel) {
            *sum += u32::from(sample);
        }
    }
}

/// Writes the averages of a row of boxes, each of `lines` rows, and clears the sums.
fn average<const C: usize>(sums: &mut [[u32; C]], columns: Side, lines: u32, pixels: &mut [u8]) {
    for (column, (sums, pixel)) in sums.iter_mut().zip(pixels.as_chunks_mut::<C>().0).enumerate() {
        let count = columns.pixels(column) * lines;
        let weight = if Shrink::<C>::HAS_ALPHA { sums[C - 1] } else { count };
        for (sample, sum) in pixel.iter_mut().zip(*sums) {
            *sample = rounded(sum, weight);
        }
        if Shrink::<C>::HAS_ALPHA {
            pixel[C - 1] = rounded(sums[C - 1], count);
        }
        *sums = [0; C];
    }
}

/// An average, where the weight of nothing gives black.
fn rounded(sum: u32, weight: u32) -> u8 {
    let rounded = (u64::from(sum) + u64::from(weight / 2)).checked_div(u64::from(weight)).unwrap_or(0);
    u8::try_from(rounded).unwrap_or(u8::MAX)
}
