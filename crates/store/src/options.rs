//! How a store is opened, and the limits it keeps.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::{
    clock::{Clock, SystemClock},
    error::OpenError,
    ids::{Ids, RandomIds},
};

/// The largest body that may be kept in a pack.
pub const SMALL_THRESHOLD_LIMIT: usize = 256 * 1024;

/// Where the data lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataFolder {
    /// In this folder, which is created if it does not exist.
    At(PathBuf),
    /// In a temporary folder that is removed when the last handle of the store goes.
    Ephemeral,
}

/// What a reply promises.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// Bytes and rows survive a loss of power before anybody is told.
    #[default]
    Sync,
    /// Nothing is synced: survives the end of the process, not of the machine. For tests and caches.
    None,
}

/// What a store is opened for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Purpose {
    /// To be used: what an earlier run left behind is ended, and what can be freed is freed in the background.
    #[default]
    Use,
    /// To be looked at: opening it changes nothing but a schema that is older than this program, and nothing happens in the background.
    Inspect,
}

/// The limits of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bodies up to this many bytes are collected and packed together; at most 262,144.
    pub small_threshold: usize,
    /// Bytes of small bodies that may be in memory at once.
    pub small_budget: usize,
    /// Bytes of large bodies that may wait for the disk or a digest at once, over all uploads.
    pub large_budget: usize,
    /// Bytes of large bodies that all readers together may have read and not yet handed on. Half of it is for blocks that are read
    /// ahead; without it a reader reads one block at a time.
    pub read_budget: usize,
    /// Large bodies and chunks that may be received at once; others wait, unread.
    pub large_uploads: usize,
    /// Sessions that may be open at once; beyond it a new one is [`Fault::Busy`](crate::Fault::Busy). Those that were open when the
    /// store was opened may come on top.
    pub open_sessions: usize,
    /// Files of sessions that stay open while nothing is written to them.
    pub session_files: usize,
    /// A session ends this long after its last accepted chunk.
    pub session_expiry: Duration,
    /// Ranges a session may have.
    pub session_ranges: u64,
    /// How long any single wait for the engine may last.
    pub deadline: Duration,
    /// Bytes of the disk that uploads leave free, so that deletes and commits stay possible.
    pub disk_reserve: u64,
    /// How often freed bytes are looked for when nobody asks.
    pub sweep_interval: Duration,
    /// Processors that digests may keep busy at once.
    pub processors: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            small_threshold: SMALL_THRESHOLD_LIMIT,
            small_budget: 16 * 1024 * 1024,
            large_budget: 12 * 1024 * 1024,
            read_budget: 16 * 1024 * 1024,
            large_uploads: 64,
            open_sessions: 10_000,
            session_files: 256,
            session_expiry: Duration::from_mins(30),
            session_ranges: 100_000,
            deadline: Duration::from_secs(30),
            disk_reserve: 64 * 1024 * 1024,
            sweep_interval: Duration::from_mins(1),
            processors: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        }
    }
}

impl Limits {
    /// How many blocks the read budget has room for.
    pub(crate) const fn read_budget_blocks(&self) -> usize {
        self.read_budget / (1024 * 1024)
    }

    /// Refuses limits that would make every upload wait for ever.
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        let rules = [
            ("small_threshold", self.small_threshold, 0, SMALL_THRESHOLD_LIMIT, "must be at most 262144"),
            ("small_budget", self.small_budget, self.small_threshold, usize::MAX, "must hold one small body"),
            ("large_budget", self.large_budget, 4 * 1024 * 1024, u32::MAX as usize, "must be 4 MiB to 4 GiB"),
            ("read_budget", self.read_budget, 2 * 1024 * 1024, u32::MAX as usize, "must be 2 MiB to 4 GiB"),
            ("large_uploads", self.large_uploads, 1, 65_536, "must be 1 to 65536"),
            ("open_sessions", self.open_sessions, 1, 1_000_000, "must be 1 to 1000000"),
            ("session_files", self.session_files, 1, 65_536, "must be 1 to 65536"),
        ];
        for (limit, value, least, most, rule) in rules {
            if value < least || value > most {
                return Err(OpenError::Limit { limit, value: value as u64, rule });
            }
        }
        Ok(())
    }
}

/// How to open a store.
#[derive(Clone)]
pub struct Options {
    /// Where the data lies.
    pub data: DataFolder,
    /// What a reply promises.
    pub durability: Durability,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub ids: Arc<dyn Ids>,
    /// The limits.
    pub limits: Limits,
    /// What it is opened for.
    pub purpose: Purpose,
}

impl Options {
    /// A durable store in `folder` with the machine's clock, random ids and the usual limits.
    pub fn folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            data: DataFolder::At(folder.into()),
            durability: Durability::Sync,
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
            limits: Limits::default(),
            purpose: Purpose::Use,
        }
    }

    /// A store in a temporary folder that syncs nothing.
    #[must_use]
    pub fn ephemeral() -> Self {
        Self { data: DataFolder::Ephemeral, durability: Durability::None, ..Self::folder("") }
    }

    /// With another clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// With other ids.
    #[must_use]
    pub fn ids(mut self, ids: Arc<dyn Ids>) -> Self {
        self.ids = ids;
        self
    }

    /// With another promise.
    #[must_use]
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// For another purpose.
    #[must_use]
    pub const fn purpose(mut self, purpose: Purpose) -> Self {
        self.purpose = purpose;
        self
    }

    /// With other limits.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}
