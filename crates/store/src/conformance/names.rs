//! Names: conditions, versions, several in one change, lists.

use std::time::Duration;

use serde_json::json;

use super::{DIALECT, Fixture, create, key, pattern, put_file};
use crate::{Change, ChangeError, Condition, ListQuery, NameKey, NewName, Order, Refusal, Update};

super::cases![
    a_name_is_kept_as_it_was_given,
    a_name_is_created_once,
    a_buried_name_never_comes_back,
    versions_and_states_guard_a_name,
    a_change_happens_as_a_whole_or_not_at_all,
    a_scope_goes_with_its_owner,
    lists_continue_where_they_stopped,
    names_of_a_status_are_listed_by_age,
];

async fn a_name_is_kept_as_it_was_given(fixture: Fixture) {
    let store = fixture.open().await;
    let attributes = json!({"tags": ["a", "ü"], "min_ram": 1, "nothing": null});
    let new = NewName::new(key("a"), "queued").owner("p1").attributes(attributes.clone());
    let applied = store.apply(Change::new().create(new)).await.unwrap();
    let name = store.get(&key("a")).await.unwrap().unwrap();
    assert_eq!(applied.name(), Some(&name));
    assert_eq!((name.status.as_str(), name.owner.as_deref()), ("queued", Some("p1")));
    assert_eq!(name.attributes, attributes);
    assert_eq!((name.content, name.open_writer), (None, false));
    assert_eq!((name.created, name.modified), (store.now(), store.now()));
    assert_eq!(name.version, name.born);
    assert_eq!(store.get(&key("A")).await.unwrap(), None, "keys are compared bytewise");
    fixture.clock.advance(Duration::from_secs(5));
    let update = Update::default().status("active");
    store.apply(Change::new().update(key("a"), Condition::EXISTS, update)).await.unwrap();
    let later = store.get(&key("a")).await.unwrap().unwrap();
    assert_eq!((later.created, later.modified), (name.created, store.now()));
    assert_eq!((later.attributes, later.owner), (attributes, name.owner), "what is not named stays");
    assert!(later.version > name.version && later.born == name.born);
}

async fn a_name_is_created_once(fixture: Fixture) {
    let store = fixture.open().await;
    create(&store, "a", "queued").await;
    let again = store.apply(Change::new().create(NewName::new(key("a"), "queued"))).await.unwrap_err();
    assert_eq!(again.refusal(), Some(&Refusal::Exists(key("a"))));
    let results = futures_util::future::join_all((0..8).map(|_| {
        let store = store.clone();
        async move { store.apply(Change::new().create(NewName::new(key("b"), "queued"))).await }
    }))
    .await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "of many at once one wins");
}

async fn a_buried_name_never_comes_back(fixture: Fixture) {
    let store = fixture.open().await;
    create(&store, "a", "queued").await;
    let change = Change::new().delete(key("a"), Condition::EXISTS).bury(key("a"));
    assert_eq!(store.apply(change).await.unwrap().deleted(), 1);
    assert_eq!(store.get(&key("a")).await.unwrap(), None);
    assert!(store.is_buried(&key("a")).await.unwrap());
    assert!(!store.is_buried(&key("b")).await.unwrap());
    let again = store.apply(Change::new().create(NewName::new(key("a"), "queued"))).await.unwrap_err();
    assert_eq!(again.refusal(), Some(&Refusal::Buried(key("a"))));
}

async fn versions_and_states_guard_a_name(fixture: Fixture) {
    let store = fixture.open().await;
    let first = create(&store, "a", "queued").await.name().unwrap().version;
    let active = || Update::default().status("active");
    let change = Change::new().update(key("a"), Condition::status("queued").and_version(first), active());
    let second = store.apply(change.clone()).await.unwrap().name().unwrap().version;
    assert!(second > first);
    let refusal = store.apply(change).await.unwrap_err().refusal().cloned().unwrap();
    let (expected, actual) = ("queued".to_owned(), "active".to_owned());
    assert_eq!(refusal, Refusal::StatusChanged { name: key("a"), expected, actual });
    let stale = Change::new().update(key("a"), Condition::version(first), active());
    let refusal = store.apply(stale).await.unwrap_err().refusal().cloned().unwrap();
    assert_eq!(refusal, Refusal::VersionChanged { name: key("a"), expected: first, actual: second });
    let missing = Change::new().delete(key("b"), Condition::EXISTS);
    assert_eq!(store.apply(missing).await.unwrap_err().refusal(), Some(&Refusal::Missing(key("b"))));
}

async fn a_change_happens_as_a_whole_or_not_at_all(fixture: Fixture) {
    let store = fixture.open().await;
    create(&store, "a", "queued").await;
    let change = Change::new()
        .create(NewName::new(key("b"), "queued"))
        .delete(key("a"), Condition::EXISTS)
        .expect(key("c"), Condition::EXISTS);
    match store.apply(change).await.unwrap_err() {
        ChangeError::Refused { step, refusal } => assert_eq!((step, refusal), (2, Refusal::Missing(key("c")))),
        ChangeError::Fault(fault) => panic!("{fault}"),
    }
    assert!(store.get(&key("a")).await.unwrap().is_some());
    assert!(store.get(&key("b")).await.unwrap().is_none());
}

