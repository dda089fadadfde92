//! Reads the hand-written files in `specs/`: a strict subset of OpenAPI 3.1 that `specs/README.md` defines.

pub mod check;
pub mod error;
mod load;
pub mod model;
mod naming;
mod operation;
pub mod reader;
mod schema;
pub mod yaml;

pub use load::load;
