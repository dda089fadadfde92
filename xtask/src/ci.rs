//! `cargo xtask ci`: everything that a commit has to pass, cheapest first.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, ensure};

/// The store's suite is built only where it is run. Its feature `openssl` needs a system library and stays off.
const SUITE: &str = "pentaprism-store/conformance";

/// The steps: a name for people, then cargo's arguments.
const STEPS: &[(&str, &[&str])] = &[
    ("format", &["fmt", "--all", "--check"]),
    ("codegen", &["xtask", "codegen", "--check"]),
    ("tidy", &["xtask", "tidy"]),
    ("lints", &["clippy", "--workspace", "--all-targets", "--features", SUITE, "--", "-D", "warnings"]),
    ("tests", &["test", "--workspace", "--features", SUITE]),
    ("exchanges", &["xtask", "exchanges"]),
    ("docs", &["doc", "--workspace", "--no-deps"]),
];

/// Runs every step and stops at the first that fails.
pub fn run(root: &Path) -> anyhow::Result<()> {
    for (name, arguments) in STEPS {
        let began = Instant::now();
        eprintln!("== {name}: cargo {}", arguments.join(" "));
        let status = Command::new("cargo")
            .args(*arguments)
            .current_dir(root)
            .env("RUSTDOCFLAGS", "-D warnings")
            .status()
            .with_context(|| format!("cannot start cargo for {name}"))?;
        ensure!(status.success(), "{name} failed; repeat it alone with `cargo {}`", arguments.join(" "));
        eprintln!("== {name}: passed in {} s", began.elapsed().as_secs());
    }
    Ok(())
}

/// Runs the benchmark of the release build.
pub fn bench(root: &Path, workloads: &[String]) -> anyhow::Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.args(["bench", "--package", "pentaprism", "--bench", "throughput", "--"]).args(workloads).current_dir(root);
    ensure!(cargo.status().context("cannot start cargo")?.success(), "the benchmark failed");
    Ok(())
}
