//! What uploads are taken, in which order they are checked, and that nothing is left of the others.

use bytes::Bytes;
use http::Request;
use http_body::{Frame, SizeHint};
use pentaprism_core::{Body, BodyError};
use pentaprism_testkit::body::{half_open, whole};
use pentaprism_testkit::exchange::Payload;
use std::pin::Pin;
use std::task::{Context, Poll};
use uuid::Uuid;

use super::packages::{Packer, WASHER, application};
use super::{MAKER, TENANT, World, settings};

/// A body of a known length that nobody may read.
struct Unread(u64);

impl http_body::Body for Unread {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        panic!("the body is read")
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0)
    }
}

fn chunked(bytes: impl Into<Bytes>) -> Body {
    whole(&Payload::from(bytes.into()), true)
}

#[tokio::test]
async fn of_two_mistakes_the_first_of_the_order_is_told() {
    let mut settings = settings();
    settings.azure_sphere.package_bytes = 1000;
    settings.azure_sphere.quota_bytes = Some(500);
    let world = World::waiting(settings).await;
    let nobodys = Uuid::from_u128(1);
    for (token, method, path, length, status, text) in [
        ("nobody", "POST", "/v2/tenants/x/images", 9999, 401, "The token is not valid."),
        ("nobody", "GET", "/v2/tenants/x/y", 0, 401, "The token is not valid."),
        (MAKER, "GET", "/v2/tenants/x/y", 9999, 404, "Nothing is at the path '/v2/tenants/x/y'."),
        (MAKER, "DELETE", "/v2/tenants/x/images", 9999, 405, "This path has no such method; use POST."),
        (MAKER, "POST", "/v2/tenants/x/images", 9999, 400, "The tenant id 'x' is not a UUID"),
        (MAKER, "POST", &format!("/v2/tenants/{nobodys}/images"), 9999, 404, "or you have no right to see it."),
        (MAKER, "POST", &format!("/v2/tenants/{TENANT}/images"), 9999, 400, "a package may have 1000."),
        (MAKER, "POST", &format!("/v2/tenants/{TENANT}/images"), 600, 400, "may have 500 bytes together"),
        (MAKER, "GET", "/v2/tenants/x/operations/y", 0, 400, "The tenant id 'x' is not a UUID"),
        (MAKER, "GET", &format!("/v2/tenants/{nobodys}/operations/y"), 0, 400, "The operation id 'y' is not a UUID"),
        (MAKER, "GET", &format!("/v2/tenants/{nobodys}/images/y/metadata"), 0, 400, "The image id 'y' is not a UUID"),
        (MAKER, "GET", &format!("/v2/tenants/{nobodys}/images/{WASHER}"), 0, 404, "There is no tenant with the ID"),
    ] {
        let body = Body::stream(Unread(length));
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
        let answered = world.call(request.body(body).expect("a request")).await;
        let code = match status {
            401 => "Unauthorized",
            404 => "NotFound",
            _ => "BadRequest",
        };
        let told = answered.refused(status, code);
        assert!(told.contains(text), "{method} {path}: {told}");
        assert_eq!(answered.headers.contains_key("www-authenticate"), status == 401);
        assert_eq!(answered.headers.contains_key("allow"), status == 405);
    }
    world.is_empty().await;
}

#[tokio::test]
async fn a_package_that_is_too_large_is_not_read_to_its_end() {
    let mut settings = settings();
    settings.azure_sphere.package_bytes = 1000;
    let world = World::waiting(settings).await;
    let (body, mut held) = half_open(&Payload::repeat(4000, b'x'), true);
    let refused = world.post(TENANT, body).await;
    assert!(refused.refused(400, "BadRequest").contains("1000"));
    assert!(!held.reached().await, "the second half is not asked for");
    world.is_empty().await;
    let mut fits = Packer::new(Vec::new());
    fits.payload = vec![0; 1000 - 64 - 12];
    assert_eq!(fits.pack().len(), 1000);
    assert!(world.post(TENANT, chunked(fits.pack())).await.refused(400, "BadRequest").contains("metadata"));
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_nothing() {
    let world = World::new().await;
    let small = application(WASHER, "Washer");
    let large = Packer { payload: vec![1; 5 << 20], ..Packer::new(Vec::new()) }.pack();
    for bytes in [small, large] {
        for chunked in [true, false] {
            let (body, mut held) = half_open(&Payload::from(Bytes::from(bytes.clone())), chunked);
            let asking = world.clone();
            let answer = tokio::spawn(async move { asking.post(TENANT, body).await });
            assert!(held.reached().await);
            held.abort();
            let answered = answer.await.expect("no panic");
            assert!(answered.refused(400, "BadRequest").contains("broke off"));
            world.is_empty().await;
        }
    }
    // A connection that is gone takes its request with it.
    let (body, mut held) = half_open(&Payload::repeat(5 << 20, 1), true);
    let asking = world.clone();
    let answer = tokio::spawn(async move { asking.post(TENANT, body).await });
    assert!(held.reached().await);
    answer.abort();
    assert!(answer.await.expect_err("it was cut off").is_cancelled());
    world.is_empty().await;
}

#[tokio::test]
async fn fifty_packages_that_are_none_leave_nothing() {
    let world = World::new().await;
    let uploads = (0..50_u8).map(|number| {
        let world = world.clone();
        tokio::spawn(async move { world.post(TENANT, chunked(vec![number; 1 << 20])).await })
    });
    for upload in uploads.collect::<Vec<_>>() {
        upload.await.expect("no panic").refused(400, "BadRequest");
    }
    world.is_empty().await;
}

#[tokio::test]
async fn uploads_under_way_count_for_the_quota() {
    let mut settings = settings();
    let package = application(WASHER, "Washer");
    let size = package.len() as u64;
    settings.azure_sphere.quota_bytes = Some(2 * size);
    let world = World::waiting(settings).await;
    let first = world.upload(package.clone()).await;
    let second = world.upload(package.clone()).await;
    world.post(TENANT, package.clone()).await.refused(400, "BadRequest");
    world.sphere.start();
    world.sphere.settled().await;
    assert_eq!((world.state(first).await, world.state(second).await), (2, 3));
    assert_eq!(world.usage().await.bytes, size, "what failed counts no more");
    world.upload(application(Uuid::from_u128(1), "Washer")).await;
}
