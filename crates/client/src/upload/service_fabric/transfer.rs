//! A large file on its way: chunks in parallel under one session, through losses, until the service has made them a file.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::join;
use futures_util::stream::FuturesUnordered;
use http::StatusCode;
use pentaprism_core::dialects::service_fabric::get_image_store_upload_session_by_id::GetImageStoreUploadSessionByIdError;
use pentaprism_core::dialects::service_fabric::models::{FabricErrorCode, FileInfo};
use pentaprism_core::dialects::service_fabric::upload_file_chunk::UploadFileChunkError;
use tokio::sync::{Semaphore, watch};

use super::chunk_plan::{Answered, ChunkPlan};
use super::error::{FabricUploadError, Refusal, code, is_unsupported};
use super::ledger::Ledger;
use super::session::{Known, Session, version};
use super::{FabricUploadOptions, SMALLEST_CHUNK};
use crate::caller::{Failed, occurrence};
use crate::retry::{Attempt, Occurrence, Retry};
use crate::{Error, Interruption, Source, Transport};

/// How often a service may lose what it had before the upload is given up.
const RESTARTS: u32 = 3;

/// Why a transfer ended without success.
pub(super) enum Stop {
    /// The service has no sessions, and nothing was sent to one: the file may go in one piece.
    Unsupported,
    Failed(FabricUploadError),
}

impl From<FabricUploadError> for Stop {
    fn from(error: FabricUploadError) -> Self {
        Self::Failed(error)
    }
}

/// What all chunks of a file share.
pub(super) struct Transfer<'a, T> {
    pub(super) session: Session<'a, T>,
    pub(super) source: Source,
    pub(super) ledger: Arc<Ledger>,
    pub(super) options: &'a FabricUploadOptions,
    /// One permit per request with a body, shared with the other files of a folder.
    pub(super) slots: &'a Semaphore,
    /// Whether no chunk may begin, as the service is given time or asked what it has.
    pub(super) held: watch::Sender<bool>,
}

/// How far it is.
pub(super) struct Course {
    plan: ChunkPlan,
    /// In a row, without anything that arrived in between.
    failures: u32,
    restarts: u32,
    /// Whether a commit was refused although every byte was there.
    rejected: bool,
    /// Chunks that the service acknowledged.
    pub(super) chunks: u64,
    /// Bytes that an earlier upload had left there.
    pub(super) resumed: u64,
    /// Whether a chunk was sent.
    tried: bool,
    /// Whether the service has taken something of this file.
    accepted: bool,
}

/// What is done about a loss.
enum Recovered {
    Paused,
    Looked(Result<Known, Failed<GetImageStoreUploadSessionByIdError>>),
}

type Recovery<'a> = Pin<Box<dyn Future<Output = Recovered> + Send + 'a>>;

