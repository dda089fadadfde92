//! How a running job learns that nobody waits for it any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::PictureError;

/// A sign that a job looks at between rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks the job to end.
    pub(super) fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the job shall end.
    pub(super) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// [`PictureError::Stopped`] when the job shall end.
    pub(super) fn check(&self) -> Result<(), PictureError> {
        if self.is_asked() { Err(PictureError::Stopped) } else { Ok(()) }
    }
}

/// Asks for the end when dropped: held by the future that waits for the job.
#[derive(Debug)]
pub(super) struct StopOnDrop(pub(super) Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.ask();
    }
}
