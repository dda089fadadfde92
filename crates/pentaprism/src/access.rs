//! Who calls: principals of the configuration, found by the token that a request presents.
//!
//! Tokens are compared by their SHA-256 digests and in constant time, each request with every principal: neither the
//! time nor the position tells anything about a token.

use std::sync::Arc;

use http::HeaderMap;
use http::header::{AUTHORIZATION, AsHeaderName, HeaderName};
use pentaprism_server::Refusal;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::notes;
use crate::rate::Limiter;
use crate::settings::{Access, AzureSphereRights, GlanceRights, PingOneRights, SavedViewsRights, Settings};

/// Where Glance's clients put their token.
const X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

/// Somebody who may do something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The name of the configuration, for logs.
    pub name: String,
    /// Who it is for Glance, if Glance knows it.
    pub glance: Option<GlanceRights>,
    /// What it may do in the Service Fabric Image Store.
    pub service_fabric: Access,
    /// Which Azure Sphere tenants it works with, if Azure Sphere knows it.
    pub azure_sphere: Option<AzureSphereRights>,
    /// Who it is for Saved Views, if Saved Views knows it.
    pub saved_views: Option<SavedViewsRights>,
    /// Which PingOne environments it works with, if PingOne knows it.
    pub pingone: Option<PingOneRights>,
}

/// What a request says about who sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presented {
    /// No token.
    Nothing,
    /// A token that nobody has, two of them, or a header that cannot be read.
    Wrong,
    /// The token of this principal.
    Known(Arc<Principal>),
}

