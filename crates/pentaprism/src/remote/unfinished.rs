//! What a command has begun at services, and takes back when it is broken off.
//!
//! An operation that is dropped can do nothing any more, since what it would do takes time. So it says beforehand how it is taken
//! back, and whoever has dropped it sees to that.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;

type Deed = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// What was begun and dropped before its end. Clones are the same list.
#[derive(Clone, Default)]
pub struct Unfinished(Arc<Mutex<Vec<Undo>>>);

struct Undo {
    left: String,
    deed: Deed,
}

/// Something that is under way. Dropped before [`Self::end`], it is unfinished.
pub struct Begun {
    undo: Option<Undo>,
    list: Unfinished,
}

impl Unfinished {
    /// Something begins that `deed` takes back. What it leaves behind it says itself; `left` is said when its time runs out.
    pub fn begin(&self, left: String, deed: impl Future<Output = Result<(), String>> + Send + 'static) -> Begun {
        Begun { undo: Some(Undo { left, deed: Box::pin(deed) }), list: self.clone() }
    }

    /// Takes back what is unfinished, within `patience`, and tells what is left behind.
    pub async fn take_back(&self, patience: Duration) -> Vec<String> {
        let undos = std::mem::take(&mut *self.lock());
        let ended = undos.into_iter().map(|Undo { left, deed }| async move {
            tokio::time::timeout(patience, deed).await.unwrap_or(Err(left)).err()
        });
        join_all(ended).await.into_iter().flatten().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Undo>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Begun {
    /// It is over, well or not, and nothing is to be taken back.
    pub fn end(mut self) {
        self.undo = None;
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let undo = self.undo.take();
        self.list.lock().extend(undo);
    }
}

impl fmt::Debug for Unfinished {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Unfinished").field(&self.lock().len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_what_did_not_end_is_taken_back_and_nobody_waits_for_ever() {
        let unfinished = Unfinished::default();
        let begin = |name: &'static str, result: Result<(), &'static str>| {
            unfinished.begin(format!("{name} is late"), async move { result.map_err(str::to_owned) })
        };
        begin("ended", Err("it was taken back")).end();
        drop(begin("dropped", Ok(())));
        drop(begin("stubborn", Err("it stays")));
        drop(unfinished.begin("it may stay".to_owned(), std::future::pending()));
        assert_eq!(unfinished.take_back(Duration::from_secs(5)).await, ["it stays", "it may stay"]);
        assert!(unfinished.take_back(Duration::ZERO).await.is_empty());
    }
}
