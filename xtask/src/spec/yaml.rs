//! YAML as a tree that remembers its lines, so that every mistake in a spec can be pointed at.

use std::borrow::Cow;

use indexmap::IndexMap;
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::error::{Place, SpecError};

/// A value and the line on which it begins.
#[derive(Debug, Clone)]
pub struct Node {
    pub line: usize,
    pub value: Value,
}

/// The JSON-like values that the subset knows.
#[derive(Debug, Clone)]
pub enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    Text(String),
    List(Vec<Node>),
    /// Keys in file order, each with its own line.
    Map(IndexMap<String, (usize, Node)>),
}

impl Value {
    /// What the value is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Boolean(_) => "a boolean",
            Self::Integer(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Parses the one document of `text`.
pub fn parse(file: &str, text: &str) -> Result<Node, SpecError> {
    let mut events = Events { file, parser: Parser::new_from_str(text) };
    loop {
        let (event, span) = events.next()?;
        match event {
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            event => return events.node(event, span),
        }
    }
}

struct Events<'t> {
    file: &'t str,
    parser: Parser<'t, saphyr_parser::StrInput<'t>>,
}

impl<'t> Events<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), SpecError> {
        let event = self.parser.next().ok_or_else(|| self.error(1, "the file ends too early", "complete it"))?;
        event.map_err(|error: ScanError| {
            self.error(error.marker().line(), error.info(), "correct the YAML at this line")
        })
    }

    fn error(&self, line: usize, problem: &str, remedy: &str) -> SpecError {
        SpecError::new(&Place { file: self.file.to_owned(), line, path: String::new() }, problem, remedy)
    }

    fn node(&mut self, event: Event<'t>, span: Span) -> Result<Node, SpecError> {
        let line = span.start.line();
        let value = match event {
            Event::Scalar(text, style, anchor, tag) if anchor == 0 && tag.is_none() => scalar(text, style),
            Event::SequenceStart(0, None) => Value::List(self.list()?),
            Event::MappingStart(0, None) => Value::Map(self.map()?),
            Event::StreamEnd | Event::DocumentEnd => return Err(self.error(line, "the file is empty", "write a spec")),
            _ => return Err(self.error(line, "anchors, aliases and tags are not allowed", "write the value out")),
        };
        Ok(Node { line, value })
    }

    fn list(&mut self) -> Result<Vec<Node>, SpecError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, span)?),
            }
        }
    }

    fn map(&mut self) -> Result<IndexMap<String, (usize, Node)>, SpecError> {
        let mut entries = IndexMap::new();
        loop {
            let (event, span) = self.next()?;
            let line = span.start.line();
            let key = match event {
                Event::MappingEnd => return Ok(entries),
                Event::Scalar(text, ..) => text.into_owned(),
                _ => return Err(self.error(line, "a key must be plain text", "use a simple key")),
            };
            let (event, span) = self.next()?;
            let node = self.node(event, span)?;
            if entries.insert(key.clone(), (line, node)).is_some() {
                return Err(self.error(line, &format!("the key `{key}` stands here twice"), "keep one of them"));
            }
        }
    }
}

fn scalar(text: Cow<'_, str>, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::Text(text.into_owned());
    }
    match text.as_ref() {
        "" | "~" | "null" => Value::Null,
        "true" => Value::Boolean(true),
        "false" => Value::Boolean(false),
        plain => plain.parse().map_or_else(|_| Value::Text(plain.to_owned()), Value::Integer),
    }
}
