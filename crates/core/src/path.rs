//! Paths: split and normalised once per request, matched raw, and each captured value decoded exactly once afterwards.
//!
//! The order matters for safety: matching happens before percent-decoding, so `%2F` never makes a segment and a decoded
//! value never changes the route.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// How a dialect's paths are normalised before routing (`x-path-rules` in its spec).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PathRules {
    /// Literals are compared without regard to ASCII case.
    pub fold_literals: bool,
    /// Which empty segments count as absent.
    pub empty_segments: EmptySegments,
    /// A segment `%24` is taken as `$`, and a bare `$` is never part of a captured path.
    pub dollar: bool,
}

/// What becomes of empty segments. Those that are kept match no route.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EmptySegments {
    /// All are kept.
    #[default]
    Kept,
    /// One at the end counts as absent: `/a/` is `/a`, but `/a//` and `//a` are not.
    DropTrailing,
    /// All count as absent: `//a/` is `/a`.
    DropAll,
}

/// One segment of a path: what literals are compared with, and what stood in the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment<'p> {
    /// The segment as the router compares it.
    pub name: &'p str,
    /// The segment as it was sent, still percent-encoded.
    pub raw: &'p str,
}

/// A request's path, split by a dialect's rules.
#[derive(Debug)]
pub struct SplitPath<'p> {
    segments: Vec<(Cow<'p, str>, &'p str)>,
}

/// No operation answers this path, or none with this method.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unrouted {
    /// The dialect has no such path.
    #[error("no operation has this path")]
    UnknownPath,
    /// The path exists, with other methods.
    #[error("the path has no such method; use one of {}", .allowed.join(", "))]
    UnknownMethod {
        /// The methods that the path has, in spec order: the value of `Allow`.
        allowed: Vec<&'static str>,
    },
}

/// What the variable parts of a route captured, raw and in template order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captures<'p>(Vec<Cow<'p, str>>);

/// Why a captured value is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathProblem {
    /// A `%` without two hexadecimal digits, or bytes that are no UTF-8.
    #[error("its percent-encoding is malformed or not UTF-8")]
    Encoding,
    /// U+0000.
    #[error("it holds a NUL character")]
    Nul,
    /// `.` or `..` as a whole segment.
    #[error("it holds a `.` or `..` segment")]
    DotSegment,
    /// Nothing at all, a bare `$` where that separates path and action, or what some servers read as another path.
    #[error("it is empty, has blanks at its ends, or holds a backslash or a reserved segment")]
    Reserved,
}

impl<'p> SplitPath<'p> {
    /// Splits `path` (the raw path of a request's URI) at its slashes.
    #[must_use]
    pub fn new(path: &'p str, rules: PathRules) -> Self {
        let path = path.strip_prefix('/').unwrap_or(path);
        let drops_all = rules.empty_segments == EmptySegments::DropAll;
        let pieces = path.split('/').filter(|piece| !drops_all || !piece.is_empty());
        let mut segments: Vec<_> =
            if path.is_empty() { Vec::new() } else { pieces.map(|raw| (name(raw, rules), raw)).collect() };
        segments.pop_if(|(_, raw)| rules.empty_segments == EmptySegments::DropTrailing && raw.is_empty());
        Self { segments }
    }

    /// The segments, for a generated `route` to match on.
    #[must_use]
    pub fn segments(&self) -> Vec<Segment<'_>> {
        self.segments.iter().map(|(name, raw)| Segment { name, raw }).collect()
    }
}

fn name(raw: &str, rules: PathRules) -> Cow<'_, str> {
    if rules.dollar && raw == "%24" {
        Cow::Borrowed("$")
    } else if rules.fold_literals {
        Cow::Owned(raw.to_ascii_lowercase())
    } else {
        Cow::Borrowed(raw)
    }
}

impl<'p> Captures<'p> {
    /// Nothing was captured.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a one-segment capture.
    ///
    /// # Errors
    /// [`Unrouted::UnknownPath`] for an empty segment: `/images//file` names no image.
    pub fn one(mut self, segment: Segment<'p>) -> Result<Self, Unrouted> {
        if segment.raw.is_empty() {
            return Err(Unrouted::UnknownPath);
        }
        self.0.push(Cow::Borrowed(segment.raw));
        Ok(self)
    }

    /// Adds a capture of one or more segments, joined by slashes.
    ///
    /// # Errors
    /// [`Unrouted::UnknownPath`] when it is empty or one of its segments is a bare `$`.
    pub fn many(mut self, segments: &[Segment<'p>]) -> Result<Self, Unrouted> {
        if segments.is_empty() || segments.iter().any(|segment| segment.name == "$") {
            return Err(Unrouted::UnknownPath);
        }
        self.0.push(match segments {
            [only] => Cow::Borrowed(only.raw),
            several => Cow::Owned(several.iter().map(|segment| segment.raw).collect::<Vec<_>>().join("/")),
        });
        Ok(self)
    }

    /// The captures without their tie to the request.
    #[must_use]
    pub fn into_owned(self) -> Captures<'static> {
        Captures(self.0.into_iter().map(|raw| Cow::Owned(raw.into_owned())).collect())
    }

    /// The raw text of capture `index`, in template order.
    #[must_use]
    pub fn raw(&self, index: usize) -> Option<&str> {
        self.0.get(index).map(AsRef::as_ref)
    }
}

