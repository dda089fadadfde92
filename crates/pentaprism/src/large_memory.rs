//! Large pieces of memory go back to the system as soon as nobody needs them.
//!
//! glibc takes large pieces from the system one by one, but what it calls large grows with every such piece that is given
//! back. From then on each of its arenas keeps pieces of that size for the threads that it serves. Pictures are worked on by
//! many threads in turn, so that a server which needed 50 MiB at a time was seen to hold 160. A threshold that is fixed, and no
//! more arenas than processors, end that. What is free at the end of an arena is given back in larger portions than usual: an
//! upload of a GiB then meets 5,000 page faults instead of 100,000. Without unsafe code only the environment of a process can
//! fix these numbers, hence a second start at the beginning of the first.

use std::ffi::OsStr;
use std::num::NonZeroUsize;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::thread::available_parallelism;

/// What glibc reads its numbers from (mallopt(3)): from how many bytes on a piece is large, ...
const LARGE: &str = "MALLOC_MMAP_THRESHOLD_";
/// ... how many bytes an arena keeps free at its end, ...
const KEPT: &str = "MALLOC_TRIM_THRESHOLD_";
/// ... and how many arenas there are.
const ARENAS: &str = "MALLOC_ARENA_MAX";

/// In bytes: buffers of connections and blocks of downloads, which have 1 MiB, are smaller; pictures and bodies with pictures are larger.
const LARGE_BYTES: u32 = (1 << 20) + (64 << 10);
/// In bytes: what a large upload takes and gives back all the time stays.
const KEPT_BYTES: u32 = 4 << 20;

/// Puts this program in its own place, in the same process, with these numbers in its environment. Returns when it is there
/// already, or when that cannot be done; the server then works all the same, and holds more memory.
pub(crate) fn give_back() {
    if std::env::var_os(LARGE).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    // Where a loader or an interpreter was started in its place, only whoever started that knows how.
    if program.file_name() != Some(OsStr::new(env!("CARGO_BIN_NAME"))) {
        return;
    }
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_else(|| program.clone().into_os_string());
    let arenas = available_parallelism().map_or(2, NonZeroUsize::get).max(2);
    let mut again = Command::new(&program);
    again.arg0(name).args(arguments).env(LARGE, LARGE_BYTES.to_string());
    for (variable, number) in [(KEPT, KEPT_BYTES.to_string()), (ARENAS, arenas.to_string())] {
        if std::env::var_os(variable).is_none() {
            again.env(variable, number);
        }
    }
    let _remains = again.exec();
}
