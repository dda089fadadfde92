//! What the handlers of every dialect share.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use pentaprism_store::{Clock, Ids, NameKey, Statistics, Store};

use crate::access::Principals;
use crate::app::{Probe, Probing};
use crate::dialects::Doing;
use crate::pictures::{Pool, PoolLimits};
use crate::settings::{Follow, Settings};
use crate::tokens::Tokens;

/// How long the store may take to show that it works.
const PROBE_DEADLINE: Duration = Duration::from_secs(2);

/// Memory for the pictures that are worked on at a time, in bytes. Rows are decoded one after the other, so that this is
/// enough for thumbnails of the usual size, however large the picture; only interlaced ones take more. The whole program is
/// meant to stay below 64 MiB.
const PICTURE_MEMORY: u64 = 28 << 20;

/// What a larger thumbnail may take for each pixel of its square.
const MEMORY_PER_PIXEL: u64 = 180;

/// What pictures may take where PingOne's are converted: a JPEG is decoded whole, and a photograph of 20 million pixels fits
/// into what may be uploaded.
const CONVERSION_MEMORY: u64 = 256 << 20;

/// Handles that handlers work with. Cloning is cheap.
#[derive(Clone)]
pub struct Context {
    /// Where images are.
    pub store: Store,
    /// What time it is; the store has the same clock.
    pub clock: Arc<dyn Clock>,
    /// New ids for what a dialect creates, such as images.
    pub ids: Arc<dyn Ids>,
    /// New secrets for links that anybody may follow who knows them.
    pub tokens: Arc<dyn Tokens>,
    /// All settings.
    pub settings: Arc<Settings>,
    /// Who may do what.
    pub principals: Arc<Principals>,
    /// Makes thumbnails and PNG renderings.
    pub pictures: Pool,
}

impl Context {
    /// The handles over an open store.
    #[must_use]
    pub fn new(
        settings: Settings,
        store: Store,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        tokens: Arc<dyn Tokens>,
    ) -> Self {
        let principals = Arc::new(Principals::new(&settings));
        let pictures = Pool::new(picture_limits(&settings));
        Self { store, clock, ids, tokens, settings: Arc::new(settings), principals, pictures }
    }
}

/// Every processor may work on a picture: the threads that do are not those that answer requests. As many pictures may wait as
/// there may be connections: what they take was given to them when their bodies were collected.
fn picture_limits(settings: &Settings) -> PoolLimits {
    let workers = available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let side = u64::from(settings.saved_views.thumbnail_pixels);
    let square = side.saturating_mul(side);
    let conversions = if settings.pingone.follow == Follow::Service { CONVERSION_MEMORY } else { 0 };
    let memory_bytes = PICTURE_MEMORY.max(square.saturating_mul(MEMORY_PER_PIXEL)).max(conversions);
    PoolLimits { workers, memory_bytes, queue: settings.connections.limit, ..PoolLimits::default() }
}

/// The store answers when it can look up a name, whether or not there is one.
impl Probe for Store {
    fn probe(&self) -> Probing<'_> {
        Box::pin(async {
            let nobody = NameKey::new("", "", "");
            let looked = tokio::time::timeout(PROBE_DEADLINE, self.get(&nobody)).await;
            matches!(looked, Ok(Ok(_)))
        })
    }

    fn statistics(&self) -> Doing<'_, Option<Statistics>> {
        Box::pin(async { tokio::time::timeout(PROBE_DEADLINE, Self::statistics(self)).await.ok()?.ok() })
    }
}
