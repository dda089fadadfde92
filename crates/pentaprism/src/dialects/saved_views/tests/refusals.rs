//! Tests of refusals outside of operations, each in the schema of all others.

use pentaprism_server::{Api, Refusal};

use super::*;

#[tokio::test]
async fn what_matches_no_operation_is_refused_after_the_token() {
    let world = World::new().await;
    for path in ["/savedviews/a/b", "/savedviews/a/image/", "/savedviews//"] {
        let answered = world.send(OWNER, "GET", path, Body::empty()).await;
        let code = if path.ends_with("image/") { "SavedViewNotFound" } else { "ResourceNotFound" };
        answered.expect_refusal(404, code);
    }
    let answered = world.send(OWNER, "PATCH", &view(DEFAULT_SAVED_VIEW), Body::empty()).await;
    answered.expect_refusal(405, "MethodNotAllowed");
    assert_eq!(answered.headers["allow"], "GET, DELETE");
    for path in ["/savedviews/a/b", "/savedviews/a"] {
        let answered = world.send("wrong", "PATCH", path, Body::empty()).await;
        answered.expect_refusal(401, "Unauthorized");
        assert_eq!(answered.headers["www-authenticate"], "Bearer");
    }
    let request = Request::get("/savedviews/a/b").body(Body::empty()).expect("a request");
    world.call(request).await.expect_refusal(401, "HeaderNotFound");
}

#[tokio::test]
async fn ids_and_parameters_that_are_no_text_have_the_usual_answers() {
    let world = World::new().await;
    for path in ["/savedviews/%FF", "/savedviews/%FF/image", "/savedviews/a%2Fb"] {
        world.send(OWNER, "GET", path, Body::empty()).await.expect_refusal(404, "SavedViewNotFound");
    }
    for size in ["size=large", "size=Full", "size=", "size=%FF"] {
        let path = format!("{}?{size}", image(DEFAULT_SAVED_VIEW));
        let code = if size == "size=" { (404, "ImageNotFound") } else { (422, "InvalidSavedviewsRequest") };
        world.send(OWNER, "GET", &path, Body::empty()).await.expect_refusal(code.0, code.1);
    }
    let request = Request::get(view(DEFAULT_SAVED_VIEW)).header("authorization", format!("Bearer {OWNER}"));
    let prefer = http::HeaderValue::from_bytes(b"return=\xff").expect("bytes");
    world.call(request.header("prefer", prefer).body(Body::empty()).expect("a request")).await.expect(200);
}

#[tokio::test]
async fn bodies_have_limits() {
    let mut settings = settings();
    settings.saved_views.body_bytes = 1_000_000;
    let world = World::with(settings).await;
    for (method, path, limit) in [
        ("PUT", image(DEFAULT_SAVED_VIEW), 1_000_000),
        ("PUT", image("unknown"), 1_000_000),
        ("POST", view(""), 262_144),
    ] {
        let answered = world.send(OWNER, method, &path, vec![b' '; limit + 1]).await;
        let message = answered.expect_refusal(413, "RequestEntityTooLarge");
        assert_eq!(message, format!("The request body must have at most {limit} bytes."));
    }
}

#[tokio::test]
async fn every_refusal_has_code_and_message() {
    let world = World::new().await;
    let (head, ()) = Request::get("/savedviews").body(()).expect("a request").into_parts();
    for (refusal, status, code) in [
        (Refusal::BodyStalled(Duration::from_secs(1)), 408, "RequestTimeout"),
        (Refusal::BodyTooLarge { limit: 7 }, 413, "RequestEntityTooLarge"),
        (Refusal::MissingHost, 400, "BadRequest"),
        (Refusal::Misdirected, 421, "MisdirectedRequest"),
        (Refusal::Expectation, 417, "ExpectationFailed"),
        (Refusal::TransferEncoding, 501, "NotImplemented"),
        (Refusal::Forbidden { reason: "secret" }, 403, "InsufficientPermissions"),
        (Refusal::TimedOut, 500, "InternalServerError"),
        (Refusal::Unavailable, 500, "InternalServerError"),
        (Refusal::Internal("secret".into()), 500, "InternalServerError"),
        (Refusal::RateLimited { retry_after: Duration::from_millis(1500) }, 429, "TooManyRequests"),
    ] {
        let (head, body) = world.views.refuse(&head, None, refusal).into_parts();
        let body = body.collect(1 << 10).await.unwrap();
        let message =
            Answered { status: head.status, headers: head.headers.clone(), body }.expect_refusal(status, code);
        assert!(message.ends_with('.') && !message.contains("secret"), "{message}");
        assert!(status != 421 || message.contains("the setting `hosts`"), "{message}");
        assert_eq!(
            head.headers.get("retry-after").map(http::HeaderValue::as_bytes),
            (status == 429).then_some(&b"2"[..])
        );
    }
}
