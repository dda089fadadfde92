//! What Pentaprism's own tests share; not published.
//!
//! - [`exchange`]: golden files of requests and responses, read and written
//! - [`drive`]: the three things that every exchange is played against
//! - [`harness`]: a test binary with one test per exchange
//! - [`server_process`]: the real program as a child process
//! - [`world`]: the fixed time, ids and principals that exchanges are written for

pub mod body;
pub mod compare;
pub mod drive;
pub mod exchange;
pub mod harness;
pub mod request;
pub mod server_process;
pub mod world;

/// The suite that every pair of store engines has to pass.
#[cfg(feature = "store")]
pub use pentaprism_store::conformance;

#[path = "generated/mod.rs"]
pub mod dialects;
