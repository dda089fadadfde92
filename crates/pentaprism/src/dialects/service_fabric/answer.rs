//! What every refusal looks like: status, code for programs, sentence for people, and the code once more in the reason phrase
//! of HTTP/1.1, as the original has it. `sfctl application upload` shows nothing of a refusal but status and reason phrase.

use bytes::Bytes;
use futures_util::FutureExt;
use http::Response;
use hyper::ext::ReasonPhrase;
use pentaprism_core::dialects::service_fabric::models::{
    FabricError, FabricErrorCode, FabricErrorError, FabricErrorResponse,
};
use pentaprism_core::{Body, ErrorStatus, Payload};

/// A refusal, complete.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    status: ErrorStatus,
    code: FabricErrorCode,
    text: String,
}

impl Answer {
    /// A refusal; `text` says what happened and what to do, in lower case and without a full stop.
    pub(super) fn new(status: ErrorStatus, code: FabricErrorCode, text: impl std::fmt::Display) -> Self {
        Self { status, code, text: text.to_string() }
    }

    /// Status and payload as the generated errors take them.
    pub(super) fn into_parts(self) -> (ErrorStatus, FabricErrorResponse) {
        let www_authenticate = (self.status == ErrorStatus::UNAUTHORIZED).then(|| "Bearer".to_owned());
        let message = Some(sentence(&self.text));
        let body = FabricError { error: FabricErrorError { code: self.code, message } };
        (self.status, FabricErrorResponse { www_authenticate, body })
    }

    /// The refusal as a response outside of an operation.
    pub(super) fn into_response(self) -> Response<Body> {
        let phrase = reason_phrase(&self.code);
        let (status, payload) = self.into_parts();
        with_phrase(payload.with_status(status.get()).map(Body::from), phrase)
    }
}

/// Errors are written in lower case and without a full stop, so that they can be joined; people get a sentence.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(characters).chain(std::iter::once('.')).collect()
}

/// Gives an answer of an operation its reason phrase, if it is a refusal. The code is read from the finished answer, so that
/// no refusal can be forgotten.
pub(super) fn with_reason_phrase(response: Response<Body>) -> Response<Body> {
    let is_error = ErrorStatus::try_from(response.status()).is_ok();
    if !is_error || response.extensions().get::<ReasonPhrase>().is_some() {
        return response;
    }
    let (head, mut body) = response.into_parts();
    // The body of a refusal lies in memory as one piece, so that it is there at once.
    let text = body.data().now_or_never().flatten().and_then(Result::ok).unwrap_or_default();
    with_phrase(Response::from_parts(head, Body::from(text.clone())), phrase_of(&text))
}

fn phrase_of(refusal: &Bytes) -> Option<ReasonPhrase> {
    let refusal: FabricError = serde_json::from_slice(refusal).ok()?;
    reason_phrase(&refusal.error.code)
}

fn reason_phrase(code: &FabricErrorCode) -> Option<ReasonPhrase> {
    let phrase = match code {
        FabricErrorCode::EInvalidarg => "Bad Request",
        FabricErrorCode::EAccessdenied => "Access Denied",
        code => code.as_str(),
    };
    ReasonPhrase::try_from(phrase.as_bytes()).ok()
}

fn with_phrase(mut response: Response<Body>, phrase: Option<ReasonPhrase>) -> Response<Body> {
    if let Some(phrase) = phrase {
        response.extensions_mut().insert(phrase);
    }
    response
}

#[cfg(test)]
mod tests {
    use http::header::CONTENT_TYPE;

    use super::*;

    fn refusal(code: FabricErrorCode) -> Answer {
        Answer::new(ErrorStatus::BAD_REQUEST, code, "the path is empty; name a file")
    }

    fn phrase(response: &Response<Body>) -> Option<String> {
        let phrase = response.extensions().get::<ReasonPhrase>();
        phrase.map(|phrase| String::from_utf8_lossy(phrase.as_bytes()).into_owned())
    }

    #[test]
    fn the_reason_phrase_is_the_code() {
        let range = FabricErrorCode::FabricEUploadSessionRangeNotSatisfiable;
        for (code, expected) in [
            (range.clone(), range.as_str()),
            (FabricErrorCode::EInvalidarg, "Bad Request"),
            (FabricErrorCode::EAccessdenied, "Access Denied"),
        ] {
            assert_eq!(phrase(&refusal(code.clone()).into_response()).as_deref(), Some(expected));
            let (status, payload) = refusal(code).into_parts();
            let documented = with_reason_phrase(payload.with_status(status.get()).map(Body::from));
            assert_eq!(phrase(&documented).as_deref(), Some(expected));
        }
        assert_eq!(phrase(&with_reason_phrase(Response::new(Body::from("{}")))), None);
    }

    #[tokio::test]
    async fn a_refusal_is_one_json_object_with_a_sentence() {
        let response = with_reason_phrase(refusal(FabricErrorCode::EInvalidarg).into_response());
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json; charset=utf-8");
        let body = response.into_body().collect(1 << 10).await.unwrap();
        assert_eq!(body, r#"{"Error":{"Code":"E_INVALIDARG","Message":"The path is empty; name a file."}}"#);
    }
}
