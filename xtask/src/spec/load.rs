//! The top level of a spec file and its components.

use indexmap::IndexMap;

use super::error::SpecError;
use super::model::{Answer, Content, Cors, EmptySegments, Header, Kind, PathRules, Response, Spec, is_range};
use super::operation;
use super::reader::{MapReader, Reader};
use super::schema;
use super::{check, naming, yaml};

/// What operations refer to while they are read.
#[derive(Debug)]
pub(super) struct Components {
    pub(super) parameters: IndexMap<String, Reader>,
    pub(super) headers: IndexMap<String, Reader>,
    pub(super) responses: IndexMap<String, Response>,
}

/// Reads and checks one spec. `file` is the name that messages use; its stem is the dialect.
pub fn load(file: &str, text: &str) -> Result<Spec, SpecError> {
    let root = Reader::new(file, yaml::parse(file, text)?);
    let decisions = check::decisions(&root);
    let mut top = root.map()?;
    let version = top.required("openapi")?;
    let version_place = version.clone();
    if version.text()? != "3.1.0" {
        return Err(version_place.error("the subset is OpenAPI 3.1.0", "write `openapi: 3.1.0`"));
    }
    let (title, summary, description) = info(top.required("info")?)?;
    top.ignore(&["servers", "tags", "security", "x-decision"]);
    let path_rules = path_rules(top.optional("x-path-rules"))?;
    let fold_query = top.flag("x-fold-query")?;
    let accept = top.optional("x-accept").as_ref().map(accept).transpose()?;
    let cors = top.optional("x-cors").map(cors).transpose()?;
    let (schemas, components) = components(top.optional("components"))?;
    let operations = operation::read_all(top.required("paths")?, &components)?;
    top.finish()?;
    let stem = file.rsplit('/').next().unwrap_or(file).trim_end_matches(".yaml");
    let spec = Spec {
        dialect: stem.to_owned(),
        file: file.to_owned(),
        title,
        summary,
        description,
        path_rules,
        fold_query,
        accept,
        cors,
        schemas,
        responses: components.responses.into_iter().filter(|(_, response)| has_struct(response)).collect(),
        operations,
        decisions,
    };
    check::references(&spec)?;
    check::cycles(&spec)?;
    check::summaries(&spec)?;
    check::operations(&spec)?;
    check::overlaps(&spec)?;
    naming::check(&spec)?;
    Ok(spec)
}

fn info(reader: Reader) -> Result<(String, Option<String>, String), SpecError> {
    let mut info = reader.map()?;
    let title = info.text("title")?;
    let summary = info.optional_text("summary")?;
    let description = info.text("description")?;
    info.text("version")?;
    info.ignore(&["license"]);
    info.finish()?;
    Ok((title, summary, description))
}

fn path_rules(reader: Option<Reader>) -> Result<PathRules, SpecError> {
    let mut rules = PathRules::default();
    let Some(reader) = reader else { return Ok(rules) };
    for rule in reader.list()? {
        match rule.clone().text()?.as_str() {
            "fold-literals" => rules.fold_literals = true,
            "drop-empty" | "drop-trailing" if rules.empty_segments != EmptySegments::Kept => {
                return Err(rule.error("drop-empty drops trailing ones, too", "keep one of the two rules"));
            }
            "drop-empty" => rules.empty_segments = EmptySegments::DropAll,
            "drop-trailing" => rules.empty_segments = EmptySegments::DropTrailing,
            "dollar" => rules.dollar = true,
            other => {
                let problem = format!("unknown path rule `{other}`");
                return Err(rule.error(problem, "use fold-literals, drop-empty, drop-trailing or dollar"));
            }
        }
    }
    Ok(rules)
}

fn accept(reader: &Reader) -> Result<String, SpecError> {
    let text = reader.clone().text()?;
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && text.contains('/') {
        return Ok(text);
    }
    Err(reader.error(format!("`{text}` is no media type"), "write one such as `application/json`"))
}

fn cors(reader: Reader) -> Result<Cors, SpecError> {
    let mut map = reader.map()?;
    let methods = map.required("methods")?;
    let place = methods.clone();
    let methods = methods.texts()?;
    if methods.is_empty() || methods.iter().any(|method| !operation::METHODS.contains(&method.to_lowercase().as_str()))
    {
        return Err(place.error("these are no methods", "write a list such as `[GET, PUT]`"));
    }
    let headers = header_names(map.optional("headers"))?;
    let expose = header_names(map.optional("expose"))?;
    let max_age = map.required("max-age")?;
    let seconds = u32::try_from(max_age.clone().integer()?);
    let max_age = seconds.map_err(|_| max_age.error("this is no time", "write seconds, such as 7200"))?;
    map.finish()?;
    Ok(Cors { methods: methods.iter().map(|method| method.to_uppercase()).collect(), headers, expose, max_age })
}

fn header_names(reader: Option<Reader>) -> Result<Vec<String>, SpecError> {
    let Some(reader) = reader else { return Ok(Vec::new()) };
    let names = reader.clone().texts()?;
    match names.iter().find(|name| name.parse::<HeaderName>().is_err()) {
        Some(wrong) => Err(reader.error(format!("`{wrong}` is no header name"), "use letters, digits and dashes")),
        None => Ok(names),
    }
}

