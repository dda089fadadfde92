//! `cargo xtask bench`: the release build over loopback, each figure beside what the same machine can do in the same run.
//!
//! Names of workloads as arguments run only those. Every server starts on an empty temporary folder and is stopped afterwards; all uploads are
//! durable unless the name says otherwise.

#![allow(clippy::print_stdout, reason = "the table is what the command is for")]

mod bodies;
mod workloads;

use std::path::Path;

use pentaprism_testkit::server_process::ServerProcess;

/// How often each throughput figure is taken; the median counts.
const RUNS: usize = 3;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let chosen = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be built");
    println!("{:<28} {:>14} {:>14} {:>8} {:>12}", "workload", "ours", "reference", "ratio", "peak memory");
    for workload in workloads::ALL {
        if !chosen(workload.name) {
            continue;
        }
        let mut ratios: Vec<Measured> = (0..workload.runs(RUNS)).map(|_| measure(&runtime, workload)).collect();
        ratios.sort_by(|left, right| left.ours.total_cmp(&right.ours));
        let median = &ratios[ratios.len() / 2];
        let reference = median.reference.map_or_else(String::new, |value| format!("{value:.0} {}", workload.unit));
        let ratio = median.reference.map_or_else(String::new, |value| format!("{:.2}", median.ours / value));
        let ours = format!("{:.0} {}", median.ours, workload.unit);
        let peak = ratios.iter().filter_map(|measured| measured.peak).max();
        let peak = peak.map_or_else(String::new, |bytes| format!("{} MiB", bytes >> 20));
        println!("{:<28} {ours:>14} {reference:>14} {ratio:>8} {peak:>12}", workload.name);
    }
}

struct Measured {
    ours: f64,
    reference: Option<f64>,
    peak: Option<u64>,
}

fn measure(runtime: &tokio::runtime::Runtime, workload: &workloads::Workload) -> Measured {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = Path::new(env!("CARGO_BIN_EXE_pentaprism"));
    let server = ServerProcess::start(program, folder.path(), workload.environment);
    let ours = runtime.block_on((workload.run)(server.url()));
    let peak = server.peak_memory();
    assert!(server.stop().success(), "the server ended badly");
    Measured { ours, reference: workload.reference.map(|reference| reference()), peak }
}
