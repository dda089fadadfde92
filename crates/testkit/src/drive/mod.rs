//! What an exchange is played against: the server, the client bindings and the codec.
//!
//! The server drive needs the program and takes it as a [`server::World`]. The other two need only the generated types; which
//! types an operation has is written by `cargo xtask codegen` (see [`crate::dialects`]).

pub mod client;
mod codec;
pub mod server;

#[cfg(test)]
mod tests;

use std::fmt::Debug;

use bytes::Bytes;
use http::{Method, request};
use pentaprism_core::path::{Captures, Unrouted};
use pentaprism_core::{InvalidInput, InvalidRequest, Message, Operation, OperationInfo, RequestBody, RequestView};

use self::client::Called;
use crate::exchange::{Answer, Exchange, Expected, Found, ReadError, Sent, read};

/// Which half of the bindings an exchange is played against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drive {
    /// A typed client, whose transport checks the request and gives the file's answer.
    Client,
    /// The codec alone, decoding and encoding in turn.
    Codec,
}

/// What an exchange showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Request and response agree with the bindings.
    Both,
    /// Only the response was compared, because the request is wrong on purpose: it cannot be decoded and is refused, or
    /// spells its path as the typed clients do not.
    ResponseOnly(String),
}

/// Why an exchange does not agree with the bindings or the server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriveError {
    /// The file cannot be used.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// There are no bindings for the folder's name.
    #[error("no dialect is called `{0}`; rename the folder or run `cargo xtask codegen`")]
    UnknownDialect(String),
    /// The dialect has no operation of the file's name.
    #[error("the dialect has no operation `{0}`; rename the file")]
    UnknownOperation(String),
    /// A request that succeeds is none of its operation: only what is refused may be wrong.
    #[error("the request succeeds, but is not as the spec documents it: {0}")]
    UndocumentedRequest(String),
    /// The subject request goes elsewhere.
    #[error("the subject request calls {found}, the file's name says {named}; correct one of them")]
    WrongOperation {
        /// What the router says.
        found: &'static str,
        /// What the file's name says.
        named: &'static str,
    },
    /// The subject response has no headers and body yet.
    #[error("the subject response is only a status; let the server write it with UPDATE_EXCHANGES=1, and read it")]
    Unfinished,
    /// The request is not what a typed client sends.
    #[error("the client sends another request than the file has:\n{0}")]
    Request(String),
    /// The request changes when it is decoded and encoded again.
    #[error("the request does not survive the way through the codec:\n{0}")]
    RequestRoundTrip(String),
    /// The response is not a documented one.
    #[error("the response is not as the spec documents it: {0}")]
    Undocumented(String),
    /// The response changes when it is decoded and encoded again.
    #[error("the response is not the same when its typed value is written again (- file, + typed):\n{0}")]
    Response(String),
}

/// Finds the operation of a path and a method: a dialect's generated router.
pub type Locate = fn(&str, &Method) -> Result<(&'static OperationInfo, Captures<'static>), Unrouted>;

/// The parameters that an operation documents, by place, with the document's names.
#[derive(Debug, Clone, Copy)]
pub struct Parameters {
    /// In the query.
    pub query: &'static [&'static str],
    /// Whether every pair of the query counts, and `+` is a space in it: the operation reads its query as a form.
    pub whole_query: bool,
    /// Those among them whose unusable values count as absent.
    pub lenient: &'static [&'static str],
    /// In headers.
    pub headers: &'static [&'static str],
    /// Whether the case of the path's literals does not count, which is what `x-path-rules: [fold-literals]` says.
    pub fold_path: bool,
    /// Whether the case of the query's names does not count (`x-fold-query`).
    pub fold_query: bool,
}

/// One exchange on its way through the bindings.
#[derive(Debug)]
pub struct Case<'e> {
    drive: Drive,
    operation: &'e str,
    request: &'e Sent,
    answer: &'e Answer,
}

/// Plays a file against the bindings.
///
/// # Errors
/// [`DriveError`].
pub fn play(drive: Drive, found: &Found) -> Result<Verdict, DriveError> {
    let (exchange, _) = read(found)?;
    play_exchange(drive, &found.dialect, &found.name.operation, &exchange)
}

/// Plays an exchange against the bindings of `operation` (in snake case).
///
/// # Errors
/// [`DriveError`].
pub fn play_exchange(drive: Drive, dialect: &str, operation: &str, exchange: &Exchange) -> Result<Verdict, DriveError> {
    let subject = exchange.subject();
    let Expected::Whole(answer) = subject.response else { return Err(DriveError::Unfinished) };
    let case = Case { drive, operation, request: subject.request, answer };
    let dialects = crate::dialects::DIALECTS;
    match dialects.iter().find(|(name, _)| *name == dialect) {
        Some((_, play)) => play(&case),
        None => Err(DriveError::UnknownDialect(dialect.to_owned())),
    }
}

impl Case<'_> {
    /// The operation's name in snake case.
    #[must_use]
    pub const fn operation(&self) -> &str {
        self.operation
    }

    /// Plays the exchange with the types of its operation.
    ///
    /// # Errors
    /// [`DriveError`].
    pub fn play<O>(&self, locate: Locate, parameters: &Parameters) -> Result<Verdict, DriveError>
    where
        O: Called + PartialEq + Debug,
    {
        let body = match O::INFO.request_body {
            RequestBody::Collected => self.request.body.to_bytes(),
            RequestBody::Streamed | RequestBody::None => Bytes::new(),
        };
        let (head, body) = self.request.to_http(body).into_parts();
        let input = decode::<O>(locate, &head, &body)?;
        if let (Err(reason), true) = (&input, O::Ok::documents(self.answer.status)) {
            return Err(DriveError::UndocumentedRequest(reason.clone()));
        }
        match self.drive {
            Drive::Client => client::play(self.request, self.answer, input, parameters),
            Drive::Codec => codec::play(self.answer, input, locate),
        }
    }

    /// The file's operation is none of the dialect's.
    #[must_use]
    pub fn unknown(&self) -> DriveError {
        DriveError::UnknownOperation(self.operation.to_owned())
    }
}

/// The typed input of a request, or why it has none.
fn decode<O: Operation>(locate: Locate, head: &request::Parts, body: &Bytes) -> Result<Result<O, String>, DriveError> {
    let (info, captures) = match locate(head.uri.path(), &head.method) {
        Ok(found) => found,
        Err(unrouted) => return Ok(Err(unrouted.to_string())),
    };
    if info.name != O::INFO.name {
        return Err(DriveError::WrongOperation { found: info.name, named: O::INFO.name });
    }
    let view = RequestView { captures: &captures, head, body };
    Ok(O::from_request(&view).map_err(|invalid: InvalidRequest| with_causes(&invalid)))
}

/// Whether a client is right not to send the input.
fn unsendable(invalid: &InvalidInput) -> Option<String> {
    matches!(invalid, InvalidInput::Path { .. } | InvalidInput::Header { .. }).then(|| with_causes(invalid))
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
