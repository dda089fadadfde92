//! Searches: ways of reaching names, filters, orders, pages.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::{DIALECT, Fixture, key, pattern, upload};
use crate::{
    Change, Condition, Content, NameKey, NewContent, NewName, Store, Update, UploadRequest,
    search::{
        Companion,
        Direction::{Ascending, Descending},
        Field, Filter, Reach, Search, Value,
    },
};

super::cases![
    the_newest_come_first_and_pages_continue,
    orders_are_complete_and_missing_values_come_first,
    each_way_reaches_its_names_once,
    filters_compare_what_names_have,
    running_uploads_are_part_of_a_status,
];

fn all() -> Search {
    Search::new(DIALECT, "things", 100)
}

async fn create(store: &Store, name: &str, status: &str, owner: Option<&str>, attributes: Json) {
    let mut new = NewName::new(key(name), status).attributes(attributes);
    new.owner = owner.map(str::to_owned);
    store.apply(Change::new().create(new)).await.unwrap();
}

async fn found(store: &Store, search: Search) -> Vec<String> {
    store.search(search).await.unwrap().into_iter().map(|name| name.key.key).collect()
}

async fn the_newest_come_first_and_pages_continue(fixture: Fixture) {
    let store = fixture.open().await;
    for (index, name) in ["c", "a", "e", "b", "d"].into_iter().enumerate() {
        create(&store, name, "new", None, json!({})).await;
        if index % 2 == 1 {
            fixture.clock.advance(Duration::from_secs(1));
        }
    }
    let of_another_scope = NameKey::new(DIALECT, "others", "x");
    store.apply(Change::new().create(NewName::new(of_another_scope, "new"))).await.unwrap();
    let order = ["d", "e", "b", "c", "a"];
    assert_eq!(found(&store, all()).await, order);
    let behind = |after: &str| Search { after: Some(after.to_owned()), limit: 2, ..all() };
    assert_eq!(found(&store, behind("d")).await, ["e", "b"]);
    assert_eq!(found(&store, behind("b")).await, ["c", "a"]);
    assert_eq!(found(&store, behind("a")).await, Vec::<String>::new());
    assert_eq!(found(&store, behind("nobody")).await, Vec::<String>::new());
    assert_eq!(found(&store, Search { limit: 0, ..all() }).await, Vec::<String>::new());
    // What goes and comes between two pages leaves the others where they are.
    store.apply(Change::new().delete(key("b"), Condition::EXISTS)).await.unwrap();
    create(&store, "f", "new", None, json!({})).await;
    assert_eq!(found(&store, behind("e")).await, ["c", "a"]);
}

async fn orders_are_complete_and_missing_values_come_first(fixture: Fixture) {
    let store = fixture.open().await;
    for (name, title) in [("a", Some("x")), ("b", None), ("c", Some("x")), ("d", Some("")), ("e", Some("y"))] {
        create(&store, name, "new", (name < "c").then_some("p"), json!({"name": title})).await;
    }
    let title = Field::Attribute("name");
    for (order, expected) in [
        (vec![(title, Ascending)], ["b", "d", "a", "c", "e"]),
        (vec![(title, Descending)], ["e", "c", "a", "d", "b"]),
        (vec![(title, Ascending), (Field::Key, Descending)], ["d", "b", "c", "a", "e"]),
        (vec![(Field::Owner, Descending), (title, Ascending)], ["b", "a", "d", "c", "e"]),
        (vec![(Field::Size, Ascending), (Field::Modified, Ascending)], ["a", "b", "c", "d", "e"]),
        (vec![], ["a", "b", "c", "d", "e"]),
    ] {
        let search = Search { order, ..all() };
        assert_eq!(found(&store, search.clone()).await, expected, "{:?}", search.order);
        for (index, after) in expected.iter().enumerate() {
            let behind = Search { after: Some((*after).to_owned()), ..search.clone() };
            assert_eq!(found(&store, behind).await, expected[index + 1..], "{:?}", search.order);
        }
    }
}

