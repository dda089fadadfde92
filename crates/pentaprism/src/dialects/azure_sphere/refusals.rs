//! What is refused outside of an operation, in the form of all other refusals (D-001, D-003, D-006 to D-008, D-074).

use http::Response;
use http::request::Parts;
use pentaprism_core::path::Unrouted;
use pentaprism_core::{Body, ErrorStatus, InvalidRequest, OperationInfo};
use pentaprism_server::{Refusal, RequestId, retry_after_seconds};

use crate::dialects::excerpt::beginning;
use crate::measure::chain;
use crate::notes;

use super::answer::Answer;

/// Characters of a path that an answer shows.
const SHOWN: usize = 200;

/// Writes a refusal. Of a fault of ours the log gets the causes and the client none.
pub(super) fn refuse(head: &Parts, operation: Option<&OperationInfo>, refusal: &Refusal) -> Response<Body> {
    notes::refused_by(refusal);
    match refusal {
        Refusal::Unauthenticated { token_sent: false } => {
            Answer::unauthorized("there is no token; send Authorization: Bearer with one")
        }
        Refusal::Unauthenticated { token_sent: true } => Answer::unauthorized("the token is not valid"),
        Refusal::RateLimited { retry_after } => Answer::too_many(retry_after_seconds(*retry_after)),
        Refusal::Unrouted(Unrouted::UnknownMethod { allowed }) => {
            let text = format!("this path has no such method; use {}", allowed.join(" or "));
            Answer::new(ErrorStatus::METHOD_NOT_ALLOWED, text).with_allowed(allowed)
        }
        Refusal::Internal(source) => {
            let request = head.extensions.get::<RequestId>().map(|id| id.0.as_str());
            let operation = operation.map(|operation| operation.name);
            // Causes may name parts of requests: the debug form escapes what could forge a line.
            tracing::error!(request, operation, error = ?chain(source.as_ref()), "an internal fault");
            internal().into_response()
        }
        other => answer(head, other).into_response(),
    }
}

fn internal() -> Answer {
    Answer::new(ErrorStatus::INTERNAL_SERVER_ERROR, "something broke inside the server; its log has the cause")
}

fn answer(head: &Parts, refusal: &Refusal) -> Answer {
    let status = match refusal {
        Refusal::Unrouted(_) => {
            let path = beginning(head.uri.path(), SHOWN);
            let text = format!("nothing is at the path '{}'", path.escape_debug());
            return Answer::new(ErrorStatus::NOT_FOUND, text);
        }
        Refusal::Forbidden { reason } => return Answer::new(ErrorStatus::FORBIDDEN, reason),
        Refusal::Invalid(InvalidRequest::Path { problem, .. }) => {
            return Answer::new(ErrorStatus::BAD_REQUEST, format!("the path is refused: {problem}"));
        }
        Refusal::Invalid(invalid) => return Answer::new(ErrorStatus::BAD_REQUEST, invalid),
        Refusal::BodyTooLarge { limit } => {
            let text = format!("the body is larger than {limit} bytes; send a smaller one");
            return Answer::new(ErrorStatus::BAD_REQUEST, text);
        }
        Refusal::BodyInterrupted(_) => {
            let text = "the body broke off, or its framing is wrong; send the request again";
            return Answer::new(ErrorStatus::BAD_REQUEST, text);
        }
        Refusal::BodyStalled(_) => ErrorStatus::REQUEST_TIMEOUT,
        Refusal::MissingHost => ErrorStatus::BAD_REQUEST,
        Refusal::Misdirected => ErrorStatus::MISDIRECTED_REQUEST,
        Refusal::Expectation => ErrorStatus::EXPECTATION_FAILED,
        Refusal::TransferEncoding => ErrorStatus::NOT_IMPLEMENTED,
        Refusal::TimedOut => ErrorStatus::GATEWAY_TIMEOUT,
        Refusal::Unavailable => ErrorStatus::SERVICE_UNAVAILABLE,
        other => {
            tracing::error!(error = ?chain(other), "a request was refused for an unknown reason");
            return internal();
        }
    };
    Answer::new(status, refusal)
}
