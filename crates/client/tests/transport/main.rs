//! The transport over HTTP against servers of this process: whom it trusts, which way it goes, and what it says when it
//! cannot.

mod bodies;
mod proxies;
mod support;
mod trust;
mod versions;
