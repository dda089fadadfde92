//! Strict access to a YAML tree: every key is asked for by name, and a key that nobody asked for is a mistake.

use indexmap::IndexMap;

use super::error::{Place, SpecError};
use super::yaml::{Node, Value};

/// A value together with its place.
#[derive(Debug, Clone)]
pub struct Reader {
    pub place: Place,
    pub value: Value,
}

/// A mapping whose keys are taken one by one.
#[derive(Debug)]
pub struct MapReader {
    pub place: Place,
    entries: IndexMap<String, (usize, Node)>,
    asked: Vec<&'static str>,
}

impl Reader {
    pub fn new(file: &str, node: Node) -> Self {
        Self { place: Place { file: file.to_owned(), line: node.line, path: String::new() }, value: node.value }
    }

    pub fn error(&self, problem: impl Into<String>, remedy: impl Into<String>) -> SpecError {
        SpecError::new(&self.place, problem, remedy)
    }

    fn wrong(&self, expected: &str) -> SpecError {
        self.error(format!("{} stands where {expected} is expected", self.value.kind()), format!("write {expected}"))
    }

    pub fn text(self) -> Result<String, SpecError> {
        match self.value {
            Value::Text(text) => Ok(text.trim_end().to_owned()),
            _ => Err(self.wrong("text (numbers in quotes)")),
        }
    }

    pub fn boolean(self) -> Result<bool, SpecError> {
        match self.value {
            Value::Boolean(value) => Ok(value),
            _ => Err(self.wrong("true or false")),
        }
    }

    pub fn integer(self) -> Result<i64, SpecError> {
        match self.value {
            Value::Integer(value) => Ok(value),
            _ => Err(self.wrong("a whole number")),
        }
    }

    pub fn list(self) -> Result<Vec<Self>, SpecError> {
        let Value::List(items) = self.value else { return Err(self.wrong("a list")) };
        let place = self.place;
        Ok(items
            .into_iter()
            .enumerate()
            .map(|(index, node)| child(&place, node.line, &index.to_string(), node))
            .collect())
    }

    /// One text or a list of texts.
    pub fn texts(self) -> Result<Vec<String>, SpecError> {
        match self.value {
            Value::List(_) => self.list()?.into_iter().map(Self::text).collect(),
            _ => Ok(vec![self.text()?]),
        }
    }

    pub fn map(self) -> Result<MapReader, SpecError> {
        match self.value {
            Value::Map(entries) => Ok(MapReader { place: self.place, entries, asked: Vec::new() }),
            _ => Err(self.wrong("a mapping")),
        }
    }

    /// The entries of a mapping with free keys.
    pub fn entries(self) -> Result<Vec<(String, Self)>, SpecError> {
        let map = self.map()?;
        let place = map.place;
        Ok(map.entries.into_iter().map(|(key, (line, node))| (key.clone(), child(&place, line, &key, node))).collect())
    }
}

fn child(parent: &Place, line: usize, key: &str, node: Node) -> Reader {
    let path = if parent.path.is_empty() { key.to_owned() } else { format!("{}.{key}", parent.path) };
    Reader { place: Place { file: parent.file.clone(), line, path }, value: node.value }
}

impl MapReader {
    pub fn error(&self, problem: impl Into<String>, remedy: impl Into<String>) -> SpecError {
        SpecError::new(&self.place, problem, remedy)
    }

    /// Takes a key that may be absent.
    pub fn optional(&mut self, key: &'static str) -> Option<Reader> {
        self.asked.push(key);
        let (line, node) = self.entries.shift_remove(key)?;
        Some(child(&self.place, line, key, node))
    }

    /// Takes a key that must be there.
    pub fn required(&mut self, key: &'static str) -> Result<Reader, SpecError> {
        if let Some(reader) = self.optional(key) {
            return Ok(reader);
        }
        let Some((slip, (line, _))) = self.entries.iter().find(|(slip, _)| is_slip(key, slip)) else {
            return Err(self.error(format!("`{key}` is missing"), format!("add `{key}`")));
        };
        let place = Place { line: *line, ..self.place.clone() };
        Err(SpecError::new(&place, format!("unknown key `{slip}`"), format!("did you mean `{key}`?")))
    }

    pub fn text(&mut self, key: &'static str) -> Result<String, SpecError> {
        self.required(key)?.text()
    }

    pub fn optional_text(&mut self, key: &'static str) -> Result<Option<String>, SpecError> {
        self.optional(key).map(Reader::text).transpose()
    }

    pub fn flag(&mut self, key: &'static str) -> Result<bool, SpecError> {
        Ok(self.optional(key).map(Reader::boolean).transpose()?.unwrap_or(false))
    }

    pub fn optional_texts(&mut self, key: &'static str) -> Result<Vec<String>, SpecError> {
        Ok(self.optional(key).map(Reader::texts).transpose()?.unwrap_or_default())
    }

    /// Takes keys that only other tools read.
    pub fn ignore(&mut self, keys: &[&'static str]) {
        for key in keys {
            self.optional(key);
        }
    }

    /// Ends the mapping: what is left is unknown.
    pub fn finish(self) -> Result<(), SpecError> {
        let Some((key, (line, _))) = self.entries.first() else { return Ok(()) };
        let place = Place { line: *line, ..self.place.clone() };
        let nearest = self.asked.iter().find(|asked| is_slip(asked, key));
        let remedy = nearest.map_or_else(
            || format!("expected one of {}", self.asked.join(", ")),
            |nearest| format!("did you mean `{nearest}`?"),
        );
        Err(SpecError::new(&place, format!("unknown key `{key}`"), remedy))
    }
}

/// Whether two keys differ only in case or by one or two characters, the usual slips.
fn is_slip(right: &str, written: &str) -> bool {
    if right.eq_ignore_ascii_case(written) {
        return true;
    }
    let common = |left: &mut dyn Iterator<Item = char>, right: &mut dyn Iterator<Item = char>| {
        left.zip(right).take_while(|(a, b)| a == b).count()
    };
    let start = common(&mut right.chars(), &mut written.chars());
    let end = common(&mut right.chars().rev(), &mut written.chars().rev());
    let longest = right.chars().count().max(written.chars().count());
    longest > 3 && start + end + 2 >= longest
}
