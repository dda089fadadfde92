//! Requests in both directions: what a server reads from a head, and what a client writes into one.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Request, request};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::path::{self, Captures, PathProblem};
use crate::scalar::Scalar;

/// Where a parameter stands in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// A part of the path.
    Path,
    /// The query string.
    Query,
    /// A header field.
    Header,
}

impl std::fmt::Display for Location {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
        })
    }
}

/// Why a request does not fit its operation. A dialect turns it into its own error schema.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRequest {
    /// A part of the path cannot be used.
    #[error("path parameter `{parameter}` is refused")]
    Path {
        /// The parameter's name in the spec.
        parameter: &'static str,
        /// What is wrong with it.
        #[source]
        problem: PathProblem,
    },
    /// A required parameter is absent or empty.
    #[error("{location} parameter `{parameter}` is missing")]
    Missing {
        /// Where it is looked for.
        location: Location,
        /// The parameter's name in the spec.
        parameter: &'static str,
    },
    /// A parameter has a value of another kind.
    #[error("{location} parameter `{parameter}` must be {expected}")]
    Parameter {
        /// Where it stands.
        location: Location,
        /// The parameter's name in the spec.
        parameter: &'static str,
        /// What would have been right.
        expected: &'static str,
    },
    /// The body is of another type than the operation takes.
    #[error("the content type must be {expected}")]
    ContentType {
        /// The media type that the operation takes.
        expected: &'static str,
        /// What was sent, if it was readable text.
        found: Option<String>,
    },
    /// The operation needs a body and there was none.
    #[error("a body is expected")]
    MissingBody,
    /// The body is no JSON, or JSON of another shape.
    #[error("the body is not the JSON that the operation takes")]
    Json(#[source] serde_json::Error),
}

/// A client's input cannot be written as a request; nothing was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidInput {
    /// A path parameter would be read as another path.
    #[error("path parameter `{parameter}` cannot be sent")]
    Path {
        /// The parameter's name in the spec.
        parameter: &'static str,
        /// What is wrong with it.
        #[source]
        problem: PathProblem,
    },
    /// A header value holds characters that HTTP forbids.
    #[error("header `{parameter}` holds characters that a header cannot carry")]
    Header {
        /// The header's name.
        parameter: &'static str,
    },
    /// A model cannot be written as JSON.
    #[error("the body cannot be written as JSON")]
    Json(#[source] serde_json::Error),
    /// Path and query do not make a URI.
    #[error("path and query make no valid URI")]
    Uri(#[source] http::Error),
}

/// A routed request as an operation's input reads it.
#[derive(Debug, Clone, Copy)]
pub struct RequestView<'r> {
    /// What the route captured.
    pub captures: &'r Captures<'r>,
    /// Method, URI and headers.
    pub head: &'r request::Parts,
    /// The collected body; empty for operations whose body streams.
    pub body: &'r Bytes,
}

