//! The file with profiles: where it is, what it holds, and what a profile of it says about an API.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::clouds;
use super::error::ProfileError;
use super::openstack::ImageService;
use super::settings::{Common, PlaceError, Profile};
use super::target::{Access, Origin, Places, Server, Target, TlsFiles, Warning};
use super::values::Sources;
use crate::remote::address::{Dialect, is_profile_name};
use crate::settings::Mistake;

/// Where the profiles are, without a flag and a variable.
const USUAL: &str = "pentaprism/profiles.toml";

/// The rights that nobody but the owner may have on a file with secrets.
const OTHERS: u32 = 0o077;

/// The file with profiles, read.
#[derive(Debug)]
pub struct ProfilesFile {
    path: PathBuf,
    profiles: BTreeMap<String, Profile>,
    warnings: Vec<Warning>,
}

/// Where the profiles are: the flag, else `PENTAPRISM_PROFILES`, else the folder for a user's configuration. Nothing without
/// a home folder.
#[must_use]
pub fn place(sources: &Sources) -> Option<PathBuf> {
    let flag = sources.profiles.as_ref().map(|path| sources.resolve(path, &sources.folder));
    let named = flag.or_else(|| sources.path("PENTAPRISM_PROFILES"));
    named.or_else(|| Some(sources.configuration()?.join(USUAL)))
}

impl ProfilesFile {
    /// Reads the file, for the sake of `profile`.
    ///
    /// # Errors
    /// [`ProfileError`] when it is not there, cannot be read or is wrong.
    pub fn read(sources: &Sources, profile: &str) -> Result<Self, ProfileError> {
        let path = place(sources).ok_or_else(|| ProfileError::NoHome(profile.to_owned()))?;
        let text = std::fs::read_to_string(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => ProfileError::NoFile { profile: profile.to_owned(), file: path.clone() },
            _ => ProfileError::Unreadable { file: path.clone(), source },
        })?;
        let profiles: BTreeMap<String, Profile> = toml::from_str(&text)
            .map_err(|error| ProfileError::Content { file: path.clone(), source: Mistake::new(&error, &text) })?;
        if let Some(name) = profiles.keys().find(|name| !is_profile_name(name)) {
            return Err(ProfileError::Name { name: name.clone(), file: path });
        }
        let secret = profiles.values().any(Profile::holds_secrets);
        let open = std::fs::metadata(&path).is_ok_and(|metadata| metadata.mode() & OTHERS != 0);
        let warnings = if secret && open { vec![Warning::ReadableByOthers { file: path.clone() }] } else { Vec::new() };
        Ok(Self { path, profiles, warnings })
    }

    /// What the profile `name` says about `dialect`.
    ///
    /// # Errors
    /// [`ProfileError`] when there is no such profile, or it does not say enough or contradicts itself.
    pub fn target(&self, name: &str, dialect: Dialect, sources: &Sources) -> Result<Target, ProfileError> {
        let profile = self.profiles.get(name).ok_or_else(|| ProfileError::NoProfile {
            profile: name.to_owned(),
            file: self.path.clone(),
            known: self.profiles.keys().cloned().collect(),
        })?;
        let origin = Origin::Profile { name: name.to_owned(), file: self.path.clone() };
        let reading = Reading { profile, dialect, origin, sources, folder: self.folder() };
        let mut target = reading.target()?;
        target.warnings.extend(self.warnings.iter().cloned());
        Ok(target)
    }

    /// The APIs that a profile speaks of: those with a table, or all where `server` stands for all.
    #[must_use]
    pub fn dialects(&self, name: &str) -> Vec<Dialect> {
        let Some(profile) = self.profiles.get(name) else { return Vec::new() };
        let has_table = |dialect: &Dialect| match dialect {
            Dialect::Glance => profile.glance.is_some(),
            Dialect::AzureSphere => profile.azure_sphere.is_some(),
            Dialect::SavedViews => profile.saved_views.is_some(),
            Dialect::Pingone => profile.pingone.is_some(),
            Dialect::ServiceFabric => profile.service_fabric.is_some(),
        };
        Dialect::ALL.into_iter().filter(|dialect| profile.server.is_some() || has_table(dialect)).collect()
    }

    /// Whether there is such a profile.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.profiles.contains_key(name)
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or_else(|| Path::new("."))
    }
}

/// A profile that is asked about one API.
struct Reading<'t> {
    profile: &'t Profile,
    dialect: Dialect,
    origin: Origin,
    sources: &'t Sources,
    folder: &'t Path,
}

