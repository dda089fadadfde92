//! What comes of commands: copies and checks.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::remote::entry::Entry;
use crate::remote::paint::Paint;
use crate::remote::text::{padded, plain};

/// A copy that is whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Copied {
    /// Where it comes from.
    pub from: String,
    /// Where it is.
    pub to: String,
    /// Its length.
    pub bytes: u64,
    /// By what it was compared with its source, such as `sha512` or `size`.
    pub verified: Option<&'static str>,
    /// What the service says of it.
    pub entry: Option<Entry>,
}

impl Copied {
    pub(super) fn json(&self) -> Value {
        let mut event = json!({ "event": "copied", "source": self.from, "target": self.to, "bytes": self.bytes });
        if let Some(verified) = self.verified {
            event["verified"] = json!(verified);
        }
        if let Some(entry) = &self.entry {
            event["entry"] = Value::Object(entry.json());
        }
        event
    }
}

/// Something that `doctor` looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at: `token`, `connection`.
    pub check: String,
    /// How it is.
    pub outcome: CheckOutcome,
    /// What was found.
    pub found: String,
    /// What to do about it.
    pub advice: Option<String>,
}

/// How something is that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckOutcome {
    /// As it should be.
    Ok,
    /// It works, but should be changed.
    Warning,
    /// It does not work.
    Failed,
    /// It was not looked at, as something before it does not work or it is not set.
    Skipped,
}

impl CheckOutcome {
    /// Its name, for people and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    /// Whether nothing has to be done.
    #[must_use]
    pub const fn is_well(self) -> bool {
        matches!(self, Self::Ok | Self::Skipped)
    }
}

impl Check {
    pub(super) fn json(&self) -> Value {
        let mut event = json!({
            "event": "checked", "check": self.check, "outcome": self.outcome.name(), "found": self.found,
        });
        if let Some(advice) = &self.advice {
            event["hint"] = json!(advice);
        }
        event
    }

    pub(super) fn lines(&self, paint: Paint) -> String {
        let word = padded(self.outcome.name(), CheckOutcome::Warning.name().len(), false);
        let word = match self.outcome {
            CheckOutcome::Ok => paint.good(word),
            CheckOutcome::Warning => paint.hint(word),
            CheckOutcome::Failed => paint.error(word),
            CheckOutcome::Skipped => paint.faint(word),
        };
        let mut lines = format!("{word}  {}: {}\n", plain(&self.check), plain(&self.found));
        if let Some(advice) = &self.advice {
            let _infallible = writeln!(lines, "         {} {}", paint.hint("hint:"), plain(advice));
        }
        lines
    }
}
