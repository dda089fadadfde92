//! One file per operation: input, success, errors, and their codecs.

use super::answer::{self, Field};
use super::{docs, error, header, types};
use crate::names;
use crate::spec::model::{
    Answer, BodyKind, Documented, In, Kind, Operation, Parameter, RequestBody, Response, Spec, TemplateSegment,
};

pub fn emit(spec: &Spec, operation: &Operation) -> String {
    let name = names::type_name(&operation.id);
    let mut body = input(spec, operation, &name);
    body += &operation_impl(spec, operation, &name);
    let (successes, errors): (Vec<&Documented>, Vec<&Documented>) =
        operation.responses.iter().partition(|documented| documented.status.is_some_and(|code| code < 400));
    body += &match successes.as_slice() {
        [only] => single_success(&name, only),
        several => message_enum(&format!("{name}Ok"), "What the operation documents as success.", several),
    };
    let error = format!("{name}Error");
    body += &message_enum(&error, "What the operation documents as errors.", &errors);
    body += &error::display(spec, &error, &errors);
    let models: Vec<String> = spec
        .schemas
        .keys()
        .map(|schema| names::type_name(schema))
        .chain(spec.responses.keys().map(|response| names::response_name(response)))
        .collect();
    let extra: Vec<&str> = models.iter().map(String::as_str).collect();
    let title = format!("`{name}`: {} {}.", operation.method, operation.path);
    header(&title, spec) + &types::imports(&body, "crate", &extra) + &body
}

fn input(spec: &Spec, operation: &Operation, name: &str) -> String {
    let source = operation.source.as_ref().map(|source| format!("Source: {source}."));
    let stream = operation.body.as_ref().map(|body| match &body.kind {
        BodyKind::Stream => {
            format!("The body streams beside this type, as `{}`: {}", body.media_type, body.description)
        }
        BodyKind::Json(_) | BodyKind::Raw(_) => format!("The body is `{}`: {}", body.media_type, body.description),
    });
    let mut text = docs::outer(&[
        Some(&operation.summary),
        operation.description.as_deref(),
        stream.as_deref(),
        source.as_deref(),
    ]);
    let body = body_type(operation);
    let has_default =
        operation.parameters.iter().all(|parameter| !parameter.required || types::has_default(spec, &parameter.schema))
            && operation.body.as_ref().is_none_or(|body| match &body.kind {
                BodyKind::Json(schema) => types::has_default(spec, schema),
                BodyKind::Stream | BodyKind::Raw(_) => true,
            });
    let documented_default =
        operation.parameters.iter().any(|parameter| parameter.required && parameter.schema.default.is_some());
    let eq = operation
        .body
        .as_ref()
        .is_none_or(|body| !matches!(&body.kind, BodyKind::Json(schema) if !types::is_eq(spec, schema)));
    let derives = [
        Some("Debug, Clone, PartialEq"),
        eq.then_some("Eq"),
        (has_default && !documented_default).then_some("Default"),
    ];
    text += &format!("#[derive({})]\n", derives.into_iter().flatten().collect::<Vec<_>>().join(", "));
    if operation.parameters.is_empty() && body.is_none() && !names_its_type(operation) {
        return text + &format!("pub struct {name} {{}}\n\n");
    }
    text += &format!("pub struct {name} {{\n");
    for parameter in &operation.parameters {
        text += &input_field(parameter);
    }
    if names_its_type(operation) {
        text += "/// The type of the body, as `Content-Type` names it.\npub content_type: Option<String>,\n";
    }
    let model = raw_model(operation);
    if let Some(type_name) = &body {
        let written = model.as_ref().map(|_| format!(". [`{name}::json_body`] writes it")).unwrap_or_default();
        text += &format!("/// The body{written}.\npub body: {type_name},\n");
    }
    text += "}\n\n";
    text += &defaults(operation, name);
    text += &model.map(|model| json_body(name, &model)).unwrap_or_default();
    if has_default && documented_default {
        text += &default_impl(operation, name);
    }
    text
}

