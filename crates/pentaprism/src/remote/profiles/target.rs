//! A service as profiles and environment describe it: everything that a connection is made of, without a connection.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use pentaprism_client::token::{Interface, Reference, Scope};

use super::values::{Secret, ServerUrl};
use crate::remote::address::Dialect;

/// One API at one place, and how to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The API.
    pub dialect: Dialect,
    /// Who says so.
    pub origin: Origin,
    /// Where the service is.
    pub server: Server,
    /// How the client shows who it is.
    pub access: Access,
    /// Whom the client trusts, and its own certificate.
    pub tls: TlsFiles,
    /// Whether the proxies of the environment are used.
    pub proxy: bool,
    /// How long an exchange may stand still; absent, as long as the client library says.
    pub timeout: Option<Duration>,
    /// The ids that an API's paths need.
    pub places: Places,
    /// What should be told before anything is done.
    pub warnings: Vec<Warning>,
}

impl Target {
    /// Adds a warning for each server that gets a secret over a connection that others can read.
    pub(super) fn warn_of_plain_text(&mut self) {
        let mut servers = Vec::new();
        match (&self.access, &self.server) {
            (Access::Nothing, _) => {}
            (Access::Keystone(login), Server::Catalog) => servers.push(&login.auth_url),
            (Access::Keystone(login), Server::At(server)) => servers.extend([&login.auth_url, server]),
            (_, Server::At(server)) => servers.push(server),
            (_, Server::Catalog) => {}
        }
        let open = servers.into_iter().filter(|server| server.is_readable_by_others());
        let warnings: Vec<_> = open.map(|server| Warning::NotEncrypted { server: server.clone() }).collect();
        self.warnings.extend(warnings);
    }
}

/// The ids that an API's paths need and its addresses do not have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// The Azure Sphere tenant.
    pub tenant: Option<String>,
    /// The PingOne environment.
    pub environment: Option<String>,
    /// The iTwin whose saved views are listed.
    pub itwin: Option<String>,
    /// The iModel whose saved views are listed.
    pub imodel: Option<String>,
}

/// Who says where a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A profile.
    Profile {
        /// Its name.
        name: String,
        /// The file that it stands in.
        file: PathBuf,
    },
    /// `PENTAPRISM_SERVER` or `PENTAPRISM_TOKEN`.
    Environment,
    /// `OS_AUTH_URL` and its kin.
    OpenStackVariables,
    /// A cloud of `clouds.yaml`.
    Cloud {
        /// Its name.
        name: String,
        /// The file that it stands in.
        file: PathBuf,
    },
    /// Nobody: the server that `pentaprism serve` starts without settings.
    Local,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile { name, file } => write!(formatter, "the profile `{name}` in `{}`", file.display()),
            Self::Environment => {
                formatter.write_str("the environment variables PENTAPRISM_SERVER and PENTAPRISM_TOKEN")
            }
            Self::OpenStackVariables => formatter.write_str("the environment variables OS_*"),
            Self::Cloud { name, file } => write!(formatter, "the cloud `{name}` in `{}`", file.display()),
            Self::Local => formatter.write_str("nobody, so it is the local server of `pentaprism serve`"),
        }
    }
}

/// Where a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Server {
    /// At this address.
    At(ServerUrl),
    /// Where Keystone's catalog says, which is asked when it is needed.
    Catalog,
}

/// How the client shows who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Not at all.
    Nothing,
    /// With a token: `X-Auth-Token` for Glance, `Authorization: Bearer` for the others.
    Token(Secret),
    /// With a user and a password, by `Authorization: Basic`.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// With a token that an OAuth 2.0 server gives for the client's own credentials.
    OAuth(Box<OAuth>),
    /// With a token of Keystone.
    Keystone(Box<Login>),
}

/// The client credentials grant of OAuth 2.0 (RFC 6749, 4.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuth {
    /// The token endpoint.
    pub token_url: ServerUrl,
    /// The client's id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// What the token shall be for, separated by spaces.
    pub scope: Option<String>,
    /// Whom the token shall be shown to, for servers that want to know.
    pub audience: Option<String>,
    /// Whether id and secret stand in the body; otherwise in `Authorization: Basic`.
    pub secret_in_body: bool,
}

/// How to log in at Keystone, the Identity service of OpenStack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Where Keystone is, with or without `/v3`.
    pub auth_url: ServerUrl,
    /// Who logs in.
    pub identity: Identity,
    /// What the token shall be for.
    pub scope: Scope,
    /// The region whose endpoint is wanted.
    pub region: Option<String>,
    /// For whom the endpoint is.
    pub interface: Interface,
}

/// Who logs in at Keystone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// A user with a password.
    Password {
        /// The user.
        user: Reference,
        /// The password.
        password: Secret,
    },
    /// An application credential.
    ApplicationCredential {
        /// The credential: by its id, or by its name and the user that it belongs to.
        credential: ApplicationCredential,
        /// Its secret.
        secret: Secret,
    },
    /// Somebody who has a token already.
    Token(Secret),
}

/// An application credential, by id or by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplicationCredential {
    /// By id.
    Id(String),
    /// By the name that its user gave it.
    Name {
        /// The name.
        name: String,
        /// The user.
        user: Reference,
    },
}

/// Whom the client trusts, and its own certificate: PEM files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificates that are trusted besides the system's.
    pub ca: Option<PathBuf>,
    /// The client's certificate, followed by those that vouch for it.
    pub certificate: Option<PathBuf>,
    /// Its private key; absent, it is in the same file.
    pub key: Option<PathBuf>,
}

/// What should be told before anything is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// Others may read a file that holds secrets.
    ReadableByOthers {
        /// The file.
        file: PathBuf,
    },
    /// A secret goes over the network as it is.
    NotEncrypted {
        /// Where it goes.
        server: ServerUrl,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadableByOthers { file } => {
                let file = file.display();
                write!(formatter, "`{file}` holds secrets and others may read it; run `chmod 600 {file}`")
            }
            Self::NotEncrypted { server } => {
                write!(formatter, "the secret for {server} travels unencrypted; use an https address")
            }
        }
    }
}
