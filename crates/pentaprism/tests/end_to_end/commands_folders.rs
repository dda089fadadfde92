//! Folders to Service Fabric and back, with names that need care in URLs and shells.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;

use crate::commands::User;
use crate::support::{noise, succeed};

const ODD: [&str; 9] = [
    "plain.txt",
    "with space/a b.txt",
    "100%/50%25.txt",
    "#hash/frag#ment",
    "what?/q?a=b&c",
    "ünïcode/日本語 ☂.txt",
    "-leading/-dash",
    "a+b;c,d='e'/[x]{y}",
    "deep/er/and/deeper/file",
];

fn fill(user: &User) {
    for (number, name) in ODD.iter().enumerate() {
        user.file(&format!("Odd/{name}"), &noise(number as u64 + 1, 100 * number));
    }
}

fn same(user: &User, folder: &str) {
    for name in ODD {
        assert!(user.read(&format!("{folder}/{name}")) == user.read(&format!("Odd/{name}")), "{name} differs");
    }
}

#[test]
fn odd_names_survive_both_ways() {
    let user = User::new();
    fill(&user);
    let copied = user.done(&["cp", "-r", "Odd", "sf:Store/Odd"]);
    let mut lines: Vec<_> = copied.lines().collect();
    lines.sort_unstable();
    let mut expected: Vec<_> = ODD.iter().map(|name| format!("sf:Store/Odd/{name}")).collect();
    expected.sort_unstable();
    assert_eq!(lines, expected);
    let listed = user.json(&["ls", "-r", "sf:Store"]);
    for name in &expected {
        assert!(listed.iter().any(|entry| entry["address"] == name.as_str()), "{name} is not listed");
        assert_eq!(user.json(&["stat", name])[0]["address"], name.as_str());
    }
    user.done(&["cp", "-r", "sf:Store/Odd", "back"]);
    same(&user, "back");
    user.done(&["cp", "-r", "sf:Store/Odd", "sf:Other"]);
    user.done(&["cp", "-r", "--parallel", "1", "sf:Other", "again"]);
    same(&user, "again");
    let found = succeed(std::process::Command::new("find").args(["again", "-name", "_.dir"]).current_dir(user.work()));
    assert_eq!(found, "", "marks are the service's own");
    std::fs::create_dir(user.work().join("into")).expect("the folder is made");
    user.done(&["cp", "-r", "sf:Store/Odd", "into"]);
    same(&user, "into/Odd");
    for name in ["sf:Store/Odd/what?/q?a=b&c", "sf:Store/Odd/-leading/-dash"] {
        user.done(&["cp", "--force", name, "one"]);
        user.done(&["rm", name]);
        user.fails(&["stat", name], 3, "notFound", "nothing at");
    }
    user.done(&["rm", "-r", "sf:Store/Odd"]);
    user.fails(&["stat", "sf:Store/Odd"], 3, "notFound", "nothing at");
}

/// The server counts writings: what has the larger number came later.
#[test]
fn a_folder_is_marked_when_all_of_it_is_there() {
    let user = User::new();
    fill(&user);
    std::fs::create_dir_all(user.work().join("Odd/empty/inside")).expect("the folders are made");
    user.done(&["cp", "-r", "Odd", "sf:Odd"]);
    let version = |entry: &serde_json::Value| {
        let number = entry["details"]["FileVersion"]["VersionNumber"].as_str();
        number.unwrap_or_else(|| panic!("{entry}")).parse::<u64>().expect("a version is a number")
    };
    let files: BTreeMap<String, u64> = user
        .json(&["ls", "-r", "sf:Odd"])
        .iter()
        .filter(|entry| entry["kind"] == "file")
        .map(|entry| (entry["address"].as_str().expect("it has one").to_owned(), version(entry)))
        .collect();
    let marks: Vec<_> = files.iter().filter(|(path, _)| path.ends_with("/_.dir")).collect();
    let last = files.iter().filter(|(path, _)| !path.ends_with("/_.dir")).map(|(_, number)| number).max();
    assert!(marks.iter().all(|(_, number)| Some(*number) > last), "{files:?}");
    let root = files["sf:Odd/_.dir"];
    assert!(marks.iter().all(|(path, number)| **path == "sf:Odd/_.dir" || **number < root), "{files:?}");
    for folder in ["sf:Odd/empty/inside/_.dir", "sf:Odd/deep/er/and/deeper/_.dir", "sf:Odd/#hash/_.dir"] {
        assert!(files.contains_key(folder), "{folder} is missing: {files:?}");
    }
    assert_eq!(user.done(&["wait", "sf:Odd"]), "sf:Odd\n");
}

#[test]
fn a_folder_with_a_failed_file_is_not_marked() {
    let user = User::with(&[("PENTAPRISM_SERVICE_FABRIC_QUOTA_BYTES", "1000")]);
    user.file("App/good", b"good");
    user.file("App/sub/long", &[1; 2000]);
    std::os::unix::fs::symlink("nowhere", user.work().join("App/link")).expect("the link is made");
    let told = user.told(&["cp", "-r", "App", "sf:App"]);
    assert_eq!(told.code, Some(6), "{told:?}");
    assert!(told.output == "sf:App/good\n" && told.errors.contains("error: "), "{told:?}");
    assert!(told.errors.contains("App/link is left out"), "{told:?}");
    user.fails(&["stat", "sf:App/_.dir"], 3, "notFound", "nothing at");
    user.fails(&["wait", "--timeout", "50ms", "sf:App"], 9, "timedOut", "time ran out");
}

#[test]
fn names_that_look_like_something_else_can_be_written() {
    let user = User::new();
    for name in ["-dash", "sf:colon", "glance:x/y"] {
        let bytes = noise(9, 50);
        user.file(name, &bytes);
        let written = format!("./{name}");
        user.done(&["cp", &written, "sf:named"]);
        user.done(&["cp", "--force", "sf:named", &written]);
        assert!(user.read(name) == bytes, "{name}");
    }
    user.done(&["cp", "--", "-dash", "sf:Folder/"]);
    user.done(&["stat", "sf:Folder/-dash"]);
    let odd = std::ffi::OsStr::from_bytes(b"not-\xff-text");
    std::fs::write(user.work().join(odd), b"x").expect("the file is written");
    let status = user.command(&["cp", "-q"]).arg(odd).arg("sf:text").status();
    assert!(status.is_ok_and(|status| status.success()), "a name of a file need not be text");
}
