//! What a request says about a new image, checked in the service's order and refused in its words (D-024).

use indexmap::IndexMap;
use pentaprism_core::ErrorStatus;
use serde_json::Value;
use uuid::Uuid;

use super::caller::Caller;
use super::faults::Fault;
use super::image::Attributes;
use super::literal::{choices, literal};

/// The longest name, tag, owner and property name, in characters.
pub(super) const LONGEST_TEXT: usize = 255;
/// The most custom properties, and the most tags.
const MOST_ENTRIES: usize = 128;
/// What every custom property of the service's own begins with.
const RESERVED_PREFIX: &str = "os_glance_";

const READ_ONLY: [&str; 13] = [
    "direct_url",
    "self",
    "file",
    "schema",
    "stores",
    "created_at",
    "updated_at",
    "status",
    "checksum",
    "size",
    "virtual_size",
    "os_hash_algo",
    "os_hash_value",
];
const RESERVED: [&str; 4] = ["locations", "location", "deleted", "deleted_at"];
pub(super) const VISIBILITIES: [&str; 4] = ["community", "public", "private", "shared"];
pub(super) const CONTAINER_FORMATS: [&str; 8] = ["ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"];
pub(super) const DISK_FORMATS: [&str; 11] =
    ["ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop"];
/// The form of an id as the service's messages show it.
pub(super) const ID_PATTERN: &str =
    "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$";

/// An image that may be created.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NewImage {
    /// The id that the client chose.
    pub(super) id: Option<Uuid>,
    /// The project that owns it.
    pub(super) owner: Option<String>,
    /// Everything else.
    pub(super) attributes: Attributes,
}

impl NewImage {
    /// Reads the body of a request by `caller`.
    ///
    /// # Errors
    /// The refusal, in the service's words.
    pub(super) fn read(body: &[u8], caller: &Caller) -> Result<Self, Fault> {
        let members = match document(body)? {
            Document::Object(members) => members,
            Document::Other(value) => return Err(violation(&format!("{} is not of type 'object'", literal(&value)))),
        };
        if let Some(name) = READ_ONLY.iter().find(|name| members.contains_key(**name)) {
            return Err(Fault::new(ErrorStatus::FORBIDDEN, format!("Attribute '{name}' is read-only.")));
        }
        let mut draft = Draft { visibility: None, tag_count: 0, image: Self::empty() };
        for (name, value) in members.iter().filter(|(name, _)| !RESERVED.contains(&name.as_str())) {
            draft.take(name, value)?;
        }
        check_names(&members)?;
        draft.finish(caller)
    }

    fn empty() -> Self {
        Self { id: None, owner: None, attributes: Attributes::default() }
    }
}

/// A JSON text, its members in the order of the request.
pub(super) enum Document {
    /// An object.
    Object(IndexMap<String, Value>),
    /// Anything else.
    Other(Value),
}

/// Reads a body as JSON.
pub(super) fn document(body: &[u8]) -> Result<Document, Fault> {
    if body.is_empty() {
        return Err(bad_request("Body expected in request."));
    }
    if let Ok(members) = serde_json::from_slice(body) {
        return Ok(Document::Object(members));
    }
    serde_json::from_slice(body).map(Document::Other).map_err(|_| bad_request("Malformed JSON in request body."))
}

/// A refusal with status 400.
pub(super) fn bad_request(text: impl Into<std::borrow::Cow<'static, str>>) -> Fault {
    Fault::new(ErrorStatus::BAD_REQUEST, text)
}

fn violation(reason: &str) -> Fault {
    bad_request(format!("Provided object does not match schema 'image': {reason}"))
}

/// What is known of the image while its members are read.
struct Draft {
    visibility: Option<String>,
    tag_count: usize,
    image: NewImage,
}

impl Draft {
    fn take(&mut self, name: &str, value: &Value) -> Result<(), Fault> {
        let attributes = &mut self.image.attributes;
        let taken = match name {
            "name" => nullable_text(value).map(|text| attributes.name = text),
            "owner" => nullable_text(value).map(|text| self.image.owner = text),
            "disk_format" => choice(value, true, &DISK_FORMATS).map(|format| attributes.disk_format = format),
            "container_format" => {
                choice(value, true, &CONTAINER_FORMATS).map(|format| attributes.container_format = format)
            }
            "visibility" => choice(value, false, &VISIBILITIES).map(|visibility| self.visibility = visibility),
            "protected" => flag(value).map(|flag| attributes.protected = flag),
            "os_hidden" => flag(value).map(|flag| attributes.os_hidden = flag),
            "min_ram" => number(value).map(|number| attributes.min_ram = number),
            "min_disk" => number(value).map(|number| attributes.min_disk = number),
            "id" => id(value).map(|id| self.image.id = Some(id)),
            "tags" => tags(value).map(|tags| (self.tag_count, attributes.tags) = tags),
            _ => match value {
                Value::String(text) => {
                    attributes.properties.push((name.to_owned(), text.clone()));
                    Ok(())
                }
                other => Err(wrong_type(other, "'string'")),
            },
        };
        taken.map_err(|reason| violation(&reason))
    }

