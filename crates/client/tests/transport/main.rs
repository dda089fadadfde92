//! The transport over HTTP against servers of this process: whom it trusts, which way it goes, and what it says when it
//! cannot.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bodies;
mod proxies;
mod support;
mod trust;
mod versions;
