//! Paths and operations.

use indexmap::IndexMap;

use super::error::SpecError;
use super::load::{Components, component_answer, response_body};
use super::model::{
    Answer, BodyKind, Content, Documented, In, Kind, Operation, Parameter, RequestBody, Schema, TemplateSegment,
    is_range,
};
use super::reader::{MapReader, Reader};
use super::schema;

pub(super) const METHODS: &[&str] = &["get", "put", "post", "delete", "patch", "head", "options"];

/// Reads every operation in file order.
pub(super) fn read_all(paths: Reader, components: &Components) -> Result<Vec<Operation>, SpecError> {
    let mut operations = Vec::new();
    for (path, item) in paths.entries()? {
        for (method, reader) in item.entries()? {
            if METHODS.contains(&method.as_str()) {
                operations.push(read(&path, &method, reader, components)?);
            } else if method != "x-decision" {
                let remedy = format!("expected one of {}", METHODS.join(", "));
                return Err(reader.error(format!("unknown key `{method}`"), remedy));
            }
        }
    }
    Ok(operations)
}

fn read(path: &str, method: &str, reader: Reader, components: &Components) -> Result<Operation, SpecError> {
    let line = reader.place.line;
    let mut map = reader.map()?;
    let id = map.text("operationId")?;
    let summary = map.text("summary")?;
    let description = map.optional_text("description")?;
    map.ignore(&["tags", "security", "x-decision"]);
    let source = map.optional_text("x-source")?;
    let idempotent = map.flag("x-idempotent")?;
    let head = map.flag("x-head")?;
    if head && method != "get" {
        return Err(map.error("`x-head` stands at an operation that is no GET", "leave it out"));
    }
    let mut parameters = Vec::new();
    for parameter in map.optional("parameters").map(Reader::list).transpose()?.unwrap_or_default() {
        parameters.push(read_parameter(parameter, components)?);
    }
    let template = template(path, &parameters, &map)?;
    if parameters.iter().filter(|parameter| parameter.takes_undeclared()).count() > 1 {
        return Err(map.error("`x-undeclared-query` stands at two parameters", "keep one"));
    }
    let body = map.optional("requestBody").map(request_body).transpose()?;
    let responses = responses(&mut map, components)?;
    map.finish()?;
    let method = method.to_uppercase();
    let path = path.to_owned();
    Ok(Operation {
        id,
        summary,
        description,
        method,
        path,
        template,
        parameters,
        body,
        responses,
        idempotent,
        head,
        source,
        line,
    })
}

fn template(path: &str, parameters: &[Parameter], map: &MapReader) -> Result<Vec<TemplateSegment>, SpecError> {
    let rest = path.strip_prefix('/').ok_or_else(|| map.error("the path does not begin with `/`", "add it"))?;
    let segments = rest.split('/').filter(|_| !rest.is_empty()).map(|segment| {
        let Some(name) = segment.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) else {
            return Ok(TemplateSegment::Literal(segment.to_owned()));
        };
        let found = parameters.iter().find(|parameter| parameter.name == name && parameter.location == In::Path);
        match found {
            Some(parameter) if parameter.many => Ok(TemplateSegment::Many(name.to_owned())),
            Some(_) => Ok(TemplateSegment::One(name.to_owned())),
            None => Err(map.error(format!("the path names `{{{name}}}`, the parameters do not"), "declare it")),
        }
    });
    let segments = segments.collect::<Result<Vec<_>, SpecError>>()?;
    let named = segments.iter().filter(|segment| !matches!(segment, TemplateSegment::Literal(_))).count();
    let declared = parameters.iter().filter(|parameter| parameter.location == In::Path).count();
    if named != declared {
        return Err(map.error("a path parameter is declared that the path does not name", "remove it"));
    }
    Ok(segments)
}

fn read_parameter(reader: Reader, components: &Components) -> Result<Parameter, SpecError> {
    let place = reader.clone();
    let mut map = reader.map()?;
    if let Some(target) = map.optional_text("$ref")? {
        map.finish()?;
        let key = target.strip_prefix("#/components/parameters/").unwrap_or_default();
        let Some(found) = components.parameters.get(key) else {
            return Err(place.error(format!("`{target}` names no parameter"), "add it to components.parameters"));
        };
        return read_parameter(found.clone(), components);
    }
    let name = map.text("name")?;
    let location = map.required("in")?;
    let location = match location.clone().text()?.as_str() {
        "path" => In::Path,
        "query" => In::Query,
        "header" => In::Header,
        other => return Err(location.error(format!("unknown place `{other}`"), "use path, query or header")),
    };
    let required = map.flag("required")?;
    let description = map.text("description")?;
    let schema = schema::read(map.required("schema")?)?;
    let many = map.flag("x-multi-segment")?;
    let ignore_invalid = map.flag("x-ignore-invalid")?;
    let undeclared = map.flag("x-undeclared-query")?;
    map.ignore(&["example", "examples", "style", "explode", "allowReserved", "x-source", "x-decision"]);
    map.finish()?;
    if location == In::Path && !required {
        return Err(place.error("a path parameter is always required", "add `required: true`"));
    }
    let parameter = Parameter { name, location, required, description, schema, many, ignore_invalid };
    check_parameter(&parameter, undeclared, &place)?;
    Ok(parameter)
}

