//! Tokens and passwords are nowhere to be read: not in what commands say, not in the list of processes, not in what they leave.

use std::net::TcpListener;
use std::path::Path;

use crate::commands::{Told, User};
use crate::commands_profiles::private;
use crate::commands_relay::Relay;
use crate::commands_results::{JPEG, package};

const MARK: &str = "marked-secret-4711";

/// Where a secret can stand: variables, and profiles by their names.
fn profiles(server: &str, folder: &Path) -> String {
    let file = folder.join("home/secret");
    let file = file.display();
    format!(
        "[written]\nserver = \"{server}\"\ntoken = \"{MARK}\"\n\
         [file]\nserver = \"{server}\"\ntoken_file = \"{file}\"\n\
         [variable]\nserver = \"{server}\"\ntoken_env = \"VAULT_TOKEN\"\n\
         [command]\nserver = \"{server}\"\ntoken_command = [\"cat\", \"{file}\"]\n\
         [failing]\nserver = \"{server}\"\ntoken_command = [\"sh\", \"-c\", \"cat {file}; exit 3\"]\n\
         [oauth]\nserver = \"{server}\"\n[oauth.oauth]\ntoken_url = \"{server}/token\"\nclient_id = \"me\"\nclient_secret = \"{MARK}\"\n\
         [password.glance.keystone]\nauth_url = \"{server}/v3\"\nusername = \"me\"\npassword = \"{MARK}\"\n\
         [credential.glance.keystone]\nauth_url = \"{server}/v3\"\napplication_credential_id = \"me\"\n\
         application_credential_secret = \"{MARK}\"\n"
    )
}

const NAMES: [&str; 8] = ["written", "file", "variable", "command", "failing", "oauth", "password", "credential"];

fn is_silent(told: &Told) {
    assert!(!format!("{told:?}").contains(MARK), "{told:?}");
}

/// Every failing command of every profile, in both forms.
fn fail_everywhere(user: &User) {
    user.file("app", &package());
    user.file("a.jpg", JPEG);
    for profile in NAMES {
        let address = |rest: &str| format!("{profile}/{rest}");
        let glance = address("glance:disk");
        let mut commands =
            vec![vec!["ls", &glance], vec!["stat", &glance], vec!["cp", "app", &glance], vec!["doctor", profile]];
        let (sphere, pingone) = (address("sphere:"), address("pingone:"));
        if !["password", "credential"].contains(&profile) {
            commands.extend([vec!["cp", "app", &sphere], vec!["cp", "a.jpg", &pingone]]);
        }
        for mut command in commands {
            command.extend(["--retries", "0"]);
            for form in [&[][..], &["--json"], &["--color", "always"]] {
                let told = user.told(&[&command[..], form].concat());
                assert!(told.code.is_some_and(|code| code != 0 && code != 101), "{told:?}");
                is_silent(&told);
            }
        }
    }
}

/// No file that commands have left has the secret.
fn nothing_is_left(user: &User) {
    let mut folders = vec![user.home().join(".local"), user.work()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).expect("it can be read");
            assert!(!bytes.windows(MARK.len()).any(|window| window == MARK.as_bytes()), "{}", path.display());
        }
    }
}

#[test]
fn no_failure_tells_a_secret() {
    let mut user = User::new();
    user.set("VAULT_TOKEN", MARK);
    private(&user, "secret", MARK);
    let refusing = user.fresh.server.url();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let nobody = format!("http://{}", listener.local_addr().expect("it listens"));
    drop(listener);
    for server in [refusing, nobody] {
        let text = profiles(&server, user.fresh.folder.path());
        private(&user, ".config/pentaprism/profiles.toml", &text);
        fail_everywhere(&user);
    }
    nothing_is_left(&user);
}

