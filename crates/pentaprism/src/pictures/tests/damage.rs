//! Damaged and hostile PNGs: an error, never a panic, and never more work or memory than the limits say.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::making::{Kind, RGB, RGBA, chunk, gradient, ihdr, png, rows, stored};
use super::thumbnail_of;
use crate::pictures::stop::Stop;
use crate::pictures::thumbnail::Plan;
use crate::pictures::{Damage, HeaderError, LONGEST_SIDE, PictureError, USUAL_MAX_PIXELS};

const PALETTE: Kind = Kind { colour: 3, depth: 4, interlaced: true, transparent: true };

fn idat(kind: Kind, width: u32, height: u32) -> Vec<u8> {
    chunk(*b"IDAT", &stored(&rows(kind, width, height, |x, _| [u16::try_from(x % 16).unwrap(), 0, 0, 0])))
}

#[track_caller]
fn assert_damaged(png: &[u8], fit: u32) {
    let judged = thumbnail_of(png, fit);
    assert!(matches!(judged, Err(PictureError::Damaged(_))), "{judged:?}");
}

#[test]
fn every_truncation_is_damage() {
    for kind in [RGB, RGBA, PALETTE] {
        let whole = gradient(kind, 20, 15);
        for length in 0..whole.len() {
            for fit in [8, 400] {
                let judged = thumbnail_of(&whole[..length], fit);
                let told = match judged {
                    Err(PictureError::NotAPicture(_)) => length < 33,
                    Err(PictureError::Damaged(Damage::Truncated { at })) => length >= 33 && at == length,
                    _ => false,
                };
                assert!(told, "{length} bytes of {kind:?}: {judged:?}");
            }
        }
        assert!(thumbnail_of(&whole, 8).is_ok());
    }
}

#[test]
fn every_flipped_bit_is_damage() {
    let whole = [&gradient(PALETTE, 20, 15)[..], b"after the end"].concat();
    let end = whole.len() - b"after the end".len();
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << bit;
            for fit in [8, 400] {
                assert_eq!(thumbnail_of(&flipped, fit).is_ok(), at >= end, "bit {bit} of byte {at}");
            }
        }
    }
}

/// The zlib stream of a grey RGB picture, compressed so that one run reaches to the last pixel.
fn compressed(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let pixels = vec![128; usize::try_from(3 * width * height).unwrap()];
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    let content = bytes.windows(4).position(|name| name == b"IDAT").unwrap() + 4;
    let length = u32::from_be_bytes(*bytes[..content - 4].last_chunk().unwrap());
    bytes[content..][..usize::try_from(length).unwrap()].to_vec()
}

/// Go and Pillow refuse it too.
#[test]
fn a_wrong_checksum_of_the_pixels_is_damage() {
    let uncompressed = |kind, width, height| {
        let pixels = rows(kind, width, height, |x, _| [u16::try_from(x % 16).unwrap(), 0, 0, 0]);
        (kind, width, height, stored(&pixels))
    };
    for (kind, width, height, stream) in [
        uncompressed(RGB, 20, 15),
        uncompressed(RGB, 300, 200),
        uncompressed(PALETTE, 20, 15),
        (RGB, 20, 15, compressed(20, 15)),
        (RGB, 300, 200, compressed(300, 200)),
    ] {
        let palette = if kind.colour == 3 { chunk(*b"PLTE", &[7; 48]) } else { Vec::new() };
        for first in [0, stream.len() / 2] {
            let whole = |stream: &[u8]| {
                let chunks = [&stream[..first], &stream[first..]].map(|part| chunk(*b"IDAT", part));
                png(&[ihdr(kind, width, height), palette.clone(), chunks.concat()])
            };
            for fit in [8, 400] {
                assert!(thumbnail_of(&whole(&stream), fit).is_ok(), "{kind:?}, {width}, {first}");
                for at in stream.len() - 4..stream.len() {
                    let mut wrong = stream.clone();
                    wrong[at] ^= 1;
                    assert_damaged(&whole(&wrong), fit);
                }
            }
        }
    }
}

