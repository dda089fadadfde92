//! Image packages of the tests' own making, put together from the description of the format.

use uuid::{Uuid, uuid};

/// The component that all packages are builds of.
pub(crate) const COMPONENT: Uuid = uuid!("45f4d635-1ac8-4fc3-b386-ffb74f13331f");
/// The number of applications among the types of images.
const APPLICATION: u16 = 10;
/// Bytes of a signature over P-256.
pub(crate) const USUAL_SIGNATURE: usize = 64;
/// Bytes of a signature over P-384.
pub(crate) const LONG_SIGNATURE: usize = 96;

/// An application with a payload and some signature; nobody checks those.
pub(crate) fn application(image: Uuid, name: &str, payload: &[u8], signature: usize) -> Vec<u8> {
    let identity = [&APPLICATION.to_le_bytes()[..], &[0, 0], &COMPONENT.to_bytes_le(), &image.to_bytes_le()].concat();
    let mut build = 0x62a2_0a6c_u64.to_le_bytes().to_vec();
    build.extend(name.as_bytes());
    build.resize(40, 0);
    let mut sections = section(*b"ID", &identity);
    sections.extend(section(*b"SG", &[0x5a; 24]));
    sections.extend(section(*b"DB", &build));
    package(payload, 3, &sections, signature)
}

/// A section of metadata.
pub(crate) fn section(id: [u8; 2], data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("a section is short");
    [&id[..], &length.to_le_bytes(), data].concat()
}

/// A package around `sections`, which says that there are `count` of them.
pub(crate) fn package(payload: &[u8], count: u32, sections: &[u8], signature: usize) -> Vec<u8> {
    let mut bytes = payload.to_vec();
    bytes.resize(payload.len().next_multiple_of(4), 0);
    let length = u32::try_from(12 + sections.len()).expect("metadata are short");
    bytes.extend([b"4X4M", &count.to_le_bytes()[..], sections, &length.to_le_bytes()].concat());
    bytes.resize(bytes.len() + signature, 0xa5);
    bytes
}
