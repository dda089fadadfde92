//! Tests of profiles: what counts where, and what mistakes say.

use std::os::unix::fs::PermissionsExt as _;

use super::super::target::{Identity, OAuth, Origin};
use super::super::values::Secret;
use super::*;

struct Home {
    folder: tempfile::TempDir,
    sources: Sources,
}

/// A home folder with `text` as its profiles, which nobody else may read.
fn home(text: &str) -> Home {
    let folder = tempfile::tempdir().unwrap();
    let environment = vec![("HOME".into(), folder.path().into())];
    let sources = Sources { system: folder.path().join("etc"), ..Sources::new(environment, "/near".into(), None) };
    let path = place(&sources).unwrap();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    Home { folder, sources }
}

impl Home {
    fn try_target(&self, name: &str, dialect: Dialect) -> Result<Target, ProfileError> {
        ProfilesFile::read(&self.sources, name)?.target(name, dialect, &self.sources)
    }

    fn target(&self, name: &str, dialect: Dialect) -> Target {
        self.try_target(name, dialect).unwrap_or_else(|error| panic!("{}", told(&error)))
    }
}

/// The error with its causes, without the folder of this test.
fn told(error: &ProfileError) -> String {
    crate::measure::chain(error)
}

fn error(text: &str, dialect: Dialect) -> String {
    let home = home(text);
    let error = home.try_target("work", dialect).err().unwrap_or_else(|| panic!("{text} is taken"));
    told(&error).replace(home.folder.path().to_str().unwrap(), "~")
}

fn at(url: &str) -> Server {
    Server::At(url.parse().unwrap())
}

const FILE: &str = "~/.config/pentaprism/profiles.toml";

#[test]
fn the_vendors_own_services_can_be_named() {
    let home = home(
        r#"
        [vendors]
        token_env = "VENDOR_TOKEN"
        [vendors.azure_sphere]
        server = "https://prod.core.sphere.azure.net/"
        tenant = "t"
        token_command = ["az", "account", "get-access-token"]
        [vendors.saved_views]
        server = "https://api.bentley.com"
        itwin = "i"
        imodel = "m"
        oauth = { token_url = "https://ims.bentley.com/connect/token", client_id = "c", client_secret_file = "bentley", scope = "itwin-platform" }
        [vendors.pingone]
        server = "https://api.pingone.com"
        environment = "e"
        timeout = 20
        proxy = false
        [vendors.service_fabric]
        server = "https://cluster.example:19080"
        client_certificate = "~/cluster.pem"
        ca = "/etc/ca.pem"
        "#,
    );
    let sphere = home.target("vendors", Dialect::AzureSphere);
    assert_eq!(sphere.server, at("https://prod.core.sphere.azure.net"));
    let words = ["az", "account", "get-access-token"].map(str::to_owned).to_vec();
    assert_eq!(sphere.access, Access::Token(Secret::Command(words)));
    assert_eq!((sphere.places.tenant.as_deref(), sphere.proxy, sphere.timeout), (Some("t"), true, None));

    let views = home.target("vendors", Dialect::SavedViews);
    let folder = home.folder.path().join(".config/pentaprism");
    let oauth = OAuth {
        token_url: "https://ims.bentley.com/connect/token".parse().unwrap(),
        client_id: "c".to_owned(),
        client_secret: Secret::File(folder.join("bentley")),
        scope: Some("itwin-platform".to_owned()),
        audience: None,
        secret_in_body: false,
    };
    assert_eq!(views.access, Access::OAuth(Box::new(oauth)));
    assert_eq!((views.places.itwin.as_deref(), views.places.imodel.as_deref()), (Some("i"), Some("m")));

    let pingone = home.target("vendors", Dialect::Pingone);
    assert_eq!((pingone.server, pingone.proxy), (at("https://api.pingone.com"), false));
    assert_eq!(pingone.access, Access::Token(Secret::Variable("VENDOR_TOKEN".to_owned())));
    assert_eq!(pingone.timeout, Some(Duration::from_secs(20)));

    let fabric = home.target("vendors", Dialect::ServiceFabric);
    let certificate = Some(home.folder.path().join("cluster.pem"));
    assert_eq!(fabric.tls, TlsFiles { ca: Some("/etc/ca.pem".into()), certificate, key: None });
    assert_eq!(fabric.warnings, []);
    let said = told(&home.try_target("vendors", Dialect::Glance).unwrap_err());
    assert!(said.contains("does not say where glance is; set `server` to an address such as `https://"), "{said}");
    let file = ProfilesFile::read(&home.sources, "vendors").unwrap();
    assert_eq!(file.dialects("vendors").len(), 4);
}