impl RequestView<'_> {
    /// The decoded path parameter that was captured `index`-th.
    ///
    /// # Errors
    /// [`InvalidRequest::Path`] or [`InvalidRequest::Parameter`].
    pub fn path<T: Scalar>(&self, index: usize, parameter: &'static str) -> Result<T, InvalidRequest> {
        let location = Location::Path;
        let raw = self.captures.raw(index).ok_or(InvalidRequest::Missing { location, parameter })?;
        let text = path::decode(raw).map_err(|problem| InvalidRequest::Path { parameter, problem })?;
        parse(location, parameter, &text)
    }

    /// An optional query parameter: the first of its name counts; an empty value is absent.
    ///
    /// # Errors
    /// [`InvalidRequest::Parameter`].
    pub fn query<T: Scalar>(&self, parameter: &'static str) -> Result<Option<T>, InvalidRequest> {
        self.query_named(parameter, |name| name == parameter)
    }

    /// An optional query parameter whose name is compared without case (`x-fold-query`).
    ///
    /// # Errors
    /// [`InvalidRequest::Parameter`].
    pub fn folded_query<T: Scalar>(&self, parameter: &'static str) -> Result<Option<T>, InvalidRequest> {
        self.query_named(parameter, |name| name.eq_ignore_ascii_case(parameter))
    }

    fn query_named<T: Scalar>(
        &self,
        parameter: &'static str,
        is_meant: impl Fn(&str) -> bool,
    ) -> Result<Option<T>, InvalidRequest> {
        let Some(raw) = self.raw_query(is_meant) else { return Ok(None) };
        let text = percent_decode_str(raw).decode_utf8();
        let text = text.map_err(|_| InvalidRequest::Parameter {
            location: Location::Query,
            parameter,
            expected: "percent-encoded UTF-8",
        })?;
        parse(Location::Query, parameter, &text).map(Some)
    }

    /// A required query parameter.
    ///
    /// # Errors
    /// [`InvalidRequest::Missing`] or [`InvalidRequest::Parameter`].
    pub fn required_query<T: Scalar>(&self, parameter: &'static str) -> Result<T, InvalidRequest> {
        let missing = InvalidRequest::Missing { location: Location::Query, parameter };
        self.query(parameter)?.ok_or(missing)
    }

    /// A required query parameter whose name is compared without case (`x-fold-query`).
    ///
    /// # Errors
    /// [`InvalidRequest::Missing`] or [`InvalidRequest::Parameter`].
    pub fn required_folded_query<T: Scalar>(&self, parameter: &'static str) -> Result<T, InvalidRequest> {
        let missing = InvalidRequest::Missing { location: Location::Query, parameter };
        self.folded_query(parameter)?.ok_or(missing)
    }

    fn raw_query(&self, is_meant: impl Fn(&str) -> bool) -> Option<&str> {
        let mut pairs = self.head.uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
        // Many programs encode names as forms are encoded: `%24top` is `$top`.
        let is_meant = |name: &str| percent_decode_str(name).decode_utf8().is_ok_and(|name| is_meant(&name));
        pairs.find(|(name, value)| is_meant(name) && !value.is_empty()).map(|(_, value)| value)
    }

    /// An optional header; the first of its name counts.
    ///
    /// # Errors
    /// [`InvalidRequest::Parameter`].
    pub fn header<T: Scalar>(&self, parameter: &'static str) -> Result<Option<T>, InvalidRequest> {
        let Some(value) = self.head.headers.get(parameter) else { return Ok(None) };
        let location = Location::Header;
        let expected = "visible ASCII text";
        let text = value.to_str().map_err(|_| InvalidRequest::Parameter { location, parameter, expected })?;
        parse(location, parameter, text).map(Some)
    }

    /// A required header.
    ///
    /// # Errors
    /// [`InvalidRequest::Missing`] or [`InvalidRequest::Parameter`].
    pub fn required_header<T: Scalar>(&self, parameter: &'static str) -> Result<T, InvalidRequest> {
        let missing = InvalidRequest::Missing { location: Location::Header, parameter };
        self.header(parameter)?.ok_or(missing)
    }

    /// Refuses a body of another type. Parameters behind `;` are not looked at; case does not matter (RFC 9110, 8.3.1).
    ///
    /// # Errors
    /// [`InvalidRequest::ContentType`].
    pub fn content_type(&self, expected: &'static str) -> Result<(), InvalidRequest> {
        let found = self.head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = found.map(|text| text.split(';').next().unwrap_or_default().trim());
        if essence.is_some_and(|essence| essence.eq_ignore_ascii_case(expected)) {
            return Ok(());
        }
        Err(InvalidRequest::ContentType { expected, found: found.map(str::to_owned) })
    }

    /// The type of a body that may have one of several, such as `image/*`; as it was sent, with its parameters.
    ///
    /// # Errors
    /// [`InvalidRequest::ContentType`] when there is none, or one outside of the range.
    pub fn content_type_in(&self, range: &'static str) -> Result<String, InvalidRequest> {
        let found = self.head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let invalid = InvalidRequest::ContentType { expected: range, found: found.map(str::to_owned) };
        found.filter(|found| is_in_range(found, range)).map(str::to_owned).ok_or(invalid)
    }

    /// The body as a JSON object. Serde would read a model from a list of its members, too; no document allows that.
    ///
    /// # Errors
    /// [`InvalidRequest::MissingBody`] or [`InvalidRequest::Json`].
    pub fn json_object<T: DeserializeOwned>(&self) -> Result<T, InvalidRequest> {
        match self.body.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'[') => {
                Err(InvalidRequest::Json(serde::de::Error::custom("a list stands where an object is expected")))
            }
            _ => self.json(),
        }
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// [`InvalidRequest::MissingBody`] or [`InvalidRequest::Json`].
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, InvalidRequest> {
        if self.body.is_empty() {
            return Err(InvalidRequest::MissingBody);
        }
        serde_json::from_slice(self.body).map_err(InvalidRequest::Json)
    }
}

