//! `cargo xtask ci`: everything that a commit has to pass, cheapest first.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, ensure};

/// The store's suite is built only where it is run. Its feature `openssl` needs a system library and has steps of its own.
const SUITE: &str = "pentaprism-store/conformance";
/// The store with the digests of the system's OpenSSL.
const OPENSSL: &str = "openssl,conformance";

/// The steps: a name for people, then the command.
const STEPS: &[(&str, &[&str])] = &[
    ("format", &["cargo", "fmt", "--all", "--check"]),
    ("codegen", &["cargo", "xtask", "codegen", "--check"]),
    ("tidy", &["cargo", "xtask", "tidy"]),
    ("lints", &["cargo", "clippy", "--workspace", "--all-targets", "--features", SUITE, "--", "-D", "warnings"]),
    ("tests", &["cargo", "test", "--workspace", "--features", SUITE]),
    ("exchanges", &["cargo", "xtask", "exchanges"]),
    ("openapi", &["python3", "specs/tools/check_openapi.py"]),
    ("docs", &["cargo", "doc", "--workspace", "--no-deps"]),
];

/// Steps that need the headers of the system's OpenSSL.
const OPENSSL_STEPS: &[(&str, &[&str])] = &[
    (
        "lints with openssl",
        &["cargo", "clippy", "-p", "pentaprism-store", "--all-targets", "--features", OPENSSL, "--", "-D", "warnings"],
    ),
    ("tests with openssl", &["cargo", "test", "-p", "pentaprism-store", "--features", OPENSSL]),
    ("program with openssl", &["cargo", "check", "-p", "pentaprism", "--features", "openssl"]),
];

/// Runs every step and stops at the first that fails.
pub fn run(root: &Path) -> anyhow::Result<()> {
    steps(root, STEPS)?;
    if has_openssl() {
        return steps(root, OPENSSL_STEPS);
    }
    let missing = "pkg-config does not find libssl; on Debian: apt-get install pkg-config libssl-dev";
    ensure!(std::env::var_os("CI").is_none(), "{missing}");
    eprintln!("== SKIPPED, what is built with openssl: {missing}");
    Ok(())
}

fn has_openssl() -> bool {
    Command::new("pkg-config").args(["--exists", "openssl"]).status().is_ok_and(|status| status.success())
}

fn steps(root: &Path, steps: &[(&str, &[&str])]) -> anyhow::Result<()> {
    for (name, command) in steps {
        let began = Instant::now();
        let shown = command.join(" ");
        eprintln!("== {name}: {shown}");
        let status = Command::new(command[0])
            .args(&command[1..])
            .current_dir(root)
            .env("RUSTDOCFLAGS", "-D warnings")
            .status()
            .with_context(|| format!("cannot start `{shown}`"))?;
        ensure!(status.success(), "{name} failed; repeat it alone with `{shown}`");
        eprintln!("== {name}: passed in {} s", began.elapsed().as_secs());
    }
    Ok(())
}

/// Benchmarks that are asked for by the first word; without one of them throughput is measured.
const BENCHMARKS: [&str; 3] = ["thumbnail", "copy", "micro"];

/// Runs a benchmark of the release build, with what `words` say: perhaps its name first, then its own arguments. `--openssl` among them is a
/// feature of the build.
pub fn bench(root: &Path, words: &[String]) -> anyhow::Result<()> {
    let (bench, words) = match words {
        [first, rest @ ..] if BENCHMARKS.contains(&first.as_str()) => (first.as_str(), rest),
        all => ("throughput", all),
    };
    let mut cargo = Command::new("cargo");
    cargo.args(["bench", "--quiet", "--package", "pentaprism", "--bench", bench]).current_dir(root);
    if words.iter().any(|word| word == "--openssl") {
        cargo.args(["--features", "openssl"]);
    }
    cargo.arg("--").args(in_full(words)?);
    ensure!(cargo.status().context("cannot start cargo")?.success(), "the benchmark failed");
    Ok(())
}

/// Options of a benchmark that a path follows.
const PATHS: [&str; 4] = ["--json", "--markdown", "--folder", "--server"];

/// The words for the benchmark itself. Cargo starts it in another folder, so that paths have to be full.
fn in_full(words: &[String]) -> anyhow::Result<Vec<OsString>> {
    let here = std::env::current_dir().context("the present folder has no path")?;
    let mut path_follows = false;
    let mut full = Vec::new();
    for word in words.iter().filter(|word| *word != "--openssl") {
        full.push(if path_follows && word != "-" { here.join(word).into() } else { word.into() });
        path_follows = PATHS.contains(&word.as_str());
    }
    Ok(full)
}
