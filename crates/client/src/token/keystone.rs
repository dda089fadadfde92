//! Tokens of Keystone, the identity service of OpenStack, in its API version 3, for Glance.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, StatusCode, Uri};
use pentaprism_core::Body;
use serde_json::Value;

use super::catalog::Catalog;
use super::exchange::{Answer, Exchange, ExchangeError, address, label, shown};
use super::login::{Login, Scope};
use super::printed::date;
use super::{Token, TokenError, TokenProvider};
use crate::retry::Clock;
use crate::transport::Transport;

/// The header in which Keystone sends the token.
const SUBJECT_TOKEN: &str = "x-subject-token";
/// The header of an answer that wants one more factor, such as a one-time password.
const RECEIPT: &str = "openstack-auth-receipt";

/// Logs in at Keystone, each time: put it into a [`Cached`](crate::Cached).
///
/// The first log-in also tells where the image service is; its token is kept, so that there is but one:
///
/// ```no_run
/// use pentaprism_client::dialects::glance::GlanceClient;
/// use pentaprism_client::token::{Domain, Interface, Login, Reference, Scope};
/// use pentaprism_client::{Cached, Credential, HyperTransport, Keystone};
///
/// # async fn example(password: String) -> Result<(), Box<dyn std::error::Error>> {
/// let transport = HyperTransport::new()?;
/// let login = Login::password(Reference::named("operator", Domain::default()), password);
/// let keystone = Keystone::new(transport.clone(), "https://cloud.example:5000/v3", login)?
///     .with_scope(Scope::Project(Reference::named("pictures", Domain::default())));
///
/// let issued = keystone.log_in().await?;
/// let base = issued.catalog().endpoint("image", Some("RegionOne"), Interface::Public)?;
/// let credential = Credential::auth_token_from(Cached::new(keystone).holding(issued.token()));
/// let glance = GlanceClient::new(transport, base, credential);
/// # Ok(())
/// # }
/// ```
pub struct Keystone<T> {
    exchange: Exchange<T>,
    tokens: Uri,
    login: Login,
    scope: Scope,
}

/// The address cannot be that of Keystone's version 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAuthUrl {
    /// No absolute `http` or `https` address, or one with a user, a password or a query in it.
    #[error(
        "an auth URL is an absolute address without user, password and query; write it as in https://cloud.example:5000/v3"
    )]
    Address,
    /// The address of a version that is long gone.
    #[error("only version 3 of Keystone is spoken; write /v3 in the place of /v2.0")]
    Version,
}

/// Why Keystone gave no token.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum KeystoneError {
    /// No answer came. Asking twice does no harm.
    #[error("the token cannot be asked for")]
    Exchange(#[source] ExchangeError),
    /// It refused: 401 where the secret is wrong or the user has no role in the scope, and others.
    #[error("it answered {status}{}", .message.as_ref().map(|text| format!(": {text}")).unwrap_or_default())]
    Refused {
        /// The status of the answer.
        status: StatusCode,
        /// Such as `Unauthorized`, escaped and cut.
        title: Option<String>,
        /// What it says about it, escaped and cut.
        message: Option<String>,
    },
    /// The user has to show more than a password.
    #[error(
        "it wants one more factor besides the password; use an application credential, or a command that prints a token"
    )]
    MoreFactors,
    /// It answered with something else.
    #[error("it gave an undocumented answer with status {status}; is this the address of Keystone's version 3?")]
    Undocumented {
        /// The status of the answer.
        status: StatusCode,
    },
}

/// A token, and what Keystone says with it.
#[derive(Debug, Clone)]
pub struct Issued {
    token: Token,
    catalog: Catalog,
    user: Option<String>,
    project: Option<String>,
}

impl Issued {
    /// The token, for `X-Auth-Token`.
    #[must_use]
    pub const fn token(&self) -> &Token {
        &self.token
    }

