//! What turns operations into images, one after the other in the order of their creation (D-079, D-080, D-082).
//!
//! What there is to do stands in the store, so that a server that starts again goes on where it ended. Each step of an operation is one
//! change: whenever the server is cut off, the operation is either before that step or behind it.

use std::sync::Arc;
use std::time::Duration;

use pentaprism_core::dialects::azure_sphere;
use pentaprism_store::{
    Change, ChangeError, Clock, Condition, Fault, ListQuery, Name, NameKey, NewContent, NewName, Refusal, Store, Update,
};

use crate::context::Context;
use crate::dialects::public::link::PublicFile;
use crate::measure::chain;
use crate::tokens::Tokens;

use super::bell::{Attendance, Bell};
use super::patience::Patience;
use super::read::file_name;
use super::record::{
    self, COMPLETE, ENDED, FAILED, FailureRecord, IN_PROGRESS, ImageRecord, NOT_STARTED, OperationKey, OperationRecord,
    WAITING,
};

/// The media type of packages.
const MEDIA_TYPE: &str = "application/octet-stream";
/// Names that one look into a list brings.
const BATCH: usize = 32;

/// Where operations are held up, so that somebody can look at them on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hold {
    /// Nowhere.
    #[default]
    Nowhere,
    /// None begins.
    BeforeBeginning,
    /// The first begins, and does not end.
    BeforeEnd,
}

/// The worker.
pub(super) struct Worker {
    store: Store,
    clock: Arc<dyn Clock>,
    tokens: Arc<dyn Tokens>,
    kept: Duration,
    hold: Hold,
    bell: Bell,
    patience: Patience,
}

/// Whether there is more to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    Stop,
}

