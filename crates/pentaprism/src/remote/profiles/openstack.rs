//! The options of OpenStack's clients, as `OS_*` variables, `clouds.yaml` and a profile's `keystone` name them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pentaprism_client::token::{Domain, Interface, Reference, Scope, UnknownInterface};

use super::target::{Access, ApplicationCredential, Identity, Login, Server, TlsFiles};
use super::values::{InvalidServerUrl, Secret, ServerUrl};

/// Every way to log in that is known here, for messages.
const WAYS: &str = "password, v3password, token, v3token, v3applicationcredential, admin_token, http_basic or none";

/// Options by the names that they have in `clouds.yaml`: `username`, `project_name`, `region_name`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Options {
    texts: BTreeMap<String, String>,
    secrets: BTreeMap<String, Secret>,
}

/// Why options do not say how to reach an Image service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// One that is needed is not there.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A way to log in that is not known here.
    #[error("`auth_type` is none of {WAYS}")]
    AuthType,
    /// An address that is none.
    #[error("`{option}` is wrong")]
    Url {
        /// The option.
        option: &'static str,
        /// What is expected.
        #[source]
        source: InvalidServerUrl,
    },
    /// The interface is none of the three.
    #[error("`interface` is wrong")]
    Interface(#[source] UnknownInterface),
    /// Certificates shall not be checked.
    #[error(
        "the server's certificate is always checked here; instead of `insecure` or `verify: false`, name the \
         certificate that vouches for it with `cacert` or OS_CACERT"
    )]
    Insecure,
}

/// What options say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ImageService {
    pub server: Server,
    pub access: Access,
    pub tls: TlsFiles,
}

/// The ways to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Password,
    Token,
    ApplicationCredential,
    AdminToken,
    Basic,
    Nothing,
}

