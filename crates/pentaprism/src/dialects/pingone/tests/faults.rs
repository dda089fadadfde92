//! What a store that fails means for each operation (D-125).

use super::*;

/// Everything that changes something, then everything that reads.
async fn all(world: &World, image: &Value) -> Vec<(&'static str, u16)> {
    let mut answers = Vec::new();
    for (what, body) in [("upload", Body::from(Bytes::from_static(DOT))), ("chunked upload", chunked(DOT))] {
        answers.push((what, world.post("b.gif", body).await));
    }
    answers.push(("delete", world.ask("DELETE", &image_path(image)).await));
    answers.push(("read", world.ask("GET", &image_path(image)).await));
    answers.push(("file", world.follow(image).await));
    let status = |(what, answer): (&'static str, Answered)| {
        let status = answer.status.as_u16();
        if status == 500 {
            assert_eq!(answer.refused(500, "UNEXPECTED_ERROR").0, "An unexpected error occurred.", "{what}");
        }
        (what, status)
    };
    answers.into_iter().map(status).collect()
}

fn statuses(changes: u16, reads: u16) -> Vec<(&'static str, u16)> {
    vec![("upload", changes), ("chunked upload", changes), ("delete", changes), ("read", reads), ("file", reads)]
}

#[tokio::test]
async fn every_fault_is_500_and_leaves_what_was_there() {
    for settings in [settings(), as_service()] {
        let (world, faults) = World::faulty(settings).await;
        let image = world.image("a.gif", DOT).await;
        let kept = world.usage().await;

        faults.read_only(true);
        assert_eq!(all(&world, &image).await, statuses(500, 200));
        faults.read_only(false);

        faults.io_error(true);
        faults.fail_reads(true);
        assert_eq!(all(&world, &image).await, statuses(500, 500));
        faults.io_error(false);
        faults.fail_reads(false);

        faults.hang(true);
        faults.hang_reads(true);
        assert_eq!(all(&world, &image).await, statuses(500, 500));
        faults.hang(false);
        faults.hang_reads(false);

        faults.disk_full(true);
        for body in [Body::from(Bytes::from_static(DOT)), chunked(DOT)] {
            world.post("b.gif", body).await.refused(500, "UNEXPECTED_ERROR");
        }
        faults.disk_full(false);

        assert_eq!(world.follow(&image).await.status, 200);
        let given_back = async {
            while world.usage().await != kept {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), given_back).await.expect("what failed gave its bytes back");
    }
}

#[tokio::test]
async fn damaged_bytes_are_never_handed_out() {
    let (world, faults) = World::faulty(settings()).await;
    let image = world.image("a.gif", DOT).await;
    faults.damage(true);
    world.follow(&image).await.refused(500, "UNEXPECTED_ERROR");
    faults.damage(false);
    assert_eq!(world.follow(&image).await.body, DOT);
}

#[tokio::test]
async fn attributes_that_this_program_did_not_write_are_a_fault() {
    use pentaprism_store::{Change, NameKey, NewName};

    let world = World::new().await;
    let key = NameKey::new(DIALECT, format!("images/{ENVIRONMENT}"), UNKNOWN.to_string());
    let change = Change::new().create(NewName::new(key, "active").attributes(serde_json::json!({"kind": "bmp"})));
    world.store.apply(change).await.expect("a name");
    world.ask("GET", &format!("{}/{UNKNOWN}", images(ENVIRONMENT))).await.refused(500, "UNEXPECTED_ERROR");
    let file = format!("/environments/{ENVIRONMENT}/images/{UNKNOWN}/a");
    world.anybody("GET", &file).await.refused(500, "UNEXPECTED_ERROR");
}
