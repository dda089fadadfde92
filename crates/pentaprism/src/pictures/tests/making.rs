//! PNGs of every kind made by hand, independently of the decoder under test: also interlaced and wrong ones.

/// How a PNG stores its pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) colour: u8,
    pub(super) depth: u8,
    pub(super) interlaced: bool,
    /// Whether there is a tRNS chunk.
    pub(super) transparent: bool,
}

pub(super) const RGB: Kind = Kind { colour: 2, depth: 8, interlaced: false, transparent: false };
pub(super) const RGBA: Kind = Kind { colour: 6, depth: 8, interlaced: false, transparent: false };

impl Kind {
    /// Every legal one.
    pub(super) fn all() -> Vec<Self> {
        let depths: [(u8, &[u8]); 5] =
            [(0, &[1, 2, 4, 8, 16]), (2, &[8, 16]), (3, &[1, 2, 4, 8]), (4, &[8, 16]), (6, &[8, 16])];
        let mut kinds = Vec::new();
        for (colour, depths) in depths {
            for &depth in depths {
                for interlaced in [false, true] {
                    for transparent in [false, true] {
                        if !transparent || matches!(colour, 0 | 2 | 3) {
                            kinds.push(Self { colour, depth, interlaced, transparent });
                        }
                    }
                }
            }
        }
        kinds
    }

    fn samples(self) -> usize {
        [1, 0, 3, 1, 2, 0, 4][usize::from(self.colour)]
    }
}

/// The samples of a pixel, each within the depth; as many of the four as the kind has are used.
pub(super) type Samples = [u16; 4];

/// One chunk with its length and checksum.
pub(super) fn chunk(name: [u8; 4], content: &[u8]) -> Vec<u8> {
    let mut chunk = u32::try_from(content.len()).unwrap().to_be_bytes().to_vec();
    chunk.extend(name);
    chunk.extend(content);
    let checksum = crc32fast::hash(&chunk[4..]);
    chunk.extend(checksum.to_be_bytes());
    chunk
}

pub(super) fn ihdr(kind: Kind, width: u32, height: u32) -> Vec<u8> {
    let mut content = [width.to_be_bytes(), height.to_be_bytes()].concat();
    content.extend([kind.depth, kind.colour, 0, 0, u8::from(kind.interlaced)]);
    chunk(*b"IHDR", &content)
}

/// Signature, the given chunks, IEND.
pub(super) fn png(chunks: &[Vec<u8>]) -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunks.concat(), chunk(*b"IEND", b"")].concat()
}

/// A zlib stream that stores `bytes`.
pub(super) fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let mut blocks = bytes.chunks(0xFFFF).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap();
        stream.push(u8::from(blocks.peek().is_none()));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(block);
    }
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in bytes {
        low = (low + u32::from(*byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    stream.extend((high << 16 | low).to_be_bytes());
    stream
}

/// Rows of unfiltered samples, interlaced or not, each with its filter type.
pub(super) fn rows(kind: Kind, width: u32, height: u32, pixel: impl Fn(u32, u32) -> Samples) -> Vec<u8> {
    let interlaced = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];
    let passes = if kind.interlaced { &interlaced[..] } else { &[(0, 0, 1, 1)] };
    let mut bytes = Vec::new();
    for &(left, top, right, down) in passes {
        if left >= width {
            continue;
        }
        for y in (top..height).step_by(down) {
            bytes.push(0);
            let (mut waiting, mut bits) = (0_u32, 0);
            for x in (left..width).step_by(right) {
                for sample in &pixel(x, y)[..kind.samples()] {
                    waiting = waiting << kind.depth | u32::from(*sample);
                    bits += kind.depth;
                    while bits >= 8 {
                        bits -= 8;
                        bytes.push(u8::try_from(waiting >> bits & 0xFF).unwrap());
                    }
                }
            }
            if bits > 0 {
                bytes.push(u8::try_from(waiting << (8 - bits) & 0xFF).unwrap());
            }
        }
    }
    bytes
}

/// A whole PNG. A palette's colours are [`palette_colour`]; a tRNS chunk names samples or an index of zero.
pub(super) fn picture(kind: Kind, width: u32, height: u32, pixel: impl Fn(u32, u32) -> Samples) -> Vec<u8> {
    let mut chunks = vec![ihdr(kind, width, height)];
    if kind.colour == 3 {
        let colours: Vec<u8> = (0..1_u16 << kind.depth).flat_map(palette_colour).collect();
        chunks.push(chunk(*b"PLTE", &colours));
    }
    if kind.transparent {
        chunks.push(chunk(*b"tRNS", &[0; 6][..if kind.colour == 3 { 1 } else { 2 * kind.samples() }]));
    }
    chunks.push(chunk(*b"IDAT", &stored(&rows(kind, width, height, pixel))));
    png(&chunks)
}

/// A colour for each index; indices are far apart, and none is black.
pub(super) fn palette_colour(index: u16) -> [u8; 3] {
    let index = u8::try_from(index).unwrap();
    [255 - index, index.wrapping_mul(37).wrapping_add(40), index.wrapping_mul(91).wrapping_add(80)]
}

/// Four quadrants of different colours: their samples for the kind, and the same as eight bits with alpha.
pub(super) fn quadrant(kind: Kind, which: u16) -> (Samples, [u8; 4]) {
    let most = u16::try_from((1_u32 << kind.depth) - 1).unwrap();
    // From nothing to everything in thirds; a depth of one has only the two ends.
    let third = |step: u16| u16::try_from(u32::from(most) * u32::from(step % 4) / 3).unwrap();
    let samples = match kind.colour {
        4 => [third(which), third(which + 1), 0, 0],
        _ => [third(which), third(which + 1), third(which + 2), third(which + 3)],
    };
    let eight = |sample: u16| match kind.depth {
        16 => u8::try_from(sample >> 8).unwrap(),
        _ => u8::try_from(u32::from(sample) * 255 / u32::from(most)).unwrap(),
    };
    let [a, b, c, d] = samples.map(eight);
    let opaque = if kind.transparent { 0 } else { 255 };
    let seen = match kind.colour {
        0 => [a, a, a, if samples[0] == 0 { opaque } else { 255 }],
        2 => [a, b, c, if samples[..3] == [0; 3] { opaque } else { 255 }],
        3 => {
            let [red, green, blue] = palette_colour(samples[0]);
            [red, green, blue, if samples[0] == 0 { opaque } else { 255 }]
        }
        4 => [a, a, a, b],
        _ => [a, b, c, d],
    };
    (samples, seen)
}

/// A picture of four quadrants.
pub(super) fn quadrants(kind: Kind, width: u32, height: u32) -> Vec<u8> {
    let pixels = [0, 1, 2, 3].map(|which| quadrant(kind, which).0);
    picture(kind, width, height, |x, y| pixels[usize::from(x >= width / 2) + 2 * usize::from(y >= height / 2)])
}

/// A smooth picture with every sample different from its neighbours.
pub(super) fn gradient(kind: Kind, width: u32, height: u32) -> Vec<u8> {
    let most = (1_u32 << kind.depth) - 1;
    let along = |at: u32, whole: u32| u16::try_from(u64::from(most) * u64::from(at) / u64::from(whole.max(1))).unwrap();
    picture(kind, width, height, |x, y| {
        [along(x, width), along(y, height), along(width - x, width), along(x + y, width + height)]
    })
}
