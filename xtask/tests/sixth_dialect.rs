//! A sixth dialect costs a spec and a handler: a copy of the workspace gets both, is generated, compiled and called.

use std::path::{Path, PathBuf};
use std::process::Command;

const MANIFEST: &str = r#"[package]
name = "toy-server"
version = "0.1.0"
edition = "2024"

[dependencies]
http.workspace = true
pentaprism-client.workspace = true
pentaprism-core.workspace = true
pentaprism-server = { workspace = true, features = ["connection"] }
tokio = { workspace = true, features = ["macros", "rt"] }
"#;

#[test]
fn a_spec_and_a_handler_make_a_dialect() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path();
    for name in ["core", "server", "client"] {
        copy(workspace, root, &Path::new("crates").join(name));
    }
    for name in ["Cargo.lock", "rustfmt.toml", "clippy.toml"] {
        std::fs::copy(workspace.join(name), root.join(name)).expect("the file is copied");
    }
    write_manifest(workspace, root);
    copy(workspace, root, Path::new("specs"));
    let fixtures = workspace.join("xtask/tests/fixtures");
    for spec in ["toy.yaml", "numbers.yaml", "lists.yaml", "ranges.yaml"] {
        std::fs::copy(fixtures.join(spec), root.join("specs").join(spec)).expect("the spec is copied");
    }
    std::fs::create_dir_all(root.join("crates/toy/src")).expect("the folder is made");
    std::fs::write(root.join("crates/toy/Cargo.toml"), MANIFEST).expect("the manifest is written");
    std::fs::copy(fixtures.join("toy_server/main.rs"), root.join("crates/toy/src/main.rs")).expect("it is copied");

    assert!(xtask::codegen::run(root, true).is_err_and(|error| error.to_string().contains("cargo xtask codegen")));
    xtask::codegen::run(root, false).expect("the specs generate");
    xtask::codegen::run(root, true).expect("a second look finds nothing to do");

    let output = Command::new("cargo")
        .args(["run", "--quiet", "--offline", "--package", "toy-server"])
        .current_dir(root)
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("sixth-dialect"))
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let expected = "Ok(true)\n100\nOk(PutToyOk { x_weight: 5, body: Toy { name: \"attic/box/duck & co\", weight: Decimal(5), \
                    colour: Some(LightBlue), type_: None } })\n409 Conflict taken\nOk(CountToysOk { body: \"1\" })\n\
                    Some(Refused(NotFound))\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}

/// The workspace's manifest with the copied members only; path dependencies on others are left out, and so is what is
/// generated for a testkit that is not there.
fn write_manifest(workspace: &Path, root: &Path) {
    let manifest = std::fs::read_to_string(workspace.join("Cargo.toml")).expect("the manifest is readable");
    let kept = manifest.lines().filter(|line| {
        let absent = ["pentaprism-store", "pentaprism-testkit", "pentaprism =", "default-members"];
        !absent.iter().any(|name| line.starts_with(name))
    });
    let text = kept
        .collect::<Vec<_>>()
        .join("\n")
        .replace("\"crates/*\", \"xtask\"]", "\"crates/*\"]\nexclude = [\"crates/testkit\"]");
    std::fs::write(root.join("Cargo.toml"), text).expect("the manifest is written");
}

/// Copies a folder without tests that need the rest of the workspace.
fn copy(from: &Path, to: &Path, folder: &Path) {
    std::fs::create_dir_all(to.join(folder)).expect("the folder is made");
    for entry in std::fs::read_dir(from.join(folder)).expect("the folder is readable") {
        let entry = entry.expect("the entry is readable");
        let path: PathBuf = folder.join(entry.file_name());
        if entry.file_type().expect("it has a type").is_dir() {
            if !["tests", "exchanges"].iter().any(|name| entry.file_name() == *name) {
                copy(from, to, &path);
            }
        } else {
            std::fs::copy(entry.path(), to.join(&path)).expect("the file is copied");
        }
    }
}
