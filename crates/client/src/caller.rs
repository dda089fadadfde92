//! The one path that every operation takes: write, send, read, tell the documented from the rest, and try again what may be.

use std::future::Future;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response, StatusCode, request, response};
use pentaprism_core::{Body, BodyError, InvalidInput, InvalidResponse, Message, MessageView, Operation, RequestBody};

use crate::base::BaseUrl;
use crate::credential::Credential;
use crate::error::{Error, Interruption, RawResponse};
use crate::retry::{self, Attempt, Occurrence, Retry};
use crate::source::Source;
use crate::token::Token;
use crate::transport::Transport;

/// The most that is read of a typed answer, in bytes: listings may be long, a hostile service may not fill the memory.
const TYPED_BODY_LIMIT: usize = 64 * 1024 * 1024;

/// Sends operations to one service.
#[derive(Debug, Clone)]
pub struct Caller<T> {
    transport: T,
    base: BaseUrl,
    credential: Credential,
    retry: Retry,
}

type CallResult<O, S> = Result<S, Error<<O as Operation>::Error>>;

/// An error, and when the service wants to be asked again, if it says so.
pub(crate) struct Failed<E: std::error::Error + 'static> {
    pub(crate) error: Box<Error<E>>,
    pub(crate) retry_after: Option<Duration>,
}

/// One attempt: its end, and what the next one has to know.
struct Tried<O: Operation> {
    outcome: CallResult<O, (O::Ok, Body)>,
    retry_after: Option<Duration>,
    /// The token that was shown, when a provider gave it.
    token: Option<Token>,
}

impl<O: Operation> Tried<O> {
    const fn failed(error: Error<O::Error>) -> Self {
        Self { outcome: Err(error), retry_after: None, token: None }
    }
}

impl<T: Transport> Caller<T> {
    /// Calls the service at `base`; a path in it stands before every operation's path.
    #[must_use]
    pub fn new(transport: T, base: BaseUrl, credential: Credential) -> Self {
        Self { transport, base, credential, retry: Retry::standard() }
    }

    /// Tries again as `retry` says, instead of [`Retry::standard`].
    #[must_use]
    pub fn with_retry(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// How it tries again.
    #[must_use]
    pub const fn retry(&self) -> &Retry {
        &self.retry
    }

    /// What carries its requests: for links to bytes that services hand out, which are followed without a credential.
    #[must_use]
    pub const fn transport(&self) -> &T {
        &self.transport
    }

    /// The same calls over the same transport, tried again as `retry` says.
    pub(crate) fn retrying(&self, retry: Retry) -> Caller<&T> {
        Caller { transport: &self.transport, base: self.base.clone(), credential: self.credential.clone(), retry }
    }

    /// Calls an operation whose bodies are small.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn call<O: Operation>(&self, input: &O) -> CallResult<O, O::Ok> {
        self.send(input, Source::empty()).await.outcome.map(|(ok, _)| ok)
    }

    /// Calls an operation with a streamed request body.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn upload<O: Operation>(&self, input: &O, source: impl Into<Source>) -> CallResult<O, O::Ok> {
        self.send(input, source.into()).await.outcome.map(|(ok, _)| ok)
    }

    /// Calls an operation whose success carries a streamed body.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn download<O: Operation>(&self, input: &O, source: impl Into<Source>) -> CallResult<O, (O::Ok, Body)> {
        self.send(input, source.into()).await.outcome
    }

    /// Calls an operation for a job that heeds by itself when the service wants to be asked again.
    pub(crate) async fn told<O: Operation>(&self, input: &O, source: Source) -> Result<O::Ok, Failed<O::Error>> {
        let Tried { outcome, retry_after, .. } = self.send(input, source).await;
        outcome.map(|(ok, _)| ok).map_err(|error| Failed { error: Box::new(error), retry_after })
    }

    /// Calls an operation under the deadline for all its attempts, and gives the last of them.
    async fn send<O: Operation>(&self, input: &O, source: Source) -> Tried<O> {
        let (head, source) = match self.request(input, source) {
            Ok(request) => request,
            Err(invalid) => return Tried::failed(Error::Invalid(invalid)),
        };
        let attempts = self.attempts::<O>(&head, &source);
        self.within(self.retry.total, attempts).await.unwrap_or_else(|late| Tried::failed(Error::Interrupted(late)))
    }

    fn request<O: Operation>(&self, input: &O, source: Source) -> Result<(request::Parts, Source), InvalidInput> {
        let (mut head, collected) = input.to_request()?.into_parts();
        head.uri = self.base.join(&head.uri).map_err(InvalidInput::Uri)?;
        Ok((head, if collected.is_empty() { source } else { Source::bytes(collected) }))
    }

    async fn attempts<O: Operation>(&self, head: &request::Parts, source: &Source) -> Tried<O> {
        let streams = O::INFO.streamed_response || O::INFO.request_body == RequestBody::Streamed;
        let deadline = self.retry.attempt.filter(|_| !streams);
        let mut refused: Option<Box<Tried<O>>> = None;
        let mut number = 1;
        loop {
            let stale = refused.as_ref().and_then(|tried| tried.token.as_ref());
            let attempt = self.attempt::<O>(head, source, stale);
            let late = |late| Tried::failed(Error::Interrupted(late));
            let tried = self.within(deadline, attempt).await.unwrap_or_else(late);
            // No other token: what the service said of the first one is the answer.
            if let (Err(Error::Credential(error)), true) = (&tried.outcome, refused.is_some())
                && error.is_refusal()
            {
                return refused.take().map_or(tried, |first| *first);
            }
            let Err(error) = &tried.outcome else { return tried };
            if !source.can_be_read_again() {
                return tried;
            }
            // A token may have been revoked before its end. Another one is asked for once.
            if error.status() == Some(StatusCode::UNAUTHORIZED) && refused.is_none() && tried.token.is_some() {
                refused = Some(Box::new(tried));
                continue;
            }
            let Some(occurrence) = occurrence(error, tried.retry_after) else { return tried };
            if !self.retry.policy.again(&Attempt { number, idempotent: O::INFO.idempotent, occurrence }) {
                return tried;
            }
            let pause = self.retry.backoff.pause(number).max(tried.retry_after.unwrap_or_default());
            self.retry.clock.sleep(pause).await;
            number = number.saturating_add(1);
        }
    }

    async fn attempt<O: Operation>(&self, head: &request::Parts, source: &Source, stale: Option<&Token>) -> Tried<O> {
        let mut head = head.clone();
        let token = match self.credential.present(&mut head.headers, stale).await {
            Ok(token) => token,
            Err(error) => return Tried::failed(Error::Credential(error)),
        };
        let (body, sent) = match source.sending().await {
            Ok(sending) => sending,
            Err(error) => return Tried::failed(Error::Body(error)),
        };
        // On the heap: a server in the same process is a large future, and those of whole jobs hold several calls.
        let (outcome, retry_after) = match Box::pin(self.transport.call(Request::from_parts(head, body))).await {
            Ok(answer) => {
                let retry_after = retry::retry_after(answer.headers(), self.retry.clock.now());
                (read::<O>(answer).await, retry_after)
            }
            Err(error) if error.was_sent() => (Err(Error::Interrupted(Interruption::Request(error))), None),
            Err(error) => (Err(Error::Unreachable(error)), None),
        };
        if outcome.is_ok() {
            sent.acknowledge();
        } else {
            sent.take_back();
        }
        Tried { outcome, retry_after, token }
    }

    /// What `work` gives, unless it takes longer than `deadline`.
    pub(crate) async fn within<R>(
        &self,
        deadline: Option<Duration>,
        work: impl Future<Output = R>,
    ) -> Result<R, Interruption> {
        let Some(deadline) = deadline else { return Ok(work.await) };
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = self.retry.clock.sleep(deadline) => Err(Interruption::Late(deadline)),
        }
    }
}

