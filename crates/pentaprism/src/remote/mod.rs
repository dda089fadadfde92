//! What the commands beside `serve` do: they work with images at any service that speaks one of the five APIs.

pub mod address;
pub mod duration;
pub mod entry;
pub mod failure;
pub mod paint;
pub mod profiles;
pub mod report;
pub mod run;
pub mod session;
pub mod size;
pub mod text;
