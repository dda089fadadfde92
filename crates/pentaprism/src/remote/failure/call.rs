//! What failed calls say to people.

use std::error::Error as StdError;
use std::io;

use http::StatusCode;
use pentaprism_client::{ConnectError, Error, Interruption, RawResponse, TransportError};
use pentaprism_core::Message;

use super::{Failure, FailureKind};

/// What helps when nobody answers.
const LOOK: &str = "look at `server` in the profile, or at PENTAPRISM_SERVER, and whether the service is running";

impl FailureKind {
    /// What a status says that no call was content with.
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            401 | 403 => Self::NotAllowed,
            404 => Self::NotFound,
            409 | 410 => Self::Conflict,
            408 => Self::BrokenOff,
            400..500 => Self::Refused,
            _ => Self::ServiceFailed,
        }
    }
}

impl Failure {
    /// What a failed call says. `what` is what was asked for, as a noun: `the upload of glance:disk`; `server` is who was
    /// asked, without anything secret: `http://127.0.0.1:8470`.
    ///
    /// The advice is what helps in general; whoever knows more, such as where a token came from, [replaces](Self::advise) it.
    #[must_use]
    pub fn from_call<E>(what: &str, server: &str, error: &Error<E>) -> Self
    where
        E: Message + StdError + 'static,
    {
        let status = error.status();
        let failure = match error {
            Error::Invalid(invalid) => {
                Self::new(FailureKind::Usage, format!("{what} cannot be asked of {server}")).because(invalid)
            }
            Error::Credential(cause) => Self::new(
                FailureKind::NotAllowed,
                format!("{what} was not asked of {server}, as there is no token"),
            )
            .because(cause)
            .advise(
                "`pentaprism doctor`, with the profile's name if there is one, says where the token should come from",
            ),
            Error::Body(cause) => {
                Self::new(FailureKind::Local, format!("{what} stopped before it began")).because(cause)
            }
            Error::Unreachable(cause) => Self::unreachable(what, server, cause),
            Error::Interrupted(interruption) => Self::interrupted(what, server, interruption),
            Error::Refused(refusal) => {
                let kind = FailureKind::of_status(refusal.status());
                let verb = if kind == FailureKind::ServiceFailed { "failed at" } else { "refused" };
                Self::new(kind, format!("{server} {verb} {what}")).because(refusal)
            }
            Error::Undocumented { response, reason } => Self::undocumented(what, server, response, reason),
            other => Self::new(FailureKind::Other, format!("{what} did not succeed at {server}")).because(other),
        };
        match (&failure.advice, status.and_then(advice)) {
            (None, Some(advice)) => failure.advise(advice),
            _ => failure,
        }
    }

    fn unreachable(what: &str, server: &str, error: &TransportError) -> Self {
        let failure = Self::new(FailureKind::Unreachable, format!("{what} did not begin: {server} cannot be reached"));
        let Some(connect) = error.connect_error() else { return failure.because(error).advise(LOOK) };
        let failure = failure.because(connect);
        match connect {
            ConnectError::NotTrusted { .. } => failure.advise(
                "name the authority's certificate with `ca = \"file.pem\"` in the profile if you know whose it is",
            ),
            ConnectError::ClientCertificate { .. } => {
                failure.advise("`client_certificate` and `client_key` of the profile say who you are; ask the service's owner for them")
            }
            ConnectError::Tls { plain: true, .. } => failure.advise("write `http:` instead of `https:` in `server`"),
            ConnectError::Proxy { .. } | ConnectError::UnusableProxy { .. } => {
                failure.advise("look at HTTPS_PROXY, HTTP_PROXY and ALL_PROXY; NO_PROXY names hosts to reach without them")
            }
            _ if refused_connection(connect) && is_here(server) => {
                failure.advise("nobody listens there; `pentaprism serve` starts a server on this machine")
            }
            _ => failure.advise(LOOK),
        }
    }

    fn interrupted(what: &str, server: &str, interruption: &Interruption) -> Self {
        if let Interruption::Late(_) = interruption {
            return Self::new(FailureKind::TimedOut, format!("{what} took too long; {server} may have received it"))
                .because(interruption);
        }
        if let Interruption::Request(error) = interruption
            && error.is_local()
        {
            return Self::new(FailureKind::Local, format!("{what} broke off, as its bytes could not be read"))
                .because(error);
        }
        Self::new(FailureKind::BrokenOff, format!("{what} broke off; {server} may have received it"))
            .because(interruption)
            .advise("look with `pentaprism stat` whether it arrived, before it is sent again")
    }

    fn undocumented(what: &str, server: &str, response: &RawResponse, reason: &(dyn StdError + 'static)) -> Self {
        let status = response.status;
        // A redirect, or a success that cannot be read, is a failure of the service, too: its API promises another answer.
        // A page of another program with status 404 says nothing about images.
        let kind = if is_page(response) { FailureKind::ServiceFailed } else { FailureKind::of_status(status) };
        let failure = Self::new(kind, format!("{server} gave an answer to {what} that its API does not have"))
            .cause(format!("the service answered {status}"))
            .because(reason);
        if is_page(response) {
            return failure.advise(format!(
                "it answers with a web page, so this is probably not such a service; check `server`, which is {server}"
            ));
        }
        if status.is_redirection() {
            let to = response.headers.get(http::header::LOCATION).and_then(|value| value.to_str().ok());
            return match to {
                Some(to) => failure.advise(format!("it points to {to}; set `server` to where the service is")),
                None => failure.advise("check `server`: the service seems to be elsewhere"),
            };
        }
        failure
    }
}

/// What helps, in general.
fn advice(status: StatusCode) -> Option<&'static str> {
    Some(match status.as_u16() {
        401 => {
            "the token is missing, wrong or too old; set PENTAPRISM_TOKEN, or `token_file` or `token_command` in the \
             profile; `pentaprism doctor` says where the token comes from"
        }
        403 => "the token is known and may not do this; ask the service's owner for the right, or take another token",
        404 => "look at the name or id; `pentaprism ls` lists what is there where the service can",
        409 => {
            "something that is there is in the way; look with `pentaprism stat`, and wait, delete it or take another name"
        }
        410 => "it was there and is gone for good; begin again with a new one",
        413 => {
            "it is larger than the service takes, or no room is left; ask its owner for a larger limit, or delete something"
        }
        415 => {
            "the service does not take this kind of content; look at --media-type, or convert it, such as with --to-png"
        }
        421 => "the service does not know the host's name; its setting `hosts` lists those that it answers to",
        429 => "too many requests; wait a while, or use a smaller --parallel",
        503 => "the service is busy or being maintained; wait a while",
        _ => return None,
    })
}

fn is_page(response: &RawResponse) -> bool {
    let named = response.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let named = named.is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("text/html"));
    named || response.body.trim_ascii_start().first() == Some(&b'<')
}

fn refused_connection(error: &(dyn StdError + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source())
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// Whether a server is this machine.
fn is_here(server: &str) -> bool {
    let host = server.split_once("://").map_or(server, |(_, rest)| rest);
    ["localhost", "127.", "[::1]"].iter().any(|name| host.starts_with(name))
}
