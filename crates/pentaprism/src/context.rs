//! What the handlers of every dialect share.

use std::sync::Arc;
use std::time::Duration;

use pentaprism_store::{Clock, Ids, NameKey, Statistics, Store};

use crate::access::Principals;
use crate::app::{Probe, Probing};
use crate::dialects::Doing;
use crate::settings::Settings;
use crate::tokens::Tokens;

/// How long the store may take to show that it works.
const PROBE_DEADLINE: Duration = Duration::from_secs(2);

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
        Self { store, clock, ids, tokens, settings: Arc::new(settings), principals }
    }
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
