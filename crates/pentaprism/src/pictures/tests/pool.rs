//! The pool's bounds: places, workers, memory and time, and that what was taken comes back.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::yield_now;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::making::{RGB, quadrants};
use crate::pictures::stop::Stop;
use crate::pictures::{Damage, Format, PictureError, Pool, PoolLimits, USUAL_MAX_PIXELS};

const MEBIBYTE: u64 = 1024 * 1024;

fn limits(workers: usize, queue: usize) -> PoolLimits {
    let workers = NonZeroUsize::new(workers).unwrap();
    PoolLimits { workers, queue, memory_bytes: 4 * MEBIBYTE, ..PoolLimits::default() }
}

/// A job that runs until it is let go, or asked to stop.
struct Held {
    began: oneshot::Receiver<()>,
    go: mpsc::Sender<()>,
    ended: oneshot::Receiver<()>,
    call: tokio::task::JoinHandle<Result<(), PictureError>>,
}

fn hold(pool: &Pool, memory: u64) -> Held {
    let (tell_began, began) = oneshot::channel();
    let (tell_ended, ended) = oneshot::channel();
    let (go, wait) = mpsc::channel::<()>();
    let pool = pool.clone();
    let job = move |stop: &Stop| {
        let _ = tell_began.send(());
        while !stop.is_asked() && wait.try_recv().is_err() {
            yield_now();
        }
        let _ = tell_ended.send(());
        stop.check()
    };
    let call = tokio::spawn(async move { pool.run(memory, job).await });
    Held { began, go, ended, call }
}

#[tokio::test]
async fn pictures_go_through() {
    let pool = Pool::new(limits(1, 4));
    let source = Bytes::from(quadrants(RGB, 90, 60));
    let thumbnail = pool.thumbnail(source.clone(), 30, USUAL_MAX_PIXELS).await.unwrap();
    assert_eq!((thumbnail.width, thumbnail.height, thumbnail.is_the_picture), (30, 20, false));
    assert_eq!(pool.to_png(source.clone(), USUAL_MAX_PIXELS).await.unwrap(), source);
    let jpeg = Bytes::from_static(include_bytes!("fixtures/baseline.jpg"));
    assert!(pool.to_png(jpeg.clone(), USUAL_MAX_PIXELS).await.unwrap().starts_with(b"\x89PNG"));
    let refused = pool.thumbnail(jpeg, 30, USUAL_MAX_PIXELS).await;
    assert!(matches!(refused, Err(PictureError::NotPng { found: Format::Jpeg })));
}

#[tokio::test]
async fn more_than_may_wait_are_refused() {
    let pool = Pool::new(limits(1, 1));
    let first = hold(&pool, 0);
    first.began.await.unwrap();
    let mut second = std::pin::pin!(pool.run(0, Stop::check));
    assert!(futures_util::poll!(second.as_mut()).is_pending());
    let third = pool.run(0, Stop::check).await.unwrap_err();
    assert!(matches!(third, PictureError::Busy { waiting: 1 }) && third.is_temporary());
    first.go.send(()).unwrap();
    second.await.unwrap();
    first.call.await.unwrap().unwrap();
}

#[tokio::test]
async fn one_that_needs_more_than_all_may_have_is_refused() {
    let pool = Pool::new(limits(1, 1));
    let refused = pool.run(4 * MEBIBYTE + 1, Stop::check).await;
    assert!(matches!(refused, Err(PictureError::TooLarge { needed, limit }) if needed == limit + 1));
    pool.run(4 * MEBIBYTE, Stop::check).await.unwrap();
    let pool = Pool::new(PoolLimits { memory_bytes: MEBIBYTE, ..limits(1, 1) });
    let source = quadrants(RGB, 4000, 1000);
    let wide = pool.thumbnail(source.into(), 400, USUAL_MAX_PIXELS).await;
    assert!(matches!(wide, Err(PictureError::TooLarge { .. })), "{wide:?}");
}

#[tokio::test]
async fn memory_is_waited_for_in_the_order_of_arrival() {
    let pool = Pool::new(limits(4, 4));
    let first = hold(&pool, 3 * MEBIBYTE);
    first.began.await.unwrap();
    let order = Arc::new(AtomicUsize::new(0));
    let numbered = |memory| {
        let (pool, order) = (pool.clone(), Arc::clone(&order));
        async move { pool.run(memory, move |_| Ok(order.fetch_add(1, Ordering::SeqCst))).await.unwrap() }
    };
    let (mut large, mut small) = (std::pin::pin!(numbered(4 * MEBIBYTE)), std::pin::pin!(numbered(1)));
    assert!(futures_util::poll!(large.as_mut()).is_pending());
    assert!(futures_util::poll!(small.as_mut()).is_pending());
    first.go.send(()).unwrap();
    assert_eq!(tokio::join!(large, small), (0, 1));
}

#[tokio::test]
async fn a_job_that_nobody_waits_for_ends_and_gives_back_what_it_took() {
    let pool = Pool::new(limits(1, 0));
    let held = hold(&pool, 4 * MEBIBYTE);
    held.began.await.unwrap();
    held.call.abort();
    held.ended.await.unwrap();
    // The worker returns its place right after that.
    while matches!(pool.run(4 * MEBIBYTE, Stop::check).await, Err(PictureError::Busy { .. })) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn waiting_and_working_have_deadlines() {
    let short = Duration::from_millis(5);
    let pool = Pool::new(PoolLimits { longest_work: short, ..limits(1, 1) });
    let held = hold(&pool, 0);
    held.ended.await.unwrap();
    assert!(matches!(held.call.await.unwrap(), Err(PictureError::Deadline { limit }) if limit == short));

    let pool = Pool::new(PoolLimits { longest_wait: short, ..limits(1, 1) });
    let held = hold(&pool, 0);
    held.began.await.unwrap();
    let waited = pool.run(0, Stop::check).await.unwrap_err();
    assert!(matches!(waited, PictureError::Deadline { limit } if limit == short) && waited.is_temporary());
    held.go.send(()).unwrap();
    held.call.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_panic_is_damage() {
    let pool = Pool::new(limits(1, 0));
    let judged: Result<(), _> = pool.run(0, |_| panic!("a decoder's bug")).await;
    assert!(matches!(judged, Err(PictureError::Damaged(Damage::Decoder))));
    while matches!(pool.run(0, Stop::check).await, Err(PictureError::Busy { .. })) {
        tokio::task::yield_now().await;
    }
}
