//! `rm`: deleting at services.

use std::sync::Arc;

use super::address::{Address, Place};
use super::failure::{Failure, FailureKind};
use super::service;
use super::session::Session;
use crate::command::RemoveArguments;

/// Deletes each address, in their order. What cannot be deleted does not keep the others; the first failure is the command's.
///
/// # Errors
/// The first [`Failure`].
pub async fn run(arguments: &RemoveArguments, session: &Arc<Session>) -> Result<(), Failure> {
    let many = arguments.addresses.len() > 1;
    let mut first = Ok(());
    for address in &arguments.addresses {
        let Err(failure) = remove(address, arguments.recursive, session).await else { continue };
        if failure.kind == FailureKind::Unread {
            return Err(failure);
        }
        let failure = if many { session.reporter.tell(failure) } else { failure };
        first = first.and(Err(failure));
    }
    first
}

async fn remove(address: &Address, recursive: bool, session: &Arc<Session>) -> Result<(), Failure> {
    service::open(address, session).await?.remove(recursive).await?;
    if let Place::SavedViews { thumbnail: false, .. } = &address.place {
        session.reporter.note(&format!("{address}: the saved view itself is deleted, with its picture"));
    }
    session.reporter.removed(&address.to_string())
}