#[test]
fn a_table_of_its_own_wins_over_the_profile() {
    let home = home(
        r#"
        [work]
        server = "https://images.example/v2"
        token = "one"
        ca = "ca.pem"
        client_certificate = "one.pem"
        client_key = "one.key"
        [work.pingone]
        token_file = "/run/two"
        client_certificate = "two.pem"
        "#,
    );
    let folder = home.folder.path().join(".config/pentaprism");
    let glance = home.target("work", Dialect::Glance);
    assert_eq!(glance.server, at("https://images.example"));
    assert_eq!(glance.access, Access::Token(Secret::written("one")));
    assert_eq!(glance.tls.key, Some(folder.join("one.key")));
    assert_eq!(home.target("work", Dialect::AzureSphere).server, at("https://images.example/v2"));
    let pingone = home.target("work", Dialect::Pingone);
    assert_eq!(pingone.access, Access::Token(Secret::File("/run/two".into())));
    let expected = TlsFiles { ca: Some(folder.join("ca.pem")), certificate: Some(folder.join("two.pem")), key: None };
    assert_eq!(pingone.tls, expected);
}

#[test]
fn glance_may_be_a_cloud_or_log_in_at_keystone() {
    let home = home(
        r#"
        [work]
        token = "for the others"
        server = "https://images.example"
        [work.glance]
        keystone = { auth_url = "https://k.example/v3", username = "u", password_env = "P", project_name = "q" }
        region = "R"
        interface = "internal"
        "#,
    );
    // The profile's token and server are for all; Keystone is for Glance.
    let target = home.target("work", Dialect::Glance);
    assert_eq!(target.server, Server::Catalog);
    let Access::Keystone(login) = target.access else { panic!("{:?}", target.access) };
    assert!(matches!(login.identity, Identity::Password { password: Secret::Variable(name), .. } if name == "P"));
    assert_eq!(login.region.as_deref(), Some("R"));
    let sphere = home.target("work", Dialect::AzureSphere);
    assert_eq!(sphere.access, Access::Token(Secret::written("for the others")));

    let basic = r#"keystone = { auth_type = "http_basic", username = "u", password = "p" }"#;
    let path = place(&home.sources).unwrap();
    std::fs::write(&path, format!("[work.glance]\nserver = \"https://b.example/v2\"\n{basic}\n")).unwrap();
    let target = home.target("work", Dialect::Glance);
    assert_eq!(target.server, at("https://b.example"));
    assert_eq!(target.access, Access::Basic { user: "u".to_owned(), password: Secret::written("p") });

    let clouds = home.folder.path().join("clouds.yaml");
    let text = "clouds: {c: {auth: {auth_url: 'https://k.example', username: u, password: p}, cacert: ca.pem}}";
    std::fs::write(&clouds, text).unwrap();
    std::fs::write(&path, "[work.glance]\ncloud = \"c\"\n").unwrap();
    let sources = Sources { folder: home.folder.path().to_owned(), ..home.sources.clone() };
    let file = ProfilesFile::read(&sources, "work").unwrap();
    let target = file.target("work", Dialect::Glance, &sources).unwrap();
    assert_eq!((target.server, target.tls.ca), (Server::Catalog, Some(home.folder.path().join("ca.pem"))));
    assert!(matches!(target.origin, Origin::Profile { name, .. } if name == "work"));
}

#[test]
fn mistakes_are_told_with_file_line_and_what_is_allowed() {
    let said = error("[work]\nserver = \"https://a.example\"\ntokn = \"s3cret\"\n", Dialect::Glance);
    assert!(said.starts_with(&format!("the profiles in `{FILE}` are wrong: line 3, column 1: unknown field `tokn`")));
    assert!(said.contains("`token`") && said.contains("`client_certificate`") && !said.contains("s3cret"), "{said}");
    let said = error("[work.azure_sphere]\nenvironment = \"e\"\n", Dialect::AzureSphere);
    assert!(said.contains("line 2, column 1: unknown field `environment`") && said.contains("`tenant`"), "{said}");
    let said = error("[work]\nserver = \"https://u:s3cret@a.example\"\n", Dialect::Glance);
    assert!(said.contains("line 2, column 10") && said.contains("no user") && !said.contains("s3cret"), "{said}");
    let said = error("server = \"https://a.example\"\n", Dialect::Glance);
    assert!(said.contains("line 1, column 10") && said.contains("expected a table with settings"), "{said}");
    let said = error("[work]\nserver = \"https://a.example\"\ntimeout = 0\n", Dialect::Glance);
    assert!(said.ends_with("has a wrong `timeout` for glance: a number of seconds above 0"), "{said}");
    let said = error("[work]\ntimeout = \"s3cret\"\n", Dialect::Glance);
    assert!(said.contains("line 2, column 11: the value is of the wrong kind, expected u64"), "{said}");
}

