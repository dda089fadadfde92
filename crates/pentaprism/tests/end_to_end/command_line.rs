//! The program from a shell: start, stop, and what it refuses.

use std::process::Command;

use pentaprism_testkit::server_process::ServerProcess;

use crate::support::{Fresh, program, run, succeed, text};

#[test]
fn a_second_server_on_the_same_data_refuses_to_start() {
    let fresh = Fresh::start();
    let data = fresh.folder.path().join("data");
    let mut second = Command::new(program());
    let output = run(second.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&data));
    assert!(!output.status.success());
    let message = text(&output.stderr);
    assert!(message.contains("the store cannot be opened"), "{message}");
    let checked = run(Command::new(program()).args(["fsck", "--data"]).arg(&data));
    assert!(!checked.status.success(), "fsck must not run beside a server");
}

#[test]
fn a_stopped_server_ends_well_and_its_store_is_sound() {
    let fresh = Fresh::start();
    let url = format!("{}/ImageStore/a/b.txt?api-version=6.0", fresh.server.url());
    let file = fresh.file("b.txt", b"kept");
    succeed(Command::new("curl").args(["-sS", "--fail-with-body", "-T"]).arg(&file).arg(&url));
    let data = fresh.folder.path().join("data");
    assert!(fresh.server.stop().success());
    succeed(Command::new(program()).args(["fsck", "--data"]).arg(&data));
    succeed(Command::new(program()).args(["gc", "--dry-run", "--data"]).arg(&data));
    let again = ServerProcess::start(program(), &data, &[]);
    let url = format!("{}/ImageStore/a/b.txt/$/Download?api-version=6.0", again.url());
    assert_eq!(succeed(Command::new("curl").args(["-sS", "--fail-with-body", &url])), "kept");
}

#[test]
fn health_and_readiness_answer_without_a_token() {
    let fresh = Fresh::start();
    for path in ["healthz", "readyz"] {
        let url = format!("{}/{path}", fresh.server.url());
        succeed(Command::new("curl").args(["-sS", "--fail-with-body", &url]));
    }
}

#[test]
fn the_development_token_stays_on_this_machine() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = run(Command::new(program()).args(["serve", "--listen", "0.0.0.0:0", "--data"]).arg(folder.path()));
    assert!(!output.status.success());
    let message = text(&output.stderr);
    assert!(message.contains("token"), "{message}");
}
