//! Who gives tokens: a command, an OAuth server, or Keystone, with a secret that may itself come from a command.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use pentaprism_client::retry::Clock;
use pentaprism_client::token::{Catalog, InvalidAuthUrl, InvalidTokenEndpoint};
use pentaprism_client::{
    ClientCredentials, CommandToken, HyperTransport, Keystone, Token, TokenError, TokenProvider, token,
};

use super::target::{ApplicationCredential, Identity, Login, OAuth};
use super::values::Secret;
use crate::settings;

/// A secret, or the command that prints it.
#[derive(Clone)]
pub(super) enum Known {
    Text(settings::Token),
    Command(CommandToken),
}

impl Known {
    pub fn command(words: &[String]) -> Self {
        let (program, arguments) = words.split_first().map_or(("", words), |(first, rest)| (first.as_str(), rest));
        Self::Command(CommandToken::new(program).arguments(arguments))
    }

    /// The secret; a command is run for it, each time.
    async fn text(&self, clock: &Arc<dyn Clock>) -> Result<String, TokenError> {
        match self {
            Self::Text(text) => Ok(text.reveal().to_owned()),
            Self::Command(command) => {
                Ok(command.clone().with_clock(Arc::clone(clock)).token(None).await?.secret().to_owned())
            }
        }
    }
}

/// Gives tokens, and remembers the catalog that came with the last one of Keystone.
#[derive(Clone)]
pub(super) struct Issuer(Arc<Inner>);

struct Inner {
    secret: Known,
    way: Way,
    catalog: Mutex<Catalog>,
    clock: Arc<dyn Clock>,
}

enum Way {
    Command,
    OAuth(OAuth, HyperTransport),
    Keystone(Login, HyperTransport),
}

impl Issuer {
    /// A command that prints tokens.
    pub fn command(command: CommandToken, clock: &Arc<dyn Clock>) -> Self {
        Self::new(Known::Command(command), Way::Command, clock)
    }

    /// An OAuth server.
    pub fn oauth(
        oauth: OAuth,
        secret: Known,
        transport: HyperTransport,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, InvalidTokenEndpoint> {
        // What is wrong with the address is told before anything is asked for.
        client_credentials(&oauth, "", &transport)?;
        Ok(Self::new(secret, Way::OAuth(oauth, transport), clock))
    }

    /// Keystone.
    pub fn keystone(
        login: Login,
        secret: Known,
        transport: HyperTransport,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, InvalidAuthUrl> {
        keystone(&login, String::new(), &transport)?;
        Ok(Self::new(secret, Way::Keystone(login, transport), clock))
    }

    fn new(secret: Known, way: Way, clock: &Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { secret, way, catalog: Mutex::default(), clock: Arc::clone(clock) }))
    }

    /// The catalog that came with the last token; empty before the first.
    pub fn catalog(&self) -> Catalog {
        self.0.catalog.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn issue(&self) -> Result<Token, TokenError> {
        let clock = || Arc::clone(&self.0.clock);
        match &self.0.way {
            Way::Command => match &self.0.secret {
                Known::Command(command) => command.clone().with_clock(clock()).token(None).await,
                Known::Text(text) => Ok(Token::new(text.reveal(), None)),
            },
            Way::OAuth(oauth, transport) => {
                let secret = self.0.secret.text(&self.0.clock).await?;
                let server = client_credentials(oauth, &secret, transport).map_err(TokenError::other)?;
                server.with_clock(clock()).token(None).await
            }
            Way::Keystone(login, transport) => {
                let secret = self.0.secret.text(&self.0.clock).await?;
                let server = keystone(login, secret, transport).map_err(TokenError::other)?;
                let issued = server.with_clock(clock()).log_in().await?;
                let mut catalog = self.0.catalog.lock().unwrap_or_else(PoisonError::into_inner);
                catalog.clone_from(issued.catalog());
                Ok(issued.token().clone())
            }
        }
    }
}

impl TokenProvider for Issuer {
    fn token<'a>(
        &'a self,
        _refused: Option<&'a Token>,
    ) -> Pin<Box<dyn Future<Output = Result<Token, TokenError>> + Send + 'a>> {
        Box::pin(self.issue())
    }
}

fn client_credentials(
    oauth: &OAuth,
    secret: &str,
    transport: &HyperTransport,
) -> Result<ClientCredentials<HyperTransport>, InvalidTokenEndpoint> {
    let url = oauth.token_url.as_str();
    let mut server = ClientCredentials::new(transport.clone(), url, oauth.client_id.as_str(), secret)?;
    if oauth.secret_in_body {
        server = server.with_secret_in_body();
    }
    if let Some(scope) = &oauth.scope {
        server = server.with_scope(scope);
    }
    if let Some(audience) = &oauth.audience {
        server = server.with_parameter("audience", audience);
    }
    Ok(server)
}

fn keystone(
    login: &Login,
    secret: String,
    transport: &HyperTransport,
) -> Result<Keystone<HyperTransport>, InvalidAuthUrl> {
    let who = match &login.identity {
        Identity::Password { user, .. } => token::Login::password(user.clone(), secret),
        Identity::Token(_) => token::Login::token(secret),
        Identity::ApplicationCredential { credential, .. } => match credential {
            ApplicationCredential::Id(id) => token::Login::application_credential(id, secret),
            ApplicationCredential::Name { name, user } => {
                token::Login::application_credential_of(user.clone(), name, secret)
            }
        },
    };
    Ok(Keystone::new(transport.clone(), login.auth_url.as_str(), who)?.with_scope(login.scope.clone()))
}

impl Identity {
    /// What proves who it is.
    pub(super) fn secret(&self) -> &Secret {
        match self {
            Self::Password { password: secret, .. }
            | Self::ApplicationCredential { secret, .. }
            | Self::Token(secret) => secret,
        }
    }
}
