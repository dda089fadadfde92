//! What every refusal looks like: a list of one problem, in the manner of RFC 7807 (D-074).

use http::Response;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use pentaprism_core::dialects::azure_sphere::models::{
    ErrorExtensions, PublicApiErrorDetails, TooManyRequestsResponse, UnauthorizedResponse,
};
use pentaprism_core::{Body, ErrorStatus, Payload};

/// A refusal, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    status: ErrorStatus,
    text: String,
}

impl Answer {
    /// A refusal; `text` says what happened and what to do, in lower case and without a full stop.
    pub(super) fn new(status: ErrorStatus, text: impl std::fmt::Display) -> Self {
        Self { status, text: text.to_string() }
    }

    /// Status and body as the generated errors take them.
    pub(super) fn into_parts(self) -> (ErrorStatus, Vec<PublicApiErrorDetails>) {
        let (code, title) = kind(self.status);
        let details = PublicApiErrorDetails {
            additional: serde_json::Map::new(),
            detail: sentence(&self.text),
            error_code: code.to_owned(),
            extensions: Some(ErrorExtensions::default()),
            instance: String::new(),
            status: i32::from(self.status.get().as_u16()),
            title: title.to_owned(),
            type_: String::new(),
        };
        (self.status, vec![details])
    }

    /// The refusal as a response outside of an operation.
    pub(super) fn into_response(self) -> Response<Body> {
        let (status, body) = self.into_parts();
        let mut response = Response::new(Body::from(pentaprism_core::codec::json(&body)));
        *response.status_mut() = status.get();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        response
    }

    /// The refusal of a method, with those that the path has.
    pub(super) fn with_allowed(self, allowed: &[&'static str]) -> Response<Body> {
        let mut response = self.into_response();
        let allowed = HeaderValue::try_from(allowed.join(", ")).expect("methods of the spec are visible ASCII");
        response.headers_mut().insert(ALLOW, allowed);
        response
    }

    /// The refusal of a token, with what else to send.
    pub(super) fn unauthorized(text: &str) -> Response<Body> {
        let (status, body) = Self::new(ErrorStatus::UNAUTHORIZED, text).into_parts();
        UnauthorizedResponse { body }.with_status(status.get()).map(Body::from)
    }

    /// The refusal of one request too many, with the seconds until the next.
    pub(super) fn too_many(retry_after: u64) -> Response<Body> {
        let unit = if retry_after == 1 { "second" } else { "seconds" };
        let text = format!("you have made as many requests as your rate allows; try again in {retry_after} {unit}");
        let (status, body) = Self::new(ErrorStatus::TOO_MANY_REQUESTS, text).into_parts();
        let retry_after = i64::try_from(retry_after).unwrap_or(i64::MAX);
        TooManyRequestsResponse { retry_after, body }.with_status(status.get()).map(Body::from)
    }
}

/// The kind of a problem, for programs and for people. Each code has one title.
fn kind(status: ErrorStatus) -> (&'static str, &'static str) {
    match status {
        ErrorStatus::UNAUTHORIZED => ("Unauthorized", "Unauthorized"),
        ErrorStatus::NOT_FOUND => ("NotFound", "Not Found"),
        ErrorStatus::TOO_MANY_REQUESTS => ("TooManyRequests", "Too Many Requests"),
        ErrorStatus::NOT_IMPLEMENTED => ("BadRequest", "Bad Request"),
        status if status.get().is_server_error() => ("InternalServerError", "Internal Server Error"),
        _ => ("BadRequest", "Bad Request"),
    }
}

/// Errors are written in lower case and without a full stop, so that they can be joined; people get a sentence.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(characters).chain(std::iter::once('.')).collect()
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn each_code_has_one_title() {
        let all = (300..600).map(|code| StatusCode::from_u16(code).expect("three digits"));
        let kinds = all.map(|status| kind(status.try_into().expect("an error")));
        let titles: std::collections::BTreeMap<_, _> = kinds.clone().collect();
        assert!(kinds.into_iter().all(|(code, title)| titles[code] == title && code == title.replace(' ', "")));
        assert_eq!(titles.len(), 5);
    }

    #[test]
    fn a_refusal_is_a_list_of_one_problem_with_a_sentence() {
        let (status, details) = Answer::new(ErrorStatus::MISDIRECTED_REQUEST, "ask for another host").into_parts();
        let text = serde_json::to_string(&details).expect("details are JSON");
        assert_eq!(status, ErrorStatus::MISDIRECTED_REQUEST);
        assert_eq!(
            text,
            r#"[{"Detail":"Ask for another host.","ErrorCode":"BadRequest","Extensions":{},"Instance":"","Status":421,"Title":"Bad Request","Type":""}]"#
        );
    }
}
