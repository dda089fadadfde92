//! Header fields between the text of a file and the types of `http`.

use http::header::{CONNECTION, DATE};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Puts the fields of a file into a map.
pub(super) fn copy_headers(fields: &[(String, String)], into: &mut HeaderMap) {
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("parsing refuses names that are none");
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("parsing refuses values that are none");
        into.append(name, value);
    }
}

/// The fields of a map as a file writes them, without those that are different each time.
pub(super) fn from_map(headers: &HeaderMap) -> Vec<(String, String)> {
    let field = |(name, value): (&HeaderName, &HeaderValue)| {
        (capitals(name.as_str()), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    headers.iter().filter(|(name, _)| ![DATE, CONNECTION].contains(name)).map(field).collect()
}

/// `x-openstack-request-id` as `X-Openstack-Request-Id`.
fn capitals(name: &str) -> String {
    if name == "content-md5" {
        return "Content-MD5".to_owned();
    }
    let mut begins = true;
    let capital = |character: char| {
        let capital = if begins { character.to_ascii_uppercase() } else { character };
        begins = character == '-';
        capital
    };
    name.chars().map(capital).collect()
}
