//! A token for a program that acts for itself: the client credentials grant of OAuth 2.0, RFC 6749, section 4.4.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, StatusCode, Uri};
use pentaprism_core::Body;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::exchange::{Answer, Exchange, ExchangeError, address, label, shown};
use super::printed::seconds;
use super::{Secret, Token, TokenError, TokenProvider};
use crate::credential::basic_header;
use crate::retry::Clock;
use crate::transport::Transport;

/// What `application/x-www-form-urlencoded` writes as escapes; a space is `+`.
const FORM: AsciiSet = NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_');

/// Asks a token endpoint for a token, each time: put it into a [`Cached`](crate::Cached), which asks again before the token ends.
///
/// ```no_run
/// use pentaprism_client::{Cached, ClientCredentials, Credential, HyperTransport};
///
/// # fn example(secret: String) -> Result<(), Box<dyn std::error::Error>> {
/// let endpoint = "https://ims.bentley.com/connect/token";
/// let itwin = ClientCredentials::new(HyperTransport::new()?, endpoint, "service-client", secret)?.with_scope("itwin-platform");
/// let credential = Credential::bearer_from(Cached::new(itwin));
/// # Ok(())
/// # }
/// ```
pub struct ClientCredentials<T> {
    exchange: Exchange<T>,
    endpoint: Uri,
    client: String,
    secret: Secret,
    in_body: bool,
    parameters: Vec<(String, String)>,
}

/// The address cannot be that of a token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTokenEndpoint {
    /// No absolute `http` or `https` address, or one with a user or password in it.
    #[error(
        "a token endpoint is an absolute address without user and password; write it as in https://login.example/token"
    )]
    Address,
    /// The secret would travel in the clear.
    #[error(
        "a token endpoint needs https, as the client's secret is sent to it; http is taken for loopback hosts only"
    )]
    Insecure,
}

/// Why a token endpoint gave no token.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ClientCredentialsError {
    /// No answer came. Asking twice does no harm.
    #[error("the token cannot be asked for")]
    Exchange(#[source] ExchangeError),
    /// It refused, as RFC 6749, section 5.2, documents it.
    #[error("it refused with {code}{}", .description.as_ref().map(|text| format!(": {text}")).unwrap_or_default())]
    Refused {
        /// The status of the answer.
        status: StatusCode,
        /// Such as `invalid_client`.
        code: String,
        /// What it says about it, escaped and cut.
        description: Option<String>,
    },
    /// It answered with something else.
    #[error("it gave an undocumented answer with status {status}; is this the address of a token endpoint?")]
    Undocumented {
        /// The status of the answer.
        status: StatusCode,
    },
    /// The token is of a kind that a request cannot carry by itself, such as one bound to a key.
    #[error("it gave a token of the kind {0}; only bearer tokens are understood")]
    NotBearer(String),
}

impl<T: Transport> ClientCredentials<T> {
    /// Asks `endpoint` for tokens for the client `client`, whose secret goes into the header `Authorization` (`client_secret_basic`).
    ///
    /// # Errors
    /// [`InvalidTokenEndpoint`].
    pub fn new(
        transport: T,
        endpoint: &str,
        client: impl Into<String>,
        secret: impl Into<String>,
    ) -> Result<Self, InvalidTokenEndpoint> {
        let endpoint = address(endpoint).ok_or(InvalidTokenEndpoint::Address)?;
        if endpoint.scheme_str() != Some("https") && !is_loopback(&endpoint) {
            return Err(InvalidTokenEndpoint::Insecure);
        }
        Ok(Self {
            exchange: Exchange::new(transport),
            endpoint,
            client: client.into(),
            secret: Secret::new(secret),
            in_body: false,
            parameters: Vec::new(),
        })
    }

    /// Sends client and secret in the body (`client_secret_post`), for services that do not read them from the header.
    #[must_use]
    pub fn with_secret_in_body(self) -> Self {
        Self { in_body: true, ..self }
    }

    /// Asks for this scope: names with spaces between them.
    #[must_use]
    pub fn with_scope(self, scope: &str) -> Self {
        self.with_parameter("scope", scope)
    }

    /// Adds a parameter that the service wants besides, such as `audience` or `resource` (RFC 8707). May be used repeatedly.
    #[must_use]
    pub fn with_parameter(mut self, name: &str, value: &str) -> Self {
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }

    /// How long the exchange may take; 30 seconds without it.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.exchange.deadline = deadline;
        self
    }

    /// Takes the time from another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.exchange.clock = clock;
        self
    }

    async fn ask(&self) -> Result<Token, TokenError> {
        let request = self.request().map_err(TokenError::Unusable)?;
        // The life of the token is counted from before the question, so that it is not taken for longer than it is.
        let asked = self.exchange.clock.now();
        let answer = self.exchange.send(request).await.map_err(ClientCredentialsError::Exchange);
        let read = answer.and_then(|answer| self.read(&answer));
        let (secret, life) =
            read.map_err(|source| TokenError::ClientCredentials { endpoint: label(&self.endpoint), source })?;
        Ok(Token::new(secret, life.and_then(|life| asked.checked_add(life))))
    }

    fn request(&self) -> Result<Request<Body>, crate::InvalidCredential> {
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        if self.in_body {
            form.extend([("client_id", self.client.as_str()), ("client_secret", self.secret.expose())]);
        }
        let form: Vec<String> =
            form.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        let mut request = Request::new(Body::from(form.join("&").into_bytes()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.clone();
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        if !self.in_body {
            // Section 2.3.1: both are encoded as in a form before they become user and password.
            headers.insert(AUTHORIZATION, basic_header(&encoded(&self.client), &encoded(self.secret.expose()))?);
        }
        Ok(request)
    }

    fn read(&self, answer: &Answer) -> Result<(String, Option<Duration>), ClientCredentialsError> {
        let status = answer.status;
        let undocumented = || ClientCredentialsError::Undocumented { status };
        let body = answer.json().ok_or_else(undocumented)?;
        let text = |key| body.get(key).and_then(Value::as_str).filter(|text: &&str| !text.is_empty());
        if !status.is_success() {
            let safe = |text: &str| shown(text, &[self.secret.expose()]);
            let code = text("error").map(safe).ok_or_else(undocumented)?;
            return Err(ClientCredentialsError::Refused {
                status,
                code,
                description: text("error_description").map(safe),
            });
        }
        let token = text("access_token").ok_or_else(undocumented)?;
        // Required by section 5.1, but left out by some; then it is taken for what it nearly always is.
        if let Some(kind) = text("token_type").filter(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            return Err(ClientCredentialsError::NotBearer(shown(kind, &[token])));
        }
        Ok((token.to_owned(), body.get("expires_in").and_then(seconds)))
    }
}

impl<T: Transport> TokenProvider for ClientCredentials<T> {
    fn token<'a>(
        &'a self,
        _refused: Option<&'a Token>,
    ) -> Pin<Box<dyn Future<Output = Result<Token, TokenError>> + Send + 'a>> {
        Box::pin(self.ask())
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, &FORM).to_string().replace("%20", "+")
}

fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl<T> fmt::Debug for ClientCredentials<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("ClientCredentials");
        shown.field("endpoint", &label(&self.endpoint)).field("client", &self.client).field("secret", &self.secret);
        shown.finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "tests/oauth.rs"]
mod tests;
