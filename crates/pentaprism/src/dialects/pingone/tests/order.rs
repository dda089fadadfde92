//! Which of several mistakes is told, from requests that have two of them (D-111, D-113).

use super::*;

/// An upload with all mistakes at once, but those that `right` names.
async fn upload_but(world: &World, right: &[&str]) -> Answered {
    let is = |name| right.contains(&name);
    let environment = match () {
        () if is("rights") => ENVIRONMENT,
        () if is("environment") => OTHER,
        () => UNKNOWN,
    };
    let mut request = Request::post(images(environment));
    if is("token") {
        request = request.header("authorization", format!("Bearer {ADMIN}"));
    }
    let media_type = if is("type") { "image/gif" } else { "application/json" };
    let body = match () {
        () if is("length") => Body::from("no picture"),
        () => Body::from(vec![b'x'; 4096]),
    };
    world.call(request.header("content-type", media_type).body(body).expect("a request")).await
}

#[tokio::test]
async fn the_first_mistake_in_the_documented_order_is_told() {
    let world = World::with(limited(Follow::Document, 1024, None)).await;
    let mut right = Vec::new();
    for (next, status, code, detail) in [
        ("token", 401, "ACCESS_FAILED", "INVALID_TOKEN"),
        ("environment", 404, "NOT_FOUND", ""),
        ("rights", 403, "ACCESS_FAILED", "INSUFFICIENT_PERMISSIONS"),
        ("type", 415, "INVALID_REQUEST", ""),
        ("length", 400, "INVALID_DATA", "SIZE_LIMIT_EXCEEDED"),
        ("picture", 400, "INVALID_DATA", "INVALID_VALUE"),
    ] {
        let refused = upload_but(&world, &right).await.refused(status, code);
        assert_eq!(refused.1, detail, "before {next}");
        right.push(next);
    }
    world.is_empty().await;
}

#[tokio::test]
async fn the_limit_comes_before_the_quota_and_both_before_the_body() {
    for (limit, quota, status) in [(10, Some(5), 400), (1 << 20, Some(5), 403)] {
        for follow in [Follow::Document, Follow::Service] {
            let world = World::with(limited(follow, limit, quota)).await;
            assert_eq!(world.post("a.gif", Bytes::from_static(b"no picture at all")).await.status, status);
        }
    }
}

#[tokio::test]
async fn the_rate_comes_before_everything_but_the_token() {
    let mut settings = settings();
    settings.principals[0].rate = "1/min".parse().ok();
    let world = World::with(settings).await;
    assert_eq!(world.ask("GET", &format!("/v1/environments/{UNKNOWN}")).await.status, 404);
    for path in [format!("/v1/environments/{UNKNOWN}"), images(OTHER), "/v1/environments".to_owned()] {
        let refused = world.ask("POST", &path).await;
        assert_eq!(refused.refused(429, "REQUEST_LIMITED").1, "LIMIT_EXCEEDED");
        let seconds = refused.header("retry-after").and_then(|text| text.parse::<i64>().ok()).expect("a number");
        assert!((1..=60).contains(&seconds), "{seconds}");
        let detail = &refused.json(429)["details"][0];
        assert_eq!(detail["innerError"]["retryAfter"], seconds);
        assert_eq!(world.anybody("POST", &path).await.status, 401);
    }
    // Pictures have no rate.
    assert_eq!(world.anybody("GET", &format!("/environments/{ENVIRONMENT}/images/{UNKNOWN}/a")).await.status, 404);
}

#[tokio::test]
async fn an_environment_is_looked_for_before_an_image() {
    let world = World::new().await;
    for (environment, image, status) in [
        (UNKNOWN.to_string(), UNKNOWN.to_string(), 404),
        (OTHER.to_string(), UNKNOWN.to_string(), 403),
        (OTHER.to_string(), "x".to_owned(), 403),
        (ENVIRONMENT.to_string(), UNKNOWN.to_string(), 404),
        (ENVIRONMENT.to_string(), "x".to_owned(), 404),
        (ENVIRONMENT.to_string(), "%ff".to_owned(), 404),
        (ENVIRONMENT.to_string().to_uppercase(), UNKNOWN.to_string(), 404),
        ("%2e%2e".to_owned(), UNKNOWN.to_string(), 404),
    ] {
        for method in ["GET", "DELETE"] {
            let path = format!("/v1/environments/{environment}/images/{image}");
            assert_eq!(world.ask(method, &path).await.status, status, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_principal_that_pingone_does_not_know_has_no_environment() {
    let mut settings = settings();
    settings.principals[0].pingone = None;
    let world = World::with(settings).await;
    let path = format!("/v1/environments/{ENVIRONMENT}");
    let refused = world.ask("GET", &path).await;
    assert_eq!(refused.refused(403, "ACCESS_FAILED").1, "INSUFFICIENT_PERMISSIONS");
    assert_eq!(world.ask("GET", &format!("/v1/environments/{UNKNOWN}")).await.status, 404);
}
