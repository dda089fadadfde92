//! What is refused outside of the operation, in the same form: one sentence (D-131).

use http::header::{ALLOW, HeaderValue};
use http::{Response, StatusCode};
use pentaprism_core::dialects::public::models::RefusedResponse;
use pentaprism_core::path::Unrouted;
use pentaprism_core::{Body, Payload};
use pentaprism_server::Refusal;

use crate::dialects::outage::INTERNAL;
use crate::measure::chain;
use crate::notes;

use super::problem::NOTHING;

/// Writes a refusal. Of a fault of ours the log gets the causes and the client none.
pub(super) fn refuse(refusal: &Refusal) -> Response<Body> {
    notes::refused_by(refusal);
    if let Refusal::Internal(cause) = refusal {
        // Debug output escapes what a cause may quote from a request.
        tracing::error!(cause = ?chain(cause.as_ref()), "a request failed");
    }
    let (status, sentence) = answer(refusal);
    let mut response = RefusedResponse { body: sentence.to_owned() }.with_status(status).map(Body::from);
    if let Refusal::Unrouted(Unrouted::UnknownMethod { allowed }) = refusal {
        let allowed = HeaderValue::try_from(allowed.join(", ")).expect("methods of the spec are visible ASCII");
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}

fn answer(refusal: &Refusal) -> (StatusCode, &'static str) {
    match refusal {
        Refusal::Unrouted(Unrouted::UnknownMethod { .. }) => {
            (StatusCode::METHOD_NOT_ALLOWED, "A file can only be read; use GET or HEAD.")
        }
        Refusal::Unrouted(Unrouted::UnknownPath) | Refusal::Invalid(_) => (StatusCode::NOT_FOUND, NOTHING),
        Refusal::BodyTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "A request for a file has no body."),
        Refusal::BodyStalled(_) => (StatusCode::REQUEST_TIMEOUT, "The body of the request did not come in time."),
        Refusal::BodyInterrupted(_) => {
            (StatusCode::BAD_REQUEST, "The body broke off, or its framing is wrong; send the request again.")
        }
        Refusal::MissingHost => (StatusCode::BAD_REQUEST, "The request needs exactly one Host header."),
        Refusal::Misdirected => (
            StatusCode::MISDIRECTED_REQUEST,
            "This server does not answer for the requested host; add the host to the setting `hosts`.",
        ),
        Refusal::Expectation => {
            (StatusCode::EXPECTATION_FAILED, "The expectation is not supported; send 100-continue or none.")
        }
        Refusal::TransferEncoding => {
            (StatusCode::NOT_IMPLEMENTED, "The transfer encoding is not supported; send chunked or a content length.")
        }
        _ => (StatusCode::INTERNAL_SERVER_ERROR, INTERNAL),
    }
}
