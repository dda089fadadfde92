//! Large copies do not grow the command: bytes pass through, whatever their size.

use std::fs::File;
use std::process::{Command, Stdio};

use crate::commands::User;
use crate::support::{program, succeed};

/// What a command may have resident at its peak, in KiB.
const LIMIT: u64 = 64 << 10;
const MEBIBYTES: u64 = 512;

/// Runs a command and says what its peak was, as the kernel tells whoever waits for a process: in KiB on Linux.
const WAIT: &str = "import os, sys\n\
    child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)\n\
    _, status, usage = os.wait4(child, 0)\n\
    print(usage.ru_maxrss, file=sys.stderr)\n\
    sys.exit(os.waitstatus_to_exitcode(status))\n";

fn peak(user: &User, arguments: &[&str], input: Option<&str>) -> u64 {
    let mut command = Command::new("python3");
    user.dress(&mut command);
    command.args(["-c", WAIT]).arg(program()).args([&arguments[..1], &["--quiet"], &arguments[1..]].concat());
    if let Some(input) = input {
        command.stdin(File::open(user.work().join(input)).expect("it is there"));
    }
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("python3 is there");
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    said.trim().parse().unwrap_or_else(|_| panic!("{said}"))
}

fn is_small(user: &User, arguments: &[&str], input: Option<&str>) {
    let peak = peak(user, arguments, input);
    assert!(peak < LIMIT, "{arguments:?} had {} MiB resident at its peak", peak >> 10);
}

fn large_copies(target: &str) {
    if !cfg!(target_os = "linux") {
        eprintln!("SKIPPED: this system does not tell the peak memory of a process in the same way");
        return;
    }
    let user = User::new();
    let file = user.long_file("large", MEBIBYTES);
    is_small(&user, &["cp", "-", target], Some("large"));
    user.done(&["rm", target]);
    is_small(&user, &["cp", "large", target], None);
    is_small(&user, &["cp", target, "-"], None);
    is_small(&user, &["cp", target, "back"], None);
    succeed(Command::new("cmp").arg(file).arg(user.work().join("back")));
}

#[test]
fn a_large_copy_with_service_fabric_takes_little_memory() {
    large_copies("sf:large");
}

#[test]
fn a_large_copy_with_glance_takes_little_memory() {
    large_copies("glance:large");
}
