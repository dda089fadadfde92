//! Tokens that are not known from the start: what gives them, and how that can fail.
//!
//! Secrets are held as plain strings and kept out of every `Debug` form and every error. They are not wiped from memory: each
//! of them is copied into headers, bodies, TLS records and pools of other crates that nobody here can wipe, and wiping the one
//! copy that is ours would promise what it does not keep.

mod cached;
mod catalog;
mod command;
mod exchange;
mod keystone;
mod login;
mod oauth;
mod printed;

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use http::StatusCode;

pub use cached::Cached;
pub use catalog::{Catalog, EndpointError, Interface, UnknownInterface};
pub use command::{CommandError, CommandToken};
pub use exchange::ExchangeError;
pub use keystone::{InvalidAuthUrl, Issued, Keystone, KeystoneError};
pub use login::{Domain, Login, Reference, Scope};
pub use oauth::{ClientCredentials, ClientCredentialsError, InvalidTokenEndpoint};

use crate::credential::InvalidCredential;

/// A secret that lets its holder in for a while. Its `Debug` form does not show it. Two tokens are equal when their secrets are:
/// a program that is asked twice for the same token may tell its end a little differently.
#[derive(Clone)]
pub struct Token {
    secret: Secret,
    expires: Option<SystemTime>,
}

impl Token {
    /// A token whose end, if it has a known one, is `expires`.
    pub fn new(secret: impl Into<String>, expires: Option<SystemTime>) -> Self {
        Self { secret: Secret::new(secret), expires }
    }

    /// The token itself. Whoever shows or logs it gives it away.
    #[must_use]
    pub fn secret(&self) -> &str {
        self.secret.expose()
    }

    /// When the token ends, if that is known.
    #[must_use]
    pub const fn expires(&self) -> Option<SystemTime> {
        self.expires
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.secret == other.secret
    }
}

impl Eq for Token {}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Token").field("secret", &self.secret).field("expires", &self.expires).finish()
    }
}

/// Gives tokens to a [`Credential`](crate::Credential), before every request.
///
/// ```
/// use std::future::{Future, ready};
/// use std::pin::Pin;
///
/// use pentaprism_client::{Credential, Token, TokenError, TokenProvider};
///
/// /// A token that something else keeps fresh in a variable of the environment.
/// struct Variable(&'static str);
///
/// impl TokenProvider for Variable {
///     fn token<'a>(
///         &'a self,
///         _refused: Option<&'a Token>,
///     ) -> Pin<Box<dyn Future<Output = Result<Token, TokenError>> + Send + 'a>> {
///         let token = std::env::var(self.0).map_err(TokenError::other);
///         Box::pin(ready(token.map(|secret| Token::new(secret, None))))
///     }
/// }
///
/// let credential = Credential::bearer_from(Variable("MY_TOKEN"));
/// ```
pub trait TokenProvider: Send + Sync {
    /// A token for one request. `refused` is one that the service has just not accepted, so it is of no use to give it again.
    fn token<'a>(
        &'a self,
        refused: Option<&'a Token>,
    ) -> Pin<Box<dyn Future<Output = Result<Token, TokenError>> + Send + 'a>>;
}

/// Why there is no token. Holds no secret, at no level.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// A header cannot carry what the provider gave.
    #[error("the token that was given cannot be used")]
    Unusable(#[source] InvalidCredential),
    /// The provider gave the very token that the service had refused.
    #[error("the service refused the token, and its provider has no other one")]
    Refused,
    /// A program gave none.
    #[error("the command {program} gave no token")]
    Command {
        /// The program, without its arguments.
        program: String,
        /// Why it gave none.
        #[source]
        source: CommandError,
    },
    /// A token endpoint of OAuth gave none.
    #[error("the token endpoint at {endpoint} gave no token")]
    ClientCredentials {
        /// Its host and port.
        endpoint: String,
        /// Why it gave none.
        #[source]
        source: ClientCredentialsError,
    },
    /// Keystone gave none.
    #[error("Keystone at {keystone} gave no token")]
    Keystone {
        /// Its host and port.
        keystone: String,
        /// Why it gave none.
        #[source]
        source: KeystoneError,
    },
    /// A provider of one's own failed.
    #[error("the provider of the token failed")]
    Other(#[source] Arc<dyn Error + Send + Sync>),
}

impl TokenError {
    /// The failure of a provider that this crate does not know. Its text must hold no secret.
    pub fn other(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Other(source.into().into())
    }

    /// Whether somebody decided against the caller: the service against the token, or whoever gives tokens against the secret.
    /// Without it the token could not be asked for, or is none.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Refused | Self::Keystone { source: KeystoneError::MoreFactors, .. } => true,
            Self::ClientCredentials { source: ClientCredentialsError::Refused { status, .. }, .. }
            | Self::Keystone { source: KeystoneError::Refused { status, .. }, .. } => {
                status.is_client_error() && *status != StatusCode::TOO_MANY_REQUESTS
            }
            _ => false,
        }
    }

    /// Why there was no answer, where a service was asked for the token and none came.
    #[must_use]
    pub fn exchange(&self) -> Option<&ExchangeError> {
        match self {
            Self::ClientCredentials { source: ClientCredentialsError::Exchange(error), .. }
            | Self::Keystone { source: KeystoneError::Exchange(error), .. } => Some(error),
            _ => None,
        }
    }
}

/// A text that `Debug` does not show; clones share it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(Arc<str>);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into().into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("…")
    }
}

#[cfg(test)]
mod tests;
