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
fn what_fsck_finds_and_repairs_is_in_its_exit_code() {
    let fresh = Fresh::start();
    let url = format!("{}/ImageStore/a/b.txt?api-version=6.0", fresh.server.url());
    let file = fresh.file("b.txt", b"kept");
    succeed(Command::new("curl").args(["-sS", "--fail-with-body", "-T"]).arg(&file).arg(&url));
    let data = fresh.folder.path().join("data");
    assert!(fresh.server.stop().success());
    let fsck = |repair: &[&str], code: i32, told: &[&str]| {
        let output = run(Command::new(program()).args(["fsck", "--data"]).arg(&data).args(repair));
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{said}{}", text(&output.stderr));
        assert!(told.iter().all(|part| said.contains(part)), "{told:?}: {said}");
    };
    fsck(&[], 0, &["contents read: 1; their bytes: 4; problems: 0\n"]);
    std::fs::write(data.join("files/00000000000000000000000000000007"), b"who knows").expect("a file");
    let stranger = "no row names file 00000000-0000-0000-0000-000000000007, which takes ";
    fsck(&[], 4, &[stranger, "(--repair: it is set aside in orphans/ for 24 hours)", "problems: 1\n"]);
    fsck(&["--repair"], 3, &[stranger, "(repaired: it is set aside in orphans/", "problems: 1, repaired: 1\n"]);
    fsck(&[], 0, &["problems: 0\n"]);
    let listed = succeed(Command::new(program()).args(["gc", "--dry-run", "--data"]).arg(&data));
    assert!(listed.contains("-file-00000000000000000000000000000007: ") && listed.contains(" ago\n"), "{listed}");
    let pack = std::fs::read_dir(data.join("packs")).expect("packs").next().expect("one").expect("an entry").path();
    let mut bytes = std::fs::read(&pack).expect("a pack");
    bytes[0] ^= 1;
    std::fs::write(&pack, bytes).expect("a pack");
    let damage = [
        "content of service_fabric:",
        ":a/b.txt (",
        "the block at 0 is damaged, in pack ",
        "upload the same bytes again",
    ];
    fsck(&[], 4, &damage);
    fsck(&["--repair"], 4, &damage);
    let again = ServerProcess::start(program(), &data, &[]);
    let metrics = succeed(Command::new("curl").args(["-sS", &format!("{}/metrics", again.url())]));
    assert!(metrics.contains("\npentaprism_store_damaged_contents 1\n"), "{metrics}");
    let url = format!("{}/ImageStore/c?api-version=6.0", again.url());
    succeed(Command::new("curl").args(["-sS", "--fail-with-body", "-T"]).arg(&file).arg(&url));
    let healed = format!("{}/ImageStore/a/b.txt/$/Download?api-version=6.0", again.url());
    assert_eq!(succeed(Command::new("curl").args(["-sS", "--fail-with-body", &healed])), "kept");
    assert!(again.stop().success());
    fsck(&[], 0, &["problems: 0\n"]);
    let missing = run(Command::new(program()).args(["fsck", "--data"]).arg(data.join("typo")));
    assert_eq!(missing.status.code(), Some(1));
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
