//! What a log-in at Keystone says: who one is, and for what the token shall be.

use serde_json::{Value, json};

use super::Secret;

/// The domain in which a user or a project has its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Domain {
    /// By its id.
    Id(String),
    /// By its name.
    Name(String),
}

impl Default for Domain {
    /// The domain that every Keystone begins with; its id is `default`.
    fn default() -> Self {
        Self::Id("default".to_owned())
    }
}

/// A user or a project.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reference {
    /// By its id, which is unique in the whole Keystone.
    Id(String),
    /// By its name, which is unique in its domain.
    Named {
        /// The name.
        name: String,
        /// The domain.
        domain: Domain,
    },
}

impl Reference {
    /// By its id.
    pub fn id(id: impl Into<String>) -> Self {
        Self::Id(id.into())
    }

    /// By its name in a domain.
    pub fn named(name: impl Into<String>, domain: Domain) -> Self {
        Self::Named { name: name.into(), domain }
    }
}

/// For what a token shall be good.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Scope {
    /// Nothing is asked for: Keystone takes the user's default project, if there is one.
    #[default]
    Unsaid,
    /// For nothing, even if the user has a default project; such a token can only be exchanged for another one.
    Unscoped,
    /// For a project, as images need it.
    Project(Reference),
    /// For a domain.
    Domain(Domain),
    /// For the whole deployment.
    System,
}

/// Who logs in, and with what. Its `Debug` form does not show the secret.
#[derive(Debug, Clone)]
pub struct Login(Method);

#[derive(Debug, Clone)]
enum Method {
    Password { user: Reference, password: Secret },
    ApplicationCredential { by: Named, secret: Secret },
    Token(Secret),
}

/// An application credential: by its id, or by its name and its user.
#[derive(Debug, Clone)]
enum Named {
    Id(String),
    OfUser(String, Reference),
}

impl Login {
    /// A user with a password.
    pub fn password(user: Reference, password: impl Into<String>) -> Self {
        Self(Method::Password { user, password: Secret::new(password) })
    }

    /// An application credential by its id. It has its project; a [`Scope`] is not sent with it.
    pub fn application_credential(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self(Method::ApplicationCredential { by: Named::Id(id.into()), secret: Secret::new(secret) })
    }

    /// An application credential by its name, which is unique among those of its user.
    pub fn application_credential_of(user: Reference, name: impl Into<String>, secret: impl Into<String>) -> Self {
        Self(Method::ApplicationCredential { by: Named::OfUser(name.into(), user), secret: Secret::new(secret) })
    }

    /// A token that is exchanged for one with another scope. It can only be asked for as long as that token lasts.
    pub fn token(token: impl Into<String>) -> Self {
        Self(Method::Token(Secret::new(token)))
    }

    /// What must not be shown of the request.
    pub(super) fn secret(&self) -> &str {
        match &self.0 {
            Method::Password { password: secret, .. }
            | Method::ApplicationCredential { secret, .. }
            | Method::Token(secret) => secret.expose(),
        }
    }

    /// The body of `POST /v3/auth/tokens`.
    pub(super) fn body(&self, scope: &Scope) -> Value {
        let (method, details) = match &self.0 {
            Method::Password { user, password } => {
                let mut user = user.json();
                user["password"] = json!(password.expose());
                ("password", json!({ "user": user }))
            }
            Method::ApplicationCredential { by: Named::Id(id), secret } => {
                ("application_credential", json!({ "id": id, "secret": secret.expose() }))
            }
            Method::ApplicationCredential { by: Named::OfUser(name, user), secret } => {
                ("application_credential", json!({ "name": name, "user": user.json(), "secret": secret.expose() }))
            }
            Method::Token(token) => ("token", json!({ "id": token.expose() })),
        };
        let mut identity = json!({ "methods": [method] });
        identity[method] = details;
        let mut auth = json!({ "identity": identity });
        // Keystone refuses an application credential that asks for a scope, even for its own.
        if let Some(scope) = scope.json().filter(|_| method != "application_credential") {
            auth["scope"] = scope;
        }
        json!({ "auth": auth })
    }
}

impl Domain {
    fn json(&self) -> Value {
        match self {
            Self::Id(id) => json!({ "id": id }),
            Self::Name(name) => json!({ "name": name }),
        }
    }
}

impl Reference {
    fn json(&self) -> Value {
        match self {
            Self::Id(id) => json!({ "id": id }),
            Self::Named { name, domain } => json!({ "name": name, "domain": domain.json() }),
        }
    }
}

impl Scope {
    fn json(&self) -> Option<Value> {
        Some(match self {
            Self::Unsaid => return None,
            Self::Unscoped => json!("unscoped"),
            Self::Project(project) => json!({ "project": project.json() }),
            Self::Domain(domain) => json!({ "domain": domain.json() }),
            Self::System => json!({ "system": { "all": true } }),
        })
    }
}
