//! What becomes of bodies (D-115 to D-118, D-121).

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use http_body::Frame;
use pentaprism_core::BodyError;
use serde_json::json;

use super::*;

/// A picture that is longer than anything that is read ahead.
fn long_gif() -> Bytes {
    [DOT.to_vec(), vec![0; 512 << 10]].concat().into()
}

fn both_ways() -> [Settings; 2] {
    [settings(), as_service()]
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_nothing() {
    for settings in both_ways() {
        let world = World::with(settings).await;
        for chunked in [true, false] {
            let (running, held) = world.open_upload(long_gif(), chunked).await;
            held.abort();
            let (message, _) = running.await.unwrap().refused(400, "REQUEST_FAILED");
            assert!(message.starts_with("The body broke off"), "{message}");
            world.is_empty().await;
            // A client that is gone: its request is dropped in the middle.
            let (running, held) = world.open_upload(long_gif(), chunked).await;
            running.abort();
            assert!(running.await.unwrap_err().is_cancelled());
            drop(held);
            world.is_empty().await;
        }
        assert_eq!(world.post("a.gif", Bytes::from_static(DOT)).await.status, 201);
    }
}

#[tokio::test]
async fn nobody_sees_an_image_before_its_last_byte() {
    let world = World::new().await;
    let (running, held) = world.open_upload(long_gif(), true).await;
    let scope = ListQuery::new(DIALECT, format!("images/{ENVIRONMENT}"), 1);
    assert_eq!(world.store.list(scope).await.unwrap(), []);
    held.finish();
    let image = running.await.unwrap().json(201);
    assert_eq!(world.follow(&image).await.body, long_gif());
}

/// A body without an end: text, or what `first` begins; it counts its pieces.
struct Endless {
    first: Option<&'static [u8]>,
    pieces: Arc<AtomicUsize>,
}

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.pieces.fetch_add(1, Ordering::SeqCst);
        let piece = self.first.take().unwrap_or(&[b'x'; 1024]);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(piece)))))
    }
}

#[tokio::test]
async fn a_body_is_read_no_further_than_it_takes_to_refuse_it() {
    for settings in both_ways() {
        let world = World::with(settings).await;
        for (first, detail, most) in
            [(&b"%"[..], "INVALID_VALUE", 1), (b"GIF8", "INVALID_VALUE", 2), (DOT, "SIZE_LIMIT_EXCEEDED", 2049)]
        {
            let pieces = Arc::new(AtomicUsize::new(0));
            let body = Body::stream(Endless { first: Some(first), pieces: Arc::clone(&pieces) });
            assert_eq!(world.post("a.gif", body).await.refused(400, "INVALID_DATA").1, detail);
            assert_eq!(pieces.load(Ordering::SeqCst), most, "{detail}");
        }
        world.is_empty().await;
    }
}

#[tokio::test]
async fn what_is_no_picture_is_refused_by_what_is_wrong_with_it() {
    let file = |detail: &Value| assert_eq!(detail["target"], "file");
    for settings in both_ways() {
        let world = World::with(settings).await;
        for (bytes, code, sentence, inner) in [
            (&b""[..], "EMPTY_VALUE", "The file must not be empty.", Value::Null),
            (
                b"\"<file contents here>\"",
                "INVALID_VALUE",
                "The file must be a png, jpg or gif image.",
                json!({"allowedValues": ["png", "jpg", "gif"]}),
            ),
            (&DOT[..8], "INVALID_VALUE", "The file ends before the width and height of the image.", Value::Null),
            (
                b"GIF89a\0\0\x01\0\0\0\0",
                "OUT_OF_RANGE",
                "The width and height of the image must be at least 1.",
                json!({"rangeMinimumValue": 1}),
            ),
            (
                b"\x89PNG\r\n\x1a\n\0\0\0\x0eIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\0\0\0\0",
                "INVALID_VALUE",
                "The header of the image is damaged.",
                Value::Null,
            ),
        ] {
            for body in [Body::from(Bytes::from_static(bytes)), chunked(bytes)] {
                let refused = world.post("a.gif", body).await;
                assert_eq!(refused.refused(400, "INVALID_DATA").1, code);
                let detail = &refused.json(400)["details"][0];
                file(detail);
                assert_eq!((text(&detail["message"]), &detail["innerError"]), (sentence, &inner));
            }
        }
        world.is_empty().await;
    }
}

#[tokio::test]
async fn a_picture_may_have_as_many_bytes_as_the_limit_says() {
    let size = DOT.len() as u64;
    for follow in [Follow::Document, Follow::Service] {
        for (limit, status) in [(size, 201), (size - 1, 400)] {
            let world = World::with(limited(follow, limit, None)).await;
            for body in [Body::from(Bytes::from_static(DOT)), chunked(DOT)] {
                let answer = world.post("a.gif", body).await;
                let body = answer.json(status);
                if status == 400 {
                    let detail = &body["details"][0];
                    let text = format!("The file must not have more than {limit} bytes.");
                    assert_eq!((&detail["code"], &detail["message"]), (&json!("SIZE_LIMIT_EXCEEDED"), &text.into()));
                    assert_eq!(detail["innerError"], json!({"maximumValue": limit}));
                }
            }
        }
    }
}

