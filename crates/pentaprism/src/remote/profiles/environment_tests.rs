//! Tests of the environment: who is asked first, and that nothing is needed at all.

use super::super::target::Identity;
use super::*;

fn sources(environment: &[(&str, &str)]) -> Sources {
    let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Sources { system: "/nowhere".into(), ..Sources::new(environment, "/near".into(), None) }
}

fn target_of(dialect: Dialect, environment: &[(&str, &str)]) -> Target {
    let target = target(dialect, &sources(environment));
    target.unwrap_or_else(|error| panic!("{}", crate::measure::chain(&error)))
}

fn error(environment: &[(&str, &str)]) -> String {
    let error = target(Dialect::Glance, &sources(environment)).err().unwrap_or_else(|| panic!("{environment:?}"));
    crate::measure::chain(&error)
}

fn at(url: &str) -> Server {
    Server::At(url.parse().unwrap())
}

const LOGIN: [(&str, &str); 3] = [("OS_AUTH_URL", "https://k.example/v3"), ("OS_USERNAME", "u"), ("OS_PASSWORD", "p")];

#[test]
fn without_anything_it_is_the_local_server_with_its_own_ids() {
    for dialect in Dialect::ALL {
        let target = target_of(dialect, &[("PENTAPRISM_SERVER", ""), ("OS_CLOUD", "")]);
        assert_eq!((target.server, target.origin), (at("http://127.0.0.1:8470"), Origin::Local));
        assert_eq!(target.access, Access::Token(Secret::written("pentaprism-dev")));
        let settings = Settings::default();
        assert_eq!(target.places.tenant, Some(settings.azure_sphere.tenants[0].id.to_string()));
        assert_eq!(target.places.environment, Some(settings.pingone.environments[0].id.to_string()));
    }
}

#[test]
fn our_own_variables_come_first() {
    let both = [("PENTAPRISM_SERVER", "https://images.example/v2"), ("PENTAPRISM_TOKEN", "t\n"), ("OS_CLOUD", "c")];
    let target = target_of(Dialect::Glance, &both);
    assert_eq!((target.server, target.origin), (at("https://images.example"), Origin::Environment));
    assert_eq!(target.access, Access::Token(Secret::written("t")));
    // The token that everybody knows goes to this machine only.
    assert_eq!(target_of(Dialect::Pingone, &both[..1]).access, Access::Nothing);
    let local = target_of(Dialect::Pingone, &[("PENTAPRISM_SERVER", "http://localhost:9000")]);
    assert_eq!(local.access, Access::Token(Secret::written("pentaprism-dev")));
    // A token for Pentaprism does not go to OpenStack.
    let target = target_of(Dialect::Glance, &both[1..]);
    assert_eq!(target.server, at("http://127.0.0.1:8470"));
    let said = error(&[("PENTAPRISM_SERVER", "s3cret@images.example")]);
    assert!(said.starts_with("the environment variable PENTAPRISM_SERVER is wrong: the value is no address"), "{said}");
    assert!(!said.contains("s3cret"));
}

#[test]
fn openstacks_variables_count_for_glance_alone() {
    let more =
        [LOGIN.as_slice(), &[("OS_PROJECT_NAME", "q"), ("OS_REGION_NAME", "R"), ("OS_CACERT", "~/ca.pem")]].concat();
    let more = [&more[..], &[("HOME", "/home/a")]].concat();
    let target = target_of(Dialect::Glance, &more);
    assert_eq!((target.server, target.origin), (Server::Catalog, Origin::OpenStackVariables));
    let Access::Keystone(login) = target.access else { panic!("{:?}", target.access) };
    assert!(matches!(login.identity, Identity::Password { .. }));
    assert_eq!((login.region.as_deref(), target.tls.ca), (Some("R"), Some("/home/a/ca.pem".into())));
    assert_eq!(target_of(Dialect::SavedViews, &more).origin, Origin::Local);
    // Left behind by something else; they say nowhere where anything is.
    assert_eq!(target_of(Dialect::Glance, &[("OS_PASSWORD", "p"), ("OS_USERNAME", "u")]).origin, Origin::Local);
    let standing = [("OS_IMAGE_URL", "https://images.example/v2"), ("OS_AUTH_TOKEN", "t")];
    let target = target_of(Dialect::Glance, &standing);
    assert_eq!((target.server, target.access), (at("https://images.example"), Access::Token(Secret::written("t"))));
    let said = error(&LOGIN[..2]);
    assert_eq!(said, "the environment variables OS_* cannot be used: `password` is missing");
    let said = error(&[LOGIN.as_slice(), &[("OS_INSECURE", "true")]].concat());
    assert!(said.contains("always checked here"), "{said}");
}

#[test]
fn a_cloud_takes_only_some_things_from_the_variables() {
    let folder = tempfile::tempdir().unwrap();
    let text = "clouds: {c: {auth: {auth_url: 'https://c.example', username: c}, regions: [R, S]}}";
    std::fs::write(folder.path().join("clouds.yaml"), text).unwrap();
    let other = [LOGIN.as_slice(), &[("OS_CLOUD", "c"), ("OS_REGION_NAME", "S"), ("OS_INTERFACE", "admin")]].concat();
    let sources = Sources { folder: folder.path().to_owned(), ..sources(&other) };
    let target = target(Dialect::Glance, &sources).unwrap();
    let Access::Keystone(login) = target.access else { panic!("{:?}", target.access) };
    assert_eq!((login.auth_url.as_str(), login.region.as_deref()), ("https://c.example", Some("S")));
    let Identity::Password { user, password } = login.identity else { panic!("no password") };
    assert!(format!("{user:?}").contains("\"c\"") && password == Secret::written("p"));
    assert!(matches!(target.origin, Origin::Cloud { name, .. } if name == "c"));
}
