//! A token that a program prints, such as `az`, `gcloud`, `openstack` or one of the user's own.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use super::exchange::shown;
use super::{Token, TokenError, TokenProvider, printed};
use crate::retry::{Clock, SystemClock};

/// How long a program may take, unless said otherwise.
const DEADLINE: Duration = Duration::from_secs(30);
/// How much a program may print, in bytes.
const OUTPUT_LIMIT: usize = 64 * 1024;
/// How much of the end of a program's complaints is kept, in bytes.
const COMPLAINT_LIMIT: usize = 4 * 1024;
/// A piece of output that is shorter than this is no secret, and so nothing that complaints must not repeat.
const SHORTEST_SECRET: usize = 6;

/// Asks a program for a token, each time: put it into a [`Cached`](crate::Cached).
///
/// The program is started without a shell and with nothing on its standard input. Its standard output is the token in its first
/// line, or one JSON object with `accessToken`, `access_token`, `token` or `id`, and with `expires_on`, `expiresOn`, `expires_at`,
/// `expires` (seconds since 1970, or RFC 3339) or `expires_in` (seconds), as `az account get-access-token`,
/// `openstack token issue -f json` and `gcloud` print it. Arguments can be read by everyone on the machine while the program
/// runs, so a secret is no argument.
///
/// ```
/// use pentaprism_client::{Cached, CommandToken, Credential};
///
/// let keystone = CommandToken::new("openstack").arguments(["token", "issue", "-f", "json"]);
/// let credential = Credential::auth_token_from(Cached::new(keystone));
/// ```
#[derive(Clone)]
pub struct CommandToken {
    program: OsString,
    arguments: Vec<OsString>,
    deadline: Duration,
    clock: Arc<dyn Clock>,
}

/// Why a program gave no token. What it printed on its standard output is never shown.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// There is no such program, or it may not be started.
    #[error("it cannot be started")]
    Start(#[source] Arc<io::Error>),
    /// Its output cannot be read, or its end cannot be waited for.
    #[error("its output cannot be read")]
    Output(#[source] Arc<io::Error>),
    /// It took longer than the deadline, and was ended.
    #[error("it was not done within {} seconds and was ended; does it wait for an answer at a terminal?", .0.as_secs())]
    TooSlow(Duration),
    /// It printed too much.
    #[error("it printed more than {limit} bytes; it must print a token and no more")]
    TooLong {
        /// How much it may print, in bytes.
        limit: usize,
    },
    /// It ended with a failure.
    #[error("it ended with {status}{}", .complaint.as_ref().map(|line| format!(": {line}")).unwrap_or_default())]
    Failed {
        /// How it ended.
        status: ExitStatus,
        /// The last line that it wrote on its standard error, escaped and cut.
        complaint: Option<String>,
    },
    /// There is no token in what it printed.
    #[error(
        "there is no token in its output; it must print one in the first line, or a JSON object with accessToken, \
         access_token, token or id"
    )]
    NoToken,
}

impl CommandToken {
    /// Starts `program`, which is looked for in `PATH`.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            arguments: Vec::new(),
            deadline: DEADLINE,
            clock: Arc::new(SystemClock),
        }
    }

    /// With these arguments, after those that are there.
    #[must_use]
    pub fn arguments<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// How long the program may take before it is ended; 30 seconds without it.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Takes the time from another clock.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    async fn ask(&self) -> Result<Token, CommandError> {
        let began = self.clock.now();
        let mut child = self.start().map_err(|error| CommandError::Start(Arc::new(error)))?;
        let outcome = tokio::select! {
            outcome = finish(&mut child) => outcome,
            () = self.clock.sleep(self.deadline) => Err(CommandError::TooSlow(self.deadline)),
        };
        if outcome.is_err() {
            // It may have ended by itself, which is as good. Waited for, so that nothing of it is left.
            drop(child.kill().await);
        }
        printed::token(&outcome?, began).ok_or(CommandError::NoToken)
    }

    fn start(&self) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        // The standard input may be the very bytes that are to be uploaded.
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true).spawn()
    }
}

impl TokenProvider for CommandToken {
    fn token<'a>(
        &'a self,
        _refused: Option<&'a Token>,
    ) -> Pin<Box<dyn Future<Output = Result<Token, TokenError>> + Send + 'a>> {
        Box::pin(async move {
            let program = || shown(&self.program.to_string_lossy(), &[]);
            self.ask().await.map_err(|source| TokenError::Command { program: program(), source })
        })
    }
}

/// The output of a program that succeeds. What it says on its standard error is read all the while, so that it is never stuck
/// on a full pipe, but not waited for: a helper that it leaves behind may hold that open.
async fn finish(child: &mut Child) -> Result<Vec<u8>, CommandError> {
    let (Some(output), Some(errors)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(CommandError::NoToken);
    };
    let mut complaining = pin!(last_bytes(errors));
    let mut complaints = None;
    let mut running = pin!(async {
        let output = bounded(output).await?;
        let status = child.wait().await.map_err(|error| CommandError::Output(Arc::new(error)))?;
        Ok((output, status))
    });
    let (output, status) = loop {
        tokio::select! {
            ended = &mut running => break ended?,
            said = &mut complaining, if complaints.is_none() => complaints = Some(said),
        }
    };
    if status.success() {
        return Ok(output);
    }
    let complaints = match complaints {
        Some(complaints) => complaints,
        None => complaining.await,
    };
    Err(CommandError::Failed { status, complaint: complaint(&complaints, &output) })
}

async fn bounded(output: impl AsyncRead + Unpin) -> Result<Vec<u8>, CommandError> {
    let mut read = Vec::new();
    let limited = output.take(OUTPUT_LIMIT as u64 + 1).read_to_end(&mut read).await;
    limited.map_err(|error| CommandError::Output(Arc::new(error)))?;
    if read.len() > OUTPUT_LIMIT { Err(CommandError::TooLong { limit: OUTPUT_LIMIT }) } else { Ok(read) }
}

/// The end of what is read. An error ends it like an end: these bytes only explain another error.
async fn last_bytes(mut errors: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut piece = [0; 1024];
    while let Ok(length @ 1..) = errors.read(&mut piece).await {
        kept.extend_from_slice(&piece[..length]);
        kept.drain(..kept.len().saturating_sub(COMPLAINT_LIMIT));
    }
    kept
}

/// The last line that says something, without what the output holds: a program that traces itself repeats the token there.
fn complaint(errors: &[u8], output: &[u8]) -> Option<String> {
    let token = printed::token(output, SystemTime::UNIX_EPOCH);
    let (errors, output) = (String::from_utf8_lossy(errors), String::from_utf8_lossy(output));
    let line = errors.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    let secrets = output.lines().map(str::trim).chain(token.as_ref().map(Token::secret));
    let secrets: Vec<&str> = secrets.filter(|secret| secret.len() >= SHORTEST_SECRET).collect();
    Some(shown(line, &secrets))
}

impl fmt::Debug for CommandToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("CommandToken");
        shown.field("program", &self.program).field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "tests/command.rs"]
mod tests;