async fn each_way_reaches_its_names_once(fixture: Fixture) {
    let store = fixture.open().await;
    for (name, owner, visibility) in [
        ("own", "p", "private"),
        ("own and open", "p", "public"),
        ("open", "q", "public"),
        ("open with companion", "q", "public"),
        ("closed", "q", "private"),
        ("shared", "q", "shared"),
        ("own and shared", "p", "shared"),
        ("not yet", "q", "shared"),
        ("closed with companion", "q", "private"),
    ] {
        create(&store, name, "new", Some(owner), json!({"visibility": visibility, "name": "same"})).await;
    }
    let accepted = ["open with companion", "shared", "own and shared", "closed with companion"];
    for (name, status) in accepted.map(|name| (name, "accepted")).into_iter().chain([("not yet", "pending")]) {
        let companion = NameKey::new(DIALECT, format!("friends/{name}"), "p");
        store.apply(Change::new().create(NewName::new(companion, status))).await.unwrap();
    }
    // A companion of the same key elsewhere is none.
    let elsewhere = NameKey::new(DIALECT, "enemies/closed", "p");
    store.apply(Change::new().create(NewName::new(elsewhere, "accepted"))).await.unwrap();
    let shared = |status: Option<&str>| {
        let companion = Companion { prefix: "friends/", key: "p".into(), status: status.map(str::to_owned) };
        Reach::Companion(companion, "visibility", "shared".into())
    };
    let (own, open) = (Reach::Owner("p".into()), Reach::Attribute("visibility", "public".into()));
    for (reach, expected) in [
        (vec![own.clone()], &["own and shared", "own and open", "own"][..]),
        (vec![open.clone()], &["open with companion", "open", "own and open"]),
        (vec![shared(Some("accepted"))], &["shared", "own and shared"]),
        (vec![shared(None)], &["shared", "own and shared", "not yet"]),
        (
            vec![own, open, shared(Some("accepted"))],
            &["shared", "own and shared", "own and open", "own", "open with companion", "open"],
        ),
        (vec![], &[]),
    ] {
        // By keys, since all are of one moment; each list the same in one piece and in pages, with and without a name.
        let mut expected: Vec<String> = expected.iter().map(|name| (*name).to_owned()).collect();
        expected.sort_by(|left, right| right.cmp(left));
        for filters in [vec![], vec![Filter::Is(Field::Attribute("name"), vec!["same".into()])]] {
            let search = Search { reach: Some(reach.clone()), filters, ..all() };
            assert_eq!(found(&store, search.clone()).await, expected, "{reach:?}");
            let mut walked = Vec::new();
            loop {
                let page = Search { after: walked.last().cloned(), limit: 1, ..search.clone() };
                match found(&store, page).await.pop() {
                    Some(name) => walked.push(name),
                    None => break,
                }
            }
            assert_eq!(walked, expected, "{reach:?}");
        }
    }
}

