//! What a spec must fulfil beyond its form: references lead somewhere, names are unique, routes do not shadow each other.

use std::collections::HashSet;

use super::error::{Place, SpecError};
use super::model::{Answer, BodyKind, Content, Kind, Operation, Response, Schema, Spec, TemplateSegment};
use super::reader::Reader;
use super::yaml::Value;

/// Every `x-decision` in the file with its line.
pub fn decisions(root: &Reader) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    collect_decisions(&root.value, &mut found);
    found
}

fn collect_decisions(value: &Value, found: &mut Vec<(String, usize)>) {
    match value {
        Value::List(items) => items.iter().for_each(|item| collect_decisions(&item.value, found)),
        Value::Map(entries) => {
            for (key, (line, node)) in entries {
                match (key.as_str(), &node.value) {
                    ("x-decision", Value::Text(id)) => found.push((id.clone(), *line)),
                    ("x-decision", Value::List(ids)) => {
                        found.extend(ids.iter().filter_map(|id| match &id.value {
                            Value::Text(text) => Some((text.clone(), id.line)),
                            _ => None,
                        }));
                    }
                    (_, value) => collect_decisions(value, found),
                }
            }
        }
        _ => {}
    }
}

/// Every `$ref` to a schema names one.
pub fn references(spec: &Spec) -> Result<(), SpecError> {
    let mut check = ReferenceCheck { spec, missing: None };
    spec.schemas.values().for_each(|schema| check.schema(schema));
    spec.responses.values().for_each(|response| check.response(response));
    for operation in &spec.operations {
        operation.parameters.iter().for_each(|parameter| check.schema(&parameter.schema));
        match operation.body.as_ref().map(|body| &body.kind) {
            Some(BodyKind::Json(schema) | BodyKind::Raw(schema)) => check.schema(schema),
            Some(BodyKind::Stream) | None => {}
        }
        for documented in &operation.responses {
            if let Answer::Inline(response) = &documented.answer {
                check.response(response);
            }
        }
    }
    let Some((name, place)) = check.missing else { return Ok(()) };
    Err(SpecError::new(&place, format!("there is no schema `{name}`"), "add it to components.schemas"))
}

struct ReferenceCheck<'s> {
    spec: &'s Spec,
    missing: Option<(String, Place)>,
}

impl ReferenceCheck<'_> {
    fn schema(&mut self, schema: &Schema) {
        match &schema.kind {
            Kind::Reference(name) if !self.spec.schemas.contains_key(name) => {
                self.missing.get_or_insert((name.clone(), schema.place.clone()));
            }
            Kind::List(items) | Kind::Map(items) => self.schema(items),
            Kind::Object(object) => object.properties.values().for_each(|property| self.schema(property)),
            _ => {}
        }
    }

    fn response(&mut self, response: &Response) {
        response.headers.iter().for_each(|header| self.schema(&header.schema));
        match &response.content {
            Content::Json(_, schema) => self.schema(schema),
            Content::Several(several) => {
                several.iter().filter_map(|(_, schema)| schema.as_ref()).for_each(|s| self.schema(s));
            }
            _ => {}
        }
    }
}

/// No schema holds itself, not even behind a list: nothing here needs it, and a struct could not.
pub fn cycles(spec: &Spec) -> Result<(), SpecError> {
    for (name, schema) in &spec.schemas {
        if reaches(spec, schema, name, &mut HashSet::new()) {
            let problem = format!("schema `{name}` holds itself");
            return Err(SpecError::new(&schema.place, problem, "describe the inner value with a schema of its own"));
        }
    }
    Ok(())
}

fn reaches<'s>(spec: &'s Spec, schema: &'s Schema, goal: &str, seen: &mut HashSet<&'s str>) -> bool {
    match &schema.kind {
        Kind::Reference(name) if name == goal => true,
        Kind::Reference(name) => seen.insert(name) && reaches(spec, &spec.schemas[name], goal, seen),
        Kind::List(items) | Kind::Map(items) => reaches(spec, items, goal, seen),
        Kind::Object(object) => object.properties.values().any(|property| reaches(spec, property, goal, seen)),
        _ => false,
    }
}

