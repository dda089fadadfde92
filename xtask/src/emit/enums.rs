//! Enums of text and of numbers.

use crate::names;
use crate::spec::model::Choice;

/// The variants with their documentation.
fn variants<T: ToString>(choices: &[Choice<T>]) -> String {
    let mut variants = String::new();
    for choice in choices {
        let meaning = choice.description.as_ref().map(|text| format!(": {}", text.replace('\n', " ")));
        let (value, meaning) = (choice.value.to_string(), meaning.unwrap_or_default());
        variants += &format!("/// `{value}`{meaning}\n{},\n", names::type_name(&choice.name));
    }
    variants
}

/// An enum of text; without `closed` it keeps values that it does not know.
pub fn text(name: &str, choices: &[Choice<String>], closed: bool) -> String {
    let mut variants = variants(choices);
    let mut as_str = String::new();
    let mut from = String::new();
    for Choice { value, name, .. } in choices {
        let variant = names::type_name(name);
        as_str += &format!("Self::{variant} => \"{value}\",\n");
        from += &format!("\"{value}\" => Self::{variant},\n");
    }
    let open = if closed { "" } else { "#[non_exhaustive]\n" };
    if !closed {
        variants += "/// A value that the document does not name, kept as it came.\nUnknown(UnknownValue),\n";
        as_str += "Self::Unknown(value) => value.as_str(),\n";
    }
    let mut text = format!(
        "#[derive(Debug, Clone, PartialEq, Eq, Hash)]\n{open}pub enum {name} {{\n{variants}}}\n\n\
         impl {name} {{\n/// The value as it travels.\n#[must_use]\npub fn as_str(&self) -> &str {{\nmatch self {{\n{as_str}}}\n}}\n}}\n\n"
    );
    if closed {
        let values: Vec<&str> = choices.iter().map(|choice| choice.value.as_str()).collect();
        text += &format!(
            "impl TryFrom<&str> for {name} {{\ntype Error = crate::InvalidScalar;\n\n\
             fn try_from(text: &str) -> Result<Self, crate::InvalidScalar> {{\nOk(match text {{\n{from}\
             _ => return Err(crate::InvalidScalar {{ expected: \"{}\" }}),\n}})\n}}\n}}\n\n\
             crate::open_enum::closed_text_enum!({name});\n\n",
            values.join(", ")
        );
    } else {
        text += &format!(
            "impl From<&str> for {name} {{\nfn from(text: &str) -> Self {{\nmatch text {{\n{from}\
             other => Self::Unknown(UnknownValue::new(other)),\n}}\n}}\n}}\n\ncrate::open_enum::text_enum!({name});\n\n"
        );
    }
    text
}

/// An enum of numbers. It is always open: a number says nothing about which ones may follow.
pub fn numbers(name: &str, choices: &[Choice<i64>]) -> String {
    let variants = variants(choices);
    let mut number = String::new();
    let mut from = String::new();
    for Choice { value, name, .. } in choices {
        let variant = names::type_name(name);
        number += &format!("Self::{variant} => {value},\n");
        from += &format!("{value} => Self::{variant},\n");
    }
    format!(
        "#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]\n#[non_exhaustive]\npub enum {name} {{\n{variants}\
         /// A number that the document does not name, kept as it came.\nUnknown(UnknownNumber),\n}}\n\n\
         impl {name} {{\n/// The number as it travels.\n#[must_use]\npub const fn number(self) -> i64 {{\nmatch self {{\n{number}\
         Self::Unknown(number) => number.get(),\n}}\n}}\n}}\n\n\
         impl From<i64> for {name} {{\nfn from(number: i64) -> Self {{\nmatch number {{\n{from}\
         other => Self::Unknown(UnknownNumber::new(other)),\n}}\n}}\n}}\n\ncrate::open_enum::number_enum!({name});\n\n"
    )
}