/// Decodes a captured value, once.
///
/// # Errors
/// [`PathProblem`] for malformed encodings, NUL and dot segments (also ones that were written `%2e%2e` or behind `%2F`).
pub fn decode(raw: &str) -> Result<String, PathProblem> {
    if !is_well_formed(raw) {
        return Err(PathProblem::Encoding);
    }
    let text = percent_decode_str(raw).decode_utf8().map_err(|_| PathProblem::Encoding)?;
    check(&text)?;
    Ok(text.into_owned())
}

/// Whether every `%` begins two hexadecimal digits.
#[must_use]
pub fn is_well_formed(raw: &str) -> bool {
    let bytes = raw.as_bytes();
    let escape = |at: usize| bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    bytes.iter().enumerate().all(|(at, byte)| *byte != b'%' || escape(at))
}

fn check(text: &str) -> Result<(), PathProblem> {
    if text.contains('\0') {
        return Err(PathProblem::Nul);
    }
    if text.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(PathProblem::DotSegment);
    }
    Ok(())
}

/// Everything but the unreserved characters of RFC 3986, section 2.3, and the sub-delimiters that no one mistakes.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'/')
    .add(b'%')
    .add(b'\\')
    .add(b'^')
    .add(b'|')
    .add(b'[')
    .add(b']')
    .add(b'+')
    .add(b'&')
    .add(b'=')
    .add(b';');

/// Percent-encodes one segment or query value.
#[must_use]
pub fn encode(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, SEGMENT).into()
}

/// Percent-encodes a path of several segments, keeping its slashes.
///
/// # Errors
/// [`PathProblem`] when a server would have to refuse the path, or may read another one: blanks at its ends, a backslash, an
/// empty segment or a bare `$`.
pub fn encode_many(text: &str) -> Result<String, PathProblem> {
    check(text)?;
    let segments: Vec<_> = text.split('/').collect();
    let trimmed = text.trim() != text;
    if trimmed || text.contains('\\') || segments.iter().any(|segment| segment.is_empty() || *segment == "$") {
        return Err(PathProblem::Reserved);
    }
    Ok(segments.into_iter().map(encode).collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TREE: PathRules = PathRules { fold_literals: false, empty_segments: EmptySegments::DropAll, dollar: true };

    fn names(path: &str, rules: PathRules) -> Vec<String> {
        SplitPath::new(path, rules).segments().iter().map(|segment| segment.name.to_owned()).collect()
    }

    #[test]
    fn rules_shape_the_segments() {
        assert_eq!(names("//ImageStore/a%2Fb/%24/", TREE), ["ImageStore", "a%2Fb", "$"]);
        assert_eq!(names("/v2//file", PathRules::default()), ["v2", "", "file"]);
        assert_eq!(names("/V2/A", PathRules { fold_literals: true, ..PathRules::default() }), ["v2", "a"]);
        assert!(names("/", PathRules::default()).is_empty());
        let trailing = PathRules { empty_segments: EmptySegments::DropTrailing, ..PathRules::default() };
        assert_eq!(names("/a/b", trailing), ["a", "b"]);
        assert_eq!(names("/a/b/", trailing), ["a", "b"]);
        assert_eq!(names("/a/b//", trailing), ["a", "b", ""]);
        assert_eq!(names("/a//b", trailing), ["a", "", "b"]);
        assert_eq!(names("//", trailing), [""]);
        assert!(names("/", trailing).is_empty());
    }

    #[test]
    fn captures_join_and_refuse() {
        let path = SplitPath::new("/a/b%2Fc", TREE);
        let captures = Captures::none().many(&path.segments()).map(Captures::into_owned);
        assert_eq!(captures.as_ref().ok().and_then(|captures| captures.raw(0)), Some("a/b%2Fc"));
        for refused in ["/", "/a/$/b", "/a/%24"] {
            let path = SplitPath::new(refused, TREE);
            assert_eq!(Captures::none().many(&path.segments()), Err(Unrouted::UnknownPath), "{refused}");
        }
    }

    #[test]
    fn decoding_refuses_what_could_escape() {
        assert_eq!(decode("a%2Fb+c%25").as_deref(), Ok("a/b+c%"));
        assert_eq!(decode("a%2F..%2Fb"), Err(PathProblem::DotSegment));
        assert_eq!(decode("%2e%2e"), Err(PathProblem::DotSegment));
        assert_eq!(decode("a%00b"), Err(PathProblem::Nul));
        for malformed in ["%", "%4", "%zz", "%ff"] {
            assert_eq!(decode(malformed), Err(PathProblem::Encoding), "{malformed}");
        }
    }

    #[test]
    fn what_a_server_may_read_otherwise_is_not_sent() {
        for refused in ["", " a", "a ", "a\\b", "a//b", "a/$/b", "/a"] {
            assert_eq!(encode_many(refused), Err(PathProblem::Reserved), "{refused}");
        }
        assert_eq!(encode_many("a/../b"), Err(PathProblem::DotSegment));
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_itself(segments in prop::collection::vec("[^/\\x00]{1,12}", 1..5)) {
            let path = segments.join("/");
            prop_assume!(segments.iter().all(|segment| !matches!(segment.as_str(), "." | ".." | "$")));
            prop_assume!(path.trim() == path && !path.contains('\\'));
            let encoded = encode_many(&path).unwrap();
            let uri = http::Uri::try_from(format!("/{encoded}"));
            prop_assert!(uri.is_ok());
            prop_assert_eq!(decode(&encoded), Ok(path));
        }
    }
}
