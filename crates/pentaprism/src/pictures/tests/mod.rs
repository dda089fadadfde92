//! Tests of pictures: headers, thumbnails, conversions, damage and the pool's bounds.

mod conversions;
mod damage;
mod headers;
mod making;
mod pool;
mod thumbnails;

use bytes::Bytes;

use super::stop::Stop;
use super::thumbnail::Plan;
use super::{PictureError, Thumbnail, USUAL_MAX_PIXELS};

/// The thumbnail as the pool makes it, on this thread.
fn thumbnail_of(png: &[u8], fit: u32) -> Result<Thumbnail, PictureError> {
    Plan::new(Bytes::copy_from_slice(png), fit, USUAL_MAX_PIXELS)?.run(&Stop::default())
}

/// The rendering as the pool makes it, on this thread.
fn png_of(picture: &[u8]) -> Result<Bytes, PictureError> {
    super::convert::Plan::new(Bytes::copy_from_slice(picture), USUAL_MAX_PIXELS)?.run(&Stop::default())
}

/// A decoded PNG, eight bits a sample.
#[derive(Debug, PartialEq, Eq)]
struct Decoded {
    width: u32,
    height: u32,
    colour: png::ColorType,
    pixels: Vec<u8>,
}

impl Decoded {
    fn of(bytes: &[u8]) -> Self {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
        decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        Self { width: info.width, height: info.height, colour: info.color_type, pixels }
    }

    fn rgba(&self, x: u32, y: u32) -> [u8; 4] {
        let channels = self.colour.samples();
        let at = usize::try_from(y * self.width + x).unwrap() * channels;
        match self.pixels[at..at + channels] {
            [grey] => [grey, grey, grey, 255],
            [grey, alpha] => [grey, grey, grey, alpha],
            [red, green, blue] => [red, green, blue, 255],
            [red, green, blue, alpha] => [red, green, blue, alpha],
            _ => unreachable!("one to four samples"),
        }
    }

    fn corners(&self) -> [[u8; 4]; 4] {
        let (right, bottom) = (self.width - 1, self.height - 1);
        [self.rgba(0, 0), self.rgba(right, 0), self.rgba(0, bottom), self.rgba(right, bottom)]
    }

    /// The average colour as seen on black, and the average alpha.
    fn mean(&self) -> [f64; 4] {
        let mut sums = [0.0; 4];
        for (x, y) in (0..self.height).flat_map(|y| (0..self.width).map(move |x| (x, y))) {
            let [red, green, blue, alpha] = self.rgba(x, y).map(f64::from);
            for (sum, sample) in sums.iter_mut().zip([red * alpha, green * alpha, blue * alpha, 255.0 * alpha]) {
                *sum += sample / 255.0;
            }
        }
        sums.map(|sum| sum / f64::from(self.width) / f64::from(self.height))
    }
}

/// That no sample differs by more than `most`.
#[track_caller]
fn assert_close(left: [u8; 4], right: [u8; 4], most: u8) {
    assert!(left.iter().zip(right).all(|(left, right)| left.abs_diff(right) <= most), "{left:?} is far from {right:?}");
}
