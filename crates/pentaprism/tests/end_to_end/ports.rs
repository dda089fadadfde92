//! Where the program listens: encrypted, and on ports of single dialects.

use std::process::Command;

use crate::support::{Fresh, run, succeed, text};

const BODY: &str = "{\"disk_format\":\"raw\",\"container_format\":\"bare\"}";

#[test]
fn encrypted_connections_speak_both_versions_of_http_and_links_say_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]);
    let made = made.expect("a certificate is made");
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("the file is written");
        path.to_str().expect("the path is text").to_owned()
    };
    let (certificate, key) =
        (write("server.pem", made.cert.pem()), write("server.key", made.signing_key.serialize_pem()));
    let fresh = Fresh::start_with(&[("PENTAPRISM_TLS_CERTIFICATE", &certificate), ("PENTAPRISM_TLS_KEY", &key)]);
    let url = format!("{}/v2/images", fresh.server.url());
    assert!(url.starts_with("https://"), "{url}");
    let common = ["-sS", "--fail-with-body", "--cacert", &certificate, "-H", "X-Auth-Token: pentaprism-dev"];
    for (version, shown) in [("--http1.1", "HTTP/1.1 201"), ("--http2", "HTTP/2 201")] {
        let created = succeed(Command::new("curl").args(common).args([version, "-i", "-d", BODY, &url]));
        assert!(created.starts_with(shown), "{created}");
        let lowered = created.to_ascii_lowercase();
        assert!(lowered.contains(&format!("location: {url}/")), "{created}");
    }
    let plain = run(Command::new("curl").args(["-sS", "--max-time", "20", &url.replace("https", "http")]));
    assert!(!plain.status.success(), "plain text must not be answered: {}", text(&plain.stdout));
    succeed(Command::new("curl").args(common).arg(url.replace("/v2/images", "/healthz")));
}

#[test]
fn a_port_of_one_dialect_answers_every_path_in_its_words() {
    let mut fresh = Fresh::start_with(&[("PENTAPRISM_PORTS_SERVICE_FABRIC", "127.0.0.1:0")]);
    let line = fresh.server.next_line();
    let own = line.strip_prefix("Only service_fabric answers on ").unwrap_or_else(|| panic!("{line}")).to_owned();
    let status = |url: &str| succeed(Command::new("curl").args(["-sS", "-w", "\n%{http_code}", url]));
    let shared = fresh.server.url();
    assert!(status(&format!("{shared}/v2/images/x")).ends_with("\n401"), "Glance asks for a token");
    let refused = status(&format!("{own}/v2/images/x"));
    assert!(refused.contains("E_INVALIDARG") && refused.ends_with("\n400"), "{refused}");
    assert!(status(&format!("{own}/ImageStore?api-version=6.0")).ends_with("\n200"));
    assert!(status(&format!("{own}/healthz")).ends_with("\n200"));
}
