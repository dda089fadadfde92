//! Following a link that a service hands out: without a credential, since whoever knows such a link may read what is behind it.
//! The links are secrets, so no error and no log tells more of one than its host.

use std::time::Duration;

use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, LOCATION, RANGE};
use http::uri::{Scheme, Uri};
use http::{Request, Response, StatusCode};
use pentaprism_core::Body;

use super::Download;
use crate::caller::Caller;
use crate::error::Interruption;
use crate::retry::{self, Attempt, Occurrence};
use crate::transport::{Transport, TransportError};

/// How many redirections are followed.
const REDIRECTIONS: usize = 3;
/// How long the head of an answer may take, where the retries have no deadline for an attempt.
const DEADLINE: Duration = Duration::from_mins(1);

/// Why what is behind a link cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The text is no address, or one that is not to be followed: with a password, or without a host.
    #[error("the service gave no usable link")]
    NoLink,
    /// Only `http` and `https` are followed, and never from `https` to `http`.
    #[error("the service gave a link of the kind {0:?}, which is not followed")]
    Scheme(String),
    /// One redirection led to another, too often.
    #[error("the link to {host} was redirected more than {REDIRECTIONS} times")]
    Redirections {
        /// The host that was asked last.
        host: String,
    },
    /// The host cannot be reached.
    #[error("{host}, where the link leads to, cannot be reached")]
    Unreachable {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: TransportError,
    },
    /// The exchange broke off, or took too long.
    #[error("the exchange with {host}, where the link leads to, broke off")]
    Interrupted {
        /// The host.
        host: String,
        /// How.
        #[source]
        source: Interruption,
    },
    /// The answer is another than the bytes.
    #[error("{host}, where the link leads to, answered {status}")]
    Status {
        /// The host.
        host: String,
        /// The answer's status.
        status: StatusCode,
    },
    /// A part was asked for, and another one came.
    #[error("{host}, where the link leads to, sent another range than was asked for")]
    Range {
        /// The host.
        host: String,
    },
}

/// Reads what is behind `link`, from byte `from` on where the host can do that; [`Download::from`] tells.
pub(crate) async fn follow<T: Transport>(caller: &Caller<T>, link: &str, from: u64) -> Result<Download, LinkError> {
    let mut target = checked(link.parse().map_err(|_| LinkError::NoLink)?)?;
    for _ in 0..=REDIRECTIONS {
        let answer = ask(caller, &target, from).await?;
        let (status, host) = (answer.status(), host(&target));
        match status {
            StatusCode::OK => return Ok(download(answer, 0)),
            StatusCode::PARTIAL_CONTENT if begins_at(answer.headers(), from) => return Ok(download(answer, from)),
            StatusCode::PARTIAL_CONTENT => return Err(LinkError::Range { host }),
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => {
                let next = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
                target = redirected(&target, next.ok_or(LinkError::Status { host, status })?)?;
            }
            status => return Err(LinkError::Status { host, status }),
        }
    }
    Err(LinkError::Redirections { host: host(&target) })
}

/// Asks `target`, again where the first attempts end badly.
async fn ask<T: Transport>(caller: &Caller<T>, target: &Uri, from: u64) -> Result<Response<Body>, LinkError> {
    let retry = caller.retry();
    let mut number = 1;
    loop {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = target.clone();
        if from > 0 {
            let range = format!("bytes={from}-").parse().expect("digits are a header's characters");
            request.headers_mut().insert(RANGE, range);
        }
        let deadline = Some(retry.attempt.unwrap_or(DEADLINE));
        let outcome = match caller.within(deadline, caller.transport().call(request)).await {
            Ok(outcome) => outcome.map_err(|error| (error.was_sent(), Interruption::Request(error))),
            Err(late) => Err((true, late)),
        };
        let (occurrence, wait) = match &outcome {
            Ok(answer) => {
                let (status, wait) = (answer.status(), retry::retry_after(answer.headers(), retry.clock.now()));
                if status.is_success() || status.is_redirection() {
                    return outcome.map_err(|(_, error)| failed(target, error));
                }
                (Occurrence::Answered { status, retry_after: wait }, wait)
            }
            // What is not trusted now is not trusted a moment later.
            Err((_, Interruption::Request(error))) if error.is_lasting() => {
                return outcome.map_err(|(_, error)| failed(target, error));
            }
            Err((true, _)) => (Occurrence::BrokenOff, None),
            Err((false, _)) => (Occurrence::NotSent, None),
        };
        if !retry.policy.again(&Attempt { number, idempotent: true, occurrence }) {
            return outcome.map_err(|(_, error)| failed(target, error));
        }
        retry.clock.sleep(retry.backoff.pause(number).max(wait.unwrap_or_default())).await;
        number = number.saturating_add(1);
    }
}

