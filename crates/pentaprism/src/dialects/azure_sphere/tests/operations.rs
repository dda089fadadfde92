//! What becomes of an upload that was taken.

use bytes::Bytes;
use futures_util::StreamExt;
use pentaprism_core::dialects::azure_sphere::DIALECT;
use pentaprism_store::Clock;
use serde_json::json;
use uuid::Uuid;

use super::packages::{APPLICATION, Packer, WASHER, WASHERS, application, build, identity, signer};
use super::{ENDED, OTHER, START, TENANT, WAITING, World, settings};
use crate::dialects::azure_sphere::record::OperationKey;

fn image(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

#[tokio::test]
async fn an_upload_becomes_an_image_with_a_link_to_its_bytes() {
    let world = World::waiting(settings()).await;
    let bytes = Bytes::from(Packer { payload: vec![7; 3 << 20], ..packer() }.pack());
    let id = world.upload(bytes.clone()).await;
    assert_eq!(world.usage().await.bytes, bytes.len() as u64);
    assert_eq!(world.get(&format!("/v2/tenants/{TENANT}/images/{WASHER}")).await.status, 404);
    world.sphere.start();
    world.sphere.settled().await;
    let operation = world.operation(id).await;
    assert_eq!((&operation["State"], &operation["Error"]), (&json!(2), &json!(null)), "{operation}");
    assert_eq!(world.usage().await.bytes, bytes.len() as u64, "the operation gave its share back");

    let url = world.get(&format!("/v2/tenants/{TENANT}/images/{WASHER}")).await.json(200);
    let [link] = &world.names("public", "links").await[..] else { panic!("there is one link") };
    let uri = format!("http://127.0.0.1:8470/public/{}/{WASHER}.imagepackage", link.key.key);
    assert_eq!(url, json!({"IsSuccess": true, "Uri": uri, "UriMessage": null}));
    let file = json!({"fileName": format!("{WASHER}.imagepackage"), "mediaType": "application/octet-stream"});
    assert_eq!(link.attributes, file);
    let reader = world.store.open_content(link.content.expect("the bytes")).await.expect("a reader");
    let blocks = reader.read(0..reader.size()).expect("blocks");
    let read = blocks.map(|block| block.expect("a block")).collect::<Vec<_>>().await.concat();
    assert!(read == bytes, "the bytes are those of the package");
    world.is_sound().await;
}

fn packer() -> Packer {
    Packer::new(vec![identity(WASHER, WASHERS, APPLICATION), signer(), build(b"Washer")])
}

#[tokio::test]
async fn of_many_uploads_of_one_image_the_first_wins() {
    let world = World::waiting(settings()).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(world.upload(application(WASHER, "Washer")).await);
        // A clock that is put back changes nothing about who came first.
        world.clock.set(world.clock.now().minus(std::time::Duration::from_hours(1)));
    }
    world.sphere.start();
    world.sphere.settled().await;
    assert_eq!(world.state(ids[0]).await, 2);
    for id in &ids[1..] {
        let operation = world.operation(*id).await;
        let message = format!("An image with the same ID ('{WASHER}') already exists.");
        assert_eq!(operation["Error"], json!({"Code": 7, "Message": message}));
        assert_eq!((&operation["State"], &operation["ResourceLocation"]), (&json!(3), &json!(null)));
    }
    assert_eq!(world.usage().await.bytes, application(WASHER, "Washer").len() as u64);
    assert_eq!(world.names("public", "links").await.len(), 1);
    world.is_sound().await;
}

#[tokio::test]
async fn uploads_at_once_all_end() {
    let world = World::new().await;
    let uploads = (1..=40).map(|number| {
        let world = world.clone();
        tokio::spawn(async move { world.upload(application(image(number / 2), "Washer")).await })
    });
    let mut states = Vec::new();
    for upload in uploads.collect::<Vec<_>>() {
        let id = upload.await.expect("no panic");
        world.sphere.settled().await;
        states.push(world.state(id).await);
    }
    let complete = states.iter().filter(|state| **state == 2).count();
    assert_eq!((complete, states.iter().filter(|state| **state == 3).count()), (21, 19));
    assert_eq!(world.names(DIALECT, WAITING).await, []);
}

