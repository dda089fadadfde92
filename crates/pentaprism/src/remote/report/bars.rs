//! Copies as bars on a terminal: a line each, and one for the sum of several.

use std::fmt;
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::line::{self, View};
use super::screen;
use super::transfer::State;
use crate::remote::paint::Paint;

/// How often in a second lines are drawn.
const FRAMES: u8 = 10;
/// How often a line is drawn when nothing moves, so that its rate sinks and the terminal's width is noticed.
const IDLE: Duration = Duration::from_millis(500);

/// All bars of a command.
pub(super) struct Bars {
    lines: MultiProgress,
    paint: Paint,
    total: Arc<Total>,
    sum: OnceLock<ProgressBar>,
    first: Mutex<Option<Instant>>,
}

/// The sum of all copies.
#[derive(Default)]
struct Total {
    begun: AtomicUsize,
    ended: AtomicUsize,
    whole: AtomicUsize,
    expected: AtomicUsize,
    /// Bytes of all that are expected; 0 when that is not known.
    length: AtomicU64,
    position: AtomicU64,
}

/// One copy.
pub(super) struct Bar {
    line: ProgressBar,
    state: Arc<State>,
    total: Arc<Total>,
    sum: Option<ProgressBar>,
    lines: MultiProgress,
    paint: Paint,
    /// What the sum knows of it.
    counted: Mutex<u64>,
}

impl Bars {
    pub(super) fn new(paint: Paint) -> Self {
        Self {
            lines: MultiProgress::with_draw_target(screen::target(FRAMES)),
            paint,
            total: Arc::default(),
            sum: OnceLock::new(),
            first: Mutex::new(None),
        }
    }

    pub(super) fn expect(&self, files: usize, bytes: Option<u64>) {
        let before = self.total.expected.fetch_add(files, Ordering::Relaxed);
        self.total.length.fetch_add(bytes.unwrap_or(0), Ordering::Relaxed);
        if before + files > 1 {
            self.show_total();
        }
    }

    pub(super) fn begin(&self, state: &Arc<State>) -> Bar {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(Instant::now);
        if self.total.begun.fetch_add(1, Ordering::Relaxed) > 0 {
            self.show_total();
        }
        let (shown, paint) = (Arc::clone(state), self.paint);
        let bar = ProgressBar::with_draw_target(state.length(), ProgressDrawTarget::hidden());
        let bar = bar.with_style(style(paint, move |now: &ProgressState, columns| {
            let doing = shown.stage();
            let view = View { name: &shown.name, stage: doing.as_deref(), length: shown.length(), ..view(now) };
            view.bar(columns)
        }));
        let bar = match self.sum.get() {
            Some(total) => self.lines.insert_before(total, bar),
            None => self.lines.add(bar),
        };
        bar.enable_steady_tick(IDLE);
        Bar {
            line: bar,
            state: Arc::clone(state),
            total: Arc::clone(&self.total),
            sum: self.sum.get().cloned(),
            lines: self.lines.clone(),
            paint,
            counted: Mutex::new(0),
        }
    }

    /// The line below all others.
    fn show_total(&self) {
        self.sum.get_or_init(|| {
            let total = Arc::clone(&self.total);
            let style = style(self.paint, move |now: &ProgressState, columns| {
                let [expected, ended, begun] =
                    [&total.expected, &total.ended, &total.begun].map(|count| count.load(Ordering::Relaxed));
                let name = if expected > 0 {
                    format!("{ended} of {expected} files")
                } else {
                    format!("{ended} of {begun} files")
                };
                let length = Some(total.length.load(Ordering::Relaxed)).filter(|length| *length > 0);
                let left = length.map(|length| {
                    let rest = length.saturating_sub(now.pos());
                    rest.checked_div(rate(now)).map_or(Duration::ZERO, Duration::from_secs)
                });
                View { name: &name, length, left, ..view(now) }.bar(columns)
            });
            let bar =
                self.lines.add(ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()).with_style(style));
            bar.set_position(self.total.position.load(Ordering::Relaxed));
            bar.enable_steady_tick(IDLE);
            bar
        });
    }

    pub(super) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        self.lines.suspend(write)
    }

    pub(super) fn close(&self) {
        if let Some(bar) = self.sum.get().filter(|bar| !bar.is_finished()) {
            bar.finish_and_clear();
            let files = self.total.whole.load(Ordering::Relaxed);
            let first = *self.first.lock().unwrap_or_else(PoisonError::into_inner);
            let time = first.map_or(Duration::ZERO, |first| first.elapsed());
            let bytes = self.total.position.load(Ordering::Relaxed);
            if files > 0 {
                self.lines.suspend(|| say(&format!("{files} files: {}", line::sum(bytes, time))));
            }
        }
        // What is still there is of copies that did not end, and a task of the connection may still hold them: they are not
        // drawn again, around what is told after this.
        let _unseen = self.lines.clear();
        self.lines.set_draw_target(ProgressDrawTarget::hidden());
    }
}

impl Bar {
    pub(super) fn moved(&self, position: u64) {
        self.line.set_position(position);
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = &self.total.position;
        if position >= *counted {
            sum.fetch_add(position - *counted, Ordering::Relaxed);
        } else {
            sum.fetch_sub(*counted - position, Ordering::Relaxed);
        }
        *counted = position;
        drop(counted);
        if let Some(total) = &self.sum {
            total.set_position(sum.load(Ordering::Relaxed));
        }
    }

    /// Leaves a line about a copy that is whole, unless there are several, of which the sum tells.
    pub(super) fn end(&self, said: Option<String>) {
        self.line.finish_and_clear();
        self.lines.remove(&self.line);
        self.total.ended.fetch_add(1, Ordering::Relaxed);
        let Some(said) = said else { return };
        self.total.whole.fetch_add(1, Ordering::Relaxed);
        if self.sum.is_none() {
            self.lines.suspend(|| say(&format!("{}: {}", self.state.name, self.paint.good(said))));
        }
    }
}

/// Writes a line that stays, while no bar is drawn.
fn say(line: &str) {
    // Who does not read standard error does not want to know.
    let _unheard = writeln!(io::stderr(), "{line}");
}

/// A line whose text `draw` makes for so many columns.
fn style(
    paint: Paint,
    draw: impl Fn(&ProgressState, usize) -> String + Clone + Send + Sync + 'static,
) -> ProgressStyle {
    let line = move |state: &ProgressState, to: &mut dyn fmt::Write| {
        let line = draw(state, screen::columns());
        // The part of the graphic that is done stands out.
        let _infallible = match (line.find('━'), line.rfind('━').map(|at| at + '━'.len_utf8())) {
            (Some(start), Some(end)) => {
                write!(to, "{}{}{}", &line[..start], paint.good(&line[start..end]), &line[end..])
            }
            _ => to.write_str(&line),
        };
    };
    // The template is fixed, so that it cannot be wrong.
    ProgressStyle::with_template("{line}").unwrap_or_else(|_| ProgressStyle::default_bar()).with_key("line", line)
}

fn view(now: &ProgressState) -> View<'static> {
    View { name: "", stage: None, position: now.pos(), length: None, rate: rate(now), left: Some(now.eta()) }
}

fn rate(now: &ProgressState) -> u64 {
    // Rates are far below what an f64 holds exactly.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate is positive, and rounded for display"
    )]
    let rate = now.per_sec() as u64;
    rate
}
