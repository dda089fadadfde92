//! The client drive: the method that a typed client has for the operation sends the file's request, and gets the file's
//! response as the documented value.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use pentaprism_client::{BaseUrl, Caller, Credential, Error, Retry, Transport, TransportError};
use pentaprism_core::{
    Body, InvalidInput, InvalidRequest, Message, Operation, OperationInfo, RequestBody, RequestView,
};

use super::{DriveError, Parameters, Verdict, unsendable};
use crate::exchange::{Answer, Payload, Sent};
use crate::{body, compare, request};

/// Where the fixed world's server is.
const BASE: &str = "http://127.0.0.1:8470";

/// The most that is read of a streamed answer, in bytes.
const DOWNLOAD_LIMIT: u64 = 64 << 20;

/// What a client made of an answer.
pub type Outcome<O> = Result<(<O as Operation>::Ok, Body), Error<<O as Operation>::Error>>;

/// An operation with the client method that calls it; see [`called`](crate::called).
pub trait Called: Operation {
    /// Calls the method with this input and, if it takes one, the body.
    fn call(&self, wire: Wire<'_>, body: Body) -> impl Future<Output = Outcome<Self>>;
}

/// What a client is made of: the file instead of a service.
#[derive(Debug)]
pub struct Wire<'e> {
    transport: Scripted<'e>,
    credential: Credential,
}

impl<'e> Wire<'e> {
    /// A client, made by its `new`.
    ///
    /// # Panics
    /// Never: the address is one.
    pub fn client<C>(self, new: impl FnOnce(Scripted<'e>, BaseUrl, Credential) -> C) -> C {
        new(self.transport, BASE.parse().expect("it is a base URL"), self.credential)
    }
}

/// Says which method of which client calls an operation, and whether bytes go (`upload`), come (`download`) or do
/// both (`exchange`) beside it.
#[macro_export]
macro_rules! called {
    ($client:ident.$method:ident($input:ty): $kind:ident) => {
        impl $crate::drive::client::Called for $input {
            async fn call(
                &self,
                wire: $crate::drive::client::Wire<'_>,
                body: pentaprism_core::Body,
            ) -> $crate::drive::client::Outcome<Self> {
                let client = wire.client($client::new).with_retry(pentaprism_client::Retry::none());
                $crate::called!($kind client.$method(self, body))
            }
        }
    };
    (call $client:ident.$method:ident($input:ident, $body:ident)) => {{
        drop($body);
        $client.$method($input).await.map(|ok| (ok, pentaprism_core::Body::empty()))
    }};
    (upload $client:ident.$method:ident($input:ident, $body:ident)) => {
        $client.$method($input, $body).await.map(|ok| (ok, pentaprism_core::Body::empty()))
    };
    (download $client:ident.$method:ident($input:ident, $body:ident)) => {{
        drop($body);
        $client.$method($input).await
    }};
    (exchange $client:ident.$method:ident($input:ident, $body:ident)) => {
        $client.$method($input, $body).await
    };
}

pub(super) fn play<O: Called>(
    sent: &Sent,
    answer: &Answer,
    input: Result<O, String>,
    parameters: &Parameters,
) -> Result<Verdict, DriveError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime with nothing but timers needs nothing of the system");
    let input = match input {
        Ok(input) => match input.to_request().as_ref().err().and_then(unsendable) {
            None => Ok(input),
            Some(reason) => Err(reason),
        },
        Err(reason) => Err(reason),
    };
    match input {
        Ok(input) => {
            let check = Some((sent, parameters));
            runtime.block_on(exchange(&input, sent, answer, check)).map(|()| Verdict::Both)
        }
        Err(reason) => {
            let verbatim = Verbatim::<O>::of(sent);
            runtime.block_on(exchange(&verbatim, sent, answer, None)).map(|()| Verdict::ResponseOnly(reason))
        }
    }
}

