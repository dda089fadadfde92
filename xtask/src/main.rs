//! `cargo xtask`: the project's own commands.

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};
use xtask::{ci, codegen, exchanges, link_order, tidy};

#[derive(Parser)]
#[command(about = "Pentaprism's own commands", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write core, server and client bindings from the files in specs/.
    Codegen {
        /// Write nothing; fail when something would change.
        #[arg(long)]
        check: bool,
    },
    /// Measure the release build beside what the machine can do; see docs/performance.md.
    #[command(disable_help_flag = true)]
    Bench {
        /// Names of workloads and options, which `--help` lists; all workloads without a name. `thumbnail`, `copy` and `micro` as the
        /// first word are benchmarks of their own.
        #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
        words: Vec<String>,
    },
    /// Show that every documented status and condition has an exchange, and play them all.
    Exchanges {
        /// Only compare the files with the specs; play nothing.
        #[arg(long)]
        coverage: bool,
    },
    /// Check what no compiler checks: module comments, sizes, ids of decisions, licences, duplicate versions.
    Tidy,
    /// Find the functions that a server starts with, which then lie beside each other in the program. Needs Valgrind and minutes.
    LinkOrder,
    /// Everything that a commit has to pass: format, codegen, tidy, lints, exchanges, tests, docs.
    Ci,
}

fn main() -> anyhow::Result<()> {
    let root = workspace_root();
    match Arguments::parse().command {
        Command::Codegen { check } => codegen::run(&root, check),
        Command::Bench { words } => ci::bench(&root, &words),
        Command::Exchanges { coverage } => exchanges::run(&root, coverage),
        Command::Tidy => tidy::run(&root),
        Command::LinkOrder => link_order::run(&root),
        Command::Ci => ci::run(&root),
    }
}

fn workspace_root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}
