//! What a store that fails means for each operation (D-004, D-018, D-019).

use std::time::Duration;

use pentaprism_store::{Faults, Limits};

use super::super::problem;
use super::*;

const UNAVAILABLE: &str = "The server is currently unavailable. Please try again at a later time.";
const NOT_WRITABLE: &str = "Insufficient permissions on image storage media";
const INTERNAL: &str = "The server has either erred or is incapable of performing the requested operation.";

async fn faulty() -> (World, Faults) {
    let limits = Limits { deadline: Duration::from_millis(500), ..Limits::default() };
    let options = Options::ephemeral().clock(clock()).limits(limits);
    let (store, faults) = Store::open_faulty(options).await.expect("a temporary store opens");
    let world = World::over(settings(), store);
    world.image(IMAGE, json!({})).await;
    let added = world.post(OWNER, &format!("/v2/images/{IMAGE}/members"), &json!({"member": MEMBERS_PROJECT})).await;
    assert_eq!(added.status, StatusCode::OK);
    (world, faults)
}

/// Every operation on a record, changes first.
fn operations() -> Vec<(&'static str, &'static str, String, Vec<u8>)> {
    let (image, members) = (format!("/v2/images/{IMAGE}"), format!("/v2/images/{IMAGE}/members"));
    let member = format!("{members}/{MEMBERS_PROJECT}");
    vec![
        (OWNER, "POST", "/v2/images".to_owned(), b"{}".to_vec()),
        (OWNER, "POST", members.clone(), br#"{"member":"p"}"#.to_vec()),
        (MEMBER, "PUT", member.clone(), br#"{"status":"accepted"}"#.to_vec()),
        (OWNER, "DELETE", member.clone(), vec![]),
        (OWNER, "DELETE", image.clone(), vec![]),
        (OWNER, "GET", image.clone(), vec![]),
        (OWNER, "GET", members, vec![]),
        (OWNER, "GET", member, vec![]),
        (OWNER, "GET", format!("{image}/file"), vec![]),
    ]
}

/// How many of [`operations`] change something.
const CHANGES: usize = 5;

#[tokio::test]
async fn a_store_that_hangs_is_unavailable() {
    let (world, faults) = faulty().await;
    faults.hang(true);
    for (token, method, path, body) in operations().into_iter().take(CHANGES) {
        let answer = world.ask(token, method, &path, body).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{method} {path}: {}", answer.text());
        assert!(answer.text().contains(UNAVAILABLE), "{}", answer.text());
    }
    assert_eq!(world.upload(OWNER, IMAGE, "x").await.status, StatusCode::SERVICE_UNAVAILABLE);
    faults.hang(false);
    assert_eq!(world.upload(OWNER, IMAGE, "x").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_store_that_cannot_be_written_refuses_changes_and_still_reads() {
    let (world, faults) = faulty().await;
    faults.read_only(true);
    for (position, (token, method, path, body)) in operations().into_iter().enumerate() {
        let answer = world.ask(token, method, &path, body).await;
        if position < CHANGES {
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{method} {path}: {}", answer.text());
            assert!(answer.text().contains(NOT_WRITABLE), "{}", answer.text());
        } else {
            assert!(answer.status.is_success(), "{method} {path}: {}", answer.text());
        }
    }
    let refused = world.upload(OWNER, IMAGE, "x").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.text().contains(NOT_WRITABLE), "{}", refused.text());
    faults.read_only(false);
    assert_eq!(world.status(IMAGE).await, "queued");
    assert_eq!(world.upload(OWNER, IMAGE, "x").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_full_disk_is_413_for_uploads() {
    let (world, faults) = faulty().await;
    faults.disk_full(true);
    for body in [Body::from("x"), chunked("x"), chunked(vec![0; 2 << 20])] {
        let refused = world.upload(OWNER, IMAGE, body).await;
        assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE, "{}", refused.text());
        assert!(refused.text().contains("Image storage media is full."), "{}", refused.text());
    }
    faults.disk_full(false);
    assert_eq!(world.status(IMAGE).await, "queued");
}

#[tokio::test]
async fn what_breaks_otherwise_is_told_without_detail() {
    let (world, faults) = faulty().await;
    faults.io_error(true);
    for (token, method, path, body) in operations().into_iter().take(CHANGES) {
        let answer = world.ask(token, method, &path, body).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{method} {path}: {}", answer.text());
        assert_eq!(answer.text(), format!("500 Internal Server Error\n\n{INTERNAL}\n\n   "));
    }
    let refused = world.upload(OWNER, IMAGE, "x").await;
    assert_eq!((refused.status, refused.text().contains(INTERNAL)), (StatusCode::INTERNAL_SERVER_ERROR, true));
    faults.io_error(false);
    assert_eq!(world.status(IMAGE).await, "queued");
    assert_eq!(world.upload(OWNER, IMAGE, "x").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn damaged_bytes_are_never_handed_out_as_a_whole() {
    let (world, faults) = faulty().await;
    let large = "00000000-0000-4000-8000-000000000001";
    world.image(large, json!({})).await;
    assert_eq!(world.upload(OWNER, IMAGE, "the bytes of an image").await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.upload(OWNER, large, vec![7; 3 << 20]).await.status, StatusCode::NO_CONTENT);
    faults.damage(true);
    let small = world.get(OWNER, &format!("/v2/images/{IMAGE}/file")).await;
    assert_eq!((small.status, small.text().contains(INTERNAL)), (StatusCode::INTERNAL_SERVER_ERROR, true));
    let request = request(OWNER, "GET", &format!("/v2/images/{large}/file")).body(Body::empty()).expect("a request");
    let response = pentaprism_server::dialects::glance::serve(&world.glance, request).await;
    assert_eq!(response.status(), StatusCode::OK);
    let read = response.into_body().collect(4 << 20).await;
    assert!(matches!(read, Err(pentaprism_core::BodyError::Source(_))), "{read:?}");
}

#[test]
fn each_fault_of_the_store_has_its_status() {
    use pentaprism_store::Fault;
    use problem::{Problem, of_bytes, of_records};

    let status = |problem: Problem| match problem {
        Problem::Fault(fault) => fault.status.get().as_u16(),
        Problem::Internal(_) => 500,
        Problem::Refused(refusal) => panic!("{refusal}"),
    };
    let error = |kind| Fault::from_io("writing", std::io::Error::from(kind));
    for (fault, records, bytes) in [
        (Fault::Deadline { deadline: Duration::ZERO }, 503, 503),
        (Fault::Busy { limit: 1, deadline: Duration::ZERO }, 503, 503),
        (Fault::Closed, 503, 503),
        (error(std::io::ErrorKind::ReadOnlyFilesystem), 503, 503),
        (error(std::io::ErrorKind::PermissionDenied), 503, 503),
        (error(std::io::ErrorKind::StorageFull), 503, 413),
        (error(std::io::ErrorKind::Other), 500, 500),
        (Fault::Corrupt { what: String::new() }, 500, 500),
        (Fault::Unknown, 500, 500),
    ] {
        assert_eq!(status(of_records(fault.clone())), records, "{fault}");
        assert_eq!(status(of_bytes(fault.clone())), bytes, "{fault}");
    }
}
