//! Kept tokens: for how long, for how many, and what failures and refusals do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use tokio::sync::Semaphore;

use super::super::tests::Hand;
use super::*;

/// Gives `token-1`, `token-2`, … one for each permit, or what the test says.
struct Scripted {
    asked: Arc<AtomicUsize>,
    permits: Arc<Semaphore>,
    refused: Arc<Mutex<Vec<Option<String>>>>,
    answer: fn(usize) -> Option<Token>,
}

#[derive(Clone)]
struct Script {
    asked: Arc<AtomicUsize>,
    permits: Arc<Semaphore>,
    refused: Arc<Mutex<Vec<Option<String>>>>,
}

impl Script {
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn scripted(permits: usize, answer: fn(usize) -> Option<Token>) -> (Scripted, Script) {
    let script = Script { asked: Arc::default(), permits: Arc::new(Semaphore::new(permits)), refused: Arc::default() };
    let Script { asked, permits, refused } = script.clone();
    (Scripted { asked, permits, refused, answer }, script)
}

impl TokenProvider for Scripted {
    fn token<'a>(&'a self, refused: Option<&'a Token>) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>> {
        Box::pin(async move {
            let count = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            self.refused.lock().unwrap().push(refused.map(|token| token.secret().to_owned()));
            self.permits.acquire().await.unwrap().forget();
            (self.answer)(count).ok_or_else(|| TokenError::other("away"))
        })
    }
}

/// A future that the test polls by hand.
struct Polled<'a>(Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>);

impl Polled<'_> {
    fn poll_once(&mut self) -> Poll<Outcome> {
        self.0.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }
}

const MANY: usize = 100;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Each lives from second 1000 on for an hour, the next for an hour more.
fn hourly(count: usize) -> Option<Token> {
    let end = at(1000 + 3600 * u64::try_from(count).ok()?);
    Some(Token::new(format!("token-{count}"), Some(end)))
}

fn failing(count: usize) -> Option<Token> {
    hourly(count).filter(|_| count == 1)
}

