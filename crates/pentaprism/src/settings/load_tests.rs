//! Tests of the layers of settings: file, environment, command line.

use std::collections::BTreeSet;

use super::super::{Access, Follow, GlanceRights, HashAlgorithm, Role, Token};
use super::*;

const EXAMPLE: &str = include_str!("../../../../pentaprism.example.toml");

fn source(file: Option<&str>, environment: &[(&str, &str)]) -> (Source, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut flags = Flags::default();
    if let Some(text) = file {
        let path = folder.path().join("pentaprism.toml");
        std::fs::write(&path, text).unwrap();
        flags.config = Some(path);
    }
    let environment = environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
    (Source { flags, environment }, folder)
}

fn load(file: Option<&str>, environment: &[(&str, &str)]) -> Result<Settings, LoadError> {
    let (source, _folder) = source(file, environment);
    Settings::load(&source)
}

/// The error with its causes, as the program prints it.
fn text(error: &LoadError) -> String {
    let mut lines = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        lines.push('\n');
        lines.push_str(&error.to_string());
        cause = error.source();
    }
    lines
}

#[test]
fn without_anything_the_defaults_stand() {
    assert_eq!(load(None, &[("HOME", "/home/somebody")]).unwrap(), Settings::default());
}

#[test]
fn the_later_layer_wins() {
    let file = "listen = \"127.0.0.1:1000\"\ndata = \"a\"\n[glance]\nfollow = \"service\"\nquota_bytes = 7\n";
    let variables = [
        ("PENTAPRISM_LISTEN", "127.0.0.1:2000"),
        ("PENTAPRISM_DATA", "b"),
        ("PENTAPRISM_GLANCE_QUOTA_BYTES", "8"),
        ("PENTAPRISM_GLANCE_HASHING_ALGORITHM", "sha256"),
        ("PENTAPRISM_EPHEMERAL", "true"),
        ("PENTAPRISM_HOSTS", "[\"azure.local\"]"),
        ("PENTAPRISM_SERVICE_FABRIC_ANONYMOUS", "read-only"),
        ("PENTAPRISM_PRINCIPALS", "[{ name = \"a\", token = \"b\" }]"),
        ("PENTAPRISM_PUBLIC_URL", "http://localhost:2000"),
    ];
    let (mut source, _folder) = source(Some(file), &variables);
    source.flags.listen = Some("127.0.0.1:3000".parse().unwrap());
    source.flags.public_url = Some("http://localhost:3000".parse().unwrap());
    let settings = Settings::load(&source).unwrap();
    assert_eq!(settings.listen.port(), 3000);
    assert_eq!(settings.public_url, source.flags.public_url);
    assert_eq!(settings.data, PathBuf::from("b"));
    assert_eq!((settings.glance.follow, settings.glance.quota_bytes), (Follow::Service, Some(8)));
    assert_eq!(settings.glance.hashing_algorithm, HashAlgorithm::Sha256);
    assert!(settings.ephemeral);
    assert_eq!(settings.hosts, ["azure.local".parse().unwrap()]);
    assert_eq!(settings.service_fabric.anonymous, Access::ReadOnly);
    assert_eq!(settings.principals.len(), 1);
    assert_eq!(settings.principals[0].token, Token::new("b"));
}

#[test]
fn the_file_may_be_named_by_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("named.toml");
    std::fs::write(&path, "ephemeral = true").unwrap();
    let settings = load(None, &[("PENTAPRISM_CONFIG", path.to_str().unwrap())]).unwrap();
    assert!(settings.ephemeral);
}

#[test]
fn mistakes_in_the_file_are_shown_with_line_and_remedy() {
    let error = text(&load(Some("data = \"a\"\n\n[glance]\nfolow = \"service\"\n"), &[]).unwrap_err());
    for part in ["pentaprism.example.toml", "line 4, column 1", "unknown field `folow`", "`follow`"] {
        assert!(error.contains(part), "{part} is missing in: {error}");
    }
    let error = text(&load(Some("[[principals]]\nname = \"a\"\ntoken = \"b\"\nrights = 1"), &[]).unwrap_err());
    assert!(error.contains("unknown field `rights`"), "{error}");
    let error = text(&load(Some("[glance]\nhashing_algorithm = \"sha1\""), &[]).unwrap_err());
    assert!(error.contains("line 2") && error.contains("`sha512`"), "{error}");
    let error = text(&load(Some("public_url = \"images\""), &[]).unwrap_err());
    assert!(error.contains("line 1") && error.contains("https://images.example.org"), "{error}");
}

#[test]
fn mistakes_in_the_environment_name_the_variable() {
    let error = text(&load(None, &[("PENTAPRISM_GLANCE_FOLOW", "service")]).unwrap_err());
    assert!(error.contains("`PENTAPRISM_GLANCE_FOLOW`") && error.contains("`follow`"), "{error}");
    let error = text(&load(None, &[("PENTAPRISM_ADDRESS", "80")]).unwrap_err());
    assert!(error.contains("`PENTAPRISM_ADDRESS`") && error.contains("`listen`"), "{error}");
    let error = text(&load(None, &[("PENTAPRISM_CONNECTIONS_LIMIT", "many")]).unwrap_err());
    assert!(error.contains("`PENTAPRISM_CONNECTIONS_LIMIT`"), "{error}");
}

