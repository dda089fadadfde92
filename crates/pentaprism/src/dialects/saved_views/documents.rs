//! How many views are in memory at a time: on its way each is there several times over, and taken apart as JSON it takes up
//! to a hundred times its length.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::request::Parts;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::answer::too_busy;
use super::problem::Problem;

/// How many views are made at a time, and as many are shown. Those that are made wait for the store, and are not to keep the
/// others waiting.
const AT_A_TIME: usize = 8;

/// How many bytes of views are taken apart at a time: one of the largest, or many small ones.
const TAKEN_APART: usize = 256 << 10;

/// How long a view waits for its turn: as long as the store takes for one that hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// The memory for views.
#[derive(Debug)]
pub(super) struct Documents {
    made: Arc<Semaphore>,
    shown: Arc<Semaphore>,
    taken_apart: Arc<Semaphore>,
}

/// What a request has of that memory until its answer is written, a request extension.
#[derive(Debug, Clone, Default)]
pub(super) struct Held(Arc<Mutex<Vec<OwnedSemaphorePermit>>>);

impl Default for Documents {
    fn default() -> Self {
        let of = |permits| Arc::new(Semaphore::new(permits));
        Self { made: of(AT_A_TIME), shown: of(AT_A_TIME), taken_apart: of(TAKEN_APART) }
    }
}

impl Documents {
    /// Waits until the request of `head` may make a view.
    pub(super) async fn make(&self, head: &Parts) -> Result<(), Problem> {
        hold(head, wait(&self.made, 1).await?);
        Ok(())
    }

    /// Waits until the request of `head` may show a view.
    pub(super) async fn show(&self, head: &Parts) -> Result<(), Problem> {
        hold(head, wait(&self.shown, 1).await?);
        Ok(())
    }

    /// Waits until so many bytes may be taken apart.
    pub(super) async fn take_apart(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
        wait(&self.taken_apart, bytes.min(TAKEN_APART)).await
    }
}

/// Keeps a part of the memory until the answer to the request of `head` is written.
pub(super) fn hold(head: &Parts, part: OwnedSemaphorePermit) {
    if let Some(held) = head.extensions.get::<Held>() {
        held.0.lock().unwrap_or_else(PoisonError::into_inner).push(part);
    }
}

async fn wait(parts: &Arc<Semaphore>, count: usize) -> Result<OwnedSemaphorePermit, Problem> {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    match timeout(PATIENCE, Arc::clone(parts).acquire_many_owned(count)).await {
        Ok(part) => part.map_err(Problem::internal),
        Err(_) => Err(too_busy().into()),
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn head(held: &Held) -> Parts {
        Request::builder().extension(held.clone()).body(()).expect("a request").into_parts().0
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_views_are_made_and_as_many_shown() {
        let (documents, held) = (Documents::default(), Held::default());
        let request = head(&held);
        for _ in 0..AT_A_TIME {
            documents.make(&request).await.expect("there is room");
            documents.show(&request).await.expect("there is room");
        }
        assert!(documents.make(&request).await.is_err() && documents.show(&request).await.is_err());
        drop((request, held));
        assert_eq!(documents.made.available_permits(), AT_A_TIME);
        assert_eq!(documents.shown.available_permits(), AT_A_TIME);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_larger_than_the_memory_takes_all_of_it() {
        let (documents, held) = (Documents::default(), Held::default());
        let all = documents.take_apart(usize::MAX).await.expect("there is room");
        assert!(documents.take_apart(1).await.is_err());
        let request = head(&held);
        hold(&request, all);
        assert!(documents.take_apart(1).await.is_err());
        drop((request, held));
        assert!(documents.take_apart(1).await.is_ok());
    }
}
