//! Which Rust type a schema is.

use crate::names;
use crate::spec::model::{Additional, Kind, Schema, Spec};

/// What generated code may import from other crates, with its path.
const FOREIGN: &[(&str, &str)] = &[
    ("Bytes", "bytes::Bytes"),
    ("Method", "http::Method"),
    ("Request", "http::Request"),
    ("Response", "http::Response"),
    ("StatusCode", "http::StatusCode"),
    ("IndexMap", "indexmap::IndexMap"),
    ("Serialize", "serde::Serialize"),
    ("Deserialize", "serde::Deserialize"),
    ("Uuid", "uuid::Uuid"),
];

/// What it may import from `pentaprism-core`.
const OURS: &[&str] = &[
    "Body",
    "Decimal",
    "ErrorStatus",
    "InvalidInput",
    "InvalidRequest",
    "InvalidResponse",
    "Message",
    "MessageView",
    "Operation",
    "OperationInfo",
    "Payload",
    "RequestBody",
    "RequestBuilder",
    "RequestView",
    "ResponseBuilder",
    "Timestamp",
    "UnknownNumber",
    "UnknownValue",
    "codec",
];

/// Types that `models.rs` itself needs under their own names, so that no model can have them.
pub const TAKEN: &[&str] = &[
    "Bytes",
    "Decimal",
    "Deserialize",
    "Err",
    "IndexMap",
    "InvalidResponse",
    "MessageView",
    "None",
    "Ok",
    "Option",
    "Payload",
    "Response",
    "ResponseBuilder",
    "Result",
    "Self",
    "Serialize",
    "Some",
    "StatusCode",
    "String",
    "Timestamp",
    "UnknownNumber",
    "UnknownValue",
    "Uuid",
    "Vec",
];

/// Whether generated code may import something else under this name.
fn is_imported(name: &str) -> bool {
    OURS.contains(&name) || FOREIGN.iter().any(|(known, _)| *known == name)
}

/// A model as code names it: with its path where its own name means something else, as for a model `Operation`.
fn reference(model: &str) -> String {
    if is_imported(model) { format!("super::models::{model}") } else { model.to_owned() }
}

/// The type of a value that is there and not null.
pub fn bare(schema: &Schema) -> String {
    match &schema.kind {
        Kind::Text => "String".to_owned(),
        Kind::Binary => "Bytes".to_owned(),
        Kind::Uuid => "Uuid".to_owned(),
        Kind::DateTime => "Timestamp".to_owned(),
        Kind::Integer { bits: 32, .. } => "i32".to_owned(),
        Kind::Integer { signed, .. } => if *signed { "i64" } else { "u64" }.to_owned(),
        Kind::Decimal { signed } => format!("Decimal<{}>", if *signed { "i64" } else { "u64" }),
        Kind::Number => "f64".to_owned(),
        Kind::Boolean => "bool".to_owned(),
        Kind::List(items) => format!("Vec<{}>", full(items)),
        Kind::Map(values) => format!("IndexMap<String, {}>", full(values)),
        Kind::Free => "serde_json::Map<String, serde_json::Value>".to_owned(),
        Kind::Reference(name) => reference(&names::type_name(name)),
        Kind::Enum(_) | Kind::NumberEnum(_) | Kind::Object(_) => {
            unreachable!("the loader refuses unnamed enums and objects")
        }
    }
}

/// The type of a value that is always there; `Option` when it may be null.
pub fn full(schema: &Schema) -> String {
    if schema.nullable { format!("Option<{}>", bare(schema)) } else { bare(schema) }
}

/// Whether the type has a meaningful `Default`.
pub fn has_default(spec: &Spec, schema: &Schema) -> bool {
    schema.nullable
        || match &schema.kind {
            Kind::Reference(name) => has_default(spec, &spec.schemas[name]),
            Kind::Object(object) => object
                .properties
                .iter()
                .all(|(name, property)| !object.required.contains(name) || has_default(spec, property)),
            Kind::Enum(_) | Kind::NumberEnum(_) => false,
            _ => true,
        }
}

/// Whether the type is `Eq`.
pub fn is_eq(spec: &Spec, schema: &Schema) -> bool {
    match &schema.kind {
        Kind::Number | Kind::Free => false,
        Kind::List(inner) | Kind::Map(inner) => is_eq(spec, inner),
        Kind::Reference(name) => is_eq(spec, &spec.schemas[name]),
        Kind::Object(object) => {
            object.additional != Some(Additional::Anything)
                && object.properties.values().all(|property| is_eq(spec, property))
        }
        _ => true,
    }
}

/// Whether the type is a struct.
pub fn is_object(spec: &Spec, schema: &Schema) -> bool {
    match &schema.kind {
        Kind::Object(_) => true,
        Kind::Reference(name) => is_object(spec, &spec.schemas[name]),
        _ => false,
    }
}

/// The `use` lines for what `text` mentions, out of everything that generated code may need; `extra` are the dialect's models.
pub fn imports(text: &str, krate: &str, extra: &[&str]) -> String {
    let defined = |name: &str| ["struct", "enum", "type"].iter().any(|of| text.contains(&format!("pub {of} {name} ")));
    let needed =
        |name: &str| (mentions(text, name) || name == "Payload" && text.contains(".with_status(")) && !defined(name);
    let mut output: String =
        FOREIGN.iter().filter(|(name, _)| needed(name)).map(|(_, path)| format!("use {path};\n")).collect();
    let ours: Vec<&str> = OURS.iter().copied().filter(|name| needed(name)).collect();
    output += &format!("\nuse {krate}::{{{}}};\n", ours.join(", "));
    let models: Vec<&str> = extra.iter().copied().filter(|name| needed(name) && !is_imported(name)).collect();
    if !models.is_empty() {
        output += &format!("\nuse super::models::{{{}}};\n", models.join(", "));
    }
    output + "\n"
}

/// Whether code (not a comment, not a string) names this item by itself, not behind `::` and not as a variant.
fn mentions(text: &str, name: &str) -> bool {
    let word = |character: char| character.is_alphanumeric() || character == '_';
    let is_variant = |line: &str| line.strip_suffix(',') == Some(name);
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//") && !is_variant(line));
    code.flat_map(|line| line.split('"').step_by(2)).any(|part| {
        part.match_indices(name).any(|(at, _)| {
            let (before, after) = (&part[..at], &part[at + name.len()..]);
            !before.ends_with(word) && !before.ends_with("::") && !after.starts_with(word)
        })
    })
}
