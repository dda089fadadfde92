//! Bytes: stored, read back, refused in the right order, and what is left when an upload does not end well.

use super::*;
use crate::settings::{Follow, HashAlgorithm};

const TEXT: &str = "The quick brown fox jumps over the lazy dog";
const MD5: &str = "9e107d9d372bb6826bd81d3542a419d6";

/// Bytes that the owner's images hold and have reserved.
async fn held(world: &World) -> (u64, u64) {
    let usage = world.store.usage("glance", &format!("projects/{OWNERS_PROJECT}")).await.expect("the store answers");
    (usage.bytes, usage.reserved)
}

async fn following(follow: Follow) -> World {
    let mut settings = settings();
    settings.glance.follow = follow;
    World::with(settings).await
}

#[tokio::test]
async fn bytes_are_stored_and_read_back() {
    let world = World::new().await;
    world.image(IMAGE, json!({})).await;
    let empty = world.get(OWNER, &format!("/v2/images/{IMAGE}/file")).await;
    assert_eq!((empty.status, empty.body.len()), (StatusCode::NO_CONTENT, 0));

    let stored = world.upload(OWNER, IMAGE, TEXT).await;
    assert_eq!((stored.status, stored.body.len()), (StatusCode::NO_CONTENT, 0), "{}", stored.text());
    assert_eq!(stored.header("content-type"), Some("text/html; charset=UTF-8"));
    let image = world.get(OWNER, &format!("/v2/images/{IMAGE}")).await.json();
    assert_eq!((&image["status"], &image["size"], &image["virtual_size"]), (&json!("active"), &json!(43), &json!(43)));
    assert_eq!(image["checksum"], MD5);
    assert_eq!(image["os_hash_algo"], "sha512");
    let sha512 = image["os_hash_value"].as_str().unwrap();
    assert!(
        sha512.len() == 128 && sha512.starts_with("07e547d9586f6a73f73fbac0435ed76951218fb7d0c8d788a309d785436bbb64")
    );

    let read = world.get(OWNER, &format!("/v2/images/{IMAGE}/file")).await;
    assert_eq!((read.status, read.text().as_str()), (StatusCode::OK, TEXT));
    assert_eq!(read.header("content-md5"), Some("9e107d9d372bb6826bd81d3542a419d6"));
    assert_eq!(read.header("accept-ranges"), Some("bytes"));
    let part = request(OWNER, "GET", &format!("/v2/images/{IMAGE}/file")).header("range", "bytes=4-8");
    let part = world.call(part.body(Body::empty()).unwrap()).await;
    assert_eq!((part.status, part.text().as_str()), (StatusCode::PARTIAL_CONTENT, "quick"));
    assert_eq!(part.header("content-range"), Some("bytes 4-8/43"));
    assert_eq!(part.header("content-md5"), Some("9e107d9d372bb6826bd81d3542a419d6"));
    let part = request(OWNER, "GET", &format!("/v2/images/{IMAGE}/file")).header("range", "bytes=4-8");
    let whole = world.call(part.header("if-range", "\"9e107d9d\"").body(Body::empty()).unwrap()).await;
    assert_eq!((whole.status, whole.text().as_str()), (StatusCode::OK, TEXT));
    assert_eq!(held(&world).await, (43, 0));
}

#[tokio::test]
async fn the_second_digest_is_the_one_that_is_set_and_stays_with_its_image() {
    let first = World::new().await;
    let mut worlds = Vec::new();
    for (count, algorithm, digest) in [
        (1, HashAlgorithm::Sha512, "07e547d9586f6a73f73fbac0435ed76951218fb7d0c8d788a309d785436bbb64"),
        (2, HashAlgorithm::Sha256, "d7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592"),
        (3, HashAlgorithm::Md5, "9e107d9d372bb6826bd81d3542a419d6"),
    ] {
        let mut settings = settings();
        settings.glance.hashing_algorithm = algorithm;
        let world = World::over(settings, first.store.clone());
        let id = format!("00000000-0000-4000-8000-{count:012}");
        world.image(&id, json!({})).await;
        assert_eq!(world.upload(OWNER, &id, TEXT).await.status, StatusCode::NO_CONTENT);
        let listed = world.get(OWNER, &format!("/v2/images?os_hash_algo={}", algorithm.name())).await.json();
        assert_eq!(
            (listed["images"][0]["id"].as_str(), listed["images"].as_array().unwrap().len()),
            (Some(&id[..]), 1)
        );
        worlds.push((world, id, algorithm, digest));
    }
    let (last, ..) = worlds.last().unwrap();
    for (_, id, algorithm, digest) in &worlds {
        let image = last.get(OWNER, &format!("/v2/images/{id}")).await.json();
        assert_eq!((&image["os_hash_algo"], &image["checksum"]), (&json!(algorithm.name()), &json!(MD5)));
        assert!(image["os_hash_value"].as_str().unwrap().starts_with(digest), "{image}");
    }
}