/// What a retry policy is asked about, if trying again could help at all.
pub(crate) fn occurrence<E: Message + std::error::Error>(
    error: &Error<E>,
    retry_after: Option<Duration>,
) -> Option<Occurrence> {
    match error {
        // What is not trusted now is not trusted a moment later.
        Error::Unreachable(error) | Error::Interrupted(Interruption::Request(error)) if error.is_lasting() => None,
        Error::Unreachable(_) => Some(Occurrence::NotSent),
        Error::Interrupted(_) => Some(Occurrence::BrokenOff),
        other => other.status().map(|status| Occurrence::Answered { status, retry_after }),
    }
}

async fn read<O: Operation>(answer: Response<Body>) -> CallResult<O, (O::Ok, Body)> {
    let (head, body) = answer.into_parts();
    if O::INFO.streamed_response && O::Ok::documents(head.status) {
        let view = MessageView { head: &head, body: &Bytes::new() };
        return match O::Ok::from_response(&view) {
            Ok(ok) => Ok((ok, body)),
            Err(reason) => Err(undocumented(head, &Bytes::new(), reason)),
        };
    }
    let documented = O::Ok::documents(head.status) || O::Error::documents(head.status);
    let limit = if documented { TYPED_BODY_LIMIT } else { RawResponse::BODY_LIMIT };
    let (body, broken) = collect(body, limit).await;
    if let Some(error) = broken {
        // A refusal that broke off still says what happened to the request; a success that broke off says too little.
        if O::Ok::documents(head.status) {
            return Err(Error::Interrupted(Interruption::Answer(error)));
        }
        return Err(undocumented(head, &body, InvalidResponse::Incomplete(error)));
    }
    let view = MessageView { head: &head, body: &body };
    let reason = if O::Ok::documents(head.status) {
        match O::Ok::from_response(&view) {
            Ok(ok) => return Ok((ok, Body::empty())),
            Err(reason) => reason,
        }
    } else {
        match O::Error::from_response(&view) {
            Ok(error) => return Err(Error::Refused(error)),
            Err(reason) => reason,
        }
    };
    Err(undocumented(head, &body, reason))
}

fn undocumented<E: std::error::Error + 'static>(
    head: response::Parts,
    body: &Bytes,
    reason: InvalidResponse,
) -> Error<E> {
    let kept = body.slice(..body.len().min(RawResponse::BODY_LIMIT));
    Error::Undocumented { response: RawResponse { status: head.status, headers: head.headers, body: kept }, reason }
}

/// The first `limit` bytes of a body, and why it ended before its end if it did; what is beyond the limit is not read.
async fn collect(mut body: Body, limit: usize) -> (Bytes, Option<BodyError>) {
    let mut collected = BytesMut::new();
    loop {
        match body.data().await.transpose() {
            Ok(Some(piece)) => {
                let room = limit - collected.len();
                collected.extend_from_slice(&piece[..piece.len().min(room)]);
                if piece.len() >= room {
                    return (collected.freeze(), None);
                }
            }
            Ok(None) => return (collected.freeze(), None),
            Err(error) => return (collected.freeze(), Some(error)),
        }
    }
}
