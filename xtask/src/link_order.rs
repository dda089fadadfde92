//! `cargo xtask link-order`: which functions a server runs through until it has answered once, for `crates/pentaprism/build.rs`. Valgrind sees
//! them all.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

const LIST: &str = "crates/pentaprism/link-order.txt";
const PROGRAM: &str = "target/release/pentaprism";
/// glibc's numbers are there already, so that the server does not start a second time, where Valgrind would lose it.
const STARTED: (&str, &str) = ("MALLOC_MMAP_THRESHOLD_", "1114112");

/// Runs the release program once and writes the list.
pub fn run(root: &Path) -> anyhow::Result<()> {
    let built = Command::new("cargo").args(["build", "--release", "-p", "pentaprism"]).current_dir(root).status()?;
    ensure!(built.success(), "the release program could not be built");
    let calls = root.join("target/link-order.calls");
    serve_once(root, &calls)?;
    let calls = std::fs::read_to_string(&calls).context("valgrind left no list of calls")?;
    let functions = functions(&calls);
    ensure!(
        functions.len() > 500,
        "valgrind saw {} functions; is the program stripped of their names?",
        functions.len()
    );
    let list: String = functions.iter().map(|function| format!("{function}\n")).collect();
    std::fs::write(root.join(LIST), list)?;
    eprintln!("{LIST}: {} names", functions.len());
    Ok(())
}

/// A server under Valgrind, from its start to its end, that answers one request.
fn serve_once(root: &Path, calls: &Path) -> anyhow::Result<()> {
    let data = root.join("target/link-order");
    let _none_yet = std::fs::remove_dir_all(&data);
    let mut server = Command::new("valgrind")
        .args(["--tool=callgrind", "--demangle=no", "--compress-strings=no"])
        .arg(format!("--callgrind-out-file={}", calls.display()))
        .arg(root.join(PROGRAM))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(&data)
        .env(STARTED.0, STARTED.1)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("valgrind does not start; on Debian: apt-get install valgrind")?;
    let output = server.stdout.take().context("the output is a pipe")?;
    // Kept to the end: the server goes on to write examples.
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    let address = lines
        .find_map(|line| line.split_once("http://").map(|(_, address)| address.to_owned()))
        .context("the server did not say where it listens")?;
    let mut connection = TcpStream::connect(address)?;
    connection.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "the server answered: {answer}");
    let ended = Command::new("kill").arg(server.id().to_string()).status()?;
    ensure!(ended.success() && server.wait()?.success(), "the server did not end well");
    Ok(())
}

/// The program's own functions, without the hashes in their names.
fn functions(calls: &str) -> BTreeSet<String> {
    let mut functions = BTreeSet::new();
    let mut is_ours = false;
    for line in calls.lines() {
        if let Some(object) = line.strip_prefix("ob=") {
            // Valgrind does not say whose the functions are that lie in the section in front of the others.
            is_ours = object.ends_with(PROGRAM) || object == "???";
        } else if let Some(function) = line.strip_prefix("fn=").filter(|_| is_ours) {
            functions.extend(pattern(function));
        }
    }
    functions
}

/// What a name is looked for by in any build: `17h` and 16 digits stand before the end of most, and behind `Cs` the hash of a crate in
/// others. None for what is no name of a function in a section of its own.
fn pattern(name: &str) -> Option<String> {
    let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || "_$.".contains(c));
    // Callgrind numbers recursive calls behind an apostrophe, LLVM the copies of a private function behind this.
    let name = name.split(['\'']).next()?.split(".llvm.").next()?;
    if !is_name(name) {
        return None;
    }
    if let Some((function, _hash)) = name.rsplit_once("17h") {
        return Some(format!("{function}17h*"));
    }
    if !name.starts_with("_R") {
        return Some(name.to_owned());
    }
    let mut crates = name.split("Cs");
    let mut pattern = crates.next()?.to_owned();
    for behind in crates {
        match behind.split_once('_') {
            Some((hash, rest)) if hash.chars().all(|c| c.is_ascii_alphanumeric()) => pattern.extend(["Cs*_", rest]),
            _ => pattern.extend(["Cs", behind]),
        }
    }
    Some(pattern + "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_differs_from_build_to_build() {
        let calls = "ob=/lib/libc.so.6\nfn=malloc\nob=???\nfn=(below main)\nfn=sqlite3_open'2\n\
                     ob=/x/target/release/pentaprism\nfn=_ZN10pentaprism4main17h382b439b0fe96bccE.llvm.123\nfn=_RNvNtCs6d7GoaNTBIz_3std4time3now\nfl=x\n";
        let expected = ["_RNvNtCs*_3std4time3now*", "_ZN10pentaprism4main17h*", "sqlite3_open"];
        assert_eq!(functions(calls).into_iter().collect::<Vec<_>>(), expected);
    }
}
