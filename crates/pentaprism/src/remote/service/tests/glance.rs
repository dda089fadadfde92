//! Images of Glance.

use super::*;

fn named(name: &str) -> ListQuery {
    ListQuery { name: Some(name.to_owned()), ..ListQuery::default() }
}

#[tokio::test]
async fn an_image_goes_there_and_comes_back() {
    let world = World::new().await;
    let placed = world.put("work/glance:disk", "an image").await.unwrap();
    assert_eq!((placed.bytes, placed.verified), (8, Some("size")));
    let by_id = placed.address.to_string();
    assert!(by_id.starts_with("work/glance:") && by_id != "work/glance:disk", "{by_id}");
    for address in ["work/glance:disk", &by_id] {
        let entry = world.stat(address).await.unwrap();
        assert_eq!(entry, placed.entry);
        assert_eq!(
            (entry.name.as_deref(), entry.size, entry.status.as_deref()),
            (Some("disk"), Some(8), Some("active"))
        );
        assert_eq!(
            (&entry.details["disk_format"], &entry.details["container_format"]),
            (&"raw".into(), &"bare".into())
        );
        assert_eq!(entry.checksums.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["md5", "sha512"]);
        let (whole, bytes) = world.get(address, 0).await.unwrap();
        assert_eq!((whole.from, whole.length, bytes), (0, Some(8), b"an image".to_vec()));
        assert_eq!((whole.file_name.as_deref(), whole.checksums.len()), (Some("disk"), 2));
        let (rest, bytes) = world.get(address, 3).await.unwrap();
        assert_eq!((rest.from, rest.length, bytes, rest.version), (3, Some(8), b"image".to_vec(), whole.version));
        let (nothing, bytes) = world.get(address, 8).await.unwrap();
        assert_eq!((nothing.from, bytes.len()), (8, 0));
        fails(world.get(address, 9).await.map(drop), FailureKind::Refused, "begin anew");
        assert!(world.wait(address).await.unwrap().is_some());
    }
    world.remove("work/glance:disk").await.unwrap();
    fails(world.stat(&by_id).await, FailureKind::NotFound, "has nothing at work/glance:");
    assert_eq!(world.gone(&by_id).await.unwrap(), None);
}

#[tokio::test]
async fn options_say_what_becomes_of_an_upload() {
    let world = World::new().await;
    let properties = [("min_disk", "3"), ("os_distro", "debian"), ("tags", "a, b"), ("protected", "true")];
    let options = PutOptions {
        name: Some("chosen".to_owned()),
        disk_format: Some("qcow2".to_owned()),
        container_format: Some("ovf".to_owned()),
        visibility: Some("community".to_owned()),
        properties: properties.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        ..verified()
    };
    let placed = world.put_as("glance:unused", stream("an image"), options).await.unwrap();
    assert_eq!((placed.bytes, placed.verified), (8, Some("md5")));
    let details = &placed.entry.details;
    for (name, value) in [
        ("name", "\"chosen\""),
        ("disk_format", "\"qcow2\""),
        ("container_format", "\"ovf\""),
        ("visibility", "\"community\""),
        ("min_disk", "3"),
        ("os_distro", "\"debian\""),
        ("protected", "true"),
    ] {
        assert_eq!(details[name].to_string(), value, "{name}");
    }
    assert_eq!(details["tags"].as_array().unwrap().len(), 2);
    fails(world.remove("glance:chosen").await, FailureKind::NotAllowed, "the deletion of glance:chosen");
    for (name, value, words) in
        [("min_ram", "much", "a whole number"), ("os_hidden", "1", "true or false"), ("name", "x", "--name")]
    {
        let options = PutOptions { properties: vec![(name.to_owned(), value.to_owned())], ..PutOptions::default() };
        fails(world.put_as("glance:x", "a", options).await.map(drop), FailureKind::Usage, words);
    }
}

#[tokio::test]
async fn names_come_from_the_file_and_formats_from_its_ending() {
    let world = World::new().await;
    for (file, format) in [("debian.QCOW2", "qcow2"), ("boot.iso", "iso"), ("disk.img", "raw"), ("disk", "raw")] {
        let (source, file_name) = (Source::from("an image"), Some(file.to_owned()));
        let options = PutOptions { wait: true, ..PutOptions::default() };
        let placed = world.open("glance:").put(Upload { source, file_name, options }).await.unwrap();
        assert_eq!(placed.entry.name.as_deref(), Some(file));
        assert_eq!(placed.entry.details["disk_format"], format);
    }
}

