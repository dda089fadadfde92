//! PNGs made of JPEGs, GIFs and PNGs: the same size, the same colours, and an error for what is damaged.

use std::borrow::Cow;

use bytes::Bytes;
use gif::{Encoder, Frame};
use proptest::prelude::*;

use super::making::{Kind, RGB, RGBA, gradient, quadrants};
use super::{Decoded, assert_close, png_of};
use crate::pictures::{Damage, PictureError, USUAL_MAX_PIXELS};

/// The quadrants of the JPEG fixtures, which Pillow 12 made.
const QUADRANTS: [[u8; 4]; 4] = [[200, 30, 40, 255], [20, 180, 60, 255], [40, 60, 220, 255], [230, 220, 210, 255]];

const JPEGS: [&[u8]; 6] = [
    include_bytes!("fixtures/baseline.jpg"),
    include_bytes!("fixtures/subsampled.jpg"),
    include_bytes!("fixtures/progressive.jpg"),
    include_bytes!("fixtures/exif-thumbnail.jpg"),
    include_bytes!("fixtures/inks.jpg"),
    include_bytes!("fixtures/grey.jpg"),
];

#[test]
fn jpegs_keep_their_size_and_colours() {
    for (which, jpeg) in JPEGS.into_iter().enumerate() {
        let seen = Decoded::of(&png_of(jpeg).unwrap());
        assert_eq!((seen.width, seen.height), (48, 32), "{which}");
        if seen.colour == png::ColorType::Grayscale {
            assert_eq!(which, 5);
            continue;
        }
        for (corner, expected) in seen.corners().into_iter().zip(QUADRANTS) {
            assert_close(corner, expected, 8);
        }
    }
}

#[test]
fn a_truncated_jpeg_is_damaged() {
    for jpeg in JPEGS {
        for length in 0..jpeg.len() {
            let judged = png_of(&jpeg[..length]);
            let told = matches!(judged, Err(PictureError::NotAPicture(_) | PictureError::Damaged(_)));
            assert!(told, "{length} of {} bytes", jpeg.len());
        }
    }
}

/// A GIF of `width` × `height` with one frame in it.
fn gif(width: u16, height: u16, palette: &[u8], frame: &Frame<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width, height, palette).unwrap();
    encoder.write_frame(frame).unwrap();
    encoder.write_frame(&Frame { width: 1, height: 1, buffer: Cow::Borrowed(&[0]), ..Frame::default() }).unwrap();
    drop(encoder);
    bytes
}

const COLOURS: [u8; 12] = [10, 20, 30, 200, 100, 0, 0, 250, 120, 255, 255, 255];

fn frame(left: u16, top: u16, width: u16, height: u16, transparent: Option<u8>) -> Frame<'static> {
    let pixels = (0..usize::from(width) * usize::from(height)).map(|at| u8::try_from(at % 4).unwrap()).collect();
    Frame { left, top, width, height, transparent, buffer: Cow::Owned(pixels), ..Frame::default() }
}

#[test]
fn the_first_frame_of_a_gif_is_what_is_seen() {
    for transparent in [None, Some(2)] {
        let seen = Decoded::of(&png_of(&gif(5, 3, &COLOURS, &frame(0, 0, 5, 3, transparent))).unwrap());
        for at in 0..15_u32 {
            let index = u8::try_from(at % 4).unwrap();
            let [red, green, blue] = COLOURS[usize::from(index) * 3..][..3].try_into().unwrap();
            let alpha = if Some(index) == transparent { 0 } else { 255 };
            assert_eq!(seen.rgba(at % 5, at / 5), [red, green, blue, alpha]);
        }
    }
}

#[test]
fn what_a_gif_frame_does_not_cover_is_transparent() {
    for transparent in [None, Some(0)] {
        let seen = Decoded::of(&png_of(&gif(9, 8, &COLOURS, &frame(2, 3, 5, 4, transparent))).unwrap());
        assert_eq!((seen.width, seen.height), (9, 8));
        for (x, y) in (0..9).flat_map(|x| (0..8).map(move |y| (x, y))) {
            let covered = (2..7).contains(&x) && (3..7).contains(&y);
            let invisible = transparent.is_some() && covered && ((y - 3) * 5 + x - 2) % 4 == 0;
            assert_eq!(seen.rgba(x, y)[3] == 255, covered && !invisible, "{x}, {y}");
        }
    }
}

