//! Pictures: which format and size some bytes claim to have, and thumbnails and PNG renderings made of them.
//!
//! [`Recognizer`] reads nothing but the header, in constant memory, while a body streams past. [`Pool`] decodes whole
//! pictures, off the runtime and within bounds of threads, memory, waiting and time. Nothing here knows HTTP.
//!
//! # What a decoder is given
//!
//! Pictures come from strangers, so each decoder gets as little of them as possible. Sizes are compared with the limits
//! before anything is decoded. Of a PNG, only the chunks that pixels are made of reach the decoder: text, profiles,
//! animations and whatever else has its checksum verified and is not inflated. Rows are shrunk as they come, so a
//! picture that is not interlaced is never in memory as a whole. A panic inside a decoder counts as a damaged picture.

mod chunks;
mod convert;
mod error;
mod pool;
mod recognize;
mod rows;
mod shrink;
mod stop;
#[cfg(test)]
mod tests;
mod thumbnail;

pub use error::{Damage, PictureError};
pub use pool::{Pool, PoolLimits};
pub use recognize::{Format, Header, HeaderError, Recognizer};
pub use thumbnail::Thumbnail;

/// The pixels of a thumbnail's longer side when nothing else is asked for.
pub const USUAL_FIT: u32 = 400;

/// The pixels that a picture may have when nothing else is asked for: what the largest cameras in common use make.
pub const USUAL_MAX_PIXELS: u64 = 50_000_000;

/// The longest side of a picture that is decoded, in pixels.
///
/// It is what JPEG and GIF can say at all. Without it a PNG of one row could make that row as large as a whole picture.
pub const LONGEST_SIDE: u32 = 65_535;