fn failed(target: &Uri, error: Interruption) -> LinkError {
    let host = host(target);
    match error {
        Interruption::Request(source) if !source.was_sent() => LinkError::Unreachable { host, source },
        source => LinkError::Interrupted { host, source },
    }
}

fn download(answer: Response<Body>, from: u64) -> Download {
    let (head, body) = answer.into_parts();
    let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    // A service in the same process has no need of the header.
    let length = text(CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let length = length.or_else(|| http_body::Body::size_hint(&body).exact());
    let media_type = text(CONTENT_TYPE).map(str::to_owned);
    Download { length, media_type, from, body }
}

/// Whether a part begins where it was asked for.
fn begins_at(headers: &HeaderMap, from: u64) -> bool {
    let range = headers.get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let first = range.and_then(|range| range.trim().strip_prefix("bytes ")?.split('-').next()?.parse().ok());
    from > 0 && first == Some(from)
}

fn host(target: &Uri) -> String {
    target.host().unwrap_or_default().to_owned()
}

/// `target`, if it may be followed.
fn checked(target: Uri) -> Result<Uri, LinkError> {
    let scheme = target.scheme().ok_or(LinkError::NoLink)?;
    if *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS {
        return Err(LinkError::Scheme(scheme.as_str().to_owned()));
    }
    if target.host().unwrap_or_default().is_empty() || target.authority().is_some_and(|it| it.as_str().contains('@')) {
        return Err(LinkError::NoLink);
    }
    Ok(target)
}

/// Where `location` leads to from `target`.
fn redirected(target: &Uri, location: &str) -> Result<Uri, LinkError> {
    let location = location.split_once('#').map_or(location, |(before, _)| before);
    let scheme = target.scheme_str().unwrap_or_default();
    let authority = target.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    let (folder, _) = target.path().rsplit_once('/').unwrap_or_default();
    let whole = match location {
        "" => return Err(LinkError::NoLink),
        _ if location.starts_with("//") => format!("{scheme}:{location}"),
        _ if location.starts_with('/') => format!("{scheme}://{authority}{location}"),
        _ if location.starts_with('?') => format!("{scheme}://{authority}{}{location}", target.path()),
        _ if has_scheme(location) => location.to_owned(),
        _ => format!("{scheme}://{authority}{folder}/{location}"),
    };
    if let Some((other, _)) = whole.split_once(':')
        && !["http", "https"].contains(&other.to_ascii_lowercase().as_str())
    {
        return Err(LinkError::Scheme(other.to_owned()));
    }
    let next = checked(whole.parse().map_err(|_| LinkError::NoLink)?)?;
    // What was asked for in secret is not asked for again in the open.
    if target.scheme() == Some(&Scheme::HTTPS) && next.scheme() == Some(&Scheme::HTTP) {
        return Err(LinkError::Scheme("http".to_owned()));
    }
    Ok(next)
}

/// Whether the text begins with a scheme and a colon.
fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|other| other.is_ascii_alphanumeric() || "+-.".contains(other))
    })
}

#[cfg(test)]
#[path = "tests/link.rs"]
mod tests;
