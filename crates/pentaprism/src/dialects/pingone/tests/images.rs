//! Images from upload to deletion (D-119, D-120, D-123, D-126, D-127).

use serde_json::json;

use super::*;

#[tokio::test]
async fn the_documents_sample_is_met() {
    let world = World::new().await;
    let answer = world.post("favicon-new.gif", Bytes::from_static(DOT)).await;
    let image = answer.json(201);
    let id = text(&image["id"]);
    let here = format!("http://127.0.0.1:8470/v1/environments/{ENVIRONMENT}");
    let file = format!("http://127.0.0.1:8470/environments/{ENVIRONMENT}/images/{id}/favicon-new.gif");
    let expected = format!(
        "{{\"_links\":{{\"self\":{{\"href\":\"{here}/images/{id}\"}},\"environment\":{{\"href\":\"{here}\"}}}},\"id\":\"{id}\",\
         \"targets\":{{\"original\":{{\"id\":\"original\",\"width\":1,\"height\":1,\"type\":\"gif\",\"href\":\"{file}\"}}}},\
         \"environment\":{{\"id\":\"{ENVIRONMENT}\"}},\"createdAt\":\"2020-02-27T19:49:36.457Z\"}}"
    );
    assert_eq!(String::from_utf8_lossy(&answer.body), expected);
    assert!(!answer.headers.contains_key("location"));
    assert_eq!(world.ask("GET", &image_path(&image)).await.json(200), image);
}

#[tokio::test]
async fn two_uploads_of_one_name_do_not_meet() {
    let world = World::new().await;
    let (first, second) = tokio::join!(world.image("logo", DOT), world.image("logo", PNG));
    assert_ne!(first["id"], second["id"]);
    assert_eq!((world.follow(&first).await.body, world.follow(&second).await.body), (DOT.into(), PNG.into()));
    assert_eq!(world.ask("DELETE", &image_path(&first)).await.status, 204);
    assert_eq!(world.follow(&first).await.status, 404);
    assert_eq!(world.follow(&second).await.body, PNG);
    // The name of one with the id of the other leads nowhere.
    let third = world.image("other", DOT).await;
    let crossed = format!("/environments/{ENVIRONMENT}/images/{}/other", text(&second["id"]));
    assert_eq!(world.anybody("GET", &crossed).await.status, 404);
    assert_eq!(world.follow(&third).await.status, 200);
}

#[tokio::test]
async fn a_deleted_image_is_gone_with_its_link_and_its_bytes() {
    let world = World::new().await;
    let image = world.image("a.gif", DOT).await;
    assert_eq!(world.usage().await.bytes, DOT.len() as u64);
    let deleted = world.ask("DELETE", &image_path(&image)).await;
    assert_eq!((deleted.status.as_u16(), deleted.body.len()), (204, 0));
    assert_eq!(world.follow(&image).await.refused(404, "NOT_FOUND").1, "");
    for method in ["GET", "DELETE", "DELETE"] {
        world.ask(method, &image_path(&image)).await.refused(404, "NOT_FOUND");
    }
    world.is_empty().await;
    assert_ne!(world.image("a.gif", DOT).await["id"], image["id"]);
}

#[tokio::test]
async fn an_image_belongs_to_one_environment() {
    let mut settings = settings();
    settings.principals[0].pingone = Some(PingOneRights { environments: vec![ENVIRONMENT, OTHER] });
    let world = World::with(settings).await;
    let image = world.image("a.gif", DOT).await;
    let elsewhere = format!("{}/{}", images(OTHER), text(&image["id"]));
    for method in ["GET", "DELETE"] {
        world.ask(method, &elsewhere).await.refused(404, "NOT_FOUND");
    }
    let file = format!("/environments/{OTHER}/images/{}/a.gif", text(&image["id"]));
    world.anybody("GET", &file).await.refused(404, "NOT_FOUND");
    assert_eq!(world.follow(&image).await.status, 200);
}

#[tokio::test]
async fn an_environment_that_is_no_longer_configured_shows_nothing() {
    let world = World::new().await;
    let image = world.image("a.gif", DOT).await;
    let mut settings = settings();
    settings.pingone.environments.retain(|environment| environment.id != ENVIRONMENT);
    let later = World::over(settings, world.store.clone(), Arc::new(SystemClock));
    assert_eq!(later.follow(&image).await.status, 404);
    later.ask("GET", &image_path(&image)).await.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn an_environment_is_as_old_as_can_be() {
    let world = World::new().await;
    let path = format!("/v1/environments/{ENVIRONMENT}");
    let shown = world.ask("GET", &path).await.json(200);
    let expected = json!({
        "_links": {"self": {"href": format!("http://127.0.0.1:8470{path}")}},
        "id": ENVIRONMENT, "name": "Pentaprism", "type": "SANDBOX", "region": "NA", "status": "ACTIVE",
        "license": {"id": ENVIRONMENT},
        "createdAt": "1970-01-01T00:00:00.000Z", "updatedAt": "1970-01-01T00:00:00.000Z",
    });
    assert_eq!(shown, expected);
}
