//! Where commands find a service and its token: profiles, variables, what OpenStack's clients read, and Keystone.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::mpsc;

use pentaprism_testkit::server_process::ServerProcess;
use serde_json::{Value, json};

use crate::commands::{User, VIEW};
use crate::commands_results::{JPEG, package, picture};
use crate::support::program;

const TENANT: &str = "768c2cd6-1bf0-4521-9f53-084a331d81cb";
const ENVIRONMENT: &str = "abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6";
const ITWIN: &str = "c6b0bf8d-033d-4291-9931-9b20f2135111";

/// A user who has nothing but files: no variable says where the server is. Gives its address, too.
fn without_variables() -> (User, String) {
    let mut user = User::new();
    let url = user.fresh.server.url();
    user.set("PENTAPRISM_SERVER", "");
    (user, url)
}

/// Writes a file of the user's home that nobody else can read.
pub(crate) fn private(user: &User, name: &str, text: &str) -> String {
    let path = user.fresh.file(&format!("home/{name}"), text.as_bytes());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("the file is ours");
    path.to_str().expect("the path is text").to_owned()
}

fn program_file(user: &User, name: &str, script: &str) -> String {
    let path = private(user, name, script);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).expect("the file is ours");
    path
}

#[test]
fn a_profile_serves_all_apis() {
    let (user, url) = without_variables();
    let text = format!(
        "[lab]\nserver = \"{url}\"\ntoken = \"pentaprism-dev\"\n[lab.azure_sphere]\ntenant = \"{TENANT}\"\n\
         [lab.saved_views]\nitwin = \"{ITWIN}\"\n[lab.pingone]\nenvironment = \"{ENVIRONMENT}\"\n"
    );
    private(&user, ".config/pentaprism/profiles.toml", &text);
    user.file("a.jpg", JPEG);
    user.file("a.png", &picture(9, 9));
    user.file("app", &package());
    for (source, target) in [
        ("app", "lab/glance:disk"),
        ("app", "lab/sf:Store/app"),
        ("app", "lab/sphere:"),
        ("a.jpg", "lab/pingone:"),
        ("a.png", &format!("lab/views:{VIEW}")),
    ] {
        let copied = user.done(&["cp", source, target]);
        let (begin, _) = target.split_once(':').expect("it is an address");
        assert!(copied.starts_with(&format!("{begin}:")), "{copied}");
        user.done(&["cp", "--force", copied.trim(), "back"]);
        assert!(user.read("back") == user.read(source), "{target}");
    }
    assert_eq!(user.done(&["ls", "lab/views:"]), format!("lab/views:{VIEW}  Default view\n"));
    assert!(!user.done(&["doctor", "--write", "lab"]).contains("failed "));
}

#[test]
fn a_token_can_be_in_a_file_a_variable_or_a_command() {
    let (mut user, url) = without_variables();
    let file = private(&user, "token", "pentaprism-dev\n");
    let command =
        program_file(&user, "print-token", "#!/bin/sh\necho pentaprism-dev\necho called >> \"$HOME/calls\"\n");
    user.set("VAULT_TOKEN", "pentaprism-dev");
    let text = format!(
        "[file]\nserver = \"{url}\"\ntoken_file = \"{file}\"\n[variable]\nserver = \"{url}\"\ntoken_env = \"VAULT_TOKEN\"\n\
         [command]\nserver = \"{url}\"\ntoken_command = [\"{command}\"]\n\
         [wrong]\nserver = \"{url}\"\ntoken_command = [\"false\"]\n\
         [nothing]\nserver = \"{url}\"\ntoken_env = \"NO_SUCH_VARIABLE\"\n"
    );
    let elsewhere = private(&user, "elsewhere/of-mine.toml", &text);
    user.set("PENTAPRISM_PROFILES", &elsewhere);
    user.file("a", b"a");
    for profile in ["file", "variable", "command"] {
        user.done(&["cp", "a", &format!("{profile}/glance:{profile}")]);
    }
    assert_eq!(user.done(&["ls", "command/glance:"]).lines().count(), 3);
    let calls = std::fs::read_to_string(user.home().join("calls")).expect("the command was run");
    assert_eq!(calls.lines().count(), 2, "it is run once for each command");
    user.fails(&["ls", "wrong/glance:"], 4, "notAllowed", "there is no token").has_hint();
    user.fails(&["ls", "nothing/glance:"], 2, "usage", "NO_SUCH_VARIABLE").has_hint();
    user.set("PENTAPRISM_PROFILES", "");
    user.done(&["ls", "--profiles", &elsewhere, "file/glance:"]);
    user.fails(&["ls", "file/glance:"], 2, "usage", "there is no profile `file`").has_hint();
}

