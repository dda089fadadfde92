//! Packages of Azure Sphere.

use super::*;

/// A package of the image whose id repeats `byte`.
fn package(byte: u8) -> Vec<u8> {
    let identity = [&[10, 0, 0, 0][..], &[1; 16], &[byte; 16]].concat();
    let sections = [&b"ID"[..], &36_u16.to_le_bytes(), &identity].concat();
    let metadata = [b"4X4M", &1_u32.to_le_bytes()[..], &sections, &52_u32.to_le_bytes(), &[0; 64]].concat();
    [&b"code"[..], &metadata].concat()
}

fn image(byte: u8) -> String {
    format!("sphere:{}", Uuid::from_bytes([byte; 16]))
}

#[tokio::test]
async fn a_package_goes_there_and_comes_back() {
    let world = World::new().await;
    let placed = world.put("sphere:", package(2)).await.unwrap();
    let address = placed.address.to_string();
    assert_eq!((address.as_str(), placed.bytes, placed.verified), (image(2).as_str(), 120, None));
    assert_eq!((placed.entry.kind.name(), placed.entry.size), ("image", Some(120)));
    let entry = world.stat(&address).await.unwrap();
    assert_eq!((&entry.name, &entry.details), (&placed.entry.name, &placed.entry.details));
    let (whole, bytes) = world.get(&address, 0).await.unwrap();
    assert_eq!((whole.from, whole.length, bytes), (0, Some(120), package(2)));
    assert!(whole.file_name.unwrap().ends_with(".imagepackage"));
    let (rest, bytes) = world.get(&address, 100).await.unwrap();
    assert_eq!(
        (rest.from, rest.length, bytes, rest.version),
        (100, Some(120), package(2)[100..].to_vec(), whole.version)
    );
    assert_eq!(world.wait(&address).await.unwrap().unwrap().address, placed.address);
    fails(world.put("sphere:", package(2)).await.map(drop), FailureKind::Conflict, "has the image already");
}

#[tokio::test]
async fn packages_are_compared_when_that_is_asked_for() {
    let world = World::new().await;
    for (byte, source) in [(3, Source::from(package(3))), (4, stream(package(4)))] {
        let placed = world.put_as("sphere:", source, verified()).await.unwrap();
        let expected = (image(byte), 120, Some("bytes read back"));
        assert_eq!((placed.address.to_string(), placed.bytes, placed.verified), expected);
    }
}

#[tokio::test]
async fn an_upload_that_nobody_waits_for_is_an_operation() {
    let world = World::new().await;
    let placed = world.put_as("sphere:", stream(package(5)), PutOptions::default()).await.unwrap();
    assert_eq!((placed.entry.kind.name(), placed.bytes), ("operation", 120));
    let operation = placed.address.to_string();
    assert_eq!(world.wait(&operation).await.unwrap().unwrap().address.to_string(), image(5));
    assert_eq!(world.stat(&operation).await.unwrap().status.as_deref(), Some("complete"));
}

#[tokio::test]
async fn what_the_api_does_not_have_is_said() {
    let world = World::new().await;
    world.put("sphere:", package(6)).await.unwrap();
    fails(world.list("sphere:", &ListQuery::default()).await, FailureKind::NotSupported, "cannot list images");
    fails(world.remove(&image(6)).await, FailureKind::NotSupported, "nothing that deletes an image");
    fails(world.gone(&image(6)).await, FailureKind::NotSupported, "gone");
    fails(world.put(&image(7), package(7)).await.map(drop), FailureKind::Usage, "write `sphere:`");
    fails(world.stat("sphere:").await, FailureKind::Usage, "sphere:IMAGE_ID");
}

#[tokio::test]
async fn failures_say_whose_they_are() {
    let world = World::new().await;
    let nobody = format!("sphere:{NOBODY}");
    fails(world.stat(&nobody).await, FailureKind::NotFound, NOBODY);
    fails(world.wait(&nobody).await, FailureKind::NotFound, NOBODY);
    fails(world.get(&nobody, 0).await.map(drop), FailureKind::NotFound, NOBODY);
    fails(world.put("sphere:", "no package").await.map(drop), FailureKind::Refused, "sphere:");
    // Without a tenant it is the only one.
    let remote = world.open_at("sphere:", &Places::default());
    let upload = Upload { source: package(8).into(), file_name: None, options: verified() };
    assert_eq!(remote.put(upload).await.unwrap().address.to_string(), image(8));
}

#[tokio::test]
async fn links_that_lead_nowhere_are_told_with_their_host() {
    let world = World::new().await;
    world.put("sphere:", package(9)).await.unwrap();
    let gone = world.twisted(|request| {
        let is_link = request.uri().path().starts_with("/public/");
        is_link.then(|| Response::builder().status(410).body(Body::empty()).unwrap())
    });
    fails(
        gone.get(&image(9), 0).await.map(drop),
        FailureKind::Conflict,
        "localhost, where the link leads to, answered 410",
    );
}