fn check_parameter(parameter: &Parameter, undeclared: bool, place: &Reader) -> Result<(), SpecError> {
    let optional = parameter.location == In::Query && !parameter.required && !parameter.ignore_invalid;
    match &parameter.schema.kind {
        Kind::Map(values) if undeclared && optional && values.kind == Kind::Text => Ok(()),
        _ if undeclared => {
            let remedy = "make it an optional query parameter, an object with `additionalProperties: {type: string}`";
            Err(place.error("`x-undeclared-query` stands at another kind of parameter", remedy))
        }
        Kind::List(items) if optional && is_scalar(items) => Ok(()),
        _ if is_scalar(&parameter.schema) => Ok(()),
        _ => {
            let remedy = "use string, integer, boolean or an enum, or a list of them for an optional query parameter";
            Err(place.error("a parameter must be a scalar", remedy))
        }
    }
}

fn is_scalar(schema: &Schema) -> bool {
    let scalar =
        matches!(schema.kind, Kind::Text | Kind::Uuid | Kind::Integer { .. } | Kind::Boolean | Kind::Reference(_));
    scalar && !schema.nullable
}

fn request_body(reader: Reader) -> Result<RequestBody, SpecError> {
    let place = reader.clone();
    let mut map = reader.map()?;
    let description = map.text("description")?;
    map.flag("required")?;
    let any_content_type = map.flag("x-any-content-type")?;
    let raw = map.flag("x-raw-body")?;
    map.ignore(&["x-source", "x-decision"]);
    let mut content = map.required("content")?.entries()?;
    map.finish()?;
    let (Some((media_type, reader)), true) = (content.pop(), content.is_empty()) else {
        return Err(place.error("a request body has exactly one media type", "keep one"));
    };
    let mut media = reader.map()?;
    let schema = schema::read(media.required("schema")?)?;
    media.ignore(&["example", "examples"]);
    media.finish()?;
    let kind = match schema.kind {
        Kind::Binary => BodyKind::Stream,
        _ if raw => BodyKind::Raw(schema),
        _ => BodyKind::Json(schema),
    };
    if is_range(&media_type) && !matches!(kind, BodyKind::Stream) {
        return Err(place.error("only bytes may have a range of types", "name the one type that the body has"));
    }
    Ok(RequestBody { description, media_type, any_content_type, kind })
}

/// What `x-responses` adds to one status.
#[derive(Debug, Default)]
struct Addition {
    when: IndexMap<String, String>,
}

fn responses(map: &mut MapReader, components: &Components) -> Result<Vec<Documented>, SpecError> {
    let declared = map.required("responses")?.entries()?;
    let mut additions = IndexMap::new();
    for (status, reader) in map.optional("x-responses").map(Reader::entries).transpose()?.unwrap_or_default() {
        if !declared.iter().any(|(known, _)| *known == status) {
            let remedy = "add it to `responses`, or remove it here";
            return Err(reader.error(format!("status {status} is not among the responses"), remedy));
        }
        additions.insert(status.clone(), addition(&status, reader)?);
    }
    let documented = declared.into_iter().map(|(status, reader)| {
        let addition = additions.shift_remove(&status).unwrap_or_default();
        documented(&status, reader, addition, components)
    });
    documented.collect()
}

fn addition(status: &str, reader: Reader) -> Result<Addition, SpecError> {
    let mut map = reader.map()?;
    let mut when = IndexMap::new();
    for (slug, reader) in map.optional("x-when").map(Reader::entries).transpose()?.unwrap_or_default() {
        let valid = slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !valid {
            return Err(reader.error(format!("`{slug}` is no condition's name"), "use lower case, digits and dashes"));
        }
        let coded = slug.get(..4).is_some_and(|start| start.ends_with('-') && start[..3].parse::<u16>().is_ok());
        if status == "default" && !coded {
            let problem = format!("the condition `{slug}` under `default` does not say its status");
            return Err(reader.error(problem, "begin it with the status, as in `400-…`"));
        }
        when.insert(slug, reader.text()?);
    }
    map.ignore(&["x-source", "x-decision"]);
    map.finish()?;
    Ok(Addition { when })
}

fn documented(
    status: &str,
    reader: Reader,
    addition: Addition,
    components: &Components,
) -> Result<Documented, SpecError> {
    let place = reader.clone();
    let number = match status {
        "default" => None,
        text => match text.parse::<u16>() {
            Ok(number) if (200..600).contains(&number) => Some(number),
            _ => return Err(place.error(format!("`{text}` is no status"), "use 200 to 599, or default")),
        },
    };
    let mut map = reader.map()?;
    let (description, answer) = if let Some(target) = map.optional_text("$ref")? {
        let key = target.strip_prefix("#/components/responses/").unwrap_or_default();
        let Some(response) = components.responses.get(key) else {
            return Err(place.error(format!("`{target}` names no response"), "add it to components.responses"));
        };
        let description = map.optional_text("description")?.unwrap_or_else(|| response.description.clone());
        (description, component_answer(key, response))
    } else {
        let response = response_body(&mut map, components)?;
        if matches!(response.content, Content::Several(_)) {
            let problem = "a response of one operation has one media type";
            return Err(place.error(problem, "move it to components.responses, whose body is an enum"));
        }
        (response.description.clone(), Answer::Inline(Box::new(response)))
    };
    map.ignore(&["summary", "x-source", "x-decision"]);
    map.finish()?;
    Ok(Documented { status: number, description, when: addition.when, answer })
}
