//! Structured logs: one line per request, warnings and faults, to the standard error stream.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt;

use crate::settings::{LogFormat, LogSettings};

/// The setting `log.level` cannot be read.
#[derive(Debug, thiserror::Error)]
#[error(
    "log.level is `{level}`; use error, warn, info, debug, trace, or directives such as info,pentaprism_store=debug"
)]
pub struct LevelError {
    /// The setting.
    level: String,
    /// What is wrong with it.
    #[source]
    source: ParseError,
}

/// Sends the logs of this process to its standard error stream from now on. Only the first call counts.
///
/// # Errors
/// [`LevelError`].
pub fn start(settings: &LogSettings) -> Result<(), LevelError> {
    let wrong = |source| LevelError { level: settings.level.clone(), source };
    let filter = EnvFilter::try_new(&settings.level).map_err(wrong)?;
    let lines = fmt().with_env_filter(filter).with_writer(stderr).with_ansi(stderr().is_terminal());
    // A second start keeps the first: the process has one place for its logs.
    let _started_before = match settings.format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).try_init(),
    };
    Ok(())
}
