//! What is refused outside of an operation, in the words of this dialect (D-001, D-003, D-006 to D-008, D-042, D-061, D-130).

use bytes::Bytes;
use http::Response;
use http::header::RETRY_AFTER;
use http::request::Parts;
use pentaprism_core::dialects::service_fabric::{
    commit_image_store_upload_session::CommitImageStoreUploadSession,
    delete_image_store_upload_session::DeleteImageStoreUploadSession, models::FabricErrorCode,
    upload_file_chunk::UploadFileChunk,
};
use pentaprism_core::path::{Captures, PathProblem, Unrouted};
use pentaprism_core::{Body, ErrorStatus, InvalidRequest, Operation, OperationInfo, RequestView};
use pentaprism_server::{Refusal, RequestId, retry_after_seconds};

use crate::measure::chain;
use crate::notes;

use super::answer::Answer;
use super::parameters::{ApiVersionError, ContentRangeError, SessionIdError, check_api_version, content_range};
use super::problem::Problem;
use super::quote::{Quoted, cut};

/// Writes a refusal. Of a fault of ours the log gets the causes and the client none.
pub(super) fn refuse(head: &Parts, operation: Option<&OperationInfo>, refusal: &Refusal) -> Response<Body> {
    notes::refused_by(refusal);
    if let Refusal::Internal(source) = refusal {
        let request = head.extensions.get::<RequestId>().map(|id| id.0.as_str());
        let operation = operation.map(|operation| operation.name);
        // Causes may name paths of requests: the debug form escapes what could forge a line.
        tracing::error!(request, operation, error = ?chain(source.as_ref()), "an internal fault");
    }
    let mut response = answer(head, operation, refusal).into_response();
    if let Refusal::RateLimited { retry_after } = refusal {
        response.headers_mut().insert(RETRY_AFTER, retry_after_seconds(*retry_after).into());
    }
    response
}

fn answer(head: &Parts, operation: Option<&OperationInfo>, refusal: &Refusal) -> Answer {
    use FabricErrorCode as Code;
    let (status, code) = match refusal {
        Refusal::Unrouted(unrouted) => return unknown_route(unrouted),
        Refusal::Invalid(invalid) => return unfit(head, operation, invalid),
        Refusal::Unauthenticated { token_sent } => return unauthenticated(*token_sent),
        Refusal::Forbidden { reason } => return Answer::new(ErrorStatus::FORBIDDEN, Code::EAccessdenied, reason),
        Refusal::BodyTooLarge { limit } => {
            let text = format!("the body is larger than {limit} bytes; send a smaller one");
            return Answer::new(ErrorStatus::PAYLOAD_TOO_LARGE, Code::FabricEValueTooLarge, text);
        }
        Refusal::BodyInterrupted(_) => {
            let text = "the body broke off, or its framing is wrong; send the request again";
            return Answer::new(ErrorStatus::BAD_REQUEST, Code::EInvalidarg, text);
        }
        Refusal::RateLimited { .. } => (ErrorStatus::TOO_MANY_REQUESTS, Code::FabricEServiceTooBusy),
        Refusal::BodyStalled(_) => (ErrorStatus::REQUEST_TIMEOUT, Code::FabricETimeout),
        Refusal::MissingHost => (ErrorStatus::BAD_REQUEST, Code::EInvalidarg),
        Refusal::Misdirected => (ErrorStatus::MISDIRECTED_REQUEST, Code::EInvalidarg),
        Refusal::Expectation => (ErrorStatus::EXPECTATION_FAILED, Code::EInvalidarg),
        Refusal::TransferEncoding => (ErrorStatus::NOT_IMPLEMENTED, Code::ENotimpl),
        Refusal::TimedOut => (ErrorStatus::GATEWAY_TIMEOUT, Code::FabricETimeout),
        Refusal::Unavailable => (ErrorStatus::SERVICE_UNAVAILABLE, Code::FabricENotReady),
        _ => {
            let text = "something broke inside the server; its log has the cause";
            return Answer::new(ErrorStatus::INTERNAL_SERVER_ERROR, Code::EFail, text);
        }
    };
    Answer::new(status, code, refusal)
}

