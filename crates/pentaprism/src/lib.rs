//! Pentaprism as a library: the program's settings, its access rules and the server itself, for the program and for
//! tests that run it in-process.

pub mod access;
pub mod settings;
