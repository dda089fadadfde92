//! Lists: who finds what, in which order, and page by page.

use std::time::Duration;

use pentaprism_store::{Change, Condition, Update};

use super::*;
use crate::dialects::glance::image::key;

/// A world whose clock moves.
async fn moving() -> (World, Arc<ManualClock>) {
    let clock = clock();
    let options = Options::ephemeral().clock(Arc::<ManualClock>::clone(&clock));
    (World::over(settings(), Store::open(options).await.expect("a temporary store opens")), clock)
}

/// An id that says which image it is.
fn id(number: u128) -> String {
    Uuid::from_u128(0xcf43_3676_4896_400d_8ec1_0511_8365_0000 + number).to_string()
}

async fn create(world: &World, token: &str, id: &str, more: Value) {
    let mut body = json!({"id": id, "name": id});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let created = world.post(token, "/v2/images", &body).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text());
}

async fn share(world: &World, id: &str, status: &str) {
    let members = format!("/v2/images/{id}/members");
    let added = world.post(OWNER, &members, &json!({"member": MEMBERS_PROJECT})).await;
    assert_eq!(added.status, StatusCode::OK, "{}", added.text());
    let answer = json!({"status": status}).to_string().into_bytes();
    let answered = world.ask(MEMBER, "PUT", &format!("{members}/{MEMBERS_PROJECT}"), answer).await;
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.text());
}

/// The names in a list, in its order.
async fn names(world: &World, token: &str, query: &str) -> Vec<String> {
    let listed = world.get(token, &format!("/v2/images{query}")).await;
    assert_eq!(listed.status, StatusCode::OK, "{query}: {}", listed.text());
    let text = |image: &Value| image["name"].as_str().unwrap_or_default().to_owned();
    listed.json()["images"].as_array().expect("a list").iter().map(text).collect()
}

/// What a list is refused with.
async fn refusal(world: &World, token: &str, query: &str) -> String {
    let refused = world.get(token, &format!("/v2/images{query}")).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{query}: {}", refused.text());
    refused.text().lines().nth(2).unwrap_or_default().to_owned()
}

/// Images of every kind of the owner's project, named after what they are.
async fn every_kind() -> World {
    let (world, clock) = moving().await;
    let kinds = ["private", "shared", "community", "public", "pending", "rejected", "accepted", "left over", "hidden"];
    for (number, name) in kinds.into_iter().enumerate() {
        let (token, visibility) = match name {
            "private" | "community" => (OWNER, name),
            "public" | "hidden" => (ADMIN, "public"),
            _ => (OWNER, "shared"),
        };
        let id = id(number as u128);
        let more = json!({
            "name": name, "visibility": visibility, "owner": OWNERS_PROJECT, "os_hidden": name == "hidden",
        });
        create(&world, token, &id, more).await;
        match name {
            "pending" | "rejected" | "accepted" => share(&world, &id, name).await,
            "left over" => {
                share(&world, &id, "accepted").await;
                // No operation changes a visibility yet.
                let key = key(id.parse().unwrap());
                let mut attributes = world.store.get(&key).await.unwrap().unwrap().attributes;
                attributes["visibility"] = json!("private");
                let change = Change::new().update(key, Condition::EXISTS, Update::default().attributes(attributes));
                world.store.apply(change).await.expect("the store takes it");
            }
            _ => {}
        }
        clock.advance(Duration::from_secs(1));
    }
    world
}

