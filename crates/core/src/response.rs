//! Responses in both directions: documented statuses, headers and bodies, and what came instead of them.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode, response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::body::BodyError;
use crate::request::is_in_range;
use crate::scalar::Scalar;
use crate::status::ErrorStatus;

/// A set of documented answers: an operation's success, or its errors.
pub trait Message: Sized {
    /// Whether an answer with this status belongs to the set.
    fn documents(status: StatusCode) -> bool;

    /// The answer's status.
    fn status(&self) -> StatusCode;

    /// Writes the answer. A streamed body is put in place of the empty one by the caller.
    fn into_response(self) -> Response<Bytes>;

    /// Reads an answer whose body was collected (or is empty because it streams).
    ///
    /// # Errors
    /// [`InvalidResponse`] when the answer is not the documented one.
    fn from_response(response: &MessageView<'_>) -> Result<Self, InvalidResponse>;
}

/// An answer's headers and body where the same pair stands under several statuses.
pub trait Payload: Sized {
    /// Writes the payload under `status`.
    fn with_status(self, status: StatusCode) -> Response<Bytes>;

    /// Reads the payload, whatever the status.
    ///
    /// # Errors
    /// [`InvalidResponse`].
    fn from_view(response: &MessageView<'_>) -> Result<Self, InvalidResponse>;
}

/// Why an answer is not the documented one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidResponse {
    /// The operation does not document this status.
    #[error("status {0} is not documented for this operation")]
    Status(StatusCode),
    /// A documented header is missing or has another kind of value.
    #[error("header `{0}` is missing or unreadable")]
    Header(&'static str),
    /// The body has a type that the document does not name.
    #[error("the content type is not one that is documented")]
    ContentType,
    /// The body is no JSON, or JSON of another shape.
    #[error("the body is not the documented JSON")]
    Json(#[source] serde_json::Error),
    /// A text body is not UTF-8.
    #[error("the body is not UTF-8 text")]
    Text(#[source] std::str::Utf8Error),
    /// The body ended before its end.
    #[error("the body broke off")]
    Incomplete(#[source] BodyError),
}

/// An answer as generated code reads it.
#[derive(Debug, Clone, Copy)]
pub struct MessageView<'r> {
    /// Status and headers.
    pub head: &'r response::Parts,
    /// The collected body.
    pub body: &'r Bytes,
}

impl MessageView<'_> {
    /// A header that may be absent.
    ///
    /// # Errors
    /// [`InvalidResponse::Header`] when it is there and unreadable.
    pub fn header<T: Scalar>(&self, name: &'static str) -> Result<Option<T>, InvalidResponse> {
        let Some(value) = self.head.headers.get(name) else { return Ok(None) };
        let text = value.to_str().map_err(|_| InvalidResponse::Header(name))?;
        T::from_text(text).map(Some).map_err(|_| InvalidResponse::Header(name))
    }

    /// A header that is documented as always there.
    ///
    /// # Errors
    /// [`InvalidResponse::Header`].
    pub fn required_header<T: Scalar>(&self, name: &'static str) -> Result<T, InvalidResponse> {
        self.header(name)?.ok_or(InvalidResponse::Header(name))
    }

    /// A header that is documented as always there, under its own name or another one (`x-also` in the spec).
    ///
    /// # Errors
    /// [`InvalidResponse::Header`].
    pub fn required_header_or<T: Scalar>(&self, name: &'static str, other: &'static str) -> Result<T, InvalidResponse> {
        self.header_or(name, other)?.ok_or(InvalidResponse::Header(name))
    }

    /// A header that may be absent, under its own name or another one.
    ///
    /// # Errors
    /// [`InvalidResponse::Header`] when it is there and unreadable.
    pub fn header_or<T: Scalar>(&self, name: &'static str, other: &'static str) -> Result<Option<T>, InvalidResponse> {
        Ok(match self.header(name)? {
            Some(value) => Some(value),
            None => self.header(other)?,
        })
    }

    /// The status of a `default` answer.
    ///
    /// # Errors
    /// [`InvalidResponse::Status`] when it is a success.
    pub fn error_status(&self) -> Result<ErrorStatus, InvalidResponse> {
        let status = self.head.status;
        ErrorStatus::try_from(status).map_err(|_| InvalidResponse::Status(status))
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// [`InvalidResponse::Json`].
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, InvalidResponse> {
        serde_json::from_slice(self.body).map_err(InvalidResponse::Json)
    }

    /// The body as text.
    ///
    /// # Errors
    /// [`InvalidResponse::Text`].
    pub fn text(&self) -> Result<String, InvalidResponse> {
        std::str::from_utf8(self.body).map(str::to_owned).map_err(InvalidResponse::Text)
    }

    /// The type of a body that may have one of several, such as `image/*`; as it was sent, with its parameters.
    ///
    /// # Errors
    /// [`InvalidResponse::ContentType`] when there is none, or one outside of the range.
    pub fn content_type_in(&self, range: &'static str) -> Result<String, InvalidResponse> {
        let found = self.head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let found = found.filter(|found| is_in_range(found, range));
        found.map(str::to_owned).ok_or(InvalidResponse::ContentType)
    }

    /// Whether the body has the type of `media_type`; parameters and case do not matter.
    #[must_use]
    pub fn is(&self, media_type: &str) -> bool {
        let found = self.head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        essence(found).eq_ignore_ascii_case(essence(media_type))
    }
}

fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

/// Writes an answer.
#[derive(Debug)]
pub struct ResponseBuilder(Response<Bytes>);

impl ResponseBuilder {
    /// An answer without headers and body.
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        Self(Response::new(Bytes::new())).status(status)
    }

    /// Puts a status in front of what a payload wrote.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        *self.0.status_mut() = status;
        self
    }

    /// Adds a header when there is a value. Characters that a header cannot carry (a handler would have to put them
    /// there on purpose) are replaced by `?`, so that no value can break the framing.
    #[must_use]
    pub fn header<T: Scalar>(mut self, name: &'static str, value: Option<&T>) -> Self {
        if let Some(value) = value {
            insert(self.0.headers_mut(), name, &value.to_text());
        }
        self
    }

    /// Adds a header that always has the same value.
    #[must_use]
    pub fn constant_header(mut self, name: &'static str, value: &'static str) -> Self {
        insert(self.0.headers_mut(), name, value);
        self
    }

    /// Names the body's type.
    #[must_use]
    pub fn content_type(mut self, media_type: &'static str) -> Self {
        self.0.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, media_type: &'static str, body: Bytes) -> Self {
        *self.0.body_mut() = body;
        self.content_type(media_type)
    }

    /// The finished answer.
    #[must_use]
    pub fn finish(self) -> Response<Bytes> {
        self.0
    }
}

fn insert(headers: &mut HeaderMap, name: &'static str, text: &str) {
    let value = HeaderValue::from_str(text).unwrap_or_else(|_| {
        let visible = text.chars().map(|character| if matches!(character, ' '..='~') { character } else { '?' });
        HeaderValue::from_str(&visible.collect::<String>()).expect("only visible ASCII is left")
    });
    let name = HeaderName::try_from(name).expect("the spec loader checked that the name is a header name");
    headers.insert(name, value);
}

/// A model as JSON.
///
/// # Panics
/// Never for generated models: their keys are strings and their serializers cannot fail.
#[must_use]
pub fn json<T: Serialize>(model: &T) -> Bytes {
    serde_json::to_vec(model).expect("models have string keys and no failing serializers").into()
}

/// Text as a body.
#[must_use]
pub fn text(text: String) -> Bytes {
    text.into()
}
