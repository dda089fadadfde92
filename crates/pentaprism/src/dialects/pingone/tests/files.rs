//! What is behind the links of images (D-120).

use super::*;

async fn with_range(world: &World, path: &str, name: &str, value: &[u8]) -> Answered {
    let value = http::HeaderValue::from_bytes(value).expect("a header");
    world.call(Request::get(path).header(name, value).body(Body::empty()).expect("a request")).await
}

fn path(image: &Value) -> String {
    text(&image["targets"]["original"]["href"]).replace("http://127.0.0.1:8470", "")
}

#[tokio::test]
async fn pictures_are_for_everybody_and_for_nothing_else_than_showing() {
    let world = World::new().await;
    for (bytes, media_type) in [
        (DOT, "image/gif"),
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xc0\0\x0b\x08\0\x02\0\x03\x01\x01\x11\0", "image/jpeg"),
    ] {
        let image = world.image("page.html", bytes).await;
        let file = world.follow(&image).await;
        assert_eq!((file.status.as_u16(), &file.body[..]), (200, bytes));
        assert_eq!(file.header("content-type"), Some(media_type));
        assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(file.header("cache-control"), Some("public, max-age=3600"));
        assert_eq!(file.header("accept-ranges"), Some("bytes"));
        assert_eq!(file.header("etag"), Some(format!("\"{}\"", text(&image["id"])).as_str()));
        // A token changes nothing, whether it is known or not.
        for token in [ADMIN, "x"] {
            let request = Request::get(path(&image)).header("authorization", format!("Bearer {token}"));
            assert_eq!(world.call(request.body(Body::empty()).unwrap()).await.body, bytes);
        }
    }
}

/// D-135. The connection leaves the bytes out.
#[tokio::test]
async fn head_tells_what_a_get_of_the_whole_would() {
    let world = World::new().await;
    let image = world.image("a.gif", DOT).await;
    let get = world.follow(&image).await;
    for range in ["bytes=0-3", "bytes=999-"] {
        let head = Request::head(path(&image)).header("range", range).body(Body::empty()).expect("a request");
        let head = world.call(head).await;
        assert_eq!((head.status.as_u16(), &head.headers), (200, &get.headers), "{range}");
    }
    let refused = world.anybody("POST", &path(&image)).await;
    assert_eq!((refused.status.as_u16(), refused.header("allow")), (405, Some("GET, HEAD")));
    // An operation of the document has the methods of the document.
    let refused = world.ask("HEAD", &image_path(&image)).await;
    assert_eq!((refused.status.as_u16(), refused.header("allow")), (405, Some("GET, DELETE")));
}

#[tokio::test]
async fn every_part_of_a_link_must_fit() {
    let world = World::new().await;
    let image = world.image("a.gif", DOT).await;
    let (right, id) = (path(&image), text(&image["id"]));
    let wrong = [
        right.replace("a.gif", "A.gif"),
        right.replace("a.gif", "b.gif"),
        right.replace("a.gif", "%2e%2e"),
        right.replace("a.gif", "%ff"),
        right.replace(id, &id.replace('-', "")),
        right.replace(id, &format!("{{{id}}}")),
        right.replace(id, &UNKNOWN.to_string()),
        right.replace(&ENVIRONMENT.to_string(), &ENVIRONMENT.to_string().to_uppercase()),
        right.replace(&ENVIRONMENT.to_string(), &OTHER.to_string()),
        right.replace(&ENVIRONMENT.to_string(), &UNKNOWN.to_string()),
        right.replace(&ENVIRONMENT.to_string(), "%zz"),
    ];
    for wrong in wrong {
        let (message, _) = world.anybody("GET", &wrong).await.refused(404, "NOT_FOUND");
        assert_eq!(message, "The requested resource was not found.", "{wrong}");
    }
    // An escape is another spelling of the same path.
    assert_eq!(world.anybody("GET", &right.replace("a.gif", "%61.gif")).await.body, DOT);
}

#[tokio::test]
async fn a_part_may_be_asked_for() {
    let world = World::new().await;
    let path = path(&world.image("a.gif", DOT).await);
    for (range, bytes, content_range) in [
        (&b"bytes=0-5"[..], &DOT[..6], Some("bytes 0-5/42")),
        (b"bytes=-1", &DOT[41..], Some("bytes 41-41/42")),
        (b"bytes=40-", &DOT[40..], Some("bytes 40-41/42")),
        (b"bytes=40-99", &DOT[40..], Some("bytes 40-41/42")),
        (b"bytes=0-1,3-4", DOT, None),
        (b"pixels=0-1", DOT, None),
        (b"bytes=\xfc", DOT, None),
    ] {
        let part = with_range(&world, &path, "range", range).await;
        assert_eq!((&part.body[..], part.header("content-range")), (bytes, content_range));
        assert_eq!(part.status, if content_range.is_some() { 206 } else { 200 });
        assert_eq!(part.header("x-content-type-options"), Some("nosniff"));
    }
    let beyond = with_range(&world, &path, "range", b"bytes=42-").await;
    assert_eq!(beyond.refused(416, "INVALID_REQUEST").0, "The image has no byte in this range.");
    assert_eq!(beyond.header("content-range"), Some("bytes */42"));
}

#[tokio::test]
async fn what_a_browser_has_is_not_sent_again() {
    let world = World::new().await;
    let image = world.image("a.gif", DOT).await;
    let (path, id) = (path(&image), text(&image["id"]));
    for (tags, status) in [
        (format!("\"{id}\""), 304),
        (format!("W/\"{id}\""), 304),
        (format!("\"x\", \"{id}\""), 304),
        ("*".to_owned(), 304),
        (id.to_owned(), 200),
        ("\"x\"".to_owned(), 200),
        ("\u{fc}".to_owned(), 200),
    ] {
        let file = with_range(&world, &path, "if-none-match", tags.as_bytes()).await;
        assert_eq!((file.status.as_u16(), file.body.is_empty()), (status, status == 304), "{tags}");
        assert_eq!(file.header("etag"), Some(format!("\"{id}\"").as_str()));
        assert_eq!(file.header("cache-control"), Some("public, max-age=3600"));
        assert_eq!(file.headers.contains_key("content-type"), status == 200);
    }
    // An image that is gone is gone, whatever the browser has.
    assert_eq!(world.ask("DELETE", &image_path(&image)).await.status, 204);
    assert_eq!(with_range(&world, &path, "if-none-match", b"*").await.status, 404);
}

#[tokio::test]
async fn a_download_outlives_its_image() {
    let world = World::new().await;
    let image = world.image("a.gif", DOT).await;
    let request = Request::get(path(&image)).body(Body::empty()).expect("a request");
    let response = world.pingone.answer(request).await;
    assert_eq!(world.ask("DELETE", &image_path(&image)).await.status, 204);
    world.store.sweep().await.expect("a sweep");
    assert_eq!(response.into_body().collect(1 << 10).await.expect("all of it"), DOT);
}