impl<T: Transport> Transfer<'_, T> {
    /// Sends the file and has it made. The session is deleted when that fails, unless it shall be kept.
    pub(super) async fn run(&self) -> Result<Course, Stop> {
        let mut course = Course::new(self.session.length, self.options);
        let done = self.whole(&mut course).await;
        if let Err(Stop::Failed(error)) = &done
            && !self.options.keep_session
            && (course.tried || course.accepted)
            && !is_of_others(error)
        {
            self.session.delete().await;
        }
        done.map(|()| course)
    }

    async fn whole(&self, course: &mut Course) -> Result<(), Stop> {
        course.plan.ask();
        match self.session.look().await.map_err(|failed| FabricUploadError::Ask(failed.error))? {
            Known::Unsupported => return Err(Stop::Unsupported),
            known => self.learn(course, known)?,
        }
        course.resumed = course.plan.bytes_stored();
        self.send(course).await?;
        let before = self.file().await?;
        while !self.commit(course, before.as_ref()).await? {
            self.send(course).await?;
        }
        Ok(())
    }

    /// Sends until the service has every byte.
    async fn send(&self, course: &mut Course) -> Result<(), Stop> {
        let mut flying = FuturesUnordered::new();
        let mut recovery: Option<Recovery<'_>> = None;
        loop {
            while recovery.is_none() && flying.len() < self.options.parallel.get() {
                let Some(chunk) = course.plan.next() else { break };
                course.tried = true;
                flying.push(self.chunk(chunk));
            }
            self.held.send_replace(recovery.is_some());
            if recovery.is_none() && flying.is_empty() {
                return Ok(());
            }
            tokio::select! {
                biased;
                Some((chunk, end)) = flying.next() => {
                    if let Some(lost) = course.ended(&chunk, end)? {
                        let recovering = if let Some(recovery) = recovery.take() {
                            self.prolong(course, recovery, lost)
                        } else {
                            course.shrink(&lost.error);
                            self.pause(course, lost)
                        };
                        recovery = Some(recovering.map_err(|failed| not_sent(chunk, failed))?);
                    }
                }
                recovered = wait(&mut recovery) => recovery = self.recovered(course, recovered)?,
            }
        }
    }

    async fn chunk(&self, chunk: Range<u64>) -> (Range<u64>, Result<(), Failed<UploadFileChunkError>>) {
        let _slot = loop {
            let slot = self.slots.acquire().await;
            if !*self.held.borrow() {
                break slot;
            }
            drop(slot);
            // It cannot fail, as the sender lives as long as this.
            let _ = self.held.subscribe().wait_for(|held| !held).await;
        };
        let part = self.source.part(chunk.clone());
        let end = self.session.send(chunk.clone(), part).await;
        (chunk, end)
    }

    /// Waits before the service is asked; an error is given back when it has failed too often, or in a way that stays.
    fn pause<E: Refusal>(&self, course: &mut Course, failed: Failed<E>) -> Result<Recovery<'_>, Failed<E>> {
        let retry = self.retry();
        course.failures += 1;
        if !self.bears(course, &failed) {
            return Err(failed);
        }
        let pause = retry.backoff.pause(course.failures).max(failed.retry_after.unwrap_or_default());
        Ok(Box::pin(async move {
            retry.clock.sleep(pause).await;
            Recovered::Paused
        }))
    }

    /// Lets a recovery take as long as a service wants that told so to another request, too.
    fn prolong<'a, E: Refusal>(
        &'a self,
        course: &Course,
        recovery: Recovery<'a>,
        failed: Failed<E>,
    ) -> Result<Recovery<'a>, Failed<E>> {
        let Some(wait) = failed.retry_after else { return Ok(recovery) };
        if !self.bears(course, &failed) {
            return Err(failed);
        }
        Ok(Box::pin(async move { join(recovery, self.retry().clock.sleep(wait)).await.0 }))
    }

    /// Whether the retry policy wants another try after the failure.
    fn bears<E: Refusal>(&self, course: &Course, failed: &Failed<E>) -> bool {
        let attempt = |occurrence| Attempt { number: course.failures.max(1), idempotent: true, occurrence };
        happened(failed).is_some_and(|occurrence| self.retry().policy.again(&attempt(occurrence)))
    }

    fn recovered(&self, course: &mut Course, recovered: Recovered) -> Result<Option<Recovery<'_>>, Stop> {
        match recovered {
            Recovered::Paused => {
                course.plan.ask();
                Ok(Some(Box::pin(async { Recovered::Looked(self.session.look().await) })))
            }
            Recovered::Looked(Ok(known)) => {
                self.learn(course, known)?;
                // Something was lost after the question was asked.
                Ok(course.plan.must_ask().then(|| Box::pin(std::future::ready(Recovered::Paused)) as Recovery<'_>))
            }
            Recovered::Looked(Err(failed)) => {
                Ok(Some(self.pause(course, failed).map_err(|failed| FabricUploadError::Ask(failed.error))?))
            }
        }
    }

    /// Takes the service's word for what it has.
    fn learn(&self, course: &mut Course, known: Known) -> Result<(), FabricUploadError> {
        let answered = match known {
            Known::Session { path, length, .. } if length != self.session.length || !self.session.is_path(&path) => {
                return Err(FabricUploadError::OtherSession { session: self.session.id, path, length });
            }
            Known::Session { expected, .. } => course.plan.expected(expected),
            // A service that had sessions before has them still; what it cannot find is gone.
            Known::Nothing | Known::Unsupported => course.plan.restart(),
        };
        let Answered { arrived, lost, forgotten } = answered;
        self.ledger.arrived(arrived, lost);
        self.ledger.forgotten(forgotten);
        if arrived > 0 {
            course.progressed();
        }
        if forgotten > 0 { course.restarted() } else { Ok(()) }
    }

    /// Has the chunks made a file, once. `before` is what had the path. `false` says that it is to be tried again, after what is
    /// missing by then was sent.
    async fn commit(&self, course: &mut Course, before: Option<&FileInfo>) -> Result<bool, FabricUploadError> {
        let Err(mut failed) = self.session.commit().await else { return Ok(true) };
        let refused = failed.error.status() == Some(StatusCode::BAD_REQUEST);
        if !refused && !happened(&failed).is_some_and(is_passing) {
            return Err(FabricUploadError::Commit(failed.error));
        }
        if !refused && failed.retry_after.is_some() {
            if !self.bears(course, &failed) {
                return Err(FabricUploadError::Commit(failed.error));
            }
            self.retry().clock.sleep(failed.retry_after.take().unwrap_or_default()).await;
        }
        course.plan.ask();
        let Ok(known) = self.session.look().await else { return Err(FabricUploadError::Commit(failed.error)) };
        let complete = matches!(&known, Known::Session { expected, .. } if expected.is_empty());
        // A commit whose answer was lost may have worked; whoever repeats it learns only that there is no such session.
        if (complete || matches!(known, Known::Nothing)) && self.is_made(before).await? {
            return Ok(true);
        }
        self.learn(course, known)?;
        if complete && refused {
            // It has every byte and cannot join them, as one chunk is not what it should be; or it made the file long ago, and
            // somebody replaced that.
            if std::mem::replace(&mut course.rejected, true) {
                return Err(FabricUploadError::Commit(failed.error));
            }
            self.session.delete().await;
            let answered = course.plan.restart();
            self.ledger.forgotten(answered.forgotten);
        } else if complete {
            self.pause(course, failed).map_err(|failed| FabricUploadError::Commit(failed.error))?.await;
        }
        Ok(false)
    }

    /// Whether the path has another file than before, of the right size.
    async fn is_made(&self, before: Option<&FileInfo>) -> Result<bool, FabricUploadError> {
        let after = self.file().await?;
        let right = after.as_ref().and_then(|file| file.file_size).is_some_and(|size| size.0 == self.session.length);
        Ok(right && before.map(version) != after.as_ref().map(version))
    }

    async fn file(&self) -> Result<Option<FileInfo>, FabricUploadError> {
        self.session.file().await.map_err(|error| FabricUploadError::List(Box::new(error)))
    }

    fn retry(&self) -> &Retry {
        self.session.client.caller().retry()
    }
}

