//! One copy, while it runs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pentaprism_client::Progress;

use super::bars::Bar;
use super::line::{View, sum};
use super::{Reporter, Show};
use crate::remote::size;
use crate::remote::text::plain;

/// How often a log gets a line about a copy that is under way.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// What is said once everything is sent and the service has not answered for it.
const WAITING: &str = "waiting for the service";

/// How far a copy is. Where the service answers for one chunk after the other, what it has answered for counts, else what was
/// sent. Dropped before its [end](Self::end), it is taken away.
pub struct Transfer {
    reporter: Arc<Reporter>,
    state: Arc<State>,
    begun: Instant,
    /// When the last line was written.
    line: Mutex<Instant>,
    bar: Option<Bar>,
    ended: AtomicBool,
}

/// What is known of a copy.
pub(super) struct State {
    /// From where to where, fit for a terminal.
    pub(super) name: String,
    length: Option<u64>,
    /// What was there before, from a copy that was broken off.
    start: AtomicU64,
    sent: AtomicU64,
    acknowledged: AtomicU64,
    /// Whether the service answers for one part after the other.
    chunked: AtomicBool,
    stage: Mutex<Option<String>>,
}

impl State {
    /// What counts of the copy, in bytes.
    pub(super) fn position(&self) -> u64 {
        let counted = if self.chunked.load(Ordering::Relaxed) { &self.acknowledged } else { &self.sent };
        self.start.load(Ordering::Relaxed).saturating_add(counted.load(Ordering::Relaxed))
    }

    pub(super) const fn length(&self) -> Option<u64> {
        self.length
    }

    /// What it does when no bytes move.
    pub(super) fn stage(&self) -> Option<String> {
        if let Some(stage) = &*lock(&self.stage) {
            return Some(stage.clone());
        }
        let [start, sent, acknowledged] =
            [&self.start, &self.sent, &self.acknowledged].map(|counter| counter.load(Ordering::Relaxed));
        let all_sent = sent > 0 && self.length.is_some_and(|length| start.saturating_add(sent) >= length);
        (all_sent && acknowledged < sent).then(|| WAITING.to_owned())
    }
}

impl Transfer {
    pub(super) fn begin(reporter: Arc<Reporter>, from: &str, to: &str, length: Option<u64>) -> Arc<Self> {
        let state = Arc::new(State {
            name: format!("{} -> {}", plain(from), plain(to)),
            length,
            start: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            chunked: AtomicBool::new(false),
            stage: Mutex::new(None),
        });
        let begun = (reporter.ticks)();
        let bar = match &reporter.show {
            Show::Bars(bars) => Some(bars.begin(&state)),
            Show::Lines => {
                let of = length.map_or_else(String::new, |length| format!(": {}", size::bytes(length)));
                reporter.errors(&format!("{}{of}\n", state.name));
                None
            }
            Show::Nothing => None,
        };
        Arc::new(Self { reporter, state, begun, line: Mutex::new(begun), bar, ended: AtomicBool::new(false) })
    }

    /// The first bytes are there already: the copy goes on behind them.
    pub fn begin_at(&self, bytes: u64) {
        self.state.start.store(bytes, Ordering::Relaxed);
        self.moved();
    }

    /// The service will answer for one chunk after the other. It is noticed with the first answer, too.
    pub fn chunked(&self) {
        self.state.chunked.store(true, Ordering::Relaxed);
    }

    /// So many more bytes have arrived here.
    pub fn received(&self, bytes: u64) {
        self.state.sent.fetch_add(bytes, Ordering::Relaxed);
        self.state.acknowledged.fetch_add(bytes, Ordering::Relaxed);
        self.moved();
    }

    /// What is done now that no bytes move, such as `comparing`; nothing for the usual.
    pub fn stage(&self, stage: Option<&str>) {
        *lock(&self.state.stage) = stage.map(|stage| plain(stage).into_owned());
        self.moved();
    }

    /// The copy is whole, or has failed (which is told elsewhere).
    pub fn end(&self, whole: bool) {
        if self.ended.swap(true, Ordering::Relaxed) {
            return;
        }
        let time = (self.reporter.ticks)().saturating_duration_since(self.begun);
        // What was there before took no time now.
        let moved = self.state.position().saturating_sub(self.state.start.load(Ordering::Relaxed));
        let said = whole.then(|| sum(moved, time));
        match (&self.bar, &self.reporter.show) {
            (Some(bar), _) => bar.end(said),
            (None, Show::Lines) if whole => {
                self.reporter.errors(&format!("{}: done, {}\n", self.state.name, said.unwrap_or_default()));
            }
            _ => {}
        }
    }

    /// Shows where it is.
    fn moved(&self) {
        if let Some(bar) = &self.bar {
            bar.moved(self.state.position());
            return;
        }
        if !matches!(self.reporter.show, Show::Lines) {
            return;
        }
        let now = (self.reporter.ticks)();
        let mut line = lock(&self.line);
        if now.saturating_duration_since(*line) < LINE_EVERY {
            return;
        }
        *line = now;
        drop(line);
        self.reporter.errors(&format!("{}\n", self.log(now)));
    }

    fn log(&self, now: Instant) -> String {
        let state = &self.state;
        let position = state.position();
        let moved = position.saturating_sub(state.start.load(Ordering::Relaxed));
        let milliseconds = now.saturating_duration_since(self.begun).as_millis().max(1);
        let rate = u64::try_from(u128::from(moved) * 1000 / milliseconds).unwrap_or(u64::MAX);
        let left = state.length.and_then(|length| length.saturating_sub(position).checked_div(rate));
        let doing = state.stage();
        let left = left.map(Duration::from_secs);
        View { name: &state.name, stage: doing.as_deref(), position, length: state.length, rate, left }.log()
    }
}

impl Progress for Transfer {
    fn sent(&self, bytes: u64) {
        self.state.sent.fetch_add(bytes, Ordering::Relaxed);
        self.moved();
    }

    fn taken_back(&self, bytes: u64) {
        let less = |sent: u64| Some(sent.saturating_sub(bytes));
        let _always_some = self.state.sent.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        self.moved();
    }

    fn acknowledged(&self, bytes: u64) {
        let before = self.state.acknowledged.fetch_add(bytes, Ordering::Relaxed);
        let all = before.saturating_add(bytes).saturating_add(self.state.start.load(Ordering::Relaxed));
        if self.state.length.is_some_and(|length| all < length) {
            self.chunked();
        }
        self.moved();
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.end(false);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
