//! Whole files: every way to write a path, lists, overwrites, deletes, downloads.

use bytes::Bytes;
use http::StatusCode;
use pentaprism_core::Body;
use serde_json::json;

use super::{World, settings, text};

#[tokio::test]
async fn every_encoding_of_a_path_reaches_the_same_file() {
    let world = World::new().await;
    let ways = [
        "/ImageStore/App/Code/x.dll",
        "/ImageStore/App%2FCode%2Fx.dll",
        "/ImageStore/App%5CCode%5Cx.dll",
        "/ImageStore/App%5cCode/x.dll",
        "/ImageStore//App//Code//x.dll/",
        "//ImageStore/App/Code%2F%2Fx.dll",
        "/ImageStore/%20App/Code/x.dll%20",
        "/ImageStore/%5CApp/Code/x.dll%2F",
        "/ImageStore/%41pp/C%6Fde/x%2edll",
    ];
    for (number, way) in ways.iter().enumerate() {
        let content = format!("content {number}");
        let target = format!("{way}?api-version=6.1");
        world.send("PUT", &target, &[], content.clone().into_bytes().into()).await.expect_empty();
        assert_eq!(world.everything().await.len(), 1, "{way}");
        for other in ways {
            let download = world.get(&format!("{}/$/Download?api-version=6.0", other.trim_end_matches('/'))).await;
            assert_eq!(download.text(), content, "written by {way}, read by {other}");
        }
        let download = world.get(&format!("{way}/%24/Download?api-version=6.0")).await;
        assert_eq!(download.text(), content);
    }
}

#[tokio::test]
async fn names_are_kept_as_they_are() {
    let world = World::new().await;
    for (sent, name) in [
        ("a+b", "a+b"),
        ("$dollar.txt", "$dollar.txt"),
        ("a%20b", "a b"),
        ("%C3%BC/%E6%97%A5", "ü/日"),
        ("100%25", "100%"),
        ("x&=;,@!'()~", "x&=;,@!'()~"),
    ] {
        world.put(sent, "1").await;
        let listed = world.get(&format!("/ImageStore/{sent}?api-version=6.2")).await.json();
        assert_eq!(text(&listed["StoreFiles"][0], "StoreRelativePath"), name);
    }
}

