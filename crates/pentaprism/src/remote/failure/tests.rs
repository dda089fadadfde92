//! What failures say, and what they end the program with.

use std::io;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use pentaprism_client::{Error, Interruption, RawResponse, TransportError};
use pentaprism_core::InvalidResponse;
use pentaprism_core::dialects::public::get_public_file::GetPublicFileError;

use super::*;

type CallError = Error<GetPublicFileError>;

const SERVER: &str = "http://127.0.0.1:8470";

fn said(error: &CallError) -> String {
    Failure::from_call("the upload of glance:disk", SERVER, error).lines(Paint::NONE)
}

fn undocumented(status: u16, name: &'static str, value: &'static str, body: &'static str) -> CallError {
    let status = StatusCode::from_u16(status).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(name, value.parse().unwrap());
    let response = RawResponse { status, headers, body: Bytes::from_static(body.as_bytes()) };
    Error::Undocumented { response, reason: InvalidResponse::Status(status) }
}

#[test]
fn exit_codes_and_names_are_fixed() {
    let told: Vec<_> = FailureKind::ALL.map(|kind| format!("{} {}", kind.exit_code(), kind.name())).into();
    let expected = "1 other, 2 usage, 3 notFound, 4 notAllowed, 5 conflict, 6 refused, 7 serviceFailed, 8 unreachable, \
                    9 brokenOff, 9 timedOut, 10 differs, 11 notSupported, 12 local, 130 interrupted, 141 unread, \
                    143 terminated";
    assert_eq!(told.join(", "), expected);
}

#[test]
fn answers_that_no_such_service_gives_point_to_the_server() {
    insta::assert_snapshot!(said(&undocumented(200, "content-type", "text/html; charset=utf-8", "<!doctype html>")));
    insta::assert_snapshot!(said(&undocumented(302, "location", "https://login.example.org/", "")));
    insta::assert_snapshot!(said(&undocumented(401, "content-type", "text/plain", "no")));
}

#[test]
fn connections_that_fail_say_what_to_look_at() {
    let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
    insta::assert_snapshot!(said(&Error::Unreachable(TransportError::not_sent(refused))));
    let reset = TransportError::maybe_sent(io::Error::from(io::ErrorKind::ConnectionReset));
    insta::assert_snapshot!(said(&Error::Interrupted(Interruption::Request(reset))));
    let late = Error::Interrupted(Interruption::Late(std::time::Duration::from_secs(30)));
    assert_eq!(Failure::from_call::<GetPublicFileError>("it", SERVER, &late).kind, FailureKind::TimedOut);
}

#[test]
fn what_services_say_cannot_move_the_cursor() {
    let failure = Failure::new(FailureKind::Other, "a\u{1b}[2Jb").cause("c\nd").advise("e\u{202e}f");
    assert_eq!(failure.lines(Paint::NONE), "error: a\\u{1b}[2Jb\n  because c\\nd\n  hint: e\\u{202e}f\n");
}

#[test]
fn json_tells_the_same() {
    let failure = Failure::local("notes.txt cannot be read", &io::Error::other("gone")).advise("look");
    assert_eq!(
        failure.json().to_string(),
        r#"{"error":{"kind":"local","message":"notes.txt cannot be read","causes":["gone"],"hint":"look","exitCode":12}}"#
    );
}
