//! Code that writes and reads one documented response.

use super::{docs, models, types};
use crate::names;
use crate::spec::model::{Content, Header, Kind, Response, Schema, Spec, is_range};

/// A field of a response: a header, or the body.
#[derive(Debug)]
pub struct Field {
    pub name: String,
    pub type_name: String,
    pub doc: String,
}

fn header_type(header: &Header) -> String {
    let bare = types::bare(&header.schema);
    if header.required { bare } else { format!("Option<{bare}>") }
}

/// The fields of a response; `component` names it where its body is an enum.
pub fn fields(component: &str, response: &Response) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    for header in response.headers.iter().filter(|header| header.schema.constant.is_none()) {
        let title = format!("Header `{}`.", header.name);
        fields.push(Field {
            name: names::field(&header.name),
            type_name: header_type(header),
            doc: docs::outer(&[Some(&title), Some(&header.description)]),
        });
    }
    let body = match &response.content {
        Content::Stream(range) if is_range(range) => {
            fields.push(Field {
                name: "content_type".to_owned(),
                type_name: "String".to_owned(),
                doc: format!("/// The type of the body, one of `{range}`.\n"),
            });
            return fields;
        }
        Content::Nothing | Content::Typed(_) | Content::Stream(_) => return fields,
        Content::Text(_) => "String".to_owned(),
        Content::Json(_, schema) => types::full(schema),
        Content::Several(_) => models::body_enum_name(component, response),
    };
    fields.push(Field { name: "body".to_owned(), type_name: body, doc: "/// The body.\n".to_owned() });
    fields
}

/// The method of `Summary` that takes what a body of this type says; none where it says nothing.
pub fn words(spec: &Spec, media_type: &str, schema: Option<&Schema>) -> Option<&'static str> {
    let is_text = schema.is_none_or(|schema| schema.kind == Kind::Text);
    match media_type.split(';').next() {
        Some("text/html") if is_text => Some("page"),
        Some("text/plain") if is_text => Some("text"),
        _ => schema.is_some_and(|schema| spec.speaks(schema)).then_some("with"),
    }
}

/// [`words`] for whichever body the response has.
pub fn said(spec: &Spec, response: &Response) -> Option<&'static str> {
    match &response.content {
        Content::Nothing | Content::Typed(_) | Content::Stream(_) => None,
        Content::Text(media_type) => words(spec, media_type, None),
        Content::Json(media_type, schema) => words(spec, media_type, Some(schema)),
        Content::Several(several) => several
            .iter()
            .any(|(media_type, schema)| words(spec, media_type, schema.as_ref()).is_some())
            .then_some("with"),
    }
}

/// An expression of type `Response<Bytes>`. `place` says how a field is named where the code stands.
pub fn write(response: &Response, status: &str, place: impl Fn(&str) -> String) -> String {
    let mut builder = format!("ResponseBuilder::new({status})");
    for header in &response.headers {
        if let Some(constant) = &header.schema.constant {
            builder += &format!(".constant_header(\"{}\", \"{constant}\")", header.name);
            continue;
        }
        let field = place(&names::field(&header.name));
        let value = if header.required { format!("Some(&{field})") } else { format!("{field}.as_ref()") };
        builder += &format!(".header(\"{}\", {value})", header.name);
    }
    let body = place("body");
    match &response.content {
        Content::Nothing => builder + ".finish()",
        Content::Stream(range) if is_range(range) => {
            format!("{builder}.header(\"Content-Type\", Some(&{})).finish()", place("content_type"))
        }
        Content::Typed(media_type) | Content::Stream(media_type) => {
            format!("{builder}.content_type(\"{media_type}\").finish()")
        }
        Content::Text(media_type) => format!("{builder}.body(\"{media_type}\", codec::text({body})).finish()"),
        Content::Json(media_type, _) => format!("{builder}.body(\"{media_type}\", codec::json(&{body})).finish()"),
        Content::Several(_) => format!("{body}.write({builder}).finish()"),
    }
}

/// Field initialisers that read a response.
pub fn read(component: &str, response: &Response) -> String {
    let mut parts: Vec<String> = Vec::new();
    for header in response.headers.iter().filter(|header| header.schema.constant.is_none()) {
        let method = if header.required { "required_header" } else { "header" };
        let read = match &header.also {
            Some(other) => format!("{method}_or(\"{}\", \"{other}\")", header.name),
            None => format!("{method}(\"{}\")", header.name),
        };
        parts.push(format!("{}: response.{read}?", names::field(&header.name)));
    }
    if let Content::Stream(range) = &response.content
        && is_range(range)
    {
        parts.push(format!("content_type: response.content_type_in(\"{range}\")?"));
    }
    if let Some(body) = read_body(component, response) {
        parts.push(format!("body: {body}"));
    }
    parts.join(", ")
}

/// The expression that reads a typed body.
pub fn read_body(component: &str, response: &Response) -> Option<String> {
    match &response.content {
        Content::Nothing | Content::Typed(_) | Content::Stream(_) => None,
        Content::Text(_) => Some("response.text()?".to_owned()),
        Content::Json(..) => Some("response.json()?".to_owned()),
        Content::Several(_) => Some(format!("{}::read(response)?", models::body_enum_name(component, response))),
    }
}
