//! Tests of lists: whose views they have, and how their pages follow each other.

use super::super::view::{self as row, Attributes};
use super::*;

const ITWIN: u128 = 70;
const OTHER_ITWIN: u128 = 71;
const IMODEL: u128 = 80;

/// Makes a view and tells its id.
async fn make(world: &World, token: &str, name: &str, members: Value) -> String {
    let mut body =
        json!({"iTwinId": Uuid::from_u128(ITWIN), "displayName": name, "savedViewData": {"itwin3dView": {}}});
    let members = members.as_object().cloned().unwrap_or_default();
    body.as_object_mut().expect("an object").extend(members);
    let answered = world.send(token, "POST", "/savedviews/", body.to_string().into_bytes()).await;
    answered.expect(201)["savedView"]["id"].as_str().expect("a text").to_owned()
}

async fn page(world: &World, token: &str, query: &str) -> Value {
    world.send(token, "GET", &format!("/savedviews?{query}"), Body::empty()).await.expect(200)
}

fn names(page: &Value) -> Vec<&str> {
    let views = page["savedViews"].as_array().expect("a list").iter();
    views.map(|view| view["displayName"].as_str().expect("a text")).collect()
}

fn itwin(id: u128) -> String {
    format!("iTwinId={}", Uuid::from_u128(id))
}

fn imodel(id: u128) -> String {
    format!("iModelId={}", Uuid::from_u128(id))
}

/// Follows `next` from page to page; the names, and how many views each page had.
async fn walk(world: &World, token: &str, query: &str) -> (Vec<String>, Vec<usize>) {
    let (mut found, mut lengths) = (Vec::new(), Vec::new());
    let mut path = format!("/savedviews/?{query}");
    loop {
        let page = world.send(token, "GET", &path, Body::empty()).await.expect(200);
        let own = page["_links"]["self"]["href"].as_str().expect("a link to the page itself");
        assert!(own.starts_with(&format!("{BASE_URL}/savedviews?iTwinId=")), "{own}");
        lengths.push(names(&page).len());
        found.extend(names(&page).into_iter().map(str::to_owned));
        let Some(next) = page["_links"]["next"]["href"].as_str() else { return (found, lengths) };
        next.strip_prefix(BASE_URL).expect("a link to this server").clone_into(&mut path);
    }
}

#[tokio::test]
async fn lists_have_own_and_shared_views_and_no_others() {
    let world = World::new().await;
    for (token, who) in [(OWNER, "owner"), (OTHER, "other"), (MANAGER, "manager")] {
        make(&world, token, &format!("private of {who}"), json!({"shared": false})).await;
        make(&world, token, &format!("shared of {who}"), json!({"shared": true})).await;
    }
    for (token, who) in [(OWNER, "owner"), (OTHER, "other"), (MANAGER, "manager")] {
        let own = format!("private of {who}");
        let expected = [own.as_str(), "shared of manager", "shared of other", "shared of owner"];
        assert_eq!(names(&page(&world, token, &itwin(ITWIN)).await), expected);
        // What is not seen is not skipped either, and no link tells of it.
        let last = page(&world, token, &format!("{}&$top=2&$skip=2", itwin(ITWIN))).await;
        assert_eq!((names(&last), last["_links"].get("next")), (expected[2..].to_vec(), None));
    }
}

#[tokio::test]
async fn filters_narrow_the_list() {
    let world = World::new().await;
    make(&world, OWNER, "whole", json!({})).await;
    make(&world, OWNER, "model", json!({"iModelId": Uuid::from_u128(IMODEL)})).await;
    make(&world, OWNER, "other model", json!({"iModelId": Uuid::from_u128(IMODEL + 1)})).await;
    let elsewhere = json!({"iTwinId": Uuid::from_u128(OTHER_ITWIN), "iModelId": Uuid::from_u128(IMODEL)});
    make(&world, OWNER, "elsewhere", elsewhere).await;
    for (query, expected) in [
        (itwin(ITWIN), vec!["model", "other model", "whole"]),
        (imodel(IMODEL), vec!["elsewhere", "model"]),
        (format!("{}&{}", itwin(ITWIN), imodel(IMODEL)), vec!["model"]),
        (format!("projectId={}", Uuid::from_u128(OTHER_ITWIN)), vec!["elsewhere"]),
        (format!("{}&{}", itwin(OTHER_ITWIN), imodel(IMODEL + 1)), vec![]),
        (format!("{}&groupId=&unknown=1", itwin(OTHER_ITWIN)), vec!["elsewhere"]),
    ] {
        let found = page(&world, OWNER, &query).await;
        assert_eq!(names(&found), expected, "{query}");
        assert!(found["savedViews"].as_array().expect("a list").iter().all(|view| view.get("savedViewData").is_none()));
    }
}