fn names_its_type(operation: &Operation) -> bool {
    operation.body.as_ref().is_some_and(RequestBody::names_its_type)
}

fn body_type(operation: &Operation) -> Option<String> {
    match &operation.body.as_ref()?.kind {
        BodyKind::Stream => None,
        BodyKind::Json(schema) => Some(types::full(schema)),
        BodyKind::Raw(_) => Some("Bytes".to_owned()),
    }
}

/// The model of a body that is handed over unparsed.
fn raw_model(operation: &Operation) -> Option<String> {
    match &operation.body.as_ref()?.kind {
        BodyKind::Raw(schema) if matches!(schema.kind, Kind::Reference(_)) => Some(types::full(schema)),
        _ => None,
    }
}

/// The typed way to a body of bytes. The field stays raw, since a server must be able to see every mistake in it.
fn json_body(name: &str, model: &str) -> String {
    format!(
        "impl {name} {{\n/// The JSON of `body`, for [`{name}::body`].\n///\n/// # Errors\n\
         /// [`InvalidInput::Json`] when a member cannot be written as JSON.\n\
         pub fn json_body(body: &{model}) -> Result<Bytes, InvalidInput> {{\n\
         serde_json::to_vec(body).map(Bytes::from).map_err(InvalidInput::Json)\n}}\n}}\n\n"
    )
}

fn input_field(parameter: &Parameter) -> String {
    let place = match parameter.location {
        In::Path => "Path",
        In::Query => "Query",
        In::Header => "Header",
    };
    let title = match (parameter.takes_undeclared(), parameter.is_list()) {
        (true, _) => "All further query parameters, in their order.".to_owned(),
        (false, true) => format!("{place} parameter `{}`, once for each value.", parameter.name),
        (false, false) => format!("{place} parameter `{}`.", parameter.name),
    };
    let default = parameter.schema.default.as_ref().map(|value| {
        if parameter.required {
            format!("Always sent; the documented value is `{value}`.")
        } else {
            format!("Without it `{value}` holds.")
        }
    });
    let bare = types::bare(&parameter.schema);
    let type_name = match (parameter.required, parameter.takes_undeclared()) {
        (_, true) => "Vec<(String, String)>".to_owned(),
        (false, false) if !parameter.is_list() => format!("Option<{bare}>"),
        _ => bare,
    };
    let doc = docs::outer(&[Some(&title), Some(&parameter.description), default.as_deref()]);
    format!("{doc}pub {}: {type_name},\n", names::field(&parameter.name))
}

/// The documented defaults as constants: nothing fills them in behind a caller's back.
fn defaults(operation: &Operation, name: &str) -> String {
    let mut constants = String::new();
    for parameter in &operation.parameters {
        let Some(value) = &parameter.schema.default else { continue };
        let bare = types::bare(&parameter.schema);
        let (type_name, value) = match bare.as_str() {
            "String" => ("&'static str", format!("\"{value}\"")),
            "i32" | "i64" | "u64" | "bool" => (bare.as_str(), value.clone()),
            _ => continue,
        };
        constants += &format!(
            "/// The documented default of `{}`.\npub const DEFAULT_{}: {type_name} = {value};\n",
            parameter.name,
            names::module(&parameter.name).to_uppercase()
        );
    }
    if constants.is_empty() { constants } else { format!("impl {name} {{\n{constants}}}\n\n") }
}

