//! One question to a service that gives tokens, and its answer at hand: with a deadline, and with an end to its length.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri};
use pentaprism_core::{Body, BodyError};
use serde_json::Value;

use crate::retry::{Clock, SystemClock};
use crate::transport::{Transport, TransportError};

/// How long an exchange may take, unless said otherwise.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long an answer may be, in bytes: Keystone's holds the catalog of every region.
const ANSWER_LIMIT: u64 = 4 * 1024 * 1024;
/// How much of a text that somebody else wrote is shown, in characters.
const SHOWN: usize = 300;

/// Why there is no answer from a service that gives tokens.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The transport failed.
    #[error("{}", if .0.was_sent() { "no answer came" } else { "the service cannot be reached" })]
    Transport(#[source] Arc<TransportError>),
    /// The answer broke off or has no end.
    #[error("the answer cannot be read")]
    Answer(#[source] Arc<BodyError>),
    /// The deadline passed.
    #[error("no answer came within {} seconds", .0.as_secs())]
    TooSlow(Duration),
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    /// The body as JSON. Why it is none is not said: the reasons of parsers quote what they read, which may be a secret.
    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

pub(super) struct Exchange<T> {
    pub(super) transport: T,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) deadline: Duration,
}

impl<T: Transport> Exchange<T> {
    pub(super) fn new(transport: T) -> Self {
        Self { transport, clock: Arc::new(SystemClock), deadline: DEADLINE }
    }

    /// Sends once. A connection that could not be made is the caller's to try again, with its own pauses.
    pub(super) async fn send(&self, request: Request<Body>) -> Result<Answer, ExchangeError> {
        let exchange = async {
            let answer = self.transport.call(request).await;
            let (head, body) = answer.map_err(|error| ExchangeError::Transport(Arc::new(error)))?.into_parts();
            let body = body.collect(ANSWER_LIMIT).await.map_err(|error| ExchangeError::Answer(Arc::new(error)))?;
            Ok(Answer { status: head.status, headers: head.headers, body })
        };
        tokio::select! {
            answer = exchange => answer,
            () = self.clock.sleep(self.deadline) => Err(ExchangeError::TooSlow(self.deadline)),
        }
    }
}

/// The address of a service that gives tokens: `http` or `https`, a host, and no user and password.
pub(super) fn address(text: &str) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    let host =
        uri.authority().is_some_and(|authority| !authority.as_str().contains('@') && !authority.host().is_empty());
    (known && host).then_some(uri)
}

/// Host and port, which say in errors whom was asked.
pub(super) fn label(uri: &Uri) -> String {
    uri.authority().map(ToString::to_string).unwrap_or_default()
}

/// What somebody else wrote, fit to be shown: without secrets, without control characters, on one line and not too long.
pub(super) fn shown(text: &str, secrets: &[&str]) -> String {
    let mut text = text.trim().to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "…");
    }
    let mut escaped = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == SHOWN {
            escaped.push('…');
            break;
        }
        match character {
            '"' | '\'' | '\\' => escaped.push(character),
            other => escaped.extend(other.escape_debug()),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_shown_without_secrets_and_without_control_characters() {
        assert_eq!(shown(" it's \"so\"\n", &["", "s3cret"]), "it's \"so\"");
        assert_eq!(shown("no token s3cret: \u{1b}[2J\u{202e}\nü", &["s3cret"]), r"no token …: \u{1b}[2J\u{202e}\nü");
        assert_eq!(shown(&"x".repeat(301), &[]), format!("{}…", "x".repeat(300)));
        assert_eq!(shown(&"x".repeat(300), &[]), "x".repeat(300));
    }

    #[test]
    fn an_address_has_a_host_and_no_password() {
        assert!(address("https://a.example:5000/v3").is_some());
        for wrong in ["a.example", "/v3", "ftp://a.example", "https://user:password@a.example", ""] {
            assert_eq!(address(wrong), None, "{wrong}");
        }
    }
}
