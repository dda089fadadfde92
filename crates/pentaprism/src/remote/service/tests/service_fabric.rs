//! Files and folders of the image store.

use super::*;

async fn filled() -> World {
    let world = World::new().await;
    for path in ["App/b.txt", "App/Code/x.dll", "App/Code/y.dll", "App/a.txt", "App/Data/z.bin", "root.txt"] {
        world.put(&format!("sf:{path}"), path.to_owned().into_bytes()).await.unwrap();
    }
    world
}

fn recursive() -> ListQuery {
    ListQuery { recursive: true, ..ListQuery::default() }
}

#[tokio::test]
async fn a_file_goes_there_and_comes_back() {
    let world = World::new().await;
    let placed = world.put("work/sf:App/a.txt", "a file").await.unwrap();
    assert_eq!(
        (placed.bytes, placed.verified, placed.address.to_string()),
        (6, Some("size"), "work/sf:App/a.txt".into())
    );
    let entry = world.stat("work/sf:App/a.txt").await.unwrap();
    assert_eq!((&entry, entry.kind.name(), entry.size), (&placed.entry, "file", Some(6)));
    assert!(entry.modified.is_some());
    let (whole, bytes) = world.get("sf:App/a.txt", 0).await.unwrap();
    assert_eq!((whole.from, whole.length, bytes), (0, Some(6), b"a file".to_vec()));
    assert_eq!(whole.file_name.as_deref(), Some("a.txt"));
    let (rest, bytes) = world.get("sf:App/a.txt", 2).await.unwrap();
    assert_eq!((rest.from, bytes, rest.version.clone()), (2, b"file".to_vec(), whole.version));
    assert_eq!(world.get("sf:App/a.txt", 6).await.unwrap().1, b"");
    fails(world.get("sf:App/a.txt", 7).await.map(drop), FailureKind::Refused, "the file has 6 bytes");
    world.put("sf:App/a.txt", "a file").await.unwrap();
    assert_ne!(world.get("sf:App/a.txt", 0).await.unwrap().0.version, rest.version, "it was written again");
    world.remove("sf:App/a.txt").await.unwrap();
    for failed in [
        world.get("sf:App/a.txt", 0).await.map(drop),
        world.remove("sf:App/a.txt").await,
        world.stat("sf:App").await.map(drop),
    ] {
        fails(failed, FailureKind::NotFound, "has nothing at sf:App");
    }
}

#[tokio::test]
async fn large_files_go_in_chunks_under_the_noted_session() {
    let world = World::new().await;
    let bytes: Vec<u8> = (0..40 << 20).map(|byte: u32| byte.to_le_bytes()[1]).collect();
    let session = uuid::uuid!("4a2340e8-d8d8-497c-95fe-cdaa1052f33b");
    let options = PutOptions { session: Some(session), parallel: Some(2), ..verified() };
    let placed = world.put_as("sf:Images/disk.vhd", bytes.clone(), options.clone()).await.unwrap();
    assert_eq!((placed.bytes, placed.verified), (40 << 20, Some("bytes read back")));
    assert!(world.get("sf:Images/disk.vhd", 0).await.unwrap().1 == bytes);
    let failed = world.put_as("sf:Images/other.vhd", bytes, options).await.map(drop);
    fails(failed, FailureKind::Conflict, "copy it without --resume");
}

#[tokio::test]
async fn what_was_sent_is_compared_with_what_is_there() {
    let world = World::new().await;
    for source in [Source::from("a file"), stream("a file")] {
        let placed = world.put_as("sf:a.txt", source, verified()).await.unwrap();
        assert_eq!((placed.bytes, placed.verified), (6, Some("bytes read back")));
    }
    let lying = world.twisted(|request| {
        let is_download = request.method() == http::Method::GET && request.uri().path().ends_with("/Download");
        is_download.then(|| {
            let answer = Response::builder().header("content-type", "application/octet-stream");
            answer.body(Body::from("a lie!")).unwrap()
        })
    });
    for source in [Source::from("a file"), stream("a file")] {
        fails(lying.put_as("sf:a.txt", source, verified()).await.map(drop), FailureKind::Differs, "SHA-256");
    }
}

