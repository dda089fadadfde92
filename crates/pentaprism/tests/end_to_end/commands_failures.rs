//! What commands say when they fail: one exit code for each kind, why, and what to do.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use crate::commands::{User, VIEW};
use crate::commands_results::{IMAGE, JPEG, package, picture};

const NOBODY: &str = "11111111-1111-4111-8111-111111111111";

#[test]
fn what_is_not_there() {
    let user = User::new();
    for address in [
        "glance:nothing",
        &format!("glance:{NOBODY}"),
        "sf:nothing",
        &format!("sphere:{NOBODY}"),
        "views:nothing",
        &format!("pingone:{NOBODY}"),
    ] {
        user.fails(&["stat", address], 3, "notFound", address).has_hint();
        user.fails(&["cp", address, "target"], 3, "notFound", address).has_hint();
        assert_eq!(user.names("."), Vec::<String>::new(), "nothing is left of {address}");
        if !address.starts_with("sphere:") {
            user.fails(&["rm", "-r", address], 3, "notFound", address).has_hint();
        }
        if address.starts_with("pingone:") {
            user.fails(&["wait", address], 3, "notFound", address).has_hint();
        }
    }
    let view = format!("views:{VIEW}");
    user.fails(&["cp", &view, "target"], 3, "notFound", &view).has_hint();
}

#[test]
fn several_failures_are_told_one_by_one_and_the_first_counts() {
    let user = User::new();
    user.file("a", b"a");
    user.done(&["cp", "a", "sf:a"]);
    let told = user.told(&["stat", "sf:nothing", "sf:a", "sphere:nonsense"]);
    assert_eq!(told.code, Some(3), "{told:?}");
    assert!(told.output.starts_with("sf:a\n") && told.errors.matches("error: ").count() == 2, "{told:?}");
    let told = user.told(&["rm", "sf:nothing", "sf:a"]);
    assert_eq!((told.code, told.output.as_str()), (Some(3), "sf:a\n"));
    let told = user.told(&["cp", "--parallel", "1", "nothing", "a", "sf:Folder/"]);
    assert_eq!((told.code, told.output.as_str()), (Some(12), "sf:Folder/a\n"), "{told:?}");
}

#[test]
fn a_token_that_is_wrong_or_may_not() {
    let mut user = User::new();
    user.file("a.jpg", JPEG);
    user.file("a.png", &picture(3, 3));
    user.file("app", &package());
    user.set("PENTAPRISM_TOKEN", "wrong-token-of-a-stranger");
    let view = format!("views:{VIEW}");
    let (stranger, sphere) = (format!("pingone:{NOBODY}"), format!("sphere:{IMAGE}"));
    for command in [
        &["ls", "glance:"][..],
        &["cp", "app", "glance:new"],
        &["cp", "app", "sphere:"],
        &["cp", "a.png", &view],
        &["cp", "a.jpg", "pingone:"],
        &["stat", "glance:x"],
        &["stat", &view],
        &["stat", &stranger],
        &["stat", &sphere],
        &["rm", &stranger],
        &["rm", "-r", &view],
    ] {
        user.fails(command, 4, "notAllowed", "401").has_hint();
    }
    let doctor = user.told(&["doctor"]);
    assert_eq!(doctor.code, Some(4), "{doctor:?}");
    assert!(doctor.output.contains("failed ") && doctor.output.contains("hint: "), "{doctor:?}");
}

#[test]
fn what_may_not_be_written_is_not_allowed() {
    let mut user = User::with(&[("PENTAPRISM_SERVICE_FABRIC_ANONYMOUS", "read-only")]);
    user.file("a", b"a");
    user.done(&["cp", "a", "sf:a"]);
    user.set("PENTAPRISM_TOKEN", "wrong-token-of-a-stranger");
    let told = user.told(&["cp", "a", "sf:b"]);
    assert_eq!(told.code, Some(4), "{told:?}");
    told.has_hint();
}

#[test]
fn what_is_in_the_way() {
    let user = User::new();
    user.file("a", b"a");
    user.file("other", b"other");
    user.done(&["cp", "a", "glance:twice"]);
    user.done(&["cp", "a", "glance:twice"]);
    user.fails(&["rm", "glance:twice"], 5, "conflict", "not one image").has_hint();
    user.done(&["cp", "a", "sf:a"]);
    user.fails(&["cp", "sf:a", "other"], 5, "conflict", "other is there already").has_hint();
    assert_eq!(user.read("other"), b"other");
    let passed = user.told(&["cp", "--no-clobber", "sf:a", "other"]);
    assert_eq!((passed.code, passed.output.as_str()), (Some(0), ""), "{passed:?}");
    assert!(passed.errors.contains("passed over"), "{passed:?}");
    let skipped = user.json(&["cp", "--no-clobber", "sf:a", "other"]);
    assert_eq!(skipped[0]["event"], "skipped");
    assert_eq!(user.read("other"), b"other");
    user.done(&["cp", "--force", "sf:a", "other"]);
    assert_eq!(user.read("other"), b"a");
    user.done(&["cp", "--no-clobber", "other", "sf:a"]);
    let told = user.told(&["cp", "--force", "--no-clobber", "a", "sf:a"]);
    assert_eq!(told.code, Some(2), "{told:?}");
}

