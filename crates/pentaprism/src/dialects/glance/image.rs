//! The record of an image: what the store keeps of it, and what clients see.

use std::fmt::Write;

use indexmap::IndexMap;
use pentaprism_core::Timestamp;
use pentaprism_core::dialects::glance::models::{ContainerFormat, DiskFormat, Image, ImageStatus, Visibility};
use pentaprism_store as store;
use pentaprism_store::search::Search;
use pentaprism_store::{Account, Digests, Name, NameKey};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::caller::project_key;
use crate::settings::HashAlgorithm;

/// The dialect's word for the store.
pub(super) const DIALECT: &str = "glance";
/// The status of an image that waits for its data.
pub(super) const QUEUED: &str = "queued";
/// The status that a queued image shows while an upload runs. It is not stored.
pub(super) const SAVING: &str = "saving";
/// The status of an image that has its data.
pub(super) const ACTIVE: &str = "active";
/// The algorithm of an `os_hash_value` beside which none is kept.
pub(super) const USUAL_ALGORITHM: HashAlgorithm = HashAlgorithm::Sha512;

/// What a part of a path says as the id of an image (D-012).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ImageId {
    /// An id in the form in which images have theirs.
    Exact(Uuid),
    /// A UUID in a form that no image's id has: upper case, or without dashes.
    Unused,
    /// No UUID at all.
    Malformed,
}

impl ImageId {
    /// Reads an id.
    pub(super) fn parse(text: &str) -> Self {
        match Uuid::try_parse(text) {
            Ok(id) if text == id.to_string() => Self::Exact(id),
            Ok(_) if matches!(text.len(), 32 | 36) => Self::Unused,
            _ => Self::Malformed,
        }
    }
}

/// What the store keeps of an image besides status, owner, times and content.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Attributes {
    /// Its name for people.
    pub(super) name: Option<String>,
    /// Layout of the disk.
    pub(super) disk_format: Option<String>,
    /// What the disk is wrapped in.
    pub(super) container_format: Option<String>,
    /// Who sees it.
    pub(super) visibility: String,
    /// Whether deletion is refused.
    pub(super) protected: bool,
    /// Whether lists leave it out.
    pub(super) os_hidden: bool,
    /// Memory in MiB that a guest needs.
    pub(super) min_ram: i64,
    /// Disk in GiB that a guest needs.
    pub(super) min_disk: i64,
    /// Labels, each once.
    pub(super) tags: Vec<String>,
    /// Custom properties in the order of their creation.
    pub(super) properties: Vec<(String, String)>,
    /// MD5 of the bytes in hexadecimal digits, once there are any.
    pub(super) checksum: Option<String>,
    /// Another digest of the bytes in hexadecimal digits, once there are any.
    pub(super) os_hash_value: Option<String>,
    /// Its algorithm, unless it is the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) os_hash_algo: Option<String>,
}

impl Attributes {
    /// Notes the digests of the bytes.
    pub(super) fn set_digests(&mut self, digests: &Digests, shown: HashAlgorithm) {
        self.checksum = digests.md5.as_ref().map(|digest| hexadecimal(digest));
        self.os_hash_value = match shown {
            HashAlgorithm::Md5 => self.checksum.clone(),
            HashAlgorithm::Sha256 => digests.sha256.as_ref().map(|digest| hexadecimal(digest)),
            HashAlgorithm::Sha512 => digests.sha512.as_ref().map(|digest| hexadecimal(digest)),
        };
        self.os_hash_algo = (shown != USUAL_ALGORITHM).then(|| shown.name().to_owned());
    }

    /// The algorithm of `os_hash_value`, once there is one.
    fn hash_algorithm(&self) -> Option<String> {
        self.os_hash_value.as_ref()?;
        Some(self.os_hash_algo.clone().unwrap_or_else(|| USUAL_ALGORITHM.name().to_owned()))
    }

