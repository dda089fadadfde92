//! What people are told when there is no way to a service.

use pentaprism_client::TokenError;

use super::connection::{CatalogError, ConnectionError};
use super::error::ProfileError;
use crate::remote::failure::{Failure, FailureKind};

impl From<ConnectionError> for Failure {
    fn from(error: ConnectionError) -> Self {
        let local =
            matches!(&error, ConnectionError::File { .. } | ConnectionError::Profile(ProfileError::Unreadable { .. }));
        let mut failure = Self::new(if local { FailureKind::Local } else { FailureKind::Usage }, error.to_string());
        if let Some(cause) = std::error::Error::source(&error) {
            failure = failure.because(cause);
        }
        failure
    }
}

impl From<ProfileError> for Failure {
    fn from(error: ProfileError) -> Self {
        ConnectionError::from(error).into()
    }
}

impl From<CatalogError> for Failure {
    fn from(error: CatalogError) -> Self {
        let what = error.to_string();
        match &error {
            CatalogError::Token(token) => Self { what, ..no_token(token) }.cause(token.to_string()).because_of(token),
            CatalogError::Endpoint(endpoint) => Self::new(FailureKind::Usage, what)
                .because(endpoint)
                .advise("set `region` or `interface`, OS_REGION_NAME or OS_INTERFACE, or name the endpoint itself"),
        }
    }
}

impl Failure {
    fn because_of(self, error: &TokenError) -> Self {
        match std::error::Error::source(error) {
            Some(cause) => self.because(cause),
            None => self,
        }
    }
}

/// What is told when nobody gives a token, without its causes.
pub(in crate::remote) fn no_token(error: &TokenError) -> Failure {
    let failure = |kind| Failure::new(kind, error.to_string());
    if error.is_refusal() {
        return failure(FailureKind::NotAllowed).advise("look at who logs in, at the secret and at what it is for");
    }
    match error {
        _ if error.exchange().is_some() => failure(FailureKind::Unreachable)
            .advise("look at the address of the server that gives tokens, and whether it is running"),
        TokenError::Command { .. } => {
            failure(FailureKind::NotAllowed).advise("run the command by itself and see what it says")
        }
        _ => failure(FailureKind::NotAllowed),
    }
}

/// As [`no_token`], with its causes.
pub(in crate::remote) fn token_failure(error: &TokenError) -> Failure {
    no_token(error).because_of(error)
}
