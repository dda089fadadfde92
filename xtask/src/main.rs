//! The project's own commands: `cargo xtask codegen`, `exchanges`, `tidy`, `ci`, `bench`.

mod codegen;
mod emit;
mod names;
mod spec;

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};

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
}

fn main() -> anyhow::Result<()> {
    let root = workspace_root();
    match Arguments::parse().command {
        Command::Codegen { check } => codegen::run(&root, check),
    }
}

fn workspace_root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}