#[test]
fn what_the_service_refuses() {
    let user = User::with(&[("PENTAPRISM_GLANCE_QUOTA_BYTES", "10"), ("PENTAPRISM_PINGONE_PICTURE_BYTES", "64")]);
    user.file("long", &[0; 11]);
    user.file("no-package", &[0; 5000]);
    user.file("large.png", &picture(100, 100));
    user.fails(&["cp", "long", "glance:long"], 6, "refused", "413").has_hint();
    assert_eq!(user.done(&["ls", "glance:"]), "", "an image that came to nothing is deleted");
    user.fails(&["cp", "no-package", "sphere:"], 6, "refused", "400");
    user.fails(&["cp", "--media-type", "image/png", "large.png", "pingone:"], 6, "refused", "answered 4");
    user.fails(&["cp", "--disk-format", "nonsense", "long", "glance:x"], 6, "refused", "400");
}

#[test]
fn what_the_service_cannot_do() {
    let user = User::new();
    std::fs::create_dir(user.work().join("folder")).expect("the folder is made");
    let thumbnail = format!("views:{VIEW}/thumbnail");
    user.file("a.png", &picture(3, 3));
    for command in [
        &["ls", "sphere:"][..],
        &["ls", "pingone:"],
        &["rm", &format!("sphere:{IMAGE}")],
        &["rm", &thumbnail],
        &["cp", "a.png", &thumbnail],
        &["cp", "-r", "folder", "glance:x"],
    ] {
        user.fails(command, 11, "notSupported", "");
    }
}

#[test]
fn trouble_with_local_files() {
    let user = User::new();
    user.file("a", b"a");
    user.done(&["cp", "a", "sf:a"]);
    user.fails(&["cp", "nothing", "sf:x"], 12, "local", "nothing cannot be uploaded");
    user.fails(&["cp", "sf:a", "no-folder/a"], 12, "local", "no-folder/a").has_hint();
    std::fs::create_dir(user.work().join("folder")).expect("the folder is made");
    user.fails(&["cp", "folder", "sf:x"], 12, "local", "folder").has_hint();
    let closed = user.file("closed", b"a");
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o000)).expect("the file is ours");
    // Whoever may read everything may read this, too.
    if std::fs::read(&closed).is_err() {
        user.fails(&["cp", "closed", "sf:x"], 12, "local", "closed cannot be");
    }
}

#[test]
fn wrong_command_lines() {
    let user = User::new();
    user.file("a", b"a");
    for (command, said) in [
        (&["cp", "a", "b"][..], "neither a nor b is at a service"),
        (&["cp", "a", "a", "sf:x"], "cannot become one"),
        (&["cp", "-", "sf:Folder/"], "has no name"),
        (&["cp", "a", "views:"], "no saved view"),
        (&["ls", "nobody/glance:"], "there is no profile `nobody`"),
    ] {
        user.fails(command, 2, "usage", said).has_hint();
    }
    for (command, said) in [
        (&["cp", "a"][..], "required"),
        (&["cp", "a", "bogus:x"], "none of the five services"),
        (&["cp", "a", "https://example.org/x"], "a URL is no address"),
        (&["ls", "a"], "not at a service"),
        (&["ls", "glance:", "--sort", "colour"], "name, size, status or modified"),
        (&["ls", "glance:", "--token", "x"], "unexpected argument"),
        (&["wait", "glance:x", "--timeout", "soon"], "invalid value"),
        (&["frobnicate"], "unrecognized subcommand"),
    ] {
        let told = user.told(command);
        assert_eq!(told.code, Some(2), "{told:?}");
        assert!(told.errors.contains("error: ") && told.errors.contains(said), "{told:?}");
    }
    user.fails(&["rm", "sf:"], 2, "usage", "cannot be deleted");
    user.done(&["cp", "a", "sf:Folder/a"]);
    user.fails(&["rm", "sf:Folder"], 2, "usage", "this is a folder").has_hint();
    assert_eq!(user.done(&["rm", "-r", "sf:Folder"]), "sf:Folder\n");
}

#[test]
fn a_service_that_is_not_there() {
    let mut user = User::new();
    user.file("a", b"a");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it listens");
    drop(listener);
    user.set("PENTAPRISM_SERVER", &format!("http://{address}"));
    for command in [&["ls", "--retries", "0", "glance:"][..], &["cp", "--retries", "0", "a", "sf:a"]] {
        user.fails(command, 8, "unreachable", "cannot be reached").has_hint();
    }
    let doctor = user.told(&["doctor", "--retries", "0"]);
    assert_eq!(doctor.code, Some(8), "{doctor:?}");
}

#[test]
fn a_service_that_fails_or_is_another() {
    for (answer, code, kind, said) in [
        ("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n", 7, "serviceFailed", "500"),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>",
            7,
            "serviceFailed",
            "probably not such a service",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"images\":", 9, "brokenOff", "broke off"),
    ] {
        let mut user = User::new();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        user.set("PENTAPRISM_SERVER", &format!("http://{}", listener.local_addr().expect("it listens")));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("connections come");
                let mut request = Vec::new();
                let mut byte = [0];
                while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
                    request.push(byte[0]);
                }
                let _may_be_gone = stream.write_all(answer.as_bytes());
            }
        });
        user.fails(&["ls", "--retries", "0", "glance:"], code, kind, said);
    }
}

#[test]
fn time_runs_out() {
    let user = User::new();
    user.fails(&["wait", "--timeout", "50ms", "sf:nothing"], 9, "timedOut", "time ran out").has_hint();
}