#[test]
fn no_variable_is_repeated() {
    let mut user = User::new();
    let server = user.fresh.server.url();
    let with_password = server.replace("://", &format!("://me:{MARK}@"));
    for (variables, command) in [
        (vec![("PENTAPRISM_TOKEN", MARK)], &["ls", "glance:"][..]),
        (vec![("PENTAPRISM_TOKEN", MARK)], &["doctor"]),
        (vec![("PENTAPRISM_SERVER", with_password.as_str())], &["ls", "glance:"]),
        (vec![("PENTAPRISM_SERVER", with_password.as_str())], &["doctor"]),
        (
            vec![("PENTAPRISM_SERVER", ""), ("OS_AUTH_URL", &server), ("OS_USERNAME", "me"), ("OS_PASSWORD", MARK)],
            &["ls", "glance:"],
        ),
        (
            vec![
                ("PENTAPRISM_SERVER", ""),
                ("OS_AUTH_TYPE", "admin_token"),
                ("OS_ENDPOINT", &server),
                ("OS_TOKEN", MARK),
            ],
            &["doctor"],
        ),
        (vec![("PENTAPRISM_TOKEN", &format!("two\nlines-{MARK}"))], &["ls", "glance:"]),
        (vec![("PENTAPRISM_TOKEN", &format!("ünsendable\u{7f}{MARK}"))], &["ls", "glance:"]),
    ] {
        for (name, value) in &variables {
            user.set(name, value);
        }
        for form in [&[][..], &["--json"]] {
            let told = user.told(&[command, form].concat());
            assert!(told.code.is_some_and(|code| code != 0 && code != 101), "{told:?}");
            is_silent(&told);
        }
        for (name, _) in &variables {
            user.set(name, "");
        }
        user.set("PENTAPRISM_SERVER", &server);
    }
}

/// A profile that is wrong is shown in part, so that the mistake is found; never the part with the secret.
#[test]
fn a_wrong_profile_is_not_quoted_with_its_secret() {
    let user = User::new();
    for text in [
        format!("[p]\ntoken = \"{MARK}\" \"again\"\n"),
        format!("[p]\ntoken = [\"{MARK}\"]\n"),
        format!("[p]\nserver = \"http://a.example\"\ntokken = \"{MARK}\"\n"),
        format!("[p]\nserver = \"{MARK}\"\n"),
        format!("[p]\nserver = \"http://me:{MARK}@a.example\"\n"),
        format!("[p]\nserver = \"http://a.example\"\ntoken = \"{MARK}\"\ntoken_file = \"x\"\n"),
    ] {
        private(&user, ".config/pentaprism/profiles.toml", &text);
        for command in [&["ls", "p/glance:"][..], &["doctor", "p"]] {
            let told = user.told(command);
            assert_eq!(told.code, Some(2), "{told:?}");
            if !text.contains(&format!("server = \"{MARK}\"")) {
                is_silent(&told);
            }
        }
    }
}

#[test]
fn no_process_shows_a_token_and_no_progress_does() {
    let mut user = User::new();
    let relay = Relay::to(user.fresh.server.address());
    private(&user, "secret", "pentaprism-dev");
    let text = format!("[lab]\nserver = \"{}\"\ntoken_command = [\"cat\", \"../home/secret\"]\n", relay.url());
    private(&user, ".config/pentaprism/profiles.toml", &text);
    user.set("PENTAPRISM_SERVER", "");
    user.long_file("long", 64);
    relay.change(|passed| passed.hold_chunks_at = Some(1));
    let running = user.start(&["cp", "--parallel", "1", "long", "lab/sf:long"]);
    relay.wait("a chunk that is held", |passed| passed.held > 0);
    let line = std::fs::read(format!("/proc/{}/cmdline", running.id()));
    let environment = std::fs::read(format!("/proc/{}/environ", running.id()));
    for seen in [line, environment].into_iter().flatten() {
        let seen = String::from_utf8_lossy(&seen).into_owned();
        assert!(!seen.contains("pentaprism-dev"), "{seen}");
    }
    running.signal("INT");
    let told = running.told();
    assert_eq!(told.code, Some(130), "{told:?}");
    assert!(told.errors.contains("long -> ") && !told.errors.contains("pentaprism-dev"), "{told:?}");
    relay.drop_held();
    let notes = user.home().join(".local/state/pentaprism/transfers");
    for note in user.notes() {
        let text = std::fs::read_to_string(notes.join(note)).expect("it can be read");
        assert!(!text.contains("pentaprism-dev"), "{text}");
    }
}