impl Presented {
    /// The principal of a dialect that lets nobody in without a token.
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`].
    pub fn known(self) -> Result<Arc<Principal>, Refusal> {
        match self {
            Self::Known(principal) => Ok(principal),
            Self::Wrong => Err(Refusal::Unauthenticated { token_sent: true }),
            Self::Nothing => Err(Refusal::Unauthenticated { token_sent: false }),
        }
    }
}

/// All principals.
#[derive(Debug)]
pub struct Principals {
    known: Vec<Known>,
    anonymous: Arc<Principal>,
}

#[derive(Debug)]
struct Known {
    token: [u8; 32],
    principal: Arc<Principal>,
    limiter: Option<Limiter>,
}

impl Principals {
    /// The principals of the settings.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let known = settings.principals.iter().map(|principal| {
            let rights = Principal {
                name: principal.name.clone(),
                glance: principal.glance.clone(),
                service_fabric: principal.service_fabric,
                azure_sphere: principal.azure_sphere.clone(),
                saved_views: principal.saved_views.clone(),
                pingone: principal.pingone.clone(),
            };
            let token = digest(principal.token.reveal().as_bytes());
            Known { token, principal: Arc::new(rights), limiter: principal.rate.map(Limiter::new) }
        });
        let anonymous = Principal {
            name: "anonymous".to_owned(),
            glance: None,
            service_fabric: settings.service_fabric.anonymous,
            azure_sphere: None,
            saved_views: None,
            pingone: None,
        };
        Self { known: known.collect(), anonymous: Arc::new(anonymous) }
    }

    /// Who sends requests without a token: nobody for most dialects, `service_fabric.anonymous` for Service Fabric.
    #[must_use]
    pub fn anonymous(&self) -> Arc<Principal> {
        Arc::clone(&self.anonymous)
    }

    /// Who sends `X-Auth-Token`.
    #[must_use]
    pub fn by_auth_token(&self, headers: &HeaderMap) -> Presented {
        match only(headers, X_AUTH_TOKEN) {
            Ok(Some(token)) => self.find(token),
            Ok(None) => Presented::Nothing,
            Err(Ambiguous) => Presented::Wrong,
        }
    }

    /// Who sends `Authorization: Bearer`. Another scheme counts as a wrong token.
    #[must_use]
    pub fn by_bearer(&self, headers: &HeaderMap) -> Presented {
        let Ok(value) = only(headers, AUTHORIZATION) else { return Presented::Wrong };
        let Some(value) = value else { return Presented::Nothing };
        match value.split_at_checked(b"Bearer ".len()) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"Bearer ") => self.find(token.trim_ascii()),
            _ => Presented::Wrong,
        }
    }

    /// Who sends either of them, for dialects that document none. Both at once have to agree.
    #[must_use]
    pub fn by_any(&self, headers: &HeaderMap) -> Presented {
        match (self.by_bearer(headers), self.by_auth_token(headers)) {
            (Presented::Nothing, other) | (other, Presented::Nothing) => other,
            (first, second) if first == second => first,
            _ => Presented::Wrong,
        }
    }

    fn find(&self, token: &[u8]) -> Presented {
        let presented = digest(token);
        let mut found = Presented::Wrong;
        for known in &self.known {
            if known.token.ct_eq(&presented).into() {
                found = Presented::Known(Arc::clone(&known.principal));
            }
        }
        found
    }

    /// Refuses the token of a principal that has no rights in a dialect, as if nobody had it; the log learns whose it is and
    /// what it lacks.
    #[must_use]
    pub fn refuse(&self, principal: &Principal, lack: &str) -> Refusal {
        notes::sent_by(&principal.name);
        notes::refused(lack);
        Refusal::Unauthenticated { token_sent: true }
    }

    /// Counts a request of a principal, and notes for the log whose it is; dialects ask once per request, when they know who
    /// calls.
    ///
    /// # Errors
    /// [`Refusal::RateLimited`]: it is one too many.
    pub fn count(&self, principal: &Principal) -> Result<(), Refusal> {
        notes::sent_by(&principal.name);
        let known = self.known.iter().find(|known| known.principal.name == principal.name);
        let limiter = known.and_then(|known| known.limiter.as_ref());
        limiter.map_or(Ok(()), Limiter::count).map_err(|retry_after| Refusal::RateLimited { retry_after })
    }
}

/// Whether a request brings a Bearer token, and not the credentials of another scheme.
pub(crate) fn has_bearer(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    values.any(|value| value.as_bytes().get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"Bearer ")))
}

/// A header that should stand once stands twice.
struct Ambiguous;

fn only(headers: &HeaderMap, name: impl AsHeaderName) -> Result<Option<&[u8]>, Ambiguous> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value.map(http::HeaderValue::as_bytes)),
        _ => Err(Ambiguous),
    }
}

fn digest(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{DEVELOPMENT_TOKEN, PrincipalSettings, Token};

    fn principals() -> Principals {
        let mut settings = Settings::default();
        let guest =
            PrincipalSettings { name: "guest".to_owned(), token: Token::new("g"), ..PrincipalSettings::development() };
        settings.principals.push(guest);
        Principals::new(&settings)
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn name(presented: &Presented) -> &str {
        match presented {
            Presented::Nothing => "nothing",
            Presented::Wrong => "wrong",
            Presented::Known(principal) => &principal.name,
        }
    }

    #[test]
    fn each_header_finds_its_principal() {
        let principals = principals();
        for (pairs, auth_token, bearer, any) in [
            (&[][..], "nothing", "nothing", "nothing"),
            (&[("x-auth-token", DEVELOPMENT_TOKEN)], "developer", "nothing", "developer"),
            (&[("x-auth-token", "g")], "guest", "nothing", "guest"),
            (&[("x-auth-token", "")], "wrong", "nothing", "wrong"),
            (&[("x-auth-token", "pentaprism-de")], "wrong", "nothing", "wrong"),
            (&[("authorization", "bearer  g")], "nothing", "guest", "guest"),
            (&[("authorization", "Basic Zw==")], "nothing", "wrong", "wrong"),
            (&[("authorization", "Bearer")], "nothing", "wrong", "wrong"),
            (&[("authorization", "Bearer g"), ("x-auth-token", "g")], "guest", "guest", "guest"),
            (&[("authorization", "Bearer g"), ("x-auth-token", "x")], "wrong", "guest", "wrong"),
        ] {
            let headers = headers(pairs);
            assert_eq!(name(&principals.by_auth_token(&headers)), auth_token, "{pairs:?}");
            assert_eq!(name(&principals.by_bearer(&headers)), bearer, "{pairs:?}");
            assert_eq!(name(&principals.by_any(&headers)), any, "{pairs:?}");
        }
    }

    #[test]
    fn two_tokens_are_wrong() {
        let mut headers = headers(&[("x-auth-token", "g")]);
        headers.append(X_AUTH_TOKEN, "g".parse().unwrap());
        assert_eq!(principals().by_auth_token(&headers), Presented::Wrong);
    }

    #[tokio::test(start_paused = true)]
    async fn each_principal_has_a_rate_of_its_own() {
        let mut settings = Settings::default();
        settings.principals[0].rate = "1/min".parse().ok();
        let guest =
            PrincipalSettings { name: "guest".to_owned(), token: Token::new("g"), ..PrincipalSettings::development() };
        settings.principals.push(guest);
        let principals = Principals::new(&settings);
        let of = |token: &str| match principals.find(token.as_bytes()) {
            Presented::Known(principal) => principal,
            other => panic!("{other:?}"),
        };
        let (developer, guest) = (of(DEVELOPMENT_TOKEN), of("g"));
        assert!(principals.count(&developer).is_ok());
        let refused = principals.count(&developer);
        assert!(matches!(refused, Err(Refusal::RateLimited { retry_after }) if retry_after.as_secs() == 60));
        assert!((0..9).all(|_| principals.count(&guest).is_ok() && principals.count(&principals.anonymous()).is_ok()));
    }

    #[test]
    fn without_a_token_the_setting_decides() {
        let mut settings = Settings::default();
        settings.service_fabric.anonymous = Access::ReadOnly;
        let anonymous = Principals::new(&settings).anonymous();
        assert_eq!((anonymous.glance.clone(), anonymous.service_fabric), (None, Access::ReadOnly));
    }
}
