//! Pentaprism as a library: the program's settings, its access rules and the server itself, for the program and for
//! tests that run it in-process.
//!
//! [`App`](app::App) is the whole server without its sockets; [`serve`](serve::serve) gives it some.

pub mod access;
pub mod app;
pub mod banner;
pub mod command;
pub mod context;
pub mod dialects;
pub mod housekeeping;
pub mod listen;
pub mod log;
mod measure;
pub mod metrics;
pub mod mount;
mod notes;
pub mod pictures;
pub mod rate;
pub mod serve;
pub mod settings;
pub mod site;
pub mod tls;
pub mod tokens;
