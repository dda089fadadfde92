//! What a profile can set: the same keys for all its APIs, and again in a table of each, where they win.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::openstack::Options;
use super::target::OAuth;
use super::values::{Secret, ServerUrl, Sources};
use crate::remote::address::Dialect;
use crate::settings::Token;

/// A table with the keys that every table has, and keys of its own.
macro_rules! table {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Default, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields, default, expecting = "a table with settings")]
        pub struct $name {
            /// Where the service is, such as `https://images.example.org`.
            pub server: Option<ServerUrl>,
            /// The token itself. Better in a file, a variable or a command.
            pub token: Option<Token>,
            /// A file whose first line is the token.
            pub token_file: Option<PathBuf>,
            /// A variable of the environment that holds the token.
            pub token_env: Option<String>,
            /// A program and its arguments; the first line that it writes is the token.
            pub token_command: Option<Vec<String>>,
            /// An OAuth 2.0 server that gives tokens.
            pub oauth: Option<OAuthTable>,
            /// A PEM file with certificates that are trusted besides the system's.
            pub ca: Option<PathBuf>,
            /// A PEM file with the client's certificate.
            pub client_certificate: Option<PathBuf>,
            /// A PEM file with the private key of that certificate; absent, it is in the same file.
            pub client_key: Option<PathBuf>,
            /// Whether the proxies of the environment are used; absent, they are.
            pub proxy: Option<bool>,
            /// Seconds that an exchange may stand still.
            pub timeout: Option<u64>,
            $($(#[$doc])* pub $field: Option<$kind>,)*
        }

        impl $name {
            /// The keys that every table has.
            pub(super) fn common(&self) -> Common {
                Common {
                    server: self.server.clone(),
                    token: self.token.clone(),
                    token_file: self.token_file.clone(),
                    token_env: self.token_env.clone(),
                    token_command: self.token_command.clone(),
                    oauth: self.oauth.clone(),
                    ca: self.ca.clone(),
                    client_certificate: self.client_certificate.clone(),
                    client_key: self.client_key.clone(),
                    proxy: self.proxy,
                    timeout: self.timeout,
                }
            }
        }
    };
}

table! {
    /// A profile.
    Profile {
        /// For the OpenStack Image service alone.
        glance: GlanceTable,
        /// For the Service Fabric Image Store alone.
        service_fabric: ServiceFabricTable,
        /// For the Azure Sphere image upload alone.
        azure_sphere: AzureSphereTable,
        /// For the iTwin Saved Views images alone.
        saved_views: SavedViewsTable,
        /// For the PingOne images alone.
        pingone: PingoneTable,
    }
}

table! {
    /// A profile's settings for the OpenStack Image service.
    GlanceTable {
        /// A cloud of `clouds.yaml`.
        cloud: String,
        /// How to log in at Keystone.
        keystone: Keystone,
        /// The region whose endpoint is wanted.
        region: String,
        /// `public`, `internal` or `admin`.
        interface: String,
    }
}

table! {
    /// A profile's settings for the Service Fabric Image Store.
    ServiceFabricTable {}
}

table! {
    /// A profile's settings for the Azure Sphere image upload.
    AzureSphereTable {
        /// The tenant.
        tenant: String,
    }
}

table! {
    /// A profile's settings for the iTwin Saved Views images.
    SavedViewsTable {
        /// The iTwin whose saved views are listed.
        itwin: String,
        /// The iModel whose saved views are listed.
        imodel: String,
    }
}

table! {
    /// A profile's settings for the PingOne images.
    PingoneTable {
        /// The environment.
        environment: String,
    }
}

/// The client credentials grant of OAuth 2.0.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with `token_url`, `client_id` and a `client_secret`")]
pub struct OAuthTable {
    /// The token endpoint.
    pub token_url: ServerUrl,
    /// The client's id.
    pub client_id: String,
    /// The client's secret itself. Better in a file, a variable or a command.
    pub client_secret: Option<Token>,
    /// A file whose first line is the secret.
    pub client_secret_file: Option<PathBuf>,
    /// A variable of the environment that holds the secret.
    pub client_secret_env: Option<String>,
    /// A program and its arguments; the first line that it writes is the secret.
    pub client_secret_command: Option<Vec<String>>,
    /// What the token shall be for, separated by spaces.
    pub scope: Option<String>,
    /// Whom the token shall be shown to, for servers that want to know.
    pub audience: Option<String>,
    /// Whether id and secret stand in the body instead of a header.
    #[serde(default)]
    pub secret_in_body: bool,
}

