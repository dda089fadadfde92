//! The program `pentaprism`.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use pentaprism::command::{Command, CommandLine};

fn main() -> ExitCode {
    match run(&CommandLine::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  because {cause}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(line: &CommandLine) -> anyhow::Result<ExitCode> {
    let environment = std::env::vars_os().collect();
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
    match &line.command {
        Command::Serve(arguments) => {
            runtime.block_on(pentaprism::serve::run(&arguments.source(environment)))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Gc(_) | Command::Fsck(_) => Ok(ExitCode::SUCCESS),
    }
}