#[test]
fn huge_claims_are_refused_before_anything_is_decoded() {
    let claim = |width, height| png(&[ihdr(RGBA, width, height), chunk(*b"IDAT", &stored(&[]))]);
    let huge = thumbnail_of(&claim(100_000, 100_000), 400);
    assert!(matches!(
        huge,
        Err(PictureError::TooManyPixels { width: 100_000, height: 100_000, limit: USUAL_MAX_PIXELS })
    ));
    let plan = |width, height| Plan::new(Bytes::from(claim(width, height)), 400, u64::MAX).map(|plan| plan.memory());
    for (width, height) in [(100_000, 100_000), (65_536, 1), (1, i32::MAX.cast_unsigned())] {
        let long = plan(width, height);
        assert!(
            matches!(long, Err(PictureError::SideTooLong { side, limit: LONGEST_SIDE }) if side == width.max(height))
        );
    }
    assert!(plan(LONGEST_SIDE, LONGEST_SIDE).is_ok());
    assert!(matches!(thumbnail_of(&claim(0, 1), 400), Err(PictureError::NotAPicture(HeaderError::ZeroSide { .. }))));
}

#[test]
fn fifty_million_pixels_need_a_few_mebibytes() {
    let memory = |kind| {
        let claim = png(&[ihdr(kind, 8165, 6123), chunk(*b"IDAT", &stored(&[]))]);
        Plan::new(Bytes::from(claim), 400, USUAL_MAX_PIXELS).unwrap().memory()
    };
    assert!(memory(RGB) < 12 * 1024 * 1024, "{}", memory(RGB));
    let interlaced = Kind { depth: 16, interlaced: true, ..RGBA };
    assert!(memory(interlaced) < 40 * 1024 * 1024, "{}", memory(interlaced));
}

#[test]
fn too_few_rows_are_damage_and_more_than_enough_is_not_inflated() {
    let pixels = rows(RGB, 30, 20, |_, _| [1, 2, 3, 0]);
    for missing in [1, 91, 1000, pixels.len()] {
        let short = &pixels[..pixels.len() - missing];
        assert_damaged(&png(&[ihdr(RGB, 30, 20), chunk(*b"IDAT", &stored(short))]), 8);
        assert_damaged(&png(&[ihdr(RGB, 30, 20), chunk(*b"IDAT", &stored(short))]), 400);
    }
    // The block after the rows is of a kind that does not exist: whoever inflates it fails.
    let mut stream = stored(&pixels);
    stream.truncate(stream.len() - 4);
    stream[2] = 0;
    stream.extend([0xFF; 1000]);
    let bomb = png(&[ihdr(RGB, 30, 20), chunk(*b"IDAT", &stream), chunk(*b"IDAT", &[0xFF; 1000])]);
    let judged = thumbnail_of(&bomb, 8);
    assert!(judged.is_ok() || matches!(judged, Err(PictureError::Damaged(_))), "{judged:?}");
}

#[test]
fn text_and_profiles_are_not_inflated() {
    // None of these is a zlib stream, so that inflating one would be noticed; nor does their size matter.
    let hostile = [
        chunk(*b"zTXt", &[b"Comment\0\0".to_vec(), vec![0xFF; 100_000]].concat()),
        chunk(*b"iTXt", &[b"Comment\0\x01\0\0\0".to_vec(), vec![0xFF; 100_000]].concat()),
        chunk(*b"iCCP", &[b"profile\0\0".to_vec(), vec![0xFF; 100_000]].concat()),
        chunk(*b"acTL", &[0xFF; 8]),
        chunk(*b"fcTL", &[0xFF; 26]),
    ];
    let bytes = png(&[ihdr(RGB, 30, 20), hostile.concat(), idat(RGB, 30, 20), hostile.concat()]);
    let thumbnail = thumbnail_of(&bytes, 8).unwrap();
    assert!(thumbnail.bytes.len() < 1000, "a chunk of 100,000 bytes went into the thumbnail");
    assert!(thumbnail_of(&bytes, 400).unwrap().is_the_picture);
}

