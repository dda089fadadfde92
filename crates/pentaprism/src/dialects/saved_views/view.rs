//! The record of a saved view: how it stands in the store, and how it is shown (D-108).

use pentaprism_core::Timestamp;
use pentaprism_core::dialects::saved_views::DIALECT;
use pentaprism_core::dialects::saved_views::models::{
    ExtensionCreate, SavedView, SavedViewExtension, SavedViewLink, SavedViewLinks,
};
use pentaprism_store::{self as store, Name, NameKey, NewName};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The scope of the views; the content of each is its picture.
pub(super) const VIEWS: &str = "views";

/// The scope of the thumbnails, under the ids of their views.
const THUMBNAILS: &str = "thumbnails";

/// The account that pictures and thumbnails count for.
pub(super) const ACCOUNT: &str = "pictures";

/// The status of all rows; there is no other.
pub(super) const STATUS: &str = "active";

/// The row of a view.
pub(super) fn key(id: &str) -> NameKey {
    NameKey::new(DIALECT, VIEWS, id)
}

/// The row of a view's thumbnail; it is there when the view has a picture.
pub(super) fn thumbnail_key(id: &str) -> NameKey {
    NameKey::new(DIALECT, THUMBNAILS, id)
}

// The attributes that views are found by, as they are called in the store.
pub(super) const ITWIN: &str = "itwin";
pub(super) const IMODEL: &str = "imodel";
pub(super) const DISPLAY_NAME: &str = "display_name";
pub(super) const SHARED: &str = "shared";

/// What is kept of a view beside id, owner, times and picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attributes {
    /// The iTwin that is looked at.
    pub(super) itwin: Uuid,
    /// The iModel, if it is one.
    pub(super) imodel: Option<Uuid>,
    /// The name for people.
    pub(super) display_name: String,
    /// Whether everybody sees it.
    pub(super) shared: bool,
    /// How the twin is looked at: JSON, as it came.
    pub(super) data: String,
    /// Data of applications.
    pub(super) extensions: Vec<ExtensionCreate>,
    /// The links to the picture, when there is one.
    pub(super) links: Option<Links>,
}

/// The tokens of the links to a picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Links {
    /// To the picture in full size.
    pub(super) full: String,
    /// To the thumbnail.
    pub(super) thumbnail: String,
}

impl Attributes {
    /// The attributes as the store keeps them.
    pub(super) fn to_value(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("texts, lists and UUIDs are JSON")
    }

    /// The row of a new view.
    pub(super) fn new_name(&self, id: &str, owner: Uuid) -> NewName {
        NewName::new(key(id), STATUS).owner(owner.to_string()).attributes(self.to_value())
    }
}

/// A view as it was read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct View {
    /// Its row.
    pub(super) name: Name,
    /// What the row says.
    pub(super) attributes: Attributes,
}

impl View {
    /// Reads a row.
    ///
    /// # Errors
    /// It is not as this program writes it.
    pub(super) fn read(name: Name) -> Result<Self, serde_json::Error> {
        let attributes = Attributes::deserialize(&name.attributes)?;
        Ok(Self { name, attributes })
    }

    /// The view as it is shown, with links that begin with `base_url`; extensions in full, or only where they are.
    ///
    /// # Errors
    /// The row is not as this program writes it.
    pub(super) fn show(self, base_url: &str, in_full: bool) -> Result<SavedView, serde_json::Error> {
        let data = serde_json::from_str(&self.attributes.data)?;
        Ok(SavedView { saved_view_data: Some(data), ..self.outline(base_url, in_full) })
    }

    /// The same without how the twin is looked at, as it stands in a list (D-154).
    pub(super) fn outline(self, base_url: &str, in_full: bool) -> SavedView {
        let (id, attributes) = (self.name.key.key, self.attributes);
        let owner = self.name.owner.unwrap_or_default();
        let image = format!("{base_url}/savedviews/{id}/image");
        let links = SavedViewLinks {
            itwin: Some(link(format!("{base_url}/iTwins/{}", attributes.itwin))),
            project: Some(link(format!("{base_url}/projects/{}", attributes.itwin))),
            imodel: attributes.imodel.map(|imodel| link(format!("{base_url}/imodels/{imodel}"))),
            creator: Some(link(format!("{base_url}/accesscontrol/iTwins/{}/members/{owner}", attributes.itwin))),
            group: None,
            image: link(format!("{image}?size=full")),
            thumbnail: link(image),
        };
        let extensions = attributes.extensions.into_iter();
        let extensions = extensions.map(|extension| show_extension(extension, base_url, &id, in_full)).collect();
        SavedView {
            display_name: attributes.display_name,
            shared: attributes.shared,
            creation_time: Some(time(self.name.created)),
            last_modified: Some(time(self.name.modified)),
            tags: Some(Vec::new()),
            extensions: Some(extensions),
            saved_view_data: None,
            links,
            id,
        }
    }
}

fn show_extension(extension: ExtensionCreate, base_url: &str, id: &str, in_full: bool) -> SavedViewExtension {
    let ExtensionCreate { extension_name, data, markdown_url, schema_url } = extension;
    if in_full {
        return SavedViewExtension { extension_name, href: None, markdown_url, schema_url, data: Some(data) };
    }
    let href = format!("{base_url}/savedviews/{id}/extensions/{}", escaped(&extension_name));
    SavedViewExtension { extension_name, href: Some(href), ..SavedViewExtension::default() }
}

/// A name as one segment of a path: all but the unreserved characters are encoded (RFC 3986, 2.3).
fn escaped(name: &str) -> PercentEncode<'_> {
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(name, RESERVED)
}

fn link(href: String) -> SavedViewLink {
    SavedViewLink { href }
}

fn time(time: store::Timestamp) -> Timestamp {
    Timestamp::from_milliseconds(time.as_unix_micros().div_euclid(1000))
}
