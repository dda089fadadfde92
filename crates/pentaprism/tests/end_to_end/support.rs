//! What these tests share: the program, temporary folders, and commands whose output is looked at.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pentaprism_testkit::server_process::ServerProcess;
use tempfile::TempDir;

/// The program under test.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_pentaprism"))
}

/// A server with a folder of its own.
pub(crate) struct Fresh {
    pub(crate) server: ServerProcess,
    pub(crate) folder: TempDir,
}

impl Fresh {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// With settings from `environment`.
    pub(crate) fn start_with(environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let server = ServerProcess::start(program(), &folder.path().join("data"), environment);
        Self { server, folder }
    }

    /// Writes a file beside the data.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("the folder is made");
        std::fs::write(&path, bytes).expect("the file is written");
        path
    }
}

/// A program that not every machine has. Without it the test that asks is skipped, and says so; in CI that is a failure.
pub(crate) fn client(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    found.or_else(|| missing(name))
}

/// A file or folder of a package of Debian, with the same rule as [`client`].
pub(crate) fn packaged(path: &str) -> Option<PathBuf> {
    Some(PathBuf::from(path)).filter(|path| path.exists()).or_else(|| missing(path))
}

fn missing(what: &str) -> Option<PathBuf> {
    assert!(std::env::var_os("CI").is_none(), "{what} is missing; .ci/run installs it");
    // Not a macro, whose output would be kept back when the test passes.
    let line = format!("SKIPPED: a test needs {what}, which is not on this machine; .ci/run installs it on Debian\n");
    std::io::stderr().write_all(line.as_bytes()).expect("standard error takes text");
    None
}

/// Runs a command that must succeed, and returns what it printed.
pub(crate) fn succeed(command: &mut Command) -> String {
    let output = run(command);
    assert!(output.status.success(), "{command:?} failed\n{}\n{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Runs a command.
pub(crate) fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"))
}

/// Output as text.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Bytes that look random and are the same for the same seed.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
