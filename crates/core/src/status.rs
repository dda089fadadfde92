//! A status that cannot be a success: what an error value is allowed to carry.

use http::StatusCode;

/// An HTTP status from 300 to 599. A handler that answers a documented `default` error picks one of these, so it cannot
/// report an error with a 2xx by mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ErrorStatus(StatusCode);

/// The status was not in 300..=599.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("status {0} is no error status; use one from 300 to 599")]
pub struct SuccessStatusError(pub u16);

macro_rules! named_statuses {
    ($($name:ident),* $(,)?) => {
        impl ErrorStatus {
            $(#[doc = concat!("[`StatusCode::", stringify!($name), "`].")]
            pub const $name: Self = Self(StatusCode::$name);)*
        }
    };
}

named_statuses! {
    BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, METHOD_NOT_ALLOWED, REQUEST_TIMEOUT, CONFLICT, GONE,
    PRECONDITION_FAILED, PAYLOAD_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, RANGE_NOT_SATISFIABLE, EXPECTATION_FAILED, MISDIRECTED_REQUEST,
    TOO_MANY_REQUESTS, INTERNAL_SERVER_ERROR, NOT_IMPLEMENTED, SERVICE_UNAVAILABLE, GATEWAY_TIMEOUT,
}

impl ErrorStatus {
    /// The status as the `http` crate knows it.
    #[must_use]
    pub const fn get(self) -> StatusCode {
        self.0
    }
}

impl TryFrom<StatusCode> for ErrorStatus {
    type Error = SuccessStatusError;

    fn try_from(status: StatusCode) -> Result<Self, SuccessStatusError> {
        if (300..600).contains(&status.as_u16()) { Ok(Self(status)) } else { Err(SuccessStatusError(status.as_u16())) }
    }
}

impl From<ErrorStatus> for StatusCode {
    fn from(status: ErrorStatus) -> Self {
        status.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_every_error_and_no_success() {
        for code in 100..1000 {
            let status = StatusCode::from_u16(code).expect("three digits");
            assert_eq!(ErrorStatus::try_from(status).is_ok(), (300..600).contains(&code), "{code}");
        }
    }
}