async fn exchange<O: Called>(
    input: &O,
    sent: &Sent,
    answer: &Answer,
    check: Option<(&Sent, &Parameters)>,
) -> Result<(), DriveError> {
    let problems = Mutex::new(String::new());
    let transport = Scripted { check, collected: O::INFO.request_body, answer, problems: &problems };
    let body = match O::INFO.request_body {
        RequestBody::Streamed => body::whole(&sent.body, sent.is_chunked()),
        RequestBody::None | RequestBody::Collected => Body::empty(),
    };
    let outcome = input.call(Wire { transport, credential: credential(sent) }, body).await;
    let problems = problems.into_inner().unwrap_or_else(PoisonError::into_inner);
    if !problems.is_empty() {
        return Err(DriveError::Request(problems));
    }
    let typed = typed_answer::<O>(outcome).await?;
    compare::difference(&answer.to_http(), &typed).map_or(Ok(()), |report| Err(DriveError::Response(report)))
}

/// What the client made of the answer, written again.
async fn typed_answer<O: Operation>(
    outcome: Result<(O::Ok, Body), Error<O::Error>>,
) -> Result<Response<Bytes>, DriveError> {
    match outcome {
        Ok((ok, streamed)) => {
            let response = ok.into_response();
            let streamed = streamed.collect(DOWNLOAD_LIMIT).await;
            let streamed = streamed.map_err(|error| DriveError::Undocumented(error.to_string()))?;
            Ok(if O::INFO.streamed_response { response.map(|_| streamed) } else { response })
        }
        Err(Error::Refused(error)) => Ok(error.into_response()),
        Err(Error::Undocumented { reason, .. }) => Err(DriveError::Undocumented(reason.to_string())),
        Err(other) => Err(DriveError::Undocumented(other.to_string())),
    }
}

/// The credential that the file's request shows.
fn credential(sent: &Sent) -> Credential {
    let token = sent.header("x-auth-token").and_then(|token| Credential::auth_token(token).ok());
    let bearer = || {
        let text = sent.header("authorization")?.strip_prefix("Bearer ")?;
        Credential::bearer(text).ok()
    };
    token.or_else(bearer).unwrap_or_default()
}

/// Checks the request it gets, and answers what the file says.
#[derive(Debug)]
pub struct Scripted<'e> {
    check: Option<(&'e Sent, &'e Parameters)>,
    collected: RequestBody,
    answer: &'e Answer,
    problems: &'e Mutex<String>,
}

impl Transport for Scripted<'_> {
    async fn call(&self, request: Request<Body>) -> Result<Response<Body>, TransportError> {
        if let Some((sent, parameters)) = self.check {
            let (head, arrived) = request.into_parts();
            let mut report = request::difference(sent, &head, parameters);
            report += &self.body_difference(&sent.body, arrived).await.map_err(TransportError::maybe_sent)?;
            *self.problems.lock().unwrap_or_else(PoisonError::into_inner) = report;
        }
        Ok(self.answer.to_http().map(Body::from))
    }
}

impl Scripted<'_> {
    async fn body_difference(&self, expected: &Payload, arrived: Body) -> Result<String, pentaprism_core::BodyError> {
        Ok(match self.collected {
            RequestBody::None => String::new(),
            RequestBody::Collected => {
                request::json_difference(&expected.to_bytes(), &arrived.collect(expected.len() + DOWNLOAD_LIMIT).await?)
            }
            RequestBody::Streamed => request::streamed_difference(expected, arrived).await?,
        })
    }
}

/// An operation whose request is the file's, as it is: for requests that no typed client would write.
struct Verbatim<O> {
    request: Request<Bytes>,
    operation: PhantomData<O>,
}

impl<O> Verbatim<O> {
    fn of(sent: &Sent) -> Self {
        Self { request: sent.to_http(Bytes::new()), operation: PhantomData }
    }
}

/// No client has a method for it.
impl<O: Operation> Called for Verbatim<O> {
    async fn call(&self, wire: Wire<'_>, body: Body) -> Outcome<Self> {
        wire.client(Caller::new).with_retry(Retry::none()).download(self, body).await
    }
}

impl<O: Operation> Operation for Verbatim<O> {
    const INFO: OperationInfo = O::INFO;
    type Ok = O::Ok;
    type Error = O::Error;

    fn to_request(&self) -> Result<Request<Bytes>, InvalidInput> {
        let mut request = Request::new(Bytes::new());
        self.request.method().clone_into(request.method_mut());
        self.request.uri().clone_into(request.uri_mut());
        HeaderMap::clone_from(request.headers_mut(), self.request.headers());
        Ok(request)
    }

    fn from_request(_: &RequestView<'_>) -> Result<Self, InvalidRequest> {
        Err(InvalidRequest::MissingBody)
    }
}
