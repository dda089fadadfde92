//! Tests of connections: what is read, what is told, and what Keystone is asked.

use std::sync::Mutex;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::remote::address::Address;
use crate::remote::profiles::{connect, place};

fn sources(environment: &[(&str, &str)], folder: &Path) -> Sources {
    let mut variables = vec![("HOME".into(), folder.into())];
    variables.extend(environment.iter().map(|(name, value)| ((*name).into(), (*value).into())));
    Sources { system: "/nowhere".into(), ..Sources::new(variables, folder.into(), None) }
}

/// A connection for the profile `work` with these lines.
fn with_profile(lines: &str, environment: &[(&str, &str)]) -> Result<Connection, ConnectionError> {
    let folder = tempfile::tempdir().unwrap();
    let sources = sources(environment, folder.path());
    let path = place(&sources).unwrap();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path.with_file_name("secret"), "from the file\nand more\n").unwrap();
    std::fs::write(path.with_file_name("empty"), "\n").unwrap();
    std::fs::write(path, format!("[work]\n{lines}\n")).unwrap();
    connect(&address("work/pingone:"), &sources, &clock())
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(pentaprism_client::retry::SystemClock)
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn error(lines: &str) -> String {
    crate::measure::chain(&with_profile(lines, &[]).err().unwrap_or_else(|| panic!("{lines} is taken")))
}

const SERVER: &str = "server = \"https://a.example\"\n";

#[test]
fn secrets_are_read_where_they_are() {
    let made = |lines: &str| with_profile(&format!("{SERVER}{lines}"), &[("T", "from the variable")]).unwrap();
    for lines in ["token_env = \"T\"", "token_file = \"secret\"", "token = \"written\""] {
        let credential = format!("{:?}", made(lines).credential());
        assert!(credential.contains("authorization") && credential.contains('…'), "{credential}");
    }
    let command = made("token_command = [\"print-token\"]");
    assert!(format!("{:?}", command.credential()).contains("from a provider"));
    assert_eq!(format!("{:?}", made("").credential()), "Credential(none)");
    assert_eq!(command.server(), "https://a.example");
}

#[test]
fn what_is_missing_on_this_machine_is_told_at_once() {
    let error = |lines: &str| error(&format!("{SERVER}{lines}"));
    let said = error("token_env = \"NO_SUCH\"");
    assert!(said.starts_with("the environment variable NO_SUCH, named by the profile `work` in `"), "{said}");
    assert!(said.ends_with(", is empty or not there"), "{said}");
    assert!(error("token_file = \"empty\"").ends_with(", is empty or not there"));
    let said = error("token_file = \"no-such-file\"");
    assert!(said.contains("no-such-file`, named by the profile") && said.contains("cannot be read: No such"), "{said}");
    let said = error("token = \"s3cret\\u0001\"");
    assert!(said.contains("cannot be sent") && !said.contains("s3cret"), "{said}");
    let said = error("ca = \"secret\"");
    assert!(said.starts_with("the certificates named by the profile `work` in `"), "{said}");
    assert!(error("client_certificate = \"secret\"").contains("the client certificate is not PEM"));
    let oauth = "oauth = { token_url = \"http://a.example/t\", client_id = \"c\", client_secret = \"s\" }";
    assert!(error(oauth).starts_with("`token_url`, named by the profile"));
}

#[test]
fn secrets_over_open_networks_are_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let warnings = |environment: &[(&str, &str)]| {
        let connection = connect(&address("glance:"), &sources(environment, folder.path()), &clock()).unwrap();
        connection.warnings().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let server = ("PENTAPRISM_SERVER", "http://images.example:8470");
    let expected = "the secret for http://images.example:8470 travels unencrypted; use an https address";
    assert_eq!(warnings(&[server, ("PENTAPRISM_TOKEN", "t")]), [expected]);
    let nothing: [&str; 0] = [];
    assert_eq!(warnings(&[server]), nothing);
    assert_eq!(warnings(&[]), nothing);
    assert_eq!(warnings(&[("PENTAPRISM_SERVER", "https://images.example"), ("PENTAPRISM_TOKEN", "t")]), nothing);
    let keystone = [("OS_AUTH_URL", "http://k.example/v3"), ("OS_USERNAME", "u"), ("OS_PASSWORD", "p")];
    assert!(warnings(&keystone)[0].contains("http://k.example/v3"));
}

#[test]
fn proxies_do_not_stand_between_this_machine_and_itself() {
    let folder = tempfile::tempdir().unwrap();
    let target = |server: &str| {
        let sources = sources(&[("PENTAPRISM_SERVER", server)], folder.path());
        super::super::target(&address("sf:"), &sources).unwrap()
    };
    assert!(!uses_proxy(&target("http://127.0.0.1:8470")));
    assert!(uses_proxy(&target("https://images.example")));
}

/// Answers every request with `body` as Keystone would, and notes what it was asked.
async fn keystone(body: String) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let notes = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            // The body is JSON, so it ends with a brace after the head.
            while !(request.ends_with(b"}") && request.windows(4).any(|bytes| bytes == b"\r\n\r\n")) {
                if stream.read_buf(&mut request).await.unwrap() == 0 {
                    break;
                }
            }
            notes.lock().unwrap().push(String::from_utf8(request).unwrap());
            let head = "HTTP/1.1 201 Created\r\nX-Subject-Token: s3cret-token\r\nContent-Type: application/json\r\n";
            let answer = format!("{head}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, asked)
}

