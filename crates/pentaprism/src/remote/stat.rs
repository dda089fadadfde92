//! `stat`: what services know.

use std::sync::Arc;

use super::failure::{Failure, FailureKind};
use super::service;
use super::session::Session;
use crate::command::StatArguments;

/// Tells about each address, in their order. What is not there does not keep the others from being told; the first failure is
/// the command's.
///
/// # Errors
/// The first [`Failure`].
pub async fn run(arguments: &StatArguments, session: &Arc<Session>) -> Result<(), Failure> {
    let many = arguments.addresses.len() > 1;
    let mut first = Ok(());
    for address in &arguments.addresses {
        let told = async { session.reporter.stat(&service::open(address, session).await?.stat().await?) }.await;
        let Err(failure) = told else { continue };
        if failure.kind == FailureKind::Unread {
            return Err(failure);
        }
        let failure = if many { session.reporter.tell(failure) } else { failure };
        first = first.and(Err(failure));
    }
    first
}
