//! What people see on a terminal while a copy runs, looked at in tmux: bars that fit, colours or none, and a terminal as it was.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::commands::User;
use crate::commands_relay::Relay;
use crate::support::{client, program, run, succeed, text};

/// How long something may take to appear.
const DEADLINE: Duration = Duration::from_mins(1);

/// A terminal of so many columns in which a shell runs a script. Dropping it ends tmux.
struct Terminal {
    user: User,
    relay: Relay,
    tmux: PathBuf,
}

impl Terminal {
    /// Absent where tmux is not installed. `script` runs the program as `$P`.
    fn start(columns: u32, variables: &[(&str, &str)], script: &str) -> Option<Self> {
        let tmux = client("tmux")?;
        let mut user = User::new();
        let relay = Relay::to(user.fresh.server.address());
        user.set("PENTAPRISM_SERVER", &relay.url());
        user.set("P", program().to_str().expect("the path is text"));
        for (name, value) in variables {
            user.set(name, value);
        }
        user.long_file("long", 64);
        // Two chunks pass, and two are held half sent.
        relay.change(|passed| passed.hold_chunks_at = Some(2));
        let terminal = Self { user, relay, tmux };
        // What stands behind the script stays on the screen until the test has looked at it.
        let script = format!("{script}; echo \"ended $?\"; read -r _");
        let size = [columns.to_string(), "12".to_owned()];
        let arguments = ["-f", "/dev/null", "new-session", "-d", "-x", &size[0], "-y", &size[1], "sh", "-c", &script];
        succeed(terminal.command().args(arguments));
        Some(terminal)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.tmux);
        self.user.dress(&mut command);
        command.env("TERM", "xterm-256color").arg("-u").arg("-S").arg(self.user.fresh.folder.path().join("tmux"));
        command
    }

    /// What is on the screen; with colours as sequences if they are asked for.
    fn screen(&self, colours: bool) -> String {
        let mut command = self.command();
        command.args(["capture-pane", "-p"]);
        if colours {
            command.arg("-e");
        }
        succeed(&mut command).trim_end().to_owned()
    }

    /// Looks until what is on the screen is as it should be.
    fn wait(&self, what: &str, as_it_should: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + DEADLINE;
        loop {
            let screen = self.screen(false);
            if as_it_should(&screen) {
                return screen;
            }
            assert!(Instant::now() < end, "{what} does not appear:\n{screen}");
        }
    }

    fn interrupt(&self) {
        succeed(self.command().args(["send-keys", "C-c"]));
    }

    /// The bar that stays while the copy is held.
    fn held_bar(&self) -> String {
        self.relay.wait("chunks that are held", |passed| passed.held == 2 && passed.taken.len() == 2);
        self.wait("a bar at the middle", |screen| screen.contains("32.0 MiB of 64.0 MiB"))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = run(self.command().arg("kill-server"));
    }
}

const COPY: &str = "\"$P\" cp long sf:long";

#[test]
fn a_bar_shows_how_far_a_copy_is() {
    let Some(terminal) = Terminal::start(100, &[], COPY) else { return };
    let screen = terminal.held_bar();
    let [bar] = &screen.lines().collect::<Vec<_>>()[..] else { panic!("one copy is one line:\n{screen}") };
    for part in ["long -> sf:long", "━━━━", "┄", "50 %"] {
        assert!(bar.contains(part), "{bar}");
    }
    assert!(terminal.screen(true).contains("\x1b[32m"), "what is done is green:\n{}", terminal.screen(true));
    terminal.relay.release();
    let screen = terminal.wait("the end", |screen| screen.contains("ended 0"));
    let lines: Vec<_> = screen.lines().collect();
    assert!(lines.len() == 3 && lines[0].starts_with("long -> sf:long: 64.0 MiB in "), "{screen}");
    assert_eq!(lines[1..], ["sf:long", "ended 0"]);
}

#[test]
fn without_colours_there_are_none() {
    for (variables, flags) in [(&[("NO_COLOR", "1")][..], ""), (&[][..], " --color never")] {
        let Some(terminal) = Terminal::start(100, variables, &format!("{COPY}{flags}")) else { return };
        terminal.held_bar();
        let screen = terminal.screen(true);
        assert!(!screen.contains("\x1b[3") && !screen.contains("\x1b[1m"), "{screen:?}");
    }
}

