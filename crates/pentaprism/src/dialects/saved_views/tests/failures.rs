//! Tests of what goes wrong on the way: clients that go away, and a store that fails.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use futures_util::poll;
use http_body::Frame;
use pentaprism_core::BodyError;

use super::*;

/// A body that stops coming after its first piece.
struct Halted(Option<Bytes>);

impl http_body::Body for Halted {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.0.take() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None => Poll::Pending,
        }
    }
}

/// A body that breaks off.
struct Broken;

impl http_body::Body for Broken {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(Some(Err(BodyError::Interrupted("the connection is gone".into()))))
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_nothing() {
    let world = World::new().await;
    world.put(&picture(500, 4)).await.expect_empty();
    let (free, usage) = (world.views.bodies.free(), world.usage().await);
    let first = update(&picture(100, 5))[..300].to_vec().into();
    let path = image(DEFAULT_SAVED_VIEW);
    {
        let mut sending = Box::pin(world.send(OWNER, "PUT", &path, Body::stream(Halted(Some(first)))));
        assert!(poll!(sending.as_mut()).is_pending());
        assert!(world.views.bodies.free() < free);
    }
    assert_eq!((world.views.bodies.free(), world.usage().await), (free, usage));
    let broken = world.send(OWNER, "PUT", &path, Body::stream(Broken)).await;
    broken.expect_refusal(400, "BadRequest");
    assert_eq!(look(&world.pictures().await.0), (500, 4));
    world.put(&picture(500, 6)).await.expect_empty();
    assert_eq!(look(&world.pictures().await.0), (500, 6));
}

#[tokio::test]
async fn a_store_that_fails_leaves_the_earlier_picture() {
    type Switch = fn(&Faults, bool);
    let switches: [(Switch, u16, &str); 5] = [
        (Faults::disk_full, 413, "There is no space left for the image."),
        (Faults::read_only, 500, "The storage cannot be written at the moment."),
        (Faults::io_error, 500, "The request could not be processed because of an internal error."),
        (Faults::fail_reads, 500, "The request could not be processed because of an internal error."),
        (Faults::hang_reads, 500, "The storage did not answer in time."),
    ];
    let (world, faults) = World::faulty().await;
    world.put(&picture(500, 4)).await.expect_empty();
    let before = (world.href("full").await, world.links().await, world.usage().await);
    for (switch, status, message) in switches {
        switch(&faults, true);
        let code = if status == 413 { "RequestEntityTooLarge" } else { "InternalServerError" };
        assert_eq!(world.put(&picture(450, 5)).await.expect_refusal(status, code), message);
        switch(&faults, false);
        assert_eq!((world.href("full").await, world.links().await, world.usage().await), before, "{message}");
        assert_eq!(look(&world.pictures().await.0), (500, 4), "{message}");
    }
    world.put(&picture(450, 6)).await.expect_empty();
    assert_eq!(look(&world.pictures().await.0), (450, 6));
}

#[tokio::test]
async fn a_store_that_hangs_blocks_no_view_for_ever() {
    let (world, faults) = World::faulty().await;
    world.put(&picture(500, 4)).await.expect_empty();
    faults.hang(true);
    let message = world.put(&picture(500, 5)).await.expect_refusal(500, "InternalServerError");
    assert_eq!(message, "The storage did not answer in time.");
    {
        // This one goes away while the store holds it up.
        let other = picture(500, 6);
        let mut leaving = Box::pin(world.put(&other));
        tokio::select! {
            _ = &mut leaving => {}
            () = faults.hung() => {}
        }
    }
    faults.hang(false);
    assert_eq!(look(&world.pictures().await.0), (500, 4));
    world.put(&picture(500, 7)).await.expect_empty();
    assert_eq!((look(&world.pictures().await.0), world.links().await), ((500, 7), 2));
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_whole() {
    let (world, faults) = World::faulty().await;
    world.put(&picture(500, 4)).await.expect_empty();
    faults.lose_commits(1);
    let answered = world.put(&picture(600, 5)).await;
    // The store found out what became of it, or says that it does not know; both sizes agree in any case.
    assert!(matches!(answered.status.as_u16(), 204 | 500), "{answered:?}");
    let (full, thumbnail) = world.pictures().await;
    let (full, thumbnail) = (look(&full), look(&thumbnail));
    assert_eq!((full.1, thumbnail.0), (thumbnail.1, 400));
    assert_eq!(world.links().await, 2);
    world.put(&picture(600, 6)).await.expect_empty();
    assert_eq!((look(&world.pictures().await.0), world.links().await), ((600, 6), 2));
}

#[tokio::test]
async fn other_operations_say_what_the_store_cannot_do() {
    let (world, faults) = World::faulty().await;
    world.put(&picture(500, 4)).await.expect_empty();
    faults.read_only(true);
    let deleted = world.send(OWNER, "DELETE", &view(DEFAULT_SAVED_VIEW), Body::empty()).await;
    let message = deleted.expect_refusal(500, "InternalServerError");
    assert_eq!(message, "The storage cannot be written at the moment.");
    faults.read_only(false);
    // Small ones are read while they are opened, large ones while they are sent.
    for (side, status) in [(500, 500), (600, 200)] {
        world.put(&picture(side, 5)).await.expect_empty();
        let href = world.href("full").await;
        faults.damage(true);
        let path = href.strip_prefix(BASE_URL).expect("a link to this server").to_owned();
        let response = world.public.answer(Request::get(path).body(Body::empty()).expect("a request")).await;
        assert_eq!(response.status().as_u16(), status);
        let whole = response.into_body().collect(1 << 20).await.is_ok();
        assert_eq!(whole, status == 500, "damaged bytes are not handed out as a whole");
        faults.damage(false);
    }
}

/// Carries on with a request until it has waited so many times, and drops it then. Whether it came to its end.
async fn leave_after(waits: usize, request: impl Future<Output = Answered>) -> bool {
    let (mut request, mut waited) = (pin!(request), 0);
    poll_fn(|cx| match request.as_mut().poll(cx) {
        Poll::Ready(answered) => {
            answered.expect_empty();
            Poll::Ready(true)
        }
        Poll::Pending => {
            waited += 1;
            if waited == waits { Poll::Ready(false) } else { Poll::Pending }
        }
    })
    .await
}

#[tokio::test]
async fn a_picture_whose_sender_left_does_not_make_the_next_change_fail() {
    let world = World::new().await;
    for waits in 1.. {
        let id = world.create(false).await;
        let path = image(&id);
        let ended = leave_after(waits, world.send(OWNER, "PUT", &path, update(&picture(20, 1)))).await;
        // The store may make the first change behind the look of the second.
        world.send(OWNER, "DELETE", &view(&id), Body::empty()).await.expect_empty();
        let id = world.create(false).await;
        let path = image(&id);
        leave_after(waits, world.send(OWNER, "PUT", &path, update(&picture(20, 1)))).await;
        world.send(OWNER, "PUT", &path, update(&picture(20, 2))).await.expect_empty();
        if ended {
            break;
        }
    }
    world.close().await;
}