#[test]
fn what_kubernetes_says_of_a_service_of_our_name_is_passed_over() {
    let variables = [
        ("PENTAPRISM_PORT", "tcp://10.96.0.7:8470"),
        ("PENTAPRISM_PORT_8470_TCP", "tcp://10.96.0.7:8470"),
        ("PENTAPRISM_PORT_8470_TCP_ADDR", "10.96.0.7"),
        ("PENTAPRISM_PORT_8470_TCP_PORT", "8470"),
        ("PENTAPRISM_PORT_8470_TCP_PROTO", "tcp"),
        ("PENTAPRISM_SERVICE_HOST", "10.96.0.7"),
        ("PENTAPRISM_SERVICE_PORT", "8470"),
        ("PENTAPRISM_SERVICE_PORT_HTTP", "8470"),
    ];
    assert_eq!(load(None, &variables).unwrap(), Settings::default());
    let settings = load(None, &[("PENTAPRISM_SERVICE_FABRIC_QUOTA_BYTES", "9")]).unwrap();
    assert_eq!(settings.service_fabric.quota_bytes, Some(9));
    for near in ["PENTAPRISM_PORTS", "PENTAPRISM_SERVICE", "PENTAPRISM_SERVICE_HOSTS", "PENTAPRISM_SERVICE_FABRIC_PORT"]
    {
        let error = text(&load(None, &[(near, "1")]).unwrap_err());
        assert!(error.contains(&format!("`{near}`")), "{error}");
    }
}

#[test]
fn what_other_commands_are_told_does_not_disturb_the_server() {
    let variables = [
        ("PENTAPRISM_SERVER", "https://images.example.org"),
        ("PENTAPRISM_TOKEN", "s3cret"),
        ("PENTAPRISM_PROFILES", "/home/somebody/profiles.toml"),
    ];
    assert_eq!(load(None, &variables).unwrap(), Settings::default());
    for near in ["PENTAPRISM_SERVERS", "PENTAPRISM_TOKENS", "PENTAPRISM_PROFILE"] {
        let error = text(&load(None, &[(near, "1")]).unwrap_err());
        assert!(error.contains(&format!("`{near}`")), "{error}");
    }
}

#[test]
fn no_mistake_shows_a_token() {
    let secret = "s3cret-token-of-somebody";
    let files = [
        "[[principals]]\nname = \"a\"\ntoken = SECRET\n",
        "[[principals]]\nname = \"a\"\ntoken = \"SECRET\n",
        "principals = [{ name = \"a\", token = \"SECRET\", rolez = [] }]",
        "principals = [{ name = \"a\", glance = \"SECRET\", token = \"b\" }]",
        "principals = \"SECRET\"",
    ];
    for file in files {
        let error = text(&load(Some(&file.replace("SECRET", secret)), &[]).unwrap_err());
        assert!(!error.contains(secret) && error.contains("line "), "{error}");
    }
    for value in ["[{name=\"a\",token=\"SECRET", "SECRET", "[{name=\"a\",token=\"SECRET\",rolez=1}]", "[\"SECRET\"]"] {
        let error = text(&load(None, &[("PENTAPRISM_PRINCIPALS", &value.replace("SECRET", secret))]).unwrap_err());
        assert!(!error.contains(secret) && error.contains("`PENTAPRISM_PRINCIPALS`"), "{error}");
    }
}

#[test]
fn a_missing_file_is_an_error() {
    let error = load(None, &[("PENTAPRISM_CONFIG", "no-such-file.toml")]).unwrap_err();
    assert!(matches!(error, LoadError::File { .. }), "{error:?}");
}

#[test]
fn the_example_is_the_documented_defaults_and_a_second_principal() {
    let mut settings: Settings = toml::from_str(EXAMPLE).unwrap();
    let guest = settings.principals.pop().unwrap();
    assert_eq!(settings, Settings::default());
    let Some(GlanceRights { project, roles, .. }) = guest.glance else { panic!("the guest is unknown to Glance") };
    assert_ne!(project, super::super::DEVELOPMENT_PROJECT);
    assert_eq!(roles, BTreeSet::from([Role::Reader]));
    assert_eq!(guest.service_fabric, Access::None);
}

#[test]
fn the_example_names_every_setting() {
    let sections = [""].into_iter().chain(SECTIONS);
    for section in sections {
        let header = if section.is_empty() { String::new() } else { format!("[{section}]\n") };
        let error = toml::from_str::<Settings>(&format!("{header}no_such_setting = 1")).unwrap_err().to_string();
        let names = error.split("expected").nth(1).unwrap().split('`').skip(1).step_by(2);
        for name in names {
            let written =
                [format!("\n{name} = "), format!("\n# {name} = "), format!("[{name}]"), format!("[[{name}]]")];
            assert!(written.iter().any(|form| EXAMPLE.contains(form)), "{section}.{name} is not in the example");
        }
    }
}

#[test]
fn without_principals_the_development_token_works_with_every_place() {
    let file = "[[azure_sphere.tenants]]\nid = \"99999999-9999-4999-8999-999999999999\"\nname = \"Own\"\n";
    let settings = load(Some(file), &[]).unwrap();
    let rights = settings.principals[0].azure_sphere.as_ref().unwrap();
    assert_eq!(rights.tenants, [settings.azure_sphere.tenants[0].id]);
    assert_eq!(settings.check(), Ok(vec![]));
}
