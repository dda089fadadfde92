//! What the machine can do: servers that do the least that one could call an upload, each in a process of its own.
//!
//! They are this program again, started with a hidden argument, and end when their standard input does: with whoever started them.

mod pack;
mod server;
mod storage;

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The argument that makes this program a server.
const HIDDEN: &str = "--serve-limit";

/// How much a server does with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Reads and forgets it.
    Drop,
    /// Writes it to a file.
    Write,
    /// Writes it to a temporary file, early to the disk, syncs it, renames it, syncs the folder.
    Fsync,
    /// Appends it to one file; whatever waits is written and synced together.
    Pack,
}

impl Limit {
    const ALL: [Self; 4] = [Self::Drop, Self::Write, Self::Fsync, Self::Pack];

    /// Its name in tables and arguments.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Drop => "limit-drop",
            Self::Write => "limit-write",
            Self::Fsync => "limit-fsync",
            Self::Pack => "limit-pack",
        }
    }
}

/// Becomes a server and does not return, when the arguments say so.
pub(crate) fn serve_if_asked() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some(HIDDEN) {
        return;
    }
    let (name, folder) = (arguments.next().expect("a name follows"), arguments.next().expect("a folder follows"));
    let limit = Limit::ALL.into_iter().find(|limit| limit.name() == name).expect("the name of a limit");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    println!("{}", listener.local_addr().expect("it listens"));
    std::thread::spawn(|| {
        // Whoever started us keeps this open.
        let _ended = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    server::serve(&listener, &storage::Storage::new(limit, Path::new(&folder)));
}

/// A running server of this kind.
#[derive(Debug)]
pub(crate) struct LimitProcess {
    child: Child,
    address: SocketAddr,
}

impl LimitProcess {
    /// Starts it over an empty folder.
    pub(crate) fn start(limit: Limit, folder: &Path) -> Self {
        let program = std::env::current_exe().expect("this program has a path");
        let mut command = Command::new(program);
        command.args([HIDDEN, limit.name()]).arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("this program starts again");
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("the output is a pipe"));
        output.read_line(&mut line).expect("it says where it listens");
        let address = line.trim().parse().unwrap_or_else(|_| panic!("`{line}` is no address"));
        Self { child, address }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The id of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for LimitProcess {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ended = self.child.wait();
    }
}
