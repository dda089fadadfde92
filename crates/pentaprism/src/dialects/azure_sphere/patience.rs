//! How long the worker waits after a setback, and after how many of them an operation is given up (D-080).

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::record::OperationKey;

/// The pause after the first setback; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// After so many attempts, with all their pauses, an operation is given up: some minutes.
const ATTEMPTS: u32 = 12;
/// How long the worker does not look when nobody rings. A change whose request was cut off may come after its ring.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// What the worker remembers of its setbacks.
#[derive(Debug)]
pub(super) struct Patience {
    /// The operations that met with setbacks, and how often. Each is among those that wait in the store.
    attempts: HashMap<OperationKey, u32>,
    /// The pause after the next setback.
    pause: Duration,
    /// When the pause after the last setback ends.
    until: Instant,
    /// Whether that pause was waited out before this look. A look that somebody rang for in between is no attempt that counts: uploads
    /// may come many times a second.
    rested: bool,
    /// Whether an operation met with a setback in this look.
    troubled: bool,
}

impl Patience {
    /// Before the first look.
    pub(super) fn new() -> Self {
        let (attempts, until) = (HashMap::new(), Instant::now());
        Self { attempts, pause: FIRST_PAUSE, until, rested: true, troubled: false }
    }

    /// A look begins.
    pub(super) fn begin_look(&mut self) {
        (self.rested, self.troubled) = (Instant::now() >= self.until, false);
    }

    /// An operation could not be carried out.
    pub(super) fn setback(&mut self, key: OperationKey) {
        self.troubled = true;
        if self.rested {
            *self.attempts.entry(key).or_default() += 1;
        }
    }

    /// Nothing is left to do for an operation.
    pub(super) fn success(&mut self, key: OperationKey) {
        self.attempts.remove(&key);
    }

    /// Whether the operation was tried often enough.
    pub(super) fn is_exhausted(&self, key: OperationKey) -> bool {
        self.attempts.get(&key).is_some_and(|attempts| *attempts >= ATTEMPTS)
    }

    /// A look ended, or the store failed in the middle of it; how long it is until the next one, unless somebody rings.
    pub(super) fn end_look(&mut self, whole: bool) -> Duration {
        let now = Instant::now();
        if whole && !self.troubled {
            (self.pause, self.until) = (FIRST_PAUSE, now);
            return LOOK_AGAIN;
        }
        if self.rested {
            self.until = now + self.pause;
            self.pause = LONGEST_PAUSE.min(self.pause * 2);
        }
        self.until.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_attempts_after_their_pause_count_and_take_minutes_together() {
        let (began, key) = (Instant::now(), OperationKey { tenant: Uuid::nil(), id: Uuid::nil() });
        let mut patience = Patience::new();
        let mut wait = Duration::ZERO;
        while !patience.is_exhausted(key) {
            for part in [wait / 2, wait / 2] {
                tokio::time::advance(part).await;
                patience.begin_look();
                patience.setback(key);
                wait = patience.end_look(true);
            }
        }
        let took = began.elapsed();
        assert!((Duration::from_mins(2)..Duration::from_mins(5)).contains(&took), "{took:?}");
        // Another one begins anew; after a look without setbacks pauses are short again.
        assert!(!patience.is_exhausted(OperationKey { id: Uuid::max(), ..key }));
        patience.success(key);
        patience.begin_look();
        assert_eq!((patience.end_look(true), patience.is_exhausted(key)), (LOOK_AGAIN, false));
        patience.begin_look();
        assert_eq!(patience.end_look(false), FIRST_PAUSE);
    }
}
