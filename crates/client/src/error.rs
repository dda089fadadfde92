//! How a call can fail, and what is known about the request then.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use pentaprism_core::{BodyError, InvalidInput, InvalidResponse, Message};

use crate::source::SourceError;
use crate::token::TokenError;
use crate::transport::TransportError;

/// Why a call has no success. `Display` says what happened at this level only; causes follow as sources.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error<E: std::error::Error + 'static> {
    /// The input cannot be written as a request. Nothing was sent.
    #[error("the request cannot be written")]
    Invalid(#[source] InvalidInput),
    /// No token could be had. Nothing was sent.
    #[error("no token could be had for the request")]
    Credential(#[source] TokenError),
    /// The bytes to upload cannot be read from their start. Nothing was sent.
    #[error("the bytes to send cannot be read")]
    Body(#[source] SourceError),
    /// No connection to the service. Nothing was sent.
    #[error("the service cannot be reached")]
    Unreachable(#[source] TransportError),
    /// The exchange broke off. The service may have carried the request out.
    #[error("the exchange broke off; the service may have received the request")]
    Interrupted(#[source] Interruption),
    /// The service refused in a way that it documents.
    #[error("the service refused the request")]
    Refused(#[source] E),
    /// The service answered in a way that it does not document.
    #[error("the service gave an undocumented answer with status {}", .response.status)]
    Undocumented {
        /// The answer as it came.
        response: RawResponse,
        /// Why it is not the documented one.
        #[source]
        reason: InvalidResponse,
    },
}

/// Where an exchange broke off.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Interruption {
    /// Before the answer's head.
    #[error("no answer came")]
    Request(#[source] TransportError),
    /// Within the answer's body.
    #[error("the answer broke off")]
    Answer(#[source] BodyError),
    /// The deadline of an attempt, or of all of them, passed.
    #[error("the service took longer than {} seconds", .0.as_secs_f64())]
    Late(Duration),
}

/// An answer without interpretation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawResponse {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// At most the first [`RawResponse::BODY_LIMIT`] bytes of its body.
    pub body: Bytes,
}

impl RawResponse {
    /// How much of an undocumented body is kept, in bytes.
    pub const BODY_LIMIT: usize = 64 * 1024;
}

impl<E: std::error::Error + 'static> Error<E> {
    /// The documented error, if it is one.
    pub fn refused(&self) -> Option<&E> {
        match self {
            Self::Refused(error) => Some(error),
            _ => None,
        }
    }

    /// Whether the service may have received the request.
    #[must_use]
    pub const fn was_sent(&self) -> bool {
        !matches!(self, Self::Invalid(_) | Self::Credential(_) | Self::Body(_) | Self::Unreachable(_))
    }
}

impl<E: Message + std::error::Error + 'static> Error<E> {
    /// The status of the service's answer, documented or not, if it gave one.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused(error) => Some(error.status()),
            Self::Undocumented { response, .. } => Some(response.status),
            _ => None,
        }
    }
}
