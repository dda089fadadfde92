//! Waiting for a share, giving it back, and slow bodies. Time stands still but for the waiting itself.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use http_body::{Frame, SizeHint};
use pentaprism_core::BodyError;
use tokio::time::{Sleep, sleep};

use super::*;

/// A body that brings pieces of one size, each after a pause.
struct Paced {
    pieces: usize,
    size: usize,
    pause: Duration,
    length: Option<u64>,
    sleep: Pin<Box<Sleep>>,
}

impl http_body::Body for Paced {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.pieces == 0 {
            return Poll::Ready(None);
        }
        std::task::ready!(self.sleep.as_mut().poll(cx));
        self.pieces -= 1;
        self.sleep = Box::pin(sleep(self.pause));
        Poll::Ready(Some(Ok(Frame::data(vec![b'x'; self.size].into()))))
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

fn paced(pieces: usize, size: usize, pause: Duration, declared: bool) -> Body {
    let length = declared.then_some((pieces * size) as u64);
    Body::stream(Paced { pieces, size, pause, length, sleep: Box::pin(sleep(pause)) })
}

fn at_once(size: usize) -> Body {
    paced(1, size, Duration::ZERO, true)
}

#[tokio::test(start_paused = true)]
async fn a_body_holds_its_length_until_it_is_dropped() {
    let budget = BodyBudget::new(100);
    let (body, held) = budget.collect(at_once(60), 1000).await.unwrap();
    assert_eq!((body.len(), budget.free()), (60, 40));
    drop(body);
    assert_eq!(budget.free(), 40);
    drop(held);
    assert_eq!(budget.free(), 100);
    let (body, _held) = budget.collect(Body::empty(), 1000).await.unwrap();
    assert_eq!((body.len(), budget.free()), (0, 100));
}

#[tokio::test(start_paused = true)]
async fn without_a_length_the_limit_is_reserved_and_the_surplus_given_back() {
    let budget = BodyBudget::new(1 << 20);
    let (body, held) = budget.collect(paced(3, 10_000, Duration::ZERO, false), 500_000).await.unwrap();
    assert_eq!((body.len(), budget.free()), (30_000, (1 << 20) - 2 * 16 * 1024));
    drop(held);
    let mut waiting = Box::pin(budget.collect(paced(1, 1, Duration::from_secs(1), false), 500_000));
    assert!(waiting.as_mut().now_or_never().is_none());
    assert_eq!(budget.free(), (1 << 20) - 500_000);
    drop(waiting);
    assert_eq!(budget.free(), 1 << 20);
    let (body, _held) = budget.collect(paced(9, 10_000, Duration::ZERO, false), 90_000).await.unwrap();
    assert_eq!((body.len(), budget.free()), (90_000, (1 << 20) - 90_000));
}

#[tokio::test(start_paused = true)]
async fn who_comes_first_is_served_first_and_nobody_waits_for_ever() {
    let budget = BodyBudget::new(100);
    let (_, held) = budget.collect(at_once(60), 1000).await.unwrap();
    let mut large = Box::pin(budget.collect(at_once(80), 1000));
    let mut small = Box::pin(budget.collect(at_once(10), 1000));
    assert!(large.as_mut().now_or_never().is_none());
    assert!(small.as_mut().now_or_never().is_none(), "the small one would fit, but came later");
    drop(held);
    let (large, small) = tokio::join!(large, small);
    assert_eq!(large.as_ref().map(|(body, _)| body.len()).ok(), Some(80));
    assert_eq!(small.map(|(body, _)| body.len()).ok(), Some(10));

    let before = Instant::now();
    assert!(matches!(budget.collect(at_once(30), 1000).await, Err(Refusal::Unavailable)));
    assert_eq!(before.elapsed(), PATIENCE);
    drop(large);
    assert_eq!(budget.free(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_body_beyond_the_budget_takes_all_and_one_beyond_the_limit_nothing() {
    let budget = BodyBudget::new(100);
    let (body, _held) = budget.collect(at_once(300), 1000).await.unwrap();
    assert_eq!((body.len(), budget.free()), (300, 0));
    let refused = budget.collect(at_once(1001), 1000).now_or_never();
    assert!(matches!(refused, Some(Err(Refusal::BodyTooLarge { limit: 1000 }))), "it does not wait");
    let budget = BodyBudget::new(10_000);
    let refused = budget.collect(paced(11, 100, Duration::ZERO, false), 1000).await;
    assert!(matches!(refused, Err(Refusal::BodyTooLarge { limit: 1000 })));
    assert_eq!(budget.free(), 10_000);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_holds_a_share_must_not_be_slow() {
    let budget = BodyBudget::new(10 << 20);
    let second = Duration::from_secs(1);
    let (body, held) = budget.collect(paced(60, 64 * 1024, second, true), 10 << 20).await.unwrap();
    assert_eq!(body.len(), 60 * 64 * 1024);
    drop(held);
    let before = Instant::now();
    let refused = budget.collect(paced(60, 32 * 1024, second, true), 10 << 20).await;
    assert!(matches!(refused, Err(Refusal::BodyStalled(_))));
    assert_eq!(before.elapsed().as_secs(), 19, "half the speed lasts for twice the grace");
    let before = Instant::now();
    let refused = budget.collect(paced(1, 10, Duration::from_hours(1), true), 1000).await;
    assert!(matches!(refused, Err(Refusal::BodyStalled(after)) if after == GRACE && before.elapsed() == GRACE));
    assert_eq!(budget.free(), 10 << 20);
}
