//! Pictures of `PingOne`.

use super::*;

const JPEG: &[u8] = include_bytes!("../../../pictures/tests/fixtures/baseline.jpg");

#[tokio::test]
async fn a_picture_goes_there_and_comes_back() {
    let world = World::new().await;
    let options = PutOptions { file_name: Some("logo & more.png".to_owned()), ..verified() };
    for source in [Source::from(PNG.to_vec()), stream(PNG.to_vec())] {
        let placed = world.put_as("work/pingone:", source, options.clone()).await.unwrap();
        assert_eq!((placed.bytes, placed.verified), (PNG.len() as u64, Some("bytes read back")));
        let address = placed.address.to_string();
        let entry = world.stat(&address).await.unwrap();
        assert_eq!(entry, placed.entry);
        assert_eq!((entry.pixels, entry.media_type.as_deref()), (Some((1, 1)), Some("image/png")));
        let (whole, bytes) = world.get(&address, 0).await.unwrap();
        assert_eq!((whole.from, whole.length, bytes.as_slice()), (0, Some(PNG.len() as u64), PNG));
        assert_eq!((whole.file_name, whole.media_type), (entry.name, Some("image/png".to_owned())));
        assert!(world.wait(&address).await.unwrap().is_some());
        let remover = world.open(&address);
        world.later(async move { remover.remove(false).await.unwrap() });
        assert_eq!(world.gone(&address).await.unwrap(), None);
        for failed in [
            world.stat(&address).await.map(drop),
            world.wait(&address).await.map(drop),
            world.remove(&address).await,
            world.get(&address, 0).await.map(drop),
        ] {
            fails(failed, FailureKind::NotFound, &address);
        }
    }
}

#[tokio::test]
async fn the_name_is_the_files_unless_another_is_given() {
    let world = World::new().await;
    assert_eq!(world.put("pingone:", PNG.to_vec()).await.unwrap().entry.name.as_deref(), Some("file.bin"));
    let options =
        PutOptions { media_type: Some("image/png".to_owned()), file_name: Some("画.png".into()), ..verified() };
    let placed = world.put_as("pingone:", PNG.to_vec(), options).await.unwrap();
    assert_eq!(placed.verified, Some("bytes read back"));
    assert!(placed.entry.name.unwrap().contains("png"));
    let strict = world.twisted(|request| {
        let told = request.headers().get("content-type").is_some_and(|told| told == "text/plain");
        told.then(|| Response::builder().status(415).body(Body::empty()).unwrap())
    });
    let options = PutOptions { media_type: Some("text/plain".to_owned()), ..PutOptions::default() };
    let told = strict.put_as("pingone:", PNG.to_vec(), options).await.map(drop);
    fails(told, FailureKind::Refused, "415 Unsupported Media Type");
}

#[tokio::test]
async fn what_the_service_turns_into_another_kind_cannot_be_compared() {
    let world = World::new().await;
    let placed = world.put("pingone:", JPEG.to_vec()).await.unwrap();
    let kept = placed.entry.media_type.unwrap();
    let compared = world.put_as("pingone:", JPEG.to_vec(), verified()).await;
    if kept == "image/jpeg" {
        assert_eq!(compared.unwrap().verified, Some("bytes read back"));
    } else {
        fails(compared.map(drop), FailureKind::Differs, "whose bytes are others");
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_before_or_after_sending() {
    let world = World::new().await;
    fails(world.list("pingone:", &ListQuery::default()).await, FailureKind::NotSupported, "cannot list pictures");
    fails(world.put("pingone:", "a text").await.map(drop), FailureKind::Usage, "--to-png");
    fails(world.put("pingone:", vec![0; 3 << 20]).await.map(drop), FailureKind::Usage, "make it smaller");
    fails(world.put(&format!("pingone:{NOBODY}"), PNG.to_vec()).await.map(drop), FailureKind::Usage, "`pingone:`");
    fails(world.stat("pingone:").await, FailureKind::Usage, "pingone:IMAGE_ID");
    let nowhere = world.open_at("pingone:", &Places::default());
    fails(nowhere.get(0).await.map(drop), FailureKind::Usage, "`environment`");
}
