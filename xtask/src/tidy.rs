//! `cargo xtask tidy`: what no compiler checks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use cargo_metadata::MetadataCommand;

use crate::codegen;

/// Lines that a hand-written module may have.
const MODULE_LINES: usize = 500;
/// Lines that a generated file may have.
const GENERATED_LINES: usize = 900;

/// Licences that a dependency may offer. `OR` needs one of them, `AND` all.
const LICENCES: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Unicode-3.0",
    "Zlib",
    "0BSD",
    "CC0-1.0",
    "Unlicense",
    "MIT-0",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
];

/// Crates that may be there in two versions, each with its reason.
const DUPLICATES: &[(&str, &str)] = &[
    ("bit-vec", "proptest and the writer of test certificates follow different major versions"),
    ("cpufeatures", "the hash crates and rand's generator move at different speeds"),
    ("embedded-io", "postcard can write to both of its kinds; neither is built"),
    ("getrandom", "rand and uuid, tempfile and ring follow different major versions"),
    ("miniz_oxide", "the PNG encoder and its inflater follow different major versions"),
    ("syn", "derive macros move to version 3 one by one"),
    ("thiserror", "an older dependency still derives with version 1"),
    ("thiserror-impl", "goes with thiserror"),
    ("rand", "proptest and others follow different major versions"),
    ("rand_core", "goes with rand"),
    ("rand_chacha", "goes with rand"),
    ("windows-sys", "only compiled on Windows"),
    ("windows-targets", "only compiled on Windows"),
    ("toml_datetime", "figment reads TOML with its own older version"),
    ("serde_spanned", "figment reads TOML with its own older version"),
    ("winnow", "figment reads TOML with its own older version"),
    ("toml", "figment reads TOML with its own older version"),
    ("hashbrown", "indexmap and the SQLite cache follow different major versions"),
];

/// Runs every check and prints all findings at once.
pub fn run(root: &Path) -> anyhow::Result<()> {
    let files = tracked(root)?;
    let mut findings = Vec::new();
    modules(root, &files, &mut findings)?;
    places(root, &files, &mut findings)?;
    decisions(root, &files, &mut findings)?;
    dependencies(root, &mut findings)?;
    if findings.is_empty() {
        return Ok(());
    }
    bail!("{} findings\n{}", findings.len(), findings.join("\n"));
}

fn tracked(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut listing = Command::new("git");
    listing.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root);
    let output = listing.output().context("cannot start git")?;
    let text = String::from_utf8(output.stdout).context("a tracked file has a name that is not UTF-8")?;
    let present = text.split('\0').filter(|name| !name.is_empty() && root.join(name).is_file());
    Ok(present.map(PathBuf::from).collect())
}

fn is_generated(path: &Path) -> bool {
    path.components().any(|component| component.as_os_str() == "generated")
}

/// Every Rust file says in its first line what it is for, and none is too long.
fn modules(root: &Path, files: &[PathBuf], findings: &mut Vec<String>) -> anyhow::Result<()> {
    for path in files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs")) {
        let text = std::fs::read_to_string(root.join(path))?;
        if !text.starts_with("//! ") {
            findings.push(format!("{}:1: no module comment; begin with `//! what it is for`", path.display()));
        }
        let limit = if is_generated(path) { GENERATED_LINES } else { MODULE_LINES };
        let lines = text.lines().count();
        if lines > limit {
            findings.push(format!("{}: {lines} lines, at most {limit}; find the second room in it", path.display()));
        }
    }
    Ok(())
}

/// Nothing names a place that exists on one machine only.
fn places(root: &Path, files: &[PathBuf], findings: &mut Vec<String>) -> anyhow::Result<()> {
    let text_files = ["rs", "md", "yaml", "toml", "py", "sh", "http", "run"];
    for path in files {
        let extension =
            path.extension().or(path.file_name()).and_then(|extension| extension.to_str()).unwrap_or_default();
        if !text_files.contains(&extension) || path.ends_with("xtask/src/tidy.rs") {
            continue;
        }
        let text =
            std::fs::read_to_string(root.join(path)).with_context(|| format!("{} is not UTF-8", path.display()))?;
        for (index, line) in text.lines().enumerate() {
            if ["/root/", "/work/", "../shared"].iter().any(|place| line.contains(place)) {
                let at = format!("{}:{}", path.display(), index + 1);
                findings.push(format!("{at}: names a place of one machine; write a relative or temporary path"));
            }
        }
    }
    Ok(())
}

