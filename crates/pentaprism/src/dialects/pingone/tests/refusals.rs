//! What is refused outside of operations (D-001, D-110, D-112, D-114).

use pentaprism_server::{Api, Refusal};

use super::*;

/// Clients that find this at the beginning of a message try again for ten minutes.
const TRAP: &str = "The actor attempting to perform the request is not authorized.";

#[tokio::test]
async fn paths_without_a_version_say_so_to_everybody() {
    let world = World::new().await;
    for path in [
        "/environments".to_owned(),
        "/environments/".to_owned(),
        format!("/environments/{ENVIRONMENT}"),
        format!("/environments/{ENVIRONMENT}/images"),
        format!("/environments/{ENVIRONMENT}/images/{UNKNOWN}"),
        format!("/environments/{ENVIRONMENT}/images/{UNKNOWN}/a/b"),
    ] {
        for method in ["GET", "POST"] {
            let (message, _) = world.anybody(method, &path).await.refused(404, "NOT_FOUND");
            assert_eq!(message, "The requested resource was not found. Paths of this API begin with /v1.", "{path}");
        }
    }
    for path in ["/v1/environments", "/v1/environments/", "/v1//environments", "/v1", "/"] {
        assert_eq!(world.anybody("GET", path).await.refused(401, "ACCESS_FAILED").1, "INVALID_TOKEN", "{path}");
        let (message, _) = world.ask("GET", path).await.refused(404, "NOT_FOUND");
        assert_eq!(message, "The requested resource was not found.", "{path}");
    }
}

#[tokio::test]
async fn other_methods_are_405_with_those_that_there_are() {
    let world = World::new().await;
    let image = format!("{}/{UNKNOWN}", images(ENVIRONMENT));
    for (path, allowed) in [
        (images(ENVIRONMENT), "POST"),
        (image, "GET, DELETE"),
        (format!("/v1/environments/{ENVIRONMENT}"), "GET"),
        (format!("/environments/{ENVIRONMENT}/images/{UNKNOWN}/a"), "GET, HEAD"),
    ] {
        let refused = world.ask("PUT", &path).await;
        refused.refused(405, "INVALID_REQUEST");
        assert_eq!(refused.header("allow"), Some(allowed), "{path}");
    }
}

#[tokio::test]
async fn a_wrong_token_is_told_from_none() {
    let world = World::new().await;
    for (token, sentence) in [
        (None, "The request has no bearer token."),
        (Some("Bearer x"), "The token is not valid."),
        (Some("Basic x"), "The request has no bearer token."),
    ] {
        let mut request = Request::get(format!("/v1/environments/{ENVIRONMENT}"));
        if let Some(token) = token {
            request = request.header("authorization", token);
        }
        let refused = world.call(request.body(Body::empty()).unwrap()).await;
        assert_eq!(refused.refused(401, "ACCESS_FAILED").1, "INVALID_TOKEN");
        assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
        assert_eq!(refused.json(401)["details"][0]["message"], sentence);
    }
}

#[tokio::test]
async fn each_refusal_has_its_status_and_tells_no_cause() {
    let world = World::new().await;
    let request = Request::get("/v1").extension(RequestId(format!("req-{REQUEST}"))).body(()).expect("a request");
    let (head, ()) = request.into_parts();
    for (refusal, status, code) in [
        (Refusal::Misdirected, 421, "INVALID_REQUEST"),
        (Refusal::MissingHost, 400, "INVALID_REQUEST"),
        (Refusal::TransferEncoding, 501, "INVALID_REQUEST"),
        (Refusal::Expectation, 417, "INVALID_REQUEST"),
        (Refusal::BodyTooLarge { limit: 0 }, 413, "INVALID_REQUEST"),
        (Refusal::BodyStalled(Duration::from_secs(1)), 408, "REQUEST_FAILED"),
        (Refusal::BodyInterrupted("secret".into()), 400, "REQUEST_FAILED"),
        (Refusal::Forbidden { reason: "No." }, 403, "ACCESS_FAILED"),
        (Refusal::TimedOut, 500, "UNEXPECTED_ERROR"),
        (Refusal::Unavailable, 500, "UNEXPECTED_ERROR"),
        (Refusal::Internal("secret".into()), 500, "UNEXPECTED_ERROR"),
        (Refusal::RateLimited { retry_after: Duration::from_secs(1) }, 429, "REQUEST_LIMITED"),
    ] {
        let (head, body) = world.pingone.refuse(&head, None, refusal).into_parts();
        let body = body.collect(1 << 10).await.unwrap();
        let answered = Answered { status: head.status, headers: head.headers, body };
        let (message, _) = answered.refused(status, code);
        assert!(!message.contains("secret") && !message.starts_with(TRAP), "{message}");
        assert!(status != 421 || message.contains("the setting `hosts`"), "{message}");
        assert_eq!(answered.header("correlation-id"), Some(REQUEST));
    }
}

#[tokio::test]
async fn a_request_without_an_id_is_refused_all_the_same() {
    let world = World::new().await;
    let (head, ()) = Request::get("/v1").body(()).expect("a request").into_parts();
    let response = world.pingone.refuse(&head, None, Refusal::Misdirected);
    assert_eq!(response.headers()["correlation-id"], Uuid::nil().to_string());
}
