//! What the commands beside `serve` do: they work with images at any service that speaks one of the five APIs.

pub mod address;
pub mod copy;
pub mod doctor;
pub mod duration;
pub mod entry;
pub mod failure;
pub mod list;
pub mod paint;
pub mod profiles;
pub mod remove;
pub mod report;
pub mod run;
pub mod service;
pub mod session;
pub mod size;
pub mod stat;
pub mod text;
pub mod unfinished;
pub mod wait;