#[tokio::test]
async fn pages_of_every_length_make_up_the_list() {
    let world = World::new().await;
    let mut expected = Vec::new();
    for at in 0..37 {
        // Several have one name.
        let name = format!("view {:02}", at * 17 % 37 / 2);
        make(&world, if at % 3 == 0 { OTHER } else { OWNER }, &name, json!({"shared": at % 2 == 0})).await;
        if at % 3 != 0 || at % 2 == 0 {
            expected.push(name);
        }
    }
    expected.sort();
    for top in [1, 2, 5, expected.len() - 1, expected.len(), 100] {
        let (found, lengths) = walk(&world, OWNER, &format!("{}&$top={top}", itwin(ITWIN))).await;
        assert_eq!(found, expected, "{top}");
        let (last, others) = lengths.split_last().expect("a page");
        assert!(others.iter().all(|&length| length == top) && (1..=top).contains(last), "{top}: {lengths:?}");
    }
    let beyond = page(&world, OWNER, &format!("{}&$skip=99999999999999999999", itwin(ITWIN))).await;
    assert_eq!((names(&beyond), beyond["_links"].get("next")), (vec![], None));
    assert!(beyond["_links"]["prev"]["href"].is_string());
}

#[tokio::test]
async fn pages_of_large_extensions_are_short() {
    let world = World::new().await;
    let data = "x".repeat(240 << 10);
    for at in 0..9 {
        let extensions = json!([{"extensionName": "large", "data": data}]);
        make(&world, OWNER, &at.to_string(), json!({"extensions": extensions})).await;
    }
    let list = format!("/savedviews?{}", itwin(ITWIN));
    let (mut skip, mut lengths) = (0, Vec::new());
    loop {
        let path = format!("{list}&$skip={skip}");
        let request = Request::get(path).header("authorization", format!("Bearer {OWNER}"));
        let request = request.header("prefer", "return=representation").body(Body::empty()).expect("a request");
        let found = world.call(request).await.expect(200);
        let views = found["savedViews"].as_array().expect("a list");
        assert!(views.iter().all(|view| view["extensions"][0]["data"] == data));
        lengths.push(views.len());
        skip += views.len();
        let next = found["_links"]["next"]["href"].as_str();
        assert_eq!(next.is_some(), skip < 9);
        if next.is_none_or(|next| !next.ends_with(&format!("$skip={skip}"))) {
            break;
        }
    }
    assert_eq!(lengths, [4, 4, 1]);
    assert_eq!(names(&page(&world, OWNER, &itwin(ITWIN)).await).len(), 9, "names of extensions are short");
}

#[tokio::test]
async fn very_long_names_are_sorted_too() {
    let world = World::new().await;
    let mut expected = Vec::new();
    for at in 0..40 {
        let name = format!("{:02}{}", at * 7 % 40, "n".repeat(200 << 10));
        make(&world, OWNER, &name, json!({})).await;
        expected.push(name);
    }
    expected.sort();
    let (found, lengths) = walk(&world, OWNER, &itwin(ITWIN)).await;
    assert!(found == expected, "{lengths:?}");
    assert!(lengths.iter().all(|&length| length <= 5), "{lengths:?}");
}

/// Views that were made before there were lists are found by what they always had.
#[test]
fn attributes_are_called_as_they_are_looked_for() {
    let attributes = Attributes {
        itwin: Uuid::from_u128(ITWIN),
        imodel: Some(Uuid::from_u128(IMODEL)),
        display_name: "n".to_owned(),
        shared: true,
        data: "{}".to_owned(),
        extensions: Vec::new(),
        links: None,
    };
    let kept = attributes.to_value();
    assert_eq!(kept[row::ITWIN], Uuid::from_u128(ITWIN).to_string());
    assert_eq!(kept[row::IMODEL], Uuid::from_u128(IMODEL).to_string());
    assert_eq!((&kept[row::DISPLAY_NAME], &kept[row::SHARED]), (&json!("n"), &json!(true)));
}

#[tokio::test]
async fn views_move_with_what_happens_to_them() {
    let world = World::new().await;
    let (first, second) = (make(&world, OWNER, "b", json!({})).await, make(&world, OWNER, "a", json!({})).await);
    assert_eq!(names(&page(&world, OWNER, &itwin(ITWIN)).await), ["a", "b"]);
    world.send(OWNER, "PUT", &image(&first), update(&picture(1, 1))).await.expect_empty();
    world.send(OWNER, "DELETE", &view(&second), Body::empty()).await.expect_empty();
    assert_eq!(names(&page(&world, OWNER, &itwin(ITWIN)).await), ["b"]);
}

#[tokio::test]
async fn parameters_may_be_encoded_and_unreadable() {
    let world = World::new().await;
    make(&world, OWNER, "a", json!({})).await;
    make(&world, OWNER, "b", json!({})).await;
    let found = page(&world, OWNER, &format!("%69TwinId={}&%24top=1&%24skip=1", Uuid::from_u128(ITWIN))).await;
    assert_eq!(names(&found), ["b"]);
    for (query, target) in [("$top=%FF", "$top"), ("projectId=%FF", "projectId"), ("iModelId=%FF", "iModelId")] {
        let path = format!("/savedviews?{}&{query}", itwin(ITWIN));
        let refused = world.send(OWNER, "GET", &path, Body::empty()).await;
        assert_eq!(refused.expect_refusal(422, "InvalidSavedviewsRequest"), "Cannot retrieve saved view.");
        assert_eq!(refused.expect(422)["error"]["details"][0]["target"], target);
    }
}
