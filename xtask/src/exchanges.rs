//! `cargo xtask exchanges`: whether every documented status and condition has an exchange, and whether all of them hold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::codegen;
use crate::names;
use crate::spec::model::{Operation, Spec};

/// The test binaries that play exchanges: package, and what it plays them against.
const DRIVES: &[(&str, &str)] = &[("pentaprism-testkit", "client and codec"), ("pentaprism", "server")];

/// Exchange files of a dialect: text by name.
pub type Files = BTreeMap<String, String>;

/// What a dialect documents, and what of it is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Operations of the spec.
    pub operations: usize,
    /// The file that each documented status or condition has to have.
    pub wanted: BTreeSet<String>,
    /// Wanted files that are there.
    pub shown: usize,
    /// What is wrong, a line each: missing, superfluous and repeated files, statuses that no file can show.
    pub findings: Vec<String>,
}

impl Coverage {
    /// How much of what is documented is shown, in tenths of a percent, rounded down.
    pub fn per_mille(&self) -> usize {
        if self.wanted.is_empty() { 1000 } else { self.shown * 1000 / self.wanted.len() }
    }
}

/// Compares a spec with the names of its exchanges.
pub fn coverage(spec: &Spec, files: &Files) -> Coverage {
    let mut coverage = Coverage { operations: spec.operations.len(), ..Coverage::default() };
    for operation in &spec.operations {
        for file in wanted(spec, operation, &mut coverage.findings) {
            if !coverage.wanted.insert(file.clone()) {
                coverage.findings.push(format!("{}: two conditions want {file}; rename one of them", spec.file));
            }
        }
    }
    let folder = format!("specs/exchanges/{}", spec.dialect);
    for file in coverage.wanted.iter().filter(|file| !files.contains_key(*file)) {
        coverage.findings.push(format!("{folder}/{file}: missing; write it"));
    }
    for file in files.keys().filter(|file| !coverage.wanted.contains(*file)) {
        coverage.findings.push(format!("{folder}/{file}: {}", superfluous(file, &coverage.wanted)));
    }
    let mut stories: BTreeMap<String, &str> = BTreeMap::new();
    for (file, text) in files {
        if let Some(twin) = stories.insert(story(text), file) {
            coverage.findings.push(format!("{folder}/{file}: the same story as {twin}; show the other condition"));
        }
    }
    coverage.shown = coverage.wanted.iter().filter(|file| files.contains_key(*file)).count();
    coverage
}

/// The names of the files that an operation needs.
fn wanted(spec: &Spec, operation: &Operation, findings: &mut Vec<String>) -> Vec<String> {
    let name = names::module(&operation.id);
    let mut files = Vec::new();
    for documented in &operation.responses {
        let prefix = documented.status.map(|status| format!("{name}.{status}"));
        match (prefix, documented.when.is_empty()) {
            (Some(prefix), true) => files.push(format!("{prefix}.http")),
            (Some(prefix), false) => files.extend(documented.when.keys().map(|slug| format!("{prefix}-{slug}.http"))),
            (None, false) => files.extend(documented.when.keys().map(|slug| format!("{name}.{slug}.http"))),
            (None, true) => findings.push(format!(
                "{}: `default` of {} names no condition; list them under x-when",
                spec.file, operation.id
            )),
        }
    }
    files
}

/// Why a file is none of the wanted ones.
fn superfluous(file: &str, wanted: &BTreeSet<String>) -> String {
    let begins_with = |beginning: &str| -> Vec<&str> {
        wanted.iter().map(String::as_str).filter(|wanted| wanted.starts_with(beginning)).collect()
    };
    let operation = file.split_inclusive('.').next().unwrap_or_default();
    let status = file.get(..operation.len() + 3).unwrap_or_default();
    let (of_operation, of_status) = (begins_with(operation), begins_with(status));
    match (of_operation.is_empty(), of_status.is_empty()) {
        (true, _) => "the spec has no such operation; rename it or delete it".to_owned(),
        (false, true) => "the operation does not document this status; rename it or delete it".to_owned(),
        (false, false) => format!("no documented condition; the status has {}", of_status.join(", ")),
    }
}

/// A file without its comments: what two files must not have in common.
fn story(text: &str) -> String {
    let preamble_ends = text.find("\n### ").unwrap_or(0);
    let (preamble, blocks) = text.split_at(preamble_ends);
    preamble.lines().filter(|line| line.starts_with("given:")).collect::<String>() + blocks
}

/// Prints a table per dialect and fails below 100 percent; unless `coverage_only`, also plays every exchange.
pub fn run(root: &Path, coverage_only: bool) -> anyhow::Result<()> {
    let mut findings = Vec::new();
    let specs = codegen::load_specs(root)?;
    let mut table =
        format!("{:<16} {:>10} {:>10} {:>6} {:>8}\n", "dialect", "operations", "documented", "files", "shown");
    for spec in &specs {
        let files = read(&root.join("specs/exchanges").join(&spec.dialect))?;
        let coverage = coverage(spec, &files);
        let (whole, tenth) = (coverage.per_mille() / 10, coverage.per_mille() % 10);
        table += &format!(
            "{:<16} {:>10} {:>10} {:>6} {:>6} %\n",
            spec.dialect,
            coverage.operations,
            coverage.wanted.len(),
            files.len(),
            format!("{whole}.{tenth}")
        );
        findings.extend(coverage.findings);
    }
    findings.extend(strangers(root, &specs)?);
    print(&table)?;
    ensure!(findings.is_empty(), "{} findings\n{}", findings.len(), findings.join("\n"));
    if !coverage_only {
        play(root)?;
    }
    Ok(())
}

