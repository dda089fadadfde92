//! Members: five operations by who asks, and what a member may do with the image.

use pentaprism_store::{Change, Condition, Update};

use super::*;
use crate::dialects::glance::image::key;
use crate::settings::Follow;

fn members(id: &str) -> String {
    format!("/v2/images/{id}/members")
}

fn member_of(id: &str, project: Uuid) -> String {
    format!("/v2/images/{id}/members/{project}")
}

async fn shared() -> World {
    let world = World::new().await;
    world.image(IMAGE, json!({})).await;
    let added = world.post(OWNER, &members(IMAGE), &json!({"member": MEMBERS_PROJECT})).await;
    assert_eq!(added.status, StatusCode::OK, "{}", added.text());
    world
}

#[tokio::test]
async fn a_member_is_added_answers_and_is_removed() {
    let world = shared().await;
    let path = member_of(IMAGE, MEMBERS_PROJECT);
    let shown = world.get(MEMBER, &path).await;
    let expected = format!(
        r#"{{"member_id":"{MEMBERS_PROJECT}","image_id":"{IMAGE}","status":"pending","created_at":"2026-11-21T00:42:39Z","updated_at":"2026-11-21T00:42:39Z","schema":"/v2/schemas/member"}}"#
    );
    assert_eq!((shown.status, shown.text()), (StatusCode::OK, expected.clone()));
    let list = format!(r#"{{"members":[{expected}],"schema":"/v2/schemas/members"}}"#);
    for token in [OWNER, MEMBER, ADMIN, READER] {
        assert_eq!(world.get(token, &members(IMAGE)).await.text(), list, "{token}");
    }
    for status in ["accepted", "rejected", "pending"] {
        let body = json!({"status": status}).to_string().into_bytes();
        let updated = world.ask(MEMBER, "PUT", &path, body).await;
        assert_eq!((updated.status, &updated.json()["status"]), (StatusCode::OK, &json!(status)));
    }
    assert_eq!(world.ask(OWNER, "DELETE", &path, Body::empty()).await.status, StatusCode::NO_CONTENT);
    let again = world.ask(OWNER, "DELETE", &path, Body::empty()).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    let text = format!("{MEMBERS_PROJECT} not found in the member list of the image {IMAGE}.");
    assert!(again.text().contains(&text), "{}", again.text());
    assert_eq!(world.get(MEMBER, &format!("/v2/images/{IMAGE}")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn members_go_with_their_image() {
    let world = shared().await;
    let deleted = world.ask(OWNER, "DELETE", &format!("/v2/images/{IMAGE}"), Body::empty()).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    let query = pentaprism_store::ListQuery::new("glance", format!("members/{IMAGE}"), 10);
    assert!(world.store.list(query).await.expect("the store answers").is_empty());
    assert_eq!(world.get(OWNER, &members(IMAGE)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn each_operation_has_its_own_circle() {
    let world = shared().await;
    let accept = || json!({"status": "accepted"}).to_string().into_bytes();
    let image = format!("/v2/images/{IMAGE}");
    let file = format!("{image}/file");
    let (path, other) = (member_of(IMAGE, MEMBERS_PROJECT), member_of(IMAGE, STRANGERS_PROJECT));
    // owner, reader of the owner's project, member, stranger, admin
    for (method, path, body, expected) in [
        ("GET", &image, vec![], [200, 200, 200, 404, 200]),
        ("GET", &file, vec![], [204, 204, 204, 404, 204]),
        ("GET", &members(IMAGE), vec![], [200, 200, 200, 404, 200]),
        ("GET", &path, vec![], [200, 200, 200, 404, 200]),
        ("GET", &other, vec![], [404, 404, 404, 404, 404]),
        ("PUT", &path, accept(), [403, 403, 200, 404, 200]),
        ("PUT", &other, accept(), [404, 404, 404, 404, 404]),
        ("DELETE", &path, vec![], [0, 403, 403, 404, 0]),
        ("DELETE", &other, vec![], [404, 403, 403, 404, 404]),
        ("DELETE", &image, vec![], [0, 403, 403, 404, 0]),
        (
            "POST",
            &members(IMAGE),
            json!({"member": MEMBERS_PROJECT}).to_string().into_bytes(),
            [409, 403, 403, 404, 409],
        ),
    ] {
        for (token, expected) in [OWNER, READER, MEMBER, STRANGER, ADMIN].into_iter().zip(expected) {
            // 0 stands for what would take the stage away.
            if expected != 0 {
                let answer = world.ask(token, method, path, body.clone()).await;
                assert_eq!(answer.status, expected, "{token} {method} {path}: {}", answer.text());
            }
        }
    }
    for (token, expected) in [(MEMBER, 403), (READER, 403), (STRANGER, 404), (OWNER, 204)] {
        assert_eq!(world.upload(token, IMAGE, "x").await.status, expected, "{token}");
    }
}

#[tokio::test]
async fn a_member_sees_itself_only() {
    let world = shared().await;
    let added = world.post(OWNER, &members(IMAGE), &json!({"member": STRANGERS_PROJECT})).await;
    assert_eq!(added.status, StatusCode::OK);
    let count = |answer: Answered| answer.json()["members"].as_array().unwrap().len();
    assert_eq!(count(world.get(OWNER, &members(IMAGE)).await), 2);
    let own = world.get(MEMBER, &members(IMAGE)).await.json();
    assert_eq!(own["members"].as_array().unwrap().len(), 1);
    assert_eq!(own["members"][0]["member_id"], MEMBERS_PROJECT.to_string());
    assert_eq!(world.get(MEMBER, &member_of(IMAGE, STRANGERS_PROJECT)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn images_that_are_not_shared_have_no_members() {
    let world = World::new().await;
    world.image(IMAGE, json!({"visibility": "private"})).await;
    let path = member_of(IMAGE, MEMBERS_PROJECT);
    let status = json!({"status": "accepted"}).to_string().into_bytes();
    for (method, path, body, expected, text) in [
        (
            "GET",
            members(IMAGE),
            vec![],
            403,
            format!("Not allowed to list members for image {IMAGE}: Only shared images have members."),
        ),
        (
            "POST",
            members(IMAGE),
            br#"{"member":"p"}"#.to_vec(),
            403,
            format!("Not allowed to create members for image {IMAGE}."),
        ),
        ("GET", path.clone(), vec![], 404, "Only shared images have members.".to_owned()),
        ("PUT", path.clone(), status, 403, format!("Not allowed to update members for image {IMAGE}.")),
        ("DELETE", path, vec![], 403, format!("Not allowed to delete members for image {IMAGE}.")),
    ] {
        let refused = world.ask(OWNER, method, &path, body).await;
        assert_eq!(refused.status, expected, "{method} {path}");
        assert!(refused.text().contains(&text), "{}", refused.text());
    }
}

#[tokio::test]
async fn bodies_are_refused_in_the_services_words() {
    let world = shared().await;
    let path = member_of(IMAGE, MEMBERS_PROJECT);
    for (body, text) in [
        ("", "Body expected in request."),
        ("{", "Malformed JSON in request body."),
        ("[]", "Expected a member in the form: {\"member\": \"image_id\"}"),
        ("{}", "Member to be added not specified"),
        (r#"{"member":""}"#, "Member can't be empty"),
        (r#"{"member":1}"#, "Member must be the id of a project: text of at most 255 characters"),
    ] {
        let refused = world.ask(OWNER, "POST", &members(IMAGE), body.as_bytes().to_vec()).await;
        assert_eq!(
            (refused.status, refused.text().contains(text)),
            (StatusCode::BAD_REQUEST, true),
            "{}",
            refused.text()
        );
    }
    for (body, text) in [
        ("", "Body expected in request."),
        ("{", "Malformed JSON in request body."),
        ("[]", "Expected a status in the form: {\"status\": \"status\"}"),
        ("{}", "Status not specified"),
        (r#"{"status":"maybe"}"#, "Incorrect request: Status must be \"pending\", \"accepted\" or \"rejected\"."),
        (r#"{"status":1}"#, "Incorrect request: Status must be \"pending\", \"accepted\" or \"rejected\"."),
    ] {
        let refused = world.ask(MEMBER, "PUT", &path, body.as_bytes().to_vec()).await;
        assert_eq!(
            (refused.status, refused.text().contains(text)),
            (StatusCode::BAD_REQUEST, true),
            "{}",
            refused.text()
        );
    }
}

#[tokio::test]
async fn a_project_is_a_member_once_with_and_without_dashes() {
    let world = World::new().await;
    world.image(IMAGE, json!({})).await;
    let simple = MEMBERS_PROJECT.simple().to_string();
    let added = world.post(OWNER, &members(IMAGE), &json!({"member": simple})).await;
    assert_eq!((added.status, &added.json()["member_id"]), (StatusCode::OK, &json!(simple)));
    assert_eq!(
        world.post(OWNER, &members(IMAGE), &json!({"member": MEMBERS_PROJECT})).await.status,
        StatusCode::CONFLICT
    );
    assert_eq!(world.get(MEMBER, &format!("/v2/images/{IMAGE}")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn members_are_limited() {
    let world = World::new().await;
    world.image(IMAGE, json!({})).await;
    for number in 0..128 {
        let added = world.post(OWNER, &members(IMAGE), &json!({"member": format!("project-{number}")})).await;
        assert_eq!(added.status, StatusCode::OK);
    }
    let refused = world.post(OWNER, &members(IMAGE), &json!({"member": "project-128"})).await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(refused.text().contains("members for this image. Attempted: 129, Maximum: 128:"), "{}", refused.text());
}

#[tokio::test]
async fn a_membership_left_over_on_a_private_image_is_403_or_404() {
    for (follow, expected) in [(Follow::Document, 403), (Follow::Service, 404)] {
        let mut settings = settings();
        settings.glance.follow = follow;
        let world = World::with(settings).await;
        world.image(IMAGE, json!({})).await;
        let added = world.post(OWNER, &members(IMAGE), &json!({"member": MEMBERS_PROJECT})).await;
        assert_eq!(added.status, StatusCode::OK);
        // No operation changes a visibility yet.
        let name = key(IMAGE.parse().unwrap());
        let mut attributes = world.store.get(&name).await.unwrap().unwrap().attributes;
        attributes["visibility"] = json!("private");
        let change = Change::new().update(name, Condition::EXISTS, Update::default().attributes(attributes));
        world.store.apply(change).await.expect("the store takes it");
        assert_eq!(world.upload(MEMBER, IMAGE, "x").await.status, expected);
        assert_eq!(world.get(MEMBER, &format!("/v2/images/{IMAGE}")).await.status, StatusCode::NOT_FOUND);
        assert_eq!(world.upload(STRANGER, IMAGE, "x").await.status, StatusCode::NOT_FOUND);
    }
}
