//! Large pieces of memory go back to the system as soon as nobody needs them.
//!
//! glibc takes large pieces from the system one by one, but what it calls large grows with every such piece that is given
//! back. From then on each of its arenas keeps pieces of that size for the threads that it serves. Pictures are worked on by
//! many threads in turn, so that a server which needed 50 MiB at a time was seen to hold 160. A threshold that is fixed ends
//! that, at no cost that could be measured. Without unsafe code only the environment of a process can fix it, hence a second
//! start at the beginning of the first.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// What glibc reads the threshold from (mallopt(3)).
const VARIABLE: &str = "MALLOC_MMAP_THRESHOLD_";
/// The threshold in bytes. Buffers of connections are smaller, pictures and bodies with pictures are larger.
const THRESHOLD: &str = "1048576";

/// Puts this program in its own place, in the same process, with the threshold in its environment. Returns when it is there
/// already, or when that cannot be done; the server then works all the same, and holds more memory.
pub(crate) fn give_back() {
    if std::env::var_os(VARIABLE).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    // Where a loader or an interpreter was started in its place, only whoever started that knows how.
    if program.file_name() != Some(OsStr::new(env!("CARGO_BIN_NAME"))) {
        return;
    }
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_else(|| program.clone().into_os_string());
    let _remains = Command::new(&program).arg0(name).args(arguments).env(VARIABLE, THRESHOLD).exec();
}
