//! What the Saved Views client sends beside its operations, and how little it counts on in a refusal.

use http::{Request, Response};
use pentaprism_client::dialects::saved_views::SavedViewsClient;
use pentaprism_client::{Credential, Error, InProcess};
use pentaprism_core::Body;
use pentaprism_core::dialects::saved_views::get_image::{GetImage, GetImageError};
use pentaprism_core::dialects::saved_views::models::{ErrorCode, ImageUpdate, SavedViewsError};
use pentaprism_core::dialects::saved_views::update_image::UpdateImage;

async fn refused_with(body: &'static str) -> Error<GetImageError> {
    let service = InProcess(move |request: Request<Body>| {
        // D-109: what the document recommends.
        assert_eq!(request.headers()["accept"], "application/vnd.bentley.itwin-platform.v1+json");
        assert_eq!(request.headers()["authorization"], "Bearer secret");
        assert_eq!(request.uri(), "http://views.example/savedviews/an-id/image?size=full");
        let answer = Response::builder().status(404).header("content-type", "application/json").body(Body::from(body));
        std::future::ready(answer.expect("it is a response"))
    });
    let base = "http://views.example".parse().expect("it is a base URL");
    let client = SavedViewsClient::new(service, base, Credential::bearer("secret").expect("it is text"));
    let input = GetImage { saved_view_id: "an-id".to_owned(), size: Some("full".to_owned()) };
    client.get_image(&input).await.expect_err("it is refused")
}

async fn error_in(body: &'static str) -> SavedViewsError {
    match refused_with(body).await {
        Error::Refused(GetImageError::NotFound { body }) => body.error,
        other => panic!("{body}: {other:?}"),
    }
}

#[tokio::test]
async fn members_of_a_refusal_may_be_null_missing_or_new() {
    let error = error_in(r#"{"error":{"code":"ImageNotFound","message":null,"target":null,"details":null}}"#).await;
    assert_eq!(error, SavedViewsError { code: Some(ErrorCode::ImageNotFound), ..SavedViewsError::default() });
    assert_eq!(error_in(r#"{"error":{}}"#).await, SavedViewsError::default());
    let error = error_in(r#"{"error":{"code":"SomethingElse","innererror":{}}}"#).await;
    assert_eq!(error.code.map(|code| code.as_str().to_owned()), Some("SomethingElse".to_owned()));
}

#[tokio::test]
async fn a_refusal_of_another_form_is_kept_as_it_came() {
    let Error::Undocumented { response, .. } = refused_with("<html>").await else { panic!("it is no refusal") };
    assert_eq!((response.status.as_u16(), response.body.as_ref()), (404, b"<html>".as_slice()));
}

#[tokio::test]
async fn a_picture_is_uploaded_from_its_model() {
    let service = InProcess(|request: Request<Body>| async move {
        assert_eq!((request.method().as_str(), request.uri().path()), ("PUT", "/savedviews/an-id/image"));
        assert_eq!(request.headers()["content-type"], "application/json");
        let body = request.into_body().collect(1024).await.expect("it is in memory");
        assert_eq!(body, r#"{"image":"data:image/png;base64,iVBORw0KGgo="}"#);
        Response::builder().status(204).body(Body::empty()).expect("it is a response")
    });
    let base = "http://views.example".parse().expect("it is a base URL");
    let client = SavedViewsClient::new(service, base, Credential::bearer("secret").expect("it is text"));
    let body = UpdateImage::json_body(&ImageUpdate::png(b"\x89PNG\r\n\x1a\n")).expect("it is text");
    client.update_image(&UpdateImage { saved_view_id: "an-id".to_owned(), body }).await.expect("it is taken");
}

#[tokio::test]
async fn a_refusal_prints_what_the_service_says() {
    let printed = async |body| refused_with(body).await.refused().map(ToString::to_string);
    let says = |words: &str| Some(format!("the service answered 404 Not Found{words}"));
    let body = r#"{"error":{"code":"SavedViewNotFound","message":"Requested savedview is not available."}}"#;
    assert_eq!(printed(body).await, says(": SavedViewNotFound: Requested savedview is not available."));
    let body = r#"{"error":{"code":"New","message":"Two\nlines.","details":[{"message":"\u001b[2J"},{"code":"x"}]}}"#;
    assert_eq!(printed(body).await, says(": New: Two lines: \\u{1b}[2J"));
    assert_eq!(printed(r#"{"error":{"message":null}}"#).await, says(""));
}
