//! What every dialect's implementation brings besides its operations: who calls, and how to refuse.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use http::request::Parts;
use pentaprism_core::path::Unrouted;
use pentaprism_core::{Body, BodyError, InvalidRequest, OperationInfo};

#[cfg(feature = "connection")]
use crate::BodyBudget;

/// The part of a dialect that is not one of its operations. Every generated dialect trait has it as a supertrait.
pub trait Api: Send + Sync {
    /// Who calls, as [`authenticate`](Self::authenticate) found out.
    type Caller: Send + Sync;

    /// Finds out who calls. It runs before anything else is checked, with `operation` absent when no route matched, so
    /// that a dialect can answer 401 before 404.
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`], or another refusal.
    fn authenticate(
        &self,
        head: &Parts,
        operation: Option<&'static OperationInfo>,
    ) -> impl Future<Output = Result<Self::Caller, Refusal>> + Send;

    /// Writes a refusal in the dialect's own error schema.
    fn refuse(&self, head: &Parts, operation: Option<&'static OperationInfo>, refusal: Refusal)
    -> http::Response<Body>;

    /// The largest body in bytes that is collected for `operation` before it is parsed.
    fn collected_body_limit(&self, operation: &'static OperationInfo) -> u64;

    /// The memory that all collected bodies share; without one, each takes what its limit allows.
    #[cfg(feature = "connection")]
    fn collected_body_budget(&self) -> Option<&BodyBudget> {
        None
    }
}

/// Why a request was not answered by its operation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No operation has this path, or none with this method.
    #[error("the request matches no operation")]
    Unrouted(#[source] Unrouted),
    /// The token is missing, malformed, unknown or expired.
    #[error("{}", if *.token_sent { "the token is unknown" } else { "the request has no token" })]
    Unauthenticated {
        /// Whether a token was sent at all.
        token_sent: bool,
    },
    /// The caller may not do this at all.
    #[error("access is denied: {reason}")]
    Forbidden {
        /// What to tell the caller.
        reason: &'static str,
    },
    /// The caller has sent more requests than it may in the time.
    #[error("the caller sends too many requests; the next is allowed in {} seconds", retry_after_seconds(*.retry_after))]
    RateLimited {
        /// How long to wait until one is allowed; an answer carries it as [`retry_after_seconds`].
        retry_after: Duration,
    },
    /// The request does not fit its operation.
    #[error("the request does not fit its operation")]
    Invalid(#[source] InvalidRequest),
    /// The collected body is larger than the limit.
    #[error("the body is larger than {limit} bytes")]
    BodyTooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The body stalled while it was collected: no byte came for this long, or too few in all of it.
    #[error("too little of the body came in {} seconds", .0.as_secs())]
    BodyStalled(Duration),
    /// The body broke off while it was collected; the client is gone or its framing is wrong.
    #[error("the body broke off")]
    BodyInterrupted(#[source] Box<dyn Error + Send + Sync>),
    /// The `Host` is none that this server answers for.
    #[error(
        "this server does not answer for the requested host; ask for it by its public URL, or add the host to the setting `hosts`"
    )]
    Misdirected,
    /// There is no `Host`, or more than one.
    #[error("the request needs exactly one host header")]
    MissingHost,
    /// A `Transfer-Encoding` other than chunked.
    #[error("the transfer encoding is not supported; send chunked or a content length")]
    TransferEncoding,
    /// An `Expect` other than `100-continue`.
    #[error("the expectation is not supported; send 100-continue or none")]
    Expectation,
    /// The operation took longer than it may.
    #[error("the operation did not finish in time")]
    TimedOut,
    /// The store cannot be reached or written at the moment.
    #[error("the service is not available")]
    Unavailable,
    /// A fault of ours. The cause goes into the log, never into the answer.
    #[error("an internal fault")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
}

/// How a body that could not be read to its end is refused.
impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { limit } => Self::BodyTooLarge { limit },
            BodyError::Stalled(after) => Self::BodyStalled(after),
            other => Self::BodyInterrupted(Box::new(other)),
        }
    }
}

/// A time to wait as the header `Retry-After` carries it: in whole seconds, rounded up, and at least one.
#[must_use]
pub fn retry_after_seconds(wait: Duration) -> u64 {
    let rounded_up = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
    rounded_up.max(1)
}

/// What a handler returns instead of its success.
#[derive(Debug)]
pub enum Failure<E> {
    /// An error that the operation documents.
    Documented(E),
    /// A fault of ours: logged, answered as the dialect's 500 without detail.
    Internal(Box<dyn Error + Send + Sync>),
    /// A refusal that has a place in every operation of the dialect, such as a deadline.
    Refused(Refusal),
}

impl<E> Failure<E> {
    /// Marks `error` as an internal fault.
    pub fn internal(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }
}

/// `?` on any error makes it an internal fault, until a handler maps it on purpose.
impl<E, S: Error + Send + Sync + 'static> From<S> for Failure<E> {
    fn from(source: S) -> Self {
        Self::Internal(Box::new(source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_never_comes_back_too_early() {
        for (milliseconds, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (59_999, 60), (60_000, 60)] {
            assert_eq!(retry_after_seconds(Duration::from_millis(milliseconds)), seconds);
        }
        assert_eq!(retry_after_seconds(Duration::MAX), u64::MAX);
    }
}
