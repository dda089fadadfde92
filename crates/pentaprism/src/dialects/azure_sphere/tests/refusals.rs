//! The status and the words of what is refused outside of an operation.

use std::time::Duration;

use http::Request;
use pentaprism_core::path::{PathProblem, Unrouted};
use pentaprism_core::{Body, InvalidRequest};
use pentaprism_server::{Api, Refusal};

use super::{Answered, TENANT, World, settings};

async fn refuse(world: &World, refusal: Refusal) -> Answered {
    let (head, ()) = Request::builder().uri("/v2/tenants/%0a").body(()).expect("a request").into_parts();
    let (head, body) = Api::refuse(&*world.sphere, &head, None, refusal).into_parts();
    let body = body.collect(1 << 16).await.expect("the body is whole");
    Answered { status: head.status, headers: head.headers, body }
}

#[tokio::test]
async fn every_refusal_has_the_form_of_all_others() {
    let world = World::waiting(settings()).await;
    let cause = || std::io::Error::other("secret").into();
    let path = InvalidRequest::Path { parameter: "tenantId", problem: PathProblem::DotSegment };
    for (refusal, status, code, text) in [
        (Refusal::Unrouted(Unrouted::UnknownPath), 404, "NotFound", "/v2/tenants/%0a"),
        (Refusal::Unrouted(Unrouted::UnknownMethod { allowed: vec!["GET", "PUT"] }), 405, "BadRequest", "GET or PUT"),
        (Refusal::Unauthenticated { token_sent: true }, 401, "Unauthorized", "not valid"),
        (Refusal::Unauthenticated { token_sent: false }, 401, "Unauthorized", "Authorization: Bearer"),
        (Refusal::Forbidden { reason: "this is not for you" }, 403, "BadRequest", "not for you"),
        (Refusal::RateLimited { retry_after: Duration::from_millis(1500) }, 429, "TooManyRequests", "in 2 seconds."),
        (Refusal::Invalid(path), 400, "BadRequest", "The path is refused: "),
        (Refusal::Invalid(InvalidRequest::MissingBody), 400, "BadRequest", "body"),
        (Refusal::BodyTooLarge { limit: 7 }, 400, "BadRequest", "7 bytes"),
        (Refusal::BodyInterrupted(cause()), 400, "BadRequest", "broke off"),
        (Refusal::BodyStalled(Duration::from_secs(5)), 408, "BadRequest", "5 seconds"),
        (Refusal::MissingHost, 400, "BadRequest", "host"),
        (Refusal::Misdirected, 421, "BadRequest", "the setting `hosts`"),
        (Refusal::Expectation, 417, "BadRequest", "100-continue"),
        (Refusal::TransferEncoding, 501, "BadRequest", "chunked"),
        (Refusal::TimedOut, 504, "InternalServerError", "in time"),
        (Refusal::Unavailable, 503, "InternalServerError", "available"),
        (Refusal::Internal(cause()), 500, "InternalServerError", "its log has the cause"),
    ] {
        let answered = refuse(&world, refusal).await;
        let told = answered.refused(status, code);
        assert!(told.contains(text) && !told.contains("secret"), "{told}");
    }
}

#[tokio::test]
async fn headers_say_what_to_do() {
    let world = World::waiting(settings()).await;
    let late = refuse(&world, Refusal::RateLimited { retry_after: Duration::from_millis(3) }).await;
    assert_eq!(late.headers["retry-after"], "1");
    assert!(late.refused(429, "TooManyRequests").ends_with("in 1 second."));
    let method = refuse(&world, Refusal::Unrouted(Unrouted::UnknownMethod { allowed: vec!["GET", "PUT"] })).await;
    assert_eq!(method.headers["allow"], "GET, PUT");
    let unknown = refuse(&world, Refusal::Unauthenticated { token_sent: false }).await;
    assert_eq!(unknown.headers["www-authenticate"], "Bearer");
}

#[tokio::test]
async fn what_a_request_brings_is_shown_escaped_and_cut() {
    let world = World::waiting(settings()).await;
    let told = world.get("/v2/tenants/a%0A%1B%27b/images/x").await.refused(400, "BadRequest");
    assert!(told.starts_with(r"The tenant id 'a\n\u{1b}\'b' is not a UUID"), "{told}");
    let long = "x".repeat(5000);
    for path in [format!("/v2/tenants/{long}/images/x"), format!("/v2/tenants/{TENANT}/images/{long}")] {
        let told = world.get(&path).await.refused(400, "BadRequest");
        assert!(told.len() < 200 && told.contains('…'), "{told}");
    }
    let told = world.get(&format!("/v2/tenants/{long}")).await.refused(404, "NotFound");
    assert!(told.len() < 300 && told.contains('…'), "{told}");
    let told = world.ask("POST", "/v2/tenants/%ff/images", Body::empty()).await.refused(400, "BadRequest");
    assert!(told.starts_with("The path is refused: "), "{told}");
}
