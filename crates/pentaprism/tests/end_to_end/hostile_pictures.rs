//! Pictures that are wrong on purpose: cut off, lying about their size, or unpacking to far more than they have.

use std::io::Write as _;

use flate2::write::ZlibEncoder;
use flate2::{Compress, Compression, FlushCompress};

/// So much a bomb unpacks to, at least.
const GIBIBYTE: usize = 1 << 30;
/// Zeros that are packed once and then repeated.
const BLOCK: usize = 1 << 20;

/// One chunk of a PNG, with length and checksum.
pub(crate) fn chunk(name: [u8; 4], content: &[u8]) -> Vec<u8> {
    let mut chunk = u32::try_from(content.len()).expect("a chunk is small").to_be_bytes().to_vec();
    chunk.extend(name);
    chunk.extend(content);
    let checksum = crc32fast::hash(&chunk[4..]);
    chunk.extend(checksum.to_be_bytes());
    chunk
}

/// The first chunk: sides, bits a sample, kind of colour, and whether the picture comes in seven passes.
pub(crate) fn header(width: u32, height: u32, depth: u8, colour: u8, interlaced: bool) -> Vec<u8> {
    let mut content = [width.to_be_bytes(), height.to_be_bytes()].concat();
    content.extend([depth, colour, 0, 0, u8::from(interlaced)]);
    chunk(*b"IHDR", &content)
}

/// A PNG of these chunks.
pub(crate) fn png(chunks: &[Vec<u8>]) -> Vec<u8> {
    [&b"\x89PNG\r\n\x1a\n"[..], &chunks.concat(), &chunk(*b"IEND", &[])].concat()
}

/// A small picture that is right.
pub(crate) fn small_png() -> Vec<u8> {
    let rows: Vec<u8> = (0..8u8).flat_map(|row| [0, row, 17 * row, 3, 0xff ^ row, 99, 1, 2, 200]).collect();
    png(&[header(8, 8, 8, 0, false), chunk(*b"IDAT", &zlib(&rows))])
}

/// Bytes in the format that PNGs are packed with.
pub(crate) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes every byte")
}

/// Some thousandth of `length`, which unpacks to `length` zeros, rounded up to whole blocks.
pub(crate) fn zeros(length: usize) -> Vec<u8> {
    let blocks = length.div_ceil(BLOCK);
    let mut block = Vec::with_capacity(BLOCK);
    let mut compress = Compress::new(Compression::best(), false);
    let packed = compress.compress_vec(&vec![0; BLOCK], &mut block, FlushCompress::Full);
    packed.expect("zeros can be packed");
    let mut bytes = vec![0x78, 0xda];
    bytes.extend(block.repeat(blocks));
    // An empty last block, and the checksum of so many zeros.
    bytes.extend([3, 0]);
    let checksum = u32::try_from(blocks * BLOCK % 65_521).expect("a remainder is small") << 16 | 1;
    bytes.extend(checksum.to_be_bytes());
    bytes
}

/// Pictures that would take far more memory than they have bytes, if one let them.
pub(crate) fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let small = header(8, 8, 8, 0, false);
    let pixels = chunk(*b"IDAT", &zlib(&[0; 72]));
    let bomb = zeros(GIBIBYTE);
    let named = |name: &[u8]| [name, &[0, 0], &bomb].concat();
    let beside = |name: [u8; 4], content: &[u8]| png(&[small.clone(), chunk(name, content), pixels.clone()]);
    let whole = |width, height, depth, colour, interlaced, length| {
        png(&[header(width, height, depth, colour, interlaced), chunk(*b"IDAT", &zeros(length))])
    };
    vec![
        ("pixels without end", png(&[small.clone(), chunk(*b"IDAT", &bomb)])),
        ("text that unpacks to a gibibyte", beside(*b"zTXt", &named(b"Comment"))),
        ("a profile that unpacks to a gibibyte", beside(*b"iCCP", &named(b"sRGB"))),
        ("international text", beside(*b"iTXt", &[b"Comment\0\x01\0\0\0", &bomb[..]].concat())),
        ("a length without bytes", png(&[small.clone(), [&[0xff; 4][..], b"IDAT"].concat()])),
        ("a palette that is too long", beside(*b"PLTE", &[7; 300_000])),
        ("many empty chunks", png(&[small.clone(), chunk(*b"IDAT", &[]).repeat(5000), pixels.clone()])),
        ("many unknown chunks", png(&[small.clone(), chunk(*b"noTe", &[]).repeat(200_000), pixels.clone()])),
        ("frames of an animation", beside(*b"acTL", &[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0])),
        ("too many pixels", whole(100_000, 100_000, 8, 6, false, GIBIBYTE)),
        ("the largest sides", whole(0x7fff_ffff, 0x7fff_ffff, 16, 6, true, GIBIBYTE)),
        ("one long row", whole(50_000_000, 1, 16, 6, false, GIBIBYTE)),
        ("one long column", whole(1, 50_000_000, 16, 6, false, GIBIBYTE)),
        ("the widest picture", whole(65_535, 60, 16, 6, true, 65_535 * 8 * 60 + 600)),
        ("an interlaced picture", whole(7000, 7000, 8, 0, true, 7000 * 7000 + 40_000)),
        ("deep colours, interlaced", whole(7000, 7000, 16, 6, true, 7000 * 7000 * 8 + 40_000)),
    ]
}

/// A GIF of the largest size, whose pixels are one code.
pub(crate) fn huge_gif() -> Vec<u8> {
    let mut bytes = b"GIF89a\xff\xff\xff\xff\x80\0\0\0\0\0\xff\xff\xff".to_vec();
    bytes.extend(b",\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x44\x01\0;");
    bytes
}

/// A GIF of two by two pixels that is right.
pub(crate) fn small_gif() -> Vec<u8> {
    let mut bytes = b"GIF89a\x02\0\x02\0\x80\0\0\0\0\0\xff\xff\xff".to_vec();
    // Clear, 0, 1, 1, 0, end: three bits each, from the lowest bit on.
    bytes.extend(b",\0\0\0\0\x02\0\x02\0\0\x02\x03\x44\x02\x05\0;");
    bytes
}

/// A JPEG whose header says that it has 65,500 × 65,500 pixels.
pub(crate) fn huge_jpeg(small: &[u8]) -> Vec<u8> {
    let mut bytes = small.to_vec();
    let frame = bytes.windows(2).position(|two| matches!(two, [0xff, 0xc0 | 0xc2])).expect("a JPEG has a frame");
    bytes[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xdc, 0xff, 0xdc]);
    bytes
}
