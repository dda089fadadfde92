//! Entity tags and the conditions that name them, for every dialect that hands out files.

use std::fmt::Write as _;

use http::header::{IF_MATCH, IF_NONE_MATCH, IF_RANGE};
use http::{HeaderMap, HeaderName};
use pentaprism_store::Reader;

/// The strong entity tags of a content: by any of them it may be named, by the first it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tags {
    told: String,
    /// What was told before its digest was known.
    former: Option<String>,
}

impl Tags {
    /// Of what has an id that only these bytes will ever have.
    pub(super) fn of_id(id: impl std::fmt::Display) -> Self {
        Self { told: format!("\"{id}\""), former: None }
    }

    /// Of stored bytes: their BLAKE3, or the id of the content until that is known (D-033, D-062).
    pub(super) fn of_content(reader: &Reader) -> Self {
        let id = reader.blob().map(|blob| format!("\"{}\"", blob.0.simple()));
        let digest = reader.blake3().map(|digest| {
            let mut tag = String::with_capacity(2 + 2 * digest.len());
            tag.push('"');
            for byte in digest {
                write!(tag, "{byte:02x}").expect("a string takes all text");
            }
            tag.push('"');
            tag
        });
        match (digest, id) {
            (Some(told), former) => Self { told, former },
            (None, id) => Self { told: id.unwrap_or_default(), former: None },
        }
    }

    /// The tag that answers carry.
    pub(super) fn into_told(self) -> String {
        self.told
    }

    fn are(&self, tag: &str) -> bool {
        self.told == tag || self.former.as_deref() == Some(tag)
    }
}

/// What the conditions of a request come to, in the order of RFC 9110, 13.2.2. Those with dates are ignored: no date is ever sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    /// `If-Match` names only other bytes.
    Failed,
    /// `If-None-Match` names these bytes.
    NotModified,
    /// The request is carried out.
    Fulfilled {
        /// Whether a range that it asks for counts.
        with_range: bool,
    },
}

impl Condition {
    /// What the conditions of a request for the content with `tags` come to; there may be none.
    pub(super) fn of(headers: &HeaderMap, tags: Option<&Tags>) -> Self {
        let named = |tag: &str| tags.is_some_and(|tags| tag == "*" || tags.are(tag));
        if asked(headers, &IF_MATCH).is_some_and(|mut list| !list.any(named)) {
            return Self::Failed;
        }
        // Weak ones are as good here.
        let weakly = |tag: &str| named(tag.strip_prefix("W/").unwrap_or(tag));
        if asked(headers, &IF_NONE_MATCH).is_some_and(|mut list| list.any(weakly)) {
            return Self::NotModified;
        }
        Self::Fulfilled { with_range: keeps_range(headers, tags) }
    }
}

/// The entity tags that all headers of a name list; none without such a header. What cannot be read is a tag that nothing has.
fn asked<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<impl Iterator<Item = &'h str>> {
    headers.contains_key(name).then(|| {
        let lines = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or_default());
        lines.flat_map(|line| line.split(',')).map(str::trim)
    })
}

/// Whether the range that a request asks for counts: it has no `If-Range`, or one that is exactly a strong tag of what there is
/// now (RFC 9110, 13.1.5). Nothing can be named by a date: none is ever sent.
fn keeps_range(headers: &HeaderMap, tags: Option<&Tags>) -> bool {
    let mut conditions = headers.get_all(IF_RANGE).iter();
    match (conditions.next(), conditions.next()) {
        (None, _) => true,
        (Some(only), None) => tags.is_some_and(|tags| only.to_str().is_ok_and(|only| tags.are(only.trim()))),
        (Some(_), Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use http::header::{IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE};

    use super::*;

    fn condition(headers: &[(HeaderName, &str)], tags: Option<&Tags>) -> Condition {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value.parse().unwrap());
        }
        Condition::of(&map, tags)
    }

    #[test]
    fn a_range_counts_only_for_what_the_client_has_a_part_of() {
        let tag = Some(&Tags::of_id("a")).cloned();
        for (conditions, tag, keeps) in [
            (&[][..], &tag, true),
            (&[], &None, true),
            (&["\"a\""], &tag, true),
            (&["\"a\""], &None, false),
            (&["\"b\""], &tag, false),
            (&["a"], &tag, false),
            (&["W/\"a\""], &tag, false),
            (&["*"], &tag, false),
            (&[""], &tag, false),
            (&["\"a\"", "\"a\""], &tag, false),
            (&["\"a\", \"b\""], &tag, false),
            (&["Sat, 21 Nov 2026 00:42:39 GMT"], &tag, false),
        ] {
            let headers: Vec<_> = conditions.iter().map(|value| (IF_RANGE, *value)).collect();
            let with_range = keeps;
            assert_eq!(
                condition(&headers, tag.as_ref()),
                Condition::Fulfilled { with_range },
                "{conditions:?} {tag:?}"
            );
        }
    }

    #[test]
    fn a_tag_counts_wherever_it_stands_and_weakly_only_where_that_is_enough() {
        for (list, strongly, weakly) in [
            (&["\"a\""][..], true, true),
            (&["W/\"a\""], false, true),
            (&["*"], true, true),
            (&[" \"b\" , W/\"c\",\"a\""], true, true),
            (&["\"b\"", "\"a\""], true, true),
            (&["\"A\""], false, false),
            (&["a"], false, false),
            (&["w/\"a\""], false, false),
            (&["\"b\""], false, false),
            (&[""], false, false),
        ] {
            let with = |name: HeaderName| list.iter().map(|value| (name.clone(), *value)).collect::<Vec<_>>();
            let tags = Tags::of_id("a");
            let fulfilled = Condition::Fulfilled { with_range: true };
            let expected = if strongly { fulfilled } else { Condition::Failed };
            assert_eq!(condition(&with(IF_MATCH), Some(&tags)), expected, "{list:?}");
            let expected = if weakly { Condition::NotModified } else { fulfilled };
            assert_eq!(condition(&with(IF_NONE_MATCH), Some(&tags)), expected, "{list:?}");
            assert_eq!(condition(&with(IF_MATCH), None), Condition::Failed, "{list:?}: nothing is there");
            assert_eq!(condition(&with(IF_NONE_MATCH), None), fulfilled, "{list:?}: nothing is there");
        }
    }

    #[test]
    fn conditions_are_looked_at_in_their_order_and_dates_not_at_all() {
        let tags = Tags { told: "\"new\"".to_owned(), former: Some("\"old\"".to_owned()) };
        let of = |headers: &[(HeaderName, &str)]| condition(headers, Some(&tags));
        assert_eq!(of(&[(IF_NONE_MATCH, "\"new\""), (IF_MATCH, "\"b\"")]), Condition::Failed);
        assert_eq!(of(&[(IF_NONE_MATCH, "\"old\""), (IF_MATCH, "\"new\"")]), Condition::NotModified);
        assert_eq!(of(&[(IF_NONE_MATCH, "\"b\""), (IF_RANGE, "\"old\"")]), Condition::Fulfilled { with_range: true });
        for dated in [IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE] {
            let headers = [(dated, "Sat, 21 Nov 2026 00:42:39 GMT")];
            assert_eq!(of(&headers), Condition::Fulfilled { with_range: true });
        }
    }
}
