//! From what is known about a service to a way to call it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pentaprism_client::retry::Clock;
use pentaprism_client::token::{EndpointError, Interface, InvalidAuthUrl, InvalidTokenEndpoint};
use pentaprism_client::{
    BaseUrl, Cached, Credential, HyperTransport, InvalidCredential, Proxies, TlsError, Token, TokenError, TokenProvider,
};

use super::error::ProfileError;
use super::issue::{Issuer, Known};
use super::target::{Access, Origin, Places, Server, Target, TlsFiles, Warning};
use super::values::{NotText, Secret, ServerUrl, Sources};
use crate::remote::address::Dialect;

/// A way to call one API at one place. Clones share connections and tokens.
#[derive(Clone)]
pub struct Connection {
    target: Target,
    transport: HyperTransport,
    credential: Credential,
    tokens: Option<Arc<Cached<Issuer>>>,
    issuer: Option<Issuer>,
}

/// Why there is no way to call a service. Holds no secret, at no level.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// It is not known where it is, or how to be let in.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A file that holds a secret or certificates cannot be read.
    #[error("the file `{}`, named by {origin}, cannot be read", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Who names it.
        origin: Box<Origin>,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// A secret is not where it should be.
    #[error("{secret}, named by {origin}, is empty or not there")]
    NoSecret {
        /// Where it should be.
        secret: Box<Secret>,
        /// Who says so.
        origin: Box<Origin>,
    },
    /// A password that goes along with each request should come from a command, which could only be run in time for a token.
    #[error("{origin} has a command for a password of http_basic; name a file or a variable")]
    PasswordCommand {
        /// Who says so.
        origin: Box<Origin>,
    },
    /// A variable is not UTF-8.
    #[error(transparent)]
    NotText(#[from] NotText),
    /// A token or password cannot be sent.
    #[error("the secret named by {origin} cannot be sent")]
    Credential {
        /// Who names it.
        origin: Box<Origin>,
        /// Why not.
        #[source]
        source: InvalidCredential,
    },
    /// Certificates or keys are wrong.
    #[error("the certificates named by {origin} cannot be used")]
    Tls {
        /// Who names them.
        origin: Box<Origin>,
        /// What is wrong.
        #[source]
        source: TlsError,
    },
    /// The address of an OAuth server is wrong.
    #[error("`token_url`, named by {origin}, cannot be used")]
    TokenUrl {
        /// Who names it.
        origin: Box<Origin>,
        /// What is wrong.
        #[source]
        source: InvalidTokenEndpoint,
    },
    /// The address of Keystone is wrong.
    #[error("`auth_url`, named by {origin}, cannot be used")]
    AuthUrl {
        /// Who names it.
        origin: Box<Origin>,
        /// What is wrong.
        #[source]
        source: InvalidAuthUrl,
    },
}

/// Why Keystone does not say where a service is.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// It gave no token, with which the catalog comes.
    #[error("Keystone does not say where the Image service is")]
    Token(#[source] TokenError),
    /// The catalog does not tell.
    #[error("Keystone does not say where the Image service is")]
    Endpoint(#[source] EndpointError),
}

impl Connection {
    /// Reads what `target` names: files, variables, certificates. Nothing is sent, no command is run. `clock` says when tokens end.
    ///
    /// # Errors
    /// [`ConnectionError`] for what is missing or wrong on this machine.
    pub fn new(target: Target, sources: &Sources, clock: &Arc<dyn Clock>) -> Result<Self, ConnectionError> {
        let transport = transport(&target, sources)?;
        let origin = || Box::new(target.origin.clone());
        let wrong = |source| ConnectionError::Credential { origin: origin(), source };
        let known = |secret| Known::read(secret, &target.origin, sources);
        let (mut credential, mut issuer) = (Credential::none(), None);
        match &target.access {
            Access::Nothing => {}
            Access::Token(secret) => match known(secret)? {
                Known::Text(token) => {
                    let token = token.reveal();
                    let fixed = match target.dialect {
                        Dialect::Glance => Credential::auth_token(token),
                        _ => Credential::bearer(token),
                    };
                    credential = fixed.map_err(wrong)?;
                }
                Known::Command(command) => issuer = Some(Issuer::command(command, clock)),
            },
            Access::Basic { user, password } => {
                let Known::Text(password) = known(password)? else {
                    return Err(ConnectionError::PasswordCommand { origin: origin() });
                };
                credential = Credential::basic(user, password.reveal()).map_err(wrong)?;
            }
            Access::OAuth(oauth) => {
                let made = Issuer::oauth((**oauth).clone(), known(&oauth.client_secret)?, transport.clone(), clock);
                issuer = Some(made.map_err(|source| ConnectionError::TokenUrl { origin: origin(), source })?);
            }
            Access::Keystone(login) => {
                let made =
                    Issuer::keystone((**login).clone(), known(login.identity.secret())?, transport.clone(), clock);
                issuer = Some(made.map_err(|source| ConnectionError::AuthUrl { origin: origin(), source })?);
            }
        }
        let tokens = issuer.clone().map(|issuer| Arc::new(Cached::new(issuer).with_clock(Arc::clone(clock))));
        if let Some(tokens) = &tokens {
            let shared = Shared(tokens.clone());
            credential = match target.dialect {
                Dialect::Glance => Credential::auth_token_from(shared),
                _ => Credential::bearer_from(shared),
            };
        }
        Ok(Self { target, transport, credential, tokens, issuer })
    }

    /// What is known about the service.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The API.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.target.dialect
    }

    /// The ids that the API's paths need.
    #[must_use]
    pub fn places(&self) -> &Places {
        &self.target.places
    }

    /// What should be told before anything is done.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.target.warnings
    }

    /// How requests travel.
    #[must_use]
    pub fn transport(&self) -> &HyperTransport {
        &self.transport
    }

    /// What is shown with each request.
    #[must_use]
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// Where the service is, for messages: its URL, or Keystone's where the catalog says it. Without secrets.
    #[must_use]
    pub fn server(&self) -> &str {
        match (&self.target.server, &self.target.access) {
            (Server::At(server), _) => server.as_str(),
            (Server::Catalog, Access::Keystone(login)) => login.auth_url.as_str(),
            (Server::Catalog, _) => "",
        }
    }

    /// Where the service is. Logs in at Keystone where the catalog says it, once; the token is kept for the requests.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn base(&self) -> Result<BaseUrl, CatalogError> {
        if let Server::At(server) = &self.target.server {
            return Ok(server.base().clone());
        }
        // Whoever has the token has the catalog, which came with it.
        self.token().await.map_err(CatalogError::Token)?;
        let catalog = self.issuer.as_ref().map(Issuer::catalog).unwrap_or_default();
        let (region, interface) = match &self.target.access {
            Access::Keystone(login) => (login.region.as_deref(), login.interface),
            _ => (None, Interface::default()),
        };
        catalog.endpoint("image", region, interface).map_err(CatalogError::Endpoint)
    }

    /// What should be told of `base` before a token is sent there: a catalog may lead to where it travels unencrypted.
    #[must_use]
    pub fn warning_of(&self, base: &BaseUrl) -> Option<Warning> {
        let told: Option<ServerUrl> = base.to_string().parse().ok();
        let server = told.filter(|_| self.target.server == Server::Catalog)?;
        server.is_readable_by_others().then_some(Warning::NotEncrypted { server })
    }

    /// The token that the next request shows, where somebody has to be asked for it; it is asked for now if need be.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn token(&self) -> Result<Option<Token>, TokenError> {
        match &self.tokens {
            Some(tokens) => tokens.token(None).await.map(Some),
            None => Ok(None),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connection").field("target", &self.target).finish_non_exhaustive()
    }
}

