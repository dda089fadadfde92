//! Refusals outside of an operation's own answers (D-001), in the form of all others.

use std::time::Duration;

use http::header::{ALLOW, HeaderValue, RETRY_AFTER};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use pentaprism_core::dialects::glance::models::UnauthorizedResponse;
use pentaprism_core::dialects::glance::upload_image_data::UploadImageData;
use pentaprism_core::path::Unrouted;
use pentaprism_core::{Body, ErrorStatus, InvalidRequest, Operation, OperationInfo, Payload, ResponseBuilder};
use pentaprism_server::{Refusal, retry_after_seconds};

use super::faults::{Fault, request_id};
use super::members::no_member_of;
use super::problem::{INTERNAL, UNAVAILABLE};
use super::show::no_image;
use crate::measure::chain;
use crate::notes;
use crate::settings::{Follow, Settings};
use crate::site::base_url;

/// Writes a refusal.
pub(super) fn refuse(
    settings: &Settings,
    head: &Parts,
    operation: Option<&'static OperationInfo>,
    refusal: &Refusal,
) -> Response<Body> {
    notes::refused_by(refusal);
    match refusal {
        Refusal::Unrouted(Unrouted::UnknownMethod { allowed }) => other_method(head, allowed),
        Refusal::Unauthenticated { .. } => unauthenticated(settings, head),
        Refusal::RateLimited { retry_after } => too_many(head, *retry_after),
        Refusal::Internal(cause) => {
            // Debug output escapes what a cause may quote from a request.
            tracing::error!(cause = ?chain(cause.as_ref()), "a request failed");
            answer(head, &Fault::new(ErrorStatus::INTERNAL_SERVER_ERROR, INTERNAL))
        }
        _ => answer(head, &fault(settings, head, operation, refusal)),
    }
}

fn answer(head: &Parts, fault: &Fault) -> Response<Body> {
    fault.response(head).with_status(fault.status.get()).map(Body::from)
}

