//! What is refused outside of an operation, in the schema of all others (D-092, D-093, D-096).

use std::time::Duration;

use http::header::{ALLOW, HeaderValue};
use http::{Response, StatusCode};
use pentaprism_core::dialects::saved_views::get_all_saved_views::GetAllSavedViews;
use pentaprism_core::dialects::saved_views::get_image::GetImage;
use pentaprism_core::dialects::saved_views::models::{ErrorCode, TooManyRequestsResponse};
use pentaprism_core::path::Unrouted;
use pentaprism_core::{Body, InvalidRequest, Location, Operation, OperationInfo, Payload};
use pentaprism_server::{Refusal, retry_after_seconds};

use super::answer::{Answer, forbidden, too_busy, too_large, view_not_found};
use super::image::unknown_size;
use super::list_query::unreadable;
use crate::dialects::outage::INTERNAL;
use crate::measure::chain;
use crate::notes;
use crate::settings::Follow;

/// Writes a refusal. Of a fault of ours the log gets the causes and the client none.
pub(super) fn refuse(follow: Follow, operation: Option<&OperationInfo>, refusal: &Refusal) -> Response<Body> {
    notes::refused_by(refusal);
    match refusal {
        Refusal::RateLimited { retry_after } => return too_many(follow, *retry_after),
        Refusal::Internal(cause) => {
            // Debug output escapes what a cause may quote from a request.
            tracing::error!(cause = ?chain(cause.as_ref()), "a request failed");
        }
        _ => {}
    }
    let mut response = answer(operation, refusal).into_response();
    if let Refusal::Unrouted(Unrouted::UnknownMethod { allowed }) = refusal {
        let allowed = HeaderValue::try_from(allowed.join(", ")).expect("methods of the spec are visible ASCII");
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}

/// One request too many of a caller with a rate.
fn too_many(follow: Follow, retry_after: Duration) -> Response<Body> {
    let (code, message) = match follow {
        Follow::Document => {
            (ErrorCode::TooManyRequests, "More requests were received than the subscription rate-limit allows.")
        }
        Follow::Service => (
            ErrorCode::RateLimitExceeded,
            "The client sent more requests than allowed by this API for the current tier of the client.",
        ),
    };
    let answer = Answer::new(StatusCode::TOO_MANY_REQUESTS, code, message);
    let retry_after = i64::try_from(retry_after_seconds(retry_after)).ok();
    let status = answer.status;
    let body = answer.into_body();
    let refused = TooManyRequestsResponse {
        retry_after,
        itwin_platform_rate_limited_tier: None,
        itwin_platform_rate_limited_api: None,
        itwin_platform_rate_limited_operation: None,
        itwin_platform_rate_limited_application: None,
        body,
    };
    refused.with_status(status).map(Body::from)
}

fn answer(operation: Option<&OperationInfo>, refusal: &Refusal) -> Answer {
    use ErrorCode as Code;
    let (status, code, message) = match refusal {
        Refusal::Unrouted(Unrouted::UnknownPath) => {
            (StatusCode::NOT_FOUND, Code::ResourceNotFound, "Requested resource is not available.")
        }
        Refusal::Unrouted(Unrouted::UnknownMethod { .. }) => {
            (StatusCode::METHOD_NOT_ALLOWED, Code::MethodNotAllowed, "The method is not allowed on this resource.")
        }
        Refusal::Unauthenticated { token_sent: false } => (
            StatusCode::UNAUTHORIZED,
            Code::HeaderNotFound,
            "Header Authorization was not found in the request. Access denied.",
        ),
        Refusal::Unauthenticated { token_sent: true } => (
            StatusCode::UNAUTHORIZED,
            Code::Unauthorized,
            "Access denied due to invalid access_token. Make sure to provide a valid token for this API endpoint.",
        ),
        Refusal::Forbidden { .. } => return forbidden(),
        Refusal::Invalid(invalid) => return unfit(operation, invalid),
        Refusal::BodyTooLarge { limit } => {
            return too_large(format!("The request body must have at most {limit} bytes."));
        }
        Refusal::BodyStalled(_) => {
            (StatusCode::REQUEST_TIMEOUT, Code::RequestTimeout, "The request body did not come in time.")
        }
        Refusal::BodyInterrupted(_) => {
            (StatusCode::BAD_REQUEST, Code::BadRequest, "The request body broke off, or its framing is wrong.")
        }
        Refusal::MissingHost => {
            (StatusCode::BAD_REQUEST, Code::BadRequest, "The request must have exactly one Host header.")
        }
        Refusal::Misdirected => (
            StatusCode::MISDIRECTED_REQUEST,
            Code::MisdirectedRequest,
            "This server does not answer for the requested host; add the host to the setting `hosts`.",
        ),
        Refusal::Expectation => (
            StatusCode::EXPECTATION_FAILED,
            Code::ExpectationFailed,
            "The expectation is not supported; send 100-continue or none.",
        ),
        Refusal::TransferEncoding => (
            StatusCode::NOT_IMPLEMENTED,
            Code::NotImplemented,
            "The transfer encoding is not supported; send chunked or a content length.",
        ),
        Refusal::TimedOut | Refusal::Unavailable => return too_busy(),
        _ => return Answer::internal(INTERNAL),
    };
    Answer::new(status, code, message)
}

/// A request that does not fit its operation. An id that cannot be read is none that was ever made.
fn unfit(operation: Option<&OperationInfo>, invalid: &InvalidRequest) -> Answer {
    match invalid {
        InvalidRequest::Parameter { location: Location::Query, .. } if operation == Some(&GetImage::INFO) => {
            unknown_size()
        }
        InvalidRequest::Parameter { location: Location::Query, parameter, .. }
            if operation == Some(&GetAllSavedViews::INFO) =>
        {
            unreadable(parameter)
        }
        InvalidRequest::Path { .. } => view_not_found(),
        other => Answer::new(StatusCode::BAD_REQUEST, ErrorCode::BadRequest, format!("The request is wrong: {other}.")),
    }
}
