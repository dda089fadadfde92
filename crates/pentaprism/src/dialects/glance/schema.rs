//! The JSON schemas of images and members. python-glanceclient builds its classes from them and refuses what they lack.

use pentaprism_core::dialects::glance::models::SchemaDocument;
use serde_json::{Map, Value, json};

use super::members;
use super::validation::{CONTAINER_FORMATS, DISK_FORMATS, ID_PATTERN, LONGEST_TEXT, VISIBILITIES};

const STATUSES: [&str; 9] =
    ["queued", "saving", "active", "killed", "deleted", "uploading", "importing", "pending_delete", "deactivated"];

/// The schema of an image.
pub(super) fn image() -> SchemaDocument {
    let mut properties = settable();
    properties.extend(read_only());
    object(json!({
        "name": "image",
        "properties": properties,
        "additionalProperties": {"type": "string"},
        "links": [
            {"rel": "self", "href": "{self}"},
            {"rel": "enclosure", "href": "{file}"},
            {"rel": "describedby", "href": "{schema}"},
        ],
    }))
}

/// The schema of a list of images.
pub(super) fn images() -> SchemaDocument {
    let text = json!({"type": "string"});
    object(json!({
        "name": "images",
        "properties": {"images": {"type": "array", "items": image()}, "first": text, "next": text, "schema": text},
        "links": [
            {"rel": "first", "href": "{first}"},
            {"rel": "next", "href": "{next}"},
            {"rel": "describedby", "href": "{schema}"},
        ],
    }))
}

/// The schema of a membership.
pub(super) fn member() -> SchemaDocument {
    object(json!({"name": "member", "properties": member_properties()}))
}

/// The schema of a list of memberships.
pub(super) fn members() -> SchemaDocument {
    let item = json!({"type": "object", "name": "member", "properties": member_properties()});
    object(json!({
        "name": "members",
        "properties": {"members": {"type": "array", "items": item}, "schema": {"type": "string"}},
        "links": [{"rel": "describedby", "href": "{schema}"}],
    }))
}

fn member_properties() -> Value {
    json!({
        "member_id": {"type": "string", "description": "Project that the image is shared with"},
        "image_id": {"type": "string", "pattern": ID_PATTERN, "description": "Identity of the image"},
        "status": {"type": "string", "enum": members::STATUSES, "description": "What the member said to it"},
        "created_at": {"type": "string", "description": "When the image was shared"},
        "updated_at": {"type": "string", "description": "When the status changed last"},
        "schema": {"type": "string", "readOnly": true, "description": "Path of this schema"},
    })
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => unreachable!("only objects are written here"),
    }
}

/// Choices, with none of them as one more.
fn with_null(texts: &[&str]) -> Vec<Value> {
    std::iter::once(Value::Null).chain(texts.iter().map(|text| json!(text))).collect()
}

/// What a client may set.
fn settable() -> Map<String, Value> {
    object(json!({
        "id": {"type": "string", "pattern": ID_PATTERN, "description": "Identity of the image"},
        "name": {"type": ["null", "string"], "maxLength": LONGEST_TEXT, "description": "Name for people"},
        "visibility": {"type": "string", "enum": VISIBILITIES, "description": "Who sees the image"},
        "protected": {"type": "boolean", "description": "Whether deletion is refused"},
        "os_hidden": {"type": "boolean", "description": "Whether lists leave the image out"},
        "owner": {"type": ["null", "string"], "maxLength": LONGEST_TEXT, "description": "Project that owns the image"},
        "container_format": {
            "type": ["null", "string"],
            "enum": with_null(&CONTAINER_FORMATS),
            "description": "What the disk is wrapped in",
        },
        "disk_format": {
            "type": ["null", "string"],
            "enum": with_null(&DISK_FORMATS),
            "description": "Layout of the disk",
        },
        "min_ram": {"type": "integer", "description": "Memory in MiB that a guest needs"},
        "min_disk": {"type": "integer", "description": "Disk in GiB that a guest needs"},
        "tags": {
            "type": "array",
            "items": {"type": "string", "maxLength": LONGEST_TEXT},
            "description": "Labels",
        },
        "locations": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["url", "metadata"],
                "properties": {"url": {"type": "string", "maxLength": LONGEST_TEXT}, "metadata": {"type": "object"}},
            },
            "description": "Places in the backend; never told by this server",
        },
    }))
}

/// What only the server sets.
fn read_only() -> Map<String, Value> {
    let text = |description: &str| json!({"type": "string", "readOnly": true, "description": description});
    let text_or_null = |description: &str, longest: usize| json!({"type": ["null", "string"], "maxLength": longest, "readOnly": true, "description": description});
    let number_or_null =
        |description: &str| json!({"type": ["null", "integer"], "readOnly": true, "description": description});
    object(json!({
        "status": {"type": "string", "enum": STATUSES, "readOnly": true, "description": "Where the image is in its life"},
        "size": number_or_null("Number of bytes"),
        "virtual_size": number_or_null("Number of bytes of the disk that a guest sees"),
        "checksum": text_or_null("MD5 of the bytes", 32),
        "os_hash_algo": text_or_null("Algorithm of os_hash_value", 64),
        "os_hash_value": text_or_null("Digest of the bytes", 128),
        "created_at": text("When the record was made"),
        "updated_at": text("When the record changed last"),
        "self": text("Path of the record"),
        "file": text("Path of the bytes"),
        "schema": text("Path of this schema"),
        "stores": text("Stores that hold the bytes"),
        "direct_url": text("Where the bytes lie in the backend"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_of_an_image_is_described() {
        let schema = image();
        let described = schema["properties"].as_object().unwrap();
        for name in [
            "name",
            "disk_format",
            "container_format",
            "visibility",
            "size",
            "virtual_size",
            "status",
            "checksum",
            "protected",
            "min_ram",
            "min_disk",
            "owner",
            "os_hidden",
            "os_hash_algo",
            "os_hash_value",
            "id",
            "created_at",
            "updated_at",
            "tags",
            "self",
            "file",
            "schema",
            "stores",
            "direct_url",
            "locations",
        ] {
            assert!(described.contains_key(name), "{name}");
        }
        assert_eq!(described.len(), 25);
        assert_eq!(described["disk_format"]["enum"][0], Value::Null);
        assert_eq!(schema["additionalProperties"], json!({"type": "string"}));
        assert_eq!(images()["properties"]["images"]["items"], Value::Object(schema));
    }
}