#[tokio::test]
async fn a_list_is_one_level_with_full_paths() {
    let world = World::new().await;
    let empty = world.get("/ImageStore?api-version=6.0").await.json();
    assert_eq!(empty, json!({"StoreFiles": [], "StoreFolders": []}));
    for path in ["App/b.txt", "App/_.dir", "App/Code/1.dll", "App/Code/x64/2.dll", "App2/z", "Zebra"] {
        world.put(path, path).await;
    }
    let root = world.get("/ImageStore/?api-version=6.0&_cacheToken=1").await.json();
    assert_eq!(root["StoreFiles"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        root["StoreFolders"],
        json!([
            {"StoreRelativePath": "App", "FileCount": "4"},
            {"StoreRelativePath": "App2", "FileCount": "1"},
        ])
    );
    let app = world.get("/ImageStore/App?api-version=6.2").await.json();
    assert_eq!(app["StoreFolders"], json!([{"StoreRelativePath": "App/Code", "FileCount": "2"}]));
    let mark = &app["StoreFiles"][0];
    assert_eq!(text(mark, "StoreRelativePath"), "App/_.dir");
    assert_eq!(text(mark, "ModifiedDate"), "2026-11-21T00:42:39.000Z");
    assert_eq!(text(&mark["FileVersion"], "EpochDataLossNumber"), "1");
    assert_eq!(text(&mark["FileVersion"], "EpochConfigurationNumber"), "-1");
    assert!(app.get("ContinuationToken").is_none());
    world.get("/ImageStore/Ap?api-version=6.2").await.expect_refusal(404, "FABRIC_E_FILE_NOT_FOUND");
    world.get("/ImageStore/app?api-version=6.2").await.expect_refusal(404, "FABRIC_E_FILE_NOT_FOUND");
}

#[tokio::test]
async fn an_overwrite_has_a_greater_version_and_a_later_date() {
    let world = World::new().await;
    let stat = async || world.get("/ImageStore/f?api-version=6.2").await.json()["StoreFiles"][0].clone();
    let version = |file: &serde_json::Value| text(&file["FileVersion"], "VersionNumber").parse::<u64>().unwrap();
    world.put("f", "one").await;
    let first = stat().await;
    world.advance(90);
    world.put("f", "three").await;
    let second = stat().await;
    assert!(version(&second) > version(&first));
    assert_eq!((text(&first, "FileSize"), text(&second, "FileSize")), ("3".to_owned(), "5".to_owned()));
    assert_eq!(text(&second, "ModifiedDate"), "2026-11-21T00:44:09.000Z");
}

#[tokio::test]
async fn a_file_and_a_folder_may_share_a_path() {
    let world = World::new().await;
    world.put("a", "file").await;
    world.put("a/b", "below").await;
    let listed = world.get("/ImageStore/a?api-version=6.2").await.json();
    let paths: Vec<_> =
        listed["StoreFiles"].as_array().unwrap().iter().map(|file| text(file, "StoreRelativePath")).collect();
    assert_eq!(paths, ["a", "a/b"]);
    assert_eq!(world.read("a").await, "file");
    let copied = json!({"RemoteSource": "a", "RemoteDestination": "c"}).to_string();
    let copy = world.send("POST", "/ImageStore/$/Copy?api-version=6.0", &[], copied.into_bytes().into()).await;
    copy.expect_empty();
    assert_eq!((world.read("c").await, world.read("c/b").await), ("file".into(), "below".into()));
    world.send("DELETE", "/ImageStore/a?api-version=6.0", &[], Body::empty()).await.expect_empty();
    let left: Vec<_> = world.everything().await.into_iter().map(|(path, _)| path).collect();
    assert_eq!(left, ["c", "c/_.dir", "c/b"]);
}

#[tokio::test]
async fn a_delete_takes_whole_segments_and_may_be_repeated() {
    let world = World::new().await;
    for path in ["App/a", "App/b/c", "App2/a", "Store/x", "windowsfabricstore/x"] {
        world.put(path, "1").await;
    }
    let delete = async |path: &str| {
        world
            .send("DELETE", &format!("/ImageStore/{path}?api-version=6.0"), &[("Content-Length", "0")], Body::empty())
            .await
    };
    delete("App").await.expect_empty();
    delete("App").await.expect_empty();
    assert_eq!(world.everything().await.len(), 3);
    for reserved in ["Store", "STORE", "store%2F", "WindowsFabricStore"] {
        delete(reserved).await.expect_refusal(400, "FABRIC_E_IMAGEBUILDER_RESERVED_DIRECTORY_ERROR");
    }
    delete("Store/x").await.expect_empty();
    delete("App2").await.expect_empty();
    assert_eq!(world.everything().await.len(), 1);
    let root = world.send("DELETE", "/ImageStore?api-version=6.0", &[], Body::empty()).await;
    root.expect_refusal(400, "E_INVALIDARG");
}

#[tokio::test]
async fn a_download_is_whole_or_one_range() {
    let world = World::new().await;
    let content: Bytes = (0..3_000_000_u32).map(|number| number.to_le_bytes()[0] ^ number.to_le_bytes()[1]).collect();
    world.put("big", Body::from(content.clone())).await;
    world.put("empty", Body::empty()).await;
    world.put("folder/x", "x").await;
    assert_eq!(world.read("big").await, content);
    assert_eq!(world.read("empty").await, "");
    let range = async |path: &str, range: &str| {
        let target = format!("/ImageStore/{path}/$/Download?api-version=6.0");
        world.send("GET", &target, &[("Range", range)], Body::empty()).await
    };
    for (asked, bytes, sent) in [
        ("bytes=0-4", 0..5, "bytes 0-4/3000000"),
        ("bytes=1048570-2097160", 1_048_570..2_097_161, "bytes 1048570-2097160/3000000"),
        ("bytes=2999999-", 2_999_999..3_000_000, "bytes 2999999-2999999/3000000"),
        ("bytes=-10", 2_999_990..3_000_000, "bytes 2999990-2999999/3000000"),
        ("bytes=2999990-9999999", 2_999_990..3_000_000, "bytes 2999990-2999999/3000000"),
    ] {
        let answered = range("big", asked).await;
        assert_eq!(answered.status, StatusCode::PARTIAL_CONTENT, "{asked}");
        assert_eq!(answered.headers["content-range"], sent);
        assert_eq!(answered.headers["accept-ranges"], "bytes");
        assert!(answered.body == content.slice(bytes), "{asked}");
    }
    for ignored in ["bytes=0-1,5-6", "lines=0-1", "bytes=x", "bytes=5-4", "bytes=ä"] {
        let answered = range("big", ignored).await;
        assert_eq!((answered.status, answered.body.len()), (StatusCode::OK, content.len()), "{ignored}");
    }
    let headers = [("Range", "bytes=0-4"), ("If-Range", "Sat, 21 Nov 2026 00:42:39 GMT")];
    let target = "/ImageStore/big/$/Download?api-version=6.0";
    let answered = world.send("GET", target, &headers, Body::empty()).await;
    assert_eq!((answered.status, answered.body.len()), (StatusCode::OK, content.len()));
    for (path, beyond) in [("big", "bytes=3000000-"), ("big", "bytes=-0"), ("empty", "bytes=0-")] {
        range(path, beyond).await.expect_refusal(416, "E_INVALIDARG");
    }
    range("folder", "bytes=0-").await.expect_refusal(404, "FABRIC_E_FILE_NOT_FOUND");
    range("nothing", "bytes=0-").await.expect_refusal(404, "FABRIC_E_FILE_NOT_FOUND");
}

#[tokio::test]
async fn files_are_told_apart_by_their_bytes_however_they_came() {
    let world = World::new().await;
    let target = |path: &str| format!("/ImageStore/{path}/$/Download?api-version=6.0");
    let ask =
        async |path: &str, headers: &[(&str, &str)]| world.send("GET", &target(path), headers, Body::empty()).await;
    let tag = |answered: &super::Answered| answered.headers["etag"].to_str().expect("ASCII").to_owned();
    world.put("whole", "0123456789").await;
    let whole = tag(&ask("whole", &[]).await);
    assert!(whole.len() == 66 && whole.starts_with('"') && whole.ends_with('"'), "{whole}");
    world.put("again", "0123456789").await;
    assert_eq!(tag(&ask("again", &[]).await), whole);
    world.put("again", "9876543210").await;
    assert_ne!(tag(&ask("again", &[]).await), whole);
    world.put("empty", "").await;
    assert_eq!(tag(&ask("empty", &[]).await).len(), 66);
    for (range, body) in [("bytes 5-9/10", "56789"), ("bytes 0-4/10", "01234")] {
        world.chunk("chunked", range, body).await.expect_empty();
    }
    world.commit().await.expect_empty();
    // What it is called before its digest is known goes on to be understood.
    let file = world.store.file(&world.fabric.tree, "chunked").await.expect("the store answers").expect("a file");
    let former = format!("\"{}\"", file.content.blob.expect("bytes").0.simple());
    while tag(&ask("chunked", &[]).await) != whole {
        world.store.fingerprint().await.expect("the store answers");
    }
    for known in [&whole, &former] {
        let unchanged = ask("chunked", &[("If-None-Match", known)]).await;
        assert_eq!(
            (unchanged.status, tag(&unchanged), unchanged.body.len()),
            (StatusCode::NOT_MODIFIED, whole.clone(), 0)
        );
        let part = ask("chunked", &[("If-Match", known), ("Range", "bytes=8-"), ("If-Range", known)]).await;
        assert_eq!((part.status, part.text().as_str()), (StatusCode::PARTIAL_CONTENT, "89"));
    }
    ask("again", &[("If-Match", &whole), ("If-None-Match", "*")]).await.expect_refusal(412, "E_INVALIDARG");
    ask("nothing", &[("If-Match", "*")]).await.expect_refusal(404, "FABRIC_E_FILE_NOT_FOUND");
    let head = world.send("HEAD", &target("whole"), &[("Range", "bytes=8-")], Body::empty()).await;
    assert_eq!(
        (head.status, tag(&head)),
        (StatusCode::OK, whole),
        "a range does not count, the connection leaves the bytes out"
    );
}

#[tokio::test]
async fn a_quota_is_kept_before_and_while_the_body_comes() {
    let mut settings = settings();
    settings.service_fabric.quota_bytes = Some(1000);
    let world = World::with(settings).await;
    world.put("a", vec![1; 600]).await;
    let put = async |headers: &[(&str, &str)], body: Body| {
        world.send("PUT", "/ImageStore/b?api-version=6.0", headers, body).await
    };
    put(&[], vec![1; 401].into()).await.expect_refusal(413, "FABRIC_E_VALUE_TOO_LARGE");
    put(&[("Content-Length", "5000")], Body::stream(Never)).await.expect_refusal(413, "FABRIC_E_VALUE_TOO_LARGE");
    put(&[], Body::stream(Endless)).await.expect_refusal(413, "FABRIC_E_VALUE_TOO_LARGE");
    let chunk = world.chunk("c", "bytes 0-9/401", "0123456789").await;
    chunk.expect_refusal(413, "FABRIC_E_VALUE_TOO_LARGE");
    assert_eq!(world.everything().await, [("a".to_owned(), "600".to_owned())]);
    put(&[], vec![1; 400].into()).await.expect_empty();
}

/// A body that must not be asked for.
struct Never;

/// A body of zeros without end.
struct Endless;

macro_rules! body {
    ($name:ident, $frame:expr) => {
        impl http_body::Body for $name {
            type Data = Bytes;
            type Error = pentaprism_core::BodyError;

            fn poll_frame(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
                $frame
            }
        }
    };
}

body!(Never, panic!("the body is read although the declared length is refused"));
body!(Endless, std::task::Poll::Ready(Some(Ok(http_body::Frame::data(Bytes::from_static(&[0; 64]))))));
