//! A dialect's client bindings: one method per operation.

use super::{docs, header};
use crate::names;
use crate::spec::model::{Operation, Spec};

pub fn emit(spec: &Spec) -> String {
    let client = names::type_name(&spec.dialect) + "Client";
    let mut text = header(&format!("{}: a typed client.", spec.title), spec);
    text += "use pentaprism_core::Body;\n";
    for operation in &spec.operations {
        let (module, name) = (names::module(&operation.id), names::type_name(&operation.id));
        text +=
            &format!("use pentaprism_core::dialects::{}::{module}::{{{name}, {name}Error, {name}Ok}};\n", spec.dialect);
    }
    text += "\nuse crate::{BaseUrl, Caller, Credential, Error, Retry, Source, Transport};\n\n";
    text += &docs::outer(&[Some(&format!("Calls {}, one method per operation.", spec.title)), spec.summary.as_deref()]);
    text += &format!(
        "#[derive(Debug, Clone)]\npub struct {client}<T> {{\ncaller: Caller<T>,\n}}\n\nimpl<T: Transport> {client}<T> {{\n\
         /// A client for the service at `base`, whose path (if any) stands before every operation's.\n#[must_use]\n\
         pub fn new(transport: T, base: BaseUrl, credential: Credential) -> Self {{\n\
         Self {{ caller: Caller::new(transport, base, credential) }}\n}}\n\n\
         /// Tries again as `retry` says, instead of [`Retry::standard`].\n#[must_use]\n\
         pub fn with_retry(self, retry: Retry) -> Self {{\n\
         Self {{ caller: self.caller.with_retry(retry) }}\n}}\n\n\
         /// What sends this client's operations.\n#[must_use]\n\
         pub const fn caller(&self) -> &Caller<T> {{\n&self.caller\n}}\n\n"
    );
    for operation in &spec.operations {
        text += &method(operation);
    }
    text += "}\n";
    if !text.contains(", Body)") {
        text = text.replace("use pentaprism_core::Body;\n", "");
    }
    if !text.contains("Source>") && !text.contains("Source::") {
        text = text.replace(", Source, Transport}", ", Transport}");
    }
    text
}

fn method(operation: &Operation) -> String {
    let (name, function) = (names::type_name(&operation.id), names::module(&operation.id));
    let sends = operation.streams_request();
    let receives = operation.streams_response();
    let title = format!("`{} {}`: {}", operation.method, operation.path, operation.summary);
    let errors = format!(
        "# Errors\n[`{name}Error`] inside [`Error::Refused`] where the service documents it; else see [`Error`]."
    );
    let (parameter, body) = if sends { (", source: impl Into<Source>", "source") } else { ("", "Source::empty()") };
    let (ok, call) = match (sends, receives) {
        (_, true) => (format!("({name}Ok, Body)"), format!("self.caller.download(input, {body}).await")),
        (true, false) => (format!("{name}Ok"), "self.caller.upload(input, source).await".to_owned()),
        (false, false) => (format!("{name}Ok"), "self.caller.call(input).await".to_owned()),
    };
    format!(
        "{}pub async fn {function}(&self, input: &{name}{parameter}) -> Result<{ok}, Error<{name}Error>> {{\n{call}\n}}\n\n",
        docs::outer(&[Some(&title), Some(&errors)])
    )
}
