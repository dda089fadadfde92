//! What an operation's error prints: the status, and the words of the service where the spec knows where they stand.

use indexmap::IndexMap;

use super::answer;
use crate::names;
use crate::spec::model::{Answer, Documented, Spec};

/// `Display` and `Error` of an operation's errors.
pub fn display(spec: &Spec, name: &str, errors: &[&Documented]) -> String {
    // Patterns by the type that they bind and by what is done with it: variants that speak alike share an arm.
    let mut arms: IndexMap<(String, String), Vec<String>> = IndexMap::new();
    for documented in errors {
        let (pattern, type_name, said) = arm(spec, documented);
        arms.entry((type_name, said)).or_default().push(pattern);
    }
    let speaks = arms.keys().any(|(type_name, _)| !type_name.is_empty());
    let (summary, printed) = if speaks {
        let arms: String =
            arms.iter().map(|((_, said), patterns)| format!("{} => {said},\n", patterns.join(" | "))).collect();
        let summary =
            format!("let summary = codec::Summary::new(self.status());\nlet summary = match self {{\n{arms}}};\n");
        (summary, "{}{summary}")
    } else {
        (String::new(), "{}")
    };
    format!(
        "impl std::fmt::Display for {name} {{\nfn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {{\n\
         {summary}write!(formatter, \"the service answered {printed}\", self.status())\n}}\n}}\n\nimpl std::error::Error for {name} {{}}\n"
    )
}

/// A variant's pattern, the type that it binds (none where the variant is silent) and the summary with what that says.
fn arm(spec: &Spec, documented: &Documented) -> (String, String, String) {
    let variant = documented.status.map_or_else(|| "Other".to_owned(), names::status_variant);
    let (response, component) = match &documented.answer {
        Answer::Component { name, .. } => (&spec.responses[name], Some(names::response_name(name))),
        Answer::Inline(response) => (&**response, None),
    };
    let fields = answer::fields("", response);
    let body = fields.iter().find(|field| field.name == "body");
    let (Some(method), Some(body)) = (answer::said(spec, response), body) else {
        let unit = component.is_none() && documented.status.is_some() && fields.is_empty();
        return (format!("Self::{variant}{}", if unit { "" } else { " { .. }" }), String::new(), "summary".to_owned());
    };
    let status = if documented.status.is_none() { "_, " } else { "" };
    if let Some(component) = component {
        return (format!("Self::{variant}({status}answer)"), component, format!("summary.{method}(&answer.body)"));
    }
    let pattern = match (documented.status, fields.len()) {
        (None, _) if response.headers.is_empty() => format!("Self::{variant}(_, body)"),
        (Some(_), 1) => format!("Self::{variant} {{ body }}"),
        _ => format!("Self::{variant} {{ body, .. }}"),
    };
    (pattern, body.type_name.clone(), format!("summary.{method}(body)"))
}
