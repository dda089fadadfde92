//! What a client tries again, with which bytes, and how long it waits before: over a scripted service and a clock that only jumps.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response};
use pentaprism_client::dialects::glance::GlanceClient;
use pentaprism_client::retry::{Clock, Exponential, Standard};
use pentaprism_client::{
    Counters, Credential, Error, Interruption, Retry, Source, Token, TokenError, TokenProvider, Transport,
    TransportError,
};
use pentaprism_core::Body;
use pentaprism_core::dialects::glance::create_image::CreateImage;
use pentaprism_core::dialects::glance::show_image::{ShowImage, ShowImageError};
use pentaprism_core::dialects::glance::upload_image_data::{UploadImageData, UploadImageDataOk};

/// Notes how long it was asked to wait. Never lets a deadline pass unless told to.
#[derive(Default)]
struct Jumps {
    pauses: Mutex<Vec<Duration>>,
}

/// Longer waits than this are deadlines, which do not pass here.
const DEADLINES_FROM: Duration = Duration::from_secs(50);

impl Clock for Jumps {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)
    }

    fn sleep(&self, pause: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        if pause >= DEADLINES_FROM {
            return Box::pin(std::future::pending());
        }
        self.pauses.lock().expect("nobody panics with it").push(pause);
        Box::pin(std::future::ready(()))
    }
}

/// What the service does with one request.
enum Act {
    Answer(u16, &'static [(&'static str, &'static str)]),
    NotReached,
    CutAfterRequest,
    NeverAnswer,
}

struct Script {
    acts: Mutex<VecDeque<Act>>,
    bodies: Mutex<Vec<Bytes>>,
    tokens: Mutex<Vec<String>>,
}

impl Transport for &Script {
    async fn call(&self, request: Request<Body>) -> Result<Response<Body>, TransportError> {
        let act = self.acts.lock().expect("nobody panics with it").pop_front().expect("no request more than scripted");
        if matches!(act, Act::NotReached) {
            return Err(TransportError::not_sent("refused"));
        }
        let token = request.headers().get("x-auth-token").map(|token| token.to_str().expect("it is text").to_owned());
        self.tokens.lock().expect("nobody panics with it").extend(token);
        let body = request.into_body().collect(1 << 20).await.map_err(TransportError::maybe_sent)?;
        self.bodies.lock().expect("nobody panics with it").push(body);
        match act {
            Act::Answer(status, headers) => {
                let mut answer = Response::builder().status(status).header("x-openstack-request-id", "req-1");
                for (name, value) in headers {
                    answer = answer.header(*name, *value);
                }
                let body = if status == 204 { Body::empty() } else { Body::from("text") };
                Ok(answer.header("content-type", "text/plain; charset=UTF-8").body(body).expect("it is an answer"))
            }
            Act::NeverAnswer => std::future::pending().await,
            Act::CutAfterRequest | Act::NotReached => Err(TransportError::maybe_sent("reset")),
        }
    }
}

fn script(acts: impl IntoIterator<Item = Act>) -> Script {
    Script { acts: Mutex::new(acts.into_iter().collect()), bodies: Mutex::default(), tokens: Mutex::default() }
}

fn retry(clock: &Arc<Jumps>) -> Retry {
    let backoff = Exponential { chance: || 1.0, ..Exponential::default() };
    Retry::standard().with_clock(Arc::<Jumps>::clone(clock)).with_backoff(backoff)
}

fn client<'s>(script: &'s Script, clock: &Arc<Jumps>) -> GlanceClient<&'s Script> {
    let credential = Credential::auth_token("secret").expect("it is text");
    GlanceClient::new(script, "http://images.example".parse().expect("it is a base URL"), credential)
        .with_retry(retry(clock))
}

fn pauses(clock: &Jumps) -> Vec<u128> {
    clock.pauses.lock().expect("nobody panics with it").iter().map(Duration::as_millis).collect()
}

fn image() -> UploadImageData {
    UploadImageData { image_id: "cf433676-4896-400d-8ec1-05118365d9d2".to_owned(), ..UploadImageData::default() }
}

#[tokio::test]
async fn a_body_that_can_be_read_again_is_sent_whole_with_each_attempt() {
    let script = script([
        Act::NotReached,
        Act::Answer(429, &[("retry-after", "7")]),
        Act::Answer(503, &[("retry-after", "Sun, 06 Nov 1994 08:49:57 GMT")]),
        Act::Answer(204, &[]),
    ]);
    let (clock, counters) = (Arc::new(Jumps::default()), Arc::new(Counters::default()));
    let source = Source::from("all of it").with_progress(counters.clone());
    let done: UploadImageDataOk = client(&script, &clock).upload_image_data(&image(), source).await.unwrap();
    assert_eq!(done.x_openstack_request_id, "req-1");
    assert_eq!(*script.bodies.lock().unwrap(), ["all of it"; 3]);
    assert_eq!(pauses(&clock), [250, 7000, 20_000]);
    assert_eq!((counters.bytes_sent(), counters.bytes_acknowledged()), (9, 9));
}

