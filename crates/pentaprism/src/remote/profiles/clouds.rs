//! `clouds.yaml`, `secure.yaml` and `clouds-public.yaml`, found and joined as OpenStack's own clients do it (D-157).

use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::error::ProfileError;
use super::openstack::Options;
use super::target::Origin;
use super::values::Sources;
use super::yaml;

/// The endings of such files, in the order in which they are looked for. JSON is YAML.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// Keys that count beside `auth`, too, and win over it there.
const BESIDE_AUTH: [&str; 13] = [
    "domain_id",
    "domain_name",
    "user_domain_id",
    "user_domain_name",
    "project_domain_id",
    "project_domain_name",
    "project_id",
    "project_name",
    "tenant_id",
    "tenant_name",
    "token",
    "auth_token",
    "default_domain",
];

type Entries = Map<String, Value>;

/// The options of the cloud `name`, and who says so. `region` is the one that is wanted, if any.
///
/// # Errors
/// [`ProfileError`] when there is no such cloud or its files are wrong.
pub(super) fn options(name: &str, region: Option<&str>, sources: &Sources) -> Result<(Options, Origin), ProfileError> {
    let file = File::find("clouds", "OS_CLIENT_CONFIG_FILE", sources)?;
    let Some(mut file) = file else {
        let looked = candidates("clouds", sources).into_iter().map(|path| path.display().to_string()).collect();
        return Err(ProfileError::NoClouds { cloud: name.to_owned(), looked });
    };
    if let Some(secure) = File::find("secure", "OS_CLIENT_SECURE_FILE", sources)? {
        merge(&mut file.content, secure.content);
    }
    let own = file.cloud(name)?;
    let mut cloud = match vendor(&own) {
        Some(profile) => vendor_profile(profile, name, sources)?,
        None => Entries::new(),
    };
    merge(&mut cloud, own);
    let region = choose_region(&mut cloud, name, region)?;
    let mut options = flatten(&cloud, &file.path, &format!("clouds.{name}"))?;
    if let Some(region) = region {
        options.set("region_name", region);
    }
    // Files are named from where the command runs, as those clients take them.
    for key in ["cacert", "cert", "key"] {
        if let Some(path) = options.get(&[key]).map(PathBuf::from) {
            options.set(key, sources.resolve(&path, &sources.folder).to_string_lossy());
        }
    }
    Ok((options, Origin::Cloud { name: name.to_owned(), file: file.path }))
}

/// Where a file is looked for, in this order.
fn candidates(stem: &str, sources: &Sources) -> Vec<PathBuf> {
    let mut folders = vec![sources.folder.clone()];
    folders.extend(sources.configuration().map(|folder| folder.join("openstack")));
    folders.extend(sources.home.as_ref().map(|home| home.join(".config/openstack")));
    folders.push(sources.system.join("openstack"));
    folders.dedup();
    let files = folders.iter().flat_map(|folder| ENDINGS.map(|ending| folder.join(format!("{stem}.{ending}"))));
    files.collect()
}

/// One of the files, read.
struct File {
    path: PathBuf,
    content: Entries,
}

impl File {
    /// The file that `variable` names, which has to be there, or the first that is.
    fn find(stem: &str, variable: &str, sources: &Sources) -> Result<Option<Self>, ProfileError> {
        if let Some(path) = sources.path(variable) {
            return Self::read(&path).map(Some);
        }
        for path in candidates(stem, sources) {
            match Self::read(&path) {
                Err(ProfileError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                Err(ProfileError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotADirectory => {}
                file => return file.map(Some),
            }
        }
        Ok(None)
    }

    fn read(path: &Path) -> Result<Self, ProfileError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ProfileError::Unreadable { file: path.to_owned(), source })?;
        let content = yaml::parse(&text).map_err(|source| ProfileError::Yaml { file: path.to_owned(), source })?;
        match content {
            Value::Object(content) => Ok(Self { path: path.to_owned(), content }),
            Value::Null => Ok(Self { path: path.to_owned(), content: Entries::new() }),
            _ => Err(form(path, "the whole", "no mapping with `clouds` in it")),
        }
    }