#[tokio::test]
async fn everybody_finds_what_it_sees() {
    let world = every_kind().await;
    let all = ["left over", "accepted", "rejected", "pending", "public", "community", "shared", "private"];
    let owned = format!("?owner={OWNERS_PROJECT}");
    let other_spelling = format!("?owner={}", OWNERS_PROJECT.simple().to_string().to_uppercase());
    let not_owned = format!("?owner={STRANGERS_PROJECT}");
    for (token, query, expected) in [
        (OWNER, "", &all[..]),
        (READER, "", &all[..]),
        (ADMIN, "", &all[..]),
        (MEMBER, "", &["accepted", "public"]),
        (STRANGER, "", &["public"]),
        (OWNER, "?visibility=all", &all[..]),
        (ADMIN, "?visibility=all", &all[..]),
        (MEMBER, "?visibility=all", &["accepted", "public", "community"]),
        (STRANGER, "?visibility=all", &["public", "community"]),
        (STRANGER, "?visibility=community", &["community"]),
        (ADMIN, "?visibility=community", &["community"]),
        (STRANGER, "?visibility=private", &[]),
        (MEMBER, "?visibility=private", &[]),
        (OWNER, "?visibility=private", &["left over", "private"]),
        (ADMIN, "?visibility=private", &["left over", "private"]),
        (MEMBER, "?visibility=shared", &["accepted"]),
        (STRANGER, "?visibility=shared&member_status=all", &[]),
        (OWNER, "?visibility=shared", &["accepted", "rejected", "pending", "shared"]),
        (MEMBER, "?visibility=shared&member_status=pending", &["pending"]),
        (MEMBER, "?member_status=rejected", &["rejected", "public"]),
        (MEMBER, "?visibility=shared&member_status=all", &["accepted", "rejected", "pending"]),
        (STRANGER, "?visibility=public", &["public"]),
        (OWNER, &owned, &all[..]),
        (OWNER, &other_spelling, &all[..]),
        (ADMIN, &owned, &all[..]),
        (MEMBER, &owned, &["accepted", "public"]),
        (ADMIN, &not_owned, &[]),
        (STRANGER, &not_owned, &[]),
        (STRANGER, "?os_hidden=true", &["hidden"]),
        (STRANGER, "?os_hidden=False", &["public"]),
        (OWNER, "?os_hidden=true", &["hidden"]),
        (STRANGER, "?name=private", &[]),
        (STRANGER, "?name=hidden", &[]),
        (STRANGER, "?name=hidden&os_hidden=true", &["hidden"]),
        (MEMBER, "?name=in:private,public,accepted,pending", &["accepted", "public"]),
        (MEMBER, "?sort=name:asc", &["accepted", "public"]),
        (MEMBER, "?sort=name:asc&name=left%20over", &[]),
    ] {
        assert_eq!(names(&world, token, query).await, expected, "{token} {query}");
    }
    for (token, number, finds) in [(STRANGER, 0, 0), (MEMBER, 4, 0), (STRANGER, 3, 1), (MEMBER, 7, 0), (ADMIN, 7, 1)] {
        assert_eq!(names(&world, token, &format!("?id={}", id(number))).await.len(), finds, "{token} {number}");
    }
}

#[tokio::test]
async fn pages_are_the_list_in_pieces() {
    let (world, clock) = moving().await;
    let mut created = Vec::new();
    for number in 0..13 {
        // Equal times, equal names and missing names.
        if number % 3 == 0 {
            clock.advance(Duration::from_millis(400));
        }
        let name = if number % 4 == 0 { Value::Null } else { json!(format!("n{}", number % 5)) };
        let format = ["raw", "qcow2", "iso"][number % 3];
        let visibility = if number % 2 == 0 { "public" } else { "private" };
        let more = json!({"name": name, "disk_format": format, "visibility": visibility, "colour": format!("c{}", number % 2)});
        let token = if number % 2 == 0 { ADMIN } else { OWNER };
        create(&world, token, &id(number as u128 * 7919 % 101), more).await;
        created.push(number);
    }
    let ids = |listed: &Value| -> Vec<String> {
        let images = listed["images"].as_array().expect("a list");
        images.iter().map(|image| image["id"].as_str().unwrap_or_default().to_owned()).collect()
    };
    for token in [ADMIN, OWNER] {
        for order in [
            "",
            "&sort=created_at:asc",
            "&sort=name:asc",
            "&sort=name:desc,disk_format:asc",
            "&sort=size,status:asc,name",
            "&sort_key=disk_format&sort_key=created_at&sort_dir=asc&sort_dir=desc",
            "&sort_key=updated_at&sort_dir=asc",
            "&sort=id:asc",
            "&sort_dir=asc",
            "&name=n1",
            "&colour=c1&tag=",
        ] {
            let whole = world.get(token, &format!("/v2/images?limit=1000{order}")).await.json();
            assert_eq!(whole.get("next"), None);
            let mut walked = Vec::new();
            let mut path = format!("/v2/images?limit=3{order}");
            loop {
                let page = world.get(token, &path).await.json();
                let first = page["first"].as_str().expect("a link").to_owned();
                assert_eq!(ids(&world.get(token, &first).await.json()), ids(&whole)[..ids(&whole).len().min(3)]);
                walked.extend(ids(&page));
                match page.get("next") {
                    Some(next) => next.as_str().expect("a link").clone_into(&mut path),
                    None => break,
                }
            }
            assert_eq!(walked, ids(&whole), "{token} {order}");
            if !order.contains("name=n1") && !order.contains("tag=") {
                assert_eq!(walked.len(), created.len(), "{token} {order}");
            }
        }
    }
    let (asc, desc) = (names(&world, ADMIN, "?sort=name:asc").await, names(&world, ADMIN, "?sort=name:desc").await);
    assert!(asc.is_sorted() && desc.is_sorted_by(|left, right| left >= right) && asc[0].is_empty(), "{asc:?} {desc:?}");
}

