//! Tests of the rules for settings as a whole.

use super::super::{Durability, PrincipalSettings, Settings, Token};
use super::*;

fn reachable() -> Settings {
    let mut settings = Settings::default();
    settings.listen.set_ip([0, 0, 0, 0].into());
    settings.service_fabric.anonymous = Access::ReadOnly;
    settings.principals[0].token = Token::new("0123456789abcdef");
    settings
}

#[test]
fn defaults_are_fine_on_loopback() {
    assert_eq!(Settings::default().check(), Ok(vec![]));
    assert_eq!(reachable().check(), Ok(vec![]));
}

#[test]
fn the_development_token_stays_on_loopback_unless_told_by_name() {
    let mut settings = reachable();
    settings.principals = vec![PrincipalSettings::development()];
    let error = settings.check().unwrap_err();
    assert!(matches!(error, RuleError::DevelopmentToken { .. }), "{error:?}");
    assert!(error.to_string().contains("allow_development_token_beyond_loopback = true"), "{error}");
    settings.allow_development_token_beyond_loopback = true;
    assert_eq!(settings.check(), Ok(vec![Warning::DevelopmentToken]));
}

#[test]
fn anonymous_writes_stay_on_loopback_unless_told_by_name() {
    let mut settings = reachable();
    settings.service_fabric.anonymous = Access::ReadWrite;
    let error = settings.check().unwrap_err();
    assert_eq!(error, RuleError::AnonymousWrites { reached: "listen = \"0.0.0.0:8470\"".to_owned() });
    settings.allow_anonymous_writes_beyond_loopback = true;
    assert_eq!(settings.check(), Ok(vec![Warning::AnonymousWrites]));
}

#[test]
fn a_public_url_of_another_host_reaches_beyond_loopback() {
    let mut settings = Settings { public_url: Some("https://images.example".parse().unwrap()), ..Settings::default() };
    assert!(matches!(settings.check(), Err(RuleError::DevelopmentToken { .. })));
    settings.public_url = Some("http://localhost:9000".parse().unwrap());
    assert_eq!(settings.check(), Ok(vec![]));
}

#[test]
fn tokens_have_an_alphabet_and_a_length() {
    let mut settings = reachable();
    for wrong in ["0123456789abcde%f", "0123456789abcdef ", "0123456789äbcdef", "0123456789abcdef:"] {
        settings.principals[0].token = Token::new(wrong);
        assert_eq!(settings.check(), Err(RuleError::TokenCharacter { principal: "developer".to_owned() }), "{wrong}");
    }
    settings.principals[0].token = Token::new("Az09_.-~=+/abcd");
    let short = RuleError::TokenLength { principal: "developer".to_owned(), length: 15, shortest: 16 };
    assert_eq!(settings.check(), Err(short));
    settings.listen.set_ip([127, 0, 0, 1].into());
    assert_eq!(settings.check(), Ok(vec![]));
    settings.principals[0].token = Token::new("");
    assert!(matches!(settings.check(), Err(RuleError::TokenLength { shortest: 1, .. })));
}

#[test]
fn principals_share_neither_name_nor_token() {
    let mut settings = Settings::default();
    settings.principals.push(PrincipalSettings { name: "other".to_owned(), ..PrincipalSettings::development() });
    assert!(matches!(settings.check(), Err(RuleError::Twins { what: "token", .. })));
    settings.principals[1] =
        PrincipalSettings { token: Token::new("another-token"), ..PrincipalSettings::development() };
    assert!(matches!(settings.check(), Err(RuleError::Twins { what: "name", .. })));
}

#[test]
fn a_host_or_a_proxy_reaches_beyond_loopback() {
    let reached = |settings: Settings| match settings.check() {
        Err(RuleError::DevelopmentToken { reached, .. }) => reached,
        other => panic!("{other:?}"),
    };
    let host = Settings { hosts: vec!["images.example.org".parse().unwrap()], ..Settings::default() };
    assert_eq!(reached(host), "hosts = [\"images.example.org\"]");
    let proxy = Settings { trusted_proxies: vec!["127.0.0.1".parse().unwrap()], ..Settings::default() };
    assert_eq!(reached(proxy), "trusted_proxies = [\"127.0.0.1/32\"]");
    let local = Settings { hosts: vec!["pentaprism.localhost".parse().unwrap()], ..Settings::default() };
    assert_eq!(local.check(), Ok(vec![]));
}

