//! Tests of what a Content-Type of an upload is taken for (D-115).

use super::*;

#[test]
fn only_types_that_wrap_the_bytes_are_refused() {
    for wrapping in [
        "application/json",
        "Application/JSON; charset=utf-8",
        " application/json ",
        "application/problem+json",
        "application/vnd.api+JSON;v=1",
        "multipart/form-data; boundary=x",
        "MULTIPART/mixed",
    ] {
        assert!(says_no_picture(wrapping), "{wrapping}");
    }
    for other in [
        "",
        ";",
        "image/jpg",
        "image/*",
        "image/svg+xml",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        "application/jsonl",
        "text/plain; of=application/json",
        "x-multipart/form-data",
        "json",
    ] {
        assert!(!says_no_picture(other), "{other}");
    }
}
