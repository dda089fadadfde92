//! What has to be right about a request before anybody reads it, and what happens when a handler panics.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use http::header::{ACCEPT, EXPECT, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::{Request, Response, Version};
use pentaprism_core::Body;

use crate::{Refusal, RequestId};

/// Checks framing, expectation and host of a request.
///
/// # Errors
/// [`Refusal::TransferEncoding`], [`Refusal::Expectation`] or [`Refusal::MissingHost`], in this order.
pub fn check_head(head: &Parts) -> Result<(), Refusal> {
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    if let Some(coding) = codings.next()
        && (codings.next().is_some() || !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"))
    {
        return Err(Refusal::TransferEncoding);
    }
    let mut expectations = head.headers.get_all(EXPECT).iter();
    if !expectations.all(|expectation| expectation.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        return Err(Refusal::Expectation);
    }
    let hosts = head.headers.get_all(HOST).iter().count();
    let named_by_uri = head.version >= Version::HTTP_2 && head.uri.authority().is_some();
    if hosts == 1 || (hosts == 0 && named_by_uri) { Ok(()) } else { Err(Refusal::MissingHost) }
}

/// Answers a request with `call`, unless its head is refused; a panic of `call` becomes [`Refusal::Internal`].
///
/// After a panic `refuse` sees a head with method, URI, version, `Accept` and [`RequestId`] only.
pub async fn guarded<F: Future<Output = Response<Body>>>(
    request: Request<Body>,
    call: impl FnOnce(Request<Body>) -> F,
    refuse: impl Fn(&Parts, Refusal) -> Response<Body>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    if let Err(refusal) = check_head(&head) {
        return refuse(&head, refusal);
    }
    let outline = outline(&head);
    let request = Request::from_parts(head, body);
    // The request is dropped with the panic and nothing else is shared with the handler but what it shares with other
    // requests, where locks that a panic poisons are the handler's to mind.
    let answered = AssertUnwindSafe(async move { call(request).await }).catch_unwind().await;
    answered.unwrap_or_else(|panic| refuse(&outline, Refusal::Internal(Box::new(Panicked(text(panic.as_ref()))))))
}

fn outline(head: &Parts) -> Parts {
    let (mut outline, ()) = Request::new(()).into_parts();
    outline.method = head.method.clone();
    outline.uri = head.uri.clone();
    outline.version = head.version;
    outline.headers.extend(head.headers.get_all(ACCEPT).iter().map(|accept| (ACCEPT, accept.clone())));
    if let Some(id) = head.extensions.get::<RequestId>() {
        outline.extensions.insert(id.clone());
    }
    outline
}

/// A handler panicked.
#[derive(Debug, thiserror::Error)]
#[error("a handler panicked: {0}")]
struct Panicked(String);

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(headers: &[(&str, &str)], version: Version) -> String {
        let mut request = Request::builder().uri("/").version(version);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        check_head(&head).map_or_else(|refusal| format!("{refusal:?}"), |()| "none".to_owned())
    }

    #[test]
    fn heads_are_refused_by_framing_expectation_and_host() {
        for (headers, expected) in [
            (&[("host", "a")][..], "none"),
            (&[], "MissingHost"),
            (&[("host", "a"), ("host", "a")], "MissingHost"),
            (&[("host", "a"), ("transfer-encoding", "Chunked")], "none"),
            (&[("host", "a"), ("transfer-encoding", "gzip, chunked")], "TransferEncoding"),
            (&[("host", "a"), ("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")], "TransferEncoding"),
            (&[("host", "a"), ("expect", "100-Continue")], "none"),
            (&[("host", "a"), ("expect", "200-ok")], "Expectation"),
            (&[("expect", "x"), ("transfer-encoding", "gzip")], "TransferEncoding"),
        ] {
            assert_eq!(refusal(headers, Version::HTTP_11), expected, "{headers:?}");
        }
        assert_eq!(refusal(&[], Version::HTTP_2), "MissingHost");
    }

    #[test]
    fn http_2_names_the_host_in_its_target() {
        let request = Request::builder().uri("http://a/").version(Version::HTTP_2).body(()).unwrap();
        assert!(check_head(&request.into_parts().0).is_ok());
    }

    #[tokio::test]
    async fn a_panic_becomes_an_internal_refusal_with_the_request_it_belongs_to() {
        let request = Request::builder().uri("/x").header("host", "a").header("accept", "text/html");
        let request = request.extension(RequestId("req-1".to_owned())).body(Body::empty()).unwrap();
        let panicking = async |_: Request<Body>| panic!("out of {}", "ideas");
        let response = guarded(request, panicking, |head, refusal| {
            let Refusal::Internal(source) = refusal else { panic!("{refusal:?}") };
            assert_eq!(source.to_string(), "a handler panicked: out of ideas");
            assert_eq!((head.uri.path(), &head.headers[ACCEPT]), ("/x", &"text/html".parse().unwrap()));
            assert_eq!(head.extensions.get(), Some(&RequestId("req-1".to_owned())));
            Response::builder().status(500).body(Body::empty()).unwrap()
        });
        assert_eq!(response.await.status(), 500);
    }
}