#[tokio::test]
async fn a_page_is_25_images_and_1000_at_most() {
    let (world, _) = moving().await;
    for number in 0..30 {
        create(&world, OWNER, &id(number), json!({})).await;
    }
    let listed = world.get(OWNER, "/v2/images").await.json();
    let (first, last) = (listed["images"][0]["id"].clone(), listed["images"][24]["id"].clone());
    assert_eq!((first, &last), (json!(id(29)), &json!(id(5))));
    assert_eq!(listed["first"], "/v2/images");
    assert_eq!(listed["next"], format!("/v2/images?marker={}", id(5)));
    assert_eq!(listed["schema"], "/v2/schemas/images");
    assert_eq!(names(&world, OWNER, "?limit=99999999999999999999").await.len(), 30);
    let empty = world.get(OWNER, "/v2/images?limit=0").await.text();
    assert_eq!(empty, r#"{"images":[],"first":"/v2/images?limit=0","schema":"/v2/schemas/images"}"#);
    // A full page leads on, though nothing comes behind it.
    let full = world.get(OWNER, "/v2/images?limit=30").await.json();
    let behind = world.get(OWNER, full["next"].as_str().expect("a link")).await.json();
    assert_eq!((&behind["images"], behind.get("next")), (&json!([]), None));
}

#[tokio::test]
async fn links_repeat_every_parameter() {
    let (world, _) = moving().await;
    for number in 0..2 {
        create(&world, OWNER, &id(number), json!({"name": "a+b c", "tags": ["x&y", "ü"], "p=q": "r"})).await;
    }
    let listed = world.get(OWNER, "/v2/images?tag=%C3%BC&p%3Dq=r&limit=1&tag=x%26y&name=a%2Bb+c").await.json();
    let query = "limit=1&name=a%2Bb%20c&tag=%C3%BC&tag=x%26y&p%3Dq=r";
    assert_eq!(listed["first"], format!("/v2/images?{query}"));
    let next = format!("/v2/images?limit=1&marker={}&name=a%2Bb%20c&tag=%C3%BC&tag=x%26y&p%3Dq=r", id(1));
    assert_eq!(listed["next"], next);
    assert_eq!(world.get(OWNER, &next).await.json()["images"][0]["id"], id(0));
}

#[tokio::test]
async fn a_marker_is_an_image_that_the_caller_sees() {
    let world = every_kind().await;
    let unknown = id(99);
    for (token, marker) in [(STRANGER, id(0)), (STRANGER, unknown), (OWNER, "first".to_owned()), (OWNER, String::new())]
    {
        let text = refusal(&world, token, &format!("?marker={marker}")).await;
        assert_eq!(text, format!("No image found with ID {marker}"), "{token}");
    }
    let deleted = world.ask(OWNER, "DELETE", &format!("/v2/images/{}", id(1)), Body::empty()).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    refusal(&world, OWNER, &format!("?marker={}", id(1))).await;
    // The marker itself need not be in the list, nor pass its filters.
    assert_eq!(names(&world, STRANGER, &format!("?marker={}", id(8))).await, ["public"]);
    assert_eq!(names(&world, STRANGER, &format!("?marker={}&name=public", id(8))).await, ["public"]);
}

#[tokio::test]
async fn an_image_that_is_being_filled_is_saving() {
    let (world, _) = moving().await;
    for (number, name) in ["filling", "waiting", "filled"].into_iter().enumerate() {
        world.image(&id(number as u128), json!({"name": name})).await;
    }
    assert_eq!(world.upload(OWNER, &id(2), "x").await.status, StatusCode::NO_CONTENT);
    let (answer, held) = world.open_upload(&id(0), b"bytes", true).await;
    for (query, expected) in [
        ("?status=saving", &["filling"][..]),
        ("?status=queued", &["waiting"]),
        ("?status=active", &["filled"]),
        ("?status=in:saving,queued", &["waiting", "filling"]),
        ("?status=in:saving,active", &["filled", "filling"]),
        ("?status=killed", &[]),
        ("?status=", &[]),
    ] {
        assert_eq!(names(&world, OWNER, query).await, expected, "{query}");
    }
    let listed = world.get(OWNER, "/v2/images?name=filling").await.json();
    assert_eq!(listed["images"][0]["status"], "saving");
    held.finish();
    assert_eq!(answer.await.expect("it answers").status, StatusCode::NO_CONTENT);
    assert_eq!(names(&world, OWNER, "?status=saving").await, Vec::<String>::new());
}

/// A plain image with five bytes, and a rich one that was made one and a half seconds later.
async fn plain_and_rich() -> World {
    let (world, clock) = moving().await;
    let plain = json!({"name": "plain", "disk_format": "raw", "container_format": "bare"});
    create(&world, OWNER, &id(0), plain).await;
    clock.advance(Duration::from_millis(1500));
    let rich = json!({
        "name": "debian:12, \"small\"", "disk_format": "qcow2", "container_format": "ovf", "min_ram": 512, "min_disk": 3,
        "protected": true, "tags": ["a", "b c"], "os_distro": "debian", "empty": "", "self_made": "\"it's\"\n",
    });
    create(&world, OWNER, &id(1), rich).await;
    assert_eq!(world.upload(OWNER, &id(0), "12345").await.status, StatusCode::NO_CONTENT);
    world
}

#[tokio::test]
async fn every_attribute_is_a_filter_and_everything_else_a_property() {
    let world = plain_and_rich().await;
    let shown = world.get(OWNER, &format!("/v2/images/{}", id(0))).await.json();
    let of = |name: &str| format!("?{name}={}", shown[name].as_str().unwrap_or_default());
    let (first, both) = (["plain"], ["debian:12, \"small\"", "plain"]);
    let second = [both[0]];
    for (query, expected) in [
        ("?name=plain", &first[..]),
        ("?name=eq:plain", &first),
        ("?name=Plain", &[]),
        ("?name=debian:12,+%22small%22", &second),
        ("?name=in:plain,%22debian:12,+%5C%22small%5C%22%22", &both),
        ("?name=in:", &[]),
        ("?name=", &[]),
        ("?disk_format=raw", &first),
        ("?disk_format=in:raw,qcow2,iso", &both),
        ("?container_format=ovf", &second),
        ("?disk_format=raw&container_format=ovf", &[]),
        ("?min_ram=512", &second),
        ("?min_ram=0", &first),
        ("?min_disk=3&min_ram=512", &second),
        ("?min_disk=three", &[]),
        ("?size=5", &first),
        ("?virtual_size=5", &first),
        ("?size_min=5", &first),
        ("?size_min=6", &[]),
        ("?size_max=5", &first),
        ("?size_min=1&size_max=4", &[]),
        ("?protected=true", &second),
        ("?protected=false", &first),
        ("?tag=a", &second),
        ("?tag=b+c&tag=a", &second),
        ("?tag=a&tag=c", &[]),
        ("?os_distro=debian", &second),
        ("?os_distro=ubuntu", &[]),
        ("?empty=", &second),
        ("?self_made=%22it's%22%0A", &second),
        ("?os_hash_algo=sha512", &first),
        ("?os_hash_algo=md5", &[]),
        (&of("checksum"), &first),
        (&of("os_hash_value"), &first),
        (&of("id"), &first),
        (&format!("?id=in:{},{}", id(0), id(1)), &both),
        ("?self=/v2/images", &[]),
        ("?stores=fast", &[]),
        ("?name=plain&name=other", &[]),
        ("?changes-since=", &both),
    ] {
        assert_eq!(names(&world, OWNER, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn times_are_compared_as_they_are_shown() {
    let world = plain_and_rich().await;
    let (rich, plain) = (["debian:12, \"small\""], ["plain"]);
    let both = [rich[0], plain[0]];
    for (query, expected) in [
        ("?created_at=2026-11-21T00:42:39Z", &plain[..]),
        ("?created_at=eq:2026-11-21T00:42:39Z", &plain[..]),
        ("?created_at=neq:2026-11-21T00:42:39Z", &rich[..]),
        ("?created_at=gt:2026-11-21T00:42:39Z", &rich[..]),
        ("?created_at=gte:2026-11-21T00:42:39", &both[..]),
        ("?created_at=lt:2026-11-21T01:42:40%2B01:00", &plain[..]),
        ("?created_at=lte:2026-11-21T00:42:39.5Z", &plain[..]),
        ("?created_at=gte:2026-11-21T00:42:39.5Z", &rich[..]),
        ("?created_at=2026-11-21", &[][..]),
        ("?created_at=gt:2026-11-21", &both[..]),
        ("?updated_at=gt:2026-11-21T00:42:39Z", &both[..]),
        ("?updated_at=lt:2026-11-21T00:42:40Z", &[][..]),
    ] {
        assert_eq!(names(&world, OWNER, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn wrong_queries_are_refused_in_the_services_words() {
    let (world, _) = moving().await;
    for (query, text) in [
        ("?limit=two", "limit param must be an integer"),
        ("?limit=", "limit param must be an integer"),
        ("?limit=-1", "limit param must be positive"),
        (
            "?sort_key=owner",
            "Invalid sort key: owner. It must be one of the following: name, status, container_format, disk_format, size, id, \
             created_at, updated_at.",
        ),
        ("?sort=name:up", "Invalid sort direction: up"),
        ("?sort_dir=down", "Invalid sort direction: down"),
        ("?sort_key=name&sort_dir=asc&sort_dir=asc", "Number of sort dirs does not match the number of sort keys"),
        ("?sort=name&sort_dir=asc", "Old and new sorting syntax cannot be combined"),
        ("?visibility=everybody", "Invalid visibility value: everybody"),
        ("?member_status=maybe", "Invalid status: maybe"),
        ("?protected=True", "Invalid value 'True' for 'protected' filter. Valid values are 'true' or 'false'."),
        ("?os_hidden=maybe", "Invalid value 'maybe' for 'os_hidden' filter. Valid values are 'true' or 'false'."),
        ("?size_min=big", "Unable to filter on a range with a non-numeric value."),
        ("?size_max=1.5", "Unable to filter on a range with a non-numeric value."),
        ("?created_at=yesterday", "Bad \"created_at\" query filter format. Use ISO 8601 DateTime notation."),
        ("?updated_at=gte:2026-13-01", "Bad \"updated_at\" query filter format. Use ISO 8601 DateTime notation."),
        ("?created_at=near:2026-11-21", "Unable to filter on a unknown operator."),
        ("?name=in:%22a", "Invalid filter value \"a. The quote is not closed."),
        ("?name=in:a%22b%22", "Invalid filter value a\"b\". There is no comma before opening quotation mark."),
        ("?name=in:%22a%22b", "Invalid filter value \"a\"b. There is no comma after closing quotation mark."),
        ("?changes-since=2026-11-21", "The \"changes-since\" filter is no longer available on v2."),
    ] {
        assert_eq!(refusal(&world, OWNER, query).await, text, "{query}");
    }
    let broken = world.get(OWNER, "/v2/images?name=%FF").await;
    assert_eq!(broken.status, StatusCode::BAD_REQUEST);
    assert_eq!(world.get("nobody", "/v2/images").await.status, StatusCode::UNAUTHORIZED);
}