#[tokio::test]
async fn a_stream_is_sent_once() {
    let script = script([Act::Answer(429, &[("retry-after", "7")])]);
    let clock = Arc::new(Jumps::default());
    let source = Source::once(Body::from("once"), None);
    let error = client(&script, &clock).upload_image_data(&image(), source).await.unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(429));
    assert_eq!(pauses(&clock), [0; 0]);
}

#[tokio::test]
async fn what_broke_off_is_repeated_only_where_it_is_idempotent() {
    let clock = Arc::new(Jumps::default());
    let broken = script([Act::CutAfterRequest, Act::CutAfterRequest, Act::Answer(404, &[])]);
    let input = ShowImage { image_id: "x".to_owned() };
    let error = client(&broken, &clock).show_image(&input).await.unwrap_err();
    assert!(matches!(error, Error::Refused(ShowImageError::NotFound(_))), "{error:?}");
    assert_eq!(pauses(&clock), [250, 500]);
    let once = script([Act::CutAfterRequest]);
    let error = client(&once, &clock).create_image(&CreateImage::default()).await.unwrap_err();
    assert!(matches!(error, Error::Interrupted(Interruption::Request(_))), "{error:?}");
    assert!(error.was_sent());
}

#[tokio::test]
async fn attempts_end_with_the_policy_and_the_last_answer_is_told() {
    let clock = Arc::new(Jumps::default());
    let script = script((0..3).map(|_| Act::Answer(503, &[])));
    let retry = retry(&clock).with_policy(Standard { attempts: 3, ..Standard::default() });
    let input = ShowImage { image_id: "x".to_owned() };
    let error = client(&script, &clock).with_retry(retry).show_image(&input).await.unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(503));
    assert_eq!(pauses(&clock), [250, 500]);
}

#[tokio::test]
async fn an_attempt_and_the_whole_have_their_deadlines() {
    let clock = Arc::new(Jumps::default());
    let slow = script([Act::NeverAnswer, Act::Answer(404, &[])]);
    let input = ShowImage { image_id: "x".to_owned() };
    let hasty = retry(&clock).with_attempt(Duration::from_secs(3));
    let error = client(&slow, &clock).with_retry(hasty).show_image(&input).await.unwrap_err();
    assert!(matches!(error, Error::Refused(ShowImageError::NotFound(_))), "{error:?}");
    assert_eq!(pauses(&clock), [3000, 250, 3000]);
    let silent = script([Act::NeverAnswer]);
    let whole = retry(&clock).with_total(Duration::from_secs(5));
    let error = client(&silent, &clock).with_retry(whole).show_image(&input).await.unwrap_err();
    assert!(
        matches!(error, Error::Interrupted(Interruption::Late(late)) if late == Duration::from_secs(5)),
        "{error:?}"
    );
}

/// Gives tokens with a number that grows with each refusal.
struct Numbered(Mutex<u32>);

impl TokenProvider for Numbered {
    fn token<'a>(
        &'a self,
        refused: Option<&'a Token>,
    ) -> Pin<Box<dyn Future<Output = Result<Token, TokenError>> + Send + 'a>> {
        let mut number = self.0.lock().expect("nobody panics with it");
        *number += u32::from(refused.is_some());
        Box::pin(std::future::ready(Ok(Token::new(format!("token-{number}"), None))))
    }
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_once() {
    let clock = Arc::new(Jumps::default());
    let refusals = [("www-authenticate", "Keystone uri=\"http://images.example\"")];
    let refusals: &'static [_] = Box::leak(Box::new(refusals));
    let script = script([Act::Answer(401, refusals), Act::Answer(401, refusals)]);
    let credential = Credential::auth_token_from(Numbered(Mutex::new(1)));
    let base = "http://images.example".parse().unwrap();
    let client = GlanceClient::new(&script, base, credential).with_retry(retry(&clock));
    let error = client.upload_image_data(&image(), "bytes").await.unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(401));
    assert_eq!(*script.tokens.lock().unwrap(), ["token-1", "token-2"]);
    assert_eq!(pauses(&clock), [0; 0]);
}

/// Knows one token only.
struct OnlyOne;

impl TokenProvider for OnlyOne {
    fn token<'a>(
        &'a self,
        _: Option<&'a Token>,
    ) -> Pin<Box<dyn Future<Output = Result<Token, TokenError>> + Send + 'a>> {
        Box::pin(std::future::ready(Ok(Token::new("the-only-one", None))))
    }
}

#[tokio::test]
async fn without_another_token_the_refusal_is_told() {
    let clock = Arc::new(Jumps::default());
    let script = script([Act::Answer(401, &[("www-authenticate", "Keystone uri=\"http://images.example\"")])]);
    let base = "http://images.example".parse().unwrap();
    let client = GlanceClient::new(&script, base, Credential::auth_token_from(OnlyOne)).with_retry(retry(&clock));
    let error = client.upload_image_data(&image(), "bytes").await.unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(401), "{error:?}");
    assert!(error.was_sent());
}
