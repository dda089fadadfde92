//! Tests of saved views as such: who sees and changes them, the default one, and what goes with a view that is deleted.

use super::*;

#[tokio::test]
async fn private_views_do_not_exist_for_others() {
    let world = World::new().await;
    let id = world.create(false).await;
    for token in [OTHER, MANAGER] {
        for (method, path, body) in [
            ("GET", view(&id), Vec::new()),
            ("DELETE", view(&id), Vec::new()),
            ("GET", image(&id), Vec::new()),
            ("GET", format!("{}?size=large", image(&id)), Vec::new()),
            ("PUT", image(&id), update(&picture(1, 1))),
            ("PUT", image(&id), b"no picture".to_vec()),
        ] {
            world.send(token, method, &path, body).await.expect_refusal(404, "SavedViewNotFound");
        }
    }
    world.send(OWNER, "PUT", &image(&id), update(&picture(1, 1))).await.expect_empty();
}

#[tokio::test]
async fn shared_views_are_changed_by_owners_and_managers() {
    let world = World::new().await;
    let id = world.create(true).await;
    world.send(OTHER, "GET", &view(&id), Body::empty()).await.expect(200);
    world.send(OTHER, "GET", &image(&id), Body::empty()).await.expect_refusal(404, "ImageNotFound");
    // A wrong body does not matter to whom nothing is allowed (D-094).
    let refused = world.send(OTHER, "PUT", &image(&id), "no picture").await;
    refused.expect_refusal(403, "InsufficientPermissions");
    world.send(OTHER, "DELETE", &view(&id), Body::empty()).await.expect_refusal(403, "InsufficientPermissions");
    world.send(MANAGER, "PUT", &image(&id), update(&picture(1, 1))).await.expect_empty();
    world.send(OTHER, "GET", &image(&id), Body::empty()).await.expect(200);
    world.send(MANAGER, "DELETE", &view(&id), Body::empty()).await.expect_empty();
    world.send(OWNER, "GET", &view(&id), Body::empty()).await.expect_refusal(404, "SavedViewNotFound");
}

#[tokio::test]
async fn a_view_takes_everything_with_it() {
    let world = World::new().await;
    world.put(&picture(500, 1)).await.expect_empty();
    let links = [world.href("full").await, world.href("thumbnail").await];
    world.send(OWNER, "DELETE", &view(DEFAULT_SAVED_VIEW), Body::empty()).await.expect_empty();
    for link in links {
        assert_eq!(world.follow(&link).await.status, StatusCode::NOT_FOUND);
    }
    assert_eq!((world.links().await, world.usage().await), (0, (0, 0)));
    let thumbnails = ListQuery::new("saved_views", "thumbnails", 10);
    assert_eq!(world.store.list(thumbnails).await.unwrap(), []);
    world.put(&picture(1, 1)).await.expect_refusal(404, "SavedViewNotFound");
    let again = world.send(OWNER, "DELETE", &view(DEFAULT_SAVED_VIEW), Body::empty()).await;
    again.expect_refusal(404, "SavedViewNotFound");
}

#[tokio::test]
async fn a_view_deleted_while_its_picture_is_worked_on_is_gone() {
    let world = World::new().await;
    let large = picture(1500, 1);
    let deleting = async {
        tokio::task::yield_now().await;
        world.send(OWNER, "DELETE", &view(DEFAULT_SAVED_VIEW), Body::empty()).await.expect_empty();
    };
    let (put, ()) = tokio::join!(world.put(&large), deleting);
    assert!([204, 404].contains(&put.status.as_u16()), "{put:?}");
    assert_eq!((world.links().await, world.usage().await), (0, (0, 0)));
}

#[tokio::test]
async fn the_default_view_outlives_restarts_until_it_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::in_folder(folder.path(), settings()).await;
    let path = view(DEFAULT_SAVED_VIEW);
    let shown = world.send(OTHER, "GET", &path, Body::empty()).await.expect(200);
    world.put(&picture(500, 1)).await.expect_empty();
    let href = world.href("full").await;
    world.close().await;

    let world = World::in_folder(folder.path(), settings()).await;
    let again = world.send(OTHER, "GET", &path, Body::empty()).await.expect(200);
    assert_eq!(again["savedView"]["creationTime"], shown["savedView"]["creationTime"]);
    assert_eq!((world.href("full").await, look(&world.follow(&href).await.body)), (href, (500, 1)));
    world.send(OWNER, "DELETE", &path, Body::empty()).await.expect_empty();
    world.close().await;

    let world = World::in_folder(folder.path(), settings()).await;
    world.send(OWNER, "GET", &path, Body::empty()).await.expect_refusal(404, "SavedViewNotFound");
}

#[tokio::test]
async fn a_server_may_be_without_the_default_view() {
    let mut settings = settings();
    settings.saved_views.default_view = false;
    let world = World::with(settings).await;
    world.put(&picture(1, 1)).await.expect_refusal(404, "SavedViewNotFound");
}

#[tokio::test]
async fn extensions_are_shown_as_the_request_prefers() {
    let world = World::new().await;
    let body = json!({
        "projectId": Uuid::from_u128(7), "displayName": "x", "savedViewData": {"legacyView": {}},
        "extensions": [{"extensionName": "a b/ü", "data": "++lst++", "schemaUrl": "s"}],
    });
    let minimal = world.send(OWNER, "POST", "/savedviews", body.to_string().into_bytes()).await.expect(201);
    let id = minimal["savedView"]["id"].as_str().unwrap().to_owned();
    let href = format!("{BASE_URL}/savedviews/{id}/extensions/a%20b%2F%C3%BC");
    assert_eq!(minimal["savedView"]["extensions"], json!([{"extensionName": "a b/ü", "href": href}]));
    let full = json!([{"extensionName": "a b/ü", "schemaUrl": "s", "data": "++lst++"}]);
    let wishes = [
        ("return=representation", true),
        ("wait=5, Return=Representation; x=1", true),
        ("return=minimal", false),
        ("representation", false),
    ];
    for (prefer, in_full) in wishes {
        let request = Request::get(view(&id)).header("authorization", format!("Bearer {OWNER}"));
        let request = request.header("prefer", prefer).body(Body::empty()).expect("a request");
        let shown = world.call(request).await.expect(200);
        assert_eq!(shown["savedView"]["extensions"] == full, in_full, "{prefer}");
    }
}
