//! What the tests of the commands share: a user with a home folder, at a server that works, and what commands say to them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use serde_json::Value;

use crate::support::{Fresh, program, run, text};

/// The view that every server has from its first start.
pub(crate) const VIEW: &str = "ACZbDmWhULVChRcDRkoPdLaNv7DGPQORQpkxmyDyE1ERZS7bsqUkWEmr9ZGmC5TopQ";

/// A user: a folder to work in, a home folder, and an environment with nothing else than the address of a server.
pub(crate) struct User {
    pub(crate) fresh: Fresh,
    environment: Vec<(String, String)>,
}

impl User {
    /// Of a server without settings.
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// Of a server with these settings.
    pub(crate) fn with(settings: &[(&str, &str)]) -> Self {
        let fresh = Fresh::start_with(settings);
        let environment = vec![("PENTAPRISM_SERVER".to_owned(), fresh.server.url())];
        let user = Self { fresh, environment };
        std::fs::create_dir_all(user.work()).expect("the folder is made");
        user
    }

    /// Another variable for all commands; an empty value takes one away.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(other, _)| other != name);
        if !value.is_empty() {
            self.environment.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Where commands are started.
    pub(crate) fn work(&self) -> PathBuf {
        self.fresh.folder.path().join("work")
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.fresh.folder.path().join("home")
    }

    /// Writes a file in the folder where commands are started.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        self.fresh.file(&format!("work/{name}"), bytes)
    }

    /// A long file of zeros, which takes no room, but for a number at the start of each MiB.
    pub(crate) fn long_file(&self, name: &str, mebibytes: u64) -> PathBuf {
        use std::os::unix::fs::FileExt as _;
        let path = self.work().join(name);
        let file = std::fs::File::create(&path).expect("the file is made");
        file.set_len(mebibytes << 20).expect("the file gets its length");
        for number in 0..mebibytes {
            file.write_all_at(format!("MiB {number}").as_bytes(), number << 20).expect("the file is written");
        }
        path
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        let path = self.work().join(name);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()))
    }

    /// The names in a folder, sorted.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        names(&self.work().join(folder))
    }

    /// The notes of transfers that were broken off.
    pub(crate) fn notes(&self) -> Vec<String> {
        names(&self.home().join(".local/state/pentaprism/transfers"))
    }

    /// A command with the user's environment and nothing of that of this test.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        self.dress(&mut command);
        command.args(arguments);
        command
    }

    /// Gives a command the user's environment and folder.
    pub(crate) fn dress(&self, command: &mut Command) {
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.home());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.work()).stdin(Stdio::null());
    }

    pub(crate) fn told(&self, arguments: &[&str]) -> Told {
        Told::from(&run(&mut self.command(arguments)), arguments)
    }

    /// With `input` on standard input.
    pub(crate) fn told_with(&self, arguments: &[&str], input: &[u8]) -> Told {
        use std::io::Write as _;
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut to = child.stdin.take().expect("standard input is a pipe");
        let input = input.to_owned();
        // A command that fails early does not read to the end.
        let writer = std::thread::spawn(move || to.write_all(&input).is_ok());
        let output = child.wait_with_output().expect("the program ends");
        let _read_to_the_end = writer.join().expect("the writer does not panic");
        Told::from(&output, arguments)
    }

    /// What a command writes that must succeed.
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let told = self.told(arguments);
        assert_eq!(told.code, Some(0), "{told:?}");
        told.output
    }

    /// The JSON that a command writes that must succeed.
    pub(crate) fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let told = self.told(&with_json(arguments));
        assert_eq!(told.code, Some(0), "{told:?}");
        told.json()
    }

    /// Asserts that a command fails so: its exit code, the kind in JSON, and a part of what it says.
    pub(crate) fn fails(&self, arguments: &[&str], code: i32, kind: &str, said: &str) -> Told {
        let told = self.told(arguments);
        assert_eq!(told.code, Some(code), "{told:?}");
        assert!(told.errors.contains("error: ") && told.errors.contains(said), "{told:?}");
        let in_json = self.told(&with_json(arguments));
        assert_eq!(in_json.code, Some(code), "{in_json:?}");
        let error = in_json.error();
        assert_eq!(
            (error["kind"].as_str(), error["exitCode"].as_i64()),
            (Some(kind), Some(i64::from(code))),
            "{error}"
        );
        told
    }

    /// Starts a command, to be ended by a signal.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Running(Some(command.spawn().expect("the program starts")))
    }
}

/// The same command with `--json`.
fn with_json<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&arguments[..1], &["--json"], &arguments[1..]].concat()
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub(crate) struct Told {
    /// Shown when a test fails.
    #[expect(dead_code, reason = "it is read by Debug")]
    arguments: Vec<String>,
    /// Absent when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
    pub(crate) errors: String,
}

impl Told {
    fn from(output: &Output, arguments: &[&str]) -> Self {
        Self {
            arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
            code: output.status.code(),
            output: text(&output.stdout),
            errors: text(&output.stderr),
        }
    }

    /// Standard output as a JSON value for each line.
    pub(crate) fn json(&self) -> Vec<Value> {
        self.output.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
    }

    /// The error on standard error, where it has to be the only line that is one.
    pub(crate) fn error(&self) -> Value {
        let lines = self.errors.lines().map(|line| serde_json::from_str::<Value>(line).expect("each line is JSON"));
        let mut errors = lines.filter_map(|mut line| line.get_mut("error").map(Value::take));
        let error = errors.next().unwrap_or_else(|| panic!("no error: {self:?}"));
        assert!(error["message"].is_string() && error["causes"].is_array(), "{error}");
        error
    }

    /// Asserts that every error says what to do.
    pub(crate) fn has_hint(&self) {
        assert!(self.errors.contains("\n  hint: "), "{self:?}");
    }
}

/// A command that runs. Dropping it kills it.
pub(crate) struct Running(Option<Child>);

impl Running {
    pub(crate) fn id(&self) -> u32 {
        self.0.as_ref().expect("it was not waited for").id()
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        let mut child = self.0.take().expect("it was not waited for");
        child.kill().expect("the process is ours");
        child.wait().expect("the process is ours");
    }

    /// Sends a signal, such as `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.id().to_string()]).status();
        assert!(status.is_ok_and(|status: ExitStatus| status.success()), "the process can be signalled");
    }

    /// Waits for its end.
    pub(crate) fn told(mut self) -> Told {
        let child = self.0.take().expect("it was not waited for");
        Told::from(&child.wait_with_output().expect("the process is ours"), &[])
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            // It may have ended already.
            let _ended = child.kill();
            let _waited = child.wait();
        }
    }
}

/// The names in a folder, sorted; none when it is not there.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