impl Course {
    fn new(length: u64, options: &FabricUploadOptions) -> Self {
        let plan = ChunkPlan::new(length, options.chunk_bytes);
        Self { plan, failures: 0, restarts: 0, rejected: false, chunks: 0, resumed: 0, tried: false, accepted: false }
    }

    /// Notes the end of a chunk. Gives its failure if there is hope.
    fn ended(
        &mut self,
        chunk: &Range<u64>,
        end: Result<(), Failed<UploadFileChunkError>>,
    ) -> Result<Option<Failed<UploadFileChunkError>>, Stop> {
        let Err(failed) = end else {
            self.plan.acknowledged(chunk.clone());
            self.chunks += 1;
            self.progressed();
            return Ok(None);
        };
        let error = &*failed.error;
        if error.was_sent() {
            self.plan.lost(chunk.clone());
        } else {
            self.plan.not_sent(chunk.clone());
        }
        if !self.accepted && is_unsupported(error) {
            return Err(Stop::Unsupported);
        }
        // The client has tried to connect as often as it should. It is worth more patience only if it has worked before.
        if !self.accepted && !error.was_sent() || is_lasting(error) {
            return Err(not_sent(chunk.clone(), failed).into());
        }
        Ok(Some(failed))
    }

    /// Connections that break again and again before anything arrives may bear smaller chunks.
    fn shrink(&mut self, error: &Error<UploadFileChunkError>) {
        if self.failures > 0 && matches!(error, Error::Interrupted(_)) {
            self.plan.shrink(SMALLEST_CHUNK);
        }
    }

    fn progressed(&mut self) {
        self.failures = 0;
        self.accepted = true;
    }

    fn restarted(&mut self) -> Result<(), FabricUploadError> {
        self.restarts += 1;
        if self.restarts > RESTARTS {
            return Err(FabricUploadError::SessionLost { times: self.restarts });
        }
        Ok(())
    }
}

/// Waits for a recovery, for ever if there is none.
async fn wait(recovery: &mut Option<Recovery<'_>>) -> Recovered {
    match recovery {
        Some(recovery) => recovery.await,
        None => std::future::pending().await,
    }
}

fn not_sent(chunk: Range<u64>, failed: Failed<UploadFileChunkError>) -> FabricUploadError {
    FabricUploadError::Chunk { chunk, retry_after: failed.retry_after, source: failed.error }
}

/// What a retry policy is asked about. Two refusals are no faults of the request.
fn happened<E: Refusal>(failed: &Failed<E>) -> Option<Occurrence> {
    let retry_after = failed.retry_after;
    match code(&failed.error) {
        // The service has some of the bytes: it took them, and its answer was lost.
        Some(FabricErrorCode::FabricEUploadSessionRangeNotSatisfiable) => Some(Occurrence::BrokenOff),
        // Somebody else writes the path at this moment.
        Some(FabricErrorCode::OperationsPending) => {
            Some(Occurrence::Answered { status: StatusCode::SERVICE_UNAVAILABLE, retry_after })
        }
        _ => occurrence(&failed.error, retry_after),
    }
}

/// Whether the session is another upload's, so that it is not this one's to delete.
fn is_of_others(error: &FabricUploadError) -> bool {
    matches!(error, FabricUploadError::OtherSession { .. })
        || error.code() == Some(&FabricErrorCode::FabricEUploadSessionIdConflict)
}

/// Whether it may be otherwise a moment later.
fn is_passing(occurrence: Occurrence) -> bool {
    match occurrence {
        Occurrence::NotSent | Occurrence::BrokenOff => true,
        Occurrence::Answered { status, .. } => status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS,
    }
}

/// Whether the failure is this side's, or a matter of trust: another try would end in the same way.
fn is_lasting(error: &Error<UploadFileChunkError>) -> bool {
    match error {
        Error::Invalid(_) | Error::Credential(_) | Error::Body(_) => true,
        Error::Unreachable(error) | Error::Interrupted(Interruption::Request(error)) => error.is_lasting(),
        _ => false,
    }
}