    fn cloud(&self, name: &str) -> Result<Entries, ProfileError> {
        let nothing = Entries::new();
        let clouds = match self.content.get("clouds") {
            None | Some(Value::Null) => &nothing,
            Some(Value::Object(clouds)) => clouds,
            Some(_) => return Err(form(&self.path, "clouds", "no mapping of names to clouds")),
        };
        match clouds.get(name) {
            Some(Value::Object(cloud)) => Ok(cloud.clone()),
            Some(_) => Err(form(&self.path, &format!("clouds.{name}"), "no mapping with `auth` in it")),
            None => Err(ProfileError::NoCloud {
                cloud: name.to_owned(),
                file: self.path.clone(),
                known: clouds.keys().cloned().collect(),
            }),
        }
    }
}

fn form(path: &Path, key: &str, expected: &'static str) -> ProfileError {
    ProfileError::Form { file: path.to_owned(), key: key.to_owned(), expected }
}

/// The name of the vendor's profile that a cloud builds on; `cloud` is its older key.
fn vendor(cloud: &Entries) -> Option<&str> {
    cloud.get("profile").or_else(|| cloud.get("cloud")).and_then(Value::as_str).filter(|profile| !profile.is_empty())
}

fn vendor_profile(profile: &str, cloud: &str, sources: &Sources) -> Result<Entries, ProfileError> {
    let file = File::find("clouds-public", "OS_CLIENT_VENDOR_FILE", sources)?;
    let found = file.as_ref().and_then(|file| file.content.get("public-clouds")?.get(profile)?.as_object());
    let missing = || ProfileError::NoVendor { profile: profile.to_owned(), cloud: cloud.to_owned() };
    found.cloned().ok_or_else(missing)
}

/// Lays `upper` over `lower`, mapping by mapping.
fn merge(lower: &mut Entries, upper: Entries) {
    for (key, value) in upper {
        match (lower.get_mut(&key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => merge(below, above),
            (_, value) => {
                lower.insert(key, value);
            }
        }
    }
}

/// The region that is wanted, or the first of the cloud's own; what the cloud says for it alone is laid over the rest.
fn choose_region(cloud: &mut Entries, name: &str, wanted: Option<&str>) -> Result<Option<String>, ProfileError> {
    let mut regions = Vec::new();
    match cloud.get("regions").or_else(|| cloud.get("region_name")) {
        Some(Value::Array(items)) => {
            for item in items {
                let values = item.get("values").and_then(Value::as_object).cloned().unwrap_or_default();
                let called = item.as_str().or_else(|| item.get("name").and_then(Value::as_str));
                regions.extend(called.map(|called| (called.to_owned(), values)));
            }
        }
        Some(Value::String(text)) => {
            regions.extend(text.split(',').map(|region| (region.trim().to_owned(), Entries::new())));
        }
        _ => {}
    }
    let Some(first) = regions.first() else { return Ok(wanted.map(str::to_owned)) };
    let chosen = match wanted {
        None => first,
        Some(wanted) => regions.iter().find(|(region, _)| region == wanted).ok_or_else(|| ProfileError::NoRegion {
            cloud: name.to_owned(),
            region: wanted.to_owned(),
            known: regions.iter().map(|(region, _)| region.clone()).collect(),
        })?,
    };
    let (region, values) = chosen.clone();
    merge(cloud, values);
    Ok(Some(region))
}

/// The entries of `auth` and those beside it as one set of options. What is neither text nor a number is not ours.
fn flatten(cloud: &Entries, path: &Path, key: &str) -> Result<Options, ProfileError> {
    let auth = match cloud.get("auth") {
        None | Some(Value::Null) => Entries::new(),
        Some(Value::Object(auth)) => auth.clone(),
        Some(_) => return Err(form(path, &format!("{key}.auth"), "no mapping with `auth_url` in it")),
    };
    let mut options = Options::default();
    let plain = |name: &str| name.replace('-', "_");
    let beside = cloud.iter().filter(|(name, _)| *name != "auth");
    // What is beside `auth` is no part of it, unless it is of the older keys, and those win.
    let (winning, other): (Vec<_>, Vec<_>) = beside.partition(|(name, _)| BESIDE_AUTH.contains(&plain(name).as_str()));
    for (name, value) in other.into_iter().chain(&auth).chain(winning) {
        match value {
            Value::String(text) => options.set(name, text),
            Value::Bool(value) => options.set(name, value.to_string()),
            _ => {}
        }
    }
    Ok(options)
}

#[cfg(test)]
#[path = "clouds_tests.rs"]
mod tests;
