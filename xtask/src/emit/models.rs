//! `models.rs` of a dialect: schemas, and the responses that operations share.

use super::{answer, docs, enums, header, types};
use crate::names;
use crate::spec::model::{Additional, Content, Kind, Object, Response, Schema, Spec};

pub fn emit(spec: &Spec) -> String {
    let mut body = String::new();
    for (name, schema) in &spec.schemas {
        body += &named(spec, name, schema);
    }
    let mut bodies: Vec<String> = Vec::new();
    for (name, response) in &spec.responses {
        body += &response_struct(name, response);
        if let Content::Several(several) = &response.content {
            let enum_name = body_enum_name(name, response);
            if !bodies.contains(&enum_name) {
                body += &body_enum(&enum_name, several);
                if answer::said(spec, response).is_some() {
                    body += &body_summary(spec, &enum_name, several);
                }
                bodies.push(enum_name);
            }
        }
    }
    let imports = types::imports(&body, "crate", &[]);
    header(&format!("{}: models.", spec.title), spec) + &imports + &body
}

fn named(spec: &Spec, name: &str, schema: &Schema) -> String {
    let type_name = names::type_name(name);
    let source = format!("`components.schemas.{name}` of the spec.");
    let doc = docs::outer(&[schema.description.as_deref(), Some(&source)]);
    match &schema.kind {
        Kind::Object(object) => doc + &structure(spec, &type_name, object, schema),
        Kind::Enum(choices) => doc + &enums::text(&type_name, choices, schema.closed),
        Kind::NumberEnum(choices) => doc + &enums::numbers(&type_name, choices),
        _ => format!("{doc}pub type {type_name} = {};\n\n", types::full(schema)),
    }
}

fn structure(spec: &Spec, name: &str, object: &Object, schema: &Schema) -> String {
    let mut derives = vec!["Debug", "Clone", "PartialEq", "Serialize", "Deserialize"];
    if types::is_eq(spec, schema) {
        derives.push("Eq");
    }
    if types::has_default(spec, schema) {
        derives.push("Default");
    }
    let mut text = format!("#[derive({})]\npub struct {name} {{\n", derives.join(", "));
    if let Some(additional) = object.additional {
        let type_name = match additional {
            Additional::Text => "IndexMap<String, String>",
            Additional::Anything => "serde_json::Map<String, serde_json::Value>",
        };
        text +=
            &format!("/// Members that the document does not name.\n#[serde(flatten)]\npub additional: {type_name},\n");
    }
    for (property, schema) in &object.properties {
        text += &member(property, schema, object.required.contains(property));
    }
    text + "}\n\n" + &summary(name, object)
}

/// What an error of an operation prints of this object.
fn summary(name: &str, object: &Object) -> String {
    if object.summary.is_empty() {
        return String::new();
    }
    let members: String =
        object.summary.iter().map(|member| format!(".with(&self.{})", names::field(member))).collect();
    summarize(name, &format!("summary{members}"))
}

fn summarize(name: &str, body: &str) -> String {
    format!(
        "impl codec::Summarize for {name} {{\nfn summarize(&self, summary: codec::Summary) -> codec::Summary {{\n{body}\n}}\n}}\n\n"
    )
}

fn member(name: &str, schema: &Schema, required: bool) -> String {
    let field = names::field(name);
    let mut attributes = Vec::new();
    if field != *name {
        attributes.push(format!("rename = \"{name}\""));
    }
    let type_name = if required {
        types::full(schema)
    } else {
        attributes.push("default".to_owned());
        attributes.push("skip_serializing_if = \"Option::is_none\"".to_owned());
        format!("Option<{}>", types::bare(schema))
    };
    let default = schema.default.as_ref().map(|value| format!("Without it `{value}` holds."));
    let mut text = docs::outer(&[schema.description.as_deref(), default.as_deref()]);
    if !attributes.is_empty() {
        text += &format!("#[serde({})]\n", attributes.join(", "));
    }
    text + &format!("pub {field}: {type_name},\n")
}

pub fn body_enum_name(component: &str, response: &Response) -> String {
    response.body_name.clone().unwrap_or_else(|| names::type_name(component) + "Body")
}

fn response_struct(name: &str, response: &Response) -> String {
    let struct_name = names::response_name(name);
    let fields = answer::fields(name, response);
    let source = format!("`components.responses.{name}` of the spec.");
    let mut text = docs::outer(&[Some(&response.description), Some(&source)]);
    text += &format!("#[derive(Debug, Clone, PartialEq)]\npub struct {struct_name} {{\n");
    for field in &fields {
        text += &format!("{}pub {}: {},\n", field.doc, field.name, field.type_name);
    }
    let write = answer::write(response, "status", |field| format!("self.{field}"));
    let read = answer::read(name, response);
    text + &format!(
        "}}\n\nimpl Payload for {struct_name} {{\nfn with_status(self, status: StatusCode) -> Response<Bytes> {{\n{write}\n}}\n\n\
         fn from_view(response: &MessageView<'_>) -> Result<Self, InvalidResponse> {{\nOk(Self {{ {read} }})\n}}\n}}\n\n"
    )
}

/// `text/html; charset=UTF-8` → `Html`.
fn media_variant(media_type: &str) -> String {
    let essence = media_type.split(';').next().unwrap_or(media_type);
    names::type_name(essence.rsplit('/').next().unwrap_or(essence))
}

fn body_enum(name: &str, several: &[(String, Option<Schema>)]) -> String {
    let (mut variants, mut write, mut read) = (String::new(), String::new(), String::new());
    for (media_type, schema) in several {
        let variant = media_variant(media_type);
        let text = schema.as_ref().is_none_or(|schema| schema.kind == Kind::Text);
        let type_name = schema.as_ref().map_or_else(|| "String".to_owned(), types::full);
        variants += &format!("/// `{media_type}`\n{variant}({type_name}),\n");
        let (written, parsed) = if text { ("codec::text(body)", "text") } else { ("codec::json(&body)", "json") };
        write += &format!("Self::{variant}(body) => builder.body(\"{media_type}\", {written}),\n");
        read += &format!("if response.is(\"{media_type}\") {{\nreturn response.{parsed}().map(Self::{variant});\n}}\n");
    }
    format!(
        "/// A body of one of several types, told apart by `Content-Type`.\n#[derive(Debug, Clone, PartialEq)]\npub enum {name} {{\n{variants}}}\n\n\
         impl {name} {{\nfn write(self, builder: ResponseBuilder) -> ResponseBuilder {{\nmatch self {{\n{write}}}\n}}\n\n\
         fn read(response: &MessageView<'_>) -> Result<Self, InvalidResponse> {{\n{read}Err(InvalidResponse::ContentType)\n}}\n}}\n\n"
    )
}

fn body_summary(spec: &Spec, name: &str, several: &[(String, Option<Schema>)]) -> String {
    let mut arms = String::new();
    for (media_type, schema) in several {
        let variant = media_variant(media_type);
        arms += &match answer::words(spec, media_type, schema.as_ref()) {
            Some(method) => format!("Self::{variant}(body) => summary.{method}(body),\n"),
            None => format!("Self::{variant}(_) => summary,\n"),
        };
    }
    summarize(name, &format!("match self {{\n{arms}}}"))
}
