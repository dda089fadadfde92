//! How requests tell the worker that there is something to do, and how others learn that it is done.
//!
//! The bell holds no work: what there is to do stands in the store, so nothing is lost with this process.

use tokio::sync::watch;

/// The bell. Clones are the same bell.
#[derive(Debug, Clone)]
pub(super) struct Bell(watch::Sender<State>);

#[derive(Debug, Clone, Copy, Default)]
struct State {
    /// How often it was rung.
    rung: u64,
    /// How many of those the worker has looked for.
    heard: u64,
    /// Whether there is a worker.
    attended: bool,
    /// Whether the worker shall end.
    closing: bool,
}

/// Rings the bell when it is dropped.
#[derive(Debug)]
pub(super) struct RingAtEnd(Bell);

/// A worker listens. When it goes, for whatever reason, nobody waits for it any more.
#[derive(Debug)]
pub(super) struct Attendance(Bell);

impl Bell {
    /// A bell that nobody listens to yet.
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(State::default()))
    }

    /// Says that there may be something to do.
    pub(super) fn ring(&self) {
        self.0.send_modify(|state| state.rung += 1);
    }

    /// Rings when the returned value goes, also when a request goes with it in the middle of its work.
    pub(super) fn ring_at_end(&self) -> RingAtEnd {
        RingAtEnd(self.clone())
    }

    /// Asks the worker to end.
    pub(super) fn close(&self) {
        self.0.send_modify(|state| state.closing = true);
    }

    /// Says that there is a worker, as long as it keeps the returned value.
    pub(super) fn attend(&self) -> Attendance {
        self.0.send_modify(|state| (state.attended, state.closing) = (true, false));
        Attendance(self.clone())
    }

    /// Whether the worker shall end.
    pub(super) fn is_closing(&self) -> bool {
        self.0.borrow().closing
    }

    /// How often the bell was rung.
    pub(super) fn rung(&self) -> u64 {
        self.0.borrow().rung
    }

    /// Says that the worker has looked for all rings up to this one, and does nothing now.
    pub(super) fn hear(&self, rung: u64) {
        self.0.send_modify(|state| state.heard = rung);
    }

    /// Resolves at the next ring after so many, or when the worker shall end.
    pub(super) async fn next(&self, rung: u64) {
        let mut changes = self.0.subscribe();
        // The sender lives as long as this bell.
        let _never_gone = changes.wait_for(|state| state.closing || state.rung > rung).await;
    }

    /// Resolves when the worker has looked for everything that was rung for before, or is gone.
    pub(super) async fn settled(&self) {
        let rung = self.rung();
        let mut changes = self.0.subscribe();
        // The sender lives as long as this bell.
        let _never_gone = changes.wait_for(|state| !state.attended || state.heard >= rung).await;
    }
}

impl Drop for RingAtEnd {
    fn drop(&mut self) {
        self.0.ring();
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        self.0.0.send_modify(|state| state.attended = false);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn nobody_waits_for_a_worker_that_is_not_there() {
        let bell = Bell::new();
        drop(bell.ring_at_end());
        assert!(bell.settled().now_or_never().is_some());
        let attendance = bell.attend();
        assert!(bell.settled().now_or_never().is_none());
        assert!(bell.next(0).now_or_never().is_some() && bell.next(1).now_or_never().is_none());
        bell.hear(1);
        assert!(bell.settled().now_or_never().is_some());
        bell.ring();
        assert!(bell.settled().now_or_never().is_none());
        bell.close();
        assert!(bell.is_closing() && bell.next(2).now_or_never().is_some());
        drop(attendance);
        assert!(bell.settled().now_or_never().is_some());
    }
}
