//! The place that a remote is bound to, and how failures tell of it.

use std::collections::HashSet;
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use pentaprism_client::retry::Clock;
use pentaprism_client::upload::LinkError;
use pentaprism_client::{Error, Interruption, SourceError};
use pentaprism_core::Message;

use super::{ListQuery, Taker};
use crate::remote::address::{Address, Place};
use crate::remote::entry::Entry;
use crate::remote::failure::{Failure, FailureKind};

/// An address, and who is there.
#[derive(Debug, Clone)]
pub struct Spot {
    /// How it is written.
    pub address: Address,
    /// The service, without anything secret.
    pub server: String,
}

impl Spot {
    /// Another place of the same service.
    pub fn at(&self, place: Place) -> Address {
        Address { profile: self.address.profile.clone(), place }
    }

    /// `the upload of glance:disk`.
    pub fn of(&self, what: &str) -> String {
        format!("the {what} of {}", self.address)
    }

    /// A call failed: `what` is a noun such as `upload`.
    pub fn call<E>(&self, what: &str, error: &Error<E>) -> Failure
    where
        E: Message + StdError + 'static,
    {
        Failure::from_call(&self.of(what), &self.server, error)
    }

    /// Nothing is there.
    pub fn not_found(&self) -> Failure {
        let what = format!("{} has nothing at {}", self.server, self.address);
        Failure::new(FailureKind::NotFound, what)
            .advise("look at the name or id; `pentaprism ls` lists what is there where the service can")
    }

    /// The service's API does not have what was asked for.
    pub fn not_supported(&self, what: &str, why: &str) -> Failure {
        let title = self.address.dialect().title();
        Failure::new(FailureKind::NotSupported, format!("{title} cannot {what}")).cause(why)
    }

    /// The address, the options or the profile do not say enough, or too much.
    pub fn usage(&self, what: &str) -> Failure {
        Failure::new(FailureKind::Usage, format!("{}: {what}", self.address))
    }

    /// The bytes to send cannot be read.
    pub fn unreadable(&self, error: &SourceError) -> Failure {
        Failure::new(FailureKind::Local, format!("{} stopped, as its bytes cannot be read", self.of("upload")))
            .because(error)
    }

    /// What the service has is not what was sent.
    pub fn differs(&self, why: impl Into<String>) -> Failure {
        let what = format!("{} has other bytes at {} than were sent", self.server, self.address);
        Failure::new(FailureKind::Differs, what).cause(why).advise("delete it there and send it again")
    }

    /// A link that the service gave leads to nothing.
    pub fn link(&self, error: &LinkError) -> Failure {
        let kind = match error {
            LinkError::Unreachable { .. } => FailureKind::Unreachable,
            LinkError::Interrupted { source: Interruption::Late(_), .. } => FailureKind::TimedOut,
            LinkError::Interrupted { .. } => FailureKind::BrokenOff,
            LinkError::Status { status, .. } => FailureKind::of_status(*status),
            _ => FailureKind::ServiceFailed,
        };
        let what = format!("{} cannot be read where {} says that it is", self.address, self.server);
        let failure = Failure::new(kind, what).because(error);
        match kind {
            FailureKind::Unreachable => {
                failure.advise("the service hands out links to another host; this machine has to reach it, too")
            }
            FailureKind::NotAllowed | FailureKind::NotFound | FailureKind::Conflict => {
                failure.advise("links end after a while; try again for a fresh one")
            }
            _ => failure,
        }
    }
}

/// Pauses between questions, twice as long each time, without an end.
pub struct Pauses {
    clock: Arc<dyn Clock>,
    next: Duration,
}

impl Pauses {
    const FIRST: Duration = Duration::from_millis(200);
    const LONGEST: Duration = Duration::from_secs(5);

    /// Begins with a short one.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, next: Self::FIRST }
    }

    /// Waits for a while.
    pub async fn pause(&mut self) {
        self.clock.sleep(self.next).await;
        self.next = self.next.saturating_mul(2).min(Self::LONGEST);
    }
}

/// The pages that a listing has come by, so that a service which gives one of them again cannot lead round in circles.
#[derive(Debug, Default)]
pub struct Pages(HashSet<String>);

impl Pages {
    /// The next page is known by `mark`, the id of an entry that stands at its begin or end.
    ///
    /// # Errors
    /// It was there already.
    pub fn turn(&mut self, mark: &str, spot: &Spot) -> Result<(), Failure> {
        if self.0.insert(mark.to_owned()) {
            return Ok(());
        }
        let what = format!("{} comes to no end: {} gives the same page again", spot.of("listing"), spot.server);
        Err(Failure::new(FailureKind::ServiceFailed, what)
            .cause(format!("the entry {mark} was there before"))
            .advise("look whether a proxy on the way answers from its cache, and whether it heeds the query"))
    }
}

/// What a listing gives away: only what has the name, and no more than was asked for.
pub struct Listing<'a, 't> {
    query: &'a ListQuery,
    take: Taker<'t>,
    left: u64,
}

impl<'a, 't> Listing<'a, 't> {
    /// Begins.
    pub fn new(query: &'a ListQuery, take: Taker<'t>) -> Self {
        Self { query, take, left: query.limit.unwrap_or(u64::MAX) }
    }

    /// Whether enough was given.
    pub const fn is_full(&self) -> bool {
        self.left == 0
    }

    /// How many more are wanted.
    pub const fn left(&self) -> u64 {
        self.left
    }

    /// Gives an entry whose name is `name`.
    ///
    /// # Errors
    /// What the taker fails with.
    pub fn give(&mut self, name: &str, entry: Entry) -> Result<(), Failure> {
        if self.is_full() || self.query.name.as_deref().is_some_and(|wanted| wanted != name) {
            return Ok(());
        }
        self.left -= 1;
        (self.take)(entry)
    }
}
