//! A test binary with one test per exchange and drive, so that a failure names the file and a filter finds it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Failed, Trial};

use crate::drive::Verdict;
use crate::exchange::{Found, exchanges_of};

/// How a file is played: what it showed, or a report of what is wrong.
pub type Play = fn(&Found) -> Result<Verdict, String>;

/// What was counted for one dialect and drive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Count {
    passed: usize,
    failed: usize,
    /// The files whose response alone was compared, and why.
    response_only: BTreeMap<String, String>,
}

type Counts = Arc<Mutex<BTreeMap<(String, &'static str), Count>>>;

/// Runs the tests `<drive>::<dialect>/<operation>.<status>[-<condition>]` of every exchange below `root`, with the arguments
/// of an ordinary test binary, and prints a line per dialect and drive at the end, with each file whose request is no client's.
#[must_use]
pub fn run(root: &Path, drives: &[(&'static str, Play)]) -> ExitCode {
    let arguments = Arguments::from_args();
    let files = match exchanges_of(root) {
        Ok(files) => files,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            return ExitCode::FAILURE;
        }
    };
    let counts = Counts::default();
    let trials = files.iter().flat_map(|found| drives.iter().map(|(drive, play)| trial(found, drive, *play, &counts)));
    let listing = arguments.list;
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if !listing {
        print(&counts.lock().unwrap_or_else(PoisonError::into_inner));
    }
    conclusion.exit_code()
}

fn trial(found: &Found, drive: &'static str, play: Play, counts: &Counts) -> Trial {
    let label = found.label();
    let name = format!("{drive}::{}", label.trim_end_matches(".http"));
    let (found, counts) = (found.clone(), Arc::clone(counts));
    Trial::test(name, move || {
        let outcome = play(&found);
        let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry((found.dialect.clone(), drive)).or_default();
        match &outcome {
            Ok(Verdict::Both) => count.passed += 1,
            Ok(Verdict::ResponseOnly(reason)) => {
                count.passed += 1;
                count.response_only.insert(label.clone(), reason.clone());
            }
            Err(_) => count.failed += 1,
        }
        outcome.map(|_| ()).map_err(|report| Failed::from(format!("specs/exchanges/{label}: {report}")))
    })
}

fn print(counts: &BTreeMap<(String, &'static str), Count>) {
    let mut out = std::io::stdout().lock();
    let mut named = BTreeSet::new();
    for ((dialect, drive), count) in counts {
        let total = count.passed + count.failed;
        let _ = write!(out, "{dialect:<16} {drive:<7} {} of {total} exchanges", count.passed);
        let _ = match count.response_only.len() {
            0 => writeln!(out),
            some => writeln!(out, " ({some} of them the response alone: no client sends the request)"),
        };
        // What another drive has named for the same reason is not named again.
        for (label, reason) in count.response_only.iter().filter(|entry| named.insert(*entry)) {
            let _ = writeln!(out, "    {label}: {reason}");
        }
    }
}
