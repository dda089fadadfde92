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
use super::read::file_name;
use super::record::{
    self, COMPLETE, ENDED, FAILED, FailureRecord, IN_PROGRESS, ImageRecord, NOT_STARTED, OperationKey, OperationRecord,
    WAITING,
};

/// The media type of packages.
const MEDIA_TYPE: &str = "application/octet-stream";
/// Names that one look into a list brings.
const BATCH: usize = 32;
/// The pause after the first fault of the store; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// After so many attempts that the store made fail an operation is given up: some minutes.
const ATTEMPTS: u32 = 12;
/// How long the worker does not look when nobody rings. A change whose request was cut off may come after its ring.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

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
    /// The operation that a fault stopped, and how often.
    stuck: Option<(OperationKey, u32)>,
}

/// Whether there is more to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    Stop,
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
            stuck: None,
        }
    }

    /// Works until the bell says that it is enough.
    pub(super) async fn run(mut self, _attendance: Attendance) {
        let mut pause = FIRST_PAUSE;
        while !self.bell.is_closing() {
            let rung = self.bell.rung();
            let wait = match self.look().await {
                Ok(()) => {
                    pause = FIRST_PAUSE;
                    LOOK_AGAIN
                }
                Err(fault) => {
                    tracing::warn!(error = ?chain(&fault), ?pause, "operations wait until the storage works again");
                    let wait = pause;
                    pause = LONGEST_PAUSE.min(pause * 2);
                    wait
                }
            };
            self.bell.hear(rung);
            tokio::select! {
                () = self.bell.next(rung) => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Does all there is to do.
    async fn look(&mut self) -> Result<(), Fault> {
        if self.hold != Hold::BeforeBeginning {
            while self.carry_out_some().await? == Next::GoOn {}
        }
        while self.forget_some().await? == Next::GoOn {}
        Ok(())
    }

    async fn carry_out_some(&mut self) -> Result<Next, Fault> {
        let waiting = self.list(WAITING).await?;
        for (listed, operation) in &waiting {
            if self.bell.is_closing() {
                return Ok(Next::Stop);
            }
            let done = match operation {
                Some((key, _)) => self.carry_out(listed, *key).await,
                None => self.apply(Change::new().delete(listed.clone(), Condition::EXISTS)).await,
            };
            match done {
                Ok(Next::GoOn) => {}
                Ok(Next::Stop) => return Ok(Next::Stop),
                Err(fault) => {
                    self.count_attempt(operation.map(|(key, _)| key));
                    return Err(fault);
                }
            }
        }
        Ok(if waiting.is_empty() { Next::Stop } else { Next::GoOn })
    }

    /// The first names of a list, with what they stand for.
    async fn list(&self, scope: &str) -> Result<Vec<(NameKey, Option<(OperationKey, i64)>)>, Fault> {
        let names = self.store.list(ListQuery::new(azure_sphere::DIALECT, scope, BATCH)).await?;
        let listed = names.into_iter().map(|name| {
            let operation = OperationKey::of_listed(&name.key.key);
            (name.key, operation)
        });
        Ok(listed.collect())
    }

    /// One step of an operation after the other, until it has ended.
    async fn carry_out(&mut self, listed: &NameKey, key: OperationKey) -> Result<Next, Fault> {
        let operation = match self.read(listed, key).await? {
            Ok(operation) => operation,
            Err(clearing) => return self.apply(clearing).await,
        };
        let done = match self.begin(operation).await {
            Ok(Some(operation)) if self.hold == Hold::Nowhere => self.complete(operation).await,
            Ok(_) => Ok(Next::Stop),
            Err(fault) => Err(fault),
        };
        match done {
            Err(fault) if self.is_given_up(key) => {
                tracing::error!(operation = %key.id, error = ?chain(&fault), "an operation is given up");
                match self.read(listed, key).await? {
                    Ok(operation) => self.fail(operation, FailureRecord::broken()).await,
                    Err(clearing) => self.apply(clearing).await,
                }
            }
            done => done,
        }
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
    async fn begin<'l>(&self, mut operation: Running<'l>) -> Result<Option<Running<'l>>, Fault> {
        if operation.name.status == IN_PROGRESS {
            return Ok(Some(operation));
        }
        operation.record.started = Some(self.now());
        let update = Update::default().status(IN_PROGRESS).attributes(record::write(&operation.record));
        let change = Change::new().update(operation.key.name(), operation.as_read(), update);
        match self.store.apply(change).await {
            Ok(applied) => Ok(applied.name().cloned().map(|name| Running { name, ..operation })),
            Err(ChangeError::Refused { refusal, .. }) => {
                refused(&refusal);
                Ok(None)
            }
            Err(ChangeError::Fault(fault)) => Err(fault),
        }
    }

    /// Makes the image, its link and the end of the operation appear together.
    async fn complete(&self, operation: Running<'_>) -> Result<Next, Fault> {
        let about = &operation.record.about;
        let image = record::image_name(operation.key.tenant, about.image);
        match self.store.apply(self.completion(&operation, &image)).await {
            Ok(_) => Ok(Next::GoOn),
            Err(ChangeError::Refused { refusal: Refusal::Exists(taken), .. }) if taken == image => {
                let failure = FailureRecord::taken(about.image);
                self.fail(operation, failure).await
            }
            // Such as a secret that was given out before: the next attempt has another one.
            Err(ChangeError::Refused { refusal, .. }) => Err(refused(&refusal)),
            Err(ChangeError::Fault(fault)) => Err(fault),
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

    async fn fail(&self, operation: Running<'_>, failure: FailureRecord) -> Result<Next, Fault> {
        let (OperationKey { tenant, id }, message) = (operation.key, failure.message().to_owned());
        let (ended, failure) = (Some(self.now()), Some(failure));
        let record = OperationRecord { ended, failure, ..operation.record.clone() };
        let next = self.apply(operation.end(Change::new(), FAILED, &record)).await?;
        if next == Next::GoOn {
            tracing::info!(operation = %id, %tenant, error = message, "an operation failed");
        }
        Ok(next)
    }

    /// Forgets operations that ended long enough ago, the oldest first.
    async fn forget_some(&self) -> Result<Next, Fault> {
        let oldest = self.clock.now().minus(self.kept).as_unix_micros();
        let ended = self.list(ENDED).await?;
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
        if count == 0 || self.apply(change).await? == Next::Stop {
            return Ok(Next::Stop);
        }
        Ok(if count == BATCH && !self.bell.is_closing() { Next::GoOn } else { Next::Stop })
    }

    /// Makes a change. One that is refused was made for something that is not so any more: the next look will see what is.
    async fn apply(&self, change: Change) -> Result<Next, Fault> {
        match self.store.apply(change).await {
            Ok(_) => Ok(Next::GoOn),
            Err(ChangeError::Refused { refusal, .. }) => {
                refused(&refusal);
                Ok(Next::Stop)
            }
            Err(ChangeError::Fault(fault)) => Err(fault),
        }
    }

    fn is_given_up(&self, key: OperationKey) -> bool {
        self.stuck.is_some_and(|(stuck, attempts)| stuck == key && attempts >= ATTEMPTS)
    }

    fn count_attempt(&mut self, key: Option<OperationKey>) {
        let before = self.stuck.filter(|(stuck, _)| Some(*stuck) == key).map_or(0, |(_, attempts)| attempts);
        self.stuck = key.map(|key| (key, before + 1));
    }

    fn now(&self) -> i64 {
        self.clock.now().as_unix_micros()
    }
}

/// Notes a refusal that nobody expects.
fn refused(refusal: &Refusal) -> Fault {
    let what = format!("a step of an operation is refused: {refusal}");
    tracing::warn!(error = ?what, "an operation is looked at once more");
    Fault::Corrupt { what }
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
