//! Requests of web pages of other origins: what browsers ask first, and what they need in the answers.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue,
    ORIGIN,
};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use pentaprism_core::{Body, Cors};

/// Any origin: nothing that a browser adds by itself opens a door here, so that none has to be told apart.
const ANY: HeaderValue = HeaderValue::from_static("*");

/// The answer to a browser that asks whether a page may send a request; absent for every other request. It carries the
/// lists of the spec, whatever was asked for: the browser compares. No token is needed, since browsers send none with it.
#[must_use]
pub fn preflight(cors: &Cors, head: &Parts) -> Option<Response<Body>> {
    let asks = head.method == Method::OPTIONS
        && head.headers.contains_key(ORIGIN)
        && head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    asks.then(|| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, list(cors.methods));
        if !cors.headers.is_empty() {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, list(cors.headers));
        }
        headers.insert(ACCESS_CONTROL_MAX_AGE, cors.max_age.into());
        response
    })
}

/// Lets the page that sent a request read its answer. Requests without `Origin` are not touched.
pub fn allow(cors: &Cors, request: &HeaderMap, response: &mut HeaderMap) {
    if !request.contains_key(ORIGIN) {
        return;
    }
    response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    if !cors.expose.is_empty() {
        response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, list(cors.expose));
    }
}

fn list(names: &[&str]) -> HeaderValue {
    HeaderValue::try_from(names.join(", "))
        .expect("the spec loader checked that these are names of headers and methods")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORS: Cors =
        Cors { methods: &["GET", "PUT"], headers: &["authorization"], expose: &["Retry-After"], max_age: 7200 };

    fn head(method: Method, names: &[&'static str]) -> Parts {
        let mut request = http::Request::builder().method(method);
        for name in names {
            request = request.header(*name, "x");
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_preflight_is_answered_with_the_lists_of_the_spec() {
        let asks = ["origin", "access-control-request-method", "access-control-request-headers"];
        let response = preflight(&CORS, &head(Method::OPTIONS, &asks)).unwrap();
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        let found = response.headers().iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
        assert_eq!(
            found.collect::<Vec<_>>(),
            [
                "access-control-allow-origin: *",
                "access-control-allow-methods: GET, PUT",
                "access-control-allow-headers: authorization",
                "access-control-max-age: 7200",
            ]
        );
        let bare = Cors { headers: &[], ..CORS };
        let response = preflight(&bare, &head(Method::OPTIONS, &asks[..2])).unwrap();
        assert!(!response.headers().contains_key(ACCESS_CONTROL_ALLOW_HEADERS));
    }

    #[test]
    fn other_requests_are_no_preflight() {
        for (method, names) in [
            (Method::PUT, &["origin", "access-control-request-method"][..]),
            (Method::OPTIONS, &["origin"]),
            (Method::OPTIONS, &["access-control-request-method"]),
        ] {
            assert!(preflight(&CORS, &head(method, names)).is_none());
        }
    }

    #[test]
    fn answers_to_pages_may_be_read_and_others_stay_as_they_are() {
        let mut response = HeaderMap::new();
        allow(&CORS, &head(Method::GET, &[]).headers, &mut response);
        assert!(response.is_empty());
        allow(&CORS, &head(Method::GET, &["origin"]).headers, &mut response);
        assert_eq!(response[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert_eq!(response[ACCESS_CONTROL_EXPOSE_HEADERS], "Retry-After");
        let mut response = HeaderMap::new();
        allow(&Cors { expose: &[], ..CORS }, &head(Method::GET, &["origin"]).headers, &mut response);
        assert_eq!(response.len(), 1);
    }
}
