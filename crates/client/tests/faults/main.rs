//! The client against a server that does by script what networks, proxies and services do when they fail, over real sockets.
//!
//! Every wait is for something that the other side does, and nothing depends on how long that takes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod connections;
mod cut_answers;
mod cut_requests;
mod downloads;
mod early_answers;
mod http2;
mod jobs;
mod odd_answers;
mod refusals;
mod server;
mod stalls;
mod support;
mod tokens;
