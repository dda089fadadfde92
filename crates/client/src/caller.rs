//! The one path that every operation takes: write, send, read, and tell the documented from the rest.

use bytes::{Bytes, BytesMut};
use http::{Request, Response, response};
use pentaprism_core::{Body, BodyError, InvalidInput, InvalidResponse, Message, MessageView, Operation};

use crate::base::BaseUrl;
use crate::credential::Credential;
use crate::error::{Error, Interruption, RawResponse};
use crate::transport::Transport;

/// The most that is read of a typed answer, in bytes: listings may be long, a hostile service may not fill the memory.
const TYPED_BODY_LIMIT: usize = 64 * 1024 * 1024;

/// Sends operations to one service.
#[derive(Debug, Clone)]
pub struct Caller<T> {
    transport: T,
    base: BaseUrl,
    credential: Credential,
}

type CallResult<O, S> = Result<S, Error<<O as Operation>::Error>>;

impl<T: Transport> Caller<T> {
    /// Calls the service at `base`; a path in it stands before every operation's path.
    #[must_use]
    pub fn new(transport: T, base: BaseUrl, credential: Credential) -> Self {
        Self { transport, base, credential }
    }

    /// Calls an operation whose bodies are small.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn call<O: Operation>(&self, input: &O) -> CallResult<O, O::Ok> {
        self.send(input, None).await.map(|(ok, _)| ok)
    }

    /// Calls an operation with a streamed request body.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn upload<O: Operation>(&self, input: &O, body: Body) -> CallResult<O, O::Ok> {
        self.send(input, Some(body)).await.map(|(ok, _)| ok)
    }

    /// Calls an operation whose success carries a streamed body.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn download<O: Operation>(&self, input: &O, body: Body) -> CallResult<O, (O::Ok, Body)> {
        self.send(input, Some(body)).await
    }

    async fn send<O: Operation>(&self, input: &O, body: Option<Body>) -> CallResult<O, (O::Ok, Body)> {
        let (mut head, collected) = input.to_request().map_err(Error::Invalid)?.into_parts();
        head.uri = self.base.join(&head.uri).map_err(|error| Error::Invalid(InvalidInput::Uri(error)))?;
        self.credential.apply(&mut head.headers);
        let body = body.filter(|_| collected.is_empty()).unwrap_or_else(|| Body::from(collected));
        let answer = self.transport.call(Request::from_parts(head, body)).await.map_err(|error| {
            if error.was_sent() { Error::Interrupted(Interruption::Request(error)) } else { Error::Unreachable(error) }
        })?;
        read::<O>(answer).await
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
