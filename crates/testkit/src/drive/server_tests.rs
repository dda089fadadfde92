//! The server drive against a small server of its own: order of events, halves, faults, time, and what a failure says.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use pentaprism_core::BodyError;

use tokio::sync::Notify;

use super::*;

/// Answers each request with its body (or its path, without one), and notes what happens.
#[derive(Debug, Clone, Default)]
struct Echo {
    events: Arc<Mutex<Vec<String>>>,
    hangs: Arc<AtomicBool>,
    stuck: Arc<Notify>,
}

impl Echo {
    fn note(&self, event: impl Into<String>) {
        self.events.lock().unwrap().push(event.into());
    }

    async fn answer(self, request: Request<Body>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).map(str::to_owned);
        self.note(format!("{path} begins with length {length:?}"));
        if path == "/early" {
            return respond(409, "early");
        }
        if path == "/unaffected" {
            return within_a_second(Box::pin(real_work())).await;
        }
        if self.hangs.load(Ordering::SeqCst) {
            self.stuck.notify_one();
            return within_a_second(Box::pin(std::future::pending())).await;
        }
        match request.into_body().collect(1000).await {
            Ok(body) => {
                self.note(format!("{path} ends with {} bytes", body.len()));
                Response::new(Body::from(if body.is_empty() { Bytes::from(path) } else { body }))
            }
            Err(BodyError::Interrupted(reason)) => {
                self.note(format!("{path}: {reason}"));
                respond(400, "gone")
            }
            Err(_) => respond(413, "large"),
        }
    }
}

/// Work on another thread, which a clock that runs ahead would overtake.
async fn real_work() -> Response<Body> {
    let (done, answer) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let digest = (0..3_000_000_u64).fold(0, |sum: u64, number| sum.rotate_left(7) ^ number);
        let _ = done.send(if digest == 0 { "zero" } else { "done" });
    });
    respond(200, answer.await.expect("the thread answers"))
}

async fn within_a_second(work: Answering) -> Response<Body> {
    tokio::time::timeout(Duration::from_secs(1), work).await.unwrap_or_else(|_| respond(503, "late"))
}

fn respond(status: u16, text: &'static str) -> Response<Body> {
    Response::builder().status(status).body(Body::from(text)).unwrap()
}

impl World for Echo {
    fn call(&self, request: Request<Body>) -> Answering {
        Box::pin(self.clone().answer(request))
    }

    fn advance(&self, by: Duration) {
        self.note(format!("{} s pass", by.as_secs()));
    }

    fn begin(&self, twist: Twist) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.note(twist.as_str());
        self.hangs.store(twist == Twist::StoreHangs, Ordering::SeqCst);
        Box::pin(std::future::ready(()))
    }

    fn stuck(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.stuck.notified())
    }
}

fn played(text: &str) -> (Outcome<()>, Vec<String>) {
    let exchange = Exchange::parse("story.http", &format!("# A story.\n{text}")).unwrap();
    let echo = Echo::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(play(&exchange, &echo));
    let events = echo.events.lock().unwrap().clone();
    (outcome, events)
}

#[test]
fn an_open_request_waits_while_others_pass() {
    let (outcome, events) = played(
        "given: store full\n### open request\nPUT /slow HTTP/1.1\n\nabcdef\n### request\nGET /other HTTP/1.1\n### response\n200\n\
         ### advance 7 s\n### finish\n### response\nHTTP/1.1 200 OK\n\nabcdef\n",
    );
    outcome.unwrap();
    assert_eq!(
        events,
        [
            "/slow begins with length Some(\"6\")",
            "/other begins with length None",
            "/other ends with 0 bytes",
            "7 s pass",
            "store full",
            "/slow ends with 6 bytes",
        ]
    );
}

#[test]
fn an_aborted_request_breaks_off_before_the_next_begins() {
    let (outcome, events) = played(
        "given: store full\n### open request\nPUT /slow HTTP/1.1\nTransfer-Encoding: chunked\n\nabcdef\n### abort\n\
         ### request\nPUT /next HTTP/1.1\n### response\nHTTP/1.1 200 OK\n\n/next\n",
    );
    outcome.unwrap();
    assert_eq!(
        events,
        [
            "/slow begins with length None",
            "/slow: the client hung up",
            "store full",
            "/next begins with length Some(\"0\")",
            "/next ends with 0 bytes",
        ]
    );
}

#[test]
fn a_hanging_storage_is_waited_for_without_waiting() {
    let (outcome, _) = played(
        "given: store hangs\n### request\nGET /a HTTP/1.1\n### response\nHTTP/1.1 503 Service Unavailable\n\nlate\n",
    );
    outcome.unwrap();
}

#[test]
fn a_request_that_the_fault_does_not_reach_is_not_overtaken_by_the_clock() {
    let (outcome, _) = played(
        "given: store hangs\n### request\nGET /unaffected HTTP/1.1\n### response\nHTTP/1.1 503 Service Unavailable\n\nlate\n",
    );
    let Err(PlayError::Answer { subject: Some(answer), .. }) = outcome else { panic!("nothing hung: {outcome:?}") };
    assert_eq!(answer.status.as_u16(), 200);
}

#[test]
fn an_open_request_that_is_answered_early_is_no_set_up_but_may_be_the_subject() {
    let open = "### open request\nPUT /early HTTP/1.1\n\nabcdef\n";
    let (outcome, _) = played(&format!("{open}### request\nGET /a HTTP/1.1\n### response\n200\n"));
    assert!(matches!(outcome, Err(PlayError::AnsweredEarly { line: 2, status: 409 })), "{outcome:?}");
    let (outcome, _) = played(&format!("{open}### finish\n### response\nHTTP/1.1 409 Conflict\n\nearly\n"));
    outcome.unwrap();
}

#[test]
fn a_failure_names_line_and_difference() {
    let setup = "### request\nGET /a HTTP/1.1\n### response\n404\n";
    let subject = "### request\nGET /b HTTP/1.1\n### response\nHTTP/1.1 200 OK\n\n/c\n";
    let (outcome, _) = played(&format!("{setup}{subject}"));
    let report = "line 4: the server answers otherwise (- file, + server):\n  status  - 404 Not Found\n          + 200 OK\n  \
                  body    + /a\n";
    assert_eq!(outcome.unwrap_err().to_string(), report);
    let (outcome, _) = played(subject);
    let Err(PlayError::Answer { subject: Some(answer), .. }) = outcome else {
        panic!("the subject differs: {outcome:?}")
    };
    assert_eq!(answer.body.to_bytes(), "/b");
}

#[test]
fn a_subject_that_is_only_a_status_is_unfinished() {
    let (outcome, _) = played("### request\nGET /a HTTP/1.1\n### response\n200\n");
    assert!(outcome.unwrap_err().to_string().contains("UPDATE_EXCHANGES=1"));
}
