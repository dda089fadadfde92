//! The connection layer over real sockets, with a handler of the test's own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bodies;
mod ends;
mod heads;
mod http2;
mod support;
