//! The connections of a command: one for each API of each profile, however many files go over it.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use pentaprism_client::BaseUrl;

use crate::remote::address::{Address, Dialect};
use crate::remote::failure::{Failure, FailureKind};
use crate::remote::profiles::{self, CatalogError, Connection, ConnectionError, Warning};
use crate::remote::session::Session;

/// The connections of a command. What is to be told about one is told when it is made.
#[derive(Debug, Default)]
pub struct Connections {
    made: Mutex<HashMap<(Option<String>, Dialect), Connection>>,
    /// What was warned of already.
    warned: Mutex<HashSet<String>>,
}

impl Connections {
    /// The connection to the service of `address`.
    ///
    /// # Errors
    /// [`Failure`] when it is not known where the service is or how to be let in, or when a file of its profile is wrong.
    pub fn of(&self, address: &Address, session: &Session) -> Result<Connection, Failure> {
        let mut known = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (address.profile.clone(), address.dialect());
        if let Some(connection) = known.get(&key) {
            return Ok(connection.clone());
        }
        let made = profiles::connect(address, &session.sources, &session.clock)
            .map_err(|error| impossible(address, &error))?;
        for warning in made.warnings() {
            self.warn(warning, session);
        }
        known.insert(key, made.clone());
        Ok(made)
    }

    /// Where the service of `address` is, to which `connection` leads. Keystone may have to say it.
    ///
    /// # Errors
    /// [`Failure`] when it does not.
    pub async fn base(
        &self,
        address: &Address,
        connection: &Connection,
        session: &Session,
    ) -> Result<BaseUrl, Failure> {
        let base = connection.base().await.map_err(|error| not_found(address, &error))?;
        if let Some(warning) = connection.warning_of(&base) {
            self.warn(&warning, session);
        }
        Ok(base)
    }

    fn warn(&self, warning: &Warning, session: &Session) {
        let text = warning.to_string();
        if self.warned.lock().unwrap_or_else(PoisonError::into_inner).insert(text.clone()) {
            session.reporter.warn(&text);
        }
    }
}

fn impossible(address: &Address, error: &ConnectionError) -> Failure {
    let kind = match error {
        ConnectionError::File { .. } | ConnectionError::Tls { .. } => FailureKind::Local,
        _ => FailureKind::Usage,
    };
    Failure::new(kind, format!("the service of {address} cannot be called")).because(error).advise(doctor(address))
}

/// Keystone does not say where the service is.
fn not_found(address: &Address, error: &CatalogError) -> Failure {
    let kind = match error {
        CatalogError::Token(_) => FailureKind::NotAllowed,
        CatalogError::Endpoint(_) => FailureKind::Usage,
    };
    Failure::new(kind, format!("it is not known where the service of {address} is"))
        .because(error)
        .advise(doctor(address))
}

fn doctor(address: &Address) -> String {
    match &address.profile {
        Some(profile) => format!("`pentaprism doctor {profile}` checks the profile"),
        None => "`pentaprism doctor` checks what is set".to_owned(),
    }
}
