//! Schemas: the types of members, parameters and headers.

use indexmap::IndexMap;

use super::error::SpecError;
use super::model::{Additional, Choice, Kind, Object, Schema};
use super::reader::{MapReader, Reader};
use super::yaml::Value;

/// Keys that document or restrict a value without changing its Rust type.
const DOCUMENTING: &[&str] = &[
    "title",
    "example",
    "examples",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "uniqueItems",
    "pattern",
    "readOnly",
    "contentEncoding",
    "contentMediaType",
    "x-source",
    "x-decision",
];

/// Reads a schema that stands inside of something else, where an object or enum would have no name in Rust.
pub fn read(reader: Reader) -> Result<Schema, SpecError> {
    let place = reader.clone();
    let schema = read_named(reader)?;
    if matches!(schema.kind, Kind::Object(_) | Kind::Enum(_) | Kind::NumberEnum(_)) {
        let problem = "an object or enum that stands here has no name";
        return Err(place.error(problem, "move it to components.schemas and refer to it"));
    }
    Ok(schema)
}

/// Reads a schema of `components.schemas`.
pub fn read_named(reader: Reader) -> Result<Schema, SpecError> {
    let place = reader.clone();
    let mut map = reader.map()?;
    let description = map.optional_text("description")?;
    map.ignore(DOCUMENTING);
    let default = map.optional("default").map(|value| literal(&value)).transpose()?;
    let constant = map.optional_text("const")?;
    let closed = map.flag("x-closed")?;
    let (kind, nullable) = kind(&mut map, &place)?;
    map.finish()?;
    Ok(Schema { description, kind, nullable, default, constant, closed, place: place.place })
}

