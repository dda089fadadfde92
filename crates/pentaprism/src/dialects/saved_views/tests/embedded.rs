//! Tests of pictures inside of answers: data URLs that are encoded while they are sent.

use http_body::Body as _;

use super::super::embedded::{Embedded, Picture};
use super::*;
use crate::settings::Href;

async fn world() -> World {
    let mut settings = settings();
    settings.saved_views.href = Href::Data;
    World::with(settings).await
}

#[tokio::test]
async fn data_urls_hold_the_very_bytes() {
    let world = world().await;
    let links = image(DEFAULT_SAVED_VIEW);
    world.send(OWNER, "GET", &links, Body::empty()).await.expect_refusal(404, "ImageNotFound");
    // Of all lengths modulo three, and larger than a block.
    for side in [1, 2, 3, 4, 5, 399, 1100] {
        let picture = picture(side, 7);
        world.put(&picture).await.expect_empty();
        let encoded = format!("{PREFIX}{}", STANDARD.encode(&picture));
        assert_eq!(world.href("full").await, encoded, "{side}");
        if side <= 400 {
            assert_eq!(world.href("thumbnail").await, encoded, "{side}");
        } else {
            let thumbnail = world.href("thumbnail").await;
            assert_eq!(look(&STANDARD.decode(&thumbnail[PREFIX.len()..]).unwrap()), (400, 7));
        }
    }
}

#[tokio::test]
async fn an_answer_knows_its_length_and_is_sent_in_pieces() {
    let world = world().await;
    let picture = picture(1900, 7);
    world.put(&picture).await.expect_empty();
    let request = Request::get(format!("{}?size=full", image(DEFAULT_SAVED_VIEW)));
    let request = request.header("authorization", format!("Bearer {OWNER}")).body(Body::empty()).expect("a request");
    let mut body = world.views.answer(request).await.into_body();
    let announced = body.size_hint().exact().expect("a length");
    let (mut sent, mut largest) = (0, 0);
    while let Some(piece) = body.data().await {
        let length = piece.expect("a piece").len() as u64;
        (sent, largest) = (sent + length, largest.max(length));
    }
    assert_eq!((sent, body.is_end_stream()), (announced, true));
    assert!(largest < 1_500_000 && sent > 4_000_000, "{largest} of {sent}");
}

#[tokio::test]
async fn a_block_that_cannot_be_read_cuts_the_answer() {
    let (world, faults) = World::faulty().await;
    // Larger than what is read while it is opened.
    world.put(&picture(600, 7)).await.expect_empty();
    let name = world.store.get(&super::super::view::key(DEFAULT_SAVED_VIEW)).await.unwrap().unwrap();
    let reader = world.store.open_content(name.content.unwrap()).await.unwrap();
    faults.damage(true);
    let embedded = Embedded::default();
    embedded.set(Picture::of(&reader).unwrap());
    let response = embedded.put_into(http::Response::new(Body::from(r#"{"href":"data:"}"#)));
    assert!(response.into_body().collect(1 << 20).await.is_err());
}