impl Options {
    /// Sets an option whose value is plain text; `key` may have hyphens.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.texts.insert(key.to_ascii_lowercase().replace('-', "_"), value.into());
    }

    /// Sets an option that is a secret, by where it is.
    pub fn set_secret(&mut self, key: &str, secret: Secret) {
        self.secrets.insert(key.to_owned(), secret);
    }

    /// The first of `keys` that has a value.
    pub fn get(&self, keys: &[&str]) -> Option<&str> {
        let values = keys.iter().filter_map(|key| self.texts.get(*key).map(String::as_str));
        values.into_iter().find(|value| !value.is_empty())
    }

    fn has(&self, key: &str) -> bool {
        self.secret(key).is_some()
    }

    fn secret(&self, key: &str) -> Option<Secret> {
        self.secrets.get(key).cloned().or_else(|| self.get(&[key]).map(Secret::written))
    }

    fn needed(&self, keys: &[&'static str]) -> Result<String, OptionsError> {
        let missing = OptionsError::Missing(keys.first().copied().unwrap_or_default());
        self.get(keys).map(str::to_owned).ok_or(missing)
    }

    fn needed_secret(&self, key: &'static str) -> Result<Secret, OptionsError> {
        self.secret(key).ok_or(OptionsError::Missing(key))
    }

    fn url(&self, option: &'static str) -> Result<Option<ServerUrl>, OptionsError> {
        let url = self.get(&[option]).map(str::parse).transpose();
        url.map_err(|source| OptionsError::Url { option, source })
    }

    /// The Image service that the options lead to.
    ///
    /// # Errors
    /// [`OptionsError`] for what is missing or wrong.
    pub fn image_service(&self) -> Result<ImageService, OptionsError> {
        let is = |key: &str, words: &[&str]| {
            self.get(&[key]).is_some_and(|value| words.contains(&value.to_ascii_lowercase().as_str()))
        };
        let off = ["0", "false", "no"];
        if (self.get(&["insecure"]).is_some() && !is("insecure", &off)) || is("verify", &off) {
            return Err(OptionsError::Insecure);
        }
        let file = |key: &str| self.get(&[key]).map(PathBuf::from);
        let tls = TlsFiles { ca: file("cacert"), certificate: file("cert"), key: file("key") };
        let mut server = None;
        for option in ["image_endpoint_override", "image_endpoint", "image_url"] {
            server = server.or(self.url(option)?);
        }
        let way = self.way()?;
        let (server, access) = match way {
            Way::Password | Way::Token | Way::ApplicationCredential => {
                let login = Access::Keystone(Box::new(self.login(way)?));
                (server.as_ref().map_or(Server::Catalog, at), login)
            }
            Way::AdminToken | Way::Basic | Way::Nothing => {
                let named = server.or(self.url("endpoint")?).or(self.url("url")?);
                let server = named.ok_or(OptionsError::Missing("endpoint"))?;
                (at(&server), self.standing_access(way)?)
            }
        };
        Ok(ImageService { server, access, tls })
    }

    fn way(&self) -> Result<Way, OptionsError> {
        match self.get(&["auth_type", "auth_plugin"]) {
            Some("password" | "v3password") => Ok(Way::Password),
            Some("token" | "v3token") => Ok(Way::Token),
            Some("v3applicationcredential" | "application_credential") => Ok(Way::ApplicationCredential),
            Some("admin_token" | "token_endpoint") => Ok(Way::AdminToken),
            Some("http_basic") => Ok(Way::Basic),
            Some("none" | "noauth") => Ok(Way::Nothing),
            Some(_) => Err(OptionsError::AuthType),
            None => Ok(self.guessed_way()),
        }
    }

    /// The way that the other options speak of.
    fn guessed_way(&self) -> Way {
        let with_token = self.has("token") || self.has("auth_token");
        let keystone = self.get(&["auth_url"]).is_some();
        let credential = ["application_credential_id", "application_credential_name", "application_credential_secret"];
        if credential.into_iter().any(|key| self.has(key)) {
            Way::ApplicationCredential
        } else if with_token && !self.has("password") {
            if keystone { Way::Token } else { Way::AdminToken }
        } else if !keystone && !self.has("password") && self.get(&["username", "user_id"]).is_none() {
            Way::Nothing
        } else {
            Way::Password
        }
    }

    fn token(&self) -> Result<Secret, OptionsError> {
        self.secret("token").or_else(|| self.secret("auth_token")).ok_or(OptionsError::Missing("token"))
    }

    fn standing_access(&self, way: Way) -> Result<Access, OptionsError> {
        match way {
            Way::AdminToken => Ok(Access::Token(self.token()?)),
            Way::Basic => {
                Ok(Access::Basic { user: self.needed(&["username"])?, password: self.needed_secret("password")? })
            }
            _ => Ok(Access::Nothing),
        }
    }

    fn login(&self, way: Way) -> Result<Login, OptionsError> {
        let auth_url = self.url("auth_url")?.ok_or(OptionsError::Missing("auth_url"))?;
        let identity = match way {
            Way::Token => Identity::Token(self.token()?),
            Way::ApplicationCredential => Identity::ApplicationCredential {
                credential: self.application_credential()?,
                secret: self.needed_secret("application_credential_secret")?,
            },
            _ => Identity::Password { user: self.user()?, password: self.needed_secret("password")? },
        };
        let interface = self.get(&["image_interface", "interface", "image_endpoint_type", "endpoint_type"]);
        let interface = interface.map(str::parse::<Interface>).transpose().map_err(OptionsError::Interface)?;
        let interface = interface.unwrap_or_default();
        // An application credential belongs to a project; Keystone refuses a request that names one besides.
        let scope = if way == Way::ApplicationCredential { Scope::Unsaid } else { self.scope() };
        let region = self.get(&["image_region_name", "region_name"]).map(str::to_owned);
        Ok(Login { auth_url, identity, scope, region, interface })
    }

    fn user(&self) -> Result<Reference, OptionsError> {
        if let Some(id) = self.get(&["user_id"]) {
            return Ok(Reference::id(id));
        }
        Ok(Reference::named(self.needed(&["username", "user_name"])?, self.domain("user_domain")))
    }

    fn application_credential(&self) -> Result<ApplicationCredential, OptionsError> {
        if let Some(id) = self.get(&["application_credential_id"]) {
            return Ok(ApplicationCredential::Id(id.to_owned()));
        }
        let name = self.get(&["application_credential_name"]).map(str::to_owned);
        let name = name.ok_or(OptionsError::Missing("application_credential_id"))?;
        Ok(ApplicationCredential::Name { name, user: self.user()? })
    }

    fn scope(&self) -> Scope {
        if let Some(id) = self.get(&["project_id", "tenant_id"]) {
            return Scope::Project(Reference::id(id));
        }
        if let Some(name) = self.get(&["project_name", "tenant_name"]) {
            return Scope::Project(Reference::named(name, self.domain("project_domain")));
        }
        let id = self.get(&["domain_id"]).map(|id| Domain::Id(id.to_owned()));
        match id.or_else(|| self.get(&["domain_name"]).map(|name| Domain::Name(name.to_owned()))) {
            Some(domain) => Scope::Domain(domain),
            None if self.get(&["system_scope"]) == Some("all") => Scope::System,
            None => Scope::Unsaid,
        }
    }

    /// The domain that `user_domain_id` and its kin name.
    fn domain(&self, whose: &str) -> Domain {
        if let Some(id) = self.get(&[&format!("{whose}_id")]) {
            return Domain::Id(id.to_owned());
        }
        if let Some(name) = self.get(&[&format!("{whose}_name")]) {
            return Domain::Name(name.to_owned());
        }
        self.get(&["default_domain_id", "default_domain"]).map_or_else(Domain::default, |id| Domain::Id(id.to_owned()))
    }
}

fn at(server: &ServerUrl) -> Server {
    Server::At(server.without_image_version())
}

#[cfg(test)]
#[path = "openstack_tests.rs"]
mod tests;