/// How to log in at Keystone: the names of `clouds.yaml`, and places for the secrets.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table with `auth_url` and who logs in")]
pub struct Keystone {
    pub auth_url: Option<ServerUrl>,
    pub auth_type: Option<String>,
    pub username: Option<String>,
    pub user_id: Option<String>,
    pub user_domain_name: Option<String>,
    pub user_domain_id: Option<String>,
    pub password: Option<Token>,
    pub password_file: Option<PathBuf>,
    pub password_env: Option<String>,
    pub password_command: Option<Vec<String>>,
    pub application_credential_id: Option<String>,
    pub application_credential_name: Option<String>,
    pub application_credential_secret: Option<Token>,
    pub application_credential_secret_file: Option<PathBuf>,
    pub application_credential_secret_env: Option<String>,
    pub application_credential_secret_command: Option<Vec<String>>,
    pub project_name: Option<String>,
    pub project_id: Option<String>,
    pub project_domain_name: Option<String>,
    pub project_domain_id: Option<String>,
    pub domain_name: Option<String>,
    pub domain_id: Option<String>,
    pub system_scope: Option<String>,
}

/// The keys that every table has.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Common {
    pub server: Option<ServerUrl>,
    pub token: Option<Token>,
    pub token_file: Option<PathBuf>,
    pub token_env: Option<String>,
    pub token_command: Option<Vec<String>>,
    pub oauth: Option<OAuthTable>,
    pub ca: Option<PathBuf>,
    pub client_certificate: Option<PathBuf>,
    pub client_key: Option<PathBuf>,
    pub proxy: Option<bool>,
    pub timeout: Option<u64>,
}

/// Several keys say where one secret is, or none does, or one says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// Two keys where one is meant.
    #[error("`{first}` and `{second}` are there; keep one of them")]
    Two {
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// None of the keys.
    #[error("`{0}` is missing; it may also be given as `{0}_file`, `{0}_env` or `{0}_command`")]
    None(&'static str),
    /// A command without a program.
    #[error("`{0}` names no program; write it as in [\"print-token\", \"--quiet\"]")]
    NoProgram(String),
}

/// The four places of one secret.
pub(super) struct SecretPlaces<'t> {
    pub name: &'static str,
    pub written: &'t Option<Token>,
    pub file: &'t Option<PathBuf>,
    pub variable: &'t Option<String>,
    pub command: &'t Option<Vec<String>>,
}

impl SecretPlaces<'_> {
    /// The one place that is named. Relative files are taken from `folder`.
    pub fn one(&self, sources: &Sources, folder: &Path) -> Result<Option<(String, Secret)>, PlaceError> {
        let name = self.name;
        let found = [
            self.written.clone().map(|token| (name.to_owned(), Secret::Written(token))),
            self.file.as_ref().map(|file| (format!("{name}_file"), Secret::File(sources.resolve(file, folder)))),
            self.variable.clone().map(|variable| (format!("{name}_env"), Secret::Variable(variable))),
            self.command.clone().map(|words| (format!("{name}_command"), Secret::Command(words))),
        ];
        let mut found = found.into_iter().flatten();
        let Some((key, secret)) = found.next() else { return Ok(None) };
        if let Some((second, _)) = found.next() {
            return Err(PlaceError::Two { first: key, second });
        }
        match &secret {
            Secret::Command(words) if words.first().is_none_or(String::is_empty) => Err(PlaceError::NoProgram(key)),
            _ => Ok(Some((key, secret))),
        }
    }

    fn needed(&self, sources: &Sources, folder: &Path) -> Result<Secret, PlaceError> {
        self.one(sources, folder)?.map(|(_, secret)| secret).ok_or(PlaceError::None(self.name))
    }
}

impl Profile {
    /// The keys that count for `dialect`: its table's, and the profile's where the table has none. A way to be let in is
    /// taken as a whole, and so are certificate and key.
    pub(super) fn common_of(&self, dialect: Dialect) -> Common {
        let own = match dialect {
            Dialect::Glance => self.glance.as_ref().map(GlanceTable::common),
            Dialect::ServiceFabric => self.service_fabric.as_ref().map(ServiceFabricTable::common),
            Dialect::AzureSphere => self.azure_sphere.as_ref().map(AzureSphereTable::common),
            Dialect::SavedViews => self.saved_views.as_ref().map(SavedViewsTable::common),
            Dialect::Pingone => self.pingone.as_ref().map(PingoneTable::common),
        };
        let mut lower = self.common();
        let openstack = |glance: &GlanceTable| glance.cloud.is_some() || glance.keystone.is_some();
        if dialect == Dialect::Glance && self.glance.as_ref().is_some_and(openstack) {
            // A cloud knows its own address and its own tokens; the profile's are for the others.
            lower = Common { server: None, ..lower }.without_access();
        }
        own.unwrap_or_default().over(lower)
    }

