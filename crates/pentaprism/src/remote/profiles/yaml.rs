//! Reads the YAML of `clouds.yaml` into plain values. No message holds a value, since values may be passwords.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, StrInput};
use serde_json::{Map, Value};

/// The deepest nesting that is read: such files need four levels.
const DEPTH: usize = 32;
/// The most values that are read, those that aliases repeat counted each time.
const VALUES: usize = 100_000;
/// The key that takes another mapping's entries over.
const MERGE: &str = "<<";

/// The text is no YAML, or more than such a file needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct YamlError {
    line: usize,
    problem: String,
}

/// The first document of `text`; nothing of it is `Null`.
///
/// # Errors
/// [`YamlError`] with the line.
pub(super) fn parse(text: &str) -> Result<Value, YamlError> {
    let mut reader = Reader { events: Parser::new_from_str(text), anchors: BTreeMap::new(), left: VALUES, line: 1 };
    loop {
        match reader.next()? {
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            Event::StreamEnd | Event::DocumentEnd => return Ok(Value::Null),
            event => return reader.value(event, DEPTH),
        }
    }
}

struct Reader<'t> {
    events: Parser<'t, StrInput<'t>>,
    /// What an alias repeats, by the number of its anchor.
    anchors: BTreeMap<usize, Value>,
    left: usize,
    line: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<Event<'t>, YamlError> {
        match self.events.next() {
            Some(Ok((event, span))) => {
                self.line = span.start.line();
                Ok(event)
            }
            // The scanner's message quotes no text of the file.
            Some(Err(error)) => Err(scan_error(&error)),
            None => Err(self.error("the file ends too early")),
        }
    }

    fn error(&self, problem: &str) -> YamlError {
        YamlError { line: self.line, problem: problem.to_owned() }
    }

    fn count(&mut self, values: usize) -> Result<(), YamlError> {
        self.left = self.left.checked_sub(values).ok_or_else(|| self.error("there are too many values"))?;
        Ok(())
    }

    fn value(&mut self, event: Event<'t>, depth: usize) -> Result<Value, YamlError> {
        self.count(1)?;
        let below = depth.checked_sub(1).ok_or_else(|| self.error("values are nested too deeply"))?;
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                // A tag such as `!!str` says that the text is to be taken as it is.
                let plain = style == ScalarStyle::Plain && tag.is_none();
                (anchor, if plain { scalar(&text) } else { Value::String(text.into_owned()) })
            }
            Event::SequenceStart(anchor, _) => (anchor, Value::Array(self.list(below)?)),
            Event::MappingStart(anchor, _) => (anchor, Value::Object(self.map(below)?)),
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).cloned();
                let value = value.ok_or_else(|| self.error("an alias stands within its own anchor"))?;
                self.count(size(&value))?;
                return Ok(value);
            }
            _ => return Err(self.error("a value is missing")),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Value>, YamlError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                Event::SequenceEnd => return Ok(items),
                event => items.push(self.value(event, depth)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Map<String, Value>, YamlError> {
        let (mut entries, mut merged) = (Map::new(), Vec::new());
        loop {
            let key = match self.next()? {
                Event::MappingEnd => break,
                Event::Scalar(text, ..) => text.into_owned(),
                _ => return Err(self.error("a key must be plain text")),
            };
            let event = self.next()?;
            let value = self.value(event, depth)?;
            if key == MERGE {
                merged.push(value);
            } else {
                entries.insert(key, value);
            }
        }
        for value in merged {
            let sources = if let Value::Array(sources) = value { sources } else { vec![value] };
            for source in sources {
                let Value::Object(source) = source else { return Err(self.error("only mappings can be merged")) };
                for (key, value) in source {
                    entries.entry(key).or_insert(value);
                }
            }
        }
        Ok(entries)
    }
}

fn scan_error(error: &ScanError) -> YamlError {
    YamlError { line: error.marker().line(), problem: error.info().to_owned() }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(entries) => 1 + entries.values().map(size).sum::<usize>(),
        _ => 1,
    }
}

/// Numbers stay text, as they are written: what such files need of them are ids, versions and passwords.
fn scalar(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "on" | "On" => Value::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "off" | "Off" => Value::Bool(false),
        text => Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_anchors_and_merges_are_read() {
        let text = "\
clouds:
  base: &base
    auth: {auth_url: 'https://a.example/v3', password: 007}
    verify: yes
  own:
    <<: *base
    verify: false
    regions: [one, ~, !!str true]
";
        let own = json!({
            "auth": {"auth_url": "https://a.example/v3", "password": "007"},
            "verify": false,
            "regions": ["one", null, "true"],
        });
        let read = parse(text).unwrap();
        assert_eq!(read["clouds"]["own"], own);
        assert_eq!(parse(""), Ok(Value::Null));
        assert_eq!(parse("# nothing\n"), Ok(Value::Null));
    }

    #[test]
    fn what_is_no_yaml_is_told_with_its_line_and_without_values() {
        for text in
            ["a: 1\nb: [s3cret, \n", "a:\n  - s3cret\n b: x\n", "a: 's3cret\n", "a: *s3cret\n", "? [s3cret]\n: x"]
        {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with("line ") && !error.contains("s3cret"), "{text}: {error}");
        }
    }

    #[test]
    fn a_small_file_cannot_become_a_large_one() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let before = format!("*a{}", level - 1);
            let line = format!("a{level}: &a{level} [{}]\n", vec![before; 10].join(", "));
            text.push_str(&line);
        }
        assert_eq!(parse(&text).unwrap_err().problem, "there are too many values");
        assert_eq!(parse(&"[".repeat(100)).unwrap_err().problem, "values are nested too deeply");
    }
}
