//! GIF's header: signature and logical screen descriptor ("Graphics Interchange Format", version 89a, 17 and 18).

/// What every GIF begins with.
pub(super) const SIGNATURES: [&[u8]; 2] = [b"GIF87a", b"GIF89a"];

/// Signature and logical screen descriptor.
pub(super) const HEADER_LENGTH: usize = 13;

/// Width and height of the logical screen.
pub(super) fn parse(bytes: &[u8]) -> (u32, u32) {
    let number = |at: usize| u32::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    (number(6), number(8))
}