#[tokio::test]
async fn large_bodies_of_unknown_length_are_the_same() {
    let world = World::new().await;
    world.image(IMAGE, json!({})).await;
    let bytes: Vec<u8> = (0..3_000_001_u32).map(|number| u8::try_from(number % 251).unwrap()).collect();
    assert_eq!(world.upload(OWNER, IMAGE, chunked(bytes.clone())).await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.get(OWNER, &format!("/v2/images/{IMAGE}/file")).await.body, bytes);
    let part = request(OWNER, "GET", &format!("/v2/images/{IMAGE}/file")).header("range", "bytes=2999990-");
    assert_eq!(world.call(part.body(Body::empty()).unwrap()).await.body, bytes[2_999_990..]);
}

#[tokio::test]
async fn while_an_upload_runs_the_image_is_saving_and_takes_no_other() {
    let world = World::new().await;
    world.image(IMAGE, json!({})).await;
    let (first, held_back) = world.open_upload(IMAGE, b"the first upload", false).await;
    assert_eq!(world.status(IMAGE).await, "saving");
    let second = world.upload(OWNER, IMAGE, "the second").await;
    assert_eq!(second.status, StatusCode::CONFLICT);
    assert!(second.text().contains("Image status transition from saving to saving is not allowed"));
    held_back.finish();
    assert_eq!(first.await.unwrap().status, StatusCode::NO_CONTENT);
    assert_eq!(world.get(OWNER, &format!("/v2/images/{IMAGE}/file")).await.text(), "the first upload");
    let third = world.upload(OWNER, IMAGE, "the third").await;
    assert_eq!(third.status, StatusCode::CONFLICT);
    assert!(third.text().contains("Image status transition from active to saving is not allowed"));
}