impl Reading<'_> {
    fn target(self) -> Result<Target, ProfileError> {
        let common = self.profile.common_of(self.dialect);
        let openstack = self.openstack()?;
        let access = match self.access(&common)? {
            Access::Nothing => openstack.as_ref().map_or(Access::Nothing, |service| service.access.clone()),
            access => access,
        };
        let mut tls = self.tls(&common);
        if let Some(service) = &openstack {
            tls.ca = tls.ca.or_else(|| service.tls.ca.clone());
            if tls.certificate.is_none() {
                tls.certificate.clone_from(&service.tls.certificate);
                tls.key.clone_from(&service.tls.key);
            }
        }
        let server = match (&common.server, openstack) {
            (Some(server), _) if self.dialect == Dialect::Glance => Server::At(server.without_image_version()),
            (Some(server), _) => Server::At(server.clone()),
            (None, Some(service)) => service.server,
            (None, None) => return Err(self.no_server()),
        };
        if common.timeout == Some(0) {
            return Err(self.value("timeout", "a number of seconds above 0"));
        }
        Ok(Target {
            dialect: self.dialect,
            server,
            access,
            tls,
            proxy: common.proxy.unwrap_or(true),
            timeout: common.timeout.map(Duration::from_secs),
            places: self.places(),
            warnings: Vec::new(),
            origin: self.origin,
        })
    }

    /// What the profile has a cloud or Keystone say about Glance.
    fn openstack(&self) -> Result<Option<ImageService>, ProfileError> {
        let Some(table) = self.profile.glance.as_ref().filter(|_| self.dialect == Dialect::Glance) else {
            return Ok(None);
        };
        let common = table.common();
        if common.has_access() && (table.cloud.is_some() || table.keystone.is_some()) {
            return Err(self.contradiction("a token", "`cloud` or `keystone`"));
        }
        let mut options = match (&table.cloud, &table.keystone) {
            (Some(_), Some(_)) => return Err(self.contradiction("cloud", "keystone")),
            (Some(cloud), None) => clouds::options(cloud, table.region.as_deref(), self.sources)?.0,
            (None, Some(keystone)) => {
                keystone.options(self.sources, self.folder).map_err(|source| self.wrong_place(source))?
            }
            (None, None) if table.region.is_some() || table.interface.is_some() => {
                return Err(self.value("region", "`region` and `interface` belong to `cloud` or `keystone`"));
            }
            (None, None) => return Ok(None),
        };
        if let Some(server) = &table.server {
            options.set("image_endpoint_override", server.as_str());
        }
        if let Some(region) = &table.region {
            options.set("region_name", region);
        }
        if let Some(interface) = &table.interface {
            options.set("interface", interface);
        }
        let service = options.image_service();
        let origin = || Box::new(self.origin.clone());
        service.map(Some).map_err(|source| ProfileError::OpenStack { origin: origin(), source })
    }

    fn access(&self, common: &Common) -> Result<Access, ProfileError> {
        let token = common.token_places().one(self.sources, self.folder);
        match (token.map_err(|source| self.wrong_place(source))?, &common.oauth) {
            (Some((first, _)), Some(_)) => Err(self.wrong_place(PlaceError::Two { first, second: "oauth".to_owned() })),
            (Some((_, token)), None) => Ok(Access::Token(token)),
            (None, Some(oauth)) => {
                let oauth = oauth.resolve(self.sources, self.folder).map_err(|source| self.wrong_place(source))?;
                Ok(Access::OAuth(Box::new(oauth)))
            }
            (None, None) => Ok(Access::Nothing),
        }
    }

    fn tls(&self, common: &Common) -> TlsFiles {
        let file = |path: &Option<PathBuf>| path.as_ref().map(|path| self.sources.resolve(path, self.folder));
        TlsFiles { ca: file(&common.ca), certificate: file(&common.client_certificate), key: file(&common.client_key) }
    }

    fn places(&self) -> Places {
        let (sphere, views) = (self.profile.azure_sphere.as_ref(), self.profile.saved_views.as_ref());
        Places {
            tenant: sphere.and_then(|table| table.tenant.clone()),
            environment: self.profile.pingone.as_ref().and_then(|table| table.environment.clone()),
            itwin: views.and_then(|table| table.itwin.clone()),
            imodel: views.and_then(|table| table.imodel.clone()),
        }
    }

    fn no_server(&self) -> ProfileError {
        let example = match self.dialect {
            Dialect::Glance => "https://images.example.org:9292",
            Dialect::ServiceFabric => "https://cluster.example.org:19080",
            Dialect::AzureSphere => "https://prod.core.sphere.azure.net",
            Dialect::SavedViews => "https://api.bentley.com",
            Dialect::Pingone => "https://api.pingone.com",
        };
        ProfileError::NoServer { origin: Box::new(self.origin.clone()), table: self.dialect.table(), example }
    }

    fn wrong_place(&self, source: PlaceError) -> ProfileError {
        ProfileError::Place { origin: Box::new(self.origin.clone()), table: self.dialect.table(), source }
    }

    fn contradiction(&self, first: &'static str, second: &'static str) -> ProfileError {
        let origin = Box::new(self.origin.clone());
        ProfileError::Contradiction { origin, table: self.dialect.table(), first, second }
    }

    fn value(&self, key: &'static str, expected: &'static str) -> ProfileError {
        ProfileError::Value { origin: Box::new(self.origin.clone()), table: self.dialect.table(), key, expected }
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
