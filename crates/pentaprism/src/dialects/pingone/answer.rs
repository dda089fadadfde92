//! What every refusal looks like (D-112): its id is that of the request in the log.

use http::Response;
use http::header::{ALLOW, HeaderValue};
use http::request::Parts;
use pentaprism_core::dialects::pingone::models::{
    P1Error, P1ErrorCode, P1ErrorDetail, P1ErrorDetailCode, P1ErrorResponse, P1InnerError, TooManyRequestsResponse,
    UnauthorizedResponse,
};
use pentaprism_core::{Body, ErrorStatus, Payload};
use pentaprism_server::RequestId;
use uuid::Uuid;

/// What every message begins with. It must never be the sentence of `INSUFFICIENT_PERMISSIONS`: clients that find that one
/// at the beginning of a message try again for ten minutes.
const BEGINNING: &str = "The request could not be completed.";

/// A refusal, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// The status.
    pub(super) status: ErrorStatus,
    code: P1ErrorCode,
    sentence: String,
    detail: Option<P1ErrorDetail>,
}

impl Answer {
    /// A refusal whose code and sentence say it all.
    pub(super) fn new(status: ErrorStatus, code: P1ErrorCode, sentence: impl Into<String>) -> Self {
        Self { status, code, sentence: sentence.into(), detail: None }
    }

    /// A request that is wrong as such.
    pub(super) fn invalid_request(status: ErrorStatus, sentence: impl Into<String>) -> Self {
        Self::new(status, P1ErrorCode::InvalidRequest, sentence)
    }

    /// A picture that is not taken.
    pub(super) fn invalid_data(detail: P1ErrorDetail) -> Self {
        let sentence = "One or more validation errors were in the request.";
        Self::new(ErrorStatus::BAD_REQUEST, P1ErrorCode::InvalidData, sentence).with(detail)
    }

    /// A caller without access, for want of a token, of rights or of room.
    pub(super) fn access_failed(status: ErrorStatus, detail: P1ErrorDetail) -> Self {
        Self::new(status, P1ErrorCode::AccessFailed, "You do not have access to this resource.").with(detail)
    }

    /// Something that is not there.
    pub(super) fn not_found() -> Self {
        Self::new(ErrorStatus::NOT_FOUND, P1ErrorCode::NotFound, "The requested resource was not found.")
    }

    /// A fault of ours. Nobody outside learns which.
    pub(super) fn unexpected() -> Self {
        let sentence = "An unexpected error occurred.";
        Self::new(ErrorStatus::INTERNAL_SERVER_ERROR, P1ErrorCode::UnexpectedError, sentence)
    }

    /// The refusal with what exactly is wrong.
    pub(super) fn with(self, detail: P1ErrorDetail) -> Self {
        Self { detail: Some(detail), ..self }
    }

    /// Another sentence behind the first.
    pub(super) fn adding(mut self, sentence: &str) -> Self {
        self.sentence = format!("{} {sentence}", self.sentence);
        self
    }

    /// Header and body as the generated errors take them.
    pub(super) fn into_payload(self, head: &Parts) -> P1ErrorResponse {
        let id = correlation_id(head);
        P1ErrorResponse { correlation_id: id.to_string(), body: self.into_body(id) }
    }

    /// The refusal as a response outside of an operation.
    pub(super) fn into_response(self, head: &Parts) -> Response<Body> {
        let status = self.status.get();
        self.into_payload(head).with_status(status).map(Body::from)
    }

    /// The refusal of a method, with those that the path has.
    pub(super) fn with_allowed(self, head: &Parts, allowed: &[&'static str]) -> Response<Body> {
        let mut response = self.into_response(head);
        let allowed = HeaderValue::try_from(allowed.join(", ")).expect("methods of the spec are visible ASCII");
        response.headers_mut().insert(ALLOW, allowed);
        response
    }

    /// The refusal of a token, with what else to send.
    pub(super) fn unauthorized(head: &Parts, text: &str) -> Response<Body> {
        let detail = detail(P1ErrorDetailCode::InvalidToken, text);
        let answer = Self::access_failed(ErrorStatus::UNAUTHORIZED, detail);
        let (status, P1ErrorResponse { correlation_id, body }) = (answer.status.get(), answer.into_payload(head));
        UnauthorizedResponse { correlation_id, body }.with_status(status).map(Body::from)
    }

    /// The refusal of one request too many, with the seconds until the next.
    pub(super) fn too_many(head: &Parts, retry_after: u64) -> Response<Body> {
        let unit = if retry_after == 1 { "second" } else { "seconds" };
        let detail = P1ErrorDetail {
            inner_error: Some(P1InnerError { retry_after: Some(number(retry_after)), ..P1InnerError::default() }),
            ..detail(
                P1ErrorDetailCode::LimitExceeded,
                format!("The next request will be answered in {retry_after} {unit}."),
            )
        };
        let (status, code) = (ErrorStatus::TOO_MANY_REQUESTS, P1ErrorCode::RequestLimited);
        let answer = Self::new(status, code, "Too many requests were sent.").with(detail);
        let P1ErrorResponse { correlation_id, body } = answer.into_payload(head);
        TooManyRequestsResponse { correlation_id, retry_after, body }.with_status(status.get()).map(Body::from)
    }

    fn into_body(self, id: Uuid) -> P1Error {
        P1Error {
            id: Some(id),
            code: self.code,
            message: format!("{BEGINNING} {}", self.sentence),
            details: self.detail.map(|detail| vec![detail]),
        }
    }
}

/// A detail about the request as a whole.
pub(super) fn detail(code: P1ErrorDetailCode, message: impl Into<String>) -> P1ErrorDetail {
    P1ErrorDetail { code, target: None, message: message.into(), inner_error: None }
}

/// A detail about the body of an upload, with what would have been right.
pub(super) fn about_file(
    code: P1ErrorDetailCode,
    message: impl Into<String>,
    inner_error: Option<P1InnerError>,
) -> P1ErrorDetail {
    P1ErrorDetail { target: Some("file".to_owned()), inner_error, ..detail(code, message) }
}

/// A limit as answers carry it.
pub(super) fn number(limit: u64) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The UUID of a request in the log: its id without what stands before it. Nil for a request that has none.
pub(super) fn correlation_id(head: &Parts) -> Uuid {
    let id = head.extensions.get::<RequestId>().map_or("", |id| id.0.as_str());
    id.strip_prefix("req-").unwrap_or(id).parse().unwrap_or_default()
}