fn issued(endpoints: &str) -> String {
    format!(
        r#"{{"token":{{"expires_at":"2999-01-01T00:00:00Z","catalog":[{{"type":"image","endpoints":[{endpoints}]}}]}}}}"#
    )
}

#[tokio::test]
async fn keystone_is_asked_once_for_token_and_address() {
    let endpoint = |region: &str, interface: &str| {
        let url = format!("http://{region}.{interface}.example/image/v2");
        format!(r#"{{"interface":"{interface}","region_id":"{region}","url":"{url}"}}"#)
    };
    let endpoints = [endpoint("r", "public"), endpoint("r", "internal"), endpoint("s", "public")].join(",");
    let (url, asked) = keystone(issued(&endpoints)).await;
    let folder = tempfile::tempdir().unwrap();
    let variables = [
        ("OS_AUTH_URL", url.as_str()),
        ("OS_USERNAME", "u"),
        ("OS_PASSWORD", "s3cret-word"),
        ("OS_REGION_NAME", "r"),
        ("OS_INTERFACE", "internal"),
        ("OS_PROJECT_ID", "7"),
    ];
    let connection = connect(&address("glance:"), &sources(&variables, folder.path()), &clock()).unwrap();
    assert!(asked.lock().unwrap().is_empty(), "nothing is asked before it is needed");
    assert_eq!(connection.base().await.unwrap(), "http://r.internal.example/image".parse().unwrap());
    assert_eq!(connection.token().await.unwrap().unwrap().secret(), "s3cret-token");
    connection.base().await.unwrap();
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0].starts_with("POST /v3/auth/tokens ") && asked[0].contains("s3cret-word"), "{asked:?}");
    assert!(!format!("{connection:?}").contains("s3cret"));
}

#[tokio::test]
async fn a_catalog_without_images_is_told() {
    let (url, _) = keystone(issued("")).await;
    let folder = tempfile::tempdir().unwrap();
    let variables = [("OS_AUTH_URL", url.as_str()), ("OS_USERNAME", "u"), ("OS_PASSWORD", "p")];
    let connection = connect(&address("glance:"), &sources(&variables, folder.path()), &clock()).unwrap();
    let said = crate::measure::chain(&connection.base().await.unwrap_err());
    assert!(said.starts_with("Keystone does not say where the Image service is: "), "{said}");
}

#[tokio::test]
async fn passwords_of_keystone_may_come_from_a_command() {
    let (url, asked) = keystone(issued("")).await;
    let folder = tempfile::tempdir().unwrap();
    let sources = sources(&[], folder.path());
    let path = place(&sources).unwrap();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let keystone = format!(
        "auth_url = \"{url}\", username = \"u\", password_command = [\"sh\", \"-c\", \"echo from-the-command\"]"
    );
    std::fs::write(path, format!("[work.glance]\nkeystone = {{ {keystone} }}\n")).unwrap();
    let connection = connect(&address("work/glance:"), &sources, &clock()).unwrap();
    connection.token().await.unwrap();
    assert!(asked.lock().unwrap()[0].contains("from-the-command"));
}

#[tokio::test]
async fn a_catalog_that_leads_to_an_open_network_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    for (endpoint, open) in [
        ("http://192.0.2.2:9292/v2", Some("http://192.0.2.2:9292")),
        ("https://192.0.2.2:9292/v2", None),
        ("http://127.0.0.1:9292/v2", None),
    ] {
        let (url, _) =
            keystone(issued(&format!(r#"{{"interface":"public","region_id":"r","url":"{endpoint}"}}"#))).await;
        let variables = [("OS_AUTH_URL", url.as_str()), ("OS_USERNAME", "u"), ("OS_PASSWORD", "p")];
        let connection = connect(&address("glance:"), &sources(&variables, folder.path()), &clock()).unwrap();
        let base = connection.base().await.unwrap();
        let expected = open.map(|url| format!("the secret for {url} travels unencrypted; use an https address"));
        assert_eq!(connection.warning_of(&base).map(|warning| warning.to_string()), expected);
    }
}

/// A clock that its test sets.
struct Hand(Mutex<std::time::SystemTime>);

impl Clock for Hand {
    fn now(&self) -> std::time::SystemTime {
        *self.0.lock().unwrap()
    }

    fn sleep(&self, _: std::time::Duration) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn tokens_end_by_the_clock_of_the_session() {
    let (url, asked) = keystone(issued("")).await;
    let folder = tempfile::tempdir().unwrap();
    let variables = [("OS_AUTH_URL", url.as_str()), ("OS_USERNAME", "u"), ("OS_PASSWORD", "p")];
    let hand = Arc::new(Hand(Mutex::new(std::time::SystemTime::UNIX_EPOCH)));
    let clock: Arc<dyn Clock> = hand.clone();
    let connection = connect(&address("glance:"), &sources(&variables, folder.path()), &clock).unwrap();
    for (year, requests) in [(0, 1), (1, 1), (2000, 2)] {
        *hand.0.lock().unwrap() += std::time::Duration::from_hours(24 * 366) * year;
        connection.token().await.unwrap();
        assert_eq!(asked.lock().unwrap().len(), requests);
    }
}