fn unauthenticated(token_sent: bool) -> Answer {
    let text = if token_sent {
        "the token is not valid; send `Authorization: Bearer` with one of the server's configuration, or none"
    } else {
        "a token is needed, since requests without one are switched off; send `Authorization: Bearer` with one"
    };
    Answer::new(ErrorStatus::UNAUTHORIZED, FabricErrorCode::FabricEServerAuthenticationFailed, text)
}

fn unknown_route(unrouted: &Unrouted) -> Answer {
    let text = match unrouted {
        Unrouted::UnknownPath => "the image store has no such operation; check path, action and case".to_owned(),
        Unrouted::UnknownMethod { .. } => unrouted.to_string(),
    };
    Answer::new(ErrorStatus::BAD_REQUEST, FabricErrorCode::EInvalidarg, text)
}

/// A request that does not fit its operation.
///
/// The original looks at the version while it finds the route, and at `Content-Range` before it looks at the session; the
/// bindings go by the order of the parameters. So those two are looked at once more before anything else is blamed.
fn unfit(head: &Parts, operation: Option<&OperationInfo>, invalid: &InvalidRequest) -> Answer {
    let earlier = version_problem(head).or_else(|| range_problem(head, operation));
    if let Some(answer) = earlier.or_else(|| parameter_problem(operation, invalid)).and_then(|problem| problem.answer())
    {
        return answer;
    }
    let (code, text) = match invalid {
        InvalidRequest::Path { problem: PathProblem::Encoding, .. } => {
            let text = "the path is no UTF-8 once it is percent-decoded; encode it once, as UTF-8".to_owned();
            (FabricErrorCode::FabricEInvalidNameUri, text)
        }
        InvalidRequest::Path { problem, .. } => {
            (FabricErrorCode::EInvalidarg, format!("the path is refused: {problem}"))
        }
        InvalidRequest::MissingBody => {
            let text = "the body is empty; send a JSON object with RemoteSource and RemoteDestination".to_owned();
            (FabricErrorCode::EInvalidarg, text)
        }
        InvalidRequest::Json(error) => {
            // It shows values of the body, which it escapes and does not cut.
            let text = format!("the body is not the JSON that is expected: {}", cut(&error.to_string()));
            (FabricErrorCode::EInvalidarg, text)
        }
        other => (FabricErrorCode::EInvalidarg, other.to_string()),
    };
    Answer::new(ErrorStatus::BAD_REQUEST, code, text)
}

fn version_problem(head: &Parts) -> Option<Problem> {
    let captures = Captures::none();
    let view = RequestView { captures: &captures, head, body: &Bytes::new() };
    let version = view.query::<String>("api-version").ok().flatten();
    version.map_or(Err(ApiVersionError::Missing), |version| check_api_version(&version)).err().map(Problem::from)
}

fn range_problem(head: &Parts, operation: Option<&OperationInfo>) -> Option<Problem> {
    let has_range = operation == Some(&UploadFileChunk::INFO);
    let range = head.headers.get(http::header::CONTENT_RANGE).filter(|_| has_range)?;
    content_range(&String::from_utf8_lossy(range.as_bytes())).err().map(Problem::from)
}

fn parameter_problem(operation: Option<&OperationInfo>, invalid: &InvalidRequest) -> Option<Problem> {
    match invalid {
        InvalidRequest::Missing { parameter: "Content-Range", .. } => Some(ContentRangeError::Missing.into()),
        InvalidRequest::Missing { parameter: "session-id", .. } => {
            Some(session_problem(operation, SessionIdError::Missing))
        }
        InvalidRequest::Parameter { parameter: "session-id", expected, .. } => {
            Some(session_problem(operation, SessionIdError::Malformed(Quoted::new(&format!("not {expected}")))))
        }
        _ => None,
    }
}

fn session_problem(operation: Option<&OperationInfo>, problem: SessionIdError) -> Problem {
    let ends = [&CommitImageStoreUploadSession::INFO, &DeleteImageStoreUploadSession::INFO];
    if operation.is_some_and(|operation| ends.contains(&operation)) {
        Problem::SessionToEnd(problem)
    } else {
        Problem::SessionToUse(problem)
    }
}
