//! Where services are and how to be let in: profiles, the environment, `clouds.yaml`, or the local server.

mod clouds;
mod connection;
mod environment;
mod error;
mod file;
mod issue;
mod openstack;
mod settings;
mod target;
mod told;
mod values;
mod yaml;

pub(super) use connection::uses_proxy;
pub use connection::{CatalogError, Connection, ConnectionError};
pub use error::ProfileError;
pub use file::{ProfilesFile, place};
pub use openstack::OptionsError;
pub use settings::PlaceError;
pub use target::{
    Access, ApplicationCredential, Identity, Login, OAuth, Origin, Places, Server, Target, TlsFiles, Warning,
};
pub(super) use told::token_failure;
pub use values::{InvalidServerUrl, NotText, Secret, ServerUrl, Sources};
pub use yaml::YamlError;

use std::sync::Arc;

use pentaprism_client::retry::Clock;

use super::address::Address;

/// What profiles and environment say about the service that `address` is at. Nothing is asked over the network.
///
/// # Errors
/// [`ProfileError`] when it is not known where the service is or how to be let in.
pub fn target(address: &Address, sources: &Sources) -> Result<Target, ProfileError> {
    let mut target = match &address.profile {
        Some(name) => ProfilesFile::read(sources, name)?.target(name, address.dialect(), sources)?,
        None => environment::target(address.dialect(), sources)?,
    };
    target.warn_of_plain_text();
    Ok(target)
}

/// A way to call the service that `address` is at. Nothing is asked over the network before the first call. Tokens end by
/// `clock`.
///
/// # Errors
/// [`ConnectionError`] for what is missing or wrong on this machine.
pub fn connect(address: &Address, sources: &Sources, clock: &Arc<dyn Clock>) -> Result<Connection, ConnectionError> {
    Connection::new(target(address, sources)?, sources, clock)
}