#[test]
fn a_full_palette_leaves_the_background() {
    let palette: Vec<u8> = (0..=255).flat_map(|index: u8| [index, 255 - index, 7]).collect();
    let frame = Frame { left: 1, width: 256, height: 1, buffer: Cow::Owned((0..=255).collect()), ..Frame::default() };
    let seen = Decoded::of(&png_of(&gif(257, 1, &palette, &frame)).unwrap());
    assert_eq!(
        [seen.rgba(0, 0), seen.rgba(1, 0), seen.rgba(256, 0)],
        [[0, 255, 7, 255], [0, 255, 7, 255], [255, 0, 7, 255]]
    );
}

#[test]
fn an_interlaced_gif_has_its_rows_in_order() {
    // The encoder takes rows in the order in which they are stored.
    let stored = [0_u8, 8, 4, 12, 2, 6, 10, 14, 1, 3, 5, 7, 9, 11, 13, 15];
    let palette: Vec<u8> = (0..16).flat_map(|index| [index * 10, 0, 0]).collect();
    let pixels = stored.iter().flat_map(|line| [*line; 3]).collect();
    let frame = Frame { width: 3, height: 16, interlaced: true, buffer: Cow::Owned(pixels), ..Frame::default() };
    let seen = Decoded::of(&png_of(&gif(3, 16, &palette, &frame)).unwrap());
    for line in 0..16 {
        assert_eq!(u32::from(seen.rgba(1, line)[0]), line * 10);
    }
}

#[test]
fn a_damaged_gif_is_told() {
    let whole = gif(9, 8, &COLOURS, &frame(2, 3, 5, 4, None));
    let first_frame = gif(9, 8, &COLOURS, &frame(2, 3, 5, 4, None)).len() - 20;
    for length in 0..whole.len() {
        let judged = png_of(&whole[..length]);
        assert!(judged.is_ok() && length > first_frame - 10 || judged.is_err(), "{length}: {judged:?}");
        assert!(!matches!(judged, Err(PictureError::Damaged(Damage::Decoder))), "{length}");
    }
    let empty = [b"GIF89a\x03\0\x02\0\x80\0\0", &COLOURS[..6], b";", b"after the end"].concat();
    assert!(matches!(png_of(&empty), Err(PictureError::Damaged(Damage::NoFrame))));
    // A frame that reaches beyond the logical screen would be larger than the header said.
    assert!(matches!(
        png_of(&gif(4, 4, &COLOURS, &frame(2, 3, 5, 4, None))),
        Err(PictureError::Damaged(Damage::Pixels(_)))
    ));
}

#[test]
fn a_png_stays_as_it_is_when_it_is_whole() {
    for kind in [RGB, RGBA, Kind { depth: 16, interlaced: true, ..RGBA }] {
        let whole = gradient(kind, 30, 20);
        assert_eq!(png_of(&whole).unwrap(), whole);
        assert!(matches!(png_of(&whole[..whole.len() - 1]), Err(PictureError::Damaged(_))));
    }
}

#[test]
fn limits_hold_for_every_format() {
    for picture in [JPEGS[0].to_vec(), gif(48, 32, &COLOURS, &frame(0, 0, 1, 1, None)), quadrants(RGB, 48, 32)] {
        let plan = |limit| super::super::convert::Plan::new(Bytes::from(picture.clone()), limit).map(|_| ());
        assert!(plan(48 * 32).is_ok());
        assert!(matches!(plan(48 * 32 - 1), Err(PictureError::TooManyPixels { width: 48, height: 32, limit: 1535 })));
    }
    assert!(u64::from(crate::pictures::LONGEST_SIDE) * 700 < USUAL_MAX_PIXELS);
}

proptest! {
    #[test]
    fn changed_bytes_are_no_panic(
        which in 0_usize..7,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let mut bytes = match JPEGS.get(which) {
            Some(jpeg) => jpeg.to_vec(),
            None => gif(9, 8, &COLOURS, &frame(2, 3, 5, 4, Some(1))),
        };
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        // The pool would make damage of a panic; here one fails the test.
        drop(png_of(&bytes));
    }
}
