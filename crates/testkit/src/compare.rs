//! Two responses side by side, with a report that a reader can act on.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, DATE};
use http::{HeaderMap, HeaderName, Response};

/// How much of a body a report shows on each side of the first difference, in bytes.
const CONTEXT: usize = 300;

/// What is different between the response that was expected and the one that came; `None` when they say the same.
///
/// `Date`, `Content-Length` and `Connection` do not count, nor does the order of headers.
#[must_use]
pub fn difference(expected: &Response<Bytes>, actual: &Response<Bytes>) -> Option<String> {
    let mut report = String::new();
    if expected.status() != actual.status() {
        let _ = writeln!(report, "  status  - {}\n          + {}", expected.status(), actual.status());
    }
    headers(&mut report, expected.headers(), actual.headers());
    if expected.body() != actual.body() {
        body(&mut report, expected.body(), actual.body());
    }
    if report.is_empty() { None } else { Some(report) }
}

fn headers(report: &mut String, expected: &HeaderMap, actual: &HeaderMap) {
    let names: BTreeSet<&str> = expected.keys().chain(actual.keys()).map(HeaderName::as_str).collect();
    let ignored = [DATE, CONTENT_LENGTH, CONNECTION];
    for name in names.into_iter().filter(|name| !ignored.iter().any(|ignored| ignored == name)) {
        let (wanted, found) = (values(expected, name), values(actual, name));
        if wanted != found {
            for (sign, values) in [('-', wanted), ('+', found)] {
                for value in values {
                    line(report, "header", sign, &format!("{name}: {value}"));
                }
            }
        }
    }
}

fn line(report: &mut String, what: &str, sign: char, text: &str) {
    let _ = writeln!(report, "  {what:<7} {sign} {text}");
}

fn values(headers: &HeaderMap, name: &str) -> Vec<String> {
    let mut values: Vec<String> =
        headers.get_all(name).iter().map(|value| value.as_bytes().escape_ascii().to_string()).collect();
    values.sort();
    values
}

fn body(report: &mut String, expected: &Bytes, actual: &Bytes) {
    let at = expected.iter().zip(actual).take_while(|(left, right)| left == right).count();
    let _ = writeln!(
        report,
        "  body    expected {} bytes, got {}; they differ from byte {at} on",
        expected.len(),
        actual.len()
    );
    line(report, "", '-', &excerpt(expected, at));
    line(report, "", '+', &excerpt(actual, at));
}

fn excerpt(body: &Bytes, at: usize) -> String {
    let (from, to) = (at.saturating_sub(CONTEXT).min(body.len()), (at + CONTEXT).min(body.len()));
    let (before, after) = (if from > 0 { "…" } else { "" }, if to < body.len() { "…" } else { "" });
    format!("{before}{}{after}", String::from_utf8_lossy(&body[from..to]).escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, headers: &[(&str, &str)], body: &'static str) -> Response<Bytes> {
        let builder = headers
            .iter()
            .fold(Response::builder().status(status), |builder, (name, value)| builder.header(*name, *value));
        builder.body(Bytes::from_static(body.as_bytes())).unwrap()
    }

    #[test]
    fn order_date_length_and_connection_do_not_count() {
        let left = response(200, &[("a", "1"), ("b", "2"), ("date", "x"), ("content-length", "9")], "same");
        let right = response(200, &[("b", "2"), ("a", "1"), ("connection", "close")], "same");
        assert_eq!(difference(&left, &right), None);
    }

    #[test]
    fn a_report_names_every_part_that_differs() {
        let left = response(204, &[("a", "1"), ("c", "3")], "{\"x\":1}");
        let right = response(500, &[("a", "2"), ("d", "4")], "{\"x\":22}");
        let expected = "  status  - 204 No Content\n          + 500 Internal Server Error\n  header  - a: 1\n  header  + a: 2\n  \
                        header  - c: 3\n  header  + d: 4\n  body    expected 7 bytes, got 8; they differ from byte 5 on\n          \
                        - {\\\"x\\\":1}\n          + {\\\"x\\\":22}\n";
        assert_eq!(difference(&left, &right).as_deref(), Some(expected));
    }
}