#[allow(clippy::print_stdout, reason = "the table is what the command is for")]
fn print(text: &str) -> anyhow::Result<()> {
    print!("{text}");
    std::io::Write::flush(&mut std::io::stdout()).context("cannot print")
}

fn read(folder: &Path) -> anyhow::Result<Files> {
    let mut files = Files::new();
    if !folder.is_dir() {
        return Ok(files);
    }
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let text =
            std::fs::read_to_string(entry.path()).with_context(|| format!("cannot read {}", entry.path().display()))?;
        files.insert(name, text);
    }
    Ok(files)
}

/// Folders that belong to no spec.
fn strangers(root: &Path, specs: &[Spec]) -> anyhow::Result<Vec<String>> {
    let folder = root.join("specs/exchanges");
    let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut findings = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() && !specs.iter().any(|spec| spec.dialect == name) {
            findings.push(format!("specs/exchanges/{name}: no spec has this name; rename it or delete it"));
        }
    }
    Ok(findings)
}

/// Runs every test binary; each prints how many exchanges hold, by dialect and drive.
fn play(root: &Path) -> anyhow::Result<()> {
    let mut failed = Vec::new();
    for (package, against) in DRIVES {
        let status = Command::new("cargo")
            .args(["test", "--quiet", "--package", package, "--test", "exchanges", "--", "--quiet"])
            .current_dir(root)
            .env_remove("UPDATE_EXCHANGES")
            .status()
            .context("cannot start cargo")?;
        if !status.success() {
            failed.push(format!("against {against}; see `cargo test -p {package} --test exchanges`"));
        }
    }
    ensure!(failed.is_empty(), "some exchanges do not hold\n{}", failed.join("\n"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: &str = "\
openapi: 3.1.0
info: {title: Doors, version: '1', description: Opens doors.}
paths:
  /doors:
    get:
      operationId: listDoors
      summary: List doors.
      responses:
        '200': {description: The doors.}
        '404': {description: No house.}
        default: {description: Trouble., content: {text/plain: {schema: {type: string}}}}
      x-responses:
        '200':
          x-when: {none: there is none, some: there are some}
        default:
          x-when: {400-bad-knock: the knock was bad}
";

    fn files(names: &[&str]) -> Files {
        names.iter().map(|name| ((*name).to_owned(), format!("# {name}\n\n### request\n{name}"))).collect()
    }

    fn covered(files: &Files) -> Coverage {
        coverage(&crate::spec::load("specs/doors.yaml", SPEC).unwrap(), files)
    }

    #[test]
    fn each_status_and_condition_wants_one_file() {
        let all = [
            "list_doors.200-none.http",
            "list_doors.200-some.http",
            "list_doors.400-bad-knock.http",
            "list_doors.404.http",
        ];
        let coverage = covered(&files(&all));
        assert_eq!(coverage.wanted.iter().map(String::as_str).collect::<Vec<_>>(), all);
        assert_eq!((coverage.operations, coverage.shown, coverage.per_mille()), (1, 4, 1000));
        assert!(coverage.findings.is_empty(), "{:?}", coverage.findings);
    }

    #[test]
    fn missing_and_superfluous_files_are_named() {
        let coverage = covered(&files(&[
            "list_doors.200-none.http",
            "list_doors.200-sone.http",
            "list_doors.400-bad-knock.http",
            "list_doors.500.http",
            "open_doors.200.http",
        ]));
        assert_eq!((coverage.shown, coverage.per_mille()), (2, 500));
        let folder = "specs/exchanges/doors";
        assert_eq!(
            coverage.findings,
            [
                format!("{folder}/list_doors.200-some.http: missing; write it"),
                format!("{folder}/list_doors.404.http: missing; write it"),
                format!(
                    "{folder}/list_doors.200-sone.http: no documented condition; the status has list_doors.200-none.http, \
                     list_doors.200-some.http"
                ),
                format!(
                    "{folder}/list_doors.500.http: the operation does not document this status; rename it or delete it"
                ),
                format!("{folder}/open_doors.200.http: the spec has no such operation; rename it or delete it"),
            ]
        );
    }

    #[test]
    fn a_copy_under_another_name_shows_nothing() {
        let mut files = files(&["list_doors.400-bad-knock.http", "list_doors.404.http", "list_doors.200-none.http"]);
        let copy = files["list_doors.200-none.http"].replace("# list_doors", "# other words about list_doors");
        files.insert("list_doors.200-some.http".to_owned(), copy);
        let finding = "specs/exchanges/doors/list_doors.200-some.http: the same story as list_doors.200-none.http; show the \
                       other condition";
        assert_eq!(covered(&files).findings, [finding]);
    }
}