async fn a_scope_goes_with_its_owner(fixture: Fixture) {
    let store = fixture.open().await;
    create(&store, "a", "active").await;
    let member = |image: &str, project: &str| NameKey::new(DIALECT, format!("members/{image}"), project);
    for name in [member("a", "p1"), member("a", "p2"), member("b", "p1")] {
        store.apply(Change::new().create(NewName::new(name, "pending"))).await.unwrap();
    }
    let change = Change::new().delete(key("a"), Condition::EXISTS).bury(key("a")).delete_scope(DIALECT, "members/a");
    assert_eq!(store.apply(change).await.unwrap().deleted(), 3);
    assert!(store.get(&member("a", "p1")).await.unwrap().is_none());
    assert!(store.get(&member("b", "p1")).await.unwrap().is_some());
}

async fn lists_continue_where_they_stopped(fixture: Fixture) {
    let store = fixture.open().await;
    for name in ["d", "b", "a", "c", "e"] {
        let owner = if name < "d" { "p1" } else { "p2" };
        store.apply(Change::new().create(NewName::new(key(name), "queued").owner(owner))).await.unwrap();
        if name != "a" {
            // "a" and "c" are of one moment.
            fixture.clock.advance(Duration::from_secs(1));
        }
    }
    let names = async |query: ListQuery| -> Vec<String> {
        store.list(query).await.unwrap().into_iter().map(|name| name.key.key).collect()
    };
    let query = ListQuery::new(DIALECT, "things", 3);
    assert_eq!(names(query.clone()).await, ["a", "b", "c"]);
    assert_eq!(names(ListQuery { after: Some("c".into()), ..query.clone() }).await, ["d", "e"]);
    let newest = ListQuery { order: Order::NewestFirst, ..query.clone() };
    assert_eq!(names(newest.clone()).await, ["e", "c", "a"]);
    assert_eq!(names(ListQuery { after: Some("c".into()), ..newest.clone() }).await, ["a", "b", "d"]);
    let own = ListQuery { owner: Some("p1".into()), ..newest.clone() };
    assert_eq!(names(own).await, ["c", "a", "b"]);
    assert!(names(ListQuery { status: Some("active".into()), ..query }).await.is_empty());
    assert!(names(ListQuery { after: Some("nobody".into()), ..newest }).await.is_empty());
}

/// What a worker asks for after a restart, and what goes when it is old.
async fn names_of_a_status_are_listed_by_age(fixture: Fixture) {
    let store = fixture.open().await;
    let second = Duration::from_secs(1);
    for name in ["c", "a", "d", "b", "e"] {
        create(&store, name, "waiting").await;
        fixture.clock.advance(second);
    }
    let begun = store.now();
    for name in ["d", "e", "c"] {
        let done = Update::default().status("complete");
        store.apply(Change::new().update(key(name), Condition::EXISTS, done)).await.unwrap();
        if name != "d" {
            // "d" and "e" are of one moment.
            fixture.clock.advance(second);
        }
    }
    put_file(&store, "complete", &pattern(1, 10)).await;
    let names = async |query: ListQuery| -> Vec<String> {
        store.list(query).await.unwrap().into_iter().map(|name| name.key.key).collect()
    };
    let all = ListQuery::new(DIALECT, "things", 10);
    let waiting = all.clone().status("waiting");
    assert_eq!(names(waiting.clone()).await, ["a", "b"]);
    assert_eq!(names(waiting.clone().after("a")).await, ["b"]);
    let oldest = |query: ListQuery| query.order(Order::LongestUnchanged);
    assert_eq!(names(oldest(waiting)).await, ["a", "b"]);
    let complete = all.clone().status("complete");
    assert_eq!(names(oldest(complete.clone())).await, ["d", "e", "c"]);
    assert_eq!(names(oldest(ListQuery { limit: 2, ..complete.clone() })).await, ["d", "e"]);
    assert_eq!(names(oldest(complete.clone()).after("d")).await, ["e", "c"]);
    assert_eq!(names(oldest(complete.clone()).after("e")).await, ["c"]);
    assert!(names(oldest(complete.clone()).after("nobody")).await.is_empty());
    assert!(names(oldest(complete.clone()).modified_before(begun)).await.is_empty());
    let later = begun.plus(second);
    assert_eq!(names(oldest(complete.clone()).modified_before(later)).await, ["d", "e"]);
    assert_eq!(names(complete.clone().modified_before(later)).await, ["d", "e"]);
    assert_eq!(names(complete.order(Order::NewestFirst).modified_before(later)).await, ["e", "d"]);
    assert_eq!(names(oldest(all)).await, ["a", "b", "d", "e", "c"]);
    assert!(names(oldest(ListQuery::new(DIALECT, "files", 10))).await.is_empty());
}
