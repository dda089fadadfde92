//! Copies that are cut, killed and interrupted, with the real program: nothing half is ever shown, and `cp --resume` ends them
//! without sending again what the service has.

use std::process::Command;

use crate::commands::{Running, User};
use crate::commands_relay::Relay;
use crate::support::succeed;

const MEBIBYTES: u64 = 200;
const CHUNK: u64 = 16 << 20;
/// What is under way in pipes and buffers when a download is killed, at most.
const UNDER_WAY: u64 = 24 << 20;

/// A user who reaches the server through a relay.
fn relayed() -> (User, Relay) {
    let mut user = User::new();
    let relay = Relay::to(user.fresh.server.address());
    user.set("PENTAPRISM_SERVER", &relay.url());
    (user, relay)
}

/// Kills the command, and whatever it has under way.
fn kill(running: Running, relay: &Relay) {
    running.kill();
    relay.drop_held();
}

fn version(user: &User, address: &str) -> u64 {
    let told = &user.json(&["stat", address])[0];
    let version = told["details"]["FileVersion"]["VersionNumber"].as_str();
    version.unwrap_or_else(|| panic!("{told}")).parse().expect("a version is a number")
}

#[test]
fn an_upload_that_is_cut_twenty_times_and_killed_twice_ends_with_resume() {
    let (user, relay) = relayed();
    let file = user.long_file("long", MEBIBYTES);
    user.file("small", b"1");
    user.done(&["cp", "small", "sf:before"]);
    relay.change(|passed| passed.cuts_wanted = 20);
    let copy = ["cp", "--resume", "long", "sf:App/long"];
    for chunks in [10, 24] {
        relay.change(|passed| passed.hold_chunks_at = Some(chunks));
        let running = user.start(&copy);
        relay.wait("a chunk that is held", |passed| passed.held > 0);
        user.fails(&["stat", "sf:App/long"], 3, "notFound", "nothing at sf:App/long");
        kill(running, &relay);
        assert_eq!(user.notes().len(), 1, "what is needed to go on is noted");
    }
    user.done(&copy);
    relay.change(|passed| {
        assert!(passed.cuts == 20, "only {} connections were cut", passed.cuts);
        assert_eq!(passed.bytes_taken_once(), MEBIBYTES << 20);
        assert_eq!(passed.commits, 1);
        // Of each chunk that came in vain half had passed, but for those under way when the command was killed.
        let in_vain = u64::from(passed.chunks()) - passed.taken.len() as u64;
        assert!(in_vain <= 20 + 2 * 4, "{passed:?}");
        assert!(passed.sent <= (MEBIBYTES << 20) + in_vain * CHUNK, "{passed:?}");
    });
    assert_eq!(user.notes(), Vec::<String>::new(), "the note is of no use any more");
    let next = version(&user, "sf:App/long");
    user.done(&["cp", "small", "sf:after"]);
    // Each writing takes a number; the file itself, its folders and its commit are one.
    assert!(version(&user, "sf:before") < next && next < version(&user, "sf:after"));
    user.done(&["cp", "sf:App/long", "back"]);
    succeed(Command::new("cmp").arg(&file).arg(user.work().join("back")));
}

#[test]
fn a_file_that_was_changed_is_uploaded_anew() {
    let (user, relay) = relayed();
    user.long_file("long", 64);
    relay.change(|passed| passed.hold_chunks_at = Some(1));
    let copy = ["cp", "--resume", "--parallel", "1", "long", "sf:long"];
    let running = user.start(&copy);
    relay.wait("a chunk that is held", |passed| passed.held > 0);
    kill(running, &relay);
    let mut other = user.read("long");
    other[..5].copy_from_slice(b"other");
    user.file("long", &other);
    user.done(&copy);
    user.done(&["cp", "sf:long", "back"]);
    assert!(user.read("back") == other, "bytes of the file as it was before were kept");
}

#[test]
fn a_download_that_is_killed_twice_ends_with_resume() {
    for (copy, source) in [("sf:long", "sf:long"), ("glance:long", "glance:long")] {
        let (user, relay) = relayed();
        let file = user.long_file("long", MEBIBYTES);
        user.done(&["cp", "long", copy]);
        let before = relay.change(|passed| passed.received);
        let copy = ["cp", "--resume", source, "back"];
        for mebibytes in [80, 160] {
            relay.change(|passed| passed.hold_answers_at = Some(before + (mebibytes << 20)));
            let running = user.start(&copy);
            relay.wait("an answer that is held", |passed| passed.held > 0);
            assert_eq!(user.names("."), [".back.pentaprism-part", "long"], "nothing half is shown");
            kill(running, &relay);
            assert_eq!(user.names("."), [".back.pentaprism-part", "long"]);
        }
        user.done(&copy);
        let passed = relay.change(|passed| passed.received - before);
        assert!(passed <= (MEBIBYTES << 20) + 2 * UNDER_WAY, "{source}: {} MiB passed", passed >> 20);
        assert_eq!((user.names("."), user.notes().len()), (vec!["back".to_owned(), "long".to_owned()], 0));
        succeed(Command::new("cmp").arg(&file).arg(user.work().join("back")));
    }
}

#[test]
fn a_part_of_something_else_is_not_gone_on_with() {
    let (user, relay) = relayed();
    user.long_file("long", 48);
    user.done(&["cp", "long", "sf:long"]);
    let before = relay.change(|passed| passed.received);
    relay.change(|passed| passed.hold_answers_at = Some(before + (40 << 20)));
    let running = user.start(&["cp", "sf:long", "back"]);
    relay.wait("an answer that is held", |passed| passed.held > 0);
    kill(running, &relay);
    let other = vec![7; 1 << 20];
    user.file("long", &other);
    user.done(&["cp", "long", "sf:long"]);
    user.done(&["cp", "--resume", "sf:long", "back"]);
    assert!(user.read("back") == other, "the part of another version was kept");
}

#[test]
fn one_interrupt_ends_a_copy_and_nothing_half_is_shown() {
    for (signal, code, word) in [("INT", 130, "interrupted"), ("TERM", 143, "terminated")] {
        let (user, relay) = relayed();
        user.long_file("long", 64);
        relay.change(|passed| passed.hold_chunks_at = Some(2));
        let running = user.start(&["cp", "long", "sf:long"]);
        relay.wait("a chunk that is held", |passed| passed.held > 0);
        running.signal(signal);
        let told = running.told();
        assert_eq!((told.code, told.output.as_str()), (Some(code), ""), "{told:?}");
        assert!(told.errors.contains(&format!("error: {word}\n  hint: ")), "{told:?}");
        relay.drop_held();
        user.fails(&["stat", "sf:long"], 3, "notFound", "nothing at sf:long");
        user.done(&["cp", "--resume", "long", "sf:long"]);
        let before = relay.change(|passed| {
            assert_eq!(passed.bytes_taken_once(), 64 << 20);
            passed.received
        });
        relay.change(|passed| passed.hold_answers_at = Some(before + (20 << 20)));
        let running = user.start(&["cp", "--json", "sf:long", "back"]);
        relay.wait("an answer that is held", |passed| passed.held > 0);
        running.signal(signal);
        let told = running.told();
        assert_eq!(told.code, Some(code), "{told:?}");
        assert_eq!(told.error()["kind"], word);
        assert!(!user.names(".").contains(&"back".to_owned()), "nothing half is shown");
        relay.drop_held();
        user.done(&["cp", "--resume", "sf:long", "back"]);
        assert!(user.read("back") == user.read("long"), "the bytes differ");
    }
}