fn default_impl(operation: &Operation, name: &str) -> String {
    let mut fields = String::new();
    for parameter in &operation.parameters {
        let field = names::field(&parameter.name);
        let documented = parameter.required && parameter.schema.default.is_some();
        let value = match types::bare(&parameter.schema).as_str() {
            "String" if documented => {
                format!("Self::DEFAULT_{}.to_owned()", names::module(&parameter.name).to_uppercase())
            }
            _ if documented => format!("Self::DEFAULT_{}", names::module(&parameter.name).to_uppercase()),
            _ if parameter.is_list() => "Vec::new()".to_owned(),
            _ if !parameter.required => "None".to_owned(),
            bare => format!("{}::default()", bare.replace('<', "::<")),
        };
        fields += &format!("{field}: {value},\n");
    }
    if names_its_type(operation) {
        fields += "content_type: None,\n";
    }
    if let Some(type_name) = body_type(operation) {
        fields += &format!("body: {}::default(),\n", type_name.replace('<', "::<"));
    }
    format!("impl Default for {name} {{\nfn default() -> Self {{\nSelf {{ {fields} }}\n}}\n}}\n\n")
}

fn operation_impl(spec: &Spec, operation: &Operation, name: &str) -> String {
    let (kind, content_type) = match &operation.body {
        None => ("None", None),
        Some(body) => {
            let kind = if matches!(body.kind, BodyKind::Stream) { "Streamed" } else { "Collected" };
            (kind, (!body.any_content_type && !body.names_its_type()).then_some(&body.media_type))
        }
    };
    let streamed = operation.streams_response();
    let mut check = content_type.map(|media| format!("request.content_type(\"{media}\")?;\n")).unwrap_or_default();
    if operation.reads_form_query() {
        check += "let mut query = request.form_query();\n";
    }
    let unread = operation.parameters.is_empty() && body_type(operation).is_none() && !names_its_type(operation);
    let request = if check.is_empty() && unread { "_request" } else { "request" };
    format!(
        "impl Operation for {name} {{\nconst INFO: OperationInfo = OperationInfo {{\n\
         dialect: super::DIALECT, name: \"{name}\", method: \"{}\", path: \"{}\", idempotent: {}, \
         request_body: RequestBody::{kind}, streamed_response: {streamed} }};\n\n\
         type Ok = {name}Ok;\ntype Error = {name}Error;\n\n\
         fn to_request(&self) -> Result<Request<Bytes>, InvalidInput> {{\n{}\n}}\n\n\
         fn from_request({request}: &RequestView<'_>) -> Result<Self, InvalidRequest> {{\n{check}Ok(Self {{ {} }})\n}}\n}}\n\n",
        operation.method,
        operation.path,
        operation.idempotent,
        to_request(spec, operation),
        from_request(spec, operation),
    )
}

fn to_request(spec: &Spec, operation: &Operation) -> String {
    let mut chain = format!("RequestBuilder::new(Method::{})", operation.method);
    if let Some(media_type) = &spec.accept {
        chain += &format!(".accept(\"{media_type}\")");
    }
    let mut literal = String::new();
    for segment in &operation.template {
        let (name, method) = match segment {
            TemplateSegment::Literal(text) => {
                literal += &format!("/{text}");
                continue;
            }
            TemplateSegment::One(name) => (name, "segment"),
            TemplateSegment::Many(name) => (name, "segments"),
        };
        if !literal.is_empty() {
            chain += &format!(".literal(\"{}\")", std::mem::take(&mut literal));
        }
        chain += &format!(".{method}(\"{name}\", &self.{})?", names::field(name));
    }
    if !literal.is_empty() {
        chain += &format!(".literal(\"{literal}\")");
    }
    for parameter in in_order(operation) {
        let field = format!("self.{}", names::field(&parameter.name));
        let value = if parameter.required { format!("Some(&{field})") } else { format!("{field}.as_ref()") };
        match parameter.location {
            In::Path => {}
            In::Query if parameter.takes_undeclared() => chain += &format!(".query_pairs(&{field})"),
            In::Query if parameter.is_list() => chain += &format!(".query_all(\"{}\", &{field})", parameter.name),
            In::Query => chain += &format!(".query(\"{}\", {value})", parameter.name),
            In::Header => chain += &format!(".header(\"{}\", {value})?", parameter.name),
        }
    }
    match operation.body.as_ref().map(|body| (&body.kind, &body.media_type)) {
        None => {}
        Some((BodyKind::Stream, _)) if names_its_type(operation) => {
            chain += ".header(\"Content-Type\", self.content_type.as_ref())?";
        }
        Some((BodyKind::Stream, media)) => chain += &format!(".content_type(\"{media}\")"),
        Some((BodyKind::Json(_), media)) => chain += &format!(".json(\"{media}\", &self.body)?"),
        Some((BodyKind::Raw(_), media)) => chain += &format!(".body(\"{media}\", self.body.clone())"),
    }
    chain + ".finish()"
}

