//! What the commands beside `serve` do: they work with images at any service that speaks one of the five APIs.

pub mod address;
