//! Whether a typed client sends what a file says: by meaning, where HTTP leaves several spellings.

use std::fmt::Write as _;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, Uri, header};
use pentaprism_core::{Body, BodyError};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::drive::Parameters;
use crate::exchange::{Payload, Sent};

/// What the head that a client sent lacks or has otherwise; empty when it says what the file says.
///
/// Encodings, empty segments of the path and the order of query parameters do not count. What the operation does not
/// document (`Host`, `User-Agent`, `Accept`, unknown query parameters) is left to the client.
///
/// # Panics
/// When the file's target is no URI, which parsing refuses.
#[must_use]
pub fn difference(expected: &Sent, head: &Parts, parameters: &Parameters) -> String {
    let mut report = String::new();
    let target: Uri = expected.target.parse().expect("parsing refuses a target that is no URI");
    compare(&mut report, "method", expected.method.as_str(), head.method.as_str());
    let (wanted, found) = (path(&target), path(&head.uri));
    if !(parameters.fold_path && wanted.eq_ignore_ascii_case(&found)) {
        compare(&mut report, "path", &wanted, &found);
    }
    if parameters.whole_query {
        compare(&mut report, "query", &form(&target), &form(&head.uri));
    }
    for name in parameters.query.iter().filter(|_| !parameters.whole_query) {
        let (wanted, found) = (query(&target, name, parameters.fold_query), query(&head.uri, name, false));
        let forgiven = found.is_none() && parameters.lenient.contains(name);
        if !same_scalar(wanted.as_deref(), found.as_deref()) && !forgiven {
            compare(&mut report, name, &shown(wanted), &shown(found));
        }
    }
    let secrets = ["x-auth-token", "authorization"];
    for name in parameters.headers.iter().chain(&secrets) {
        let found = head.headers.get(*name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let wanted = expected.header(name).map(str::to_owned);
        let forgiven = found.is_none() && secrets.contains(name);
        if wanted != found && !forgiven {
            compare(&mut report, name, &shown(wanted), &shown(found));
        }
    }
    let documented = |name: &HeaderName| {
        [header::CONTENT_TYPE, header::ACCEPT].contains(name)
            || parameters.headers.iter().chain(&secrets).any(|known| name == known)
    };
    for name in head.headers.keys().filter(|name| !documented(name)) {
        let _ = writeln!(report, "  header  + {name} is sent and not documented");
    }
    report
}

fn compare(report: &mut String, what: &str, wanted: &str, found: &str) {
    if wanted != found {
        let _ = writeln!(report, "  {what}\n          - {wanted}\n          + {found}");
    }
}

fn shown(value: Option<String>) -> String {
    value.unwrap_or_else(|| "(none)".to_owned())
}

/// The decoded path without empty segments.
fn path(uri: &Uri) -> String {
    let decoded = percent_decode_str(uri.path()).decode_utf8_lossy();
    decoded.split('/').filter(|segment| !segment.is_empty()).fold(String::new(), |path, segment| path + "/" + segment)
}

/// The first value of a query parameter; an empty one is absent.
fn query(uri: &Uri, name: &str, fold: bool) -> Option<String> {
    let mut pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    let is_meant = |found: &str| {
        let found = percent_decode_str(found).decode_utf8_lossy();
        found == name || fold && found.eq_ignore_ascii_case(name)
    };
    let (_, value) = pairs.find(|(found, value)| is_meant(found) && !value.is_empty())?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

/// The pairs of a form, sorted and decoded, with `=` and line feeds between them.
fn form(uri: &Uri) -> String {
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut pairs: Vec<String> = pairs.map(|(name, value)| format!("{}={}", decoded(name), decoded(value))).collect();
    pairs.sort();
    pairs.join("\n            ")
}

fn same_scalar(left: Option<&str>, right: Option<&str>) -> bool {
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
    left == right || number(left).is_some() && number(left) == number(right)
}

/// What differs between a JSON body of a file and the one that a client sent. Members that the file has beyond the typed
/// value are left out by a client, and other bytes than JSON have to be the same.
#[must_use]
pub fn json_difference(expected: &Bytes, sent: &Bytes) -> String {
    let parsed = (serde_json::from_slice(expected), serde_json::from_slice(sent));
    let same = match &parsed {
        (Ok(expected), Ok(sent)) => covers(expected, sent),
        _ => expected == sent,
    };
    let mut report = String::new();
    if !same {
        compare(&mut report, "body", &String::from_utf8_lossy(expected), &String::from_utf8_lossy(sent));
    }
    report
}

fn covers(expected: &Value, sent: &Value) -> bool {
    match (expected, sent) {
        (Value::Object(expected), Value::Object(sent)) => {
            sent.iter().all(|(name, value)| expected.get(name).is_some_and(|expected| covers(expected, value)))
        }
        (Value::Array(expected), Value::Array(sent)) => {
            expected.len() == sent.len() && expected.iter().zip(sent).all(|(expected, sent)| covers(expected, sent))
        }
        _ => expected == sent,
    }
}

/// Whether a streamed body has the file's bytes.
///
/// # Errors
/// The body's own error.
pub async fn streamed_difference(expected: &Payload, mut sent: Body) -> Result<String, BodyError> {
    let mut wanted = crate::body::whole(expected, false);
    let (mut left, mut right, mut at) = (Bytes::new(), Bytes::new(), 0_u64);
    loop {
        if left.is_empty() {
            left = wanted.data().await.transpose()?.unwrap_or_default();
        }
        if right.is_empty() {
            right = sent.data().await.transpose()?.unwrap_or_default();
        }
        let common = left.len().min(right.len());
        if left[..common] != right[..common] || common == 0 && left.len() != right.len() {
            return Ok(format!(
                "  body of {} bytes: what was sent is different within the piece at byte {at}\n",
                expected.len()
            ));
        }
        if common == 0 {
            return Ok(String::new());
        }
        (left, right, at) = (left.slice(common..), right.slice(common..), at + common as u64);
    }
}

#[cfg(test)]
mod tests {
    use http::{Method, Request, Version};

    use super::*;

    const PARAMETERS: Parameters = Parameters {
        query: &["session-id", "timeout"],
        whole_query: false,
        lenient: &["timeout"],
        headers: &["Content-Range"],
        fold_path: false,
        fold_query: false,
    };

    fn report(sent: http::request::Builder) -> String {
        let headers = [("Host", "a"), ("Content-Range", "bytes 0-1/2"), ("X-Auth-Token", "t")];
        let expected = Sent {
            method: Method::PUT,
            target: "//ImageStore/a%2Fb/%24/UploadChunk?timeout=060&x=y&session-id=%31".to_owned(),
            version: Version::HTTP_11,
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            body: Payload::empty(),
        };
        difference(&expected, &sent.body(()).unwrap().into_parts().0, &PARAMETERS)
    }

    fn sent(method: &str, target: &str) -> http::request::Builder {
        Request::builder().method(method).uri(target).header("content-range", "bytes 0-1/2")
    }

    #[test]
    fn other_spellings_of_the_same_request_are_no_difference() {
        assert_eq!(report(sent("PUT", "http://h/ImageStore/a/b/$/UploadChunk?session-id=1&timeout=60")), "");
        assert_eq!(report(sent("PUT", "/ImageStore/a/b/$/UploadChunk?session-id=1").header("content-type", "x")), "");
    }

    #[test]
    fn case_counts_unless_the_dialect_folds_it() {
        let expected = Sent {
            method: Method::GET,
            target: "/v2/Tenants/a?MAXPAGESIZE=7".to_owned(),
            version: Version::HTTP_11,
            headers: Vec::new(),
            body: Payload::empty(),
        };
        let (head, ()) = Request::get("/v2/tenants/a?maxPageSize=7").body(()).unwrap().into_parts();
        let parameters = Parameters { query: &["maxPageSize"], lenient: &[], headers: &[], ..PARAMETERS };
        let report = difference(&expected, &head, &parameters);
        assert!(report.contains("path") && report.contains("maxPageSize"), "{report}");
        let folding = Parameters { fold_path: true, fold_query: true, ..parameters };
        assert_eq!(difference(&expected, &head, &folding), "");
        let (head, ()) = Request::get("/v2/tenants/b?maxPageSize=8").body(()).unwrap().into_parts();
        let report = difference(&expected, &head, &folding);
        assert!(report.contains("path") && report.contains("maxPageSize"), "{report}");
    }

    #[test]
    fn every_pair_of_a_form_counts() {
        let expected = Sent {
            method: Method::GET,
            target: "/v2/images?tag=a+b&tag=c&x".to_owned(),
            version: Version::HTTP_11,
            headers: Vec::new(),
            body: Payload::empty(),
        };
        let parameters = Parameters { query: &["tag"], whole_query: true, lenient: &[], headers: &[], ..PARAMETERS };
        let report = |target: &str| {
            let (head, ()) = Request::get(target).body(()).unwrap().into_parts();
            difference(&expected, &head, &parameters)
        };
        assert_eq!(report("/v2/images?x=&tag=c&tag=a%20b"), "");
        assert!(report("/v2/images?x=&tag=a%20b").contains("query"));
        assert!(report("/v2/images?x=1&tag=c&tag=a%20b").contains("query"));
    }

    #[test]
    fn each_part_that_says_something_else_is_named() {
        let target = "/ImageStore/a/b/$/UploadChunk?session-id=1";
        for (request, part) in [
            (sent("POST", target), "method"),
            (sent("PUT", "/ImageStore/a/$/UploadChunk?session-id=1"), "path"),
            (sent("PUT", "/ImageStore/a/b/$/UploadChunk?session-id=2"), "session-id"),
            (sent("PUT", "/ImageStore/a/b/$/UploadChunk"), "session-id"),
            (sent("PUT", &format!("{target}&timeout=61")), "timeout"),
            (sent("PUT", target).header("x-auth-token", "other"), "x-auth-token"),
            (sent("PUT", target).header("x-surprise", "1"), "header"),
            (Request::builder().method("PUT").uri(target), "Content-Range"),
        ] {
            let report = report(request);
            assert_eq!(report.split_whitespace().next(), Some(part), "{report}");
        }
    }

    #[test]
    fn json_bodies_may_leave_out_what_the_type_does_not_hold() {
        let same = |left: &'static str, right: &'static str| {
            json_difference(&Bytes::from_static(left.as_bytes()), &Bytes::from_static(right.as_bytes())).is_empty()
        };
        assert!(same("{\"a\": [1, {\"b\": 2}], \"more\": 1}", "{\"a\":[1,{\"b\":2}]}"));
        assert!(!same("{\"a\":1}", "{\"a\":2}"));
        assert!(!same("{\"a\":1}", "{\"a\":1,\"b\":2}"));
        assert!(!same("{\"a\":[1]}", "{\"a\":[1,2]}"));
        assert!(same("no json", "no json"));
        assert!(!same("no json", "other"));
    }

    #[test]
    fn streamed_bodies_are_compared_piece_by_piece() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let same = |expected: &Payload, sent: &Payload| {
            runtime.block_on(streamed_difference(expected, crate::body::whole(sent, true))).unwrap().is_empty()
        };
        let long = Payload::repeat(200_000, b'x');
        assert!(same(&long, &Payload::Bytes(long.to_bytes())));
        assert!(!same(&long, &Payload::repeat(199_999, b'x')));
        assert!(!same(&Payload::repeat(3, b'a'), &Payload::repeat(3, b'b')));
        assert!(same(&Payload::empty(), &Payload::empty()));
    }
}