async fn secret(cached: &Cached<Scripted>, refused: Option<&Token>) -> Result<String, String> {
    cached.token(refused).await.map(|token| token.secret().to_owned()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_token_is_kept_until_a_minute_before_its_end() {
    let (provider, script) = scripted(MANY, hourly);
    let clock = Hand::at(1000);
    let cached = Cached::new(provider).with_clock(clock.clone());
    for (now, expected) in
        [(1000, "token-1"), (4539, "token-1"), (4540, "token-2"), (8139, "token-2"), (8140, "token-3")]
    {
        clock.set(now);
        assert_eq!(secret(&cached, None).await.as_deref(), Ok(expected), "at {now}");
    }
    assert_eq!(script.asked(), 3);
}

#[tokio::test]
async fn a_short_token_is_used_for_three_quarters_of_its_life() {
    let (provider, script) = scripted(MANY, |count| Some(Token::new(format!("token-{count}"), Some(at(1040)))));
    let clock = Hand::at(1000);
    let cached = Cached::new(provider).with_clock(clock.clone());
    for (now, expected) in [(1000, "token-1"), (1029, "token-1"), (1030, "token-2"), (1031, "token-2")] {
        clock.set(now);
        assert_eq!(secret(&cached, None).await.as_deref(), Ok(expected), "at {now}");
    }
    // One that has ended when it comes, by a clock that is wrong perhaps, is given but not kept.
    clock.set(2000);
    assert_eq!(secret(&cached, None).await.as_deref(), Ok("token-3"));
    assert_eq!(secret(&cached, None).await.as_deref(), Ok("token-4"));
    assert_eq!(script.asked(), 4);
}

#[tokio::test]
async fn the_margin_can_be_chosen_and_the_first_token_given() {
    let (provider, script) = scripted(MANY, hourly);
    let clock = Hand::at(1000);
    let cached = Cached::new(provider).with_clock(clock.clone()).with_margin(Duration::from_mins(10));
    let cached = cached.holding(&Token::new("first", Some(at(4600))));
    clock.set(3999);
    assert_eq!(secret(&cached, None).await.as_deref(), Ok("first"));
    clock.set(4000);
    assert_eq!(secret(&cached, None).await.as_deref(), Ok("token-1"));
    assert_eq!(script.asked(), 1);
}

#[tokio::test]
async fn many_callers_wait_for_one_request() {
    let (provider, script) = scripted(0, hourly);
    let cached = Arc::new(Cached::new(provider).with_clock(Hand::at(1000)));
    let callers: Vec<_> = (0..20)
        .map(|_| {
            let cached = Arc::clone(&cached);
            tokio::spawn(async move { secret(&cached, None).await })
        })
        .collect();
    // On one thread, after this every caller has been polled and waits.
    tokio::task::yield_now().await;
    assert_eq!(script.asked(), 1);
    script.permits.add_permits(MANY);
    for caller in callers {
        assert_eq!(caller.await.unwrap().as_deref(), Ok("token-1"));
    }
    assert_eq!(script.asked(), 1);
}

#[tokio::test]
async fn those_who_wait_share_a_failure_and_whoever_comes_later_asks_anew() {
    let (provider, script) = scripted(0, |_| None);
    let cached = Cached::new(provider).with_clock(Hand::at(1000));
    let opening = async {
        tokio::task::yield_now().await;
        script.permits.add_permits(MANY);
    };
    let (first, second, ()) = tokio::join!(secret(&cached, None), secret(&cached, None), opening);
    let expected = Err("the provider of the token failed".to_owned());
    assert_eq!((&first, &second, script.asked()), (&expected, &expected, 1));
    assert_eq!((secret(&cached, None).await, script.asked()), (expected, 2));
}

#[tokio::test]
async fn a_caller_that_is_dropped_or_not_polled_holds_nobody_up() {
    let (provider, script) = scripted(0, hourly);
    let cached = Cached::new(provider).with_clock(Hand::at(1000));
    // It begins the request; then nobody polls it any more.
    let mut idle = Polled(cached.token(None));
    assert!(idle.poll_once().is_pending());
    let mut dropped = Polled(cached.token(None));
    assert!(dropped.poll_once().is_pending());
    drop(dropped);
    script.permits.add_permits(MANY);
    assert_eq!(secret(&cached, None).await.as_deref(), Ok("token-1"));
    assert_eq!(script.asked(), 1);
    assert_eq!(idle.0.await.unwrap().secret(), "token-1");
}

#[tokio::test]
async fn a_request_ends_with_the_last_who_waits_for_it() {
    let (provider, script) = scripted(0, hourly);
    let cached = Cached::new(provider).with_clock(Hand::at(1000));
    let mut first = Polled(cached.token(None));
    assert!(first.poll_once().is_pending());
    drop(first);
    script.permits.add_permits(MANY);
    assert_eq!(secret(&cached, None).await.as_deref(), Ok("token-2"));
    assert_eq!(script.asked(), 2);
}

#[tokio::test]
async fn in_its_last_minute_a_token_is_given_if_there_is_no_other() {
    let (provider, script) = scripted(MANY, failing);
    let clock = Hand::at(1000);
    let cached = Cached::new(provider).with_clock(clock.clone());
    for (now, good, asked) in [(1000, true, 1), (4550, true, 2), (4599, true, 3), (4600, false, 4)] {
        clock.set(now);
        assert_eq!(secret(&cached, None).await.is_ok(), good, "at {now}");
        assert_eq!(script.asked(), asked, "at {now}");
    }
}

#[tokio::test]
async fn a_refused_token_is_not_given_again_to_anybody() {
    let (provider, script) = scripted(MANY, |count| Some(Token::new(format!("token-{count}"), None)));
    let cached = Cached::new(provider).with_clock(Hand::at(1000));
    let first = cached.token(None).await.unwrap();
    assert_eq!(secret(&cached, Some(&first)).await.as_deref(), Ok("token-2"));
    // Others whose requests were refused with the first one need no third.
    assert_eq!(secret(&cached, Some(&first)).await.as_deref(), Ok("token-2"));
    assert_eq!(secret(&cached, None).await.as_deref(), Ok("token-2"));
    assert_eq!(*script.refused.lock().unwrap(), [None, Some("token-1".to_owned())]);

    let (provider, script) = scripted(MANY, |_| Some(Token::new("token-1", None)));
    let cached = Cached::new(provider).with_clock(Hand::at(1000));
    let first = cached.token(None).await.unwrap();
    for refused in [Some(&first), None] {
        assert!(matches!(cached.token(refused).await, Err(TokenError::Refused)));
    }
    assert_eq!(script.asked(), 3);
}

#[tokio::test]
async fn a_request_from_before_a_refusal_may_be_in_vain() {
    let (provider, script) = scripted(0, |count| Some(Token::new(format!("token-{count}"), None)));
    let cached = Cached::new(provider).with_clock(Hand::at(1000));
    let mut before = Polled(cached.token(None));
    assert!(before.poll_once().is_pending());
    script.permits.add_permits(MANY);
    // It waits for the request that is under way; what that brings was refused meanwhile, so there is one more.
    let refused = Token::new("token-1", None);
    assert_eq!(secret(&cached, Some(&refused)).await.as_deref(), Ok("token-2"));
    assert_eq!(before.0.await.unwrap().secret(), "token-2");
    assert_eq!(*script.refused.lock().unwrap(), [None, Some("token-1".to_owned())]);
}

#[test]
fn debug_shows_no_token() {
    let cached = Cached::new(super::super::CommandToken::new("print-it")).holding(&Token::new("s3cret", None));
    let shown = format!("{cached:?}");
    assert!(shown.contains("print-it") && !shown.contains("s3cret"), "{shown}");
}
