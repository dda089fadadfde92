//! Tests of hosts and forwarded headers.

use http::Request;

use super::*;

fn settings() -> Settings {
    Settings {
        listen: "192.0.2.1:8470".parse().unwrap(),
        public_url: Some("https://images.example/base".parse().unwrap()),
        hosts: vec!["azure.local".parse().unwrap()],
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
        ..Settings::default()
    }
}

/// A request over a connection from `remote` to 198.51.100.7, or over none.
fn head(remote: Option<&str>, uri: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(remote) = remote {
        let (remote, local) = (format!("{remote}:1").parse().unwrap(), "198.51.100.7:8470".parse().unwrap());
        request = request.extension(Endpoints { remote, local, listener: 0, secure: false });
    }
    request.body(()).unwrap().into_parts().0
}

#[test]
fn only_our_hosts_are_answered() {
    let site = Site::new(&settings());
    for (host, ours) in [
        ("localhost:8470", true),
        ("127.0.0.1", true),
        ("[::1]:8470", true),
        ("192.0.2.1:8470", true),
        ("198.51.100.7", true),
        ("Images.Example.", true),
        ("azure.local:19080", true),
        ("203.0.113.9", false),
        ("evil.example", false),
        ("localhost.evil.example", false),
        ("evil@localhost", false),
        ("a b", false),
        ("", false),
    ] {
        let visit = site.visit(&head(Some("203.0.113.5"), "/", &[("host", host)]));
        assert_eq!(visit.is_ok(), ours, "{host}: {visit:?}");
    }
    // A target with a host stands above the header.
    let evil = head(None, "http://evil.example/", &[("host", "localhost")]);
    assert!(matches!(site.visit(&evil), Err(Refusal::Misdirected)));
}

#[test]
fn forwarded_headers_count_from_trusted_proxies_only() {
    let site = Site::new(&Settings { public_url: None, ..settings() });
    let forwarded = [
        ("host", "localhost:8470"),
        ("x-forwarded-host", "evil.example, azure.local"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-for", "1.1.1.1, 203.0.113.77"),
        ("x-forwarded-for", "10.1.1.1"),
    ];
    let through_proxy = site.visit(&head(Some("10.2.2.2"), "/", &forwarded)).unwrap();
    assert_eq!(through_proxy.base_url, "https://azure.local");
    assert_eq!(through_proxy.client, Some("203.0.113.77".parse().unwrap()));
    for remote in [Some("203.0.113.5"), None] {
        let direct = site.visit(&head(remote, "/", &forwarded)).unwrap();
        assert_eq!(direct.base_url, "http://localhost:8470");
        assert_eq!(direct.client, remote.map(|remote| remote.parse().unwrap()));
    }
    let evil = head(Some("10.2.2.2"), "/", &[("host", "localhost"), ("x-forwarded-host", "evil.example")]);
    assert!(matches!(site.visit(&evil), Err(Refusal::Misdirected)));
}

#[test]
fn a_public_url_is_what_links_begin_with() {
    let visit = Site::new(&settings()).visit(&head(None, "/", &[("host", "localhost")])).unwrap();
    assert_eq!(visit.base_url, "https://images.example/base");
}
