//! What every refusal looks like: code and message, and for mistakes in a request the details (D-092).

use http::{Response, StatusCode};
use pentaprism_core::dialects::saved_views::models::{
    ErrorCode, ErrorDetail, ErrorDetailCode, ErrorResponse, SavedViewsError, UnauthorizedResponse,
};
use pentaprism_core::{Body, Payload, ResponseBuilder};

/// A refusal, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// The status.
    pub(super) status: StatusCode,
    error: SavedViewsError,
}

impl Answer {
    /// A refusal in one sentence.
    pub(super) fn new(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        let error = SavedViewsError { code: Some(code), message: Some(message.into()), ..SavedViewsError::default() };
        Self { status, error }
    }

    /// A request whose single mistakes are told (D-097 to D-099); `message` says what cannot be done.
    pub(super) fn unprocessable(message: &str, mistakes: Vec<ErrorDetail>) -> Self {
        let mut answer = Self::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::InvalidSavedviewsRequest, message);
        answer.error.details = Some(mistakes);
        answer
    }

    /// A fault of ours, in a sentence that says what it means for the client (D-100).
    pub(super) fn internal(sentence: &str) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::InternalServerError, sentence)
    }

    /// What the log says of the refusal: the sentence, and the mistakes that it tells.
    pub(super) fn reason(&self) -> String {
        let details = self.error.details.iter().flatten().filter_map(|detail| detail.message.as_deref());
        self.error.message.as_deref().into_iter().chain(details).collect::<Vec<_>>().join(" ")
    }

    /// The body alone.
    pub(super) fn into_body(self) -> ErrorResponse {
        ErrorResponse { error: self.error }
    }

    /// The refusal as a response outside of an operation.
    pub(super) fn into_response(self) -> Response<Body> {
        let status = self.status;
        let body = self.into_body();
        if status == StatusCode::UNAUTHORIZED {
            return UnauthorizedResponse { body }.with_status(status).map(Body::from);
        }
        let json = serde_json::to_vec(&body).expect("texts and lists of texts are JSON");
        ResponseBuilder::new(status).body("application/json", json.into()).finish().map(Body::from)
    }
}

/// What the request needs did not come free in time (D-092).
pub(super) fn too_busy() -> Answer {
    Answer::internal("The server has too much to do at the moment.")
}

/// A mistake in a member of the body.
pub(super) fn in_body(message: impl Into<String>, member: Option<&str>) -> ErrorDetail {
    detail(ErrorDetailCode::InvalidRequestBody, message, member)
}

/// A mistake in several parameters together.
pub(super) fn in_parameters(message: &str) -> ErrorDetail {
    detail(ErrorDetailCode::InvalidParameter, message, None)
}

/// A mistake in a parameter.
pub(super) fn in_parameter(message: &str, parameter: &str) -> ErrorDetail {
    detail(ErrorDetailCode::InvalidParameter, message, Some(parameter))
}

/// A body of which no member can be judged (D-099).
pub(super) fn no_object() -> ErrorDetail {
    in_body("Request body must be a JSON object.", None)
}

fn detail(code: ErrorDetailCode, message: impl Into<String>, target: Option<&str>) -> ErrorDetail {
    ErrorDetail { code: Some(code), message: Some(message.into()), target: target.map(str::to_owned) }
}

/// There is no such view, or it is not for the caller to know of (D-095).
pub(super) fn view_not_found() -> Answer {
    Answer::new(StatusCode::NOT_FOUND, ErrorCode::SavedViewNotFound, "Requested savedview is not available.")
}

/// The view has no picture (D-103). One client compares this text.
pub(super) fn image_not_found() -> Answer {
    Answer::new(StatusCode::NOT_FOUND, ErrorCode::ImageNotFound, "Requested image is not available.")
}

/// The view may be seen and not changed (D-095).
pub(super) fn forbidden() -> Answer {
    let message = "The user has insufficient permissions for the requested operation.";
    Answer::new(StatusCode::FORBIDDEN, ErrorCode::InsufficientPermissions, message)
}

/// There is no room for so much (D-100).
pub(super) fn too_large(message: impl Into<String>) -> Answer {
    Answer::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::RequestEntityTooLarge, message)
}
