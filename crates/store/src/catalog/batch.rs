//! The changes of one batch: how each is carried out inside the batch's transaction, and why it may fail them all.

use rusqlite::{Connection, ErrorCode};

use super::{
    apply::{self, Failed, StepError},
    ledger::Ledger,
};
use crate::{
    change::{Applied, Change, Effect},
    clock::Timestamp,
    error::{ChangeError, Fault},
};

/// The number of a batch, and what became of each change.
pub(super) type Done = (u64, Vec<Result<Applied, ChangeError>>);

/// What is rolled back when a change fails half-way.
#[derive(Clone, Copy)]
pub(super) enum Rollback {
    Batch,
    Change,
}

pub(super) type CarriedOut = Result<Vec<Effect>, ChangeError>;

/// Carries out a change without a savepoint. None when it failed and had written something.
pub(super) fn carry_out_bare(
    db: &Connection,
    ledger: &Ledger<'_>,
    now: Timestamp,
    change: &Change,
) -> Result<Option<CarriedOut>, BatchError> {
    let written = || (db.total_changes(), ledger.entries());
    let before = written();
    match apply::apply(db, ledger, now, change) {
        Ok(effects) => Ok(Some(Ok(effects))),
        Err(failed) => {
            let failed = why(failed)?;
            Ok((written() == before).then_some(Err(failed)))
        }
    }
}

/// Carries out a change in a savepoint of its own.
pub(super) fn carry_out_alone(
    db: &Connection,
    ledger: &Ledger<'_>,
    now: Timestamp,
    change: &Change,
) -> Result<CarriedOut, BatchError> {
    db.prepare_cached("SAVEPOINT change")?.execute([])?;
    let carried_out = apply::apply(db, ledger, now, change).and_then(|effects| {
        ledger.write().map_err(|error| Failed::at(change.steps.len(), error.into()))?;
        Ok(effects)
    });
    let result = match carried_out {
        Ok(effects) => Ok(effects),
        Err(failed) => {
            let failed = why(failed)?;
            ledger.forget();
            db.prepare_cached("ROLLBACK TO change")?.execute([])?;
            Err(failed)
        }
    };
    db.prepare_cached("RELEASE change")?.execute([])?;
    Ok(result)
}

/// Why a change failed, unless the whole batch fails with it.
fn why(failed: Failed) -> Result<ChangeError, BatchError> {
    match *failed.error {
        StepError::Sql(error) if fails_batch(&error) => Err(error.into()),
        StepError::Sql(error) => Ok(ChangeError::Fault(Fault::from_database(error))),
        StepError::Refused(refusal) => Ok(ChangeError::Refused { step: failed.step, refusal }),
    }
}

pub(super) enum BatchError {
    /// Nothing was committed.
    Before(rusqlite::Error),
    /// The commit itself failed: whether it happened must be read back.
    Commit { error: rusqlite::Error, number: u64, results: Vec<Result<Applied, ChangeError>> },
}

impl From<rusqlite::Error> for BatchError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Before(error)
    }
}

/// Errors of the machine, after which no change of the batch can be trusted.
fn fails_batch(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::SystemIoFailure
                | ErrorCode::DiskFull
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::OutOfMemory
                | ErrorCode::PermissionDenied
        )
    )
}
