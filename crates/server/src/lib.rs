//! Server bindings: for whoever implements one of the APIs that Pentaprism speaks.
//!
//! Per dialect there is a trait with one method per documented operation, a `route` function and a `serve` function that
//! takes a request and returns the response. A handler returns the operation's documented success or error, or an
//! internal fault; it cannot produce anything else. What happens outside an operation (an unknown path, a body that is
//! no JSON, a missing token) is a [`Refusal`], and each dialect writes it in its own error schema.
//!
//! The bindings know no storage.

mod api;
#[cfg(feature = "connection")]
mod budget;
mod call;
#[cfg(feature = "connection")]
pub mod connection;
pub mod cors;

#[path = "generated/mod.rs"]
pub mod dialects;

pub use api::{Api, Failure, Refusal, retry_after_seconds};
#[cfg(feature = "connection")]
pub use budget::{BodyBudget, Reservation};
pub use call::{Call, OperationSlot, RequestId, Share};

#[doc(hidden)]
pub mod dispatch;
