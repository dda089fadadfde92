//! The status and the words of what is refused outside of an operation.

use std::time::Duration;

use http::Request;
use pentaprism_core::Location;

use super::*;

async fn refused(refusal: Refusal, operation: Option<&'static OperationInfo>) -> (u16, String) {
    let request = Request::builder().uri("/v2/images/%2e%2e/members/%2e").header("accept", "application/json");
    let (head, ()) = request.body(()).unwrap().into_parts();
    let response = refuse(&Settings::default(), &head, operation, &refusal);
    assert!(response.headers().contains_key("x-openstack-request-id"));
    let status = response.status().as_u16();
    let body = response.into_body().collect(1 << 16).await.unwrap();
    (status, serde_json::from_slice::<serde_json::Value>(&body).unwrap()["message"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn every_refusal_has_its_status() {
    let cause = || Box::new(std::io::Error::other("secret"));
    for (refusal, status, text) in [
        (Refusal::Unrouted(Unrouted::UnknownPath), 404, "The resource could not be found."),
        (Refusal::Unrouted(Unrouted::UnknownMethod { allowed: vec!["PUT"] }), 405, "The method GET is not allowed"),
        (Refusal::Unauthenticated { token_sent: true }, 401, "The request you have made requires authentication."),
        (Refusal::Forbidden { reason: "because" }, 403, "because"),
        (Refusal::RateLimited { retry_after: Duration::from_mins(1) }, 429, "Send it again in 60 seconds."),
        (Refusal::BodyTooLarge { limit: 7 }, 413, "limit of 7 bytes"),
        (Refusal::BodyStalled(Duration::from_secs(5)), 408, "for 5 seconds"),
        (Refusal::BodyInterrupted(cause()), 400, "broke off"),
        (Refusal::Misdirected, 421, "setting hosts"),
        (Refusal::MissingHost, 400, "exactly one Host"),
        (Refusal::TransferEncoding, 501, "Send chunked"),
        (Refusal::Expectation, 417, "100-continue"),
        (Refusal::TimedOut, 503, UNAVAILABLE),
        (Refusal::Unavailable, 503, UNAVAILABLE),
        (Refusal::Internal(cause()), 500, INTERNAL),
    ] {
        let (found, message) = refused(refusal, None).await;
        assert_eq!((found, message.contains(text)), (status, true), "{message}");
        assert!(!message.contains("secret"), "{message}");
    }
}

#[test]
fn one_request_too_many_is_told_when_to_come_back() {
    let (head, ()) = Request::builder().uri("/v2/images").body(()).unwrap().into_parts();
    let refusal = Refusal::RateLimited { retry_after: Duration::from_millis(1500) };
    let response = refuse(&Settings::default(), &head, None, &refusal);
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (429, &HeaderValue::from_static("2")));
    assert!(response.headers().contains_key("x-openstack-request-id"));
}

#[tokio::test]
async fn heads_that_do_not_fit_are_told_by_their_parameter() {
    let upload = Some(&UploadImageData::INFO);
    let parameter = |parameter| InvalidRequest::Parameter { location: Location::Header, parameter, expected: "text" };
    let path =
        || InvalidRequest::Path { parameter: "image_id", problem: pentaprism_core::path::PathProblem::DotSegment };
    let member =
        || InvalidRequest::Path { parameter: "member_id", problem: pentaprism_core::path::PathProblem::DotSegment };
    let media_type = |found: &str| InvalidRequest::ContentType {
        expected: "application/octet-stream",
        found: Some(found.to_owned()),
    };
    for (invalid, operation, status, text) in [
        (media_type("text/plain"), upload, 415, "application/octet-stream, but the request has text/plain."),
        (media_type(" "), upload, 415, "but the request has none."),
        (path(), upload, 400, "No image found with ID %2e%2e"),
        (path(), None, 404, "No image found with ID %2e%2e"),
        (member(), None, 404, "%2e not found in the member list of the image %2e%2e."),
        (parameter("Range"), None, 416, "Invalid Range header."),
        (parameter("x-openstack-image-size"), upload, 400, super::super::upload::INVALID_SIZE),
        (parameter("x-image-meta-store"), upload, 400, "header parameter `x-image-meta-store` must be text"),
    ] {
        let (found, message) = refused(Refusal::Invalid(invalid), operation).await;
        assert_eq!((found, message.contains(text)), (status, true), "{message}");
    }
}
