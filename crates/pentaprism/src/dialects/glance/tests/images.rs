//! Records: created, shown, deleted, and what is refused before any operation is reached.

use super::*;

#[tokio::test]
async fn an_image_is_created_shown_and_deleted() {
    let world = World::new().await;
    let created = world.ask(OWNER, "POST", "/v2/images", r#"{"name":"n","z":"1","a":"2","tags":["t"]}"#).await;
    assert_eq!(created.status, StatusCode::CREATED);
    let image = created.json();
    let path = image["self"].as_str().unwrap().to_owned();
    assert_eq!(created.header("location"), Some(format!("http://127.0.0.1:8470{path}").as_str()));
    assert_eq!(image["owner"], OWNERS_PROJECT.to_string());
    assert_eq!(
        (&image["status"], &image["visibility"], &image["size"]),
        (&json!("queued"), &json!("shared"), &Value::Null)
    );
    assert_eq!(
        (&image["created_at"], &image["updated_at"]),
        (&json!("2026-11-21T00:42:39Z"), &json!("2026-11-21T00:42:39Z"))
    );
    assert!(created.text().starts_with(r#"{"z":"1","a":"2","name":"n","disk_format":null"#), "{}", created.text());

    let shown = world.get(READER, &path).await;
    assert_eq!((shown.status, shown.body), (StatusCode::OK, created.body));

    let deleted = world.ask(OWNER, "DELETE", &path, Body::empty()).await;
    assert_eq!((deleted.status, deleted.text().as_str()), (StatusCode::NO_CONTENT, ""));
    assert_eq!(world.get(OWNER, &path).await.status, StatusCode::NOT_FOUND);
    let again = world.ask(OWNER, "DELETE", &path, Body::empty()).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    let id = image["id"].as_str().unwrap();
    assert_eq!(again.text(), format!("404 Not Found\n\nFailed to find image {id} to delete\n\n   "));
}

#[tokio::test]
async fn an_id_is_used_once_and_for_ever() {
    let world = World::new().await;
    world.image(IMAGE, json!({})).await;
    let text = format!("409 Conflict\n\nImage ID {IMAGE} already exists!\n\n   ");
    let twice = world.post(STRANGER, "/v2/images", &json!({"id": IMAGE})).await;
    assert_eq!((twice.status, twice.text()), (StatusCode::CONFLICT, text.clone()));
    let path = format!("/v2/images/{IMAGE}");
    assert_eq!(world.ask(OWNER, "DELETE", &path, Body::empty()).await.status, StatusCode::NO_CONTENT);
    let buried = world.post(OWNER, "/v2/images", &json!({"id": IMAGE})).await;
    assert_eq!((buried.status, buried.text()), (StatusCode::CONFLICT, text));
}

#[tokio::test]
async fn only_the_owner_deletes_and_nobody_what_is_protected() {
    let world = World::new().await;
    let path = format!("/v2/images/{IMAGE}");
    world.image(IMAGE, json!({"visibility": "community", "protected": true})).await;
    for (token, status, text) in [
        (READER, 403, "You are not authorized to complete delete_image action.".to_owned()),
        (STRANGER, 403, "You are not authorized to complete delete_image action.".to_owned()),
        (OWNER, 403, format!("Image {IMAGE} is protected and cannot be deleted.")),
        (ADMIN, 403, format!("Image {IMAGE} is protected and cannot be deleted.")),
    ] {
        let refused = world.ask(token, "DELETE", &path, Body::empty()).await;
        assert_eq!(refused.status, status, "{token}");
        assert!(refused.text().contains(&text), "{token}: {}", refused.text());
    }
    let private = "00000000-0000-4000-8000-000000000001";
    world.image(private, json!({"visibility": "private"})).await;
    let hidden = world.ask(STRANGER, "DELETE", &format!("/v2/images/{private}"), Body::empty()).await;
    assert_eq!(hidden.status, StatusCode::NOT_FOUND);
    let by_admin = world.ask(ADMIN, "DELETE", &format!("/v2/images/{private}"), Body::empty()).await;
    assert_eq!(by_admin.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn images_survive_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = || async { Store::open(Options::folder(folder.path()).clock(clock())).await.expect("the store opens") };
    let world = World::over(settings(), open().await);
    world.image(IMAGE, json!({})).await;
    assert_eq!(world.upload(OWNER, IMAGE, "the bytes of an image").await.status, StatusCode::NO_CONTENT);
    let before = world.get(OWNER, &format!("/v2/images/{IMAGE}")).await.body;
    assert!(world.store.close(std::time::Duration::from_secs(10)).await);
    drop(world);

    let world = World::over(settings(), open().await);
    assert_eq!(world.get(OWNER, &format!("/v2/images/{IMAGE}")).await.body, before);
    assert_eq!(world.get(OWNER, &format!("/v2/images/{IMAGE}/file")).await.text(), "the bytes of an image");
}

#[tokio::test]
async fn nobody_gets_in_without_a_token_but_to_the_versions() {
    let world = World::new().await;
    for path in ["/v2/images/x", "/v2/schemas/image", "/v2/nothing", "/v2/images/x/y/z"] {
        for token in ["", "wrong", "token-without-glance"] {
            let refused = world.get(token, path).await;
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{path} {token}");
            assert_eq!(refused.header("www-authenticate"), Some("Keystone uri=\"http://127.0.0.1:8470\""));
            let text = "401 Unauthorized\n\nThe request you have made requires authentication.\n\n   ";
            assert_eq!(refused.text(), text);
        }
    }
    for (path, status) in [("/", 300), ("/versions", 200)] {
        let versions = world.call(Request::builder().uri(path).body(Body::empty()).unwrap()).await;
        assert_eq!(versions.status, status);
        assert_eq!(versions.json()["versions"][0]["links"][0]["href"], "http://127.0.0.1:8470/v2/");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_refused_as_the_document_shows() {
    let world = World::new().await;
    let sample = request(OWNER, "PUT", "/v2/images/0cb9328d-dd8c-41bb-b378-404b854b93b9/fil").header("accept", "*/*");
    let refused = world.call(sample.body(Body::from("raw")).unwrap()).await;
    assert_eq!((refused.status, refused.body.len()), (StatusCode::NOT_FOUND, 154));
    assert_eq!(refused.header("content-type"), Some("text/html; charset=UTF-8"));
    for path in ["/v2/images//file", "/v2/", "/v2", "/v2/images/", "/v3", "/v2/images/x/file/"] {
        assert_eq!(world.get(OWNER, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let other = world.ask(OWNER, "PATCH", &format!("/v2/images/{IMAGE}/file"), Body::empty()).await;
    assert_eq!((other.status, other.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, Some("PUT, GET")));
    let options = world.ask(OWNER, "OPTIONS", &format!("/v2/images/{IMAGE}"), Body::empty()).await;
    assert_eq!((options.status, options.header("allow"), options.body.len()), (StatusCode::OK, Some("GET, DELETE"), 0));
    assert_eq!(world.ask(OWNER, "HEAD", "/v2/images/x", Body::empty()).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn ids_that_no_image_has_are_not_found() {
    let world = World::new().await;
    world.image(IMAGE, json!({})).await;
    let unused = [IMAGE.to_uppercase(), IMAGE.replace('-', "")];
    let malformed = ["my-image", "%2e%2e", "%00", "a%2Fb", "%ff"];
    for id in unused.iter().map(String::as_str).chain(malformed) {
        for path in [format!("/v2/images/{id}"), format!("/v2/images/{id}/file"), format!("/v2/images/{id}/members")] {
            assert_eq!(world.get(OWNER, &path).await.status, StatusCode::NOT_FOUND, "{path}");
        }
    }
    for id in &unused {
        assert_eq!(world.upload(OWNER, id, "x").await.status, StatusCode::NOT_FOUND);
    }
    for id in malformed {
        assert_eq!(world.upload(OWNER, id, "x").await.status, StatusCode::BAD_REQUEST, "{id}");
    }
    let mut settings = settings();
    settings.glance.follow = crate::settings::Follow::Service;
    let world = World::with(settings).await;
    for id in malformed {
        assert_eq!(world.upload(OWNER, id, "x").await.status, StatusCode::NOT_FOUND, "{id}");
    }
}

#[tokio::test]
async fn too_much_json_is_refused_unread() {
    let world = World::new().await;
    let huge = json!({"property": "x".repeat(1 << 20)});
    let refused = world.post(OWNER, "/v2/images", &huge).await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(
        refused
            .text()
            .starts_with("413 Request Entity Too Large\n\nThe body is larger than the limit of 1048576 bytes.")
    );
    world.image(IMAGE, json!({})).await;
    let members = format!("/v2/images/{IMAGE}/members");
    assert_eq!(world.post(OWNER, &members, &huge).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn the_schema_describes_what_is_shown() {
    let world = World::new().await;
    world.image(IMAGE, json!({})).await;
    let schema = world.get(STRANGER, "/v2/schemas/image").await.json();
    let shown = world.get(OWNER, &format!("/v2/images/{IMAGE}")).await.json();
    for name in shown.as_object().unwrap().keys() {
        assert!(schema["properties"].get(name).is_some(), "{name}");
    }
}
