//! Names that would meet in Rust: what differs only in case or punctuation becomes one field or one variant.

use std::collections::HashMap;

use super::error::{Place, SpecError};
use super::model::{Answer, BodyKind, Choice, Content, Kind, Operation, Response, Schema, Spec};
use crate::names;

/// No two members, values or parameters get the same name in Rust.
pub fn check(spec: &Spec) -> Result<(), SpecError> {
    for schema in spec.schemas.values() {
        named(schema)?;
    }
    types(spec)?;
    let place = |line| Place { file: spec.file.clone(), line, path: "components.responses".to_owned() };
    for (name, response) in &spec.responses {
        let place = Place { path: format!("components.responses.{name}"), ..place(1) };
        fields(&place, response)?;
    }
    for operation in &spec.operations {
        let path = format!("paths.{}.{}", operation.path, operation.method.to_lowercase());
        let place = Place { path, ..place(operation.line) };
        input(&place, operation)?;
        for documented in &operation.responses {
            if let Answer::Inline(response) = &documented.answer {
                fields(&place, response)?;
            }
        }
    }
    Ok(())
}

/// The types of a dialect, which share one module, and the operations, which use them.
fn types(spec: &Spec) -> Result<(), SpecError> {
    let whole = Place { file: spec.file.clone(), line: 1, path: "components".to_owned() };
    let mut taken = Taken::new(&whole, "give one of them another name");
    for name in crate::emit::TAKEN_TYPES {
        taken.reserve(name, "a type of Rust or of ours");
    }
    for name in spec.schemas.keys() {
        taken.add(&names::type_name(name), name)?;
    }
    for (name, response) in &spec.responses {
        taken.add(&names::response_name(name), name)?;
        // Responses with equal content share the enum of their bodies.
        if let (Content::Several(_), None) = (&response.content, &response.body_name) {
            taken.add(&(names::type_name(name) + "Body"), name)?;
        }
    }
    for operation in &spec.operations {
        let name = names::type_name(&operation.id);
        for end in ["", "Ok", "Error"] {
            taken.add(&format!("{name}{end}"), &operation.id)?;
        }
    }
    Ok(())
}

fn named(schema: &Schema) -> Result<(), SpecError> {
    match &schema.kind {
        Kind::Object(object) => {
            let mut taken = Taken::new(&schema.place, "give one of them another name");
            if object.additional.is_some() {
                taken.reserve("additional", "the members that are not named");
            }
            object.properties.keys().try_for_each(|name| taken.add(&names::field(name), name))
        }
        Kind::Enum(choices) => variants(schema, choices),
        Kind::NumberEnum(_) if schema.closed => {
            let problem = "an enum of numbers is always open";
            Err(SpecError::new(&schema.place, problem, "remove `x-closed`"))
        }
        Kind::NumberEnum(choices) => variants(schema, choices),
        _ => Ok(()),
    }
}

fn variants<T>(schema: &Schema, choices: &[Choice<T>]) -> Result<(), SpecError> {
    let mut taken = Taken::new(&schema.place, "name them with `x-enum-varnames`");
    if !schema.closed {
        taken.reserve("Unknown", "values that are not named");
    }
    choices.iter().try_for_each(|choice| taken.add(&names::type_name(&choice.name), &choice.name))
}

fn input(place: &Place, operation: &Operation) -> Result<(), SpecError> {
    let mut taken = Taken::new(place, "declare one of them as another kind of parameter");
    if let Some(body) = &operation.body {
        if !matches!(body.kind, BodyKind::Stream) {
            taken.reserve("body", "the body");
        }
        if body.names_its_type() {
            taken.reserve("content_type", "the type of the body");
        }
    }
    operation.parameters.iter().try_for_each(|parameter| taken.add(&names::field(&parameter.name), &parameter.name))
}

fn fields(place: &Place, response: &Response) -> Result<(), SpecError> {
    let mut taken = Taken::new(place, "keep one of them");
    taken.reserve("body", "the body");
    taken.reserve("content_type", "the type of the body");
    response.headers.iter().try_for_each(|header| taken.add(&names::field(&header.name), &header.name))
}

/// Names in Rust and what they were before.
struct Taken<'p> {
    place: &'p Place,
    remedy: &'static str,
    names: HashMap<String, String>,
}

impl<'p> Taken<'p> {
    fn new(place: &'p Place, remedy: &'static str) -> Self {
        Self { place, remedy, names: HashMap::new() }
    }

    fn reserve(&mut self, name: &str, what: &str) {
        self.names.insert(name.to_owned(), what.to_owned());
    }

    fn add(&mut self, name: &str, written: &str) -> Result<(), SpecError> {
        if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
            let problem = format!("`{written}` makes no name in Rust");
            return Err(SpecError::new(self.place, problem, "use letters and digits"));
        }
        match self.names.insert(name.to_owned(), format!("`{written}`")) {
            None => Ok(()),
            Some(other) => {
                let problem = format!("`{written}` and {other} would both be `{name}` in Rust");
                Err(SpecError::new(self.place, problem, self.remedy))
            }
        }
    }
}
