//! Tests of `clouds.yaml`: where it is found, and what is laid over what.

use super::super::openstack::OptionsError;
use super::*;

struct Machine {
    folder: tempfile::TempDir,
    sources: Sources,
}

/// A machine with these files; `home`, `near` and `etc` are its folders.
fn machine(files: &[(&str, &str)], environment: &[(&str, &str)]) -> Machine {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let mut variables = vec![("HOME".into(), folder.path().join("home").into())];
    variables.extend(environment.iter().map(|(name, value)| ((*name).into(), (*value).into())));
    let sources = Sources::new(variables, folder.path().join("near"), None);
    let sources = Sources { system: folder.path().join("etc"), ..sources };
    Machine { folder, sources }
}

impl Machine {
    fn options(&self, cloud: &str, region: Option<&str>) -> Options {
        options(cloud, region, &self.sources).unwrap_or_else(|error| panic!("{}", crate::measure::chain(&error))).0
    }

    fn error(&self, cloud: &str, region: Option<&str>) -> String {
        let error = options(cloud, region, &self.sources).err().unwrap_or_else(|| panic!("{cloud} is taken"));
        crate::measure::chain(&error).replace(self.folder.path().to_str().unwrap(), "")
    }
}

const CLOUDS: &str = "\
clouds:
  own:
    auth:
      auth_url: https://k.example/v3
      username: u
      project_name: q
    region_name: R
    cacert: ca.pem
    verify: true
    networks: [{name: n}]
  built:
    profile: vendor
    auth: {username: v}
    tenant_name: beside
  spread:
    auth: {auth_url: https://k.example}
    regions:
      - one
      - {name: two, values: {image_endpoint_override: https://two.example}}
";

#[test]
fn the_nearest_file_is_taken_alone() {
    let cloud = |user: &str| format!("clouds: {{own: {{auth: {{username: {user}}}}}}}");
    let (far, home, near) = (cloud("far"), cloud("home"), cloud("near"));
    let files = [
        ("etc/openstack/clouds.yaml", far.as_str()),
        ("home/.config/openstack/clouds.yml", &home),
        ("near/clouds.yaml", &near),
    ];
    for (from, user) in [(0, "far"), (1, "home"), (2, "near")] {
        assert_eq!(machine(&files[..=from], &[]).options("own", None).get(&["username"]), Some(user));
    }
    let named =
        machine(&[("near/clouds.yaml", &near), ("near/other.json", &far)], &[("OS_CLIENT_CONFIG_FILE", "other.json")]);
    assert_eq!(named.options("own", None).get(&["username"]), Some("far"));
    let missing = machine(&files, &[("OS_CLIENT_CONFIG_FILE", "/nowhere.yaml")]).error("own", None);
    assert!(missing.starts_with("the file `/nowhere.yaml` cannot be read: No such file"), "{missing}");
}

#[test]
fn secrets_and_vendors_are_laid_together() {
    let machine = machine(
        &[
            ("near/clouds.yaml", CLOUDS),
            ("home/.config/openstack/secure.yaml", "clouds: {own: {auth: {password: p}}}"),
            (
                "etc/openstack/clouds-public.yaml",
                "public-clouds: {vendor: {auth: {auth_url: 'https://v.example', username: w}, region_name: V}}",
            ),
        ],
        &[],
    );
    let own = machine.options("own", None);
    let read = ["username", "password", "project_name", "region_name"].map(|key| own.get(&[key]).unwrap());
    assert_eq!(read, ["u", "p", "q", "R"]);
    assert_eq!(own.get(&["cacert"]), machine.folder.path().join("near/ca.pem").to_str());
    let service = own.image_service().unwrap();
    assert!(!format!("{service:?}").contains("\"p\""), "{service:?}");
    let built = machine.options("built", None);
    let read = ["username", "auth_url", "region_name", "tenant_name"].map(|key| built.get(&[key]).unwrap());
    assert_eq!(read, ["v", "https://v.example", "V", "beside"]);
    assert_eq!(built.image_service(), Err(OptionsError::Missing("password")));
}

#[test]
fn a_region_is_the_wanted_one_or_the_first() {
    let machine = machine(&[("near/clouds.yaml", CLOUDS)], &[]);
    let first = machine.options("spread", None);
    assert_eq!((first.get(&["region_name"]), first.get(&["image_endpoint_override"])), (Some("one"), None));
    let second = machine.options("spread", Some("two"));
    assert_eq!(second.get(&["image_endpoint_override"]), Some("https://two.example"));
    let said = machine.error("spread", Some("three"));
    assert_eq!(said, "the cloud `spread` has no region `three`; it has `one`, `two`");
    assert_eq!(machine.error("own", Some("S")), "the cloud `own` has no region `S`; it has `R`");
}

#[test]
fn what_is_missing_or_wrong_is_told_without_values() {
    let said = machine(&[], &[]).error("own", None);
    assert!(said.starts_with("there is no cloud `own`: none of `/near/clouds.yaml`, `/near/clouds.yml`"), "{said}");
    let said = machine(&[("near/clouds.yaml", CLOUDS)], &[]).error("other", None);
    assert_eq!(said, "there is no cloud `other` in `/near/clouds.yaml`; it has `own`, `built`, `spread`");
    let said = machine(&[("near/clouds.yaml", CLOUDS)], &[]).error("built", None);
    assert!(
        said.starts_with("the vendor profile `vendor` of the cloud `built` is not in clouds-public.yaml"),
        "{said}"
    );
    for (text, expected) in [
        ("[s3cret]", "`the whole` in `/near/clouds.yaml` is no mapping with `clouds` in it"),
        ("clouds: s3cret", "`clouds` in `/near/clouds.yaml` is no mapping of names to clouds"),
        ("clouds: {own: s3cret}", "`clouds.own` in `/near/clouds.yaml` is no mapping with `auth` in it"),
        (
            "clouds: {own: {auth: s3cret}}",
            "`clouds.own.auth` in `/near/clouds.yaml` is no mapping with `auth_url` in it",
        ),
        ("", "there is no cloud `own` in `/near/clouds.yaml`; it has none"),
    ] {
        assert_eq!(machine(&[("near/clouds.yaml", text)], &[]).error("own", None), expected);
    }
    let said = machine(&[("near/clouds.yaml", "clouds:\n  own: 's3cret\n")], &[]).error("own", None);
    assert!(said.starts_with("the file `/near/clouds.yaml` is no YAML: line ") && !said.contains("s3cret"), "{said}");
}