#[tokio::test]
async fn an_id_means_a_new_image_or_one_that_waits_for_its_bytes() {
    let world = World::new().await;
    let address = format!("glance:{NOBODY}");
    let queued = world.server.clone();
    let create = move || {
        let body = format!(r#"{{"id":"{NOBODY}","name":"queued","disk_format":"iso","container_format":"bare"}}"#);
        let request = Request::post("/v2/images").header("host", "localhost").header("x-auth-token", DEVELOPMENT_TOKEN);
        let request = request.header("content-type", "application/json").body(Body::from(body.into_bytes())).unwrap();
        let server = queued.clone();
        async move { assert_eq!(server.app().call(request).await.status(), 201) }
    };
    create().await;
    fails(world.get(&address, 0).await.map(drop), FailureKind::NotFound, "is queued and has no bytes");
    let options = PutOptions { disk_format: Some("raw".to_owned()), ..verified() };
    fails(world.put_as(&address, "an image", options).await.map(drop), FailureKind::Usage, "--disk-format");
    let placed = world.put(&address, "an image").await.unwrap();
    assert_eq!(
        (placed.address.to_string(), placed.entry.details["disk_format"].as_str()),
        (address.clone(), Some("iso"))
    );
    fails(world.put(&address, "another").await.map(drop), FailureKind::Conflict, "is active, not queued");
    world.remove(&address).await.unwrap();
    // Ids of deleted images are never used again.
    fails(world.put(&address, "another").await.map(drop), FailureKind::Conflict, "the creation of");
    let other = "glance:00000000-0000-4000-8000-000000000007";
    assert_eq!(world.put(other, "a").await.unwrap().address.to_string(), other);
}

#[tokio::test]
async fn names_that_several_have_mean_none() {
    let world = World::new().await;
    for name in ["twice", "twice", "in:once"] {
        world.put(&format!("glance:{name}"), "an image").await.unwrap();
    }
    for failed in [
        world.stat("glance:twice").await.map(drop),
        world.remove("glance:twice").await,
        world.wait("glance:twice").await.map(drop),
    ] {
        fails(failed, FailureKind::Conflict, "write the id, such as glance:");
    }
    assert_eq!(world.stat("glance:in:once").await.unwrap().name.as_deref(), Some("in:once"));
    assert_eq!(world.list("glance:twice", &ListQuery::default()).await.unwrap().len(), 2);
    assert_eq!(world.list("glance:", &named("in:once")).await.unwrap().len(), 1);
    fails(world.list("glance:thrice", &ListQuery::default()).await, FailureKind::NotFound, "glance:thrice");
    fails(world.stat("glance:").await, FailureKind::Usage, "glance:NAME_OR_ID");
    fails(world.remove("glance:").await, FailureKind::Usage, "glance:NAME_OR_ID");
}

#[tokio::test]
async fn listings_have_an_order_and_an_end() {
    let world = World::new().await;
    for name in ["b", "c", "a"] {
        world.put(&format!("glance:{name}"), name).await.unwrap();
    }
    let names = async |query: ListQuery| {
        let listed = world.list("glance:", &query).await.unwrap();
        listed.into_iter().map(|entry| entry.name.unwrap()).collect::<Vec<_>>().join(" ")
    };
    let sort = |sort: &str, limit| ListQuery { sort: Some(sort.to_owned()), limit, ..ListQuery::default() };
    assert_eq!(names(sort("name:asc", None)).await, "a b c");
    assert_eq!(names(sort("name:desc", Some(2))).await, "c b");
    assert_eq!(names(ListQuery::default()).await, "a c b", "the newest first");
    fails(world.list("glance:", &sort("colour", None)).await, FailureKind::Refused, "the listing of glance:");
}

#[tokio::test]
async fn pages_are_followed_to_the_last() {
    let world = World::new().await;
    for name in ["a", "b", "c"] {
        world.put(&format!("glance:{name}"), name).await.unwrap();
    }
    // A service may give fewer than are asked for.
    let small = world.twisted(|request| {
        let target = request.uri().to_string().replace("limit=500", "limit=1");
        *request.uri_mut() = target.parse().unwrap();
        None
    });
    let ids = small.addresses("glance:", &ListQuery::default()).await;
    assert_eq!((ids.len(), &ids), (3, &world.addresses("glance:", &ListQuery::default()).await));
    let ones = ListQuery { limit: Some(1), ..ListQuery::default() };
    assert_eq!(world.list("glance:", &ones).await.unwrap().len(), 1);
}

#[tokio::test]
async fn waiting_ends_when_the_image_is_there_gone_or_lost() {
    let world = World::new().await;
    let address = format!("glance:{NOBODY}");
    fails(world.wait(&address).await, FailureKind::NotFound, NOBODY);
    assert_eq!(world.gone(&address).await.unwrap(), None);
    let body = format!(r#"{{"id":"{NOBODY}","disk_format":"iso","container_format":"bare"}}"#);
    let request = Request::post("/v2/images").header("host", "localhost").header("x-auth-token", DEVELOPMENT_TOKEN);
    let request = request.header("content-type", "application/json").body(Body::from(body.into_bytes())).unwrap();
    assert_eq!(world.server.app().call(request).await.status(), 201);
    let filler = world.open(&address);
    world.later(std::future::ready(()));
    world.later(async move {
        let options = PutOptions { wait: true, ..PutOptions::default() };
        filler.put(Upload { source: "an image".into(), file_name: None, options }).await.unwrap();
    });
    assert_eq!(world.wait(&address).await.unwrap().unwrap().status.as_deref(), Some("active"));
    let remover = world.open(&address);
    world.later(async move { remover.remove(false).await.unwrap() });
    assert_eq!(world.gone(&address).await.unwrap(), None);
}

#[tokio::test]
async fn without_waiting_an_upload_is_not_undone() {
    let world = World::new().await;
    let placed = world.put_as("glance:quick", "an image", PutOptions::default()).await.unwrap();
    assert_eq!(world.get("glance:quick", 0).await.unwrap().1, b"an image");
    assert_eq!(placed.bytes, 8);
    fails(world.put_as("glance:broken", broken(), PutOptions::default()).await.map(drop), FailureKind::Local, "disk");
    fails(world.stat("glance:broken").await, FailureKind::NotFound, "glance:broken");
}

/// The record of an image, whichever is asked for, in a status.
fn record(request: &Request<Body>, status: &str) -> Option<Response<Body>> {
    let id = request.uri().path().strip_prefix("/v2/images/").filter(|id| Uuid::try_parse(id).is_ok())?;
    let is_show = request.method() == http::Method::GET;
    let body = serde_json::json!({
        "id": id, "name": "slow", "status": status, "visibility": "shared", "size": 8, "virtual_size": null,
        "checksum": null, "protected": false, "min_ram": 0, "min_disk": 0, "owner": null, "os_hidden": false,
        "os_hash_algo": null, "os_hash_value": null, "disk_format": "raw", "container_format": "bare",
        "created_at": "2026-11-21T11:00:00Z", "updated_at": "2026-11-21T11:00:00Z", "tags": [],
        "self": format!("/v2/images/{id}"), "file": format!("/v2/images/{id}/file"), "schema": "/v2/schemas/image",
    });
    let answer = Response::builder().header("content-type", "application/json; charset=UTF-8");
    let answer = answer.header("x-openstack-request-id", "req-1").body(Body::from(body.to_string().into_bytes()));
    is_show.then(|| answer.unwrap())
}

#[tokio::test]
async fn an_image_that_the_service_is_busy_with_is_kept() {
    let world = World::new().await;
    let slow = world.twisted(|request| record(request, "saving"));
    let placed = slow.put_as("glance:slow", "an image", PutOptions::default()).await.unwrap();
    assert_eq!((placed.entry.status.as_deref(), placed.verified), (Some("saving"), None));
    fails(slow.put("glance:slow", "an image").await.map(drop), FailureKind::TimedOut, "`pentaprism wait glance:");
    assert_eq!(world.list("glance:slow", &ListQuery::default()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_image_that_the_service_has_given_up_is_not_awaited() {
    let world = World::new().await;
    let lossy = world.twisted(|request| record(request, "killed"));
    fails(lossy.wait(&format!("glance:{NOBODY}")).await, FailureKind::Conflict, "will not become active");
    fails(
        lossy.put("glance:lost", "an image").await.map(drop),
        FailureKind::ServiceFailed,
        "is killed after its upload",
    );
    let left = world.list("glance:", &ListQuery::default()).await.unwrap();
    assert!(left.is_empty(), "what is of no use is deleted");
}

#[tokio::test]
async fn without_a_check_sum_the_bytes_are_read_back() {
    let world = World::new().await;
    let silent = world.twisted(|request| record(request, "active"));
    for source in [Source::from("an image"), stream("an image")] {
        assert_eq!(silent.put_as("glance:x", source, verified()).await.unwrap().verified, Some("bytes read back"));
    }
    for source in [Source::from("an image"), stream("an image")] {
        let options = PutOptions { verify: false, ..verified() };
        assert_eq!(silent.put_as("glance:z", source, options).await.unwrap().verified, Some("size"));
    }
    silent.put("glance:y", "an image").await.unwrap();
    let (fetched, _) = silent.get(&world.addresses("glance:y", &ListQuery::default()).await[0], 0).await.unwrap();
    assert_eq!((fetched.version, fetched.checksums.len()), (None, 0));
}

/// A body that tells when it is read for the second time, and then comes no further.
struct Stuck(Option<tokio::sync::oneshot::Sender<()>>, bool);

impl http_body::Body for Stuck {
    type Data = bytes::Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, BodyError>>> {
        if !self.1 {
            self.1 = true;
            return std::task::Poll::Ready(Some(Ok(http_body::Frame::data(bytes::Bytes::from_static(b"an")))));
        }
        if let Some(tell) = self.0.take() {
            tell.send(()).unwrap();
        }
        std::task::Poll::Pending
    }
}

#[tokio::test]
async fn an_upload_that_is_broken_off_takes_its_image_back() {
    let world = World::new().await;
    let remote = world.open("glance:disk");
    let (tell, reached) = tokio::sync::oneshot::channel();
    let source = Source::once(Body::stream(Stuck(Some(tell), false)), None);
    let upload = Upload { source, file_name: None, options: verified() };
    tokio::select! {
        placed = remote.put(upload) => panic!("{placed:?}"),
        reached = reached => reached.unwrap(),
    }
    assert_eq!(world.list("glance:", &ListQuery::default()).await.unwrap().len(), 1);
    assert!(world.unfinished.take_back(Duration::from_secs(5)).await.is_empty());
    assert!(world.addresses("glance:", &ListQuery::default()).await.is_empty(), "it is left behind");
    world.put("glance:disk", "an image").await.unwrap();
    assert!(world.unfinished.take_back(Duration::from_secs(5)).await.is_empty());
    assert_eq!(world.stat("glance:disk").await.unwrap().status.as_deref(), Some("active"));
}

#[tokio::test]
async fn an_image_without_bytes_in_the_names_way_is_told() {
    let world = World::new().await;
    let body = format!(r#"{{"id":"{NOBODY}","name":"twice","disk_format":"iso","container_format":"bare"}}"#);
    let request = Request::post("/v2/images").header("host", "localhost").header("x-auth-token", DEVELOPMENT_TOKEN);
    let request = request.header("content-type", "application/json").body(Body::from(body.into_bytes())).unwrap();
    assert_eq!(world.server.app().call(request).await.status(), 201);
    world.put("work/glance:twice", "an image").await.unwrap();
    let words =
        format!("`pentaprism rm work/glance:{NOBODY}` deletes it, `pentaprism cp FILE work/glance:{NOBODY}` fills");
    fails(world.stat("work/glance:twice").await, FailureKind::Conflict, &words);
}

#[tokio::test]
async fn a_service_that_does_not_turn_pages_is_not_read_for_ever() {
    let world = World::new().await;
    for name in ["a", "b", "c"] {
        world.put(&format!("glance:{name}"), "an image").await.unwrap();
    }
    let deaf = world.twisted(|request| {
        *request.uri_mut() = "/v2/images?limit=2".parse().unwrap();
        None
    });
    fails(deaf.list("glance:", &ListQuery::default()).await, FailureKind::ServiceFailed, "the same page again");
}
