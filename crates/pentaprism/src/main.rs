//! The program `pentaprism`.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod large_memory;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;
use pentaprism::command::{Command, CommandLine, FSCK_DAMAGED, FSCK_REPAIRED, pages};
use pentaprism::{housekeeping, remote};
use pentaprism_store::Verdict;

/// How long a thread that hangs in the operating system may keep the process from ending.
const LAST_THREADS: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let line = CommandLine::parse();
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if matches!(line.command, Command::Serve(_)) {
        large_memory::give_back();
    }
    let ended = match &line.command {
        Command::Completions(arguments) => say(&pages::completions(arguments.shell)),
        Command::Man(arguments) => manual(arguments.folder.as_deref()),
        Command::Remote(command) => return remote::run::run(command, std::env::vars_os().collect()),
        command => serve(command),
    };
    match ended {
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

/// What works with the server's data, on a runtime with a thread per processor.
fn serve(command: &Command) -> anyhow::Result<ExitCode> {
    let environment = std::env::vars_os().collect();
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
    let ended = runtime.block_on(obey(command, environment));
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
            say(housekeeping::collect(&source, arguments.dry_run).await?.as_bytes())
        }
        Command::Fsck(arguments) => {
            let source = arguments.data.source(environment);
            let (said, verdict) = housekeeping::check(&source, arguments.repair).await?;
            say(said.as_bytes())?;
            Ok(match verdict {
                Verdict::Clean => ExitCode::SUCCESS,
                Verdict::Repaired => ExitCode::from(FSCK_REPAIRED),
                Verdict::Damaged => ExitCode::from(FSCK_DAMAGED),
            })
        }
        Command::Remote(_) | Command::Completions(_) | Command::Man(_) => unreachable!("they need no data"),
    }
}

fn manual(folder: Option<&Path>) -> anyhow::Result<ExitCode> {
    match folder {
        None => say(&pages::manual()?),
        Some(folder) => {
            pages::write_manual(folder)
                .with_context(|| format!("the manual cannot be written to `{}`", folder.display()))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Whoever reads may go when it has read enough, as `head` does.
fn say(text: &[u8]) -> anyhow::Result<ExitCode> {
    match io::stdout().write_all(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("standard output cannot be written")
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}