#[test]
fn wrong_orders_of_chunks_are_damage() {
    let header = ihdr(RGB, 30, 20);
    let half = |from: usize, to: usize| {
        let stream = stored(&rows(RGB, 30, 20, |_, _| [1, 2, 3, 0]));
        chunk(*b"IDAT", &stream[from.min(stream.len())..to.min(stream.len())])
    };
    let fine = png(&[header.clone(), half(0, 50), half(50, 50), half(50, 9999), chunk(*b"tEXt", b"a\0b")]);
    assert!(thumbnail_of(&fine, 8).is_ok());
    for chunks in [
        vec![header.clone()],
        vec![header.clone(), half(0, 50), chunk(*b"tEXt", b"a\0b"), half(50, 9999)],
        vec![header.clone(), ihdr(RGB, 30, 20), half(0, 9999)],
        vec![header.clone(), chunk(*b"NEWS", b""), half(0, 9999)],
        vec![header.clone(), chunk(*b"no!!", b""), half(0, 9999)],
        vec![header.clone(), chunk(*b"IEND", b"x"), half(0, 9999)],
        vec![header.clone(), chunk(*b"IEND", b""), half(0, 9999)],
        vec![header.clone(), half(9999, 9999)],
        vec![ihdr(Kind { transparent: false, ..PALETTE }, 30, 20), half(0, 9999)],
        vec![ihdr(PALETTE, 30, 20), chunk(*b"PLTE", &[1; 48]), chunk(*b"PLTE", &[1; 48]), idat(PALETTE, 30, 20)],
        vec![header.clone(), chunk(*b"tRNS", &[0; 6]), chunk(*b"tRNS", &[0; 6]), half(0, 9999)],
        vec![header.clone(), half(0, 9999), chunk(*b"tRNS", &[0; 6])],
        vec![ihdr(PALETTE, 30, 20), chunk(*b"PLTE", &[1, 2]), idat(PALETTE, 30, 20)],
        vec![header, vec![0xFF; 4], b"tEXt".to_vec(), half(0, 9999)],
    ] {
        assert_damaged(&png(&chunks), 8);
    }
}

#[test]
fn unknown_filters_are_damage() {
    let mut pixels = rows(RGB, 30, 20, |_, _| [1, 2, 3, 0]);
    pixels[91 * 7] = 5;
    assert_damaged(&png(&[ihdr(RGB, 30, 20), chunk(*b"IDAT", &stored(&pixels))]), 8);
}

#[test]
fn a_job_that_nobody_waits_for_ends_before_its_next_row() {
    let stop = Stop::default();
    stop.ask();
    for fit in [8, 400] {
        let plan = Plan::new(Bytes::from(gradient(RGB, 30, 20)), fit, USUAL_MAX_PIXELS).unwrap();
        assert!(matches!(plan.run(&stop), Err(PictureError::Stopped)));
    }
}

proptest! {
    #[test]
    fn wrong_content_with_right_checksums_is_no_panic(
        kind in (0_usize..Kind::all().len()).prop_map(|which| Kind::all()[which]),
        size in (1_u32..40, 1_u32..40),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        name in prop::sample::select(vec![*b"PLTE", *b"tRNS", *b"IDAT"]),
        fit in 1_u32..50,
    ) {
        let mut bytes = gradient(kind, size.0, size.1);
        if let Some(at) = bytes.windows(4).position(|window| window == name) {
            let length = u32::from_be_bytes([bytes[at - 4], bytes[at - 3], bytes[at - 2], bytes[at - 1]]);
            let content = at + 4..at + 4 + usize::try_from(length).unwrap();
            for (index, byte) in changes {
                let target = &mut bytes[content.clone()];
                let place = index.index(target.len());
                target[place] = byte;
            }
            let checksum = crc32fast::hash(&bytes[at..content.end]).to_be_bytes();
            bytes[content.end..content.end + 4].copy_from_slice(&checksum);
        }
        let judged = thumbnail_of(&bytes, fit);
        prop_assert!(matches!(judged, Ok(_) | Err(PictureError::Damaged(_))), "{:?}", judged);
    }
}