    /// Whether a secret itself stands in the profile.
    pub(super) fn holds_secrets(&self) -> bool {
        let glance = self.glance.as_ref();
        let keystone = glance
            .and_then(|glance| glance.keystone.as_ref())
            .is_some_and(|keystone| keystone.password.is_some() || keystone.application_credential_secret.is_some());
        let tables = Dialect::ALL.map(|dialect| self.common_of(dialect));
        keystone || tables.iter().chain([&self.common()]).any(Common::holds_secrets)
    }
}

impl Common {
    fn over(mut self, lower: Self) -> Self {
        if !self.has_access() {
            self.token = lower.token;
            self.token_file = lower.token_file;
            self.token_env = lower.token_env;
            self.token_command = lower.token_command;
            self.oauth = lower.oauth;
        }
        if self.client_certificate.is_none() && self.client_key.is_none() {
            self.client_certificate = lower.client_certificate;
            self.client_key = lower.client_key;
        }
        Self {
            server: self.server.or(lower.server),
            ca: self.ca.or(lower.ca),
            proxy: self.proxy.or(lower.proxy),
            timeout: self.timeout.or(lower.timeout),
            ..self
        }
    }

    fn without_access(self) -> Self {
        Self { token: None, token_file: None, token_env: None, token_command: None, oauth: None, ..self }
    }

    /// Whether some way to be let in is named.
    pub fn has_access(&self) -> bool {
        self.oauth.is_some()
            || self.token.is_some()
            || self.token_file.is_some()
            || self.token_env.is_some()
            || self.token_command.is_some()
    }

    fn holds_secrets(&self) -> bool {
        self.token.is_some() || self.oauth.as_ref().is_some_and(|oauth| oauth.client_secret.is_some())
    }

    pub fn token_places(&self) -> SecretPlaces<'_> {
        SecretPlaces {
            name: "token",
            written: &self.token,
            file: &self.token_file,
            variable: &self.token_env,
            command: &self.token_command,
        }
    }
}

impl OAuthTable {
    pub(super) fn resolve(&self, sources: &Sources, folder: &Path) -> Result<OAuth, PlaceError> {
        let places = SecretPlaces {
            name: "client_secret",
            written: &self.client_secret,
            file: &self.client_secret_file,
            variable: &self.client_secret_env,
            command: &self.client_secret_command,
        };
        Ok(OAuth {
            token_url: self.token_url.clone(),
            client_id: self.client_id.clone(),
            client_secret: places.needed(sources, folder)?,
            scope: self.scope.clone(),
            audience: self.audience.clone(),
            secret_in_body: self.secret_in_body,
        })
    }
}

impl Keystone {
    /// The same as options of OpenStack's clients.
    pub(super) fn options(&self, sources: &Sources, folder: &Path) -> Result<Options, PlaceError> {
        let mut options = Options::default();
        let auth_url = self.auth_url.as_ref().map(ToString::to_string);
        for (key, value) in [
            ("auth_url", &auth_url),
            ("auth_type", &self.auth_type),
            ("username", &self.username),
            ("user_id", &self.user_id),
            ("user_domain_name", &self.user_domain_name),
            ("user_domain_id", &self.user_domain_id),
            ("application_credential_id", &self.application_credential_id),
            ("application_credential_name", &self.application_credential_name),
            ("project_name", &self.project_name),
            ("project_id", &self.project_id),
            ("project_domain_name", &self.project_domain_name),
            ("project_domain_id", &self.project_domain_id),
            ("domain_name", &self.domain_name),
            ("domain_id", &self.domain_id),
            ("system_scope", &self.system_scope),
        ] {
            if let Some(value) = value {
                options.set(key, value);
            }
        }
        let password = SecretPlaces {
            name: "password",
            written: &self.password,
            file: &self.password_file,
            variable: &self.password_env,
            command: &self.password_command,
        };
        let secret = SecretPlaces {
            name: "application_credential_secret",
            written: &self.application_credential_secret,
            file: &self.application_credential_secret_file,
            variable: &self.application_credential_secret_env,
            command: &self.application_credential_secret_command,
        };
        for places in [password, secret] {
            if let Some((_, secret)) = places.one(sources, folder)? {
                options.set_secret(places.name, secret);
            }
        }
        Ok(options)
    }
}
