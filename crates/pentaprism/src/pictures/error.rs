//! Why a picture could not be worked on.

use std::error::Error;
use std::time::Duration;

use super::recognize::{Format, HeaderError};

/// Why no thumbnail or PNG was made.
///
/// All but [`Busy`](Self::Busy), [`Deadline`](Self::Deadline) and [`Stopped`](Self::Stopped) are the picture's own fault
/// and would come again; see [`is_temporary`](Self::is_temporary).
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The bytes do not begin as a PNG, JPEG or GIF does.
    #[error("the bytes do not begin with a usable picture header")]
    NotAPicture(#[source] HeaderError),
    /// A picture, but only PNG can be used here.
    #[error("the picture is a {found} and not a PNG")]
    NotPng {
        /// What it is.
        found: Format,
    },
    /// The header is right, and what comes after it is not.
    #[error("the picture is damaged")]
    Damaged(#[source] Damage),
    /// Width times height exceeds the limit. Nothing was decoded.
    #[error("a picture of {width} x {height} pixels has more than {limit} of them; send a smaller one")]
    TooManyPixels {
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
        /// The most pixels that a picture may have.
        limit: u64,
    },
    /// One side exceeds [`LONGEST_SIDE`](super::LONGEST_SIDE). Nothing was decoded.
    #[error("a side of {side} pixels is longer than {limit}; send a smaller picture")]
    SideTooLong {
        /// The longer side, in pixels.
        side: u32,
        /// The longest one that is decoded.
        limit: u32,
    },
    /// This picture alone would need more memory than all pictures together may have. Nothing was decoded.
    #[error("decoding the picture takes up to {needed} bytes of memory, more than the {limit} there are for pictures")]
    TooLarge {
        /// An upper estimate, in bytes.
        needed: u64,
        /// The memory for all pictures at a time, in bytes.
        limit: u64,
    },
    /// As many pictures wait as may wait.
    #[error("{waiting} pictures are waiting already; try again later")]
    Busy {
        /// The length of the queue.
        waiting: usize,
    },
    /// The picture waited or was worked on for too long.
    #[error("the picture was not ready within {} seconds; try again later", limit.as_secs_f64())]
    Deadline {
        /// The time that has passed.
        limit: Duration,
    },
    /// The program is ending, or nobody waits for the picture any more.
    #[error("work on the picture was stopped")]
    Stopped,
}

impl PictureError {
    /// Whether the same picture may succeed later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Deadline { .. } | Self::Stopped)
    }
}

/// What is wrong with a picture after its header.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// The bytes end before the picture does.
    #[error("it ends at byte {at}, before all of it is there")]
    Truncated {
        /// The number of bytes.
        at: usize,
    },
    /// The checksum of a chunk of a PNG differs from its content.
    #[error("the checksum of the {name} chunk at byte {at} is wrong")]
    Checksum {
        /// The chunk's type.
        name: String,
        /// Where the chunk begins.
        at: usize,
    },
    /// A chunk of a PNG that may not be there, or not in this form.
    #[error("the chunk at byte {at} {problem}")]
    Chunk {
        /// Where the chunk begins.
        at: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The compressed pixels cannot be decoded.
    #[error("its pixels cannot be decoded")]
    Pixels(#[source] Box<dyn Error + Send + Sync>),
    /// A GIF without any frame.
    #[error("the GIF has no frame")]
    NoFrame,
    /// The decoder panicked, which is a bug of it.
    #[error("the decoder failed on it")]
    Decoder,
}

impl Damage {
    /// What a decoder says.
    pub(super) fn pixels(error: impl Error + Send + Sync + 'static) -> PictureError {
        PictureError::Damaged(Self::Pixels(Box::new(error)))
    }
}