/// The parameters in the order in which a query is taken apart: what nobody declared is what the others leave over.
fn in_order(operation: &Operation) -> impl Iterator<Item = &Parameter> {
    let of = |undeclared: bool| {
        operation.parameters.iter().filter(move |parameter| parameter.takes_undeclared() == undeclared)
    };
    of(false).chain(of(true))
}

fn from_request(spec: &Spec, operation: &Operation) -> String {
    let captured: Vec<&String> = operation
        .template
        .iter()
        .filter_map(|segment| match segment {
            TemplateSegment::Literal(_) => None,
            TemplateSegment::One(name) | TemplateSegment::Many(name) => Some(name),
        })
        .collect();
    let mut fields: Vec<String> = Vec::new();
    let folded = if spec.fold_query { "folded_" } else { "" };
    let form = operation.reads_form_query();
    for parameter in in_order(operation) {
        let name = &parameter.name;
        let required = if parameter.required { "required_" } else { "" };
        let index = captured.iter().position(|captured| *captured == name).unwrap_or_default();
        let value = match (parameter.location, parameter.ignore_invalid) {
            (In::Query, _) if parameter.takes_undeclared() => format!("query.rest(\"{name}\")?"),
            (In::Query, _) if parameter.is_list() => format!("query.all(\"{name}\")?"),
            (In::Query, false) if form => {
                format!("query.{}(\"{name}\")?", if parameter.required { "required" } else { "optional" })
            }
            (In::Path, _) => format!("request.path({index}, \"{name}\")?"),
            (In::Query, true) => format!("request.{folded}query(\"{name}\").unwrap_or_default()"),
            (In::Header, true) => format!("request.header(\"{name}\").unwrap_or_default()"),
            (In::Query, false) => format!("request.{required}{folded}query(\"{name}\")?"),
            (In::Header, false) => format!("request.{required}header(\"{name}\")?"),
        };
        fields.push(format!("{}: {value}", names::field(name)));
    }
    if let Some(body) = operation.body.as_ref().filter(|body| body.names_its_type()) {
        let read = if body.any_content_type {
            "request.header(\"Content-Type\").unwrap_or_default()".to_owned()
        } else {
            format!("Some(request.content_type_in(\"{}\")?)", body.media_type)
        };
        fields.push(format!("content_type: {read}"));
    }
    match operation.body.as_ref().map(|body| &body.kind) {
        Some(BodyKind::Json(schema)) => {
            let read = if types::is_object(spec, schema) { "json_object" } else { "json" };
            fields.push(format!("body: request.{read}()?"));
        }
        Some(BodyKind::Raw(_)) => fields.push("body: request.body.clone()".to_owned()),
        Some(BodyKind::Stream) | None => {}
    }
    fields.join(", ")
}

fn status_constant(status: u16) -> String {
    let status = http::StatusCode::from_u16(status).expect("the loader checked the range");
    let reason = status.canonical_reason().unwrap_or("OK");
    let name: String =
        reason.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    format!("StatusCode::{name}")
}

