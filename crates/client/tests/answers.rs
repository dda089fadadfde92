//! What a client makes of answers: documented ones under either header name, undocumented ones, and ones that break off.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use pentaprism_client::dialects::glance::GlanceClient;
use pentaprism_client::{Credential, Error, InProcess, RawResponse};
use pentaprism_core::dialects::glance::models::FaultBody;
use pentaprism_core::dialects::glance::show_image::{ShowImage, ShowImageError};
use pentaprism_core::{Body, BodyError, InvalidResponse};

/// Some bytes, then a broken connection.
struct Broken(Option<&'static str>);

impl http_body::Body for Broken {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let piece = self.0.take().map(|piece| Frame::data(Bytes::from_static(piece.as_bytes())));
        Poll::Ready(Some(piece.ok_or_else(|| BodyError::Interrupted("the connection was reset".into()))))
    }
}

async fn show(answer: impl Fn() -> Response<Body> + Send + Sync) -> Error<ShowImageError> {
    let service = InProcess(|request: Request<Body>| {
        assert_eq!(request.headers()["host"], "images.example");
        assert_eq!(request.headers()["x-auth-token"], "secret");
        assert_eq!(request.uri(), "http://images.example/image/v2/images/an%20id");
        std::future::ready(answer())
    });
    let base = "http://images.example/image/".parse().expect("it is a base URL");
    let client = GlanceClient::new(service, base, Credential::auth_token("secret").expect("it is text"));
    client.show_image(&ShowImage { image_id: "an id".to_owned() }).await.expect_err("it is refused")
}

fn not_found(header: &str, body: Body) -> Response<Body> {
    let builder = Response::builder().status(404).header("content-type", "text/plain; charset=UTF-8");
    builder.header(header, "req-1").body(body).expect("it is a response")
}

#[tokio::test]
async fn the_request_id_is_read_under_either_name() {
    for header in ["X-Openstack-Request-Id", "X-Compute-Request-Id"] {
        let error = show(|| not_found(header, Body::from("404 Not Found"))).await;
        let Error::Refused(ShowImageError::NotFound(fault)) = error else { panic!("{header}: {error:?}") };
        assert_eq!(fault.x_openstack_request_id, "req-1");
        assert_eq!(fault.body, FaultBody::Plain("404 Not Found".to_owned()));
    }
}

#[tokio::test]
async fn a_fault_prints_its_text_in_every_form() {
    let page = "<html>\n <head>\n  <title>404 Not Found</title>\n </head>\n <body>\n  <h1>404 Not Found</h1>\n  \
                No image &lt;x&gt;<br /><br />\n\n\n\n </body>\n</html>";
    let json = r#"{"message":"No image <x>","code":"404 Not Found","title":"Not Found"}"#;
    let plain = "404 Not Found\n\nNo image <x>\n\n   ";
    for (media_type, body) in [("text/html", page), ("application/json", json), ("text/plain", plain)] {
        let builder = || Response::builder().status(404).header("x-openstack-request-id", "req-1");
        let answer = || builder().header("content-type", media_type).body(Body::from(body)).expect("it is a response");
        let error = show(answer).await;
        let printed = error.refused().map(ToString::to_string);
        assert_eq!(printed.as_deref(), Some("the service answered 404 Not Found: No image <x>"), "{media_type}");
    }
}

#[tokio::test]
async fn an_undocumented_answer_is_kept_and_capped() {
    let long = vec![b'x'; RawResponse::BODY_LIMIT + 1];
    let error =
        show(|| Response::builder().status(418).body(Body::from(long.clone())).expect("it is a response")).await;
    let Error::Undocumented { response, reason: InvalidResponse::Status(status) } = error else { panic!("{error:?}") };
    assert_eq!((status.as_u16(), response.status, response.body.len()), (418, status, RawResponse::BODY_LIMIT));
}

#[tokio::test]
async fn a_refusal_that_breaks_off_keeps_its_status() {
    let error = show(|| not_found("X-Openstack-Request-Id", Body::stream(Broken(Some("404"))))).await;
    let Error::Undocumented { response, reason: InvalidResponse::Incomplete(_) } = error else { panic!("{error:?}") };
    assert_eq!((response.status.as_u16(), response.body.as_ref()), (404, b"404".as_slice()));
}
