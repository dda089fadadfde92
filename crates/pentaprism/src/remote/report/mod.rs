//! What a command tells while it works, and what comes of it.
//!
//! Results go to standard output, everything else to standard error. Whoever wants to read results with a program asks for JSON:
//! one object in a line. Listings and `stat` write [entries](Entry::json); the others write events:
//!
//! - `{"event":"copied","source","target","bytes","verified"?,"entry"?}`
//! - `{"event":"skipped","source","target"}`
//! - `{"event":"removed","address"}`, `{"event":"gone","address"}`
//! - `{"event":"ready","address","entry"?}`
//! - `{"event":"checked","check","outcome","found","hint"?}`, with the outcomes `ok`, `warning`, `failed` and `skipped`
//!
//! Failures are on standard error, as [`Failure::json`] says; notes there are `{"note"}` and warnings `{"warning"}`. Members with `?` may be absent; others
//! may join them. When standard output carries an image, events go to standard error, too.

mod bars;
mod line;
mod result;
mod screen;
mod transfer;

use std::io::{self, IsTerminal as _, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};

use self::bars::Bars;
use super::entry::{self, Entry};
use super::failure::{Failure, FailureKind};
use super::paint::Paint;
use super::text::plain;
use crate::command::CommonArguments;

pub use result::{Check, CheckOutcome, Copied};
pub use transfer::Transfer;

/// A monotonic clock.
pub type Ticks = Arc<dyn Fn() -> Instant + Send + Sync>;

/// How a reporter looks.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
pub struct Look {
    /// Results and failures are JSON; there is no progress.
    pub json: bool,
    /// Only what was asked for, and failures.
    pub quiet: bool,
    /// Progress is shown as bars, and not as lines.
    pub bars: bool,
    /// Whether standard output carries an image.
    pub output_taken: bool,
    /// Colours of standard output.
    pub output: Paint,
    /// Colours of standard error.
    pub errors: Paint,
}

impl Look {
    /// What the command line wants, on the streams of this process.
    #[must_use]
    pub fn of_process(
        common: &CommonArguments,
        output_taken: bool,
        variable: impl Fn(&str) -> Option<String> + Copy,
    ) -> Self {
        let terminal = io::stderr().is_terminal();
        Self {
            json: common.json,
            quiet: common.quiet,
            // A dumb terminal cannot go back to a line.
            bars: terminal && variable("TERM").is_none_or(|value| value != "dumb"),
            output_taken,
            output: Paint::new(common.color, io::stdout().is_terminal(), variable),
            errors: Paint::new(common.color, terminal, variable),
        }
    }
}

/// Where a reporter writes.
pub struct Streams {
    /// Results.
    pub output: Box<dyn Write + Send>,
    /// Everything else; bars are drawn on the process's own standard error.
    pub errors: Box<dyn Write + Send>,
}

/// How progress is shown.
enum Show {
    Nothing,
    Lines,
    Bars(Bars),
}

/// Tells what a command does.
pub struct Reporter {
    look: Look,
    show: Show,
    streams: Mutex<Streams>,
    ticks: Ticks,
    /// Whoever read standard output has gone.
    unread: AtomicBool,
}

impl Reporter {
    /// A reporter that writes to `streams`.
    #[must_use]
    pub fn new(look: Look, streams: Streams, ticks: Ticks) -> Arc<Self> {
        let show = match look {
            Look { json: true, .. } | Look { quiet: true, .. } => Show::Nothing,
            Look { bars: true, errors, .. } => Show::Bars(Bars::new(errors)),
            _ => Show::Lines,
        };
        Arc::new(Self { look, show, streams: Mutex::new(streams), ticks, unread: AtomicBool::new(false) })
    }

    /// A reporter of this process.
    #[must_use]
    pub fn of_process(look: Look) -> Arc<Self> {
        let streams = Streams { output: Box::new(io::stdout()), errors: Box::new(io::stderr()) };
        Self::new(look, streams, Arc::new(Instant::now))
    }

    /// Begins to show a copy of `length` bytes, if that is known.
    pub fn transfer(self: &Arc<Self>, from: &str, to: &str, length: Option<u64>) -> Arc<Transfer> {
        Transfer::begin(Arc::clone(self), from, to, length)
    }

    /// So many more files, with so many bytes if that is known, are going to be copied.
    pub fn expect(&self, files: usize, bytes: Option<u64>) {
        if let Show::Bars(bars) = &self.show {
            bars.expect(files, bytes);
        }
    }

    /// Tells of a copy: the target's address.
    ///
    /// # Errors
    /// Standard output cannot be written. That nobody reads it any more is no failure.
    pub fn copied(&self, copied: &Copied) -> Result<(), Failure> {
        let to = (copied.to != "-").then(|| plain(&copied.to));
        self.event(to.as_deref(), &copied.json())
    }

    /// Tells that a source was passed over, since something is at its target.
    pub fn passed_over(&self, from: &str, to: &str) {
        if self.look.json {
            let _the_command_goes_on = self.event(None, &json!({ "event": "skipped", "source": from, "target": to }));
        } else {
            self.note(&format!("{from} is passed over: {to} is there already"));
        }
    }

