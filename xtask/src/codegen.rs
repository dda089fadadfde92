//! `cargo xtask codegen`: writes core, server and client bindings from `specs/`; `--check` only compares.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

use crate::emit::{self, Files};
use crate::spec::{self, model::Spec};

/// Reads every spec of a workspace, sorted by name.
pub fn load_specs(root: &Path) -> anyhow::Result<Vec<Spec>> {
    let folder = root.join("specs");
    let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut names = BTreeSet::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if Path::new(&name).extension().is_some_and(|extension| extension == "yaml") {
            names.insert(name);
        }
    }
    let load = |name: &String| {
        let text = std::fs::read_to_string(folder.join(name)).with_context(|| format!("cannot read specs/{name}"))?;
        Ok(spec::load(&format!("specs/{name}"), &text)?)
    };
    names.iter().map(load).collect()
}

/// Writes (or with `check` compares) everything that is generated below `root`.
pub fn run(root: &Path, check: bool) -> anyhow::Result<()> {
    let files = formatted(root, emit::files(&load_specs(root)?))?;
    let stale = stale_files(root, &files)?;
    let mut changed = Vec::new();
    for (path, text) in &files {
        if std::fs::read_to_string(root.join(path)).ok().as_ref() != Some(text) {
            changed.push(path.clone());
        }
    }
    changed.extend(stale.iter().cloned());
    if check {
        let list: Vec<String> = changed.iter().map(|path| format!("  {}", path.display())).collect();
        ensure!(
            changed.is_empty(),
            "generated code is not what the specs say; run `cargo xtask codegen`\n{}",
            list.join("\n")
        );
        return Ok(());
    }
    for (path, text) in &files {
        let path = root.join(path);
        let folder = path.parent().context("generated files lie in folders")?;
        std::fs::create_dir_all(folder)?;
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    for path in stale {
        std::fs::remove_file(root.join(path))?;
    }
    Ok(())
}

/// Files in the generated folders that no spec makes any more.
fn stale_files(root: &Path, files: &Files) -> anyhow::Result<Vec<PathBuf>> {
    let mut stale = Vec::new();
    for of in ["core", "server", "client", "testkit"] {
        let mut folders = vec![PathBuf::from(format!("crates/{of}/src/generated"))];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(root.join(&folder)) else { continue };
            for entry in entries {
                let entry = entry?;
                let path = folder.join(entry.file_name());
                if entry.file_type()?.is_dir() {
                    folders.push(path);
                } else if !files.contains_key(&path) {
                    stale.push(path);
                }
            }
        }
    }
    Ok(stale)
}

/// The same files as the pinned rustfmt writes them. Its refusal means that an emitter wrote something that does not parse.
fn formatted(root: &Path, files: Files) -> anyhow::Result<Files> {
    let format = |(path, text): (PathBuf, String)| {
        let formatted = rustfmt(root, &text).with_context(|| format!("cannot format {}", path.display()))?;
        Ok((path, formatted))
    };
    files.into_iter().map(format).collect()
}

/// Formats one file with the workspace's settings.
pub fn rustfmt(root: &Path, text: &str) -> anyhow::Result<String> {
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024", "--emit", "stdout", "--config-path"])
        .arg(root.join("rustfmt.toml"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("rustfmt cannot be started; add it with `rustup component add rustfmt`")?;
    let mut input = child.stdin.take().context("the pipe was asked for")?;
    let text = text.to_owned();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output()?;
    writer.join().map_err(|_| anyhow::anyhow!("the writing thread panicked"))??;
    if !output.status.success() {
        bail!("rustfmt refuses it:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}
