//! What is made from the definition of the command line: completions that shells take, and a manual without warnings.

use std::path::Path;
use std::process::Command;

use crate::support::{Fresh, client, program, run, succeed, text};

/// Writes what `pentaprism completions` says, for a shell to look at.
fn completions(fresh: &Fresh, shell: &str) -> std::path::PathBuf {
    let script = succeed(Command::new(program()).args(["completions", shell]));
    assert!(script.contains("no-clobber") && script.contains("doctor"), "{shell}");
    fresh.file(&format!("completions.{shell}"), script.as_bytes())
}

#[test]
fn bash_completes() {
    let fresh = Fresh::start();
    let script = completions(&fresh, "bash");
    succeed(Command::new("bash").arg("-n").arg(&script));
    let asked = "source \"$1\"; COMP_WORDS=(pentaprism cp --no); COMP_CWORD=2; _pentaprism pentaprism --no cp; echo \"${COMPREPLY[*]}\"";
    let mut bash = Command::new("bash");
    let completed = succeed(bash.args(["--norc", "-c", asked, "bash"]).arg(&script));
    assert_eq!(completed.trim(), "--no-clobber --no-wait");
}

#[test]
fn zsh_and_fish_take_their_completions() {
    let fresh = Fresh::start();
    for shell in ["zsh", "fish"] {
        let script = completions(&fresh, shell);
        // Not everywhere, and not in CI: for each of them nothing but this test would be there.
        let found = std::env::var_os("PATH")
            .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(shell).is_file()));
        if found {
            succeed(Command::new(shell).arg("-n").arg(&script));
        } else {
            skipped(&format!("{shell} is not on this machine to look at its completions"));
        }
    }
}

#[test]
fn the_manual_renders_without_warnings() {
    let Some(groff) = client("groff") else { return };
    let fresh = Fresh::start();
    let folder = fresh.folder.path().join("man1");
    succeed(Command::new(program()).args(["man", "--folder"]).arg(&folder));
    let pages: Vec<_> =
        std::fs::read_dir(&folder).expect("it was made").map(|page| page.expect("it can be read").path()).collect();
    assert!(pages.len() >= 10, "{pages:?}");
    for page in &pages {
        let rendered = render(&groff, page);
        for heading in ["NAME", "SYNOPSIS", "DESCRIPTION"] {
            assert!(rendered.contains(heading), "{}: {rendered}", page.display());
        }
    }
    let whole = render(&groff, &folder.join("pentaprism.1"));
    for part in ["EXIT CODES", "ENVIRONMENT", "PENTAPRISM_TOKEN", "sf:PATH"] {
        assert!(whole.contains(part), "{part} is not in the manual: {whole}");
    }
    assert_eq!(
        succeed(Command::new(program()).arg("man")).into_bytes(),
        std::fs::read(folder.join("pentaprism.1")).expect("it can be read")
    );
}

fn render(groff: &Path, page: &Path) -> String {
    let output = run(Command::new(groff).args(["-Kutf8", "-man", "-ww", "-Tutf8", "-rLL=100n", "-P-cbou"]).arg(page));
    let warnings = text(&output.stderr);
    assert!(output.status.success() && warnings.is_empty(), "{}: {warnings}", page.display());
    text(&output.stdout)
}

fn skipped(what: &str) {
    use std::io::Write as _;
    // Not a macro, whose output would be kept back when the test passes.
    std::io::stderr().write_all(format!("SKIPPED: {what}\n").as_bytes()).expect("standard error takes text");
}
