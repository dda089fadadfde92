//! Entity tags, for dialects that hand out files which browsers keep or ask for in parts.

use http::HeaderMap;
use http::header::IF_RANGE;

/// Whether a list of entity tags has `tag` among them, or is `*`. Weak ones are as good: If-None-Match compares weakly
/// (RFC 9110, 13.1.2).
pub(super) fn names(list: &str, tag: &str) -> bool {
    let mut tags = list.split(',').map(str::trim);
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

/// Whether the range that a request asks for counts: it has no `If-Range`, or one that is exactly the strong `tag` of what
/// there is now (RFC 9110, 13.1.5). What has no tag cannot be named, nor can anything be named by a date: none is ever sent.
pub(super) fn keeps_range(headers: &HeaderMap, tag: Option<&str>) -> bool {
    let mut conditions = headers.get_all(IF_RANGE).iter();
    match (conditions.next(), conditions.next()) {
        (None, _) => true,
        (Some(only), None) => tag.is_some_and(|tag| only.as_bytes().trim_ascii() == tag.as_bytes()),
        (Some(_), Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_counts_only_for_what_the_client_has_a_part_of() {
        for (conditions, tag, keeps) in [
            (&[][..], Some("\"a\""), true),
            (&[], None, true),
            (&["\"a\""], Some("\"a\""), true),
            (&["\"a\""], None, false),
            (&["\"b\""], Some("\"a\""), false),
            (&["a"], Some("\"a\""), false),
            (&["W/\"a\""], Some("\"a\""), false),
            (&["*"], Some("\"a\""), false),
            (&[""], Some("\"a\""), false),
            (&["\"a\"", "\"a\""], Some("\"a\""), false),
            (&["\"a\", \"b\""], Some("\"a\""), false),
            (&["Sat, 21 Nov 2026 00:42:39 GMT"], Some("\"a\""), false),
        ] {
            let mut map = HeaderMap::new();
            for condition in conditions {
                map.append(IF_RANGE, condition.parse().unwrap());
            }
            assert_eq!(keeps_range(&map, tag), keeps, "{conditions:?} {tag:?}");
        }
    }

    #[test]
    fn a_tag_counts_wherever_it_stands_and_however_weak_it_is() {
        for (list, found) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("*", true),
            (" \"b\" , W/\"c\",\"a\"", true),
            ("\"A\"", false),
            ("a", false),
            ("w/\"a\"", false),
            ("\"b\"", false),
            ("", false),
        ] {
            assert_eq!(names(list, "\"a\""), found, "{list}");
        }
    }
}
