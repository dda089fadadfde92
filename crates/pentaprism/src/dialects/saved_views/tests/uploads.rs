//! Tests of pictures: they replace one another as a whole, and links lead to the one that they were made for.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::*;

#[tokio::test]
async fn a_picture_is_there_in_both_sizes() {
    let world = World::new().await;
    let large = picture(1000, 7);
    world.put(&large).await.expect_empty();
    let (full, thumbnail) = world.pictures().await;
    assert_eq!((full, look(&thumbnail)), (Bytes::from(large), (400, 7)));
    let small = picture(400, 8);
    world.put(&small).await.expect_empty();
    let (full, thumbnail) = world.pictures().await;
    assert_eq!((&full, &thumbnail), (&Bytes::from(small), &full));
    assert_eq!(world.links().await, 2);
    let shown = world.send(OWNER, "GET", &view(DEFAULT_SAVED_VIEW), Body::empty()).await.expect(200);
    let (created, modified) = (&shown["savedView"]["creationTime"], &shown["savedView"]["lastModified"]);
    assert!(created.as_str() <= modified.as_str(), "{created} {modified}");
}

#[tokio::test]
async fn old_links_are_dead_after_a_new_picture() {
    let world = World::new().await;
    world.put(&picture(500, 1)).await.expect_empty();
    let old = [world.href("full").await, world.href("thumbnail").await];
    world.put(&picture(500, 2)).await.expect_empty();
    let new = [world.href("full").await, world.href("thumbnail").await];
    for (old, new) in old.iter().zip(&new) {
        assert_ne!(old, new);
        assert_eq!(world.follow(old).await.status, StatusCode::NOT_FOUND);
        assert_eq!(look(&world.follow(new).await.body).1, 2);
    }
}

#[tokio::test]
async fn many_small_pictures_at_once_wait_for_their_turn() {
    let world = World::new().await;
    let pictures: Vec<Vec<u8>> = (0..150).map(|shade| picture(20, shade)).collect();
    for answered in join_all(pictures.iter().map(|picture| world.put(picture))).await {
        answered.expect_empty();
    }
    assert_eq!(world.links().await, 2);
}

#[tokio::test]
async fn concurrent_pictures_are_never_mixed() {
    let world = World::new().await;
    let puts = (0..24_u8).map(|shade| {
        let world = world.clone();
        // Some fit as they are, some need a thumbnail of their own.
        let picture = picture(390 + u32::from(shade), shade);
        async move { world.put(&picture).await.expect_empty() }
    });
    let looks = (0..12).map(|_| {
        let world = world.clone();
        async move {
            // Whichever picture it is at the moment, each link leads to one whole picture or nowhere any more.
            let path = format!("{}?size=full", image(DEFAULT_SAVED_VIEW));
            let answered = world.send(OWNER, "GET", &path, Body::empty()).await;
            if answered.status == StatusCode::OK {
                let href = answered.expect(200)["href"].as_str().expect("a text").to_owned();
                let found = world.follow(&href).await;
                if found.status == StatusCode::OK {
                    let (side, shade) = look(&found.body);
                    assert_eq!(side, 390 + u32::from(shade));
                }
            }
        }
    });
    futures_util::future::join(join_all(puts), join_all(looks)).await;
    let (full, thumbnail) = world.pictures().await;
    let ((side, shade), (_, small)) = (look(&full), look(&thumbnail));
    assert_eq!((side, shade), (390 + u32::from(shade), small));
    assert_eq!(world.links().await, 2);
    assert_eq!(world.usage().await.1, 0, "nothing is reserved any more");
}

#[tokio::test]
async fn the_memory_for_bodies_is_given_back() {
    let world = World::new().await;
    let free = world.views.bodies.free();
    let picture = picture(250, 5);
    let puts = (0..50).map(|_| world.put(&picture));
    let statuses: BTreeSet<_> = join_all(puts).await.into_iter().map(|answered| answered.status).collect();
    assert_eq!(statuses, BTreeSet::from([StatusCode::NO_CONTENT]));
    assert_eq!(world.views.bodies.free(), free);
}

#[tokio::test]
async fn pictures_and_thumbnails_stay_within_the_quota() {
    let mut settings = settings();
    settings.saved_views.quota_bytes = Some(400_000);
    let world = World::with(settings).await;
    for shade in 0..4 {
        // The earlier one counts until the new one is there.
        world.put(&picture(300, shade)).await.expect_empty();
    }
    let usage = world.usage().await;
    let message = world.put(&picture(600, 9)).await.expect_refusal(413, "RequestEntityTooLarge");
    assert_eq!(message, "The image exceeds the 400000 bytes that all images may have together.");
    assert_eq!((look(&world.pictures().await.0), world.usage().await), ((300, 3), usage));
}

#[tokio::test]
async fn a_refused_picture_leaves_the_earlier_one() {
    let world = World::new().await;
    world.put(&picture(500, 9)).await.expect_empty();
    let before = (world.href("full").await, world.href("thumbnail").await, world.usage().await);
    let whole = picture(50, 1);
    let mut damaged = whole.clone();
    damaged[60] ^= 1;
    for wrong in [&whole[..whole.len() - 1], &damaged, b"GIF89a", b"\xff\xd8\xff\xe0"] {
        let refused = world.put(wrong).await.expect(422);
        let error = json!({"code": "InvalidSavedviewsRequest", "message": "Cannot update savedview.", "details": [
            {"code": "InvalidRequestBody", "message": "image must be a base64Image.", "target": "image"},
        ]});
        assert_eq!(refused["error"], error);
    }
    assert_eq!((world.href("full").await, world.href("thumbnail").await, world.usage().await), before);
    assert_eq!(look(&world.pictures().await.0), (500, 9));
}

#[tokio::test]
async fn pictures_that_would_fill_the_memory_are_not_decoded() {
    let world = World::new().await;
    let small = picture(1, 1);
    for (width, height) in [(10_000_u32, 10_000_u32), (65_536, 1), (u32::MAX, u32::MAX)] {
        let mut bomb = small.clone();
        bomb[16..20].copy_from_slice(&width.to_be_bytes());
        bomb[20..24].copy_from_slice(&height.to_be_bytes());
        let checksum = crc32fast::hash(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&checksum.to_be_bytes());
        let refused = world.put(&bomb).await.expect(422);
        let message = refused["error"]["details"][0]["message"].as_str().expect("a text").to_owned();
        // The last one is no PNG at all: sides have 31 bits.
        let expected =
            if width == u32::MAX { "image must be a base64Image." } else { "image must have at most 50000000 pixels." };
        assert_eq!(message, expected, "{width} x {height}");
    }
}
