//! What every generated operation has in common.

use bytes::Bytes;
use http::Request;

use crate::request::{InvalidInput, InvalidRequest, RequestView};
use crate::response::Message;

/// One documented operation: its input, in both directions, with its success and its errors.
///
/// A streamed request or response body is never part of these types; it travels beside them.
pub trait Operation: Sized {
    /// Facts about the operation.
    const INFO: OperationInfo;

    /// The documented success.
    type Ok: Message;

    /// The documented errors, one variant per status.
    type Error: Message + std::error::Error + 'static;

    /// Writes the input as a request with an origin-form URI.
    ///
    /// # Errors
    /// [`InvalidInput`] when a value cannot be carried.
    fn to_request(&self) -> Result<Request<Bytes>, InvalidInput>;

    /// Reads the input from a routed request.
    ///
    /// # Errors
    /// [`InvalidRequest`] naming the first thing that does not fit, in the order content type, path, query, headers, body.
    fn from_request(request: &RequestView<'_>) -> Result<Self, InvalidRequest>;
}

/// What a request carries behind its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestBody {
    /// Nothing; bytes that come are not looked at.
    None,
    /// A document that is collected under a limit and parsed.
    Collected,
    /// Bytes that are handed to the handler as they arrive.
    Streamed,
}

/// Facts about an operation, the same for every call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationInfo {
    /// The dialect's name: the stem of its spec file.
    pub dialect: &'static str,
    /// The operation's name in Rust case.
    pub name: &'static str,
    /// The HTTP method, in capitals.
    pub method: &'static str,
    /// The path template as the spec writes it.
    pub path: &'static str,
    /// Whether a client may send the request again when the answer was lost.
    pub idempotent: bool,
    /// What the request carries.
    pub request_body: RequestBody,
    /// Whether the success carries a streamed body.
    pub streamed_response: bool,
}
