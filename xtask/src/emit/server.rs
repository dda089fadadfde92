//! A dialect's server bindings: trait, route and serve.

use std::iter;

use indexmap::IndexMap;

use super::{docs, header};
use crate::names;
use crate::spec::model::{BodyKind, Operation, Spec, TemplateSegment};

pub fn emit(spec: &Spec) -> String {
    let trait_name = names::type_name(&spec.dialect);
    let mut text = header(&format!("{}: the trait to implement, its router and its server.", spec.title), spec);
    text += "use http::{Method, Request};\nuse pentaprism_core::path::{Captures, Unrouted};\n\
             use pentaprism_core::{Body, Operation, OperationInfo};\n";
    text += &format!("use pentaprism_core::dialects::{}::PATH_RULES;\n", spec.dialect);
    for operation in &spec.operations {
        let (module, name) = (names::module(&operation.id), names::type_name(&operation.id));
        text +=
            &format!("use pentaprism_core::dialects::{}::{module}::{{{name}, {name}Error, {name}Ok}};\n", spec.dialect);
    }
    let collects = |operation: &Operation| operation.body.is_some() && !operation.streams_request();
    let share = if spec.operations.iter().any(collects) { ", Share" } else { "" };
    text += "\nuse crate::dispatch::{self, Segment};\n";
    text += &format!("use crate::{{Api, Call, Failure, Refusal{share}}};\n\n");
    text += &service_trait(spec, &trait_name);
    text += &route_enum(spec);
    text += &route_function(spec);
    text += &serve(spec, &trait_name);
    text
}

fn service_trait(spec: &Spec, trait_name: &str) -> String {
    let mut text = docs::outer(&[Some(&format!("{}, one method per operation.", spec.title)), Some(&spec.description)]);
    text += &format!("pub trait {trait_name}: Api {{\n");
    for operation in &spec.operations {
        let (name, function) = (names::type_name(&operation.id), names::module(&operation.id));
        let title = format!("`{} {}`: {}", operation.method, operation.path, operation.summary);
        let body = if operation.streams_request() { ", body: Body" } else { "" };
        let ok = if operation.streams_response() { format!("({name}Ok, Option<Body>)") } else { format!("{name}Ok") };
        text += &docs::outer(&[Some(&title)]);
        text += &format!(
            "fn {function}(&self, call: &Call<Self::Caller>, input: {name}{body}) -> \
             impl Future<Output = Result<{ok}, Failure<{name}Error>>> + Send;\n\n"
        );
    }
    text + "}\n\n"
}

fn route_enum(spec: &Spec) -> String {
    let mut variants = String::new();
    let mut arms = String::new();
    for operation in &spec.operations {
        let name = names::type_name(&operation.id);
        variants += &format!("/// `{} {}`\n{name},\n", operation.method, operation.path);
        arms += &format!("Self::{name} => &{name}::INFO,\n");
    }
    format!(
        "/// The operation that a request is for.\n#[derive(Debug, Clone, Copy, PartialEq, Eq)]\npub enum Route {{\n{variants}}}\n\n\
         impl Route {{\n/// Facts about the operation.\n#[must_use]\npub const fn info(self) -> &'static OperationInfo {{\nmatch self {{\n{arms}}}\n}}\n}}\n\n"
    )
}

/// Literals before captures, captures of one segment before captures of many, longer tails first.
fn specificity(template: &[TemplateSegment]) -> Vec<(u8, usize)> {
    let rank = |(index, segment): (usize, &TemplateSegment)| match segment {
        TemplateSegment::Literal(_) => (0, 0),
        TemplateSegment::One(_) => (1, 0),
        TemplateSegment::Many(_) => (2, usize::MAX - (template.len() - index)),
    };
    template.iter().enumerate().map(rank).collect()
}

