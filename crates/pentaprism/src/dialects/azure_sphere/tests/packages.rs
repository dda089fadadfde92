//! Image packages of the tests' own making.

use uuid::{Uuid, uuid};

/// The image of the reference's sample.
pub(super) const WASHER: Uuid = uuid!("985453bb-eb5c-4ff2-8e06-aef4786ac445");
/// Its component.
pub(super) const WASHERS: Uuid = uuid!("45f4d635-1ac8-4fc3-b386-ffb74f13331f");
/// The type of applications.
pub(super) const APPLICATION: u16 = 10;

/// A package to be packed.
#[derive(Debug, Clone)]
pub(super) struct Packer {
    /// What the device runs.
    pub(super) payload: Vec<u8>,
    /// The sections, whole.
    pub(super) sections: Vec<Vec<u8>>,
    /// The number of sections that is written; none for the right one.
    pub(super) count: Option<u32>,
    /// The length that is written; none for the right one.
    pub(super) length: Option<u32>,
    /// What the metadata begin with.
    pub(super) magic: [u8; 4],
    /// The block of a boot loader; empty for none.
    pub(super) block: Vec<u8>,
    /// Bytes of the signature.
    pub(super) signature: Vec<u8>,
}

impl Packer {
    /// A package with a payload of four bytes and a signature that is no zeros.
    pub(super) fn new(sections: Vec<Vec<u8>>) -> Self {
        Self {
            payload: b"-rom".to_vec(),
            sections,
            count: None,
            length: None,
            magic: *b"4X4M",
            block: Vec::new(),
            signature: vec![0xa5; 64],
        }
    }

    /// The bytes.
    pub(super) fn pack(&self) -> Vec<u8> {
        let mut metadata = self.magic.to_vec();
        let count = self.count.unwrap_or_else(|| u32::try_from(self.sections.len()).expect("few sections"));
        metadata.extend(count.to_le_bytes());
        metadata.extend(self.sections.concat());
        let length = self.length.unwrap_or_else(|| u32::try_from(metadata.len() + 4).expect("short metadata"));
        metadata.extend(length.to_le_bytes());
        [&self.payload[..], &metadata, &self.block, &self.signature].concat()
    }
}

/// A section.
pub(super) fn section(id: [u8; 2], data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("a short section");
    [&id[..], &length.to_le_bytes(), data].concat()
}

/// The section that says which image it is.
pub(super) fn identity(image: Uuid, component: Uuid, kind: u16) -> Vec<u8> {
    let data = [&kind.to_le_bytes()[..], &[0, 0], &component.to_bytes_le(), &image.to_bytes_le()].concat();
    section(*b"ID", &data)
}

/// The section with the name.
pub(super) fn build(name: &[u8]) -> Vec<u8> {
    let mut data = 0x62a2_0a6c_u64.to_le_bytes().to_vec();
    data.extend(name);
    data.resize(40, 0);
    section(*b"DB", &data)
}

/// The section that names the signer.
pub(super) fn signer() -> Vec<u8> {
    section(*b"SG", &[0x5a; 24])
}

/// A package of an application with a name.
pub(super) fn application(image: Uuid, name: &str) -> Vec<u8> {
    Packer::new(vec![identity(image, WASHERS, APPLICATION), signer(), build(name.as_bytes())]).pack()
}
