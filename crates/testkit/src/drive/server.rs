//! The server drive: an exchange is played against a server in the same process.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Method, Request, Response};
use pentaprism_core::Body;
use tokio::task::JoinHandle;

use crate::body::{self, HeldHalf};
use crate::compare;
use crate::drive::Verdict;
use crate::exchange::{Answer, Exchange, Expected, Found, Given, ReadError, Sent, Step, Twist, read};

/// The most that is read of one answer, in bytes.
const ANSWER_LIMIT: u64 = 64 << 20;

/// How long a server may take for one answer, in real time.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often the other tasks run before the clock of a hanging server is moved on.
const TURNS: usize = 64;

/// How many seconds a hanging server may let pass on the runtime's clock.
const HANGING_SECONDS: usize = 3_600;

/// Set, it makes [`run`] write what the server answers into files that expect another answer with the same status.
pub const UPDATE: &str = "UPDATE_EXCHANGES";

/// An answer on its way.
pub type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// The server of one exchange, with the switches that the file may ask for.
pub trait World: Send + Sync {
    /// Sends a request.
    fn call(&self, request: Request<Body>) -> Answering;

    /// Moves the injected clock.
    fn advance(&self, by: Duration);

    /// Does what the file asks for below the server; a fault stays from now on.
    fn begin(&self, twist: Twist) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// Resolves once the storage that was made to hang holds something up. Only from then on does time pass faster than it
    /// does: a clock that ran ahead of work which is not held up would make its deadlines fire, and hide that nothing hung.
    fn stuck(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// Why an exchange does not show what its file says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlayError {
    /// The file cannot be used.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The answer is another one. The last field is the answer to the subject request, when it is that.
    #[error("line {line}: the server answers otherwise (- file, + server):\n{report}")]
    Answer {
        /// The line of the response.
        line: usize,
        /// What differs.
        report: String,
        /// The answer to the subject request.
        subject: Option<Box<Answer>>,
    },
    /// The answer's body broke off or is too long.
    #[error("line {line}: the answer's body cannot be read: {problem}")]
    Body {
        /// The line of the request.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A half-open request was answered before its first half was read.
    #[error("line {line}: the open request is answered {status} before its first half is read")]
    AnsweredEarly {
        /// The line of the request.
        line: usize,
        /// The status that came.
        status: u16,
    },
    /// The server did not answer.
    #[error("line {line}: no answer within {PATIENCE:?}")]
    Silent {
        /// The line of the request.
        line: usize,
    },
    /// The server panicked outside its own guards.
    #[error("line {line}: the server panicked")]
    Panicked {
        /// The line of the request.
        line: usize,
    },
}

/// Plays a file against the world that `build` makes for it, on a runtime of its own. With [`UPDATE`] in the environment it
/// rewrites headers and body of the subject response, unless its status is not the one in the file's name.
///
/// # Errors
/// A report of what is wrong.
pub fn run<W, F>(found: &Found, build: impl FnOnce(&Exchange) -> F) -> Result<Verdict, String>
where
    W: World,
    F: Future<Output = Result<W, String>>,
{
    let (exchange, text) = read(found).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no runtime can be made: {error}"))?;
    let played = runtime.block_on(async {
        let world = build(&exchange).await?;
        Ok::<_, String>(play(&exchange, &world).await)
    });
    // A storage that hangs shall not hold up the next exchange.
    runtime.shutdown_background();
    match played? {
        Ok(()) => Ok(Verdict::Both),
        Err(PlayError::Answer { subject: Some(answer), .. })
            if std::env::var_os(UPDATE).is_some() && answer.status.as_u16() == found.name.status =>
        {
            let text = Exchange::with_subject_response(&text, &answer);
            std::fs::write(&found.path, text).map_err(|error| format!("it cannot be rewritten: {error}"))?;
            Ok(Verdict::Both)
        }
        Err(error) => Err(error.to_string()),
    }
}

type Outcome<T> = Result<T, PlayError>;

/// Plays an exchange. Runs on a runtime of one thread, whose clock it stops when the storage shall hang, so that deadlines
/// pass without waiting.
///
/// # Errors
/// [`PlayError`].
pub async fn play(exchange: &Exchange, world: &impl World) -> Outcome<()> {
    let subject = exchange.subject();
    let begins = if subject.open { exchange.blocks.len() - 2 } else { subject.request_index };
    let mut stage = Stage { world, open: None, answer: None, hangs: false };
    for (index, block) in exchange.blocks.iter().enumerate() {
        if index == begins {
            stage.begin_twists(exchange).await;
        }
        match &block.step {
            Step::Request(sent) => stage.request(sent, block.line).await?,
            Step::Open(sent) => stage.open(sent, block.line, index == subject.request_index).await?,
            Step::Finish => stage.finish(block.line).await?,
            Step::Abort => stage.abort(block.line).await?,
            Step::Advance(by) => world.advance(*by),
            Step::Response(expected) => {
                stage.compare(expected, block.line, block.line == subject.response_line)?;
            }
        }
    }
    Ok(())
}

struct Stage<'w, W> {
    world: &'w W,
    open: Option<OpenRequest>,
    answer: Option<Response<Bytes>>,
    hangs: bool,
}

struct OpenRequest {
    held: HeldHalf,
    answering: JoinHandle<Response<Body>>,
}

impl<W: World> Stage<'_, W> {
    async fn begin_twists(&mut self, exchange: &Exchange) {
        for given in &exchange.given {
            if let Given::Twist(twist) = given {
                self.world.begin(*twist).await;
                self.hangs |= matches!(twist, Twist::StoreHangs | Twist::CatalogHangs);
            }
        }
    }

