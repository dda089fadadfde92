//! The README's shell blocks work as printed: they run in order, in one shell, against a fresh server.

use std::path::Path;
use std::process::Command;

use pentaprism::remote::profiles::{ProfilesFile, Sources};

use crate::support::{Fresh, succeed};

#[test]
fn the_uploads_of_the_readme_work_as_pasted() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(workspace.join("README.md")).expect("there is a README");
    let blocks: Vec<&str> = readme.split("\n```sh\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect();
    let pasted: Vec<&str> = blocks.iter().copied().filter(|block| block.contains("127.0.0.1:8470")).collect();
    assert!(pasted.len() == 5, "the README shows an upload for each dialect");
    let fresh = Fresh::start();
    let script = pasted.join("\n").replace("http://127.0.0.1:8470", &fresh.server.url());
    let mut shell = Command::new("bash");
    shell.args(["-euo", "pipefail", "-c", &script]).current_dir(fresh.folder.path());
    let printed = succeed(&mut shell);
    assert_eq!(printed.matches("same bytes").count(), pasted.len(), "{printed}");
}

#[test]
fn the_copies_of_the_readme_work_as_pasted() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(workspace.join("README.md")).expect("there is a README");
    let mut blocks = readme.split("\n```sh\n").skip(1).filter_map(|rest| rest.split("\n```").next());
    let block = blocks.find(|block| block.contains("pentaprism cp")).expect("the README shows copies");
    let fresh = Fresh::start();
    let program = Path::new(env!("CARGO_BIN_EXE_pentaprism")).parent().expect("it is in a folder");
    let path = format!("{}:{}", program.display(), std::env::var("PATH").expect("there is a PATH"));
    let mut shell = Command::new("bash");
    shell.args(["-euo", "pipefail", "-c", block]).current_dir(fresh.folder.path());
    shell.env("PATH", path).env("PENTAPRISM_SERVER", fresh.server.url()).env("PENTAPRISM_TOKEN", "pentaprism-dev");
    let printed = succeed(&mut shell);
    assert_eq!(printed.matches("same bytes").count(), block.matches("same bytes").count(), "{printed}");
    assert!(printed.contains("sf:App/Code/disk.raw"), "the listing names the file: {printed}");
}

#[test]
fn the_profiles_of_the_readme_are_profiles() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(workspace.join("README.md")).expect("there is a README");
    let block = readme.split("\n```toml\n").nth(1).and_then(|rest| rest.split("\n```").next());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("profiles.toml");
    std::fs::write(&file, block.expect("the README shows profiles")).expect("there is room");
    let sources = Sources::new(Vec::new(), folder.path().to_owned(), Some(file));
    for name in ["lab", "cloud", "vendor", "cluster"] {
        assert!(ProfilesFile::read(&sources, name).is_ok_and(|file| file.has(name)), "{name}");
    }
}

#[test]
fn the_readme_names_commands_that_exist() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(workspace.join("README.md")).expect("there is a README");
    for command in ["cargo run --release -- serve", "cargo xtask ci"] {
        assert!(
            readme.contains(&format!("\n{command}\n")),
            "the README does not show `{command}` on a line of its own"
        );
    }
}
