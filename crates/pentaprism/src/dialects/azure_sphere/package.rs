//! Image packages: what stands at their end says which image they are (D-077).
//!
//! ```text
//! payload | "4X4M", count, sections, length | block of a boot loader, if any | signature
//! ```
//!
//! All numbers are little-endian; the length counts from the magic to its own end. A package streams into the store, so only its
//! end is kept here, never more than [`WINDOW`] bytes of it.

use std::collections::VecDeque;

use pentaprism_core::dialects::azure_sphere::models::ImageType;
use uuid::Uuid;

/// What metadata begin with.
const MAGIC: &[u8] = b"4X4M";
/// The sizes that a signature can have: ECDSA over P-256, then over P-384.
const SIGNATURES: [usize; 2] = [64, 96];
/// Bytes of the block that a boot loader has between metadata and signature: eight numbers.
const BOOT_BLOCK: usize = 32;
/// The last number of that block is a version. No metadata are as short as the largest of those.
const LARGEST_VERSION: u32 = 28;
/// Bytes of metadata without sections: magic, count and length.
const SHORTEST_METADATA: usize = 12;
/// Bytes of metadata at most. Real ones have some hundred.
const LONGEST_METADATA: usize = 64 << 10;
/// Bytes of the shortest package: metadata without sections, and a signature.
const SHORTEST: u64 = 76;
/// Bytes from the end that everything above fits into.
const WINDOW: usize = LONGEST_METADATA + BOOT_BLOCK + SIGNATURES[1];

/// Bytes of the section that says which image it is.
const IDENTITY: usize = 36;
/// Bytes of the section with time and name of the build.
const BUILD: usize = 40;

/// What a package says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    /// The id of the image.
    pub(super) image: Uuid,
    /// What the image is a build of.
    pub(super) component: Uuid,
    /// What the image is for; one of the documented types.
    pub(super) kind: ImageType,
    /// The name; empty when the package has none.
    pub(super) name: String,
}

/// Why bytes are no package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum PackageError {
    /// No bytes at all.
    #[error("the body is empty; send one image package")]
    Empty,
    /// Not even metadata without sections fit.
    #[error("the body is no image package: it has {size} bytes, and the shortest package has {SHORTEST}")]
    TooShort {
        /// Bytes of the body.
        size: u64,
    },
    /// A length that no metadata have.
    #[error(
        "the body is no image package: {length} stands at byte {offset}, where the length of its metadata should, which is from \
         {SHORTEST_METADATA} to {LONGEST_METADATA}"
    )]
    Length {
        /// The number found.
        length: u32,
        /// Where it stands.
        offset: u64,
    },
    /// Metadata that would begin before the package does.
    #[error(
        "the body is no image package: the length of its metadata is {length}, and the package has only {available} bytes for it"
    )]
    BeforeBeginning {
        /// The length found.
        length: usize,
        /// Bytes up to the end of the metadata.
        available: usize,
    },
    /// The metadata begin with something else.
    #[error("the body is no image package: its metadata, at byte {offset}, does not begin with '4X4M'")]
    Magic {
        /// Where they should begin.
        offset: u64,
    },
    /// A section that is longer than what is left.
    #[error("the metadata cannot be read: section '{id}' at byte {offset} reaches beyond its end")]
    OutOfBounds {
        /// Which section.
        id: SectionId,
        /// Where it begins.
        offset: u64,
    },
    /// Fewer bytes than a section has before its data.
    #[error("the metadata cannot be read: {left} bytes at byte {offset} are no section")]
    Leftover {
        /// How many.
        left: usize,
        /// Where they begin.
        offset: u64,
    },
    /// Another number of sections than announced.
    #[error("the metadata cannot be read: it has {found} sections and announces {announced}")]
    Count {
        /// Sections that are there.
        found: u32,
        /// Sections that should be.
        announced: u32,
    },
    /// A known section of another size.
    #[error("the metadata cannot be read: section '{id}' at byte {offset} has {size} bytes instead of {expected}")]
    Size {
        /// Which section.
        id: SectionId,
        /// Where it begins.
        offset: u64,
        /// Bytes of its data.
        size: usize,
        /// Bytes that it should have.
        expected: usize,
    },
    /// A section that may stand once stands again.
    #[error("the metadata cannot be read: section '{id}' stands twice, again at byte {offset}")]
    Twice {
        /// Which section.
        id: SectionId,
        /// Where the second one begins.
        offset: u64,
    },
    /// No section says which image it is.
    #[error("the metadata has no section 'ID', so the image has no identity")]
    NoIdentity,
    /// A type that is not in the list.
    #[error("the image has type {0}, which is no type of an image")]
    Kind(u16),
}

/// The two characters that name a section; whatever a package says there, it shows as visible ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SectionId([u8; 2]);

impl std::fmt::Display for SectionId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0.escape_ascii(), formatter)
    }
}

/// The end of a package whose bytes come one after the other.
#[derive(Debug, Default)]
pub(super) struct PackageTail {
    kept: VecDeque<u8>,
    size: u64,
}

impl PackageTail {
    /// Takes the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        let bytes = &bytes[bytes.len().saturating_sub(WINDOW)..];
        let excess = (self.kept.len() + bytes.len()).saturating_sub(WINDOW);
        self.kept.drain(..excess);
        self.kept.extend(bytes);
    }

    /// Bytes taken so far.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// Bytes of memory that are held.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.kept.capacity()
    }

    /// Reads the package, whose last byte was taken.
    pub(super) fn read(mut self) -> Result<Package, PackageError> {
        let size = self.size;
        let end = End { bytes: self.kept.make_contiguous(), size };
        match size {
            0 => Err(PackageError::Empty),
            1..SHORTEST => Err(PackageError::TooShort { size }),
            _ => end.metadata()?.read(),
        }
    }
}