fn single_success(name: &str, documented: &Documented) -> String {
    let Answer::Inline(response) = &documented.answer else {
        return message_enum(&format!("{name}Ok"), "What the operation documents as success.", &[documented]);
    };
    let status = documented.status.expect("a success has a status");
    let constant = status_constant(status);
    let fields = answer::fields(name, response);
    let title = format!("{status}: {}", documented.description);
    let when = docs::conditions(documented.when.values());
    let doc = docs::outer(&[Some(&title), when.as_deref()]);
    let definition = if fields.is_empty() {
        format!("pub struct {name}Ok {{}}\n\n")
    } else {
        let fields: String =
            fields.iter().map(|field| format!("{}pub {}: {},\n", field.doc, field.name, field.type_name)).collect();
        format!("pub struct {name}Ok {{\n{fields}}}\n\n")
    };
    let write = answer::write(response, &constant, |field| format!("self.{field}"));
    let read = answer::read(name, response);
    format!(
        "{doc}#[derive(Debug, Clone, PartialEq)]\n{definition}impl Message for {name}Ok {{\n\
         fn documents(status: StatusCode) -> bool {{\nstatus == {constant}\n}}\n\n\
         fn status(&self) -> StatusCode {{\n{constant}\n}}\n\n\
         fn into_response(self) -> Response<Bytes> {{\n{write}\n}}\n\n\
         fn from_response(response: &MessageView<'_>) -> Result<Self, InvalidResponse> {{\n\
         if !Self::documents(response.head.status) {{\nreturn Err(InvalidResponse::Status(response.head.status));\n}}\n\
         Ok(Self {{ {read} }})\n}}\n}}\n\n"
    )
}

/// What the arms of a message enum are made of.
#[derive(Default)]
struct Arms {
    variants: String,
    status: String,
    write: String,
    read: String,
    documents: Vec<String>,
    has_default: bool,
}

fn message_enum(name: &str, title: &str, documented: &[&Documented]) -> String {
    let mut arms = Arms::default();
    for documented in documented {
        match &documented.answer {
            Answer::Component { name: component, .. } => component_arm(&mut arms, documented, component),
            Answer::Inline(response) => inline_arm(&mut arms, documented, response),
        }
    }
    let documents = match (arms.has_default, arms.documents.is_empty()) {
        (true, _) => "ErrorStatus::try_from(status).is_ok()".to_owned(),
        (false, true) => "false".to_owned(),
        (false, false) => format!("matches!(status.as_u16(), {})", arms.documents.join(" | ")),
    };
    let unused = if documents == "false" { "_status" } else { "status" };
    let this = if documented.is_empty() { "*self" } else { "self" };
    let rest = if arms.has_default { "" } else { "_ => Err(InvalidResponse::Status(response.head.status)),\n" };
    let Arms { variants, status, write, read, documents: numbered, .. } = arms;
    let read = if documented.is_empty() {
        "Err(InvalidResponse::Status(response.head.status))".to_owned()
    } else if numbered.is_empty() {
        read.trim_start_matches("_ => ").trim_end_matches(",\n").to_owned()
    } else {
        format!("match response.head.status.as_u16() {{\n{read}{rest}}}")
    };
    format!(
        "/// {title}\n#[derive(Debug, Clone, PartialEq)]\npub enum {name} {{\n{variants}}}\n\nimpl Message for {name} {{\n\
         fn documents({unused}: StatusCode) -> bool {{\n{documents}\n}}\n\n\
         fn status(&self) -> StatusCode {{\nmatch {this} {{\n{status}}}\n}}\n\n\
         fn into_response(self) -> Response<Bytes> {{\nmatch self {{\n{write}}}\n}}\n\n\
         fn from_response(response: &MessageView<'_>) -> Result<Self, InvalidResponse> {{\n{read}\n}}\n}}\n\n"
    )
}

fn variant_doc(documented: &Documented) -> String {
    let status = documented.status.map_or_else(|| "Any other status".to_owned(), |status| status.to_string());
    let title = format!("{status}: {}", documented.description);
    let sentences: Vec<String> = documented
        .when
        .iter()
        .map(|(slug, sentence)| match documented.status {
            Some(_) => sentence.clone(),
            None => format!("{}: {sentence}", &slug[..3]),
        })
        .collect();
    docs::outer(&[Some(&title), docs::conditions(sentences.iter()).as_deref()])
}