    /// Where the services are. Empty for a token without a scope.
    #[must_use]
    pub const fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The id of the user.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The id of the project, if the token is for one. Images that are uploaded with it are this project's.
    #[must_use]
    pub fn project_id(&self) -> Option<&str> {
        self.project.as_deref()
    }
}

impl<T: Transport> Keystone<T> {
    /// Logs in at `auth_url`, which may or may not end in `/v3`.
    ///
    /// # Errors
    /// [`InvalidAuthUrl`].
    pub fn new(transport: T, auth_url: &str, login: Login) -> Result<Self, InvalidAuthUrl> {
        if address(auth_url).is_none_or(|uri| uri.query().is_some()) || auth_url.contains('#') {
            return Err(InvalidAuthUrl::Address);
        }
        let root = auth_url.trim_end_matches('/');
        if root.ends_with("/v2.0") {
            return Err(InvalidAuthUrl::Version);
        }
        let root = root.strip_suffix("/v3").unwrap_or(root).trim_end_matches('/');
        let tokens = format!("{root}/v3/auth/tokens").parse().map_err(|_| InvalidAuthUrl::Address)?;
        Ok(Self { exchange: Exchange::new(transport), tokens, login, scope: Scope::Unsaid })
    }

    /// For what the tokens shall be. An application credential has its scope from the start; then this is not sent.
    #[must_use]
    pub fn with_scope(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    /// How long a log-in may take; 30 seconds without it.
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

    /// Logs in, and gives all that Keystone says.
    ///
    /// # Errors
    /// [`TokenError::Keystone`].
    pub async fn log_in(&self) -> Result<Issued, TokenError> {
        let answer = self.exchange.send(self.request()).await.map_err(KeystoneError::Exchange);
        let issued = answer.and_then(|answer| self.read(&answer));
        issued.map_err(|source| TokenError::Keystone { keystone: label(&self.tokens), source })
    }

    fn request(&self) -> Request<Body> {
        let mut request = Request::new(Body::from(self.login.body(&self.scope).to_string().into_bytes()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.tokens.clone();
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request
    }

    fn read(&self, answer: &Answer) -> Result<Issued, KeystoneError> {
        let status = answer.status;
        let undocumented = || KeystoneError::Undocumented { status };
        if status == StatusCode::UNAUTHORIZED && answer.headers.contains_key(RECEIPT) {
            return Err(KeystoneError::MoreFactors);
        }
        let body = answer.json().ok_or_else(undocumented)?;
        if !status.is_success() {
            let error = body.get("error").filter(|error| error.is_object()).ok_or_else(undocumented)?;
            let text = |key| Some(shown(error.get(key)?.as_str()?, &[self.login.secret()]));
            return Err(KeystoneError::Refused { status, title: text("title"), message: text("message") });
        }
        let secret = answer.headers.get(SUBJECT_TOKEN).and_then(|value| value.to_str().ok());
        let secret = secret.filter(|secret| !secret.is_empty()).ok_or_else(undocumented)?;
        let token = body.get("token").filter(|token| token.is_object()).ok_or_else(undocumented)?;
        let id = |of| Some(token.get(of)?.get("id")?.as_str()?.to_owned());
        let end = token.get("expires_at").and_then(Value::as_str).and_then(date);
        Ok(Issued {
            token: Token::new(secret, end),
            catalog: Catalog::read(token.get("catalog")),
            user: id("user"),
            project: id("project"),
        })
    }
}

impl<T: Transport> TokenProvider for Keystone<T> {
    fn token<'a>(
        &'a self,
        _refused: Option<&'a Token>,
    ) -> Pin<Box<dyn Future<Output = Result<Token, TokenError>> + Send + 'a>> {
        Box::pin(async { self.log_in().await.map(|issued| issued.token) })
    }
}

impl<T> fmt::Debug for Keystone<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Keystone");
        shown.field("tokens", &label(&self.tokens)).field("login", &self.login).field("scope", &self.scope);
        shown.finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "tests/keystone.rs"]
mod tests;
