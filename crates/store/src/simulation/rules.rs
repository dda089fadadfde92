//! Which calls to a simulated disk fail or wait.

use std::io;

use rustix::io::Errno;

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Create,
    Open,
    Write,
    Read,
    Allocate,
    Punch,
    SetLength,
    Sync,
    SyncFolder,
    Rename,
    Remove,
    List,
    /// What only asks: lengths, blocks, free space.
    Ask,
}

/// A call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) kind: Kind,
    /// The folder it is about, or the folder of the file.
    pub(crate) folder: &'a str,
}

impl Call<'_> {
    pub(crate) fn is_sync(&self) -> bool {
        self.kind == Kind::Sync
    }

    /// Whether it changes something, or makes it durable.
    pub(crate) fn changes(&self) -> bool {
        !matches!(self.kind, Kind::Open | Kind::Read | Kind::List | Kind::Ask)
    }
}

/// Calls that meet a rule do not just succeed.
pub(crate) struct Rule {
    meets: Box<dyn Fn(Call<'_>) -> bool + Send>,
    pub(super) verdict: Verdict,
    /// Calls that it is still good for.
    left: u64,
}

/// What a rule does with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Fails(Errno),
    /// The call waits until the rule is taken away, and is then made.
    Waits,
}

impl Rule {
    pub(crate) fn fails(meets: impl Fn(Call<'_>) -> bool + Send + 'static, error: Errno) -> Self {
        Self { meets: Box::new(meets), verdict: Verdict::Fails(error), left: u64::MAX }
    }

    pub(crate) fn holds(meets: impl Fn(Call<'_>) -> bool + Send + 'static) -> Self {
        Self { meets: Box::new(meets), verdict: Verdict::Waits, left: u64::MAX }
    }

    /// Only the first calls that meet it.
    pub(crate) const fn times(mut self, times: u64) -> Self {
        self.left = times;
        self
    }

    /// Whether the rule is about the call; a call that fails so is counted.
    pub(super) fn takes(&mut self, call: Call<'_>) -> bool {
        let takes = self.left > 0 && (self.meets)(call);
        if takes && self.verdict != Verdict::Waits {
            self.left -= 1;
        }
        takes
    }
}

pub(super) fn failure(error: Errno) -> io::Error {
    error.into()
}
