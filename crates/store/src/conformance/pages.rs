//! Searches that skip names, reach them by a flag, and give keys alone.

use serde_json::{Value as Json, json};

use super::{DIALECT, Fixture, key};
use crate::{
    Change, NewName, Store,
    search::{Direction, Field, Filter, Reach, Search},
};

super::cases![what_is_skipped_is_counted_after_filters_and_reach, keys_are_those_of_the_names];

const TWIN: &str = "itwin";

/// Names of two owners, of which every third one is shared, and every fifth one of another twin.
async fn fill(store: &Store) {
    for index in 0_u32..30 {
        let twin = if index % 5 == 0 { "other" } else { "this" };
        let attributes: Json =
            json!({"itwin": twin, "display_name": format!("{:02}", index * 7 % 30), "shared": index % 3 == 0});
        let mut new = NewName::new(key(&format!("k{index:02}")), "new").attributes(attributes);
        new.owner = Some(if index % 2 == 0 { "p" } else { "q" }.to_owned());
        store.apply(Change::new().create(new)).await.unwrap();
    }
}

fn seen(filters: Vec<Filter>) -> Search {
    Search {
        reach: Some(vec![Reach::Owner("p".into()), Reach::Flag("shared")]),
        filters,
        order: vec![(Field::Attribute("display_name"), Direction::Ascending)],
        ..Search::new(DIALECT, "things", 100)
    }
}

fn of_twin() -> Vec<Filter> {
    vec![Filter::Is(Field::Attribute(TWIN), vec!["this".into()])]
}

/// What a search should find, by the rules of [`fill`].
fn expected(every_twin: bool) -> Vec<String> {
    let mut found: Vec<u32> =
        (0..30).filter(|index| (index % 2 == 0 || index % 3 == 0) && (every_twin || index % 5 != 0)).collect();
    found.sort_by_key(|index| index * 7 % 30);
    found.into_iter().map(|index| format!("k{index:02}")).collect()
}

async fn what_is_skipped_is_counted_after_filters_and_reach(fixture: Fixture) {
    let store = fixture.open().await;
    fill(&store).await;
    // With the filter one index finds all; without it each way of reaching names has its own.
    for (filters, every_twin) in [(of_twin(), false), (Vec::new(), true)] {
        let all = expected(every_twin);
        for skip in 0..=all.len() + 1 {
            let search = Search { skip, limit: 4, ..seen(filters.clone()) };
            let found = store.search_keys(search).await.unwrap();
            assert_eq!(found, all.iter().skip(skip).take(4).cloned().collect::<Vec<_>>(), "{skip}");
        }
        let search = Search { skip: usize::MAX, ..seen(filters) };
        assert_eq!(store.search_keys(search).await.unwrap(), Vec::<String>::new());
    }
    let behind = Search { after: Some(expected(false)[2].clone()), skip: 3, limit: 1, ..seen(of_twin()) };
    assert_eq!(store.search_keys(behind).await.unwrap(), expected(false)[6..7]);
}

async fn keys_are_those_of_the_names(fixture: Fixture) {
    let store = fixture.open().await;
    fill(&store).await;
    let search = Search { skip: 1, limit: 9, ..seen(of_twin()) };
    let names = store.search(search.clone()).await.unwrap();
    let keys: Vec<_> = names.into_iter().map(|name| name.key.key).collect();
    assert_eq!((store.search_keys(search).await.unwrap(), keys.len()), (keys, 9));
}
