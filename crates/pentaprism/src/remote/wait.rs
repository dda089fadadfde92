//! `wait`: until something can be used, or is gone.

use std::sync::Arc;

use super::failure::Failure;
use super::service;
use super::session::Session;
use crate::command::WaitArguments;

/// Waits as `wait` was told, without an end of its own.
///
/// # Errors
/// [`Failure`] when what is waited for will never come, or cannot be asked for.
pub async fn run(arguments: &WaitArguments, session: &Arc<Session>) -> Result<(), Failure> {
    let remote = service::open(&arguments.address, session).await?;
    let entry = remote.wait(arguments.gone).await?;
    let address = entry.as_ref().map_or_else(|| arguments.address.to_string(), |entry| entry.address.to_string());
    session.reporter.waited(&address, arguments.gone, entry.as_ref())
}