    async fn request(&mut self, sent: &Sent, line: usize) -> Outcome<()> {
        let request = to_request(sent, body::whole(&sent.body, sent.is_chunked()));
        let answering = tokio::spawn(self.world.call(request));
        self.answer = Some(self.answered(answering, line).await?);
        Ok(())
    }

    async fn open(&mut self, sent: &Sent, line: usize, is_subject: bool) -> Outcome<()> {
        let (body, mut held) = body::half_open(&sent.body, sent.is_chunked());
        let mut answering = tokio::spawn(self.world.call(to_request(sent, body)));
        let reached = tokio::time::timeout(PATIENCE, held.reached());
        if !reached.await.map_err(|_| PlayError::Silent { line })? && !is_subject {
            let early = (&mut answering).await.map_err(|_| PlayError::Panicked { line })?;
            return Err(PlayError::AnsweredEarly { line, status: early.status().as_u16() });
        }
        self.open = Some(OpenRequest { held, answering });
        Ok(())
    }

    async fn finish(&mut self, line: usize) -> Outcome<()> {
        if let Some(OpenRequest { held, answering }) = self.open.take() {
            held.finish();
            self.answer = Some(self.answered(answering, line).await?);
        }
        Ok(())
    }

    async fn abort(&mut self, line: usize) -> Outcome<()> {
        if let Some(OpenRequest { held, answering }) = self.open.take() {
            held.abort();
            self.answered(answering, line).await?;
        }
        Ok(())
    }

    /// Waits for an answer and all of its body.
    async fn answered(&self, answering: JoinHandle<Response<Body>>, line: usize) -> Outcome<Response<Bytes>> {
        let whole = async {
            let (head, body) = answering.await.map_err(|_| PlayError::Panicked { line })?.into_parts();
            let body = body.collect(ANSWER_LIMIT).await;
            let body = body.map_err(|error| PlayError::Body { line, problem: error.to_string() })?;
            Ok(Response::from_parts(head, body))
        };
        let mut whole = std::pin::pin!(whole);
        let silent = |_| PlayError::Silent { line };
        if self.hangs {
            let answered = tokio::time::timeout(PATIENCE, async {
                tokio::select! { biased; outcome = &mut whole => Some(outcome), () = self.world.stuck() => None }
            });
            if let Some(outcome) = answered.await.map_err(silent)? {
                return outcome;
            }
            tokio::time::pause();
            return tokio::select! {
                outcome = &mut whole => outcome,
                () = let_time_pass() => Err(PlayError::Silent { line }),
            };
        }
        tokio::time::timeout(PATIENCE, whole).await.map_err(silent)?
    }

    fn compare(&mut self, expected: &Expected, line: usize, is_subject: bool) -> Outcome<()> {
        let Some(actual) = self.answer.take() else { return Err(PlayError::Silent { line }) };
        let report = match expected {
            Expected::Whole(answer) => compare::difference(&answer.to_http(), &actual),
            Expected::Status(status) if *status == actual.status() && is_subject => {
                Some("  the file has only a status; UPDATE_EXCHANGES=1 writes the rest\n".to_owned())
            }
            Expected::Status(status) if *status == actual.status() => None,
            Expected::Status(status) => {
                let body = String::from_utf8_lossy(actual.body());
                Some(format!("  status  - {status}\n          + {}\n  body    + {body}\n", actual.status()))
            }
        };
        let subject = is_subject.then(|| Box::new(Answer::of(&actual)));
        report.map_or(Ok(()), |report| Err(PlayError::Answer { line, report, subject }))
    }
}

/// Moves the runtime's clock second by second, with turns for everybody else in between.
async fn let_time_pass() {
    for _ in 0..HANGING_SECONDS {
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
        tokio::time::advance(Duration::from_secs(1)).await;
    }
}

/// The request with the length that its body has; chunked ones have none, and neither has a request without a body,
/// except where HTTP asks for a zero.
fn to_request(sent: &Sent, body: Body) -> Request<Body> {
    let mut request = sent.to_http(body);
    let announces = !sent.body.is_empty()
        || sent.header("content-length").is_some()
        || [Method::POST, Method::PUT, Method::PATCH].contains(&sent.method);
    if announces && !sent.is_chunked() {
        request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(sent.body.len()));
    }
    request
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