type Schemas = IndexMap<String, super::model::Schema>;

fn components(reader: Option<Reader>) -> Result<(Schemas, Components), SpecError> {
    let mut schemas = IndexMap::new();
    let mut components =
        Components { parameters: IndexMap::new(), headers: IndexMap::new(), responses: IndexMap::new() };
    let Some(reader) = reader else { return Ok((schemas, components)) };
    let mut map = reader.map()?;
    map.ignore(&["securitySchemes"]);
    for (name, schema) in entries(map.optional("schemas"))? {
        schemas.insert(name, schema::read_named(schema)?);
    }
    components.parameters = entries(map.optional("parameters"))?.into_iter().collect();
    components.headers = entries(map.optional("headers"))?.into_iter().collect();
    for (name, response) in entries(map.optional("responses"))? {
        let mut response_map = response.map()?;
        let read = response_body(&mut response_map, &components)?;
        response_map.ignore(&["x-decision", "x-source"]);
        response_map.finish()?;
        components.responses.insert(name, read);
    }
    map.finish()?;
    Ok((schemas, components))
}

fn entries(reader: Option<Reader>) -> Result<Vec<(String, Reader)>, SpecError> {
    reader.map(Reader::entries).transpose().map(Option::unwrap_or_default)
}

/// Whether a component response is a struct in Rust: one with headers, or with several media types.
fn has_struct(response: &Response) -> bool {
    !response.headers.is_empty() || matches!(response.content, Content::Several(_))
}

/// What an operation's status that refers to a component response carries.
pub(super) fn component_answer(name: &str, response: &Response) -> Answer {
    if !has_struct(response) {
        return Answer::Inline(Box::new(response.clone()));
    }
    Answer::Component { name: name.to_owned(), streams: matches!(response.content, Content::Stream(_)) }
}

/// The part that component responses and inline responses share.
pub(super) fn response_body(map: &mut MapReader, components: &Components) -> Result<Response, SpecError> {
    let description = map.text("description")?;
    let mut headers = Vec::new();
    for (name, reader) in entries(map.optional("headers"))? {
        headers.push(header(name, reader, components)?);
    }
    let body_name = map.optional_text("x-body")?;
    let content = content(map.optional("content"))?;
    Ok(Response { description, headers, content, body_name })
}

fn header(name: String, reader: Reader, components: &Components) -> Result<Header, SpecError> {
    let place = reader.clone();
    let mut map = reader.map()?;
    if let Some(target) = map.optional_text("$ref")? {
        map.finish()?;
        let key = target.strip_prefix("#/components/headers/").unwrap_or_default();
        let Some(found) = components.headers.get(key) else {
            return Err(place.error(format!("`{target}` names no header"), "add it to components.headers"));
        };
        return header(name, found.clone(), components);
    }
    if name.parse::<HeaderName>().is_err() {
        return Err(place.error(format!("`{name}` is no header name"), "use letters, digits and dashes"));
    }
    let required = map.flag("required")?;
    let description = map.text("description")?;
    let schema = schema::read(map.required("schema")?)?;
    let also = map.optional_text("x-also")?;
    map.ignore(&["example", "x-source", "x-decision"]);
    map.finish()?;
    Ok(Header { name, also, required, description, schema })
}

/// A checked header name.
struct HeaderName;

impl std::str::FromStr for HeaderName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let valid = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if valid { Ok(Self) } else { Err(()) }
    }
}

fn content(reader: Option<Reader>) -> Result<Content, SpecError> {
    let whole = reader.clone();
    let mut several = Vec::new();
    for (media_type, reader) in entries(reader)? {
        let place = reader.clone();
        let mut map = reader.map()?;
        let schema = map.optional("schema").map(schema::read).transpose()?;
        if is_range(&media_type) && schema.as_ref().is_none_or(|schema| schema.kind != Kind::Binary) {
            return Err(place.error("only bytes may have a range of types", "name the one type that it has"));
        }
        let media_type = map.optional_text("x-content-type")?.unwrap_or(media_type);
        map.ignore(&["example", "examples"]);
        map.finish()?;
        several.push((media_type, schema));
    }
    if several.len() > 1 {
        let streams =
            several.iter().any(|(_, schema)| schema.as_ref().is_some_and(|schema| schema.kind == Kind::Binary));
        if let Some(place) = whole.filter(|_| streams) {
            return Err(place.error("a body that streams has one media type", "write a range, as in `image/*`"));
        }
        return Ok(Content::Several(several));
    }
    Ok(match several.pop() {
        None => Content::Nothing,
        Some((media_type, None)) => Content::Typed(media_type),
        Some((media_type, Some(schema))) => single(media_type, schema),
    })
}

fn single(media_type: String, schema: super::model::Schema) -> Content {
    match schema.kind {
        Kind::Binary => Content::Stream(media_type),
        Kind::Text if media_type.starts_with("text/") => Content::Text(media_type),
        _ => Content::Json(media_type, schema),
    }
}