/// A known path with another method: 405, but every path has OPTIONS.
fn other_method(head: &Parts, allowed: &[&'static str]) -> Response<Body> {
    let mut response = if head.method == Method::OPTIONS {
        let ok = ResponseBuilder::new(StatusCode::OK).header("X-Openstack-Request-Id", Some(&request_id(head)));
        ok.finish().map(Body::from)
    } else {
        let text =
            format!("The method {} is not allowed for this resource.", super::faults::shown(head.method.as_str()));
        answer(head, &Fault::new(ErrorStatus::METHOD_NOT_ALLOWED, text))
    };
    let allowed = HeaderValue::try_from(allowed.join(", ")).expect("methods of the spec are visible ASCII");
    response.headers_mut().insert(ALLOW, allowed);
    response
}

/// One request too many of a caller with a rate (D-130).
fn too_many(head: &Parts, retry_after: Duration) -> Response<Body> {
    let seconds = retry_after_seconds(retry_after);
    let text = format!("The request was rate-limited. Send it again in {seconds} seconds.");
    let mut response = answer(head, &Fault::new(ErrorStatus::TOO_MANY_REQUESTS, text));
    response.headers_mut().insert(RETRY_AFTER, seconds.into());
    response
}

fn unauthenticated(settings: &Settings, head: &Parts) -> Response<Body> {
    let fault = Fault::new(ErrorStatus::UNAUTHORIZED, "The request you have made requires authentication.");
    let refusal = UnauthorizedResponse {
        x_openstack_request_id: request_id(head),
        www_authenticate: format!("Keystone uri=\"{}\"", base_url(head, settings)),
        body: fault.body(&head.headers),
    };
    refusal.with_status(StatusCode::UNAUTHORIZED).map(Body::from)
}

fn fault(settings: &Settings, head: &Parts, operation: Option<&'static OperationInfo>, refusal: &Refusal) -> Fault {
    match refusal {
        Refusal::Unrouted(_) => Fault::new(ErrorStatus::NOT_FOUND, "The resource could not be found."),
        Refusal::Forbidden { reason } => Fault::new(ErrorStatus::FORBIDDEN, *reason),
        Refusal::Invalid(invalid) => invalid_request(settings, head, operation, invalid),
        Refusal::BodyTooLarge { limit } => Fault::new(
            ErrorStatus::PAYLOAD_TOO_LARGE,
            format!("The body is larger than the limit of {limit} bytes. Send less in one request."),
        ),
        Refusal::BodyStalled(after) => Fault::new(
            ErrorStatus::REQUEST_TIMEOUT,
            format!("No byte of the body came for {} seconds. Send the request again.", after.as_secs()),
        ),
        Refusal::BodyInterrupted(_) => {
            Fault::new(ErrorStatus::BAD_REQUEST, "The body broke off, or its framing is wrong. Send the request again.")
        }
        Refusal::Misdirected => Fault::new(
            ErrorStatus::MISDIRECTED_REQUEST,
            "This server does not answer for the requested host. Ask for it by its public URL, or add the name to its \
             setting hosts.",
        ),
        Refusal::MissingHost => Fault::new(ErrorStatus::BAD_REQUEST, "The request needs exactly one Host header."),
        Refusal::TransferEncoding => Fault::new(
            ErrorStatus::NOT_IMPLEMENTED,
            "The transfer encoding is not supported. Send chunked, or a Content-Length.",
        ),
        Refusal::Expectation => {
            Fault::new(ErrorStatus::EXPECTATION_FAILED, "The expectation is not supported. Send 100-continue, or none.")
        }
        Refusal::TimedOut | Refusal::Unavailable => Fault::new(ErrorStatus::SERVICE_UNAVAILABLE, UNAVAILABLE),
        other => {
            tracing::error!(cause = ?chain(other), "a request was refused for an unknown reason");
            Fault::new(ErrorStatus::INTERNAL_SERVER_ERROR, INTERNAL)
        }
    }
}

/// A request that does not fit its operation. Operations with JSON check it themselves, so that what remains is in the head.
fn invalid_request(
    settings: &Settings,
    head: &Parts,
    operation: Option<&'static OperationInfo>,
    invalid: &InvalidRequest,
) -> Fault {
    match invalid {
        InvalidRequest::ContentType { expected, found } => {
            let found = found.as_deref().filter(|found| !found.trim().is_empty());
            let found = found.map_or_else(|| "none".to_owned(), |found| super::faults::shown(found).into_owned());
            Fault::new(
                ErrorStatus::UNSUPPORTED_MEDIA_TYPE,
                format!("Image data needs the content type {expected}, but the request has {found}."),
            )
        }
        // No id has dots, NUL or broken encodings: it is no UUID (D-012), and no project has them either.
        InvalidRequest::Path { parameter, .. } => {
            let uploads = operation.is_some_and(|operation| *operation == UploadImageData::INFO);
            let status = malformed_id(uploads, settings.glance.follow);
            let mut ids = head.uri.path().split('/').skip(3).step_by(2);
            let image = ids.next().unwrap_or_default();
            match (*parameter, ids.next()) {
                ("member_id", Some(member)) => Fault::new(status, no_member_of(member, image)),
                _ => Fault::new(status, no_image(image)),
            }
        }
        InvalidRequest::Parameter { parameter: "Range" | "Content-Range", .. } => {
            Fault::new(ErrorStatus::RANGE_NOT_SATISFIABLE, "Invalid Range header.")
        }
        InvalidRequest::Parameter { parameter: "x-openstack-image-size", .. } => {
            Fault::new(ErrorStatus::BAD_REQUEST, super::upload::INVALID_SIZE)
        }
        other => Fault::new(ErrorStatus::BAD_REQUEST, other.to_string()),
    }
}

/// The status for an id that is no UUID (D-012).
pub(super) fn malformed_id(uploads: bool, follow: Follow) -> ErrorStatus {
    if uploads && follow == Follow::Document { ErrorStatus::BAD_REQUEST } else { ErrorStatus::NOT_FOUND }
}

#[cfg(test)]
#[path = "tests/refusals.rs"]
mod tests;
