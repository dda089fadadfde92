//! What a client shows to be let in.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use crate::token::{Token, TokenError, TokenProvider};

/// A credential, or none. Its `Debug` form does not show the secret.
///
/// A fixed secret is checked once, when it is given. A credential [from a provider](TokenProvider) asks for a token before every
/// request, so a provider that asks a service belongs in a [`Cached`](crate::Cached):
///
/// ```
/// use pentaprism_client::{Cached, CommandToken, Credential};
///
/// let fixed = Credential::bearer("pentaprism-dev")?;
/// let password = Credential::basic("operator", "a secret")?;
/// let fresh = Credential::auth_token_from(Cached::new(CommandToken::new("print-my-token")));
/// assert_eq!(format!("{fixed:?}"), r#"Credential { header: "authorization", secret: "…" }"#);
/// # Ok::<(), pentaprism_client::InvalidCredential>(())
/// ```
#[derive(Clone, Default)]
pub struct Credential(Kind);

#[derive(Clone, Default)]
enum Kind {
    #[default]
    Nothing,
    Fixed(HeaderName, HeaderValue),
    Provided(Scheme, Arc<dyn TokenProvider>),
}

/// The header that carries a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    AuthToken,
    Bearer,
}

/// A header cannot carry the credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCredential {
    /// There is no text, or it has characters beyond visible ASCII (for a password: control characters).
    #[error("the secret is empty or holds characters that a header cannot carry; use visible ASCII")]
    Characters,
    /// RFC 7617, section 2: what stands before the first colon is the user, so a user has none.
    #[error("the user's name holds a colon, which Basic authentication cannot carry")]
    Colon,
}

impl Credential {
    /// No credential.
    #[must_use]
    pub const fn none() -> Self {
        Self(Kind::Nothing)
    }

    /// `X-Auth-Token`, as OpenStack services take it.
    ///
    /// # Errors
    /// [`InvalidCredential`].
    pub fn auth_token(token: &str) -> Result<Self, InvalidCredential> {
        Scheme::AuthToken.fixed(token)
    }

    /// `Authorization: Bearer`, RFC 6750.
    ///
    /// # Errors
    /// [`InvalidCredential`].
    pub fn bearer(token: &str) -> Result<Self, InvalidCredential> {
        Scheme::Bearer.fixed(token)
    }

    /// `Authorization: Basic`, RFC 7617, in UTF-8.
    ///
    /// # Errors
    /// [`InvalidCredential`].
    pub fn basic(user: &str, password: &str) -> Result<Self, InvalidCredential> {
        if user.contains(':') {
            return Err(InvalidCredential::Colon);
        }
        if user.chars().chain(password.chars()).any(char::is_control) {
            return Err(InvalidCredential::Characters);
        }
        Ok(Self(Kind::Fixed(AUTHORIZATION, basic_header(user, password)?)))
    }

    /// `X-Auth-Token` with what `provider` gives.
    pub fn auth_token_from(provider: impl TokenProvider + 'static) -> Self {
        Self(Kind::Provided(Scheme::AuthToken, Arc::new(provider)))
    }

    /// `Authorization: Bearer` with what `provider` gives.
    pub fn bearer_from(provider: impl TokenProvider + 'static) -> Self {
        Self(Kind::Provided(Scheme::Bearer, Arc::new(provider)))
    }

    /// Writes the credential into the headers of a request, in the place of one that is there. `refused` is the token that the
    /// service has just answered with 401. Gives the token if a provider gave it, so that a refusal can be answered once.
    pub(crate) async fn present(
        &self,
        headers: &mut HeaderMap,
        refused: Option<&Token>,
    ) -> Result<Option<Token>, TokenError> {
        match &self.0 {
            Kind::Nothing => Ok(None),
            Kind::Fixed(name, value) => {
                headers.insert(name.clone(), value.clone());
                Ok(None)
            }
            Kind::Provided(scheme, provider) => {
                let token = provider.token(refused).await?;
                if refused == Some(&token) {
                    return Err(TokenError::Refused);
                }
                headers.insert(scheme.header(), scheme.value(token.secret()).map_err(TokenError::Unusable)?);
                Ok(Some(token))
            }
        }
    }
}

impl Scheme {
    const fn header(self) -> HeaderName {
        match self {
            Self::AuthToken => HeaderName::from_static("x-auth-token"),
            Self::Bearer => AUTHORIZATION,
        }
    }

    fn value(self, token: &str) -> Result<HeaderValue, InvalidCredential> {
        if token.is_empty() {
            return Err(InvalidCredential::Characters);
        }
        match self {
            Self::AuthToken => sensitive(token),
            Self::Bearer => sensitive(&format!("Bearer {token}")),
        }
    }