#[test]
fn what_contradicts_itself_is_refused() {
    let server = "[work]\nserver = \"https://a.example\"\n";
    let said = error(&format!("{server}token = \"s3cret\"\ntoken_env = \"X\"\n"), Dialect::Glance);
    let place = format!("the profile `work` in `{FILE}` cannot be used for glance: ");
    assert_eq!(said, format!("{place}`token` and `token_env` are there; keep one of them"));
    let oauth = "oauth = { token_url = \"https://a.example/t\", client_id = \"c\" }\n";
    let said = error(&format!("{server}{oauth}"), Dialect::Pingone);
    assert!(said.contains("`client_secret` is missing; it may also be given as `client_secret_file`,"), "{said}");
    let said = error(&format!("{server}token_command = []\n"), Dialect::Pingone);
    assert!(said.contains("`token_command` names no program"), "{said}");
    let said = error("[work.glance]\ncloud = \"c\"\nkeystone = {}\n", Dialect::Glance);
    assert!(said.ends_with("has `cloud` and `keystone` for glance; keep one of them"), "{said}");
    let said = error("[work.glance]\nkeystone = { auth_url = \"https://k.example\" }\n", Dialect::Glance);
    assert!(said.ends_with("cannot be used: `username` is missing"), "{said}");
}

#[test]
fn what_is_not_there_is_told_with_where_it_was_looked_for() {
    let home = home("[one]\n[two]\n");
    let said = told(&home.try_target("three", Dialect::Glance).unwrap_err());
    assert!(said.starts_with("there is no profile `three` in `") && said.ends_with("it has `one`, `two`"), "{said}");
    let nowhere = Sources { profiles: Some("no.toml".into()), ..home.sources.clone() };
    let said = told(&ProfilesFile::read(&nowhere, "three").unwrap_err());
    assert!(said.contains("the file `/near/no.toml` does not exist; create it, or name one with --profiles"), "{said}");
    let homeless = Sources::new(Vec::new(), "/near".into(), None);
    assert!(matches!(ProfilesFile::read(&homeless, "x"), Err(ProfileError::NoHome(_))));
    let said = error("[\"a b\"]\n", Dialect::Glance);
    assert!(said.contains("the profile `a b`") && said.contains("that no address can carry"), "{said}");
}

#[test]
fn the_flag_wins_over_the_variable_and_the_variable_over_the_usual_place() {
    let environment = [("HOME", "/home/a"), ("PENTAPRISM_PROFILES", "~/p.toml"), ("XDG_CONFIG_HOME", "/x")];
    let sources = |from: usize, profiles: Option<&str>| {
        let environment = environment[..from].iter().map(|(name, value)| (name.into(), value.into())).collect();
        place(&Sources::new(environment, "/near".into(), profiles.map(PathBuf::from)))
    };
    assert_eq!(sources(1, None), Some("/home/a/.config/pentaprism/profiles.toml".into()));
    assert_eq!(sources(2, None), Some("/home/a/p.toml".into()));
    assert_eq!(sources(2, Some("f.toml")), Some("/near/f.toml".into()));
    let moved = environment[2..].iter().map(|(name, value)| (name.into(), value.into())).collect();
    let moved = Sources::new(moved, "/near".into(), None);
    assert_eq!(place(&moved), Some("/x/pentaprism/profiles.toml".into()));
}

#[test]
fn others_who_may_read_secrets_are_warned_of() {
    for (text, mode, warned) in [
        ("[work]\nserver = \"http://a.example\"\ntoken = \"t\"\n", 0o644, true),
        ("[work]\nserver = \"http://a.example\"\ntoken = \"t\"\n", 0o600, false),
        ("[work]\nserver = \"http://a.example\"\ntoken_env = \"T\"\n", 0o644, false),
        ("[work]\nserver = \"http://a.example\"\n[b.glance.keystone]\npassword = \"t\"\n", 0o640, true),
    ] {
        let home = home(text);
        let path = place(&home.sources).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let warnings = home.target("work", Dialect::Glance).warnings;
        let expected = if warned { vec![Warning::ReadableByOthers { file: path }] } else { Vec::new() };
        assert_eq!(warnings, expected, "{text}");
    }
}
