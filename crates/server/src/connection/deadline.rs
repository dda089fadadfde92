//! A deadline that is set when something begins to wait and forgotten when it goes on.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// Expires when [`poll_expired`](Self::poll_expired) was asked for `after` without a [`clear`](Self::clear) in between. Its
/// timer is made at the first wait and used again, so that what never waits pays nothing.
#[derive(Debug)]
pub(super) struct Deadline {
    after: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    running: bool,
}

impl Deadline {
    pub(super) fn new(after: Duration) -> Self {
        Self { after, timer: None, running: false }
    }

    /// How long a wait may take.
    pub(super) fn after(&self) -> Duration {
        self.after
    }

    /// Something happened: the next wait begins anew. Returns how long the one before took.
    pub(super) fn clear(&mut self) -> Duration {
        if !std::mem::take(&mut self.running) {
            return Duration::ZERO;
        }
        let until = self.timer.as_ref().map(|timer| timer.deadline());
        until.map_or(Duration::ZERO, |until| self.after.saturating_sub(until.saturating_duration_since(Instant::now())))
    }

    /// Begins the wait, unless it runs already.
    pub(super) fn start(&mut self) {
        if self.running {
            return;
        }
        self.running = true;
        let at = Instant::now() + self.after;
        match &mut self.timer {
            Some(timer) => timer.as_mut().reset(at),
            None => self.timer = Some(Box::pin(tokio::time::sleep_until(at))),
        }
    }

    /// Whether the running wait took too long; wakes the task when it does. Without a running wait it never did.
    pub(super) fn poll_expired(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(timer) = self.timer.as_mut().filter(|_| self.running) else { return false };
        matches!(timer.as_mut().poll(cx), Poll::Ready(()))
    }
}
