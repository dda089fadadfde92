//! `ls`: what is at a service.

use std::cmp::Ordering;
use std::sync::Arc;

use super::address::{Dialect, Place};
use super::entry::Entry;
use super::failure::{Failure, FailureKind};
use super::service::{self, ListQuery};
use super::session::Session;
use crate::command::{ListArguments, Sort, SortKey};

/// Entries that are written at once when each is a line of its own.
const BATCH: usize = 100;

/// Lists as `ls` was told. A table is written when all of it is known, since its columns are as wide as their widest entry;
/// lines of JSON are written as they come.
///
/// # Errors
/// [`Failure`] of the listing, or of standard output.
pub async fn run(arguments: &ListArguments, session: &Arc<Session>) -> Result<(), Failure> {
    let remote = service::open(&arguments.address, session).await?;
    let limit = arguments.limit.map(|limit| limit.get() as u64);
    // Glance puts its images in order itself; of the others, all have to be known first.
    let by_service = arguments.address.dialect() == Dialect::Glance;
    let (asked, own) = match &arguments.sort {
        Some(sort) if by_service => (Some(order_of_glance(sort)), None),
        sort => (None, sort.as_ref()),
    };
    let query = ListQuery {
        recursive: arguments.recursive,
        limit: limit.filter(|_| own.is_none()),
        name: arguments.name.clone(),
        sort: asked,
    };
    let streams = arguments.common.json && own.is_none();
    let mut entries = Vec::new();
    let reporter = &session.reporter;
    let mut take = |entry| {
        entries.push(entry);
        if streams && entries.len() >= BATCH {
            reporter.list(&std::mem::take(&mut entries), arguments.long)?;
        }
        if reporter.is_unread() { Err(Failure::unread()) } else { Ok(()) }
    };
    let listed = remote.list(&query, &mut take).await;
    if let Some(sort) = own {
        entries.sort_by(|one, other| compare(sort, one, other));
        entries.truncate(limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX));
    }
    // What came before a failure is worth showing, too.
    if !matches!(&listed, Err(Failure { kind: FailureKind::Unread, .. })) {
        reporter.list(&entries, arguments.long)?;
    }
    listed
}

fn order_of_glance(sort: &Sort) -> String {
    let key = match sort.key {
        SortKey::Name => "name",
        SortKey::Size => "size",
        SortKey::Status => "status",
        SortKey::Modified => "updated_at",
    };
    format!("{key}:{}", if sort.descending { "desc" } else { "asc" })
}

/// The order of two entries; those of which the key is not known come last, and equal ones stay as they came.
fn compare(sort: &Sort, one: &Entry, other: &Entry) -> Ordering {
    let order = |order: Ordering| if sort.descending { order.reverse() } else { order };
    match sort.key {
        SortKey::Name => known(Some(name(one)).as_ref(), Some(name(other)).as_ref(), order),
        SortKey::Size => known(one.size.as_ref(), other.size.as_ref(), order),
        SortKey::Status => known(one.status.as_ref(), other.status.as_ref(), order),
        // All of one service have the same form, so that their texts are in the order of time.
        SortKey::Modified => known(one.modified.as_ref(), other.modified.as_ref(), order),
    }
}

fn known<K: Ord>(one: Option<&K>, other: Option<&K>, order: impl Fn(Ordering) -> Ordering) -> Ordering {
    match (one, other) {
        (Some(one), Some(other)) => order(one.cmp(other)),
        (one, other) => other.is_some().cmp(&one.is_some()),
    }
}

/// What an entry is sorted by as its name: what has none is known by its path or id.
fn name(entry: &Entry) -> String {
    entry.name.clone().unwrap_or_else(|| match &entry.address.place {
        Place::ServiceFabric(path) => path.clone(),
        place => place.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::entry::Kind;

    fn entry(path: &str, size: Option<u64>) -> Entry {
        Entry { size, ..Entry::new(format!("sf:{path}").parse().unwrap(), Kind::File) }
    }

    fn sorted(sort: &str) -> Vec<String> {
        let mut entries = [entry("b", Some(2)), entry("folder", None), entry("a", Some(2)), entry("c", Some(1))];
        let sort: Sort = sort.parse().unwrap();
        entries.sort_by(|one, other| compare(&sort, one, other));
        entries.iter().map(name).collect()
    }

    #[test]
    fn what_has_no_size_is_last_in_either_direction() {
        assert_eq!(sorted("size"), ["c", "b", "a", "folder"]);
        assert_eq!(sorted("size:desc"), ["b", "a", "c", "folder"]);
        assert_eq!(sorted("name:desc"), ["folder", "c", "b", "a"]);
        assert_eq!(sorted("status"), ["b", "folder", "a", "c"]);
    }

    #[test]
    fn glance_is_asked_in_its_own_words() {
        assert_eq!(order_of_glance(&"modified:desc".parse().unwrap()), "updated_at:desc");
        assert_eq!(order_of_glance(&"name".parse().unwrap()), "name:asc");
    }
}