    /// Tells that something was deleted.
    ///
    /// # Errors
    /// As [`Self::copied`].
    pub fn removed(&self, address: &str) -> Result<(), Failure> {
        self.event(Some(&plain(address)), &json!({ "event": "removed", "address": address }))
    }

    /// Tells that what was waited for can be used (`entry`), or is gone.
    ///
    /// # Errors
    /// As [`Self::copied`].
    pub fn waited(&self, address: &str, gone: bool, entry: Option<&Entry>) -> Result<(), Failure> {
        let mut event = json!({ "event": if gone { "gone" } else { "ready" }, "address": address });
        if let Some(entry) = entry {
            event["entry"] = Value::Object(entry.json());
        }
        self.event(Some(&plain(address)), &event)
    }

    /// Writes a listing, or a part of it: a table, or an object for each.
    ///
    /// # Errors
    /// As [`Self::copied`].
    pub fn list(&self, entries: &[Entry], long: bool) -> Result<(), Failure> {
        let text = if self.look.json { lines_of(entries) } else { entry::table(entries, long, self.look.output) };
        self.output(&text)
    }

    /// Writes what is known of one entry.
    ///
    /// # Errors
    /// As [`Self::copied`].
    pub fn stat(&self, entry: &Entry) -> Result<(), Failure> {
        let one = std::slice::from_ref(entry);
        self.output(&if self.look.json { lines_of(one) } else { entry::block(entry, self.look.output) })
    }

    /// Writes what `doctor` found out. When quiet, only what is wrong.
    ///
    /// # Errors
    /// As [`Self::copied`].
    pub fn checked(&self, check: &Check) -> Result<(), Failure> {
        if self.look.json {
            return self.output(&format!("{}\n", check.json()));
        }
        if self.look.quiet && check.outcome.is_well() {
            return Ok(());
        }
        self.output(&check.lines(self.look.output))
    }

    /// Says something in passing; not when quiet.
    pub fn note(&self, text: &str) {
        if self.look.quiet {
            return;
        }
        if self.look.json {
            self.errors(&format!("{}\n", json!({ "note": text })));
        } else {
            self.errors(&format!("{}\n", plain(text)));
        }
    }

    /// Warns, even when quiet: it is about secrets that others may see, or about something that is left behind at a service.
    pub fn warn(&self, text: &str) {
        let line =
            if self.look.json { json!({ "warning": text }).to_string() } else { format!("warning: {}", plain(text)) };
        self.errors(&format!("{line}\n"));
    }

    /// Tells a failure now, while the command goes on; gives it back as one that is told, for its exit code.
    #[must_use]
    pub fn tell(&self, failure: Failure) -> Failure {
        if !failure.is_silent() {
            let json = self.look.json;
            self.errors(&if json { format!("{}\n", failure.json()) } else { failure.lines(self.look.errors) });
        }
        failure.told()
    }

    /// Whether whoever read standard output has gone, so that a listing may end.
    #[must_use]
    pub fn is_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }

    /// Takes away what is still shown of unfinished copies, and leaves the sum of several.
    pub fn close(&self) {
        if let Show::Bars(bars) = &self.show {
            bars.close();
        }
    }

    fn event(&self, line: Option<&str>, event: &Value) -> Result<(), Failure> {
        match line {
            _ if self.look.json => self.result(&format!("{event}\n")),
            Some(line) if !self.look.quiet => self.result(&format!("{line}\n")),
            _ => Ok(()),
        }
    }

    /// Where standard output carries an image, a result stands on standard error.
    fn result(&self, text: &str) -> Result<(), Failure> {
        if self.look.output_taken {
            self.errors(text);
            return Ok(());
        }
        self.output(text)
    }

    fn output(&self, text: &str) -> Result<(), Failure> {
        if text.is_empty() || self.is_unread() {
            return Ok(());
        }
        let written =
            self.undisturbed(|streams| streams.output.write_all(text.as_bytes()).and_then(|()| streams.output.flush()));
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.unread.store(true, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => Err(Failure::new(FailureKind::Local, "standard output cannot be written").because(&error)),
            Ok(()) => Ok(()),
        }
    }

    fn errors(&self, text: &str) {
        // Who does not read standard error does not want to know.
        let _unheard = self.undisturbed(|streams| streams.errors.write_all(text.as_bytes()));
    }

    /// Writes while no bar is drawn.
    fn undisturbed<T>(&self, write: impl FnOnce(&mut Streams) -> T) -> T {
        let write = || write(&mut self.lock());
        match &self.show {
            Show::Bars(bars) => bars.suspend(write),
            Show::Nothing | Show::Lines => write(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lines_of(entries: &[Entry]) -> String {
    entries.iter().fold(String::new(), |lines, entry| lines + &Value::Object(entry.json()).to_string() + "\n")
}

#[cfg(test)]
mod tests;
