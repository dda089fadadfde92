//! Large uploads do not grow the server: bodies pass through, whatever their size.

use std::process::Command;

use crate::support::{Fresh, succeed};

/// What the server may have resident at its peak, in bytes.
const LIMIT: u64 = 64 << 20;

#[test]
fn a_large_upload_passes_through_little_memory() {
    let fresh = Fresh::start();
    let file = fresh.folder.path().join("large");
    std::fs::File::create(&file).and_then(|file| file.set_len(512 << 20)).expect("a sparse file is made");
    let url = format!("{}/ImageStore/large?api-version=6.0", fresh.server.url());
    succeed(Command::new("curl").args(["-sS", "--fail-with-body", "-T"]).arg(&file).arg(&url));
    let Some(peak) = fresh.server.peak_memory() else {
        eprintln!("SKIPPED: this system does not tell the peak memory of a process");
        return;
    };
    assert!(peak < LIMIT, "the server had {} MiB resident at its peak", peak >> 20);
}
