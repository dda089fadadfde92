//! What may be tried again.

use std::time::Duration;

use http::StatusCode;

/// Decides whether a failed attempt is followed by another.
pub trait Policy: Send + Sync {
    /// Whether to try again after `attempt`.
    fn again(&self, attempt: &Attempt) -> bool;
}

/// An attempt that has no success.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    /// Whether the document says that carrying the request out twice is the same as once.
    pub idempotent: bool,
    /// What happened.
    pub occurrence: Occurrence,
}

impl Attempt {
    /// The attempt `number`, for whoever tries a policy of their own.
    #[must_use]
    pub const fn new(number: u32, idempotent: bool, occurrence: Occurrence) -> Self {
        Self { number, idempotent, occurrence }
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Occurrence {
    /// No connection: the service knows nothing of the request.
    NotSent,
    /// The exchange broke off: the service may have carried the request out.
    BrokenOff,
    /// The service answered.
    Answered {
        /// With this status.
        status: StatusCode,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
}

/// Tries again what is safe to send again.
///
/// That is: whatever was not sent; what was refused because of its rate (429), or with 503 and a `Retry-After`; and, where the
/// operation is idempotent, what broke off or was answered 408, 502, 503 or 504.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standard {
    /// The most attempts, the first included.
    pub attempts: u32,
    /// The longest `Retry-After` that is waited for; a service that wants longer has its answer told instead.
    pub longest_wait: Duration,
}

impl Default for Standard {
    fn default() -> Self {
        Self { attempts: 5, longest_wait: Duration::from_mins(2) }
    }
}

impl Policy for Standard {
    fn again(&self, attempt: &Attempt) -> bool {
        if attempt.number >= self.attempts {
            return false;
        }
        match attempt.occurrence {
            Occurrence::NotSent => true,
            Occurrence::BrokenOff => attempt.idempotent,
            Occurrence::Answered { retry_after: Some(wait), .. } if wait > self.longest_wait => false,
            Occurrence::Answered { status, retry_after } => match status {
                StatusCode::TOO_MANY_REQUESTS => true,
                StatusCode::SERVICE_UNAVAILABLE => attempt.idempotent || retry_after.is_some(),
                StatusCode::REQUEST_TIMEOUT | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => {
                    attempt.idempotent
                }
                _ => false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, wait: Option<u64>) -> Occurrence {
        let status = StatusCode::from_u16(status).unwrap();
        Occurrence::Answered { status, retry_after: wait.map(Duration::from_secs) }
    }

    #[test]
    fn only_what_is_safe_is_tried_again() {
        for (occurrence, once, idempotent) in [
            (Occurrence::NotSent, true, true),
            (Occurrence::BrokenOff, false, true),
            (answered(429, None), true, true),
            (answered(429, Some(121)), false, false),
            (answered(503, Some(120)), true, true),
            (answered(503, None), false, true),
            (answered(408, None), false, true),
            (answered(502, Some(1)), false, true),
            (answered(504, None), false, true),
            (answered(500, None), false, false),
            (answered(501, None), false, false),
            (answered(409, Some(1)), false, false),
        ] {
            for (is_idempotent, expected) in [(false, once), (true, idempotent)] {
                let attempt = Attempt { number: 4, idempotent: is_idempotent, occurrence };
                assert_eq!(Standard::default().again(&attempt), expected, "{attempt:?}");
                assert!(!Standard::default().again(&Attempt { number: 5, ..attempt }));
            }
        }
    }
}
