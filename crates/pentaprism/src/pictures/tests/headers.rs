//! Recognising headers: every split, every truncation, every flipped bit, and the oddities of each format.

use proptest::collection::vec;
use proptest::prelude::*;

use super::making::{RGB, chunk, ihdr, quadrants};
use crate::pictures::{Format, Header, HeaderError, Recognizer};

fn recognized(bytes: &[u8]) -> Result<Header, HeaderError> {
    let mut recognizer = Recognizer::new();
    recognizer.push(bytes);
    recognizer.finish()
}

fn png_header(depth: u8, colour: u8, rest: [u8; 3], width: u32, height: u32) -> Vec<u8> {
    let mut content = [width.to_be_bytes(), height.to_be_bytes()].concat();
    content.extend([depth, colour]);
    content.extend(rest);
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(*b"IHDR", &content)].concat()
}

fn gif(width: u16, height: u16) -> Vec<u8> {
    [b"GIF89a", &width.to_le_bytes()[..], &height.to_le_bytes(), &[0x80, 0, 0]].concat()
}

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap();
    [&[0xFF, marker], &length.to_be_bytes()[..], content].concat()
}

fn frame(marker: u8, width: u16, height: u16) -> Vec<u8> {
    let [size_height, size_width] = [height.to_be_bytes(), width.to_be_bytes()];
    segment(marker, &[&[8], &size_height[..], &size_width, &[1, 1, 0x11, 0]].concat())
}

/// SOI and some segments.
fn jpeg(segments: &[Vec<u8>]) -> Vec<u8> {
    [vec![0xFF, 0xD8], segments.concat()].concat()
}

fn samples() -> Vec<(Vec<u8>, Header)> {
    let header = |format, width, height| Header { format, width, height };
    let fixture = |bytes: &[u8]| (bytes.to_vec(), header(Format::Jpeg, 48, 32));
    vec![
        (png_header(8, 6, [0; 3], 1152, 864), header(Format::Png, 1152, 864)),
        (quadrants(RGB, 5, 7), header(Format::Png, 5, 7)),
        (gif(320, 65_535), header(Format::Gif, 320, 65_535)),
        (jpeg(&[segment(0xE1, &[7; 3000]), frame(0xC2, 640, 480)]), header(Format::Jpeg, 640, 480)),
        fixture(include_bytes!("fixtures/baseline.jpg")),
        fixture(include_bytes!("fixtures/exif-thumbnail.jpg")),
        fixture(include_bytes!("fixtures/progressive.jpg")),
        fixture(include_bytes!("fixtures/inks.jpg")),
    ]
}

#[test]
fn every_split_gives_the_same_header() {
    for (bytes, expected) in samples() {
        assert_eq!(recognized(&bytes), Ok(expected));
        for at in 0..=bytes.len() {
            let mut recognizer = Recognizer::new();
            recognizer.push(&bytes[..at]);
            recognizer.push(&[]);
            recognizer.push(&bytes[at..]);
            assert_eq!(recognizer.finish(), Ok(expected), "split at {at}");
        }
        let mut recognizer = Recognizer::new();
        bytes.chunks(1).for_each(|byte| recognizer.push(byte));
        assert_eq!(recognizer.header(), Some(&expected));
        assert_eq!(recognizer.finish(), Ok(expected));
    }
}

#[test]
fn every_truncation_is_told_and_the_header_is_known_as_soon_as_it_ends() {
    for (bytes, expected) in samples() {
        let mut recognizer = Recognizer::new();
        let mut known = false;
        for (at, byte) in bytes.iter().enumerate() {
            let so_far = recognized(&bytes[..at]);
            match recognizer.header() {
                Some(header) => assert_eq!((so_far, *header), (Ok(expected), expected)),
                None if at == 0 => assert_eq!(so_far, Err(HeaderError::Empty)),
                None => assert!(
                    matches!(so_far, Err(HeaderError::NotAPicture)) && at < 8
                        || so_far == Err(HeaderError::Truncated(expected.format)),
                    "{so_far:?} at {at}"
                ),
            }
            assert_eq!(recognizer.error(), None);
            assert!(!known || recognizer.header().is_some());
            known = recognizer.header().is_some();
            recognizer.push(&[*byte]);
        }
        assert!(recognizer.header().is_some());
    }
}

