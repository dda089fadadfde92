//! What clients of a dialect without a word for a failing store are told: what helps them, and nothing of the cause.

use pentaprism_store::Fault;

/// What is said when something broke that has no sentence of its own.
pub(super) const INTERNAL: &str = "The request could not be processed because of an internal error.";

/// The sentence for a fault of the store (D-100).
pub(super) fn sentence(fault: &Fault) -> &'static str {
    match fault {
        Fault::ReadOnly(_) => "The storage cannot be written at the moment.",
        Fault::DiskFull { .. } => "The storage has no free space at the moment.",
        Fault::Deadline { .. } | Fault::Busy { .. } | Fault::Closed => "The storage did not answer in time.",
        _ => INTERNAL,
    }
}
