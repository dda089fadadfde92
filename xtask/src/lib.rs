//! The project's own commands: read the specs, write code from them, and check the project.

#![allow(missing_docs, reason = "an internal tool; its fields are named as in OpenAPI")]
#![allow(clippy::missing_errors_doc, reason = "every error is shown to the person who ran the command")]
#![allow(clippy::must_use_candidate, reason = "only this tool calls these functions")]
#![allow(clippy::format_push_string, clippy::format_collect, reason = "the emitters build text; speed does not matter")]
#![allow(clippy::large_enum_variant, reason = "a handful of values that live for a second")]

pub mod ci;
pub mod codegen;
pub mod emit;
pub mod exchanges;
pub mod link_order;
pub mod names;
pub mod spec;
pub mod tidy;
