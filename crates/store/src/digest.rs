//! Digests that dialects show, computed beside the write; one small enum hides which library does the work.

use serde::{Deserialize, Serialize};

/// Which digests to compute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct DigestSet {
    /// MD5 (a checksum for clients, not a protection).
    pub md5: bool,
    /// SHA-256.
    pub sha256: bool,
    /// SHA-512.
    pub sha512: bool,
}

impl DigestSet {
    /// No digest.
    pub const NONE: Self = Self { md5: false, sha256: false, sha512: false };

    pub(crate) fn algorithms(self) -> impl Iterator<Item = Algorithm> {
        [(self.md5, Algorithm::Md5), (self.sha256, Algorithm::Sha256), (self.sha512, Algorithm::Sha512)]
            .into_iter()
            .filter_map(|(wanted, algorithm)| wanted.then_some(algorithm))
    }
}

/// The digests of a body; what was not asked for is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digests {
    /// MD5.
    pub md5: Option<[u8; 16]>,
    /// SHA-256.
    pub sha256: Option<[u8; 32]>,
    /// SHA-512.
    #[serde(with = "wide")]
    pub sha512: Option<[u8; 64]>,
}

/// Arrays of 64 bytes, which serde does not know.
mod wide {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

    #[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
    pub(super) fn serialize<S: Serializer>(digest: &Option<[u8; 64]>, serializer: S) -> Result<S::Ok, S::Error> {
        digest.as_ref().map(|digest| &digest[..]).serialize(serializer)
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(deserializer: D) -> Result<Option<[u8; 64]>, D::Error> {
        let digest = Option::<Vec<u8>>::deserialize(deserializer)?;
        let whole = |digest: Vec<u8>| digest.try_into().map_err(|_| D::Error::custom("a SHA-512 has 64 bytes"));
        digest.map(whole).transpose()
    }
}

/// One of the digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Md5,
    Sha256,
    Sha512,
}

/// A digest on its way.
pub(crate) enum Hasher {
    #[cfg(not(feature = "openssl"))]
    Md5(md5::Md5),
    #[cfg(not(feature = "openssl"))]
    Sha512(Box<sha2::Sha512>),
    #[cfg(feature = "openssl")]
    Md5(openssl::hash::Hasher),
    #[cfg(feature = "openssl")]
    Sha512(openssl::hash::Hasher),
    Sha256(sha2::Sha256),
}

#[cfg(feature = "openssl")]
const OPENSSL_WORKS: &str = "openssl computes this digest on every system it is built for";

impl Hasher {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        use sha2::Digest as _;
        match algorithm {
            Algorithm::Sha256 => Self::Sha256(sha2::Sha256::new()),
            #[cfg(not(feature = "openssl"))]
            Algorithm::Md5 => Self::Md5(md5::Md5::new()),
            #[cfg(not(feature = "openssl"))]
            Algorithm::Sha512 => Self::Sha512(Box::new(sha2::Sha512::new())),
            #[cfg(feature = "openssl")]
            Algorithm::Md5 => {
                Self::Md5(openssl::hash::Hasher::new(openssl::hash::MessageDigest::md5()).expect(OPENSSL_WORKS))
            }
            #[cfg(feature = "openssl")]
            Algorithm::Sha512 => {
                Self::Sha512(openssl::hash::Hasher::new(openssl::hash::MessageDigest::sha512()).expect(OPENSSL_WORKS))
            }
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        #[cfg(not(feature = "openssl"))]
        use sha2::Digest as _;
        match self {
            Self::Sha256(hasher) => sha2::Digest::update(hasher, bytes),
            #[cfg(not(feature = "openssl"))]
            Self::Md5(hasher) => hasher.update(bytes),
            #[cfg(not(feature = "openssl"))]
            Self::Sha512(hasher) => hasher.update(bytes),
            #[cfg(feature = "openssl")]
            Self::Md5(hasher) | Self::Sha512(hasher) => hasher.update(bytes).expect(OPENSSL_WORKS),
        }
    }

    /// Ends the digest and writes it where it belongs.
    pub(crate) fn finish(self, digests: &mut Digests) {
        #[cfg(not(feature = "openssl"))]
        use sha2::Digest as _;
        match self {
            Self::Sha256(hasher) => digests.sha256 = Some(sha2::Digest::finalize(hasher).into()),
            #[cfg(not(feature = "openssl"))]
            Self::Md5(hasher) => digests.md5 = Some(hasher.finalize().into()),
            #[cfg(not(feature = "openssl"))]
            Self::Sha512(hasher) => digests.sha512 = Some(hasher.finalize().into()),
            #[cfg(feature = "openssl")]
            Self::Md5(mut hasher) => digests.md5 = hasher.finish().expect(OPENSSL_WORKS).as_ref().try_into().ok(),
            #[cfg(feature = "openssl")]
            Self::Sha512(mut hasher) => digests.sha512 = hasher.finish().expect(OPENSSL_WORKS).as_ref().try_into().ok(),
        }
    }
}

/// All digests of a body that is at hand as a whole.
pub(crate) fn of_frames<'a>(set: DigestSet, frames: &(impl Iterator<Item = &'a [u8]> + Clone)) -> Digests {
    let mut digests = Digests::default();
    for algorithm in set.algorithms() {
        let mut hasher = Hasher::new(algorithm);
        for frame in frames.clone() {
            hasher.update(frame);
        }
        hasher.finish(&mut digests);
    }
    digests
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        use std::fmt::Write as _;
        bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
    }

    #[test]
    fn digests_of_abc_are_the_published_ones() {
        let set = DigestSet { md5: true, sha256: true, sha512: true };
        let digests = of_frames(set, &[b"a".as_slice(), b"bc"].into_iter());
        assert_eq!(hex(&digests.md5.unwrap()), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(hex(&digests.sha256.unwrap()), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(hex(&digests.sha512.unwrap()).starts_with("ddaf35a193617abacc417349ae204131"));
    }

    #[test]
    fn what_was_not_asked_for_is_not_computed() {
        let digests = of_frames(DigestSet::NONE, &[b"abc".as_slice()].into_iter());
        assert_eq!(digests, Digests::default());
    }
}
