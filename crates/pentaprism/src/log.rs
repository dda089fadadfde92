//! Structured logs: one line per request, warnings and faults, to the standard error stream.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt;

use crate::settings::{LogFormat, LogSettings};

/// The setting `log.level` cannot be read.
#[derive(Debug, thiserror::Error)]
#[error(
    "log.level is `{level}`; use error, warn, info, debug, trace, off, or directives such as info,pentaprism_store=debug"
)]
pub struct LevelError {
    /// The setting.
    level: String,
    /// What is wrong with it, where the filter says so.
    #[source]
    source: Option<ParseError>,
}

/// The words that stand for a level.
const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// Sends the logs of this process to its standard error stream from now on. Only the first call counts.
///
/// # Errors
/// [`LevelError`].
pub fn start(settings: &LogSettings) -> Result<(), LevelError> {
    let filter = filter(&settings.level)?;
    let lines = fmt().with_env_filter(filter).with_writer(stderr).with_ansi(stderr().is_terminal());
    // A second start keeps the first: the process has one place for its logs.
    let _started_before = match settings.format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).try_init(),
    };
    Ok(())
}

/// The filter that `level` describes. A bare word has to be a level: the filter would take any other for the name of a module, and a
/// misspelt level would silence everything else.
fn filter(level: &str) -> Result<EnvFilter, LevelError> {
    let wrong = |source| LevelError { level: level.to_owned(), source };
    let mut words = level.split(',').filter(|directive| !directive.contains(['=', '[']));
    if words.any(|word| !word.is_empty() && !LEVELS.iter().any(|known| known.eq_ignore_ascii_case(word))) {
        return Err(wrong(None));
    }
    EnvFilter::try_new(level).map_err(|error| wrong(Some(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_level_is_refused() {
        for wrong in
            ["loud", "pentaprism_store", "infoo,pentaprism_store=debug", "info, loud", " info", "pentaprism=loud"]
        {
            let error = filter(wrong).unwrap_err().to_string();
            assert!(error.contains(&format!("log.level is `{wrong}`; use error, warn, info")), "{error}");
        }
    }

    #[test]
    fn levels_and_directives_are_taken() {
        let directives = ["info,pentaprism_store=debug", "warn,hyper=off", "info,[request{method}]=trace"];
        for level in LEVELS.into_iter().chain(["INFO"]).chain(directives) {
            assert!(filter(level).is_ok(), "{level}");
        }
    }
}
