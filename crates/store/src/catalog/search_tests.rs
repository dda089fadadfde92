//! How the database finds a page, and that every kind of question is a valid one.

use super::*;
use crate::catalog::schema;

fn database() -> Connection {
    let mut db = Connection::open_in_memory().unwrap();
    schema::migrate(&mut db).unwrap();
    db
}

/// How the database would find a page.
fn plan(db: &Connection, search: &Search) -> Vec<String> {
    let order = Ordering::of(search);
    let position: Option<Vec<Sql>> = search.after.as_ref().map(|_| order.0.iter().map(|_| Sql::Integer(1)).collect());
    let page = page(search, &order, position.as_deref(), &[]);
    let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {}", page.text)).unwrap();
    let lines = plan.query_map(params_from_iter(page.values), |row| row.get::<_, String>(3)).unwrap();
    lines.map(Result::unwrap).collect()
}

fn sorts(plan: &[String]) -> usize {
    plan.iter().filter(|line| line.contains("TEMP B-TREE")).count()
}

fn everyone() -> Vec<Reach> {
    let companion = Companion { prefix: "members/", key: "p".into(), status: Some("accepted".into()) };
    vec![
        Reach::Owner("p".into()),
        Reach::Attribute("visibility", "public".into()),
        Reach::Companion(companion, "visibility", "shared".into()),
    ]
}

#[test]
fn the_newest_are_found_without_reading_others() {
    let db = database();
    for after in [None, Some("k".to_owned())] {
        let search = Search { after, ..Search::new("toy", "things", 10) };
        let bound = if search.after.is_some() { " AND created<?" } else { "" };
        let all = plan(&db, &search);
        let expected = format!("SEARCH n USING INDEX name_newest (dialect=? AND scope=?{bound})");
        assert!(all.contains(&expected), "{all:#?}");
        // The order outside of the arm is already the one inside of it, at most a page is sorted again.
        assert!(sorts(&all) <= 1, "{all:#?}");
        let reached = plan(&db, &Search { reach: Some(everyone()), ..search });
        for expected in [
            format!("SEARCH n USING INDEX name_owner (dialect=? AND scope=? AND owner=?{bound})"),
            format!("SEARCH n USING INDEX name_visibility (dialect=? AND scope=? AND <expr>=?{bound})"),
            "SEARCH m USING INDEX name_companion (dialect=? AND key=? AND scope>? AND scope<?)".to_owned(),
            "SEARCH n USING INDEX sqlite_autoindex_name_1 (dialect=? AND scope=? AND key=?)".to_owned(),
        ] {
            assert!(reached.contains(&expected), "{expected}: {reached:#?}");
        }
        // Memberships are sorted, and the merged page; owners' and open names come in their order.
        assert_eq!(sorts(&reached), 2, "{reached:#?}");
    }
}

#[test]
fn names_and_keys_are_found_by_their_index_in_any_order() {
    let db = database();
    for (field, index) in [(Field::Attribute("name"), "name_named"), (Field::Key, "sqlite_autoindex_name_1")] {
        for values in [vec!["a".into()], vec!["a".into(), "b".into()]] {
            for reach in [None, Some(everyone())] {
                for order in [Field::Created, Field::Size] {
                    let search = Search {
                        reach: reach.clone(),
                        filters: vec![Filter::Is(field, values.clone())],
                        order: vec![(order, Direction::Descending)],
                        ..Search::new("toy", "things", 10)
                    };
                    let lines = plan(&db, &search);
                    let found = lines.iter().any(|line| {
                        line.starts_with(&format!("SEARCH n USING INDEX {index} (dialect=? AND scope=? AND "))
                    });
                    assert!(found, "{field:?} {order:?}: {lines:#?}");
                }
            }
        }
    }
    let named = Search {
        filters: vec![Filter::Is(Field::Attribute("name"), vec!["a".into()])],
        after: Some("k".into()),
        ..Search::new("toy", "things", 10)
    };
    let lines = plan(&db, &named);
    let expected = "SEARCH n USING INDEX name_named (dialect=? AND scope=? AND <expr>=? AND created<?)";
    assert!(lines.iter().any(|line| line == expected) && sorts(&lines) <= 1, "{lines:#?}");
}

#[test]
fn every_kind_of_filter_is_valid_in_every_kind_of_search() {
    let db = database();
    let filters = vec![
        Filter::Is(Field::Attribute("n"), vec![Value::Number(1), Value::Flag(true), "x".into()]),
        Filter::Is(Field::Owner, Vec::new()),
        Filter::Within(Field::Size, Some(1), Some(2)),
        Filter::Present(Field::Attribute("digest")),
        Filter::Holds("tags", "a".into()),
        Filter::HoldsPair("properties", "a".into(), "b".into()),
        Filter::Status(vec![("queued".into(), Some(false)), ("active".into(), None), ("x".into(), Some(true))]),
        Filter::Not(Box::new(Filter::Within(Field::Created, None, Some(2)))),
    ];
    for reach in [None, Some(everyone()), Some(Vec::new())] {
        let order = [Field::Attribute("name"), Field::Status, Field::Size, Field::Owner, Field::Modified, Field::Key];
        let order = order.map(|field| (field, Direction::Ascending)).to_vec();
        let all = Search { reach, filters: filters.clone(), order, ..Search::new("toy", "things", 10) };
        let found = search(&db, &all, &["k".to_owned()]);
        assert_eq!(found.ok(), Some(Vec::new()), "{:?}", all.reach);
    }
}

#[test]
fn names_from_before_the_indexes_are_found_by_them() {
    let mut db = Connection::open_in_memory().unwrap();
    schema::migrate_to(&mut db, 3).unwrap();
    schema::set_store_id(&db, uuid::Uuid::from_u128(5)).unwrap();
    let attributes = r#"{"itwin":"a","imodel":null,"display_name":"x","shared":true}"#;
    let insert = "INSERT INTO name (dialect, scope, key, status, version, born, created, modified, attributes)
                  VALUES ('toy', 'things', 'k', '', 1, 1, 1, 1, ?1)";
    db.execute(insert, [attributes]).unwrap();
    schema::migrate(&mut db).unwrap();
    let found = |attribute: &'static str| {
        let views = Search {
            reach: Some(vec![Reach::Flag("shared")]),
            filters: vec![Filter::Is(Field::Attribute(attribute), vec!["a".into()])],
            ..Search::new("toy", "things", 10)
        };
        keys(&db, &views, &[]).unwrap()
    };
    assert_eq!((found("itwin"), found("imodel")), (vec!["k".to_owned()], Vec::new()));
}

#[test]
fn views_of_a_twin_are_found_in_their_order_without_sorting() {
    let db = database();
    for (attribute, index) in [("itwin", "name_itwin"), ("imodel", "name_imodel")] {
        let views = Search {
            reach: Some(vec![Reach::Owner("p".into()), Reach::Flag("shared")]),
            filters: vec![Filter::Is(Field::Attribute(attribute), vec!["a".into()])],
            order: vec![(Field::Attribute("display_name"), Direction::Ascending)],
            skip: 20,
            ..Search::new("toy", "things", 10)
        };
        let lines = plan(&db, &views);
        let expected = format!("SEARCH n USING INDEX {index} (dialect=? AND scope=? AND <expr>=?)");
        // Only the page itself is sorted again.
        assert!(lines.contains(&expected) && sorts(&lines) <= 1, "{lines:#?}");
    }
}
