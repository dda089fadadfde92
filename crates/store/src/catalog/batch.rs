//! The changes of one batch: how each is carried out inside the batch's transaction, and why it may fail them all.

use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use super::{
    apply::{self, Failed, StepError},
    journal::Place,
    ledger::Ledger,
};
use crate::{
    change::{Applied, Change, Effect},
    clock::Timestamp,
    error::{ChangeError, Fault},
};

/// A change and who waits for it.
pub(super) struct Job {
    pub(super) change: Change,
    pub(super) reply: oneshot::Sender<Result<Applied, ChangeError>>,
}

/// The number of a batch, and what became of each change.
pub(super) type Done = (u64, Vec<Result<Applied, ChangeError>>);

/// What is rolled back when a change fails half-way.
#[derive(Clone, Copy)]
pub(super) enum Rollback {
    Batch,
    Change,
}

type CarriedOut = Result<Vec<Effect>, ChangeError>;

/// Carries out the changes of a batch in a transaction; whoever began it commits it. `next` is where its small bodies end, if it has any. None
/// when a change failed half-way and only the whole batch can be rolled back.
pub(super) fn carry_out<'c>(
    transaction: &Connection,
    now: Timestamp,
    next: Option<Place>,
    rollback: Rollback,
    changes: impl ExactSizeIterator<Item = &'c Change>,
) -> Result<Option<Done>, BatchError> {
    let (number, sequence) = begin(transaction, next)?;
    let ledger = Ledger::new(transaction, sequence);
    let mut results = Vec::with_capacity(changes.len());
    for change in changes {
        let carried_out = match rollback {
            Rollback::Batch => carry_out_bare(transaction, &ledger, now, change)?,
            Rollback::Change => Some(carry_out_alone(transaction, &ledger, now, change)?),
        };
        let Some(result) = carried_out else { return Ok(None) };
        results.push(result.map(|effects| Applied { at: now, effects }));
    }
    ledger.write()?;
    Ok(Some((number, results)))
}

/// Numbers the batch. Returns its number, and the last one of the sequence that was given out. Two statements by the key: what one
/// returns that changes the row is kept in a table that is made for it, and goes through a journal in memory.
fn begin(transaction: &Connection, next: Option<Place>) -> rusqlite::Result<(u64, u64)> {
    let (last, sequence): (u64, u64) = transaction
        .prepare_cached("SELECT batch, sequence FROM store WHERE one = 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let number = last + 1;
    match next {
        None => transaction.prepare_cached("UPDATE store SET batch = ?1 WHERE one = 1")?.execute([number])?,
        Some(Place { pack, offset }) => transaction
            .prepare_cached("UPDATE store SET batch = ?1, journal_pack = ?2, journal_next = ?3 WHERE one = 1")?
            .execute((number, pack.into_bytes(), offset))?,
    };
    Ok((number, sequence))
}

/// Carries out a change without a savepoint. None when it failed and had written something.
fn carry_out_bare(
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
fn carry_out_alone(
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

impl BatchError {
    pub(super) fn into_cause(self) -> rusqlite::Error {
        match self {
            Self::Before(error) | Self::Commit { error, .. } => error,
        }
    }
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
