//! The program `pentaprism`.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod large_memory;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;
use pentaprism::command::{Command, CommandLine};
use pentaprism::housekeeping;

/// How long a thread that hangs in the operating system may keep the process from ending.
const LAST_THREADS: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let line = CommandLine::parse();
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if matches!(line.command, Command::Serve(_)) {
        large_memory::give_back();
    }
    match run(&line) {
        Ok(code) => code,
        Err(error) => {
            let mut said = error.to_string();
            eprintln!("error: {said}");
            for cause in error.chain().skip(1).map(ToString::to_string) {
                if cause != said {
                    eprintln!("  because {cause}");
                }
                said = cause;
            }
            ExitCode::FAILURE
        }
    }
}

fn run(line: &CommandLine) -> anyhow::Result<ExitCode> {
    let environment = std::env::vars_os().collect();
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
    let ended = runtime.block_on(obey(&line.command, environment));
    runtime.shutdown_timeout(LAST_THREADS);
    ended
}

async fn obey(command: &Command, environment: Vec<(OsString, OsString)>) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(arguments) => {
            pentaprism::serve::run(&arguments.source(environment)).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Gc(arguments) => {
            let source = arguments.data.source(environment);
            say(&housekeeping::collect(&source, arguments.dry_run).await?)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Fsck(arguments) => {
            let (said, well) = housekeeping::check(&arguments.source(environment)).await?;
            say(&said)?;
            Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

fn say(text: &str) -> io::Result<()> {
    io::stdout().write_all(text.as_bytes())
}
