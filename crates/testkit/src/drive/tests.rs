//! What the client and codec drives find out: each kind of mistake in a file, or in the bindings, has its error.

use super::*;

const REQUEST: &str = "\
# An upload.
### request
PUT /v2/images/cf433676-4896-400d-8ec1-05118365d9d2/file HTTP/1.1
Host: 127.0.0.1:8470
X-Auth-Token: token-of-the-owner
Content-Type: application/octet-stream
x-openstack-image-size: 5

bytes
### response
";

const REFUSAL: &str = "\
HTTP/1.1 404 Not Found
Content-Type: text/plain; charset=UTF-8
X-Openstack-Request-Id: req-1

404 Not Found
";

const RESPONSE: &str = "\
HTTP/1.1 204 No Content
Content-Type: text/html; charset=UTF-8
X-Openstack-Request-Id: req-1
";

fn played(text: &str) -> [Result<Verdict, DriveError>; 2] {
    let exchange = Exchange::parse("upload.http", text).unwrap();
    [Drive::Client, Drive::Codec].map(|drive| play_exchange(drive, "glance", "upload_image_data", &exchange))
}

fn refused(text: &str) -> [DriveError; 2] {
    played(text).map(Result::unwrap_err)
}

#[test]
fn a_right_exchange_shows_both_halves() {
    for verdict in played(&format!("{REQUEST}{RESPONSE}")) {
        assert_eq!(verdict.unwrap(), Verdict::Both);
    }
}

#[test]
fn a_request_that_is_wrong_on_purpose_still_shows_its_response() {
    for (right, wrong) in [
        ("Content-Type: application/octet-stream\n", "Content-Type: text/plain\n"),
        ("cf433676-4896-400d-8ec1-05118365d9d2", "a%ZZ"),
        ("cf433676-4896-400d-8ec1-05118365d9d2", ".."),
        ("/v2/", "/v9/"),
    ] {
        for verdict in played(&format!("{}{REFUSAL}", REQUEST.replace(right, wrong))) {
            assert!(matches!(verdict, Ok(Verdict::ResponseOnly(_))), "{wrong}: {verdict:?}");
        }
        for error in refused(&format!("{}{RESPONSE}", REQUEST.replace(right, wrong))) {
            assert!(matches!(error, DriveError::UndocumentedRequest(_)), "{wrong}: {error}");
        }
    }
}

#[test]
fn an_undocumented_response_is_found() {
    let without_id = RESPONSE.replace("X-Openstack-Request-Id: req-1\n", "");
    let other_status = RESPONSE.replace("204 No Content", "207 Multi-Status");
    for response in [without_id, other_status] {
        for error in refused(&format!("{REQUEST}{response}")) {
            assert!(matches!(error, DriveError::Undocumented(_)), "{error}");
        }
    }
}

#[test]
fn what_the_typed_response_does_not_hold_is_found() {
    for more in ["X-Surprise: 1\n", "\na body\n"] {
        for error in refused(&format!("{REQUEST}{RESPONSE}{more}")) {
            assert!(matches!(error, DriveError::Response(_)), "{error}");
        }
    }
}

#[test]
fn names_that_do_not_fit_are_found() {
    for error in refused(&format!("{}{RESPONSE}", REQUEST.replace("PUT", "GET"))) {
        assert!(matches!(error, DriveError::WrongOperation { found: "DownloadImageData", .. }), "{error}");
    }
    let exchange = Exchange::parse("upload.http", &format!("{REQUEST}{RESPONSE}")).unwrap();
    let error = play_exchange(Drive::Codec, "glance", "upload_image", &exchange).unwrap_err();
    assert!(matches!(error, DriveError::UnknownOperation(_)), "{error}");
    let error = play_exchange(Drive::Codec, "glanse", "upload_image_data", &exchange).unwrap_err();
    assert!(matches!(error, DriveError::UnknownDialect(_)), "{error}");
}

#[test]
fn a_subject_that_is_only_a_status_is_unfinished() {
    for error in refused(&format!("{REQUEST}204\n")) {
        assert!(matches!(error, DriveError::Unfinished), "{error}");
    }
}