fn literal(reader: &Reader) -> Result<String, SpecError> {
    match &reader.value {
        Value::Text(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Boolean(value) => Ok(value.to_string()),
        _ => Err(reader.error("a default must be a scalar", "write text, a number or a boolean")),
    }
}

fn kind(map: &mut MapReader, place: &Reader) -> Result<(Kind, bool), SpecError> {
    if let Some(target) = map.optional("$ref") {
        return Ok((Kind::Reference(reference(&target)?), false));
    }
    if let Some(choices) = map.optional("oneOf") {
        return Ok((nullable_reference(choices)?, true));
    }
    let mut types = map.required("type")?.texts()?;
    let before = types.len();
    types.retain(|name| name != "null");
    let nullable = types.len() < before;
    let [name] = types.as_slice() else {
        return Err(place.error("a value has one type, besides 'null'", "name one type, or make a named schema"));
    };
    let format = map.optional_text("format")?;
    let kind = match (name.as_str(), format.as_deref()) {
        ("string", format) => string(map, place, format)?,
        ("integer", format) => integer(map, place, format)?,
        ("number", None | Some("double")) => Kind::Number,
        ("boolean", None) => Kind::Boolean,
        ("array", None) => Kind::List(Box::new(read(map.required("items")?)?)),
        ("object", None) => object(map)?,
        (other, _) => {
            let problem = format!("type `{other}` with this format is not in the subset");
            return Err(place.error(problem, "use string, integer, number, boolean, array or object"));
        }
    };
    Ok((kind, nullable))
}

fn reference(target: &Reader) -> Result<String, SpecError> {
    let text = target.clone().text()?;
    text.strip_prefix("#/components/schemas/")
        .map(str::to_owned)
        .ok_or_else(|| target.error(format!("`{text}` is no local schema"), "write `#/components/schemas/Name`"))
}

/// Exactly `oneOf: [{$ref: …}, {type: 'null'}]`.
fn nullable_reference(choices: Reader) -> Result<Kind, SpecError> {
    let place = choices.clone();
    let wrong = || place.error("oneOf is for a nullable reference only", "write `- {$ref: …}` and `- {type: 'null'}`");
    let items = choices.list()?;
    let [target, null] = <[Reader; 2]>::try_from(items).map_err(|_| wrong())?;
    let mut null = null.map()?;
    if null.text("type")? != "null" {
        return Err(wrong());
    }
    null.finish()?;
    let mut target = target.map()?;
    let name = reference(&target.required("$ref")?)?;
    target.finish()?;
    Ok(Kind::Reference(name))
}

fn string(map: &mut MapReader, place: &Reader, format: Option<&str>) -> Result<Kind, SpecError> {
    if let Some(values) = map.optional("enum") {
        let values = values.texts()?;
        let names = varnames(map)?.unwrap_or_else(|| values.clone());
        return Ok(Kind::Enum(choices(map, place, values, names)?));
    }
    Ok(match format {
        None => Kind::Text,
        Some("binary") => Kind::Binary,
        Some("uuid") => Kind::Uuid,
        Some("date-time") => Kind::DateTime,
        Some("int64") => Kind::Decimal { signed: true },
        Some("uint64") => Kind::Decimal { signed: false },
        Some(other) => {
            let remedy = "use binary, uuid, date-time, int64 or uint64, or none";
            return Err(place.error(format!("unknown string format `{other}`"), remedy));
        }
    })
}

fn integer(map: &mut MapReader, place: &Reader, format: Option<&str>) -> Result<Kind, SpecError> {
    if let Some(values) = map.optional("enum") {
        let values = values.list()?.into_iter().map(Reader::integer).collect::<Result<Vec<_>, _>>()?;
        let Some(names) = varnames(map)? else {
            return Err(place.error("the numbers of the enum have no names", "add `x-enum-varnames: [First, Second]`"));
        };
        return Ok(Kind::NumberEnum(choices(map, place, values, names)?));
    }
    match format {
        Some("int32") => Ok(Kind::Integer { bits: 32, signed: true }),
        Some("int64") => Ok(Kind::Integer { bits: 64, signed: true }),
        Some("uint64") => Ok(Kind::Integer { bits: 64, signed: false }),
        _ => Err(place.error("an integer needs its size", "add `format: int32`, `int64` or `uint64`")),
    }
}

/// The names of an enum's values, where they are not the values themselves: openapi-generator's key.
fn varnames(map: &mut MapReader) -> Result<Option<Vec<String>>, SpecError> {
    map.optional("x-enum-varnames").map(Reader::texts).transpose()
}

fn choices<T: PartialEq + ToString>(
    map: &mut MapReader,
    place: &Reader,
    values: Vec<T>,
    names: Vec<String>,
) -> Result<Vec<Choice<T>>, SpecError> {
    let descriptions = map.optional_texts("x-enum-descriptions")?;
    let counts = [names.len(), if descriptions.is_empty() { values.len() } else { descriptions.len() }];
    if counts.iter().any(|count| *count != values.len()) {
        let problem = format!("the enum has {} values and another number of names or descriptions", values.len());
        return Err(place.error(problem, "write one of each for every value, in the same order"));
    }
    let mut choices: Vec<Choice<T>> = Vec::new();
    let mut descriptions = descriptions.into_iter();
    for (value, name) in values.into_iter().zip(names) {
        if choices.iter().any(|choice| choice.value == value) {
            let problem = format!("the enum has the value `{}` twice", value.to_string());
            return Err(place.error(problem, "keep one of them"));
        }
        choices.push(Choice { value, name, description: descriptions.next() });
    }
    Ok(choices)
}

fn object(map: &mut MapReader) -> Result<Kind, SpecError> {
    let mut properties = IndexMap::new();
    for (name, reader) in map.optional("properties").map(Reader::entries).transpose()?.unwrap_or_default() {
        let place = reader.clone();
        let schema = read(reader)?;
        if schema.description.is_none() {
            return Err(place.error("the member has no description", "say in a sentence what it means"));
        }
        properties.insert(name, schema);
    }
    let required = map.optional_texts("required")?;
    if let Some(unknown) = required.iter().find(|name| !properties.contains_key(*name)) {
        return Err(map.error(format!("`required` names the unknown member `{unknown}`"), "add it to properties"));
    }
    let summary = map.optional("x-summary").map(|names| summary(names, &properties)).transpose()?.unwrap_or_default();
    let additional = map.optional("additionalProperties").map(Others::read).transpose()?;
    let additional = match additional.unwrap_or(Others::Forbidden) {
        Others::Forbidden => None,
        Others::Anything if properties.is_empty() => return Ok(Kind::Free),
        Others::Values(schema) if properties.is_empty() => return Ok(Kind::Map(Box::new(schema))),
        Others::Values(Schema { kind: Kind::Text, nullable: false, .. }) => Some(Additional::Text),
        Others::Anything => Some(Additional::Anything),
        Others::Values(_) => {
            let problem = "additional members beside named ones must be text or anything";
            return Err(map.error(problem, "write `{type: string}` or `true`"));
        }
    };
    Ok(Kind::Object(Object { properties, required, additional, summary }))
}

/// The members that say what went wrong. Whether they can is checked when all schemas are known.
fn summary(names: Reader, properties: &IndexMap<String, Schema>) -> Result<Vec<String>, SpecError> {
    let place = names.clone();
    let names = names.texts()?;
    if names.is_empty() {
        return Err(place.error("the summary names no member", "name one, or remove the key"));
    }
    match names.iter().find(|name| !properties.contains_key(*name)) {
        Some(unknown) => {
            Err(place.error(format!("`x-summary` names the unknown member `{unknown}`"), "add it to properties"))
        }
        None => Ok(names),
    }
}

/// What `additionalProperties` says.
enum Others {
    Forbidden,
    Anything,
    Values(Schema),
}

impl Others {
    fn read(reader: Reader) -> Result<Self, SpecError> {
        Ok(match reader.value {
            Value::Boolean(false) => Self::Forbidden,
            Value::Boolean(true) => Self::Anything,
            _ => Self::Values(read(reader)?),
        })
    }
}