fn component_arm(arms: &mut Arms, documented: &Documented, component: &str) {
    let type_name = names::response_name(component);
    arms.variants += &variant_doc(documented);
    let Some(status) = documented.status else {
        arms.has_default = true;
        arms.variants += &format!("Other(ErrorStatus, {type_name}),\n");
        arms.status += "Self::Other(status, _) => status.get(),\n";
        arms.write += "Self::Other(status, answer) => answer.with_status(status.get()),\n";
        arms.read += &format!("_ => Ok(Self::Other(response.error_status()?, {type_name}::from_view(response)?)),\n");
        return;
    };
    let (variant, constant) = (names::status_variant(status), status_constant(status));
    arms.documents.push(status.to_string());
    arms.variants += &format!("{variant}({type_name}),\n");
    arms.status += &format!("Self::{variant}(_) => {constant},\n");
    arms.write += &format!("Self::{variant}(answer) => answer.with_status({constant}),\n");
    arms.read += &format!("{status} => {type_name}::from_view(response).map(Self::{variant}),\n");
}

fn inline_arm(arms: &mut Arms, documented: &Documented, response: &Response) {
    let fields = answer::fields("", response);
    arms.variants += &variant_doc(documented);
    let Some(status) = documented.status else {
        default_arm(arms, response, &fields);
        return;
    };
    let (variant, constant) = (names::status_variant(status), status_constant(status));
    arms.documents.push(status.to_string());
    let write = answer::write(response, &constant, str::to_owned);
    let read = answer::read("", response);
    if fields.is_empty() {
        arms.variants += &format!("{variant},\n");
        arms.status += &format!("Self::{variant} => {constant},\n");
        arms.write += &format!("Self::{variant} => {write},\n");
        arms.read += &format!("{status} => Ok(Self::{variant}),\n");
        return;
    }
    let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    let members: String =
        fields.iter().map(|field| format!("{}{}: {},\n", field.doc, field.name, field.type_name)).collect();
    arms.variants += &format!("{variant} {{\n{members}}},\n");
    arms.status += &format!("Self::{variant} {{ .. }} => {constant},\n");
    arms.write += &format!("Self::{variant} {{ {} }} => {write},\n", names.join(", "));
    arms.read += &format!("{status} => Ok(Self::{variant} {{ {read} }}),\n");
}

/// A `default` answer without headers: its status and its body.
fn default_arm(arms: &mut Arms, response: &Response, fields: &[Field]) {
    arms.has_default = true;
    let members: String =
        fields.iter().map(|field| format!("{}{}: {},\n", field.doc, field.name, field.type_name)).collect();
    if let ([body], [], Some(read)) = (fields, response.headers.as_slice(), answer::read_body("", response)) {
        let write = answer::write(response, "status.get()", str::to_owned);
        arms.variants += &format!("Other(ErrorStatus, {}),\n", body.type_name);
        arms.status += "Self::Other(status, _) => status.get(),\n";
        arms.write += &format!("Self::Other(status, body) => {write},\n");
        arms.read += &format!("_ => Ok(Self::Other(response.error_status()?, {read})),\n");
        return;
    }
    let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    let write = answer::write(response, "status.get()", str::to_owned);
    let read = answer::read("", response);
    arms.variants += &format!("Other {{\n/// The status.\nstatus: ErrorStatus,\n{members}}},\n");
    arms.status += "Self::Other { status, .. } => status.get(),\n";
    arms.write += &format!("Self::Other {{ status, {} }} => {write},\n", names.join(", "));
    arms.read += &format!("_ => Ok(Self::Other {{ status: response.error_status()?, {read} }}),\n");
}