fn route_function(spec: &Spec) -> String {
    let mut by_path: IndexMap<&str, Vec<&Operation>> = IndexMap::new();
    for operation in &spec.operations {
        by_path.entry(&operation.path).or_default().push(operation);
    }
    let mut paths: Vec<_> = by_path.into_iter().collect();
    paths.sort_by_key(|(_, operations)| specificity(&operations[0].template));
    let mut arms = String::new();
    for (_, operations) in &paths {
        let (pattern, captures) = pattern(spec, &operations[0].template);
        let methods: Vec<String> = operations
            .iter()
            .flat_map(|operation| {
                let methods = iter::once(operation.method.as_str()).chain(operation.head.then_some("HEAD"));
                methods.map(|method| format!("(\"{method}\", Route::{})", names::type_name(&operation.id)))
            })
            .collect();
        arms += &format!("[{pattern}] => dispatch::select(method, &[{}], {captures}),\n", methods.join(", "));
    }
    format!(
        "/// Finds the operation of a split path and a method.\n///\n/// # Errors\n/// [`Unrouted`] when there is none.\n\
         #[deny(unreachable_patterns)]\npub fn route<'p>(segments: &[Segment<'p>], method: &Method) -> Result<(Route, Captures<'p>), Unrouted> {{\n\
         match segments {{\n{arms}_ => Err(Unrouted::UnknownPath),\n}}\n}}\n\n"
    )
}

fn pattern(spec: &Spec, template: &[TemplateSegment]) -> (String, String) {
    let mut patterns: Vec<String> = Vec::new();
    let mut captures = "Captures::none()".to_owned();
    for segment in template {
        match segment {
            TemplateSegment::Literal(text) => {
                let text = if spec.path_rules.fold_literals { text.to_ascii_lowercase() } else { text.clone() };
                patterns.push(format!("Segment {{ name: \"{text}\", .. }}"));
            }
            TemplateSegment::One(name) => {
                patterns.push(names::field(name));
                captures += &format!(".one(*{})?", names::field(name));
            }
            TemplateSegment::Many(name) => {
                patterns.push(format!("{} @ ..", names::field(name)));
                captures += &format!(".many({})?", names::field(name));
            }
        }
    }
    (patterns.join(", "), captures)
}

fn serve(spec: &Spec, trait_name: &str) -> String {
    let mut arms = String::new();
    let reads = |operation: &Operation| operation.body.is_some();
    let unused = if spec.operations.iter().any(reads) { "" } else { "_" };
    for operation in &spec.operations {
        let (name, function) = (names::type_name(&operation.id), names::module(&operation.id));
        let decode = match operation.body.as_ref().map(|body| &body.kind) {
            Some(BodyKind::Json(_) | BodyKind::Raw(_)) => {
                format!("let (input, _share): ({name}, Share) = call.decode_collected(api, body).await?")
            }
            Some(BodyKind::Stream) | None => format!("let input: {name} = call.decode()?"),
        };
        let body = if operation.streams_request() { ", body" } else { "" };
        let reply = if operation.streams_response() { "reply_streamed" } else { "reply" };
        arms += &format!(
            "Route::{name} => {{\n{decode};\n\
             dispatch::{reply}(api.{function}(call, input{body}).await)\n}}\n"
        );
    }
    format!(
        "/// Answers a request: route, caller, input, handler, answer. Everything that is refused on the way is written in the dialect's\n\
         /// own error schema.\npub async fn serve<A: {trait_name}>(api: &A, request: Request<Body>) -> http::Response<Body> {{\n\
         let arrival = dispatch::Arrival::new(request, PATH_RULES, route);\n\
         let (route, call, body) = match arrival.open(api, Route::info).await {{\nOk(opened) => opened,\nErr(refused) => return refused,\n}};\n\
         let answered = answer(api, route, &call, body).await;\n\
         answered.unwrap_or_else(|refusal| api.refuse(&call.head, Some(route.info()), refusal))\n}}\n\n\
         #[allow(clippy::too_many_lines, reason = \"one arm per operation\")]\nasync fn answer<A: {trait_name}>(api: &A, route: Route, call: &Call<A::Caller>, {unused}body: Body) -> Result<http::Response<Body>, Refusal> {{\n\
         match route {{\n{arms}}}\n}}\n"
    )
}
