//! Values of a request as the service's messages show them: in the notation of Python, which people search for.

use std::fmt::Write;

use serde_json::Value;

use super::faults::shown;

/// A value in Python's notation, cut to what an answer shows.
pub(super) fn literal(value: &Value) -> String {
    let mut text = String::new();
    write_literal(&mut text, value);
    shown(&text).into_owned()
}

/// A list of texts, with `None` in front when that is a choice too.
pub(super) fn choices(with_none: bool, texts: &[&str]) -> String {
    let none = with_none.then(|| "None".to_owned());
    let texts = texts.iter().map(|text| format!("'{text}'"));
    format!("[{}]", none.into_iter().chain(texts).collect::<Vec<_>>().join(", "))
}

fn write_literal(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("None"),
        Value::Bool(true) => text.push_str("True"),
        Value::Bool(false) => text.push_str("False"),
        Value::Number(number) => write!(text, "{number}").expect("a string takes all text"),
        Value::String(string) => write_text(text, string),
        Value::Array(items) => {
            text.push('[');
            for (position, item) in items.iter().enumerate() {
                text.push_str(if position == 0 { "" } else { ", " });
                write_literal(text, item);
            }
            text.push(']');
        }
        Value::Object(members) => {
            text.push('{');
            for (position, (name, member)) in members.iter().enumerate() {
                text.push_str(if position == 0 { "" } else { ", " });
                write_text(text, name);
                text.push_str(": ");
                write_literal(text, member);
            }
            text.push('}');
        }
    }
}

fn write_text(text: &mut String, string: &str) {
    let quote = if string.contains('\'') && !string.contains('"') { '"' } else { '\'' };
    text.push(quote);
    for character in string.chars() {
        match character {
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\\' => text.push_str("\\\\"),
            character if character == quote => text.extend(['\\', quote]),
            character if character.is_control() => {
                write!(text, "\\x{:02x}", u32::from(character)).expect("a string takes all text");
            }
            character => text.push(character),
        }
    }
    text.push(quote);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_look_as_in_python() {
        assert_eq!(literal(&json!([null, true, false, 1, -2.5])), "[None, True, False, 1, -2.5]");
        assert_eq!(
            literal(&json!({"a": "it's", "b": "\"it's\"\n\u{1}\\"})),
            r#"{'a': "it's", 'b': '"it\'s"\n\x01\\'}"#
        );
        assert_eq!(choices(true, &["ami", "raw"]), "[None, 'ami', 'raw']");
        assert_eq!(choices(false, &["ami"]), "['ami']");
    }

    #[test]
    fn long_values_are_cut() {
        assert_eq!(literal(&json!("x".repeat(9999))).chars().count(), 256);
    }
}