#[test]
fn a_narrow_terminal_shows_what_fits_in_one_line() {
    for columns in [20, 40, 60] {
        let Some(terminal) = Terminal::start(columns, &[], COPY) else { return };
        terminal.relay.wait("chunks that are held", |passed| passed.held == 2 && passed.taken.len() == 2);
        let screen = terminal.wait("a bar", |screen| screen.contains("long"));
        assert!(screen.lines().count() == 1, "{columns} columns:\n{screen}");
        let narrower = (columns - 5).to_string();
        succeed(terminal.command().args(["resize-window", "-x", &narrower]));
        terminal.relay.release();
        let screen = terminal.wait("the end", |screen| screen.contains("ended 0"));
        assert!(!screen.contains('┄'), "the bar is gone:\n{screen}");
    }
}

#[test]
fn quiet_and_json_show_no_progress() {
    for (flag, output) in [("-q", ""), ("--json", "{\"event\":\"copied\"")] {
        let Some(terminal) = Terminal::start(200, &[], &format!("{COPY} {flag}")) else { return };
        terminal.relay.wait("chunks that are held", |passed| passed.held == 2);
        assert_eq!(terminal.screen(false), "");
        terminal.relay.release();
        let screen = terminal.wait("the end", |screen| screen.contains("ended 0"));
        assert!(screen.starts_with(if output.is_empty() { "ended 0" } else { output }), "{screen}");
    }
}

#[test]
fn what_is_no_terminal_gets_lines() {
    for (variables, script) in [
        (&[][..], "\"$P\" cp long sf:long 2>&1 | cat"),
        (&[("TERM_IS", "dumb")][..], "TERM=dumb \"$P\" cp long sf:long"),
    ] {
        let Some(terminal) = Terminal::start(100, variables, script) else { return };
        terminal.relay.wait("chunks that are held", |passed| passed.held == 2);
        terminal.wait("a line", |screen| screen == "long -> sf:long: 64.0 MiB");
        terminal.relay.release();
        let screen = terminal.wait("the end", |screen| screen.contains("ended 0"));
        assert!(screen.contains("long -> sf:long: done, 64.0 MiB in ") && !screen.contains('━'), "{screen}");
    }
}

#[test]
fn an_interrupt_leaves_the_terminal_as_it_was() {
    let script = "stty -a > before; trap : INT; \"$P\" cp long sf:long; code=$?; stty -a > after; (exit $code)";
    let Some(terminal) = Terminal::start(100, &[], script) else { return };
    terminal.held_bar();
    terminal.interrupt();
    let screen = terminal.wait("the end", |screen| screen.contains("ended 130"));
    assert!(screen.contains("error: interrupted") && screen.contains("hint: "), "{screen}");
    assert!(!screen.contains('━') && !screen.contains("MiB"), "the bar is gone:\n{screen}");
    let cursor = succeed(terminal.command().args(["display-message", "-p", "#{cursor_flag}"]));
    assert_eq!(cursor.trim(), "1", "the cursor is shown");
    assert_eq!(text(&terminal.user.read("before")), text(&terminal.user.read("after")));
}

#[test]
fn several_copies_have_a_line_each_and_a_sum() {
    let Some(terminal) = Terminal::start(100, &[], "cp long other; \"$P\" cp --parallel 2 long other sf:Both/") else {
        return;
    };
    terminal.relay.wait("chunks that are held", |passed| passed.held >= 2);
    let screen = terminal.wait("the sum", |screen| screen.contains("0 of 2 files"));
    assert_eq!(screen.lines().count(), 3, "{screen}");
    terminal.relay.release();
    let screen = terminal.wait("the end", |screen| screen.contains("ended 0"));
    assert!(screen.contains("2 files: 128.0 MiB in ") && !screen.contains('━'), "{screen}");
    assert!(screen.contains("sf:Both/long\n") && screen.contains("sf:Both/other\n"), "{screen}");
}
