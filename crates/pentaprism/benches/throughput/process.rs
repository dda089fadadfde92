//! What the kernel says of a process: memory and processor time.

use std::path::Path;

/// Ticks per second of the times in `/proc`; the same on every Linux.
const TICKS: f64 = 100.0;

/// The most memory that a process had resident so far, in MiB.
pub(crate) fn peak_memory(id: u32) -> f64 {
    status(id, "VmHWM:")
}

/// The memory that a process has resident, in MiB.
pub(crate) fn resident_memory(id: u32) -> f64 {
    status(id, "VmRSS:")
}

fn status(id: u32, name: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("every process has memory");
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number of KiB");
    kibibytes / 1024.0
}

/// Seconds of processor time that a process and its children have used.
pub(crate) fn processor_seconds(id: u32) -> f64 {
    let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    own_seconds(id) + children.map(own_seconds).sum::<f64>()
}

fn own_seconds(id: u32) -> f64 {
    let text = std::fs::read_to_string(Path::new("/proc").join(id.to_string()).join("stat")).expect("the process runs");
    // The name of the program stands in brackets and may hold anything.
    let fields = text.rsplit_once(") ").expect("the kernel writes this").1;
    let ticks = fields.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<f64>().expect("a number"));
    ticks.sum::<f64>() / TICKS
}
