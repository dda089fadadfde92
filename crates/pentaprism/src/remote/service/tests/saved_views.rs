//! Pictures of saved views.

use super::*;
use crate::settings::DEFAULT_SAVED_VIEW;

fn view() -> String {
    format!("views:{DEFAULT_SAVED_VIEW}")
}

#[tokio::test]
async fn a_picture_goes_there_and_comes_back_in_two_sizes() {
    let world = World::new().await;
    fails(world.get(&view(), 0).await.map(drop), FailureKind::NotFound, "nobody has put a picture on it");
    assert_eq!(world.stat(&view()).await.unwrap().status.as_deref(), Some("without picture"));
    let thumbnail = format!("{}/thumbnail", view());
    fails(world.stat(&thumbnail).await, FailureKind::NotFound, "/thumbnail");
    for source in [Source::from(PNG.to_vec()), stream(PNG.to_vec())] {
        let placed = world.put_as(&view(), source, verified()).await.unwrap();
        assert_eq!((placed.bytes, placed.verified), (PNG.len() as u64, Some("bytes read back")));
        assert_eq!((placed.address.to_string(), placed.entry.pixels), (view(), Some((1, 1))));
    }
    let entry = world.stat(&view()).await.unwrap();
    assert_eq!((entry.kind.name(), entry.status.as_deref()), ("view", Some("with picture")));
    assert!(world.stat(&thumbnail).await.is_ok());
    let (full, bytes) = world.get(&view(), 5).await.unwrap();
    assert_eq!((full.from, bytes.as_slice(), full.media_type.as_deref()), (0, PNG, Some("image/png")));
    let (small, bytes) = world.get(&thumbnail, 0).await.unwrap();
    assert!(bytes.starts_with(b"\x89PNG") && small.file_name.unwrap().ends_with("-thumbnail.png"));
}

#[tokio::test]
async fn waiting_is_for_the_picture_or_for_the_views_end() {
    let world = World::new().await;
    let painter = world.open(&view());
    world.later(std::future::ready(()));
    world.later(async move {
        let options = PutOptions::default();
        painter.put(Upload { source: PNG.to_vec().into(), file_name: None, options }).await.unwrap();
    });
    assert_eq!(world.wait(&view()).await.unwrap().unwrap().status.as_deref(), Some("with picture"));
    let remover = world.open(&view());
    world.later(async move { remover.remove(true).await.unwrap() });
    assert_eq!(world.gone(&view()).await.unwrap(), None);
    for failed in [
        world.wait(&view()).await.map(drop),
        world.stat(&view()).await.map(drop),
        world.get(&view(), 0).await.map(drop),
        world.open(&view()).remove(true).await,
        world.put(&view(), PNG.to_vec()).await.map(drop),
    ] {
        fails(failed, FailureKind::NotFound, DEFAULT_SAVED_VIEW);
    }
}

#[tokio::test]
async fn the_views_of_an_itwin_are_listed() {
    let world = World::new().await;
    for number in 0..120 {
        let body = format!(
            r#"{{"iTwinId":"{DEFAULT_SAVED_VIEW_ITWIN}","displayName":"View {number}","savedViewData":{{"legacyView":{{}}}}}}"#
        );
        let request =
            Request::post("/savedviews/").header("host", "localhost").header("content-type", "application/json");
        let request = request.header("accept", "application/vnd.bentley.itwin-platform.v1+json");
        let request = request.header("authorization", format!("Bearer {DEVELOPMENT_TOKEN}"));
        let answer = world.server.app().call(request.body(Body::from(body.into_bytes())).unwrap()).await;
        let status = answer.status();
        assert_eq!(status, 201, "{:?}", answer.into_body().collect(1000).await);
    }
    let all = world.list("views:", &ListQuery::default()).await.unwrap();
    assert_eq!(all.len(), 121);
    let distinct: std::collections::BTreeSet<_> = all.iter().map(|entry| entry.address.to_string()).collect();
    assert_eq!(distinct.len(), 121);
    let named = ListQuery { name: Some("View 77".to_owned()), ..ListQuery::default() };
    let one = world.list("views:", &named).await.unwrap();
    assert_eq!((one.len(), one[0].kind.name()), (1, "view"));
    assert_eq!(world.list("views:", &ListQuery { limit: Some(3), ..ListQuery::default() }).await.unwrap().len(), 3);
    assert_eq!(world.addresses(&view(), &ListQuery::default()).await, [view()]);
    let nowhere = world.open_at("views:", &Places::default());
    fails(nowhere.list(&ListQuery::default(), &mut |_| Ok(())).await, FailureKind::Usage, "`itwin`");
}

#[tokio::test]
async fn what_is_wrong_is_told_before_anything_is_sent() {
    let world = World::new().await;
    fails(world.put(&view(), "a text").await.map(drop), FailureKind::Usage, "--to-png");
    fails(world.put(&view(), PNG[..40].to_vec()).await.map(drop), FailureKind::Usage, "no whole PNG");
    fails(world.put("views:", PNG.to_vec()).await.map(drop), FailureKind::Usage, "views:SAVED_VIEW_ID");
    let thumbnail = format!("{}/thumbnail", view());
    fails(world.put(&thumbnail, PNG.to_vec()).await.map(drop), FailureKind::NotSupported, "makes thumbnails itself");
    fails(world.remove(&thumbnail).await, FailureKind::NotSupported, "goes with the view");
    fails(world.remove(&view()).await, FailureKind::Usage, "-r deletes the saved view itself");
    assert!(world.stat(&view()).await.is_ok(), "the view is gone");
}

#[tokio::test]
async fn a_service_that_does_not_turn_pages_is_not_read_for_ever() {
    let world = World::new().await.twisted(|request| {
        let query = request.uri().query().unwrap_or_default();
        let first = query.split('&').filter(|part| !part.starts_with("$skip")).collect::<Vec<_>>().join("&");
        *request.uri_mut() = format!("{}?{first}", request.uri().path()).parse().unwrap();
        None
    });
    for number in 0..120 {
        let body = format!(
            r#"{{"iTwinId":"{DEFAULT_SAVED_VIEW_ITWIN}","displayName":"View {number}","savedViewData":{{"legacyView":{{}}}}}}"#
        );
        let request =
            Request::post("/savedviews/").header("host", "localhost").header("content-type", "application/json");
        let request = request.header("accept", "application/vnd.bentley.itwin-platform.v1+json");
        let request = request.header("authorization", format!("Bearer {DEVELOPMENT_TOKEN}"));
        let answer = world.server.app().call(request.body(Body::from(body.into_bytes())).unwrap()).await;
        assert_eq!(answer.status(), 201);
    }
    fails(world.list("views:", &ListQuery::default()).await, FailureKind::ServiceFailed, "the same page again");
}