async fn filters_compare_what_names_have(fixture: Fixture) {
    let store = fixture.open().await;
    let attributes = json!({
        "name": "n", "text": "ü\"", "number": 7, "flag": true, "nothing": null, "tags": ["a", "b"],
        "pairs": [["k", "v"], ["\"", "'\n"]],
    });
    create(&store, "a", "new", Some("p"), attributes).await;
    fixture.clock.advance(Duration::from_secs(1));
    create(&store, "b", "old", None, json!({"name": "m", "flag": false})).await;
    let filled = Change::new().update(key("b"), Condition::EXISTS, Update::default().content(NewContent::Uploaded));
    upload(&store, UploadRequest::new(super::account()), &pattern(1, 5), filled).await.unwrap();
    let (text, micros) = (Field::Attribute("text"), 1_763_700_000_000_000);
    let is = |field: Field, values: &[Value]| Filter::Is(field, values.to_vec());
    let not = |filter: Filter| Filter::Not(Box::new(filter));
    for (filter, expected) in [
        (is(Field::Key, &["a".into()]), &["a"][..]),
        (is(Field::Key, &["b".into(), "a".into(), "z".into()]), &["b", "a"]),
        (is(Field::Key, &[]), &[]),
        (is(Field::Status, &["old".into()]), &["b"]),
        (is(Field::Owner, &["p".into()]), &["a"]),
        (not(is(Field::Owner, &["p".into()])), &["b"]),
        (is(Field::Attribute("name"), &["n".into(), "m".into()]), &["b", "a"]),
        (is(text, &["ü\"".into()]), &["a"]),
        (is(text, &["ü\"".into(), "x".into()]), &["a"]),
        (is(Field::Attribute("number"), &[Value::Number(7)]), &["a"]),
        (is(Field::Attribute("number"), &["7".into()]), &[]),
        (is(Field::Attribute("flag"), &[Value::Flag(false)]), &["b"]),
        (is(Field::Size, &[Value::Number(5)]), &["b"]),
        (Filter::Within(Field::Size, Some(5), Some(6)), &["b"]),
        (Filter::Within(Field::Size, None, Some(5)), &[]),
        (Filter::Within(Field::Size, None, None), &["b"]),
        (Filter::Within(Field::Created, None, Some(micros + 1)), &["a"]),
        (not(Filter::Within(Field::Created, None, Some(micros + 1))), &["b"]),
        (Filter::Within(Field::Modified, Some(micros + 1), None), &["b"]),
        (Filter::Present(text), &["a"]),
        (Filter::Present(Field::Attribute("nothing")), &[]),
        (Filter::Holds("tags", "b".into()), &["a"]),
        (Filter::Holds("tags", "c".into()), &[]),
        (Filter::HoldsPair("pairs", "k".into(), "v".into()), &["a"]),
        (Filter::HoldsPair("pairs", "\"".into(), "'\n".into()), &["a"]),
        (Filter::HoldsPair("pairs", "k".into(), "'\n".into()), &[]),
        (Filter::Status(vec![("new".into(), None), ("old".into(), Some(false))]), &["b", "a"]),
        (Filter::Status(vec![]), &[]),
    ] {
        let search = Search { filters: vec![filter], ..all() };
        assert_eq!(found(&store, search.clone()).await, expected, "{:?}", search.filters);
    }
    let name = store.search(Search { limit: 1, ..all() }).await.unwrap().pop().unwrap();
    assert_eq!(Some(&name), store.get(&key("b")).await.unwrap().as_ref(), "a search shows the whole name");
    assert_eq!(name.content.map(|content: Content| content.size), Some(5));
}

async fn running_uploads_are_part_of_a_status(fixture: Fixture) {
    let store = fixture.open().await;
    create(&store, "a", "queued", None, json!({})).await;
    create(&store, "b", "queued", None, json!({})).await;
    let request = UploadRequest::new(super::account()).exclusive(key("a"), Condition::status("queued"));
    let upload = store.begin(request).await.unwrap();
    let with =
        |writing: Option<bool>| Search { filters: vec![Filter::Status(vec![("queued".into(), writing)])], ..all() };
    assert_eq!(found(&store, with(Some(true))).await, ["a"]);
    assert_eq!(found(&store, with(Some(false))).await, ["b"]);
    assert_eq!(found(&store, with(None)).await, ["b", "a"]);
    assert!(store.search(with(Some(true))).await.unwrap()[0].open_writer);
    let active = Change::new().update(
        key("a"),
        Condition::EXISTS,
        Update::default().status("active").content(NewContent::Uploaded),
    );
    upload.finish().await.unwrap().commit(active).await.unwrap();
    assert_eq!(found(&store, with(Some(true))).await, Vec::<String>::new());
}
