//! What the fault tests share: a transport that trusts nobody, a clock that leaps, answers as bytes, and what a failure is.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, SystemTime};

use pentaprism_client::retry::{Clock, Exponential};
use pentaprism_client::{BaseUrl, Error, HyperTransport, HyperTransportBuilder, Interruption, Retry};
use pentaprism_core::{InvalidResponse, Message};

/// A test that takes longer hangs.
const HANGING: Duration = Duration::from_mins(1);

/// What `work` gives; it fails when that takes far too long.
pub async fn bounded<R>(work: impl Future<Output = R>) -> R {
    tokio::time::timeout(HANGING, work).await.expect("it does not hang")
}

/// A transport that looks at no certificates of this machine.
pub fn builder() -> HyperTransportBuilder {
    static AUTHORITY: LazyLock<String> = LazyLock::new(|| {
        let key = rcgen::KeyPair::generate().unwrap();
        rcgen::CertificateParams::new(vec!["nobody.test".to_owned()]).unwrap().self_signed(&key).unwrap().pem()
    });
    HyperTransport::builder().root_certificates(AUTHORITY.as_bytes()).unwrap().only_these_roots()
}

pub fn transport() -> HyperTransport {
    builder().build().unwrap()
}

pub fn base(address: SocketAddr) -> BaseUrl {
    format!("http://{address}").parse().unwrap()
}

/// What the clock does at the first pause.
type Work = Box<dyn FnOnce() + Send>;

/// Leaps over every pause and remembers it; deadlines never pass.
#[derive(Default)]
pub struct Leaps {
    pauses: Mutex<Vec<Duration>>,
    first: Mutex<Option<Work>>,
}

/// Longer waits than this are deadlines. What the policy waits for at most is two minutes, which no test uses.
const DEADLINES_FROM: Duration = Duration::from_secs(50);

impl Clock for Leaps {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)
    }

    fn sleep(&self, pause: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        if pause >= DEADLINES_FROM {
            return Box::pin(std::future::pending());
        }
        self.pauses.lock().unwrap().push(pause);
        if let Some(work) = self.first.lock().unwrap().take() {
            work();
        }
        Box::pin(tokio::task::yield_now())
    }
}

impl Leaps {
    pub fn doing_first(work: impl FnOnce() + Send + 'static) -> Arc<Self> {
        Arc::new(Self { first: Mutex::new(Some(Box::new(work))), ..Self::default() })
    }

    /// In milliseconds.
    pub fn pauses(&self) -> Vec<u128> {
        self.pauses.lock().unwrap().iter().map(Duration::as_millis).collect()
    }
}

/// Standard retries over this clock, without chance.
pub fn retry(clock: &Arc<Leaps>) -> Retry {
    let backoff = Exponential { chance: || 1.0, ..Exponential::default() };
    Retry::standard().with_clock(Arc::<Leaps>::clone(clock)).with_backoff(backoff)
}

pub fn leaping() -> Retry {
    retry(&Arc::default())
}

/// An answer whose length is told, and after which the connection is closed. `head` is the status line behind the version and
/// headers that follow it, one a line.
pub fn answer(head: &str, body: &str) -> Vec<u8> {
    let head = head.replace('\n', "\r\n");
    // An answer that has no body tells no length either.
    let length = if head.starts_with("204") { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    format!("HTTP/1.1 {head}\r\n{length}connection: close\r\n\r\n{body}").into_bytes()
}

/// As [`answer`], in chunks of at most `size` bytes.
pub fn chunked(head: &str, body: &str, size: usize) -> Vec<u8> {
    let head = head.replace('\n', "\r\n");
    let mut bytes = format!("HTTP/1.1 {head}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n").into_bytes();
    for chunk in body.as_bytes().chunks(size) {
        bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

/// As [`answer`], with JSON.
pub fn json(status: &str, body: &serde_json::Value) -> Vec<u8> {
    answer(&format!("{status}\ncontent-type: application/json"), &body.to_string())
}

/// How a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing was sent.
    Unreachable,
    /// No answer came.
    NoAnswer,
    /// The answer broke off.
    Broken,
    /// The service refused with this status, as documented.
    Refused(u16),
    /// An undocumented answer with this status.
    Undocumented(u16),
    /// The same, and it broke off.
    Incomplete(u16),
    /// Another.
    Other,
}

/// How a call failed, once it is sure that the error does not contradict itself.
pub fn kind<E: Message + std::error::Error + 'static>(error: &Error<E>) -> Kind {
    let kind = match error {
        Error::Unreachable(error) => {
            assert!(!error.was_sent(), "{error:?}");
            Kind::Unreachable
        }
        Error::Interrupted(Interruption::Request(error)) => {
            assert!(error.was_sent(), "{error:?}");
            Kind::NoAnswer
        }
        Error::Interrupted(Interruption::Answer(_)) => Kind::Broken,
        Error::Refused(refusal) => Kind::Refused(refusal.status().as_u16()),
        Error::Undocumented { response, reason: InvalidResponse::Incomplete(_) } => {
            Kind::Incomplete(response.status.as_u16())
        }
        Error::Undocumented { response, .. } => Kind::Undocumented(response.status.as_u16()),
        _ => Kind::Other,
    };
    let unsent = matches!(kind, Kind::Unreachable | Kind::Other);
    assert_eq!(error.was_sent(), !unsent, "{error:?}");
    kind
}
