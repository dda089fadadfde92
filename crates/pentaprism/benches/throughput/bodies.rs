//! Bodies that cost the client almost nothing: pieces of one buffer of random bytes, written to the socket from where they lie.

use std::io::IoSlice;
use std::sync::OnceLock;

/// 1 MiB.
pub(crate) const MEBIBYTE: u64 = 1 << 20;
/// 1 GiB.
pub(crate) const GIBIBYTE: u64 = 1 << 30;
/// Size of a small upload in bytes.
pub(crate) const SMALL: usize = 10 * 1024;

/// Bytes that one body repeats: so few that they stay in a cache near the client's processor.
const PIECE: usize = 256 * 1024;
/// How far the places lie apart at which two bodies begin.
const APART: usize = 64;
/// Bodies that differ from each other.
const DIFFERENT: usize = PIECE / APART;

/// The one buffer: two pieces long, so that a piece fits behind each place at which a body may begin.
fn buffer() -> &'static [u8] {
    static BUFFER: OnceLock<Vec<u8>> = OnceLock::new();
    BUFFER.get_or_init(|| {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut bytes = Vec::with_capacity(2 * PIECE);
        while bytes.len() < 2 * PIECE {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.extend_from_slice(&state.to_le_bytes());
        }
        bytes
    })
}

/// A large body: one piece again and again. Bodies of different numbers have different bytes, so that no server stores one of them for
/// all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LargeBody {
    piece: &'static [u8],
    length: u64,
}

impl LargeBody {
    /// The body with this number, `length` bytes long.
    pub(crate) fn new(number: usize, length: u64) -> Self {
        let first = number % DIFFERENT * APART;
        Self { piece: &buffer()[first..first + PIECE], length }
    }

    /// Its length in bytes.
    pub(crate) fn length(self) -> u64 {
        self.length
    }

    /// What it repeats.
    pub(crate) fn piece(self) -> &'static [u8] {
        self.piece
    }

    /// It, in pieces.
    pub(crate) fn pieces<'a>(self) -> impl Iterator<Item = IoSlice<'a>> {
        let length = usize::try_from(self.length).expect("a body fits into the address space");
        let (whole, rest) = (length / PIECE, length % PIECE);
        let rest = (rest > 0).then(|| IoSlice::new(&self.piece[..rest]));
        std::iter::repeat_n(IoSlice::new(self.piece), whole).chain(rest)
    }
}

/// The body of a small upload, made different from all others by its first bytes.
#[derive(Debug)]
pub(crate) struct SmallBody(Vec<u8>);

impl SmallBody {
    /// A body without a number yet.
    pub(crate) fn new() -> Self {
        Self(buffer()[..SMALL].to_vec())
    }

    /// The bytes of the body with this number.
    pub(crate) fn numbered(&mut self, number: u64) -> &[u8] {
        self.0[..8].copy_from_slice(&number.to_le_bytes());
        &self.0
    }
}