#[test]
fn every_flipped_bit_of_a_png_header_is_noticed() {
    let header = png_header(8, 2, [0; 3], 300, 200);
    for at in 0..header.len() {
        for bit in 0..8 {
            let mut flipped = header.clone();
            flipped[at] ^= 1 << bit;
            assert!(recognized(&flipped).is_err(), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn only_the_legal_kinds_of_png_are_pictures() {
    let legal = |colour, depth| match colour {
        0 => [1, 2, 4, 8, 16].contains(&depth),
        2 | 4 | 6 => [8, 16].contains(&depth),
        3 => [1, 2, 4, 8].contains(&depth),
        _ => false,
    };
    for (colour, depth) in (0..=255).flat_map(|colour| (0..=255).map(move |depth| (colour, depth))) {
        let judged = recognized(&png_header(depth, colour, [0; 3], 1, 1)).is_ok();
        assert_eq!(judged, legal(colour, depth), "colour {colour}, depth {depth}");
    }
    assert!(recognized(&png_header(8, 2, [0, 0, 1], 1, 1)).is_ok());
    for rest in [[1, 0, 0], [0, 1, 0], [0, 0, 2]] {
        assert!(recognized(&png_header(8, 2, rest, 1, 1)).is_err(), "{rest:?}");
    }
}

#[test]
fn a_png_has_to_begin_with_its_header_chunk() {
    let signature = b"\x89PNG\r\n\x1a\n".to_vec();
    let other = [signature.clone(), chunk(*b"tEXt", &[0; 13])].concat();
    let long = [signature, chunk(*b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0, 0])].concat();
    for bytes in [other, long] {
        assert!(matches!(recognized(&bytes), Err(HeaderError::Damaged { format: Format::Png, .. })));
    }
}

#[test]
fn sides_of_zero_are_none_and_the_longest_are_told_as_they_are() {
    for (width, height) in [(0, 5), (5, 0), (0, 0)] {
        let zero = |format| Err(HeaderError::ZeroSide { format, width: width.into(), height: height.into() });
        assert_eq!(recognized(&png_header(8, 2, [0; 3], width.into(), height.into())), zero(Format::Png));
        assert_eq!(recognized(&gif(width, height)), zero(Format::Gif));
        assert_eq!(recognized(&jpeg(&[frame(0xC0, width, height)])), zero(Format::Jpeg));
    }
    let most = 0x7FFF_FFFF;
    let header = recognized(&png_header(1, 0, [0; 3], most, most)).unwrap();
    assert_eq!((header.width, header.height), (most, most));
    assert!(recognized(&png_header(1, 0, [0; 3], most + 1, 1)).is_err());
}

#[test]
fn jpeg_frames_are_those_of_the_standard() {
    for marker in 0xC0..=0xCF {
        let bytes = jpeg(&[frame(marker, 30, 20), frame(0xC0, 3, 2)]);
        let width = recognized(&bytes).unwrap().width;
        assert_eq!(width, if matches!(marker, 0xC4 | 0xC8 | 0xCC) { 3 } else { 30 }, "{marker:#x}");
    }
}

#[test]
fn jpeg_segments_are_skipped_and_fill_bytes_too() {
    // A thumbnail inside APP1 is a whole JPEG; FF bytes may precede any marker; some markers stand alone.
    let inner = jpeg(&[frame(0xC0, 16, 8), vec![0xFF, 0xD9]]);
    let bytes = jpeg(&[
        vec![0xFF; 300],
        segment(0xE1, &inner),
        segment(0xFE, &[]),
        segment(0xE0, &vec![0xFF; 65_533]),
        vec![0xFF, 0x01, 0xFF, 0xFF, 0xD3, 0xFF, 0xFF],
        frame(0xC2, 48, 32),
    ]);
    let header = recognized(&bytes).unwrap();
    assert_eq!((header.width, header.height), (48, 32));
}

#[test]
fn jpeg_nonsense_is_damaged() {
    let wrong_length = {
        let mut frame = frame(0xC0, 3, 2);
        frame[3] += 1;
        frame
    };
    let nonsense = [
        vec![0xFF, 0xE0, 0, 1],
        vec![0xFF, 0x00],
        vec![0xFF, 0xD8],
        vec![0xFF, 0xD9],
        segment(0xDA, &[1, 1, 0, 0, 63, 0]),
        [segment(0xE0, &[0; 4]), vec![0x12]].concat(),
        segment(0xC0, &[8, 0, 2, 0, 3, 0]),
        wrong_length,
    ];
    for bytes in nonsense {
        let judged = recognized(&jpeg(std::slice::from_ref(&bytes)));
        assert!(matches!(judged, Err(HeaderError::Damaged { format: Format::Jpeg, .. })), "{bytes:x?}: {judged:?}");
    }
}

#[test]
fn anything_else_is_no_picture() {
    for bytes in [&b"BM"[..], b"GIF88a\x01\0\x01\0\0\0\0", b"RIFF\0\0\0\0WEBP", b"\xFF\xD8\x00", b"<svg/>", b"\0"] {
        assert_eq!(recognized(bytes), Err(HeaderError::NotAPicture), "{bytes:?}");
    }
    assert_eq!(recognized(b""), Err(HeaderError::Empty));
}

#[test]
fn nothing_after_the_header_is_looked_at() {
    let mut bytes = [b"\x89PNG\r\n\x1a\n".to_vec(), ihdr(RGB, 3, 4)].concat();
    bytes.extend([0xEE; 100]);
    assert_eq!(recognized(&bytes).unwrap().height, 4);
}

proptest! {
    #[test]
    fn any_bytes_in_any_split_are_judged_alike(
        which in 0_usize..8,
        changes in vec((0_usize..400, any::<u8>()), 0..4),
        cuts in vec(1_usize..50, 1..40),
    ) {
        let mut bytes = samples().swap_remove(which).0;
        for (at, byte) in changes {
            if let Some(target) = bytes.get_mut(at) {
                *target = byte;
            }
        }
        let mut recognizer = Recognizer::new();
        let mut rest = &bytes[..];
        for cut in cuts.iter().cycle() {
            let (now, later) = rest.split_at(rest.len().min(*cut));
            recognizer.push(now);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(recognizer.finish(), recognized(&bytes));
    }
}
