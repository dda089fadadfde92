//! What a service knows of an image, a file or a folder, as `ls` and `stat` show it.

mod table;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::address::Address;

pub use table::{block, table};

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An image, whatever the service calls it.
    Image,
    /// A file of the image store.
    File,
    /// A folder of the image store.
    Folder,
    /// A saved view.
    View,
    /// Something the service is working on.
    Operation,
}

impl Kind {
    /// Its name, in tables and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::File => "file",
            Self::Folder => "folder",
            Self::View => "view",
            Self::Operation => "operation",
        }
    }
}

/// What a service knows of a place.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// How it is written on the command line.
    pub address: Address,
    /// What people call it.
    pub name: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// In bytes.
    pub size: Option<u64>,
    /// How far the service is with it, in the service's word.
    pub status: Option<String>,
    /// When it was last changed, as RFC 3339.
    pub modified: Option<String>,
    /// The type of its bytes.
    pub media_type: Option<String>,
    /// Width and height.
    pub pixels: Option<(u32, u32)>,
    /// Algorithm, as `sha512`, and hexadecimal digits.
    pub checksums: Vec<(String, String)>,
    /// The service's own record; null without one.
    pub details: Value,
}

impl Entry {
    /// An entry of which nothing is known but that it is there.
    #[must_use]
    pub const fn new(address: Address, kind: Kind) -> Self {
        Self {
            address,
            name: None,
            kind,
            size: None,
            status: None,
            modified: None,
            media_type: None,
            pixels: None,
            checksums: Vec::new(),
            details: Value::Null,
        }
    }

    /// Its JSON: `address` and `kind`, and as far as they are known `name`, `size`, `status`, `modified`, `mediaType`,
    /// `width` and `height`, `checksums` (an object), `details` (the service's own record). These names do not change.
    #[must_use]
    pub fn json(&self) -> Map<String, Value> {
        let mut members = Map::new();
        let mut set = |name: &str, value: Value| {
            if !value.is_null() {
                members.insert(name.to_owned(), value);
            }
        };
        set("address", json!(self.address.to_string()));
        set("kind", json!(self.kind));
        set("name", json!(self.name));
        set("size", json!(self.size));
        set("status", json!(self.status));
        set("modified", json!(self.modified));
        set("mediaType", json!(self.media_type));
        set("width", json!(self.pixels.map(|(width, _)| width)));
        set("height", json!(self.pixels.map(|(_, height)| height)));
        if !self.checksums.is_empty() {
            let sums = self.checksums.iter().map(|(name, digits)| (name.clone(), json!(digits)));
            set("checksums", Value::Object(sums.collect()));
        }
        set("details", self.details.clone());
        members
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Three entries that differ in what is known of them.
    pub(in super::super) fn entries() -> Vec<Entry> {
        let image = Entry {
            name: Some("画像 \u{1b}[2J".to_owned()),
            size: Some(2_147_483_648),
            status: Some("active".to_owned()),
            modified: Some("2026-11-21T11:00:00Z".to_owned()),
            media_type: Some("application/octet-stream".to_owned()),
            checksums: vec![("md5".to_owned(), "d41d8cd98f00b204e9800998ecf8427e".to_owned())],
            details: json!({ "disk_format": "raw", "protected": false, "tags": [], "owner": null, "status": "active" }),
            ..Entry::new("prod/glance:cf433676-4896-400d-8ec1-05118365d9d2".parse().unwrap(), Kind::Image)
        };
        let file = Entry { size: Some(7), ..Entry::new("sf:Store/a.txt".parse().unwrap(), Kind::File) };
        let folder = Entry::new("sf:Store/日本".parse().unwrap(), Kind::Folder);
        vec![image, file, folder]
    }

    #[test]
    fn json_has_the_documented_names() {
        let [image, file, _] = <[Entry; 3]>::try_from(entries()).unwrap();
        let pictured = Entry { pixels: Some((320, 200)), details: Value::Null, ..image };
        assert_eq!(
            serde_json::to_string(&pictured.json()).unwrap(),
            "{\"address\":\"prod/glance:cf433676-4896-400d-8ec1-05118365d9d2\",\"kind\":\"image\",\
             \"name\":\"画像 \\u001b[2J\",\"size\":2147483648,\"status\":\"active\",\"modified\":\"2026-11-21T11:00:00Z\",\
             \"mediaType\":\"application/octet-stream\",\"width\":320,\"height\":200,\
             \"checksums\":{\"md5\":\"d41d8cd98f00b204e9800998ecf8427e\"}}"
        );
        let text = serde_json::to_string(&file.json()).unwrap();
        assert_eq!(text, r#"{"address":"sf:Store/a.txt","kind":"file","size":7}"#);
    }
}
