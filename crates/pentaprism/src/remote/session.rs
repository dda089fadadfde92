//! What all commands have in common while they run.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use pentaprism_client::Retry;
use pentaprism_client::retry::{Clock, Standard, SystemClock};

use super::profiles::Sources;
use super::report::Reporter;
use super::service::Connections;
use super::unfinished::Unfinished;
use crate::command::CommonArguments;

/// Where services are looked up, whom results are told, and how patient calls are.
pub struct Session {
    /// Profiles and environment.
    pub sources: Sources,
    /// Tells progress and results.
    pub reporter: Arc<Reporter>,
    /// How often a call that failed is tried again.
    pub retries: u32,
    /// The time, and pauses.
    pub clock: Arc<dyn Clock>,
    /// The connections that are there already.
    pub connections: Connections,
    /// What is taken back when the command is broken off.
    pub unfinished: Unfinished,
}

impl Session {
    /// The session of a process with `environment` that was started in `folder`.
    #[must_use]
    pub fn new(
        common: &CommonArguments,
        environment: Vec<(OsString, OsString)>,
        folder: PathBuf,
        reporter: Arc<Reporter>,
    ) -> Self {
        let sources = Sources::new(environment, folder, common.profiles.clone());
        Self {
            sources,
            reporter,
            retries: common.retries,
            clock: Arc::new(SystemClock),
            connections: Connections::default(),
            unfinished: Unfinished::default(),
        }
    }

    /// How the clients of this session try again.
    #[must_use]
    pub fn retry(&self) -> Retry {
        let policy = Standard { attempts: self.retries.saturating_add(1), ..Standard::default() };
        Retry::standard().with_policy(policy).with_clock(Arc::clone(&self.clock))
    }
}
