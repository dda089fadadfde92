//! `{contentPath}` and the paths of a copy: one canonical form for all the ways in which clients write a path (D-047).
//!
//! The bindings have decoded percent-encoding once, before this. A path never reaches the file system: it is a key in the
//! catalog and nothing else.

use std::fmt;

use pentaprism_store::Tree;

use super::quote::Quoted;

/// The most bytes that a path may have.
pub(super) const MAX_BYTES: usize = Tree::MAX_PATH_BYTES;

/// The most segments that a path may have.
pub(super) const MAX_SEGMENTS: usize = Tree::MAX_PATH_SEGMENTS;

/// The path of a file or folder: segments with one `/` between them, never empty, no `.` and no `..` segment, no NUL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ContentPath(String);

/// Why a path is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum PathError {
    /// Nothing is left once blanks and separators are cut off.
    #[error("the path is empty; name a file or folder")]
    Empty,
    /// `.` or `..`.
    #[error("the path {0} has a `.` or `..` segment; send the path without it")]
    DotSegment(Quoted),
    /// U+0000.
    #[error("the path {0} has a NUL character; send the path without it")]
    Nul(Quoted),
    /// Longer than [`MAX_BYTES`].
    #[error("the path has {0} bytes; at most {MAX_BYTES} are taken")]
    TooLong(usize),
    /// More segments than [`MAX_SEGMENTS`].
    #[error("the path has {0} segments; at most {MAX_SEGMENTS} are taken")]
    TooDeep(usize),
}

impl ContentPath {
    /// Reads a path that was percent-decoded already.
    ///
    /// Backslashes are slashes, blanks and separators at both ends are cut off, and several separators in a row are one.
    pub(super) fn parse(text: &str) -> Result<Self, PathError> {
        let is_separator = |character| matches!(character, '/' | '\\');
        let trimmed = text.trim_matches(|character: char| character.is_whitespace() || is_separator(character));
        if trimmed.len() > MAX_BYTES {
            return Err(PathError::TooLong(trimmed.len()));
        }
        if trimmed.contains('\0') {
            return Err(PathError::Nul(Quoted::new(trimmed)));
        }
        let segments: Vec<_> = trimmed.split(is_separator).filter(|segment| !segment.is_empty()).collect();
        if segments.iter().any(|segment| matches!(*segment, "." | "..")) {
            return Err(PathError::DotSegment(Quoted::new(trimmed)));
        }
        match segments.len() {
            0 => Err(PathError::Empty),
            1..=MAX_SEGMENTS => Ok(Self(segments.join("/"))),
            more => Err(PathError::TooDeep(more)),
        }
    }

    /// The path as the store keys it and as answers show it.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both are the same, or one lies inside the other.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.contains(other) || other.contains(self)
    }

    fn contains(&self, other: &Self) -> bool {
        other.0.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether it is one of the trees that belong to the cluster itself (D-053). What lies in them is free.
    pub(super) fn is_reserved(&self) -> bool {
        ["Store", "WindowsFabricStore"].iter().any(|reserved| self.0.eq_ignore_ascii_case(reserved))
    }
}

impl fmt::Display for ContentPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Quoted::new(&self.0).fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<String, PathError> {
        ContentPath::parse(text).map(|path| path.0)
    }

    #[test]
    fn every_way_to_write_a_path_is_the_same_path() {
        for text in ["a/b.c", "/a/b.c/", r"a\b.c", r" \a/b.c\ ", "a//b.c", r"a\\b.c", "\ta/\\/b.c"] {
            assert_eq!(parse(text).as_deref(), Ok("a/b.c"), "{text:?}");
        }
        for same in ["$dollar.txt", "a b/c d", "a /b", "...", ".a/..b/c..", "a+b", "a%2Fb", "ü/日本"] {
            assert_eq!(parse(same).as_deref(), Ok(same));
        }
    }

    #[test]
    fn what_names_nothing_or_something_else_is_refused() {
        for empty in ["", " ", "/", r"\", r" / \ "] {
            assert_eq!(parse(empty), Err(PathError::Empty), "{empty:?}");
        }
        for dots in [".", "..", "a/../b", r"a\..\b", " ../a", "a/./b", "a/..", "/../"] {
            assert!(matches!(parse(dots), Err(PathError::DotSegment(_))), "{dots:?}");
        }
        assert!(matches!(parse("a\0b"), Err(PathError::Nul(_))));
        assert_eq!(parse(&"a".repeat(MAX_BYTES)).map(|path| path.len()), Ok(MAX_BYTES));
        assert_eq!(parse(&"a".repeat(MAX_BYTES + 1)), Err(PathError::TooLong(MAX_BYTES + 1)));
        assert_eq!(parse(&"a//".repeat(MAX_SEGMENTS)).map(|path| path.len()), Ok(2 * MAX_SEGMENTS - 1));
        assert_eq!(parse(&"a/".repeat(MAX_SEGMENTS + 1)), Err(PathError::TooDeep(MAX_SEGMENTS + 1)));
    }

    #[test]
    fn overlap_goes_by_whole_segments() {
        let overlap = |a: &str, b: &str| ContentPath::parse(a).unwrap().overlaps(&ContentPath::parse(b).unwrap());
        assert!(overlap("a", "a"));
        assert!(overlap("a", "a/b"));
        assert!(overlap("a/b/c", "a"));
        assert!(!overlap("App", "App2"));
        assert!(!overlap("a/b", "a/c"));
    }

    #[test]
    fn only_the_trees_themselves_are_reserved() {
        let reserved = |text: &str| ContentPath::parse(text).unwrap().is_reserved();
        assert!(reserved("store") && reserved("WINDOWSFABRICSTORE") && reserved("/Store/"));
        assert!(!reserved("Store/a") && !reserved("a/Store") && !reserved("Stores"));
    }

    proptest! {
        #[test]
        fn a_path_that_is_taken_is_canonical(text in r"[a. /\\\x00ü$]{0,24}") {
            if let Ok(path) = parse(&text) {
                prop_assert_eq!(parse(&path), Ok(path.clone()));
                prop_assert!(!path.contains(['\\', '\0']));
                prop_assert!(path.split('/').all(|segment| !matches!(segment, "" | "." | "..")));
            }
        }

        #[test]
        fn any_text_is_answered(text in any::<String>()) {
            let _ = parse(&text);
        }
    }
}