    fn fixed(self, token: &str) -> Result<Credential, InvalidCredential> {
        Ok(Credential(Kind::Fixed(self.header(), self.value(token)?)))
    }
}

/// The value of `Authorization` for a user and a password.
pub(crate) fn basic_header(user: &str, password: &str) -> Result<HeaderValue, InvalidCredential> {
    sensitive(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

/// A header's value that neither `Debug` nor HTTP/2's compression tables show.
pub(crate) fn sensitive(text: &str) -> Result<HeaderValue, InvalidCredential> {
    let mut value = HeaderValue::from_str(text).map_err(|_| InvalidCredential::Characters)?;
    value.set_sensitive(true);
    Ok(value)
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (header, secret) = match &self.0 {
            Kind::Nothing => return formatter.write_str("Credential(none)"),
            Kind::Fixed(name, _) => (name.clone(), "…"),
            Kind::Provided(scheme, _) => (scheme.header(), "from a provider"),
        };
        formatter.debug_struct("Credential").field("header", &header).field("secret", &secret).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::future::{Future, ready};
    use std::pin::Pin;

    use super::*;

    /// A provider that has but one token.
    struct Only(&'static str);

    impl TokenProvider for Only {
        fn token<'a>(
            &'a self,
            _: Option<&'a Token>,
        ) -> Pin<Box<dyn Future<Output = Result<Token, TokenError>> + Send + 'a>> {
            Box::pin(ready(Ok(Token::new(self.0, None))))
        }
    }

    #[test]
    fn a_secret_is_not_printed() {
        let credentials = [
            Credential::bearer("s3cret"),
            Credential::auth_token("s3cret"),
            Credential::basic("ann", "s3cret"),
            Ok(Credential::bearer_from(Only("s3cret"))),
        ];
        for credential in credentials {
            let shown = format!("{:?}", credential.unwrap());
            // YW5uOnMzY3JldA== is ann:s3cret.
            assert!(!shown.contains("s3cret") && !shown.contains("YW5u"), "{shown}");
        }
        assert_eq!(format!("{:?}", Token::new("s3cret", None)), "Token { secret: …, expires: None }");
    }

    #[test]
    fn what_a_header_cannot_carry_is_refused() {
        assert_eq!(Credential::auth_token("a\nb").err(), Some(InvalidCredential::Characters));
        assert_eq!(Credential::bearer("").err(), Some(InvalidCredential::Characters));
        assert_eq!(Credential::basic("a:b", "c").err(), Some(InvalidCredential::Colon));
        assert_eq!(Credential::basic("ab", "c\0").err(), Some(InvalidCredential::Characters));
    }

    #[tokio::test]
    async fn each_kind_writes_its_header_in_the_place_of_another() {
        let cases = [
            (Credential::auth_token("s3cret").unwrap(), "x-auth-token", "s3cret", false),
            (Credential::bearer("s3cret").unwrap(), "authorization", "Bearer s3cret", false),
            // RFC 7617, section 2.1.
            (Credential::basic("test", "123\u{a3}").unwrap(), "authorization", "Basic dGVzdDoxMjPCow==", false),
            (Credential::auth_token_from(Only("s3cret")), "x-auth-token", "s3cret", true),
            (Credential::bearer_from(Only("s3cret")), "authorization", "Bearer s3cret", true),
        ];
        for (credential, name, value, provided) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static("another"));
            let token = credential.present(&mut headers, None).await.unwrap();
            assert_eq!((headers.len(), headers[name].to_str().unwrap()), (1, value));
            assert!(headers[name].is_sensitive());
            assert_eq!(token.is_some(), provided);
        }
        let mut headers = HeaderMap::new();
        assert_eq!(Credential::none().present(&mut headers, None).await.unwrap(), None);
        assert!(headers.is_empty());
    }

    #[tokio::test]
    async fn a_provider_that_has_no_other_token_says_so() {
        let mut headers = HeaderMap::new();
        let credential = Credential::bearer_from(Only("s3cret"));
        let token = credential.present(&mut headers, None).await.unwrap();
        let again = credential.present(&mut headers, token.as_ref()).await;
        assert!(matches!(again, Err(TokenError::Refused)), "{again:?}");
        for wrong in ["", "a\nb"] {
            let unusable = Credential::bearer_from(Only(wrong)).present(&mut headers, None).await;
            assert!(matches!(unusable, Err(TokenError::Unusable(InvalidCredential::Characters))), "{unusable:?}");
        }
    }
}