/// The last bytes of a package, all of them unless there are more than [`WINDOW`].
struct End<'b> {
    bytes: &'b [u8],
    size: u64,
}

impl<'b> End<'b> {
    /// The metadata before one of the two signatures. What is wrong before the usual one is told.
    fn metadata(&self) -> Result<Metadata<'b>, PackageError> {
        let [usual, long] = SIGNATURES.map(|signature| self.metadata_before(signature));
        usual.or_else(|problem| long.map_err(|_| problem))
    }

    fn metadata_before(&self, signature: usize) -> Result<Metadata<'b>, PackageError> {
        let found = self.back(self.bytes, signature);
        let (mut rest, mut length, mut at) = found.ok_or(PackageError::TooShort { size: self.size })?;
        if length <= LARGEST_VERSION {
            let found = self.back(rest, BOOT_BLOCK);
            (rest, length, at) = found.ok_or(PackageError::Length { length, offset: at })?;
        }
        let wrong = PackageError::Length { length, offset: at };
        let length =
            usize::try_from(length).ok().filter(|length| (SHORTEST_METADATA..=LONGEST_METADATA).contains(length));
        let length = length.ok_or(wrong)?;
        let available = rest.len();
        let begin = available.checked_sub(length).ok_or(PackageError::BeforeBeginning { length, available })?;
        let offset = self.offset(begin);
        let announced = rest[begin..].strip_prefix(MAGIC).and_then(<[u8]>::split_first_chunk);
        let (announced, sections) = announced.ok_or(PackageError::Magic { offset })?;
        let sections = &sections[..sections.len().saturating_sub(4)];
        Ok(Metadata { announced: u32::from_le_bytes(*announced), sections, offset: offset + 8 })
    }

    /// Where a byte of the end lies in the package.
    fn offset(&self, index: usize) -> u64 {
        self.size - (self.bytes.len() - index) as u64
    }

    /// `bytes` without the last `count`, the number that they end with then, and where it stands.
    fn back(&self, bytes: &'b [u8], count: usize) -> Option<(&'b [u8], u32, u64)> {
        let rest = &bytes[..bytes.len().checked_sub(count)?];
        let (before, number) = rest.split_last_chunk()?;
        Some((rest, u32::from_le_bytes(*number), self.offset(before.len())))
    }
}

/// The sections of a package.
struct Metadata<'b> {
    /// How many there should be.
    announced: u32,
    sections: &'b [u8],
    /// Where they begin in the package.
    offset: u64,
}

impl Metadata<'_> {
    fn read(&self) -> Result<Package, PackageError> {
        let (mut identity, mut build) = (None, None);
        let (mut rest, mut found) = (self.sections, 0);
        while !rest.is_empty() {
            let offset = self.offset + (self.sections.len() - rest.len()) as u64;
            let (id, data, behind) = section(rest, offset)?;
            match &id.0 {
                b"ID" => once(&mut identity, id, data, offset)?,
                b"DB" => once(&mut build, id, data, offset)?,
                _ => {}
            }
            (rest, found) = (behind, found + 1);
        }
        if found != self.announced {
            return Err(PackageError::Count { found, announced: self.announced });
        }
        package(identity.ok_or(PackageError::NoIdentity)?, build)
    }
}

/// The first section of `bytes`, and what follows it.
fn section(bytes: &[u8], offset: u64) -> Result<(SectionId, &[u8], &[u8]), PackageError> {
    let head = bytes.split_first_chunk::<4>();
    let (&[first, second, low, high], behind) = head.ok_or(PackageError::Leftover { left: bytes.len(), offset })?;
    let id = SectionId([first, second]);
    let data = behind.split_at_checked(usize::from(u16::from_le_bytes([low, high])));
    let (data, behind) = data.ok_or(PackageError::OutOfBounds { id, offset })?;
    Ok((id, data, behind))
}

/// Keeps a section that has one size and may stand once.
fn once<'b, const SIZE: usize>(
    place: &mut Option<&'b [u8; SIZE]>,
    id: SectionId,
    data: &'b [u8],
    offset: u64,
) -> Result<(), PackageError> {
    let wrong = PackageError::Size { id, offset, size: data.len(), expected: SIZE };
    match place.replace(data.try_into().map_err(|_| wrong)?) {
        None => Ok(()),
        Some(_) => Err(PackageError::Twice { id, offset }),
    }
}

fn package(identity: &[u8; IDENTITY], build: Option<&[u8; BUILD]>) -> Result<Package, PackageError> {
    let part = |from: usize| {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&identity[from..from + 16]);
        // The first three groups have their bytes turned round, as .NET writes them.
        Uuid::from_bytes_le(bytes)
    };
    let number = u16::from_le_bytes([identity[0], identity[1]]);
    let kind = match ImageType::from(i64::from(number)) {
        ImageType::InvalidImageType | ImageType::Unknown(_) => return Err(PackageError::Kind(number)),
        kind => kind,
    };
    let name = build.map_or_else(String::new, |build| name(&build[8..]));
    Ok(Package { image: part(20), component: part(4), kind, name })
}

/// The name before the first zero byte (D-085). What is no text, or would move a reader's cursor, becomes U+FFFD.
fn name(padded: &[u8]) -> String {
    let end = padded.iter().position(|byte| *byte == 0).unwrap_or(padded.len());
    let text = String::from_utf8_lossy(&padded[..end]);
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}
