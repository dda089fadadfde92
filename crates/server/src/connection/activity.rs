//! What is going on in one connection, for the deadlines that need to know.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Counts the requests of a connection and remembers when something last moved.
#[derive(Debug)]
pub(super) struct Activity {
    open: AtomicUsize,
    handlers: AtomicUsize,
    began: Instant,
    moved: AtomicU64,
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            open: AtomicUsize::new(0),
            handlers: AtomicUsize::new(0),
            began: Instant::now(),
            moved: AtomicU64::new(0),
        })
    }

    /// Whether a request is open: from the end of its head until both bodies are over.
    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire) > 0
    }

    /// Whether a handler is at work.
    pub(super) fn is_working(&self) -> bool {
        self.handlers.load(Ordering::Acquire) > 0
    }

    /// How long ago something moved.
    pub(super) fn quiet(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.moved.load(Ordering::Relaxed)))
    }

    /// Something moved.
    pub(super) fn touch(&self) {
        let elapsed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.fetch_max(elapsed, Ordering::Relaxed);
    }
}

/// Keeps a request open while any clone of it lives.
#[derive(Debug)]
pub(super) struct Open(Arc<Activity>);

impl Open {
    pub(super) fn new(activity: &Arc<Activity>) -> Self {
        activity.open.fetch_add(1, Ordering::AcqRel);
        activity.touch();
        Self(Arc::clone(activity))
    }

    pub(super) fn touch(&self) {
        self.0.touch();
    }
}

impl Clone for Open {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.touch();
        self.0.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Marks a handler as being at work while it lives.
#[derive(Debug)]
pub(super) struct Working(Arc<Activity>);

impl Working {
    pub(super) fn new(activity: &Arc<Activity>) -> Self {
        activity.handlers.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(activity))
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.touch();
        self.0.handlers.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_is_open_until_its_last_part_is_over() {
        let activity = Activity::new();
        let request = Open::new(&activity);
        let answer = request.clone();
        drop(request);
        assert!(activity.is_open());
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(activity.quiet(), Duration::from_secs(5));
        drop(answer);
        assert!(!activity.is_open());
        assert_eq!(activity.quiet(), Duration::ZERO);
    }
}
