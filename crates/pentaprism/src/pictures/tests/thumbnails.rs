//! Sizes, colours and alpha of thumbnails of every kind of PNG.

use super::making::{Kind, RGB, RGBA, chunk, gradient, ihdr, picture, png, quadrant, quadrants, rows, stored};
use super::{Decoded, assert_close, thumbnail_of};

#[test]
fn every_kind_of_png_keeps_its_colours() {
    for kind in Kind::all() {
        for (width, height) in [(64, 48), (301, 203)] {
            let source = quadrants(kind, width, height);
            let thumbnail = thumbnail_of(&source, 32).unwrap();
            let (seen, whole) = (Decoded::of(&thumbnail.bytes), Decoded::of(&source));
            assert_eq!((seen.width, seen.height), (thumbnail.width, thumbnail.height), "{kind:?}");
            assert_eq!(seen.width, 32, "{kind:?}");
            for (which, corner) in (0_u16..).zip(seen.corners()) {
                let expected = quadrant(kind, which).1;
                if expected[3] == 0 {
                    assert_eq!(corner[3], 0, "{kind:?}");
                } else {
                    assert_close(corner, expected, 2);
                }
            }
            for (seen, whole) in seen.mean().into_iter().zip(whole.mean()) {
                assert!((seen - whole).abs() < 4.0, "{kind:?}: {seen} instead of {whole}");
            }
        }
    }
}

#[test]
fn smooth_pictures_keep_their_mean() {
    for kind in [RGB, RGBA, Kind { interlaced: true, ..RGBA }, Kind { depth: 16, ..RGBA }, Kind { colour: 0, ..RGB }] {
        let source = gradient(kind, 333, 250);
        let (seen, whole) = (Decoded::of(&thumbnail_of(&source, 40).unwrap().bytes), Decoded::of(&source));
        for (seen, whole) in seen.mean().into_iter().zip(whole.mean()) {
            assert!((seen - whole).abs() < 1.0, "{kind:?}: {seen} instead of {whole}");
        }
    }
}

#[test]
fn interlacing_changes_no_pixel() {
    for kind in Kind::all().into_iter().filter(|kind| !kind.interlaced) {
        for (width, height, fit) in [(1, 1, 9), (2, 3, 2), (5, 90, 10), (70, 33, 50), (203, 101, 12)] {
            let thumbnail =
                |interlaced| thumbnail_of(&gradient(Kind { interlaced, ..kind }, width, height), fit).unwrap();
            let (plain, interlaced) = (thumbnail(false), thumbnail(true));
            assert_eq!(Decoded::of(&plain.bytes), Decoded::of(&interlaced.bytes), "{kind:?} {width} x {height}");
        }
    }
}

#[test]
fn sizes_fit_keep_the_aspect_and_never_grow() {
    let sizes = [
        (800, 600, 400, 400, 300),
        (600, 800, 400, 300, 400),
        (401, 401, 400, 400, 400),
        (401, 1, 400, 400, 1),
        (1, 5000, 400, 1, 400),
        (5000, 3, 400, 400, 1),
        (1000, 999, 10, 10, 10),
        (300, 200, 1, 1, 1),
        (300, 200, 0, 1, 1),
    ];
    for (width, height, fit, to_width, to_height) in sizes {
        let thumbnail = thumbnail_of(&quadrants(RGB, width, height), fit).unwrap();
        assert_eq!((thumbnail.width, thumbnail.height), (to_width, to_height), "{width} x {height}");
        let seen = Decoded::of(&thumbnail.bytes);
        assert_eq!((seen.width, seen.height), (to_width, to_height), "{width} x {height}");
        assert!(!thumbnail.is_the_picture);
    }
}

#[test]
fn a_picture_that_fits_is_its_own_thumbnail() {
    for (width, height) in [(400, 400), (1, 1), (17, 400)] {
        let source = quadrants(RGBA, width, height);
        let thumbnail = thumbnail_of(&source, 400).unwrap();
        assert_eq!(thumbnail.bytes, source);
        assert!(thumbnail.is_the_picture);
        assert_eq!((thumbnail.width, thumbnail.height), (width, height));
    }
}

#[test]
fn what_cannot_be_seen_does_not_bleed() {
    // Opaque red beside invisible green, which a filter that forgets alpha would mix to brown.
    for interlaced in [false, true] {
        let kind = Kind { interlaced, ..RGBA };
        let source = picture(kind, 1210, 40, |x, _| if x < 600 { [255, 0, 0, 255] } else { [0, 255, 0, 0] });
        for fit in [1000, 100, 10] {
            let seen = Decoded::of(&thumbnail_of(&source, fit).unwrap().bytes);
            for x in 0..seen.width {
                let [red, green, _, alpha] = seen.rgba(x, 0);
                assert!(alpha == 0 || (green == 0 && red == 255), "{:?} at {x} of {fit}", seen.rgba(x, 0));
            }
        }
    }
}

#[test]
fn alpha_is_left_out_where_everything_is_opaque() {
    let colour = |kind, alpha| {
        let source = picture(kind, 90, 50, |x, _| {
            if kind.colour == 6 { [x.try_into().unwrap(), 2, 3, alpha] } else { [9, alpha, 0, 0] }
        });
        Decoded::of(&thumbnail_of(&source, 20).unwrap().bytes).colour
    };
    let grey = Kind { colour: 4, ..RGBA };
    assert_eq!(colour(RGBA, 255), png::ColorType::Rgb);
    assert_eq!(colour(RGBA, 254), png::ColorType::Rgba);
    assert_eq!(colour(grey, 255), png::ColorType::Grayscale);
    assert_eq!(colour(grey, 254), png::ColorType::GrayscaleAlpha);
}

#[test]
fn the_colour_space_is_kept_and_text_is_not() {
    let pixels = chunk(*b"IDAT", &stored(&rows(RGB, 90, 50, |_, _| [1, 2, 3, 0])));
    let space = [chunk(*b"gAMA", &45_455_u32.to_be_bytes()), chunk(*b"sRGB", &[0]), chunk(*b"iCCP", b"any\0\0profile")];
    let text = chunk(*b"tEXt", b"Comment\0private");
    let source = png(&[ihdr(RGB, 90, 50), space.concat(), text.clone(), pixels]);
    let thumbnail = thumbnail_of(&source, 20).unwrap().bytes;
    let has = |chunk: &[u8]| thumbnail.windows(chunk.len()).any(|window| window == chunk);
    assert!(space.iter().all(|chunk| has(chunk)));
    assert!(!has(b"tEXt"));
}

#[test]
fn a_large_picture_is_shrunk_evenly() {
    // Stripes of one pixel average to grey, however the boxes and the filter divide them.
    let kind = Kind { colour: 0, depth: 1, interlaced: false, transparent: false };
    let source = picture(kind, 3001, 2003, |x, _| [u16::try_from(x % 2).unwrap(), 0, 0, 0]);
    let seen = Decoded::of(&thumbnail_of(&source, 100).unwrap().bytes);
    assert_eq!((seen.width, seen.height), (100, 67));
    for sample in &seen.pixels {
        assert!((100..=155).contains(sample), "{sample}");
    }
    assert!((seen.mean()[0] - 127.5).abs() < 1.0, "{:?}", seen.mean());
}