#[tokio::test]
async fn the_images_of_an_environment_share_a_quota() {
    let size = DOT.len() as u64;
    let world = World::with(limited(Follow::Document, 1 << 20, Some(2 * size - 1))).await;
    let first = world.image("a.gif", DOT).await;
    for body in [Body::from(Bytes::from_static(DOT)), chunked(DOT)] {
        let refused = world.post("b.gif", body).await;
        assert_eq!(refused.refused(403, "ACCESS_FAILED").1, "LICENSE_EXCEEDED");
        let detail = &refused.json(403)["details"][0];
        assert_eq!(detail["innerError"], json!({"quotaLimit": 2 * size - 1}));
    }
    assert_eq!(world.ask("DELETE", &image_path(&first)).await.status, 204);
    world.image("b.gif", DOT).await;
}

#[tokio::test]
async fn two_uploads_at_once_do_not_exceed_the_quota() {
    let world = World::with(limited(Follow::Document, 1 << 20, Some(700 << 10))).await;
    let (first, first_half) = world.open_upload(long_gif(), true).await;
    let (second, second_half) = world.open_upload(long_gif(), true).await;
    first_half.finish();
    second_half.finish();
    let statuses = [first.await.unwrap().status.as_u16(), second.await.unwrap().status.as_u16()];
    assert!(statuses.contains(&403) && statuses.iter().all(|status| [201, 403].contains(status)), "{statuses:?}");
}

#[tokio::test]
async fn the_service_makes_a_png_of_it() {
    let world = World::with(as_service()).await;
    let image = world.image("a.gif", DOT).await;
    let original = &image["targets"]["original"];
    assert_eq!((&original["type"], &original["width"], &original["height"]), (&json!("png"), &json!(1), &json!(1)));
    let name = text(&original["href"]).rsplit('/').next().unwrap();
    let rest = name.strip_prefix(text(&image["id"])).and_then(|rest| rest.strip_prefix('_'));
    let other = rest.and_then(|rest| rest.strip_suffix("_original.png")).unwrap_or_else(|| panic!("{name}"));
    assert!(other.parse::<Uuid>().is_ok_and(|other| other.to_string() != image["id"]), "{name}");
    let file = world.follow(&image).await;
    assert_eq!((file.status.as_u16(), file.header("content-type")), (200, Some("image/png")));
    assert!(file.body.starts_with(b"\x89PNG"));
    // What is one already stays as it is.
    let again = world.post("b.png", file.body.clone()).await.json(201);
    assert_eq!(world.follow(&again).await.body, file.body);
}

#[tokio::test]
async fn the_service_refuses_what_it_cannot_decode() {
    let world = World::with(as_service()).await;
    let broken = world.post("a.png", Bytes::from_static(PNG)).await;
    assert_eq!(broken.refused(400, "INVALID_DATA").1, "INVALID_VALUE");
    assert_eq!(broken.json(400)["details"][0]["message"], "The image cannot be decoded.");
    let gif = [&DOT[..6], &[0x40, 0x1f, 0x40, 0x1f], &DOT[10..]].concat();
    let long: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\x01\0\0\0\0\0\x01\x08\0\0\0\0N\x19\xbc\x04";
    // All of a progressive JPEG has to be in memory.
    let jpeg: &[u8] = b"\xff\xd8\xff\xc2\0\x11\x08\x1b\x58\x1b\x58\x03\x01\x11\0\x02\x11\0\x03\x11\0";
    for (bytes, sentence, most) in [
        (&gif[..], "The image must not have more than 50000000 pixels.", json!(50_000_000)),
        (long, "The longer side of the image must not have more than 65535 pixels.", json!(65_535)),
        (jpeg, "The image needs more memory than there is to convert it; send a smaller one.", Value::Null),
    ] {
        let refused = world.post("a", bytes.to_vec()).await.json(400);
        let detail = &refused["details"][0];
        assert_eq!((&detail["code"], text(&detail["message"])), (&json!("SIZE_LIMIT_EXCEEDED"), sentence));
        assert_eq!(detail["innerError"]["maximumValue"], most);
    }
    world.is_empty().await;
}

#[tokio::test]
async fn the_quota_is_for_the_png_too() {
    let png = World::with(as_service()).await;
    let png = png.follow(&png.image("a.gif", DOT).await).await.body.len() as u64;
    assert!(png > DOT.len() as u64, "this picture is larger as a PNG");
    for (quota, status) in [(png, 201), (png - 1, 403), (DOT.len() as u64 - 1, 403)] {
        let world = World::with(limited(Follow::Service, 1 << 20, Some(quota))).await;
        assert_eq!(world.post("a.gif", Bytes::from_static(DOT)).await.status, status, "{quota}");
    }
}

#[tokio::test]
async fn many_conversions_take_turns() {
    let world = World::with(as_service()).await;
    let uploads: Vec<_> = (0..40)
        .map(|_| {
            let world = world.clone();
            tokio::spawn(async move { world.post("a.gif", chunked(DOT)).await.status })
        })
        .collect();
    for upload in uploads {
        assert_eq!(upload.await.unwrap(), StatusCode::CREATED);
    }
}
