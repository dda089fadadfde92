//! Links that need no token: a row of the store for each, which shares the bytes of what it leads to (D-131).
//!
//! A dialect makes a link in the same change as the image it leads to, and deletes it in the same change as the image.

use pentaprism_core::dialects::public::DIALECT;
use pentaprism_store::{Name, NameKey, NewContent, NewName};
use serde::{Deserialize, Serialize};

/// The scope of all links.
const SCOPE: &str = "links";

/// The status of a link; there is no other.
const STATUS: &str = "active";

/// What a link says of the file that it leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::dialects) struct PublicFile {
    /// The last segment of the link.
    pub(in crate::dialects) file_name: String,
    /// What the file is served as.
    pub(in crate::dialects) media_type: String,
}

impl PublicFile {
    /// A file that is served as `media_type`. The name is one of the server's own: it stands in the link as it is.
    pub(in crate::dialects) fn new(file_name: impl Into<String>, media_type: impl Into<String>) -> Self {
        Self { file_name: file_name.into(), media_type: media_type.into() }
    }

    /// The row of a link with `token` to the bytes of another name, which an earlier step of the same change may make.
    pub(in crate::dialects) fn link(&self, token: &str, bytes_of: NameKey) -> NewName {
        let attributes = serde_json::to_value(self).expect("two texts are JSON");
        NewName::new(key(token), STATUS).attributes(attributes).content(NewContent::SameAs(bytes_of))
    }

    /// What the row of a link says.
    pub(super) fn of(link: &Name) -> Result<Self, serde_json::Error> {
        Self::deserialize(&link.attributes)
    }
}

/// Where the link with `token` stands in the store.
pub(crate) fn key(token: &str) -> NameKey {
    NameKey::new(DIALECT, SCOPE, token)
}

/// A text of the store that names rows, without the tokens of links: whoever knows one may follow it (D-132).
pub(crate) fn without_tokens(text: &str) -> String {
    let links = key("").to_string();
    let mut parts = text.split(&links);
    let mut told = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let token = part.find(|c: char| !c.is_alphanumeric()).unwrap_or(part.len());
        told.extend([&links, "…", &part[token..]]);
    }
    told
}

/// The link itself.
pub(in crate::dialects) fn url(base_url: &str, token: &str, file_name: &str) -> String {
    format!("{base_url}/public/{token}/{file_name}")
}
