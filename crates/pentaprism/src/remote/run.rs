//! From the command line to an exit code.

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::failure::{Failure, FailureKind};
use super::report::{Look, Reporter};
use super::session::Session;
use super::{copy, doctor, list, remove, stat, wait};
use crate::command::RemoteCommand;

/// Threads that tasks run on. A copy is two tasks at least: one reads, hashes or converts, while the connection's own encrypts and
/// writes. With a third, nothing was faster, and each thread costs memory of its own.
const WORKERS: usize = 2;

/// The most threads that wait for disks and pipes, or hash: made when they are needed. Each file on its way to the disk keeps one
/// until it is whole, so that there must be more of them than files under way, for what those files wait for.
const DISK_THREADS: usize = 256;

/// How long a thread that hangs in the operating system may keep the process from ending.
const LAST_THREADS: Duration = Duration::from_secs(1);

/// How long a command that was broken off may take to take back what it has begun at services.
const TAKING_BACK: Duration = Duration::from_secs(5);

/// Carries out `command` in this process, and tells what comes of it.
#[must_use]
pub fn run(command: &RemoteCommand, environment: Vec<(OsString, OsString)>) -> ExitCode {
    let variable = |name: &str| {
        let found = environment.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.to_string_lossy().into_owned())
    };
    let look = Look::of_process(command.common(), command.writes_bytes(), variable);
    let reporter = Reporter::of_process(look);
    let ended = carry_out(command, environment, &reporter);
    reporter.close();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let code = failure.kind.exit_code();
            let _told = reporter.tell(failure);
            ExitCode::from(code)
        }
    }
}

fn carry_out(
    command: &RemoteCommand,
    environment: Vec<(OsString, OsString)>,
    reporter: &Arc<Reporter>,
) -> Result<(), Failure> {
    let trouble = |what: &'static str| move |error| Failure::new(FailureKind::Other, what).because(&error);
    let folder = std::env::current_dir().map_err(trouble("the folder that the command was started in is not there"))?;
    let stopped = watch_signals().map_err(trouble("signals cannot be awaited"))?;
    let runtime = runtime().map_err(trouble("the runtime cannot be started"))?;
    let session = Arc::new(Session::new(command.common(), environment, folder, Arc::clone(reporter)));
    let ended = runtime.block_on(until_stopped(command, &session, stopped));
    drop(session);
    runtime.shutdown_timeout(LAST_THREADS);
    ended
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(WORKERS).max_blocking_threads(DISK_THREADS).enable_all().build()
}

/// The command itself, unless a signal or its deadline comes first: then it is dropped where it is, which takes away what is
/// unfinished on this machine; what is unfinished at services is taken back before anything is told.
async fn until_stopped(
    command: &RemoteCommand,
    session: &Arc<Session>,
    stopped: oneshot::Receiver<FailureKind>,
) -> Result<(), Failure> {
    let ended = tokio::select! {
        biased;
        Ok(kind) = stopped => Err(interrupted(command, kind)),
        ended = in_time(command, session) => ended,
    };
    for left in session.unfinished.take_back(TAKING_BACK).await {
        session.reporter.warn(&left);
    }
    ended
}

async fn in_time(command: &RemoteCommand, session: &Arc<Session>) -> Result<(), Failure> {
    let Some(timeout) = command.common().timeout else { return obey(command, session).await };
    tokio::time::timeout(timeout, obey(command, session)).await.unwrap_or_else(|_| {
        let what = format!("time ran out after {}", super::size::time(timeout));
        Err(Failure::new(FailureKind::TimedOut, what).advise(match command {
            RemoteCommand::Copy(arguments) if arguments.can_be_resumed() => {
                "give it more with --timeout; with --resume it goes on from there, where it can"
            }
            _ => "give it more with --timeout",
        }))
    })
}

fn interrupted(command: &RemoteCommand, kind: FailureKind) -> Failure {
    let failure = Failure::new(kind, if kind == FailureKind::Terminated { "terminated" } else { "interrupted" });
    match command {
        RemoteCommand::Copy(arguments) if arguments.can_be_resumed() => {
            failure.advise("the same command with --resume goes on from there, where it can")
        }
        _ => failure,
    }
}

async fn obey(command: &RemoteCommand, session: &Arc<Session>) -> Result<(), Failure> {
    match command {
        RemoteCommand::List(arguments) => list::run(arguments, session).await,
        RemoteCommand::Stat(arguments) => stat::run(arguments, session).await,
        RemoteCommand::Remove(arguments) => remove::run(arguments, session).await,
        RemoteCommand::Wait(arguments) => wait::run(arguments, session).await,
        RemoteCommand::Copy(arguments) => {
            if arguments.resume && !arguments.can_be_resumed() {
                session
                    .reporter
                    .note("--resume does nothing here: files go on to Service Fabric, and downloads into files");
            }
            copy::run(arguments, session).await
        }
        RemoteCommand::Doctor(arguments) => doctor::run(arguments, session).await,
    }
}

/// Tells of the first SIGINT or SIGTERM; the second one ends the process at once, whatever hangs. For this it has a thread of its
/// own.
fn watch_signals() -> std::io::Result<oneshot::Receiver<FailureKind>> {
    let (tell, told) = oneshot::channel();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (mut interrupts, mut terminations) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async move {
            let mut next = async || {
                tokio::select! {
                    _ = interrupts.recv() => FailureKind::Interrupted,
                    _ = terminations.recv() => FailureKind::Terminated,
                }
            };
            let _nobody_waits = tell.send(next().await);
            let code = next().await.exit_code();
            std::process::exit(code.into());
        });
    })?;
    Ok(told)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use clap::Parser as _;

    use super::*;
    use crate::command::{Command, CommandLine};

    fn command(line: &str) -> RemoteCommand {
        match CommandLine::try_parse_from(line.split(' ')).unwrap().command {
            Command::Remote(command) => command,
            _ => panic!("not a command that works with services"),
        }
    }

    #[tokio::test]
    async fn a_signal_ends_a_command_before_anything_else_does() {
        let command = command("pentaprism cp a sf:b -q");
        let look = Look::of_process(command.common(), false, |_| None);
        let reporter = Reporter::of_process(look);
        let session = Arc::new(Session::new(command.common(), Vec::new(), "/".into(), reporter));
        for (kind, code) in [(FailureKind::Interrupted, 130), (FailureKind::Terminated, 143)] {
            let (tell, told) = oneshot::channel();
            tell.send(kind).unwrap();
            let taken_back = Arc::new(AtomicBool::new(false));
            let deed = Arc::clone(&taken_back);
            drop(session.unfinished.begin("an image".to_owned(), async move {
                deed.store(true, Ordering::Relaxed);
                Ok(())
            }));
            let failure = until_stopped(&command, &session, told).await.unwrap_err();
            assert_eq!(failure.kind.exit_code(), code);
            assert!(failure.advice.unwrap().contains("--resume"));
            assert!(taken_back.load(Ordering::Relaxed), "what was begun is left behind");
        }
    }
    #[test]
    fn what_goes_on_is_promised_only_where_it_does() {
        for (line, goes_on) in [
            ("cp a sf:b", true),
            ("cp glance:a b", true),
            ("cp sf:a glance:b c", true),
            ("cp a glance:b", false),
            ("cp - sf:b", false),
            ("cp glance:a sf:b", false),
            ("cp glance:a -", false),
            ("cp pingone:a b", false),
        ] {
            let RemoteCommand::Copy(arguments) = command(&format!("pentaprism {line}")) else { panic!("{line}") };
            assert_eq!(arguments.can_be_resumed(), goes_on, "{line}");
        }
    }
}
