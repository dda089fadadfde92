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
use pentaprism::command::{Command, CommandLine, FSCK_DAMAGED, FSCK_REPAIRED, FsckArguments, GcArguments, pages};
#[cfg(all(target_os = "linux", target_env = "gnu"))]
use pentaprism::settings::Flags;
use pentaprism::settings::Source;
use pentaprism::{housekeeping, remote};
use pentaprism_store::Verdict;

/// How long a thread that hangs in the operating system may keep the process from ending.
const LAST_THREADS: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if large_memory::has_handed_over() {
        let source = Source { flags: Flags::default(), environment: environment() };
        return tell(with_runtime(serve(&source)));
    }
    let line = CommandLine::parse();
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if let Command::Serve(arguments) = &line.command {
        large_memory::give_back(arguments.source(Vec::new()).flags.to_variables());
    }
    tell(match &line.command {
        Command::Completions(arguments) => say(&pages::completions(arguments.shell)),
        Command::Man(arguments) => manual(arguments.folder.as_deref()),
        Command::Remote(command) => return remote::run::run(command, environment()),
        Command::Serve(arguments) => with_runtime(serve(&arguments.source(environment()))),
        Command::Gc(arguments) => with_runtime(collect(arguments)),
        Command::Fsck(arguments) => with_runtime(check(arguments)),
    })
}

fn environment() -> Vec<(OsString, OsString)> {
    std::env::vars_os().collect()
}

/// The exit code of a command that has ended; why it failed, with all causes, goes to standard error.
fn tell(ended: anyhow::Result<ExitCode>) -> ExitCode {
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

/// Works on a runtime with a thread per processor.
fn with_runtime(work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
    let ended = runtime.block_on(work);
    runtime.shutdown_timeout(LAST_THREADS);
    ended
}

async fn serve(source: &Source) -> anyhow::Result<ExitCode> {
    pentaprism::serve::run(source).await?;
    Ok(ExitCode::SUCCESS)
}

async fn collect(arguments: &GcArguments) -> anyhow::Result<ExitCode> {
    let source = arguments.data.source(environment());
    say(housekeeping::collect(&source, arguments.dry_run).await?.as_bytes())
}

async fn check(arguments: &FsckArguments) -> anyhow::Result<ExitCode> {
    let source = arguments.data.source(environment());
    let (said, verdict) = housekeeping::check(&source, arguments.repair).await?;
    say(said.as_bytes())?;
    Ok(match verdict {
        Verdict::Clean => ExitCode::SUCCESS,
        Verdict::Repaired => ExitCode::from(FSCK_REPAIRED),
        Verdict::Damaged => ExitCode::from(FSCK_DAMAGED),
    })
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
