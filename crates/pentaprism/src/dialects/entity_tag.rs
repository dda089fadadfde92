//! Entity tags, for dialects that hand out files which browsers keep.

/// Whether a list of entity tags has `tag` among them, or is `*`. Weak ones are as good: If-None-Match compares weakly
/// (RFC 9110, 13.1.2).
pub(super) fn names(list: &str, tag: &str) -> bool {
    let mut tags = list.split(',').map(str::trim);
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

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
