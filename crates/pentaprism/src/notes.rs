//! What is learnt about a request on its way and belongs into its line of log: who sent it, and why it is refused.
//!
//! Whoever learns something notes it for the request that its task answers. A refusal is often known in two places: close to
//! its cause, and where it becomes an answer. The first reason stands, since it is the closest.

use std::error::Error;
use std::fmt::Display;
use std::future::Future;
use std::sync::{Arc, OnceLock};

use crate::measure::chain;

tokio::task_local! {
    static NOTES: Notes;
}

/// The most characters of a reason that the log shows.
const LONGEST_REASON: usize = 300;

/// The notes on one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes(Arc<Noted>);

#[derive(Debug, Default)]
struct Noted {
    principal: OnceLock<String>,
    reason: OnceLock<String>,
}

impl Notes {
    /// Answers a request, which these notes are on.
    pub(crate) async fn take<F: Future>(&self, answering: F) -> F::Output {
        NOTES.scope(self.clone(), answering).await
    }

    /// The name of who sent the request, if that is known.
    pub(crate) fn principal(&self) -> Option<&str> {
        self.0.principal.get().map(String::as_str)
    }

    /// Why the request is refused, if it is.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.0.reason.get().map(String::as_str)
    }
}

/// Notes who sent the request.
pub(crate) fn sent_by(principal: &str) {
    // Outside of a request, as in tests of single parts, there is nothing to note it on.
    let _outside = NOTES.try_with(|notes| notes.0.principal.set(principal.to_owned()));
}

/// Notes why the request is refused. What a reason quotes of a request is escaped and cut, so that it forges no line.
pub(crate) fn refused(reason: &(impl Display + ?Sized)) {
    let _outside = NOTES.try_with(|notes| {
        notes.0.reason.get_or_init(|| reason.to_string().chars().flat_map(escaped).take(LONGEST_REASON).collect());
    });
}

/// Notes the error, with its causes, for which the request is refused.
pub(crate) fn refused_by(error: &dyn Error) {
    refused(&chain(error));
}

/// Quotation marks forge nothing, since both forms of the log write a reason as a quoted text; nor do backslashes, which mostly
/// come from an escape.
fn escaped(character: char) -> impl Iterator<Item = char> {
    let harmless = matches!(character, '"' | '\'' | '\\');
    harmless.then_some(character).into_iter().chain(character.escape_debug().filter(move |_| !harmless))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_stands_escaped_and_cut() {
        let notes = Notes::default();
        assert_eq!((notes.principal(), notes.reason()), (None, None));
        notes
            .take(async {
                sent_by("developer");
                refused(&format!("the name is \"a\nb\u{1b}\u{202e}\": {}", "x".repeat(400)));
                refused("something else");
            })
            .await;
        let reason = notes.reason().unwrap();
        assert_eq!((notes.principal(), reason.chars().count()), (Some("developer"), 300));
        assert!(reason.starts_with("the name is \"a\\nb\\u{1b}\\u{202e}\": xxx"), "{reason}");
        // Nothing is answered here.
        refused("nobody reads this");
    }
}