/// Every decision that a spec names is explained, and every explained one has a number of its own.
fn decisions(root: &Path, files: &[PathBuf], findings: &mut Vec<String>) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(root.join("specs/decisions.md")).context("cannot read specs/decisions.md")?;
    let mut explained = BTreeSet::new();
    for (index, line) in text.lines().enumerate() {
        let Some(id) = line.strip_prefix("## ").and_then(|title| title.split_whitespace().next()) else { continue };
        if id.starts_with("D-") && !explained.insert(id.to_owned()) {
            findings.push(format!("specs/decisions.md:{}: {id} is explained twice; give one a new number", index + 1));
        }
    }
    let mut used = BTreeMap::new();
    for spec in codegen::load_specs(root)? {
        for (id, line) in &spec.decisions {
            used.entry(id.clone()).or_insert_with(|| format!("{}:{line}", spec.file));
        }
    }
    for path in files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs")) {
        let text = std::fs::read_to_string(root.join(path))?;
        for (index, line) in text.lines().enumerate() {
            for id in decision_ids(line) {
                used.entry(id).or_insert_with(|| format!("{}:{}", path.display(), index + 1));
            }
        }
    }
    for (id, place) in &used {
        if !explained.contains(id) {
            findings.push(format!("{place}: {id} is not in specs/decisions.md; explain it there"));
        }
    }
    Ok(())
}

/// `D-` followed by exactly three digits.
fn decision_ids(line: &str) -> impl Iterator<Item = String> + '_ {
    line.match_indices("D-").filter_map(|(at, _)| {
        let begins_a_word = !line[..at].ends_with(|character: char| character.is_alphanumeric());
        let digits = line.get(at + 2..at + 5)?;
        let ends = !line[at + 5..].starts_with(|character: char| character.is_ascii_digit());
        let valid = begins_a_word && ends && digits.bytes().all(|byte| byte.is_ascii_digit());
        valid.then(|| format!("D-{digits}"))
    })
}

/// Dependencies have licences that we may use, and no crate is there twice without a reason.
fn dependencies(root: &Path, findings: &mut Vec<String>) -> anyhow::Result<()> {
    let metadata = MetadataCommand::new().manifest_path(root.join("Cargo.toml")).exec()?;
    let mut versions: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for package in &metadata.packages {
        versions.entry(package.name.as_ref()).or_default().insert(package.version.to_string());
        let licence = package.license.as_deref().unwrap_or_default();
        if !may_use(licence) {
            let name = format!("{} {}", package.name, package.version);
            findings.push(format!("{name}: licence `{licence}` is not among those we may use; choose another crate"));
        }
    }
    for (name, versions) in versions {
        if versions.len() > 1 && !DUPLICATES.iter().any(|(known, _)| *known == name) {
            let list = versions.into_iter().collect::<Vec<_>>().join(" and ");
            findings.push(format!("{name}: versions {list}; settle on one, or give a reason in xtask/src/tidy.rs"));
        }
    }
    Ok(())
}

/// Whether an SPDX expression (without nested brackets) can be fulfilled with the allowed licences.
fn may_use(expression: &str) -> bool {
    let allowed = |licence: &str| LICENCES.contains(&licence.trim().trim_matches(['(', ')']));
    let alternative = |text: &str| text.split(" AND ").all(|all| all.split(" OR ").any(allowed));
    let expression = expression.replace('/', " OR ");
    alternative(&expression) || expression.split(" OR ").any(|text| !text.contains('(') && alternative(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_read_as_expressions() {
        assert!(may_use("MIT OR Apache-2.0"));
        assert!(may_use("MIT/Apache-2.0"));
        assert!(may_use("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(may_use("Apache-2.0 WITH LLVM-exception OR GPL-3.0"));
        assert!(!may_use("GPL-3.0"));
        assert!(!may_use("MIT AND GPL-3.0"));
        assert!(!may_use(""));
    }

    #[test]
    fn decision_ids_are_found_in_prose() {
        let found: Vec<String> = decision_ids("see D-007, D-12, AD-003 and (D-045).").collect();
        assert_eq!(found, ["D-007", "D-045"]);
    }
}