/// Why a step is not done.
#[derive(Debug, thiserror::Error)]
enum Setback {
    /// The store failed: others would fare no better.
    #[error("the storage failed")]
    Fault(#[from] Fault),
    /// The step was made for something that is not so (any more). Others are not concerned.
    #[error("a step of an operation is refused")]
    Refused(#[source] Refusal),
}

impl From<ChangeError> for Setback {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Refused { refusal, .. } => Self::Refused(refusal),
            ChangeError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl Worker {
    /// A worker that nobody runs yet.
    pub(super) fn new(context: &Context, hold: Hold, bell: Bell) -> Self {
        Self {
            store: context.store.clone(),
            clock: Arc::clone(&context.clock),
            tokens: Arc::clone(&context.tokens),
            kept: Duration::from_secs(context.settings.azure_sphere.operation_seconds),
            hold,
            bell,
            patience: Patience::new(),
        }
    }

    /// Works until the bell says that it is enough.
    pub(super) async fn run(mut self, _attendance: Attendance) {
        while !self.bell.is_closing() {
            let rung = self.bell.rung();
            self.patience.begin_look();
            let looked = self.look().await;
            let wait = self.patience.end_look(looked.is_ok());
            if let Err(fault) = looked {
                tracing::warn!(error = ?chain(&fault), ?wait, "operations wait until the storage works again");
            }
            self.bell.hear(rung);
            tokio::select! {
                () = self.bell.next(rung) => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Does all there is to do.
    async fn look(&mut self) -> Result<(), Fault> {
        self.carry_out_all().await?;
        while self.forget_some().await? == Next::GoOn {}
        Ok(())
    }

    /// Carries out what waits, each operation once.
    async fn carry_out_all(&mut self) -> Result<(), Fault> {
        let mut after = None;
        while self.hold != Hold::BeforeBeginning {
            let waiting = self.list(WAITING, after).await?;
            let Some((last, _)) = waiting.last() else { break };
            after = Some(last.key.clone());
            for (listed, operation) in waiting {
                let key = operation.map(|(key, _)| key);
                if self.bell.is_closing() || self.carry_out_or_note(&listed, key).await? == Next::Stop {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Carries an operation out. One whose steps are refused stands in nobody's way: the next look sees to it again.
    async fn carry_out_or_note(&mut self, listed: &NameKey, key: Option<OperationKey>) -> Result<Next, Fault> {
        let done = match key {
            Some(key) => self.carry_out(listed, key).await,
            None => self.apply(Change::new().delete(listed.clone(), Condition::EXISTS)).await.map(|()| Next::GoOn),
        };
        match done {
            Ok(next) => {
                if let Some(key) = key {
                    self.patience.success(key);
                }
                Ok(next)
            }
            Err(setback) => {
                if let Some(key) = key {
                    self.patience.setback(key);
                }
                match setback {
                    Setback::Fault(fault) => Err(fault),
                    Setback::Refused(_) => {
                        tracing::warn!(name = %listed, error = ?chain(&setback), "an operation is looked at once more");
                        Ok(Next::GoOn)
                    }
                }
            }
        }
    }

    /// The first names of a list behind a key, with what they stand for.
    async fn list(
        &self,
        scope: &str,
        after: Option<String>,
    ) -> Result<Vec<(NameKey, Option<(OperationKey, i64)>)>, Fault> {
        let query = ListQuery { after, ..ListQuery::new(azure_sphere::DIALECT, scope, BATCH) };
        let names = self.store.list(query).await?;
        let listed = names.into_iter().map(|name| {
            let operation = OperationKey::of_listed(&name.key.key);
            (name.key, operation)
        });
        Ok(listed.collect())
    }

    /// One step of an operation after the other, until it has ended.
    async fn carry_out(&self, listed: &NameKey, key: OperationKey) -> Result<Next, Setback> {
        let operation = match self.read(listed, key).await? {
            Ok(operation) => operation,
            Err(clearing) => return self.apply(clearing).await.map(|()| Next::GoOn),
        };
        let done = match self.begin(operation).await {
            Ok(operation) if self.hold == Hold::Nowhere => self.complete(operation).await,
            Ok(_) => return Ok(Next::Stop),
            Err(setback) => Err(setback),
        };
        match done {
            Err(setback) if self.patience.is_exhausted(key) => {
                tracing::error!(operation = %key.id, error = ?chain(&setback), "an operation is given up");
                match self.read(listed, key).await? {
                    Ok(operation) => self.fail(operation, FailureRecord::broken()).await?,
                    Err(clearing) => self.apply(clearing).await?,
                }
            }
            done => done?,
        }
        Ok(Next::GoOn)
    }

    /// The operation that a name among the waiting ones stands for; when nothing is left to do for it, the change that says so.
    async fn read<'l>(&self, listed: &'l NameKey, key: OperationKey) -> Result<Result<Running<'l>, Change>, Fault> {
        let clearing = Change::new().delete(listed.clone(), Condition::EXISTS);
        let name = self.store.get(&key.name()).await?;
        let running = name.filter(|name| [NOT_STARTED, IN_PROGRESS].contains(&name.status.as_str()));
        let Some(name) = running else { return Ok(Err(clearing)) };
        Ok(match record::read(&name) {
            Ok(record) => Ok(Running { listed, key, name, record }),
            Err(fault) => {
                tracing::error!(operation = %key.id, error = ?chain(&fault), "an operation is dropped");
                Err(clearing.delete(key.name(), Condition::EXISTS))
            }
        })
    }

    /// Says that the operation is worked on, unless an earlier run did.
    async fn begin<'l>(&self, mut operation: Running<'l>) -> Result<Running<'l>, Setback> {
        if operation.name.status != IN_PROGRESS {
            operation.record.started = Some(self.now());
            let update = Update::default().status(IN_PROGRESS).attributes(record::write(&operation.record));
            let change = Change::new().update(operation.key.name(), operation.as_read(), update);
            let begun = self.store.apply(change).await?;
            operation.name = begun.name().expect("an update has a name").clone();
        }
        Ok(operation)
    }

    /// Makes the image, its link and the end of the operation appear together.
    async fn complete(&self, operation: Running<'_>) -> Result<(), Setback> {
        let about = &operation.record.about;
        let image = record::image_name(operation.key.tenant, about.image);
        match self.store.apply(self.completion(&operation, &image)).await {
            Ok(_) => Ok(()),
            Err(ChangeError::Refused { refusal: Refusal::Exists(taken), .. }) if taken == image => {
                let failure = FailureRecord::taken(about.image);
                self.fail(operation, failure).await
            }
            // Such as a secret that was given out before: the next attempt has another one.
            Err(error) => Err(error.into()),
        }
    }

    fn completion(&self, operation: &Running<'_>, image: &NameKey) -> Change {
        let about = &operation.record.about;
        let link = self.tokens.next_text();
        let file = PublicFile::new(file_name(about.image), MEDIA_TYPE).link(&link, operation.key.name());
        let kept = record::write(&ImageRecord { about: about.clone(), link });
        let image = NewName::new(image.clone(), COMPLETE).attributes(kept);
        let change = Change::new().create(image.content(NewContent::SameAs(operation.key.name()))).create(file);
        let record = OperationRecord { ended: Some(self.now()), ..operation.record.clone() };
        operation.end(change, COMPLETE, &record)
    }

    async fn fail(&self, operation: Running<'_>, failure: FailureRecord) -> Result<(), Setback> {
        let (OperationKey { tenant, id }, message) = (operation.key, failure.message().to_owned());
        let (ended, failure) = (Some(self.now()), Some(failure));
        let record = OperationRecord { ended, failure, ..operation.record.clone() };
        self.apply(operation.end(Change::new(), FAILED, &record)).await?;
        tracing::info!(operation = %id, %tenant, error = message, "an operation failed");
        Ok(())
    }

    /// Forgets operations that ended long enough ago, the oldest first.
    async fn forget_some(&self) -> Result<Next, Fault> {
        let oldest = self.clock.now().minus(self.kept).as_unix_micros();
        let ended = self.list(ENDED, None).await?;
        let old = ended.iter().filter(|(_, operation)| operation.is_none_or(|(_, ended)| ended < oldest));
        let mut change = Change::new();
        let mut count = 0;
        for (listed, operation) in old {
            change = change.delete(listed.clone(), Condition::EXISTS);
            let name = operation.map(|(key, _)| key.name());
            if let Some(name) = name
                && self.store.get(&name).await?.is_some()
            {
                change = change.delete(name, Condition::EXISTS);
            }
            count += 1;
        }
        if count == 0 {
            return Ok(Next::Stop);
        }
        match self.apply(change).await {
            Ok(()) => {}
            Err(Setback::Fault(fault)) => return Err(fault),
            Err(setback @ Setback::Refused(_)) => {
                tracing::warn!(error = ?chain(&setback), "operations that ended long ago are looked at once more");
                return Ok(Next::Stop);
            }
        }
        Ok(if count == BATCH && !self.bell.is_closing() { Next::GoOn } else { Next::Stop })
    }

    async fn apply(&self, change: Change) -> Result<(), Setback> {
        self.store.apply(change).await?;
        Ok(())
    }

    fn now(&self) -> i64 {
        self.clock.now().as_unix_micros()
    }
}

/// An operation that is worked on.
struct Running<'l> {
    /// The name that stands for it among those that wait.
    listed: &'l NameKey,
    key: OperationKey,
    name: Name,
    record: OperationRecord,
}

impl Running<'_> {
    /// The operation as it was read.
    fn as_read(&self) -> Condition {
        Condition::version(self.name.version)
    }

    /// A change with which the operation ends and gives its bytes back.
    fn end(&self, change: Change, status: &str, record: &OperationRecord) -> Change {
        let update = Update::default().status(status).attributes(record::write(record)).content(NewContent::Clear);
        let ended = self.key.listed(ENDED, record.ended.unwrap_or_default());
        change
            .update(self.key.name(), self.as_read(), update)
            .delete(self.listed.clone(), Condition::EXISTS)
            .create(NewName::new(ended, ENDED))
    }
}