/// Whether a media type lies in a range such as `image/*` or `*/*` (RFC 9110, 12.5.1).
pub(crate) fn is_in_range(media_type: &str, range: &str) -> bool {
    let Some((kind, subtype)) = media_type.split(';').next().unwrap_or_default().trim().split_once('/') else {
        return false;
    };
    let wanted = range.trim_end_matches("/*");
    !kind.is_empty() && !subtype.is_empty() && (wanted == "*" || kind.eq_ignore_ascii_case(wanted))
}

fn parse<T: Scalar>(location: Location, parameter: &'static str, text: &str) -> Result<T, InvalidRequest> {
    T::from_text(text).map_err(|invalid| InvalidRequest::Parameter { location, parameter, expected: invalid.expected })
}

/// Writes an operation's input as a request with an origin-form URI; a client puts its base URL in front.
#[derive(Debug)]
pub struct RequestBuilder {
    path: String,
    query: String,
    request: Request<Bytes>,
}

impl RequestBuilder {
    /// An empty request.
    #[must_use]
    pub fn new(method: Method) -> Self {
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = method;
        Self { path: String::new(), query: String::new(), request }
    }

    /// Adds literal path text such as `/v2/images`.
    #[must_use]
    pub fn literal(mut self, text: &str) -> Self {
        self.path.push_str(text);
        self
    }

    /// Adds `/` and one encoded segment.
    ///
    /// # Errors
    /// [`InvalidInput::Path`] for an empty value, NUL, `.` or `..`.
    pub fn segment<T: Scalar>(mut self, parameter: &'static str, value: &T) -> Result<Self, InvalidInput> {
        let text = value.to_text();
        let problem = match text.as_ref() {
            "" => Some(PathProblem::Reserved),
            "." | ".." => Some(PathProblem::DotSegment),
            text => text.contains('\0').then_some(PathProblem::Nul),
        };
        if let Some(problem) = problem {
            return Err(InvalidInput::Path { parameter, problem });
        }
        self.path.push('/');
        self.path.push_str(&path::encode(&text));
        Ok(self)
    }

    /// Adds `/` and a value of several segments, slashes kept.
    ///
    /// # Errors
    /// [`InvalidInput::Path`].
    pub fn segments<T: Scalar>(mut self, parameter: &'static str, value: &T) -> Result<Self, InvalidInput> {
        let encoded = path::encode_many(&value.to_text());
        let encoded = encoded.map_err(|problem| InvalidInput::Path { parameter, problem })?;
        self.path.push('/');
        self.path.push_str(&encoded);
        Ok(self)
    }

    /// Adds a query parameter when there is a value.
    #[must_use]
    pub fn query<T: Scalar>(mut self, parameter: &'static str, value: Option<&T>) -> Self {
        if let Some(value) = value {
            self.add_pair(parameter, &value.to_text());
        }
        self
    }

    /// Adds a query parameter as often as there are values.
    #[must_use]
    pub fn query_all<T: Scalar>(mut self, parameter: &'static str, values: &[T]) -> Self {
        for value in values {
            self.add_pair(parameter, &value.to_text());
        }
        self
    }

    /// Adds query parameters whose names are the caller's.
    #[must_use]
    pub fn query_pairs(mut self, pairs: &[(String, String)]) -> Self {
        for (name, value) in pairs {
            self.add_pair(&path::encode(name), value);
        }
        self
    }

    fn add_pair(&mut self, name: &str, value: &str) {
        self.query.push(if self.query.is_empty() { '?' } else { '&' });
        self.query.push_str(name);
        self.query.push('=');
        self.query.push_str(&path::encode(value));
    }

    /// Adds a header when there is a value.
    ///
    /// # Errors
    /// [`InvalidInput::Header`].
    pub fn header<T: Scalar>(mut self, parameter: &'static str, value: Option<&T>) -> Result<Self, InvalidInput> {
        if let Some(value) = value {
            let invalid = InvalidInput::Header { parameter };
            let Ok(value) = HeaderValue::from_str(&value.to_text()) else { return Err(invalid) };
            let Ok(name) = HeaderName::try_from(parameter) else { return Err(invalid) };
            self.request.headers_mut().append(name, value);
        }
        Ok(self)
    }