#[tokio::test]
async fn ids_are_of_a_tenant_and_names_may_repeat() {
    let world = World::new().await;
    let washer = world.upload(application(WASHER, "Washer")).await;
    let other = world.post(OTHER, application(WASHER, "Washer")).await.json(200);
    let again = world.upload(Packer::new(vec![identity(image(1), image(2), 10), build(b"Washer")]).pack()).await;
    world.sphere.settled().await;
    assert_eq!((world.state(washer).await, world.state(again).await), (2, 2));
    let other = other["OperationId"].as_str().expect("an id");
    let shown = world.get(&format!("/V2/TENANTS/{}/OPERATIONS/{other}", OTHER.simple())).await;
    assert_eq!(shown.status, 400, "without hyphens an id is none");
    let shown = world.get(&format!("/V2/TENANTS/{OTHER}/OPERATIONS/{}", other.to_uppercase())).await;
    assert_eq!((&shown.json(200)["State"], &shown.json(200)["TenantId"]), (&json!(2), &json!(OTHER)));
    let foreign = world.get(&format!("/v2/tenants/{TENANT}/operations/{other}")).await;
    assert!(foreign.refused(404, "NotFound").contains(other));
}

#[tokio::test]
async fn operations_are_forgotten_a_day_after_their_end_and_images_stay() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for number in 0..40 {
        ids.push(world.upload(application(image(number), "Washer")).await);
    }
    world.sphere.settled().await;
    world.clock.advance(std::time::Duration::from_hours(24));
    world.look().await;
    assert_eq!(world.state(ids[0]).await, 2, "a day is not more than a day");
    world.clock.advance(std::time::Duration::from_micros(1));
    let asked = world.get(&format!("/v2/tenants/{TENANT}/operations/{}", ids[39])).await;
    assert!(asked.refused(404, "NotFound").contains(&ids[39].to_string()));
    assert_eq!(world.names(DIALECT, "operations").await.len(), 40);
    world.look().await;
    assert_eq!(world.names(DIALECT, "operations").await, []);
    assert_eq!(world.names(DIALECT, ENDED).await, []);
    assert_eq!(world.names(DIALECT, &format!("images/{TENANT}")).await.len(), 40);
}

#[tokio::test]
async fn an_operation_that_waits_is_not_forgotten() {
    let world = World::waiting(settings()).await;
    let id = world.upload(application(WASHER, "Washer")).await;
    world.clock.advance(std::time::Duration::from_hours(100));
    assert_eq!(world.state(id).await, 0);
    world.sphere.start();
    world.sphere.settled().await;
    assert_eq!(world.state(id).await, 2);
}

#[test]
fn names_in_lists_are_in_the_order_of_time_and_say_what_they_stand_for() {
    let key = |id| OperationKey { tenant: TENANT, id: image(id) };
    let listed =
        [(9, START - 1), (1, START), (2, START), (0, i64::MAX)].map(|(id, at)| key(id).listed(WAITING, at).key);
    assert!(listed.is_sorted());
    assert_eq!(OperationKey::of_listed(&listed[0]), Some((key(9), START - 1)));
    for wrong in ["", "1", "1/2/3", &format!("x/{TENANT}/{WASHER}"), &format!("1/{TENANT}/{WASHER}/1")] {
        assert_eq!(OperationKey::of_listed(wrong), None, "{wrong}");
    }
}

#[tokio::test]
async fn locations_begin_with_the_path_of_the_public_url() {
    for (public_url, base) in [(None, ""), (Some("https://host"), ""), (Some("https://host/base/"), "/base")] {
        let public_url = public_url.map(|url| url.parse().expect("a public URL"));
        let world = World::waiting(crate::settings::Settings { public_url, ..settings() }).await;
        let uploaded = world.post(TENANT, packer().pack()).await.json(200);
        let id = uploaded["OperationId"].as_str().expect("an id").parse().expect("a UUID");
        let details = format!("{base}/v2/tenants/{TENANT}/operationTypes/imageUpload/operations/{id}");
        for shown in [uploaded, world.operation(id).await] {
            assert_eq!(shown["DetailsLocation"], details);
            assert_eq!(shown["ResourceLocation"], format!("{base}/v2/tenants/{TENANT}/images/{WASHER}"));
        }
    }
}