#[test]
fn openstacks_variables_and_clouds() {
    let (mut user, url) = without_variables();
    user.file("a", b"a");
    for (name, value) in [("OS_AUTH_TYPE", "admin_token"), ("OS_ENDPOINT", &url), ("OS_TOKEN", "pentaprism-dev")] {
        user.set(name, value);
    }
    user.done(&["cp", "a", "glance:a"]);
    user.set("OS_TOKEN", "a-wrong-one");
    user.fails(&["ls", "glance:"], 4, "notAllowed", "401").has_hint();
    for name in ["OS_AUTH_TYPE", "OS_ENDPOINT", "OS_TOKEN"] {
        user.set(name, "");
    }
    let clouds = format!(
        "clouds:\n  here:\n    auth_type: admin_token\n    auth:\n      endpoint: {url}\n      token: pentaprism-dev\n"
    );
    private(&user, ".config/openstack/clouds.yaml", &clouds);
    user.set("OS_CLOUD", "here");
    assert!(user.done(&["ls", "glance:"]).ends_with("  a\n"));
    user.set("OS_CLOUD", "");
    private(&user, ".config/pentaprism/profiles.toml", "[stack.glance]\ncloud = \"here\"\n");
    assert!(user.done(&["ls", "stack/glance:"]).ends_with("  a\n"));
}

/// A Keystone that knows one password, and hands out the token of the server at `image`. Tells the logins that it was asked for.
fn keystone(image: &str, password: &'static str) -> (String, mpsc::Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}/v3", listener.local_addr().expect("it listens"));
    let endpoint = json!({ "interface": "public", "region": "One", "region_id": "One", "url": image, "id": "1" });
    let catalog = json!([{ "type": "image", "name": "glance", "id": "2", "endpoints": [endpoint] }]);
    let good = json!({ "token": {
        "expires_at": "2999-01-01T00:00:00.000000Z", "issued_at": "2026-01-01T00:00:00.000000Z", "methods": ["password"],
        "catalog": catalog, "user": { "id": "3", "name": "me", "domain": { "id": "default", "name": "Default" } },
    } });
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.expect("connections come"));
            let (mut head, mut length) = (String::new(), 0);
            while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).is_ok_and(|count| count > 0) {
                let line = head.lines().next_back().unwrap_or_default().to_ascii_lowercase();
                length = line.strip_prefix("content-length: ").map_or(length, |text| text.parse().unwrap_or(0));
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).expect("the body is whole");
            let login: Value = serde_json::from_slice(&body).unwrap_or_default();
            let known = login["auth"]["identity"]["password"]["user"]["password"] == password;
            let _test_has_ended = tell.send(login);
            let (status, body) = if known && head.starts_with("POST /v3/auth/tokens ") {
                ("201 Created\r\nX-Subject-Token: pentaprism-dev", good.to_string())
            } else {
                let error = json!({ "error": { "code": 401, "message": "wrong", "title": "Unauthorized" } });
                ("401 Unauthorized", error.to_string())
            };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            stream.get_mut().write_all(answer.as_bytes()).expect("the client listens");
        }
    });
    (url, told)
}

#[test]
fn keystone_gives_a_token_for_a_password() {
    let (mut user, url) = without_variables();
    let (auth, logins) = keystone(&url, "a password");
    user.file("a", b"a");
    for (name, value) in [
        ("OS_AUTH_URL", auth.as_str()),
        ("OS_USERNAME", "me"),
        ("OS_PASSWORD", "a password"),
        ("OS_PROJECT_NAME", "mine"),
        ("OS_USER_DOMAIN_NAME", "Default"),
        ("OS_PROJECT_DOMAIN_NAME", "Default"),
        ("OS_REGION_NAME", "One"),
    ] {
        user.set(name, value);
    }
    user.done(&["cp", "a", "glance:a"]);
    let login = logins.try_recv().expect("it logged in");
    assert!(logins.try_recv().is_err(), "one login is enough for a command");
    assert_eq!(login["auth"]["identity"]["password"]["user"]["name"], "me");
    assert_eq!(login["auth"]["scope"]["project"]["name"], "mine");
    // It also looks at the other APIs, which are then at a server on the usual port, if one is there.
    let doctor = user.told(&["doctor"]).output;
    assert!(doctor.contains("ok       glance: images can be listed"), "{doctor}");
    user.set("OS_PASSWORD", "another-marked-password");
    let told = user.fails(&["ls", "glance:"], 4, "notAllowed", "");
    assert!(!format!("{told:?}").contains("another-marked-password"));
    user.set("OS_REGION_NAME", "Two");
    user.set("OS_PASSWORD", "a password");
    let told = user.told(&["ls", "glance:"]);
    assert!(told.code != Some(0) && told.errors.contains("Two"), "{told:?}");
}

/// `serve` reads its settings from variables that begin in the same way.
#[test]
fn serve_is_not_disturbed_by_what_is_for_the_commands() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let variables = [
        ("PENTAPRISM_SERVER", "http://127.0.0.1:9"),
        ("PENTAPRISM_TOKEN", "of-another-server"),
        ("PENTAPRISM_PROFILES", "/nowhere/profiles.toml"),
        ("OS_CLOUD", "nowhere"),
    ];
    let server = ServerProcess::start(program(), folder.path(), &variables);
    let mut user = User::new();
    user.set("PENTAPRISM_SERVER", &server.url());
    assert_eq!(user.done(&["ls", "glance:"]), "");
    assert!(server.stop().success());
}
