//! Why a command failed: what was refused, by whom, why, and what to do about it.

mod call;

use std::error::Error as StdError;
use std::fmt::{self, Write as _};
use std::io;

use serde_json::json;

use super::paint::Paint;
use super::text::plain;

/// What kind of failure it was. Each has an exit code, and a name in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// None of the others.
    Other,
    /// The command line, a profile or the environment asks for what cannot be.
    Usage,
    /// It is not there (404).
    NotFound,
    /// The token is missing, wrong, or may not do this (401, 403).
    NotAllowed,
    /// Something that is there is in the way (409, 410).
    Conflict,
    /// The service refused the request (any other 4xx).
    Refused,
    /// The service failed (5xx), or answered in a way that its API does not have.
    ServiceFailed,
    /// No connection to the service.
    Unreachable,
    /// The exchange broke off: what was sent may have arrived.
    BrokenOff,
    /// Time ran out.
    TimedOut,
    /// What arrived is not what was sent.
    Differs,
    /// The service cannot do this.
    NotSupported,
    /// A local file cannot be read or written.
    Local,
    /// Ctrl-C.
    Interrupted,
    /// SIGTERM.
    Terminated,
    /// Whoever read standard output has gone. Nothing is said about it.
    Unread,
}

impl FailureKind {
    /// All of them, in the order of their exit codes.
    pub const ALL: [Self; 16] = [
        Self::Other,
        Self::Usage,
        Self::NotFound,
        Self::NotAllowed,
        Self::Conflict,
        Self::Refused,
        Self::ServiceFailed,
        Self::Unreachable,
        Self::BrokenOff,
        Self::TimedOut,
        Self::Differs,
        Self::NotSupported,
        Self::Local,
        Self::Interrupted,
        Self::Unread,
        Self::Terminated,
    ];

    /// What the program ends with. These are documented and do not change.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Other => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::NotAllowed => 4,
            Self::Conflict => 5,
            Self::Refused => 6,
            Self::ServiceFailed => 7,
            Self::Unreachable => 8,
            Self::BrokenOff | Self::TimedOut => 9,
            Self::Differs => 10,
            Self::NotSupported => 11,
            Self::Local => 12,
            // What shells say of programs that SIGINT, SIGPIPE and SIGTERM ended.
            Self::Interrupted => 130,
            Self::Unread => 141,
            Self::Terminated => 143,
        }
    }

    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Usage => "usage",
            Self::NotFound => "notFound",
            Self::NotAllowed => "notAllowed",
            Self::Conflict => "conflict",
            Self::Refused => "refused",
            Self::ServiceFailed => "serviceFailed",
            Self::Unreachable => "unreachable",
            Self::BrokenOff => "brokenOff",
            Self::TimedOut => "timedOut",
            Self::Differs => "differs",
            Self::NotSupported => "notSupported",
            Self::Local => "local",
            Self::Interrupted => "interrupted",
            Self::Unread => "unread",
            Self::Terminated => "terminated",
        }
    }
}

/// Why a command failed. `Display` is its first line; what services say in it is not yet made fit for a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure it was.
    pub kind: FailureKind,
    /// What happened, in one sentence: `http://127.0.0.1:8470 refused the upload of glance:disk`.
    pub what: String,
    /// Why, and why that, down to the first cause.
    pub causes: Vec<String>,
    /// What to do about it.
    pub advice: Option<String>,
    /// Whether it was told already, so that only its exit code counts.
    pub told: bool,
}

impl Failure {
    /// A failure without causes and advice.
    #[must_use]
    pub fn new(kind: FailureKind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), causes: Vec::new(), advice: None, told: false }
    }

    /// Adds an error and its sources. What only repeats the line before it is left out.
    #[must_use]
    pub fn because(mut self, error: &(dyn StdError + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            let text = error.to_string();
            if self.causes.last().unwrap_or(&self.what) != &text {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    /// Adds one cause in words.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Says what to do, instead of what was said before.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// A local file cannot be read or written. `what` says so: `notes.txt cannot be read`.
    #[must_use]
    pub fn local(what: impl Into<String>, error: &io::Error) -> Self {
        let failure = Self::new(FailureKind::Local, what).because(error);
        match error.kind() {
            io::ErrorKind::NotFound => failure.advise("look at the name; nothing is there"),
            io::ErrorKind::PermissionDenied => failure.advise("another user owns it; look with `ls -l`"),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => failure.advise("make room on the disk"),
            _ => failure,
        }
    }

    /// Whoever read standard output has gone: the command ends quietly.
    #[must_use]
    pub fn unread() -> Self {
        Self::new(FailureKind::Unread, "nobody reads standard output any more")
    }

    /// This failure, which was told already.
    #[must_use]
    pub fn told(mut self) -> Self {
        self.told = true;
        self
    }

    /// Whether there is anything to tell.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.told || self.kind == FailureKind::Unread
    }

    /// `{"error":{"kind","message","causes","hint","exitCode"}}`; without advice there is no `hint`.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let mut error = json!({ "kind": self.kind.name(), "message": self.what, "causes": self.causes });
        if let Some(advice) = &self.advice {
            error["hint"] = json!(advice);
        }
        error["exitCode"] = json!(self.kind.exit_code());
        json!({ "error": error })
    }

    /// The lines for people: what, why, and what to do; safe for a terminal. `paint` colours the word that begins a line.
    #[must_use]
    pub fn lines(&self, paint: Paint) -> String {
        let mut lines = format!("{} {}\n", paint.error("error:"), plain(&self.what));
        for cause in &self.causes {
            let _infallible = writeln!(lines, "  because {}", plain(cause));
        }
        if let Some(advice) = &self.advice {
            let _infallible = writeln!(lines, "  {} {}", paint.hint("hint:"), plain(advice));
        }
        lines
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}

impl StdError for Failure {}

#[cfg(test)]
mod tests;
