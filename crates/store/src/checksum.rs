//! The checksums that every block is read against: CRC-32C of each 1 MiB, counted from the first byte of its segment.

use bytes::Bytes;

use crate::segments::BLOCK;

/// Checksums of a segment that is being written from front to back.
#[derive(Default)]
pub(crate) struct Checksums {
    finished: Vec<u8>,
    current: u32,
    filled: u64,
}

impl Checksums {
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = usize::try_from(BLOCK - self.filled).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.current = crc32c::crc32c_append(self.current, now);
            self.filled += now.len() as u64;
            if self.filled == BLOCK {
                self.close_block();
            }
            bytes = later;
        }
    }

    fn close_block(&mut self) {
        self.finished.extend_from_slice(&self.current.to_be_bytes());
        self.current = 0;
        self.filled = 0;
    }

    pub(crate) fn finish(mut self) -> Bytes {
        if self.filled > 0 {
            self.close_block();
        }
        self.finished.into()
    }
}

/// Whether a block is the one that was written. A checksum that is missing is a wrong one.
pub(crate) fn matches(checksums: &[u8], block: u64, bytes: &[u8]) -> bool {
    let at = usize::try_from(block).unwrap_or(usize::MAX).saturating_mul(4);
    checksums.get(at..at.saturating_add(4)) == Some(&crc32c::crc32c(bytes).to_be_bytes()[..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_checked_one_by_one_however_the_bytes_came() {
        let bytes: Vec<u8> = (0..2_500_000_u32).map(|n| n.to_be_bytes()[3]).collect();
        let mut checksums = Checksums::default();
        bytes.chunks(333_333).for_each(|chunk| checksums.update(chunk));
        let checksums = checksums.finish();
        let block = usize::try_from(BLOCK).unwrap();
        assert_eq!(checksums.len(), 12);
        assert!(matches(&checksums, 0, &bytes[..block]));
        assert!(matches(&checksums, 2, &bytes[2 * block..]));
        assert!(!matches(&checksums, 1, &bytes[..block - 1]));
        assert!(!matches(&checksums, 3, &[]));
    }
}