#[tokio::test]
async fn an_image_deleted_during_its_upload_is_gone_with_its_bytes() {
    let world = World::new().await;
    world.image(IMAGE, json!({})).await;
    let (running, held_back) = world.open_upload(IMAGE, b"these bytes come too late", true).await;
    let deleted = world.ask(OWNER, "DELETE", &format!("/v2/images/{IMAGE}"), Body::empty()).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    held_back.finish();
    let ended = running.await.unwrap();
    assert_eq!(ended.status, StatusCode::GONE);
    assert!(ended.text().contains(&format!("Image {IMAGE} could not be found after upload.")), "{}", ended.text());
    assert_eq!(held(&world).await, (0, 0));
    assert_eq!(world.get(OWNER, &format!("/v2/images/{IMAGE}/file")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_the_image_queued() {
    let world = World::new().await;
    world.image(IMAGE, json!({})).await;
    for chunked in [true, false] {
        let (running, held_back) = world.open_upload(IMAGE, b"only the first half", chunked).await;
        held_back.abort();
        assert_eq!(running.await.unwrap().status, StatusCode::BAD_REQUEST);
        assert_eq!(world.status(IMAGE).await, "queued");
        assert_eq!(held(&world).await, (0, 0));
    }
    // A client that is gone: its request is dropped in the middle.
    let (running, held_back) = world.open_upload(IMAGE, b"only the first half", true).await;
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    drop(held_back);
    assert_eq!(world.upload(OWNER, IMAGE, TEXT).await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.get(OWNER, &format!("/v2/images/{IMAGE}/file")).await.text(), TEXT);
}

#[tokio::test]
async fn empty_uploads_are_500_by_the_document_and_204_by_the_service() {
    let world = following(Follow::Document).await;
    world.image(IMAGE, json!({})).await;
    for body in [Body::empty(), chunked("")] {
        let refused = world.upload(OWNER, IMAGE, body).await;
        assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(refused.text().contains("The body of the upload is empty."), "{}", refused.text());
        assert_eq!(world.status(IMAGE).await, "queued");
    }
    assert_eq!(world.upload(OWNER, IMAGE, TEXT).await.status, StatusCode::NO_CONTENT);

    let world = following(Follow::Service).await;
    for (id, body) in [(IMAGE, Body::empty()), ("00000000-0000-4000-8000-000000000001", chunked(""))] {
        world.image(id, json!({})).await;
        assert_eq!(world.upload(OWNER, id, body).await.status, StatusCode::NO_CONTENT);
        let image = world.get(OWNER, &format!("/v2/images/{id}")).await.json();
        assert_eq!((&image["status"], &image["size"]), (&json!("active"), &json!(0)));
        assert_eq!(image["checksum"], "d41d8cd98f00b204e9800998ecf8427e");
        let read = world.get(OWNER, &format!("/v2/images/{id}/file")).await;
        assert_eq!((read.status, read.body.len()), (StatusCode::OK, 0));
    }
}

#[tokio::test]
async fn the_announced_size_has_to_be_met() {
    let world = World::new().await;
    world.image(IMAGE, json!({})).await;
    for (size, body, text) in [
        ("ten", Body::from(TEXT), "Invalid or missing image size in request headers."),
        ("ä", Body::from(TEXT), "Invalid or missing image size in request headers."),
        ("-1", Body::from(TEXT), "Invalid or missing image size in request headers."),
        ("+43", Body::from(TEXT), "Invalid or missing image size in request headers."),
        ("99999999999999999999", Body::from(TEXT), "Invalid or missing image size in request headers."),
        ("10", Body::from(TEXT), "Size exceeds: expected 10 bytes, got 43 bytes"),
        ("10", chunked(TEXT), "Size exceeds: expected 10 bytes, got 43 bytes"),
        ("100", Body::from(TEXT), "Size mismatch: expected 100 bytes, got 43 bytes"),
        ("100", chunked(TEXT), "Size mismatch: expected 100 bytes, got 43 bytes"),
    ] {
        let request = upload(OWNER, IMAGE).header("x-openstack-image-size", size);
        let refused = world.call(request.body(body).unwrap()).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{size}");
        assert!(refused.text().contains(text), "{}", refused.text());
        assert_eq!(world.status(IMAGE).await, "queued");
    }
    let unknown = upload(OWNER, "00000000-0000-4000-8000-000000000003").header("x-openstack-image-size", "ä");
    assert_eq!(world.call(unknown.body(Body::from(TEXT)).unwrap()).await.status, StatusCode::NOT_FOUND);
    let request = upload(OWNER, IMAGE).header("x-openstack-image-size", "43");
    assert_eq!(world.call(request.body(chunked(TEXT)).unwrap()).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn the_first_of_two_mistakes_is_answered() {
    let world = World::new().await;
    let (unset, private) = ("00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002");
    let unknown = "00000000-0000-4000-8000-000000000003";
    world.image(IMAGE, json!({"visibility": "community"})).await;
    assert_eq!(world.upload(OWNER, IMAGE, TEXT).await.status, StatusCode::NO_CONTENT);
    world.image(unset, json!({"disk_format": null, "visibility": "community"})).await;
    world.image(private, json!({"visibility": "private"})).await;
    let octets = "application/octet-stream";
    for (token, id, media_type, store, expected, text) in [
        ("", "x", "text/plain", "nope", 401, "requires authentication"),
        (OWNER, "x", "text/plain", "nope", 415, "text/plain"),
        (OWNER, "x", "", "nope", 415, "has none"),
        (STRANGER, "x", octets, "nope", 400, "No image found with ID x"),
        (STRANGER, unknown, octets, "nope", 404, "No image found with ID"),
        (STRANGER, private, octets, "nope", 404, "No image found with ID"),
        (STRANGER, IMAGE, octets, "nope", 403, "complete upload_image action"),
        (STRANGER, unset, octets, "nope", 403, "complete upload_image action"),
        (READER, unset, octets, "nope", 403, "complete upload_image action"),
        (OWNER, IMAGE, octets, "nope", 409, "from active to saving"),
        (OWNER, unset, octets, "nope", 400, "Property disk_format must be set prior to saving data."),
        (OWNER, private, octets, "nope", 400, "Store for identifier nope not found"),
        (OWNER, private, octets, "", 500, "is empty"),
    ] {
        let path = format!("/v2/images/{id}/file");
        let request =
            request(token, "PUT", &path).header("content-type", media_type).header("x-image-meta-store", store);
        let refused = world.call(request.body(Body::empty()).unwrap()).await;
        assert_eq!(refused.status, expected, "{token} {id}: {}", refused.text());
        assert!(refused.text().contains(text), "{}", refused.text());
    }
}

#[tokio::test]
async fn content_types_are_compared_without_case_and_parameters() {
    let world = World::new().await;
    for (number, media_type) in [(1, "Application/Octet-Stream"), (2, "application/octet-stream; charset=x")] {
        let id = format!("00000000-0000-4000-8000-00000000000{number}");
        world.image(&id, json!({})).await;
        let request = request(OWNER, "PUT", &format!("/v2/images/{id}/file")).header("content-type", media_type);
        assert_eq!(world.call(request.body(Body::from(TEXT)).unwrap()).await.status, StatusCode::NO_CONTENT);
    }
    let missing = request(OWNER, "PUT", &format!("/v2/images/{IMAGE}/file")).body(Body::from(TEXT)).unwrap();
    assert_eq!(world.call(missing).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_is_never_passed_by_parallel_uploads() {
    let mut settings = settings();
    settings.glance.quota_bytes = Some(5 * 43 + 10);
    let world = World::with(settings).await;
    let ids: Vec<_> = (0..20).map(|number| format!("00000000-0000-4000-8000-0000000000{number:02}")).collect();
    let mut uploads = tokio::task::JoinSet::new();
    for (number, id) in ids.iter().enumerate() {
        world.image(id, json!({})).await;
        let (world, id) = (world.clone(), id.clone());
        let body = if number % 2 == 0 { Body::from(TEXT) } else { chunked(TEXT) };
        uploads.spawn(async move { world.upload(OWNER, &id, body).await.status.as_u16() });
    }
    let mut statuses = uploads.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![204; 5], vec![413; 15]].concat());
    assert_eq!(held(&world).await, (5 * 43, 0));

    let mut images = Vec::new();
    for id in &ids {
        images.push((id, world.status(id).await));
    }
    let (active, queued): (Vec<_>, Vec<_>) = images.into_iter().partition(|(_, status)| status == "active");
    assert_eq!((active.len(), queued.iter().filter(|(_, status)| status == "queued").count()), (5, 15));
    let deleted = world.ask(OWNER, "DELETE", &format!("/v2/images/{}", active[0].0), Body::empty()).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    assert_eq!(world.upload(OWNER, queued[0].0, TEXT).await.status, StatusCode::NO_CONTENT);
    assert_eq!(held(&world).await, (5 * 43, 0));
}

#[tokio::test]
async fn a_quota_counts_for_the_owner_before_and_while_bytes_come() {
    let mut settings = settings();
    settings.glance.quota_bytes = Some(40);
    let world = World::with(settings).await;
    world.image(IMAGE, json!({})).await;
    for body in [Body::from(TEXT), chunked(TEXT)] {
        let refused = world.upload(OWNER, IMAGE, body).await;
        assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(refused.text().contains("413 Request Entity Too Large\n\nImage exceeds the storage quota: 43 bytes"));
        assert_eq!((world.status(IMAGE).await.as_str(), held(&world).await), ("queued", (0, 0)));
    }
    assert_eq!(world.upload(ADMIN, IMAGE, &TEXT[..40]).await.status, StatusCode::NO_CONTENT);
    assert_eq!(held(&world).await, (40, 0));
}