#[tokio::test]
async fn clusters_without_a_download_say_so_clearly() {
    let world = World::new().await;
    world.put("sf:a.txt", "a file").await.unwrap();
    let cluster = world.twisted(|request| {
        let is_download = request.method() == http::Method::GET && request.uri().path().ends_with("/Download");
        is_download.then(|| {
            let answer = Response::builder().status(400).header("content-type", "application/json; charset=utf-8");
            let answer = answer.header("x-content-type-options", "nosniff");
            answer.body(Body::from(r#"{"Error":{"Code":"E_INVALIDARG","Message":"Invalid argument"}}"#)).unwrap()
        })
    });
    fails(cluster.get("sf:a.txt", 0).await.map(drop), FailureKind::NotSupported, "this service has no download");
    assert!(cluster.stat("sf:a.txt").await.is_ok());
}

#[tokio::test]
async fn folders_are_listed_one_by_one_or_to_the_ground() {
    let world = filled().await;
    assert_eq!(world.addresses("sf:", &ListQuery::default()).await, ["sf:root.txt", "sf:App"]);
    let once = ["sf:App/a.txt", "sf:App/b.txt", "sf:App/Code", "sf:App/Data"];
    assert_eq!(world.addresses("sf:App/", &ListQuery::default()).await, once);
    let all = [
        "sf:root.txt",
        "sf:App",
        "sf:App/a.txt",
        "sf:App/b.txt",
        "sf:App/Code",
        "sf:App/Code/x.dll",
        "sf:App/Code/y.dll",
        "sf:App/Data",
        "sf:App/Data/z.bin",
    ];
    assert_eq!(world.addresses("sf:", &recursive()).await, all);
    assert_eq!(world.addresses("sf:", &ListQuery { limit: Some(4), ..recursive() }).await, all[..4]);
    let named = ListQuery { name: Some("y.dll".to_owned()), ..recursive() };
    assert_eq!(world.addresses("sf:App", &named).await, ["sf:App/Code/y.dll"]);
    assert_eq!(world.addresses("sf:App/Code/x.dll", &recursive()).await, ["sf:App/Code/x.dll"]);
    fails(world.list("sf:None", &recursive()).await, FailureKind::NotFound, "sf:None");
    let folder = world.stat("sf:App").await.unwrap();
    assert_eq!(folder.details.to_string(), r#"{"files":2,"folders":2,"marked":false}"#);
    assert_eq!((folder.kind.name(), world.stat("sf:").await.unwrap().kind.name()), ("folder", "folder"));
    fails(world.get("sf:App", 0).await.map(drop), FailureKind::Usage, "-r copies folders");
}

#[tokio::test]
async fn folders_go_only_when_that_is_meant() {
    let world = filled().await;
    fails(world.remove("sf:App").await, FailureKind::Usage, "-r deletes it");
    fails(world.open("sf:").remove(true).await, FailureKind::Usage, "the whole image store");
    world.open("sf:App").remove(true).await.unwrap();
    assert_eq!(world.addresses("sf:", &recursive()).await, ["sf:root.txt"]);
    fails(world.open("sf:App").remove(true).await, FailureKind::NotFound, "sf:App");
    fails(world.put("sf:", "a").await.map(drop), FailureKind::Usage, "sf:PATH");
}

#[tokio::test]
async fn files_are_awaited_and_folders_until_they_are_marked() {
    let world = World::new().await;
    for path in ["sf:App/a.txt", "sf:App/_.dir"] {
        let remote = world.open(path);
        world.later(async move {
            let options = PutOptions::default();
            remote.put(Upload { source: Source::from("a"), file_name: None, options }).await.unwrap();
        });
    }
    assert_eq!(world.wait("sf:App").await.unwrap().unwrap().details["marked"], true);
    assert_eq!(world.wait("sf:App/a.txt").await.unwrap().unwrap().size, Some(1));
    assert!(world.wait("sf:").await.unwrap().is_some());
    let remote = world.open("sf:App");
    world.later(async move { remote.remove(true).await.unwrap() });
    assert_eq!(world.gone("sf:App/a.txt").await.unwrap(), None);
}

/// A listing as a cluster on Windows writes it, and two that none should.
fn answer(body: &'static str) -> Response<Body> {
    let answer = Response::builder().header("content-type", "application/json; charset=utf-8");
    answer.header("x-content-type-options", "nosniff").body(Body::from(body)).unwrap()
}

#[tokio::test]
async fn listings_of_other_services_are_understood_or_refused() {
    let world = World::new().await;
    let windows = world.twisted(|request| {
        Some(match request.uri().path() {
            "/ImageStore/App" => answer(
                r#"{"StoreFiles":[{"StoreRelativePath":"app\\a.txt","FileSize":"7"}],"StoreFolders":[{"StoreRelativePath":"app\\Code","FileCount":"1"}],"ContinuationToken":""}"#,
            ),
            _ => answer(r#"{"StoreFiles":[{"StoreRelativePath":"app\\Code\\x.dll","FileSize":"9"}],"StoreFolders":[]}"#),
        })
    });
    let all = ["sf:app/a.txt", "sf:app/Code", "sf:app/Code/x.dll"];
    assert_eq!(windows.addresses("sf:App", &recursive()).await, all);
    let circle = world
        .twisted(|_| Some(answer(r#"{"StoreFiles":[],"StoreFolders":[{"StoreRelativePath":"App","FileCount":"1"}]}"#)));
    fails(circle.list("sf:App", &recursive()).await, FailureKind::ServiceFailed, "a folder that is not below it");
    let elsewhere = world.twisted(|_| {
        Some(answer(r#"{"StoreFiles":[{"StoreRelativePath":"Other/a","FileSize":"1"}],"StoreFolders":[]}"#))
    });
    fails(elsewhere.list("sf:App", &recursive()).await, FailureKind::ServiceFailed, "a file that is not below it");
    let pages = world.twisted(|_| {
        Some(answer(
            r#"{"StoreFiles":[{"StoreRelativePath":"App/a","FileSize":"1"}],"StoreFolders":[],"ContinuationToken":"more"}"#,
        ))
    });
    fails(pages.list("sf:App", &recursive()).await, FailureKind::NotSupported, "in pages");
    let first = ListQuery { limit: Some(1), ..recursive() };
    assert_eq!(pages.addresses("sf:App", &first).await, ["sf:App/a"]);
}