    /// The attributes as the store keeps them.
    pub(super) fn to_value(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("attributes have text as keys and no failing serializers")
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a string takes all text");
    }
    text
}

/// An image as the store knows it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    /// Its identity.
    pub(super) id: Uuid,
    /// Its name in the store, with status, owner, content and times.
    pub(super) name: Name,
    /// The rest.
    pub(super) attributes: Attributes,
}

impl Record {
    /// Reads what the store keeps.
    ///
    /// # Errors
    /// When the attributes are none of ours: an internal fault.
    pub(super) fn read(id: Uuid, name: Name) -> Result<Self, serde_json::Error> {
        let attributes = Attributes::deserialize(&name.attributes)?;
        Ok(Self { id, name, attributes })
    }

    /// The status as clients see it.
    pub(super) fn status(&self) -> &str {
        if self.name.open_writer && self.name.status == QUEUED { SAVING } else { &self.name.status }
    }

    /// Whether other projects see the image by its visibility alone. One without an owner is everybody's (D-015).
    pub(super) fn is_open(&self) -> bool {
        self.name.owner.is_none() || matches!(self.attributes.visibility.as_str(), "public" | "community")
    }

    /// Whether the image is shared with members.
    pub(super) fn is_shared(&self) -> bool {
        self.attributes.visibility == "shared"
    }

    /// Whose quota the bytes count for: the owner's, whoever uploads them.
    pub(super) fn account(&self, quota: Option<u64>) -> Account {
        let owner = self.name.owner.as_deref().map(project_key).unwrap_or_default();
        Account::new(DIALECT, format!("projects/{owner}")).with_quota(quota)
    }

    /// The record as clients see it. The paths in it are relative, as the service's are.
    pub(super) fn to_model(&self) -> Image {
        let (attributes, path) = (&self.attributes, path(self.id));
        let size = self.name.content.map(|content| i64::try_from(content.size).unwrap_or(i64::MAX));
        let is_raw = attributes.disk_format.as_deref() == Some("raw");
        Image {
            additional: attributes.properties.iter().cloned().collect::<IndexMap<_, _>>(),
            name: attributes.name.clone(),
            disk_format: attributes.disk_format.as_deref().map(DiskFormat::from),
            container_format: attributes.container_format.as_deref().map(ContainerFormat::from),
            visibility: Visibility::from(attributes.visibility.as_str()),
            size,
            virtual_size: size.filter(|_| is_raw),
            status: ImageStatus::from(self.status()),
            checksum: attributes.checksum.clone(),
            protected: attributes.protected,
            min_ram: attributes.min_ram,
            min_disk: attributes.min_disk,
            owner: self.name.owner.clone(),
            os_hidden: attributes.os_hidden,
            os_hash_algo: attributes.hash_algorithm(),
            os_hash_value: attributes.os_hash_value.clone(),
            id: self.id,
            created_at: seconds(self.name.created),
            updated_at: seconds(self.name.modified),
            tags: attributes.tags.clone(),
            file: format!("{path}/file"),
            self_: path,
            schema: "/v2/schemas/image".to_owned(),
            stores: None,
            direct_url: None,
            locations: None,
        }
    }
}

/// The scope of the images in the store.
const SCOPE: &str = "images";

/// The name of an image in the store.
pub(super) fn key(id: Uuid) -> NameKey {
    NameKey::new(DIALECT, SCOPE, id.to_string())
}

/// All images, the newest first, at most `limit`.
pub(super) fn search(limit: usize) -> Search {
    Search::new(DIALECT, SCOPE, limit)
}

/// The path of an image's record.
pub(super) fn path(id: Uuid) -> String {
    format!("/v2/images/{id}")
}

/// A moment in whole seconds, as the service shows it.
pub(super) fn seconds(moment: store::Timestamp) -> Timestamp {
    Timestamp::from_seconds(moment.as_unix_micros().div_euclid(1_000_000))
}

#[cfg(test)]
#[path = "tests/image.rs"]
mod tests;
