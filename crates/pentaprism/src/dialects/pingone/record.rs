//! What the store keeps of an image besides its bytes, and the image as clients see it (D-120, D-123).

use pentaprism_core::Timestamp;
use pentaprism_core::dialects::pingone::DIALECT;
use pentaprism_core::dialects::pingone::models::{
    EnvironmentReference, Image, ImageLinks, ImageTarget, ImageTargets, ImageType, Link,
};
use pentaprism_store::{self as store, Account, Fault, Name, NameKey};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::pictures::{Format, Header};

use super::environment;

/// The only target there is.
const ORIGINAL: &str = "original";

/// The status of an image; there is no other.
pub(super) const STATUS: &str = "active";

/// Which image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ImageKey {
    /// Where it belongs.
    pub(super) environment: Uuid,
    /// Its id.
    pub(super) id: Uuid,
}

impl ImageKey {
    /// The image's name in the store.
    pub(super) fn name(self) -> NameKey {
        NameKey::new(DIALECT, images(self.environment), self.id.to_string())
    }
}

/// What the bytes of an environment's images count for.
pub(super) fn account(environment: Uuid, quota: Option<u64>) -> Account {
    Account::new(DIALECT, images(environment)).with_quota(quota)
}

fn images(environment: Uuid) -> String {
    format!("images/{environment}")
}

/// The format of a picture, as the store keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// A JPEG.
    Jpg,
    /// A PNG.
    Png,
    /// A GIF.
    Gif,
}

impl Kind {
    /// As answers and file names have it.
    pub(super) fn shown(self) -> ImageType {
        match self {
            Self::Jpg => ImageType::Jpg,
            Self::Png => ImageType::Png,
            Self::Gif => ImageType::Gif,
        }
    }

    /// The registered media type.
    pub(super) fn media_type(self) -> &'static str {
        let format = match self {
            Self::Jpg => Format::Jpeg,
            Self::Png => Format::Png,
            Self::Gif => Format::Gif,
        };
        format.media_type()
    }
}

impl From<Format> for Kind {
    fn from(format: Format) -> Self {
        match format {
            Format::Jpeg => Self::Jpg,
            Format::Png => Self::Png,
            Format::Gif => Self::Gif,
        }
    }
}

/// What the store keeps of an image besides its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    /// What its link ends with.
    pub(super) file_name: String,
    /// What the bytes are.
    pub(super) kind: Kind,
    width: i32,
    height: i32,
}

impl Record {
    /// A picture with a header, behind a link that ends with `file_name`.
    pub(super) fn new(header: Header, file_name: String) -> Self {
        // No accepted header has longer sides than clients can read (D-116).
        let side = |pixels: u32| i32::try_from(pixels).unwrap_or(i32::MAX);
        Self { file_name, kind: header.format.into(), width: side(header.width), height: side(header.height) }
    }

    /// What the attributes of a name say.
    ///
    /// # Errors
    /// [`Fault::Corrupt`]: nobody else writes them.
    pub(super) fn read(name: &Name) -> Result<Self, Fault> {
        let damaged = |error| Fault::Corrupt { what: format!("the attributes of {} are no image: {error}", name.key) };
        Self::deserialize(&name.attributes).map_err(damaged)
    }

    /// The record as attributes.
    pub(super) fn write(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("a record has text for keys and no serializer that fails")
    }

    /// The image as clients see it.
    pub(super) fn show(self, key: ImageKey, created: store::Timestamp, base_url: &str) -> Image {
        let ImageKey { environment, id } = key;
        let place = format!("environments/{environment}/images/{id}");
        let original = ImageTarget {
            id: ORIGINAL.to_owned(),
            width: self.width,
            height: self.height,
            type_: self.kind.shown(),
            href: format!("{base_url}/{place}/{}", self.file_name),
        };
        Image {
            links: ImageLinks {
                self_: Link { href: format!("{base_url}/v1/{place}") },
                environment: environment::link(base_url, environment),
            },
            id,
            targets: ImageTargets { original },
            environment: EnvironmentReference { id: environment },
            created_at: Timestamp::from_milliseconds(created.as_unix_micros().div_euclid(1000)),
        }
    }
}
