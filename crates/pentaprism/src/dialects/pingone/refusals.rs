//! What is refused outside of an operation, in the form of all other refusals (D-001, D-003, D-006 to D-008, D-112).

use http::Response;
use http::request::Parts;
use pentaprism_core::dialects::pingone::models::P1ErrorCode;
use pentaprism_core::dialects::pingone::models::P1ErrorDetailCode::InsufficientPermissions;
use pentaprism_core::path::Unrouted;
use pentaprism_core::{Body, ErrorStatus, InvalidRequest, OperationInfo};
use pentaprism_server::{Refusal, RequestId, retry_after_seconds};

use crate::access::has_bearer;
use crate::measure::chain;
use crate::notes;

use super::answer::{Answer, detail};

/// Whether a path is one of those that have pictures and nothing else: whoever asks for something else there forgot the
/// version (D-110).
pub(super) fn lacks_version(path: &str) -> bool {
    path.split('/').find(|segment| !segment.is_empty()) == Some("environments")
}

/// Writes a refusal. Of a fault of ours the log gets the causes and the client none.
pub(super) fn refuse(head: &Parts, operation: Option<&OperationInfo>, refusal: &Refusal) -> Response<Body> {
    notes::refused_by(refusal);
    match refusal {
        Refusal::Unauthenticated { token_sent: true } if has_bearer(&head.headers) => {
            Answer::unauthorized(head, "The token is not valid.")
        }
        Refusal::Unauthenticated { .. } => Answer::unauthorized(head, "The request has no bearer token."),
        Refusal::RateLimited { retry_after } => Answer::too_many(head, retry_after_seconds(*retry_after)),
        Refusal::Unrouted(Unrouted::UnknownMethod { allowed }) => {
            let text = format!("The path has no such method; use {}.", allowed.join(" or "));
            Answer::invalid_request(ErrorStatus::METHOD_NOT_ALLOWED, text).with_allowed(head, allowed)
        }
        Refusal::Internal(source) => {
            let request = head.extensions.get::<RequestId>().map(|id| id.0.as_str());
            let operation = operation.map(|operation| operation.name);
            // Causes may name parts of requests: the debug form escapes what could forge a line.
            tracing::error!(request, operation, error = ?chain(source.as_ref()), "an internal fault");
            Answer::unexpected().into_response(head)
        }
        other => answer(head, other).into_response(head),
    }
}

fn answer(head: &Parts, refusal: &Refusal) -> Answer {
    let (status, sentence) = match refusal {
        Refusal::Unrouted(_) if lacks_version(head.uri.path()) => {
            return Answer::not_found().adding("Paths of this API begin with /v1.");
        }
        // No id of ours has broken encodings, NUL or dots.
        Refusal::Unrouted(_) | Refusal::Invalid(InvalidRequest::Path { .. }) => return Answer::not_found(),
        Refusal::Invalid(_) => (ErrorStatus::BAD_REQUEST, "The request has another form than its operation."),
        Refusal::Forbidden { reason } => {
            return Answer::access_failed(ErrorStatus::FORBIDDEN, detail(InsufficientPermissions, *reason));
        }
        Refusal::BodyTooLarge { .. } => (ErrorStatus::PAYLOAD_TOO_LARGE, "The body is too large; send a smaller one."),
        Refusal::BodyStalled(_) => {
            let sentence = "The body did not come in time; send the request again.";
            return Answer::new(ErrorStatus::REQUEST_TIMEOUT, P1ErrorCode::RequestFailed, sentence);
        }
        Refusal::BodyInterrupted(_) => {
            let sentence = "The body broke off, or its framing is wrong; send the request again.";
            return Answer::new(ErrorStatus::BAD_REQUEST, P1ErrorCode::RequestFailed, sentence);
        }
        Refusal::MissingHost => (ErrorStatus::BAD_REQUEST, "The request needs exactly one Host header."),
        Refusal::Misdirected => (
            ErrorStatus::MISDIRECTED_REQUEST,
            "This server does not answer for the requested host; add the host to the setting `hosts`.",
        ),
        Refusal::Expectation => {
            (ErrorStatus::EXPECTATION_FAILED, "The expectation is not supported; send 100-continue or none.")
        }
        Refusal::TransferEncoding => {
            (ErrorStatus::NOT_IMPLEMENTED, "The transfer encoding is not supported; send chunked or a content length.")
        }
        other => {
            tracing::error!(error = ?chain(other), "a request could not be answered");
            return Answer::unexpected();
        }
    };
    Answer::invalid_request(status, sentence)
}