    /// Rights, then limits.
    fn finish(self, caller: &Caller) -> Result<NewImage, Fault> {
        let Self { visibility, tag_count, mut image } = self;
        let attributes = &mut image.attributes;
        for (name, number) in [("min_disk", attributes.min_disk), ("min_ram", attributes.min_ram)] {
            if number < 0 {
                let text = format!("Invalid value '{number}' for parameter '{name}': Cannot be a negative value");
                return Err(bad_request(text));
            }
        }
        attributes.visibility = visibility.unwrap_or_else(|| "shared".to_owned());
        check_rights(caller, image.owner.as_deref(), &attributes.visibility)?;
        check_limit("properties", attributes.properties.len())?;
        check_limit("tags", tag_count)?;
        // An image always gets an owner here (D-015).
        image.owner = image.owner.or_else(|| caller.project());
        Ok(image)
    }
}

fn check_names(members: &IndexMap<String, Value>) -> Result<(), Fault> {
    for name in members.keys() {
        if name.chars().count() > LONGEST_TEXT {
            return Err(bad_request("Custom property should not be greater than 255 characters."));
        }
        let reserved = format!("Attribute '{name}' is reserved.");
        if RESERVED.contains(&name.as_str()) {
            return Err(Fault::new(ErrorStatus::FORBIDDEN, reserved));
        }
        if name.starts_with(RESERVED_PREFIX) {
            let denied = Fault::new(ErrorStatus::FORBIDDEN, "Access was denied to this resource.");
            return Err(Fault { detail: reserved, ..denied });
        }
    }
    Ok(())
}

fn check_rights(caller: &Caller, owner: Option<&str>, visibility: &str) -> Result<(), Fault> {
    let forbidden = |text: String| Err(Fault::new(ErrorStatus::FORBIDDEN, text));
    if caller.is_admin() {
        return Ok(());
    }
    if let Some(owner) = owner.filter(|owner| !caller.is_of(owner)) {
        return forbidden(format!("You are not permitted to create images owned by '{owner}'."));
    }
    if !caller.may_write() {
        return forbidden("You are not authorized to complete add_image action.".to_owned());
    }
    if visibility == "public" {
        return forbidden("You are not authorized to complete publicize_image action.".to_owned());
    }
    Ok(())
}

fn check_limit(what: &str, attempted: usize) -> Result<(), Fault> {
    if attempted <= MOST_ENTRIES {
        return Ok(());
    }
    let text = format!(
        "The limit has been exceeded on the number of allowed image {what}. Attempted: {attempted}, Maximum: {MOST_ENTRIES}"
    );
    Err(Fault::new(ErrorStatus::PAYLOAD_TOO_LARGE, text))
}

fn wrong_type(value: &Value, expected: &str) -> String {
    format!("{} is not of type {expected}", literal(value))
}

fn nullable_text(value: &Value) -> Result<Option<String>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.chars().count() <= LONGEST_TEXT => Ok(Some(text.clone())),
        Value::String(_) => Err(format!("{} is too long", literal(value))),
        other => Err(wrong_type(other, "'null', 'string'")),
    }
}

fn choice(value: &Value, with_none: bool, texts: &[&str]) -> Result<Option<String>, String> {
    match value {
        Value::Null if with_none => Ok(None),
        Value::String(text) if texts.contains(&text.as_str()) => Ok(Some(text.clone())),
        Value::String(_) => Err(format!("{} is not one of {}", literal(value), choices(with_none, texts))),
        other => Err(wrong_type(other, if with_none { "'null', 'string'" } else { "'string'" })),
    }
}

fn flag(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| wrong_type(value, "'boolean'"))
}

fn number(value: &Value) -> Result<i64, String> {
    value.as_i64().ok_or_else(|| wrong_type(value, "'integer'"))
}

/// An id in upper case is taken and shown in lower case from then on.
fn id(value: &Value) -> Result<Uuid, String> {
    let text = value.as_str().ok_or_else(|| wrong_type(value, "'string'"))?;
    let id = Uuid::try_parse(text).ok().filter(|_| text.len() == 36);
    id.ok_or_else(|| format!("{} does not match '{ID_PATTERN}'", literal(value)))
}

/// How many tags there were, and each of them once.
fn tags(value: &Value) -> Result<(usize, Vec<String>), String> {
    let items = value.as_array().ok_or_else(|| wrong_type(value, "'array'"))?;
    let mut tags = indexmap::IndexSet::new();
    for item in items {
        match item {
            Value::String(tag) if tag.chars().count() <= LONGEST_TEXT => tags.insert(tag.clone()),
            Value::String(_) => return Err(format!("{} is too long", literal(item))),
            other => return Err(wrong_type(other, "'string'")),
        };
    }
    Ok((items.len(), tags.into_iter().collect()))
}

#[cfg(test)]
#[path = "tests/validation.rs"]
mod tests;