    /// Says which answers are taken.
    #[must_use]
    pub fn accept(mut self, media_type: &'static str) -> Self {
        self.request.headers_mut().insert(ACCEPT, HeaderValue::from_static(media_type));
        self
    }

    /// Sets the type of a streamed body.
    #[must_use]
    pub fn content_type(mut self, media_type: &'static str) -> Self {
        self.request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        self
    }

    /// Sets a JSON body.
    ///
    /// # Errors
    /// [`InvalidInput::Json`].
    pub fn json<T: Serialize>(self, media_type: &'static str, body: &T) -> Result<Self, InvalidInput> {
        let body = serde_json::to_vec(body).map_err(InvalidInput::Json)?;
        Ok(self.body(media_type, body.into()))
    }

    /// Sets a body that was written elsewhere.
    #[must_use]
    pub fn body(mut self, media_type: &'static str, body: Bytes) -> Self {
        *self.request.body_mut() = body;
        self.content_type(media_type)
    }

    /// The finished request.
    ///
    /// # Errors
    /// [`InvalidInput::Uri`].
    pub fn finish(mut self) -> Result<Request<Bytes>, InvalidInput> {
        let path = if self.path.is_empty() { "/" } else { &self.path };
        let uri = format!("{path}{}", self.query).parse::<http::Uri>();
        *self.request.uri_mut() = uri.map_err(|error| InvalidInput::Uri(error.into()))?;
        Ok(self.request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folded_name_is_found_in_any_case_and_an_exact_one_is_not() {
        let (head, ()) = Request::get("/?maxpagesize=&MAXPAGESIZE=7&maxPageSize=8").body(()).unwrap().into_parts();
        let view = RequestView { captures: &Captures::none(), head: &head, body: &Bytes::new() };
        assert_eq!(view.folded_query("maxPageSize").unwrap(), Some(7));
        assert_eq!(view.required_folded_query::<i32>("maxPageSize").unwrap(), 7);
        assert_eq!(view.query("maxPageSize").unwrap(), Some(8));
        assert_eq!(view.folded_query::<i32>("other").unwrap(), None);
        let missing = view.required_folded_query::<i32>("other").unwrap_err();
        assert!(matches!(missing, InvalidRequest::Missing { parameter: "other", .. }));
    }

    #[test]
    fn a_name_may_be_encoded() {
        let (head, ()) = Request::get("/?%ff=1&%24skip=%31&$top=&%24top=8").body(()).unwrap().into_parts();
        let view = RequestView { captures: &Captures::none(), head: &head, body: &Bytes::new() };
        assert_eq!(view.query("$skip").unwrap(), Some(1));
        assert_eq!(view.query("$top").unwrap(), Some(8));
    }

    #[test]
    fn a_type_may_lie_in_a_range() {
        for (media_type, range, is_in) in [
            ("image/png", "image/*", true),
            ("IMAGE/JPG; a=b", "image/*", true),
            ("image/*", "image/*", true),
            ("imagery/png", "image/*", false),
            ("image", "image/*", false),
            ("image/", "image/*", false),
            ("text/plain", "image/*", false),
            ("text/plain", "*/*", true),
            ("", "*/*", false),
        ] {
            let (mut head, ()) = Request::new(()).into_parts();
            head.headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
            let view = RequestView { captures: &Captures::none(), head: &head, body: &Bytes::new() };
            let found = view.content_type_in(range);
            assert_eq!(found.ok().as_deref(), is_in.then_some(media_type), "{media_type} in {range}");
        }
    }

    #[test]
    fn a_list_is_no_object() {
        #[derive(Debug, serde::Deserialize)]
        struct Model {
            #[expect(dead_code, reason = "only reading it counts")]
            member: String,
        }
        let (head, ()) = Request::new(()).into_parts();
        let read = |body: &'static str| {
            let view =
                RequestView { captures: &Captures::none(), head: &head, body: &Bytes::from_static(body.as_bytes()) };
            view.json_object::<Model>().map(drop)
        };
        assert!(read(r#" {"member":"a"}"#).is_ok());
        assert!(matches!(read(r#" ["a"]"#), Err(InvalidRequest::Json(_))));
        assert!(matches!(read(""), Err(InvalidRequest::MissingBody)));
    }
}