/// A provider with several owners.
struct Shared(Arc<Cached<Issuer>>);

impl TokenProvider for Shared {
    fn token<'a>(
        &'a self,
        refused: Option<&'a Token>,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Token, TokenError>> + Send + 'a>> {
        self.0.token(refused)
    }
}

fn transport(target: &Target, sources: &Sources) -> Result<HyperTransport, ConnectionError> {
    let TlsFiles { ca, certificate, key } = &target.tls;
    let read = |path: &Path| read(path, &target.origin);
    let wrong = |source| ConnectionError::Tls { origin: Box::new(target.origin.clone()), source };
    let mut builder = HyperTransport::builder();
    if let Some(ca) = ca {
        builder = builder.root_certificates(&read(ca)?).map_err(wrong)?;
    }
    if let Some(certificate) = certificate {
        let pem = read(certificate)?;
        let key = key.as_deref().map(read).transpose()?;
        builder = builder.client_certificate(&pem, key.as_deref().unwrap_or(&pem));
    }
    if uses_proxy(target) {
        builder = builder.proxies(Proxies::from_environment(sources.environment.iter().cloned()));
    }
    if let Some(timeout) = target.timeout {
        builder = builder.idle_deadline(timeout);
    }
    builder.build().map_err(wrong)
}

/// Whether the proxies of the environment count: never on the way to this machine.
pub(in crate::remote) fn uses_proxy(target: &Target) -> bool {
    let local = matches!(&target.server, Server::At(server) if ServerUrl::is_loopback(server));
    target.proxy && !local
}

fn read(path: &Path, origin: &Origin) -> Result<Vec<u8>, ConnectionError> {
    let wrong = |source| ConnectionError::File { file: path.to_owned(), origin: Box::new(origin.clone()), source };
    std::fs::read(path).map_err(wrong)
}

impl Known {
    /// Looks a secret up, unless a command has to be run for it.
    fn read(secret: &Secret, origin: &Origin, sources: &Sources) -> Result<Self, ConnectionError> {
        let text = match secret {
            Secret::Command(words) => return Ok(Self::command(words)),
            Secret::Written(token) => token.reveal().to_owned(),
            Secret::File(path) => {
                let text = String::from_utf8(read(path, origin)?).map_err(|_| {
                    let source = io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8");
                    ConnectionError::File { file: path.clone(), origin: Box::new(origin.clone()), source }
                })?;
                text.lines().next().unwrap_or_default().trim().to_owned()
            }
            Secret::Variable(name) => sources.text(name)?.unwrap_or_default().trim().to_owned(),
        };
        if text.is_empty() {
            let (secret, origin) = (Box::new(secret.clone()), Box::new(origin.clone()));
            return Err(ConnectionError::NoSecret { secret, origin });
        }
        Ok(Self::Text(crate::settings::Token::new(text)))
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