/// Members that a summary names have something to say.
pub fn summaries(spec: &Spec) -> Result<(), SpecError> {
    for schema in spec.schemas.values() {
        let Kind::Object(object) = &schema.kind else { continue };
        for name in &object.summary {
            let member = &object.properties[name];
            if !spec.speaks(member) {
                let problem = format!("`x-summary` names `{name}`, which says nothing in words");
                let remedy = "name text, an enum of text, an object with an `x-summary` of its own, or a list of them";
                return Err(SpecError::new(&member.place, problem, remedy));
            }
        }
    }
    Ok(())
}

/// Operation ids are unique, and every operation has a success.
pub fn operations(spec: &Spec) -> Result<(), SpecError> {
    let mut seen = HashSet::new();
    for operation in &spec.operations {
        let place = place(spec, operation);
        if !seen.insert(crate::names::module(&operation.id)) {
            let problem = format!("operationId `{}` is used twice", operation.id);
            return Err(SpecError::new(&place, problem, "give each operation its own"));
        }
        let success = operation.responses.iter().any(|documented| documented.status.is_some_and(|code| code < 400));
        if !success {
            return Err(SpecError::new(&place, "no success is documented", "add a response from 200 to 399"));
        }
    }
    Ok(())
}

/// Two templates of one method may overlap only where one refines the other; then the leftmost literal decides.
pub fn overlaps(spec: &Spec) -> Result<(), SpecError> {
    for (index, one) in spec.operations.iter().enumerate() {
        for other in &spec.operations[..index] {
            if one.path == other.path && one.method != other.method {
                continue;
            }
            let (left, right) = (&one.template, &other.template);
            if overlap(left, right) && !(refines(left, right) || refines(right, left))
                || shape(left) == shape(right) && one.path != other.path
            {
                let problem = format!("paths `{}` and `{}` match the same requests", one.path, other.path);
                return Err(SpecError::new(&place(spec, one), problem, "make one of them more specific"));
            }
        }
    }
    Ok(())
}

fn place(spec: &Spec, operation: &Operation) -> Place {
    let path = format!("paths.{}.{}", operation.path, operation.method.to_lowercase());
    Place { file: spec.file.clone(), line: operation.line, path }
}

/// The template with its parameters' names left out.
fn shape(template: &[TemplateSegment]) -> Vec<&str> {
    let mut shape = Vec::new();
    for segment in template {
        shape.push(match segment {
            TemplateSegment::Literal(text) => text.as_str(),
            TemplateSegment::One(_) => "{}",
            TemplateSegment::Many(_) => "{..}",
        });
    }
    shape
}

/// Whether some path matches both templates.
fn overlap(left: &[TemplateSegment], right: &[TemplateSegment]) -> bool {
    use TemplateSegment::{Literal, Many};
    match (left, right) {
        ([], []) => true,
        ([Many(_), left_rest @ ..], _) => (1..=right.len()).any(|count| {
            right[..count].iter().all(|segment| !is_dollar(segment)) && overlap(left_rest, &right[count..])
        }),
        (_, [Many(_), ..]) => overlap(right, left),
        ([], _) | (_, []) => false,
        ([Literal(a), left_rest @ ..], [Literal(b), right_rest @ ..]) => a == b && overlap(left_rest, right_rest),
        ([_, left_rest @ ..], [_, right_rest @ ..]) => overlap(left_rest, right_rest),
    }
}

/// Whether everything that `narrow` matches, `wide` matches too.
fn refines(narrow: &[TemplateSegment], wide: &[TemplateSegment]) -> bool {
    use TemplateSegment::{Literal, Many, One};
    match (narrow, wide) {
        ([], []) => true,
        (_, [Many(_), wide_rest @ ..]) => (1..=narrow.len()).any(|count| {
            narrow[..count].iter().all(|segment| !is_dollar(segment)) && refines(&narrow[count..], wide_rest)
        }),
        ([Many(_), ..] | [], _) | (_, []) | ([One(_), ..], [Literal(_), ..]) => false,
        ([Literal(a), narrow_rest @ ..], [Literal(b), wide_rest @ ..]) => a == b && refines(narrow_rest, wide_rest),
        ([_, narrow_rest @ ..], [One(_), wide_rest @ ..]) => refines(narrow_rest, wide_rest),
    }
}

/// A captured path never holds a bare `$`.
fn is_dollar(segment: &TemplateSegment) -> bool {
    matches!(segment, TemplateSegment::Literal(text) if text == "$")
}
