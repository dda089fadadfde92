//! Why it is not known where a service is or how to be let in.

use std::io;
use std::path::PathBuf;

use super::openstack::OptionsError;
use super::settings::PlaceError;
use super::target::Origin;
use super::values::{InvalidServerUrl, NotText};
use super::yaml::YamlError;
use crate::settings::Mistake;

/// Why it is not known where a service is or how to be let in. Holds no secret, at no level.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// A profile is named and there is no file with profiles.
    #[error("there is no profile `{profile}`: the file `{}` does not exist; create it, or name one with --profiles or \
             PENTAPRISM_PROFILES", .file.display())]
    NoFile {
        /// The profile.
        profile: String,
        /// Where it was looked for.
        file: PathBuf,
    },
    /// A profile is named, and neither a home folder nor a file is known.
    #[error("there is no profile `{0}`: HOME is not set; name the file with --profiles or PENTAPRISM_PROFILES")]
    NoHome(String),
    /// A file cannot be read.
    #[error("the file `{}` cannot be read", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The profiles have a setting that does not exist or a value of the wrong kind.
    #[error("the profiles in `{}` are wrong", .file.display())]
    Content {
        /// The file.
        file: PathBuf,
        /// Line, column and what is expected.
        #[source]
        source: Mistake,
    },
    /// A profile's name could not be written in an address.
    #[error("the profile `{name}` in `{}` has a name that no address can carry; use letters, digits, `_`, `-` and `.`",
            .file.display())]
    Name {
        /// The name.
        name: String,
        /// The file.
        file: PathBuf,
    },
    /// The file has no such profile.
    #[error("there is no profile `{profile}` in `{}`; it has {}", .file.display(), list(.known))]
    NoProfile {
        /// The profile.
        profile: String,
        /// The file.
        file: PathBuf,
        /// The profiles that it has.
        known: Vec<String>,
    },
    /// A key is missing, or two contradict each other.
    #[error("{origin} cannot be used for {table}")]
    Place {
        /// Who says so.
        origin: Box<Origin>,
        /// The table of the API.
        table: &'static str,
        /// What is wrong.
        #[source]
        source: PlaceError,
    },
    /// Two keys contradict each other.
    #[error("{origin} has `{first}` and `{second}` for {table}; keep one of them")]
    Contradiction {
        /// Who says so.
        origin: Box<Origin>,
        /// The table of the API.
        table: &'static str,
        /// One key.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A value is out of its range.
    #[error("{origin} has a wrong `{key}` for {table}: {expected}")]
    Value {
        /// Who says so.
        origin: Box<Origin>,
        /// The table of the API.
        table: &'static str,
        /// The key.
        key: &'static str,
        /// What is allowed.
        expected: &'static str,
    },
    /// The address of the service is missing.
    #[error("{origin} does not say where {table} is; set `server` to an address such as `{example}`")]
    NoServer {
        /// Who says so.
        origin: Box<Origin>,
        /// The table of the API.
        table: &'static str,
        /// The vendor's own address.
        example: &'static str,
    },
    /// OpenStack's options are incomplete.
    #[error("{0} cannot be used", .origin)]
    OpenStack {
        /// Who says so.
        origin: Box<Origin>,
        /// What is wrong.
        #[source]
        source: OptionsError,
    },
    /// A variable of the environment is not UTF-8.
    #[error(transparent)]
    NotText(#[from] NotText),
    /// `PENTAPRISM_SERVER` is no address.
    #[error("the environment variable {variable} is wrong")]
    Variable {
        /// The variable.
        variable: &'static str,
        /// What is expected.
        #[source]
        source: InvalidServerUrl,
    },
    /// No `clouds.yaml` is there.
    #[error("there is no cloud `{cloud}`: none of {} exists", list(.looked))]
    NoClouds {
        /// The cloud.
        cloud: String,
        /// Where it was looked for.
        looked: Vec<String>,
    },
    /// `clouds.yaml` is no YAML.
    #[error("the file `{}` is no YAML", .file.display())]
    Yaml {
        /// The file.
        file: PathBuf,
        /// Line and problem.
        #[source]
        source: YamlError,
    },
    /// `clouds.yaml` has another form than expected.
    #[error("`{key}` in `{}` is {expected}", .file.display())]
    Form {
        /// The file.
        file: PathBuf,
        /// The keys that lead there.
        key: String,
        /// What it should be.
        expected: &'static str,
    },
    /// `clouds.yaml` has no such cloud.
    #[error("there is no cloud `{cloud}` in `{}`; it has {}", .file.display(), list(.known))]
    NoCloud {
        /// The cloud.
        cloud: String,
        /// The file.
        file: PathBuf,
        /// The clouds that it has.
        known: Vec<String>,
    },
    /// A cloud's vendor profile is not known.
    #[error(
        "the vendor profile `{profile}` of the cloud `{cloud}` is not in clouds-public.yaml; write `auth_url` and \
             the rest into clouds.yaml"
    )]
    NoVendor {
        /// The vendor profile.
        profile: String,
        /// The cloud.
        cloud: String,
    },
    /// The cloud has no such region.
    #[error("the cloud `{cloud}` has no region `{region}`; it has {}", list(.known))]
    NoRegion {
        /// The cloud.
        cloud: String,
        /// The region.
        region: String,
        /// The regions that it has.
        known: Vec<String>,
    },
}

/// Names in a row, for a message.
fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
