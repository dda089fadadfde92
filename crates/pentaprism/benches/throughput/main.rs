//! `cargo xtask bench`: our server over loopback, beside what the same machine can do and what a peer does, in the same run.
//!
//! In each round all contenders take a turn, one after the other, so that whatever else the machine does hits all alike. Each turn has a
//! process and a folder of its own; what it left to the disk is paid before the next one begins.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the table is what the command is for")]

mod arguments;
mod bodies;
mod client;
mod contender;
mod disk;
mod figures;
mod json;
mod limits;
mod load;
mod markdown;
mod nginx;
mod process;
mod table;
mod workloads;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use arguments::{Arguments, USAGE};
use contender::{Contender, Programs};
use disk::Disk;
use figures::Results;
use serde_json::{Value, json};
use table::Table;
use tempfile::TempDir;
use workloads::{Turn, Workload};

fn main() -> ExitCode {
    limits::serve_if_asked();
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(wrong) => {
            eprintln!("error: {wrong}\n\n{USAGE}");
            return ExitCode::FAILURE;
        }
    };
    if arguments.help {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let chosen: Vec<&Workload> = workloads::ALL.iter().filter(|workload| arguments.wants(workload.name)).collect();
    if chosen.is_empty() || arguments.list {
        let names: Vec<String> =
            workloads::ALL.iter().map(|workload| format!("{:<9} {}", workload.name, workload.title)).collect();
        eprintln!("workloads:\n{}", names.join("\n"));
        return if arguments.list { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    match programs(&arguments) {
        Ok(programs) => {
            Bench::new(&arguments, programs).run(&chosen);
            ExitCode::SUCCESS
        }
        Err(missing) => {
            eprintln!("error: {missing}");
            ExitCode::FAILURE
        }
    }
}

/// What is started.
fn programs(arguments: &Arguments) -> Result<Programs, String> {
    const INSTALL: &str = "install it, on Debian with `apt-get install nginx-light`, or leave --nginx out";
    let nginx = if arguments.nginx {
        let program =
            nginx::find().ok_or_else(|| format!("there is no nginx on the PATH or in /usr/sbin; {INSTALL}"))?;
        nginx::version(&program).ok_or_else(|| format!("{} has no WebDAV; {INSTALL}", program.display()))?;
        Some(program)
    } else {
        None
    };
    let server = arguments.server.clone().unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_pentaprism")));
    let unsynced = arguments.unsynced.then(|| ("PENTAPRISM_DURABILITY".to_owned(), "none".to_owned()));
    Ok(Programs { server, environment: unsynced.into_iter().collect(), nginx })
}

struct Bench<'a> {
    arguments: &'a Arguments,
    programs: Programs,
    disk: Disk,
    /// Folders that stay until the end.
    kept: Vec<TempDir>,
    /// Whether standard error is a terminal.
    onlooker: bool,
}

impl<'a> Bench<'a> {
    fn new(arguments: &'a Arguments, programs: Programs) -> Self {
        let place = arguments.folder.clone().unwrap_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")));
        let disk = Disk::new(&place);
        disk.warn();
        Self { arguments, programs, disk, kept: Vec::new(), onlooker: std::io::stderr().is_terminal() }
    }

    fn run(&mut self, chosen: &[&Workload]) {
        let conditions = self.conditions();
        self.say(&words(&conditions));
        let (mut done, mut rows) = (Vec::new(), markdown::HEAD.to_owned());
        for workload in chosen {
            let results = self.measure(workload);
            let table = Table { name: workload.name, title: workload.title, results: &results, goals: workload.goals };
            self.say(table.to_string().trim_end());
            rows.push_str(&markdown::rows(workload.name, &results, workload.goals));
            done.push(json::workload(workload.name, workload.title, &results, workload.goals));
        }
        if let Some(file) = &self.arguments.markdown {
            std::fs::write(file, format!("{}\n\n{rows}", words(&conditions)))
                .expect("the file for the table can be written");
        }
        if let Some(file) = &self.arguments.json {
            let text = format!("{:#}\n", json!({ "conditions": conditions, "workloads": done }));
            if file == Path::new("-") {
                print!("{text}");
            } else {
                std::fs::write(file, text).expect("the file for the JSON can be written");
            }
        }
    }

    /// The table gives way to the JSON when both would go to standard output.
    fn say(&self, text: &str) {
        if self.arguments.json.as_deref() == Some(Path::new("-")) { eprintln!("{text}") } else { println!("{text}") }
    }

    fn measure(&mut self, workload: &Workload) -> Results {
        let mut results = Results::default();
        let more = workload.more.iter().filter(|_| self.arguments.all);
        let contenders: Vec<Contender> = workload.contenders.iter().chain(more).copied().collect();
        let rounds = if workload.once { 1 } else { self.arguments.runs };
        for round in 0..rounds {
            for contender in &contenders {
                if *contender == Contender::Nginx && self.programs.nginx.is_none() {
                    continue;
                }
                self.progress(&format!("{} {}: round {} of {rounds}", workload.name, contender.name(), round + 1));
                let folder = self.disk.folder();
                let turn = Turn {
                    contender: *contender,
                    programs: &self.programs,
                    disk: &self.disk,
                    folder: folder.path(),
                    quick: self.arguments.quick,
                };
                results.add(*contender, (workload.run)(&turn));
                if workload.many_files {
                    self.kept.push(folder);
                }
            }
        }
        self.progress("");
        results
    }

    /// Where we are, on a line that the next one takes; for somebody who looks on.
    fn progress(&self, text: &str) {
        if self.onlooker {
            eprint!("\r{text:<79}\r");
        }
    }

    /// What one has to know to compare figures.
    fn conditions(&self) -> Value {
        let nginx = self.programs.nginx.as_deref().and_then(nginx::version);
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        json!({
            "pentaprism": env!("CARGO_PKG_VERSION"),
            "openssl": cfg!(feature = "openssl"),
            "durability": if self.arguments.unsynced { "none" } else { "sync" },
            "nginx": nginx,
            "processors": processors,
            "kernel": kernel.trim(),
            "file system": self.disk.kind(),
            "rounds": self.arguments.runs,
            "quick": self.arguments.quick,
        })
    }
}

/// The conditions on one line.
fn words(conditions: &Value) -> String {
    let of = |(name, value): (&String, &Value)| match value {
        Value::String(text) => format!("{name} {text}"),
        other => format!("{name} {other}"),
    };
    conditions.as_object().into_iter().flatten().map(of).collect::<Vec<_>>().join(", ")
}
