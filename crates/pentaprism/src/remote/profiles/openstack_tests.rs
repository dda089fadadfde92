//! Tests of OpenStack's options: what each way to log in takes from them.

use super::*;

fn options(texts: &[(&str, &str)]) -> Options {
    let mut options = Options::default();
    for (key, value) in texts {
        options.set(key, *value);
    }
    options
}

fn service(texts: &[(&str, &str)]) -> ImageService {
    options(texts).image_service().unwrap_or_else(|error| panic!("{texts:?}: {error}"))
}

fn login(texts: &[(&str, &str)]) -> Login {
    match service(texts).access {
        Access::Keystone(login) => *login,
        other => panic!("{other:?}"),
    }
}

fn error(texts: &[(&str, &str)]) -> OptionsError {
    options(texts).image_service().err().unwrap_or_else(|| panic!("{texts:?} is taken"))
}

fn at_a(path: &str) -> Server {
    Server::At(format!("http://a.example{path}").parse().unwrap())
}

const PASSWORD: [(&str, &str); 3] = [("auth_url", "http://k.example/v3"), ("username", "u"), ("password", "p")];
const ENDPOINT: (&str, &str) = ("endpoint", "http://a.example/v2");

fn with<'t>(more: &[(&'t str, &'t str)]) -> Vec<(&'t str, &'t str)> {
    [&PASSWORD[..], more].concat()
}

#[test]
fn a_password_needs_no_domain() {
    let read = login(&with(&[("project_name", "q")]));
    let domain = Domain::Id("default".to_owned());
    let user = Reference::named("u", domain.clone());
    assert_eq!(read.identity, Identity::Password { user, password: Secret::written("p") });
    assert_eq!(read.scope, Scope::Project(Reference::named("q", domain)));
    assert_eq!((read.interface, read.region), (Interface::Public, None));
    assert_eq!(service(&PASSWORD).server, Server::Catalog);
}

#[test]
fn domains_projects_and_regions_are_taken_as_they_are_named() {
    let named = |name: &str, domain| Reference::named(name, domain);
    let read = login(&with(&[
        ("user_domain_name", "D"),
        ("project-domain-id", "e"),
        ("tenant_name", "q"),
        ("region_name", "R"),
        ("endpoint_type", "internalURL"),
        ("auth_type", "v3password"),
    ]));
    let Identity::Password { user, .. } = read.identity else { panic!("no password") };
    assert_eq!(user, named("u", Domain::Name("D".to_owned())));
    assert_eq!(read.scope, Scope::Project(named("q", Domain::Id("e".to_owned()))));
    assert_eq!((read.interface, read.region.as_deref()), (Interface::Internal, Some("R")));
    let read = login(&with(&[("user_id", "7"), ("project_id", "8"), ("project_name", "passed over")]));
    assert_eq!(read.scope, Scope::Project(Reference::id("8")));
    assert!(matches!(read.identity, Identity::Password { user: Reference::Id(id), .. } if id == "7"));
    assert_eq!(login(&with(&[("domain_name", "D")])).scope, Scope::Domain(Domain::Name("D".to_owned())));
    assert_eq!(login(&with(&[("system_scope", "all")])).scope, Scope::System);
    assert_eq!(login(&PASSWORD).scope, Scope::Unsaid);
}

#[test]
fn application_credentials_have_their_own_project() {
    let credential = [
        ("auth_url", "http://k.example"),
        ("application_credential_id", "c"),
        ("application_credential_secret", "s"),
        ("project_name", "passed over"),
    ];
    let read = login(&credential);
    let expected = Identity::ApplicationCredential {
        credential: ApplicationCredential::Id("c".to_owned()),
        secret: Secret::written("s"),
    };
    assert_eq!((read.identity, read.scope), (expected, Scope::Unsaid));
    let by_name = [
        ("auth_url", "http://k.example"),
        ("application_credential_name", "c"),
        ("username", "u"),
        ("application_credential_secret", "s"),
    ];
    let Identity::ApplicationCredential { credential, .. } = login(&by_name).identity else { panic!("another way") };
    assert!(matches!(credential, ApplicationCredential::Name { name, .. } if name == "c"));
    assert_eq!(error(&by_name[..2]), OptionsError::Missing("username"));
    assert_eq!(error(&[by_name[0], by_name[3]]), OptionsError::Missing("application_credential_id"));
}

#[test]
fn tokens_are_shown_to_keystone_or_to_the_service() {
    let read = login(&[PASSWORD[0], ("token", "t")]);
    assert_eq!(read.identity, Identity::Token(Secret::written("t")));
    let read = service(&[("image_url", "http://a.example/v2/"), ("auth_token", "t")]);
    assert_eq!((read.server, read.access), (at_a(""), Access::Token(Secret::written("t"))));
    let read = service(&[ENDPOINT, ("auth_type", "admin_token"), ("token", "t")]);
    assert_eq!((read.server, read.access), (at_a(""), Access::Token(Secret::written("t"))));
}

#[test]
fn services_of_their_own_need_an_endpoint() {
    let read = service(&[ENDPOINT, ("auth_type", "none")]);
    assert_eq!((read.server, read.access), (at_a(""), Access::Nothing));
    assert_eq!(service(&[ENDPOINT]).access, Access::Nothing);
    let read = service(&[ENDPOINT, ("auth_type", "http_basic"), ("username", "u"), ("password", "p")]);
    assert_eq!(read.access, Access::Basic { user: "u".to_owned(), password: Secret::written("p") });
    assert_eq!(error(&[("auth_type", "none")]), OptionsError::Missing("endpoint"));
    assert_eq!(error(&[ENDPOINT, ("auth_type", "http_basic")]), OptionsError::Missing("username"));
}

#[test]
fn an_endpoint_of_ones_own_wins_over_the_catalog() {
    assert_eq!(service(&with(&[("image_endpoint_override", "http://a.example/image/v2")])).server, at_a("/image"));
    // `endpoint` belongs to the ways without Keystone.
    assert_eq!(service(&with(&[ENDPOINT])).server, Server::Catalog);
}

#[test]
fn what_is_wrong_is_named_and_no_value_told() {
    assert_eq!(error(&PASSWORD[..2]), OptionsError::Missing("password"));
    assert_eq!(error(&PASSWORD[1..]), OptionsError::Missing("auth_url"));
    assert!(matches!(error(&with(&[("interface", "outer")])), OptionsError::Interface(_)));
    let error_of = |key, value| error(&with(&[(key, value)])).to_string();
    assert!(error_of("auth_type", "v2password").contains("none of password, v3password, token,"));
    assert_eq!(error_of("image_url", "s3cret"), "`image_url` is wrong");
    for (key, value) in [("insecure", "true"), ("insecure", "1"), ("verify", "False")] {
        assert!(error_of(key, value).contains("name the certificate that vouches for it with `cacert`"), "{key}");
    }
    assert_eq!(
        service(&with(&[("insecure", "false"), ("verify", "true"), ("cacert", "/c")])).tls.ca,
        Some("/c".into())
    );
}
