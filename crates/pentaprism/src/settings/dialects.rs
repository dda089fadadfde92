//! Settings of the single dialects.

use serde::Deserialize;
use uuid::{Uuid, uuid};

use super::principals::DEVELOPMENT_USER;
use super::values::{Access, Follow, HashAlgorithm, Href};

/// The Azure Sphere tenant of a server without configuration: the one of the vendor's samples.
pub const DEFAULT_TENANT: Uuid = uuid!("768c2cd6-1bf0-4521-9f53-084a331d81cb");

/// The PingOne environment of a server without configuration: the one of the document's sample.
pub const DEFAULT_ENVIRONMENT: Uuid = uuid!("abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6");

/// The saved view that exists from the start: the one of the document's sample.
pub const DEFAULT_SAVED_VIEW: &str = "ACZbDmWhULVChRcDRkoPdLaNv7DGPQORQpkxmyDyE1ERZS7bsqUkWEmr9ZGmC5TopQ";

/// The iTwin that it looks at, as its id tells.
pub const DEFAULT_SAVED_VIEW_ITWIN: Uuid = uuid!("c6b0bf8d-033d-4291-9931-9b20f2135111");

/// The OpenStack Image service.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GlanceSettings {
    /// Where the document and today's service differ: `document` or `service`. The document answers an empty upload with
    /// 500; nova activates snapshots of volumes by an empty upload, so an OpenStack deployment sets `service`.
    pub follow: Follow,
    /// The algorithm of `os_hash_value`, which is computed of every upload: `sha512`, `sha256` or `md5`. Images keep the one that
    /// they were uploaded with.
    pub hashing_algorithm: HashAlgorithm,
    /// Bytes that the images of one project may hold together; an upload beyond it is answered 413. Absent: no limit.
    pub quota_bytes: Option<u64>,
}

/// The Service Fabric Image Store.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServiceFabricSettings {
    /// What a request without a token may do: `read-write`, `read-only` or `none`.
    pub anonymous: Access,
    /// Bytes that the image store may hold; an upload beyond it is answered 413. Absent: no limit.
    pub quota_bytes: Option<u64>,
}

impl Default for GlanceSettings {
    fn default() -> Self {
        Self { follow: Follow::Document, hashing_algorithm: HashAlgorithm::Sha512, quota_bytes: None }
    }
}

impl Default for ServiceFabricSettings {
    fn default() -> Self {
        Self { anonymous: Access::ReadWrite, quota_bytes: None }
    }
}

/// The Azure Sphere image upload.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AzureSphereSettings {
    /// The largest image package in bytes; a larger one is answered 400.
    pub package_bytes: u64,
    /// Seconds that an operation can be asked for after it ended.
    pub operation_seconds: u64,
    /// Bytes that the images of one tenant may hold together. Absent: no limit.
    pub quota_bytes: Option<u64>,
    /// The tenants that exist.
    pub tenants: Vec<TenantSettings>,
}

/// An Azure Sphere tenant.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantSettings {
    /// Its id.
    pub id: Uuid,
    /// Its name, as lists show it.
    pub name: String,
}

/// The iTwin Saved Views images.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SavedViewsSettings {
    /// Where the document and today's service differ: `document` or `service`.
    pub follow: Follow,
    /// The largest body of an image update in bytes, base64 and all; a larger one is answered 413.
    pub body_bytes: u64,
    /// The sides in pixels of the square that thumbnails fit into.
    pub thumbnail_pixels: u32,
    /// The largest picture in pixels, width times height; a larger one is refused before it is decoded.
    pub picture_pixels: u64,
    /// How pictures are handed out: `link`, or `data` for URLs that hold the picture themselves.
    pub href: Href,
    /// Whether the saved view of the document's sample exists from the start.
    pub default_view: bool,
    /// The user that owns the default saved view.
    pub default_view_owner: Uuid,
    /// Bytes that all pictures may hold together. Absent: no limit.
    pub quota_bytes: Option<u64>,
}

/// The PingOne images.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PingOneSettings {
    /// Where the document and today's service differ: `document` keeps pictures as they are, `service` turns them into PNG.
    pub follow: Follow,
    /// The largest picture in bytes; a larger one is answered 400.
    pub picture_bytes: u64,
    /// Bytes that the images of one environment may hold together. Absent: no limit.
    pub quota_bytes: Option<u64>,
    /// The environments that exist.
    pub environments: Vec<EnvironmentSettings>,
}

/// A PingOne environment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentSettings {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
}

impl Default for AzureSphereSettings {
    fn default() -> Self {
        let tenant = TenantSettings { id: DEFAULT_TENANT, name: "Pentaprism".to_owned() };
        Self { package_bytes: 32 << 20, operation_seconds: 24 * 60 * 60, quota_bytes: None, tenants: vec![tenant] }
    }
}

impl Default for SavedViewsSettings {
    fn default() -> Self {
        Self {
            follow: Follow::Document,
            body_bytes: 10_000_000,
            thumbnail_pixels: 400,
            picture_pixels: 50_000_000,
            href: Href::Link,
            default_view: true,
            default_view_owner: DEVELOPMENT_USER,
            quota_bytes: None,
        }
    }
}

impl Default for PingOneSettings {
    fn default() -> Self {
        let environment = EnvironmentSettings { id: DEFAULT_ENVIRONMENT, name: "Pentaprism".to_owned() };
        Self { follow: Follow::Document, picture_bytes: 2 << 20, quota_bytes: None, environments: vec![environment] }
    }
}