#[test]
fn limits_and_deadlines_have_bounds() {
    type Set = fn(&mut Settings);
    let wrong: [(&str, Set); 6] = [
        ("connections.limit", |settings| settings.connections.limit = 0),
        ("connections.limit", |settings| settings.connections.limit = usize::MAX),
        ("connections.idle_seconds", |settings| settings.connections.idle_seconds = i64::MAX.unsigned_abs()),
        ("connections.shutdown_seconds", |settings| settings.connections.shutdown_seconds = 86_401),
        ("store.small_body_budget_bytes", |settings| settings.store.small_body_budget_bytes = usize::MAX),
        ("store.deadline_seconds", |settings| settings.store.deadline_seconds = 0),
    ];
    for (name, set) in wrong {
        let mut settings = Settings::default();
        set(&mut settings);
        let error = settings.check().unwrap_err();
        assert!(matches!(error, RuleError::OutOfBounds { setting, .. } if setting == name), "{error}");
    }
    let mut settings = Settings::default();
    settings.connections.idle_seconds = 86_400;
    settings.connections.shutdown_seconds = 0;
    assert_eq!(settings.check(), Ok(vec![]));
}

#[test]
fn a_server_without_durability_says_so() {
    let settings = Settings { durability: Durability::None, ..Settings::default() };
    assert_eq!(settings.check(), Ok(vec![Warning::NotDurable]));
}

#[test]
fn a_certificate_needs_its_key_and_the_other_way_round() {
    let mut settings = Settings::default();
    settings.tls.certificate = Some("a.pem".into());
    assert_eq!(settings.check(), Err(RuleError::HalfTls { given: "certificate", missing: "key" }));
    settings.tls.key = Some("b.pem".into());
    assert_eq!(settings.check(), Ok(vec![]));
    settings.tls.certificate = None;
    assert_eq!(settings.check(), Err(RuleError::HalfTls { given: "key", missing: "certificate" }));
}

#[test]
fn places_exist_once() {
    let mut settings = Settings::default();
    let environment = settings.pingone.environments[0].clone();
    settings.pingone.environments.push(environment.clone());
    assert_eq!(settings.check(), Err(RuleError::TwinPlaces { list: ENVIRONMENTS, id: environment.id }));
    settings.pingone.environments.clear();
    let error = settings.check().unwrap_err();
    assert_eq!(
        error.to_string(),
        "principal `developer` works with abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6, which is not among \
         pingone.environments; add it there or take it away here"
    );
}

#[test]
fn a_port_of_one_dialect_reaches_other_machines_too() {
    let mut settings = Settings::default();
    settings.ports.pingone = Some("0.0.0.0:8471".parse().unwrap());
    let error = settings.check().unwrap_err();
    assert!(error.to_string().contains("ports.pingone = \"0.0.0.0:8471\""), "{error}");
}

#[test]
fn every_listener_has_an_address_of_its_own() {
    let mut settings = Settings::default();
    settings.ports.pingone = Some(settings.listen);
    let error = settings.check().unwrap_err().to_string();
    assert_eq!(error, "listen and ports.pingone are both 127.0.0.1:8470; give each a port of its own");
    (settings.ports.glance, settings.ports.pingone) = ("[::1]:1".parse().ok(), "[::1]:1".parse().ok());
    let error = settings.check().unwrap_err().to_string();
    assert_eq!(error, "ports.glance and ports.pingone are both [::1]:1; give each a port of its own");
    (settings.ports.glance, settings.ports.pingone) = ("[::1]:0".parse().ok(), "[::1]:0".parse().ok());
    assert_eq!(settings.check(), Ok(vec![]));
}
