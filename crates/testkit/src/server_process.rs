//! The real program as a child process, for end-to-end tests and benchmarks: started on a free port, ended by its id.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

/// A running server. Dropping it kills the process.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    scheme: String,
    address: SocketAddr,
    // Kept open, so that the server can go on writing.
    output: BufReader<ChildStdout>,
}

impl ServerProcess {
    /// Starts `program serve` with its data in `data` and settings from `environment`, and waits until it says where it listens.
    ///
    /// # Panics
    /// When the program does not start; its own words are on the test's standard error.
    #[must_use]
    pub fn start(program: &Path, data: &Path, environment: &[(&str, &str)]) -> Self {
        Self::start_with_log(program, data, environment, Stdio::inherit())
    }

    /// As [`start`](Self::start), with its log in `log`.
    ///
    /// # Panics
    /// When the program does not start; its own words are in the log.
    #[must_use]
    pub fn start_with_log(program: &Path, data: &Path, environment: &[(&str, &str)], log: Stdio) -> Self {
        let mut child = Command::new(program)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .env("PENTAPRISM_LOG_LEVEL", "warn")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the program starts");
        let mut output = BufReader::new(child.stdout.take().expect("the output is a pipe"));
        let line = line(&mut output);
        let (before, address) =
            line.rsplit_once("://").unwrap_or_else(|| panic!("the banner `{line}` names no address"));
        let address = address.parse().unwrap_or_else(|_| panic!("the banner `{line}` names no address"));
        let scheme = before.rsplit(' ').next().unwrap_or_default().to_owned();
        Self { child, scheme, address, output }
    }

    /// What the banner says next, behind where the server listens.
    ///
    /// # Panics
    /// When the output cannot be read.
    #[must_use]
    pub fn next_line(&mut self) -> String {
        line(&mut self.output)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// The id of the process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The most memory that it had resident so far, in bytes (`VmHWM`); absent where the system has no `/proc`.
    #[must_use]
    pub fn peak_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
    }

    /// Ends it at once, as a power cut would (SIGKILL).
    ///
    /// # Panics
    /// When the process cannot be waited for.
    pub fn kill(mut self) {
        self.child.kill().expect("the process is ours");
        self.child.wait().expect("the process is ours");
    }

    /// Asks it to stop (SIGTERM) and waits for its end.
    ///
    /// # Panics
    /// When the process cannot be signalled or waited for.
    #[must_use]
    pub fn stop(mut self) -> ExitStatus {
        let signalled = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(signalled.is_ok_and(|status| status.success()), "the process can be signalled");
        self.child.wait().expect("the process is ours")
    }
}

fn line(output: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    output.read_line(&mut line).expect("the banner is readable");
    line.trim().to_owned()
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _waited = self.child.wait();
    }
}
