//! What a storage that fails means for requests, and for operations under way.

use pentaprism_core::Body;
use pentaprism_core::dialects::azure_sphere::DIALECT;
use pentaprism_store::{Change, Condition, Fault, NewContent, Update};
use serde_json::json;
use uuid::uuid;

use super::packages::{WASHER, application};
use super::{TENANT, WAITING, World};
use crate::dialects::azure_sphere::problem::Problem;
use crate::dialects::azure_sphere::record::OperationKey;

#[tokio::test]
async fn each_fault_of_the_storage_has_its_words() {
    let (world, faults) = World::faulty().await;
    let check = async |text: &str| {
        let told = world.post(TENANT, application(WASHER, "Washer")).await.refused(500, "InternalServerError");
        assert!(told.contains(text), "{told}");
        let large = Body::from(vec![0; 3 << 20]);
        world.post(TENANT, large).await.refused(500, "InternalServerError");
    };
    faults.disk_full(true);
    check("The storage is full").await;
    faults.disk_full(false);
    faults.read_only(true);
    check("The data folder cannot be written").await;
    faults.read_only(false);
    faults.hang(true);
    check("The storage did not answer within 0.5 s; try again later.").await;
    faults.hang(false);
    faults.io_error(true);
    check("Something broke inside the server; its log has the cause.").await;
    faults.io_error(false);
    world.is_empty().await;
}

#[tokio::test]
async fn what_is_read_has_the_same_words() {
    let (world, faults) = World::faulty().await;
    let id = world.upload(application(WASHER, "Washer")).await;
    for path in [
        format!("/v2/tenants/{TENANT}/operations/{id}"),
        format!("/v2/tenants/{TENANT}/operationTypes/imageUpload/operations/{id}"),
        format!("/v2/tenants/{TENANT}/images/{WASHER}"),
        format!("/v2/tenants/{TENANT}/images/{WASHER}/metadata"),
    ] {
        faults.fail_reads(true);
        let told = world.get(&path).await.refused(500, "InternalServerError");
        assert!(told.contains("its log has the cause"), "{told}");
        faults.fail_reads(false);
        faults.hang_reads(true);
        let told = world.get(&path).await.refused(500, "InternalServerError");
        assert!(told.contains("did not answer"), "{told}");
        faults.hang_reads(false);
    }
    assert_eq!(world.get("/v2/tenants").await.json(200)[0]["Roles"], json!(["Administrator"]));
}

#[test]
fn a_fault_is_told_or_stays_inside() {
    let told = |fault: Fault| matches!(Problem::from(fault), Problem::Storage { .. });
    let second = std::time::Duration::from_secs(1);
    assert!(told(Fault::Busy { limit: 1, deadline: second }) && told(Fault::Closed));
    assert!(!told(Fault::Corrupt { what: String::new() }) && !told(Fault::Unknown));
}

#[tokio::test]
async fn an_operation_waits_until_the_storage_works_again() {
    let (world, faults) = World::faulty().await;
    let id = world.upload(application(WASHER, "Washer")).await;
    world.sphere.start();
    for _ in 0..20 {
        faults.io_error(true);
        world.look().await;
        faults.fail_reads(true);
        world.look().await;
        faults.fail_reads(false);
        assert!(world.state(id).await < 2);
    }
    faults.io_error(false);
    world.look().await;
    assert_eq!(world.state(id).await, 2, "what can be done is done, whatever was before");
    world.is_sound().await;
}

#[tokio::test]
async fn a_step_whose_answer_was_lost_is_not_done_twice() {
    for lost in 1..=3 {
        let (world, faults) = World::faulty().await;
        let id = world.upload(application(WASHER, "Washer")).await;
        faults.lose_commits(lost);
        world.sphere.start();
        for _ in 0..=lost {
            world.look().await;
        }
        assert_eq!(world.state(id).await, 2);
        assert_eq!(world.names("public", "links").await.len(), 1);
        assert_eq!(world.names(DIALECT, WAITING).await, []);
        world.is_sound().await;
    }
}

#[tokio::test]
async fn an_upload_whose_answer_was_lost_is_carried_out() {
    let (world, faults) = World::faulty().await;
    world.sphere.start();
    world.sphere.settled().await;
    faults.lose_commits(1);
    world.post(TENANT, application(WASHER, "Washer")).await.refused(500, "InternalServerError");
    world.sphere.settled().await;
    assert_eq!(world.get(&format!("/v2/tenants/{TENANT}/images/{WASHER}/metadata")).await.status, 200);
}

#[tokio::test]
async fn an_operation_that_cannot_be_done_is_given_up_and_holds_nobody_up() {
    let (world, _faults) = World::faulty().await;
    let broken = world.upload(application(WASHER, "Washer")).await;
    let key = OperationKey { tenant: TENANT, id: broken };
    let lost = Update::default().content(NewContent::Clear);
    world.store.apply(Change::new().update(key.name(), Condition::EXISTS, lost)).await.expect("the bytes are lost");
    let unreadable = world.upload(application(WASHER, "Washer")).await;
    let key = OperationKey { tenant: TENANT, id: unreadable };
    let lost = Update::default().attributes(json!({"about": "nothing"}));
    world.store.apply(Change::new().update(key.name(), Condition::EXISTS, lost)).await.expect("the record is lost");
    let good = world.upload(application(uuid!("3b0c5e0a-6a4f-4d7c-8e53-5f4f3f2d1c0b"), "Dryer")).await;
    world.sphere.start();
    world.sphere.settled().await;
    assert_eq!((world.state(broken).await, world.state(good).await), (1, 2));
    // However often somebody rings, only time uses its attempts up.
    for _ in 0..30 {
        world.look().await;
    }
    assert_eq!(world.state(broken).await, 1);
    for _ in 0..13 {
        world.look_later().await;
    }
    let operation = world.operation(broken).await;
    assert_eq!((&operation["State"], &operation["Error"]["Code"]), (&json!(3), &json!(4)), "{operation}");
    assert_eq!(world.get(&format!("/v2/tenants/{TENANT}/operations/{unreadable}")).await.status, 404);
    assert_eq!(world.state(good).await, 2);
    assert_eq!(world.names(DIALECT, WAITING).await, []);
    world.is_sound().await;
}
