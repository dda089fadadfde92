//! What a client shows to be let in.

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

/// A credential, or none. Its `Debug` form does not show the secret.
#[derive(Debug, Clone, Default)]
pub struct Credential(Option<(HeaderName, HeaderValue)>);

/// The token holds characters that a header cannot carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token holds characters that a header cannot carry; use visible ASCII")]
pub struct InvalidCredential;

impl Credential {
    /// No credential.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// `X-Auth-Token`, as OpenStack services take it.
    ///
    /// # Errors
    /// [`InvalidCredential`].
    pub fn auth_token(token: &str) -> Result<Self, InvalidCredential> {
        Self::secret(HeaderName::from_static("x-auth-token"), token)
    }

    /// `Authorization: Bearer`, RFC 6750.
    ///
    /// # Errors
    /// [`InvalidCredential`].
    pub fn bearer(token: &str) -> Result<Self, InvalidCredential> {
        Self::secret(AUTHORIZATION, &format!("Bearer {token}"))
    }

    fn secret(name: HeaderName, text: &str) -> Result<Self, InvalidCredential> {
        let mut value = HeaderValue::from_str(text).map_err(|_| InvalidCredential)?;
        value.set_sensitive(true);
        Ok(Self(Some((name, value))))
    }

    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        if let Some((name, value)) = &self.0 {
            headers.insert(name.clone(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        let credential = Credential::bearer("very-secret").unwrap();
        assert!(!format!("{credential:?}").contains("very-secret"));
        assert_eq!(Credential::auth_token("a\nb").err(), Some(InvalidCredential));
    }
}
