//! The table of copies (D-055).

use pentaprism_core::Body;
use serde_json::{Value, json};

use super::{Answered, World};

async fn copy(world: &World, description: &Value) -> Answered {
    let body = Body::from(description.to_string().into_bytes());
    world.send("POST", "/ImageStore/$/Copy?api-version=6.0", &[], body).await
}

/// A store with a marked folder, an unmarked one, and something at the destination.
async fn packages() -> World {
    let world = World::new().await;
    for path in
        ["Full/a.txt", "Full/Code/big", "Full/Code/_.dir", "Full/_.dir", "Bare/a.txt", "Bare/Code/b.txt", "Old/old"]
    {
        world
            .put(path, if path.ends_with("_.dir") { Body::empty() } else { Body::from(path.as_bytes().to_vec()) })
            .await;
    }
    world
}

async fn below(world: &World, folder: &str) -> Vec<String> {
    let prefix = format!("{folder}/");
    let files = world.everything().await.into_iter();
    files.filter_map(|(path, _)| path.strip_prefix(&prefix).map(str::to_owned)).collect()
}

#[tokio::test]
async fn a_copied_folder_replaces_the_destination() {
    let world = packages().await;
    for (source, check, expected) in [
        ("Full", Some(true), vec!["Code/_.dir", "Code/big", "_.dir", "a.txt"]),
        ("Full", None, vec!["Code/_.dir", "Code/big", "_.dir", "a.txt"]),
        ("Bare", Some(false), vec!["Code/b.txt", "_.dir", "a.txt"]),
        ("Bare", None, vec!["Code/b.txt", "_.dir", "a.txt"]),
    ] {
        let mut description = json!({"RemoteSource": source, "RemoteDestination": r"Old\"});
        if let Some(check) = check {
            description["CheckMarkFile"] = check.into();
        }
        copy(&world, &description).await.expect_empty();
        assert_eq!(below(&world, "Old").await, expected, "{description}");
        assert_eq!(world.read("Old/a.txt").await, format!("{source}/a.txt"));
    }
    assert_eq!(below(&world, "Bare").await, ["Code/b.txt", "a.txt"], "the source is not marked");
}

#[tokio::test]
async fn the_mark_file_of_the_destination_comes_last() {
    let world = packages().await;
    copy(&world, &json!({"RemoteSource": "Full", "RemoteDestination": "New"})).await.expect_empty();
    let listed = world.get("/ImageStore/New?api-version=6.2").await.json();
    let versions: Vec<u64> = listed["StoreFiles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["FileVersion"]["VersionNumber"].as_str().unwrap().parse().unwrap())
        .collect();
    assert_eq!(versions.len(), 2, "the mark file and a.txt");
    assert!(versions[0] > versions[1], "{versions:?}");
}

#[tokio::test]
async fn a_single_file_is_copied_over_a_file() {
    let world = packages().await;
    for _ in 0..2 {
        let description = json!({"RemoteSource": "/Full/a.txt", "RemoteDestination": "Old/old", "CheckMarkFile": true});
        copy(&world, &description).await.expect_empty();
        assert_eq!(world.read("Old/old").await, "Full/a.txt");
    }
    assert_eq!(below(&world, "Old").await, ["old"]);
}

#[tokio::test]
async fn skipped_names_stay_behind_at_any_depth() {
    let world = packages().await;
    let skip = json!(["BIG", "_.dir", "Code/b.txt"]);
    let description =
        json!({"RemoteSource": "Full", "RemoteDestination": "Old", "SkipFiles": skip, "CopyFlag": "Echo"});
    copy(&world, &description).await.expect_empty();
    assert_eq!(below(&world, "Old").await, ["_.dir", "a.txt"]);
}

#[tokio::test]
async fn what_cannot_be_copied_changes_nothing() {
    let world = packages().await;
    let before = world.everything().await;
    for (source, destination, status, code) in [
        ("Missing", "Old", 404, "FABRIC_E_FILE_NOT_FOUND"),
        ("Ful", "Old", 404, "FABRIC_E_FILE_NOT_FOUND"),
        ("", "Old", 404, "FABRIC_E_FILE_NOT_FOUND"),
        (" / ", "Old", 404, "FABRIC_E_FILE_NOT_FOUND"),
        ("Bare", "Old", 404, "FABRIC_E_FILE_NOT_FOUND"),
        ("Full", "", 400, "E_INVALIDARG"),
        ("Full", r" \ ", 400, "E_INVALIDARG"),
        ("Full", "Full", 400, "E_INVALIDARG"),
        ("Full", r"\Full\", 400, "E_INVALIDARG"),
        ("Full", "Full/Code/deeper", 400, "E_INVALIDARG"),
        ("Full/Code", "Full", 400, "E_INVALIDARG"),
        ("Full/../Full", "Old", 400, "E_INVALIDARG"),
        ("Full", "Old/..", 400, "E_INVALIDARG"),
        ("Full", "a\0b", 400, "E_INVALIDARG"),
        ("Full", &"x/".repeat(2100), 400, "FABRIC_E_PATH_TOO_LONG"),
    ] {
        let description = json!({"RemoteSource": source, "RemoteDestination": destination, "CheckMarkFile": true});
        copy(&world, &description).await.expect_refusal(status, code);
    }
    assert_eq!(world.everything().await, before);
}

#[tokio::test]
async fn the_description_must_be_json_of_the_right_shape() {
    let world = World::new().await;
    for wrong in [
        "",
        "RemoteSource=P",
        "{\"RemoteSource\":\"P\"}",
        "{\"RemoteSource\":\"P\",\"RemoteDestination\":7}",
        "{\"RemoteSource\":\"P\",\"RemoteDestination\":\"Q\",\"SkipFiles\":\"big\"}",
        "{\"RemoteSource\":\"P\",\"RemoteDestination\":\"Q\",\"CheckMarkFile\":\"yes\"}",
    ] {
        let body = Body::from(wrong.as_bytes().to_vec());
        let answered = world.send("POST", "/ImageStore/$/Copy?api-version=6.0", &[], body).await;
        answered.expect_refusal(400, "E_INVALIDARG");
    }
    let huge = Body::from(vec![b' '; (4 << 20) + 1]);
    let answered = world.send("POST", "/ImageStore/$/Copy?api-version=6.0", &[], huge).await;
    answered.expect_refusal(413, "FABRIC_E_VALUE_TOO_LARGE");
}
