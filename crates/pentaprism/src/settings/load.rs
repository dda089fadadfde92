//! Reads settings from file, environment and command line, in this order, and names the place of a mistake.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use super::mistake::Mistake;
use super::{InvalidValue, PrincipalSettings, PublicUrl, Settings};

/// What the names of environment variables begin with.
const PREFIX: &str = "PENTAPRISM_";

/// The tables of the configuration file, as their names begin environment variables.
const SECTIONS: [&str; 10] = [
    "log",
    "connections",
    "tls",
    "ports",
    "store",
    "glance",
    "service_fabric",
    "azure_sphere",
    "saved_views",
    "pingone",
];

/// What the command line sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--listen`.
    pub listen: Option<SocketAddr>,
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `--ephemeral`.
    pub ephemeral: bool,
    /// `--public-url`.
    pub public_url: Option<PublicUrl>,
    /// `--tls-cert`.
    pub tls_certificate: Option<PathBuf>,
    /// `--tls-key`.
    pub tls_key: Option<PathBuf>,
}

/// Where settings come from, given by the caller so that a test needs no process of its own.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// What the command line sets.
    pub flags: Flags,
    /// The variables of the environment; those with other prefixes are passed over.
    pub environment: Vec<(OsString, OsString)>,
}

/// Why the settings cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be opened.
    #[error("the configuration file `{}` cannot be read; name an existing file with --config", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML, has a setting that does not exist, or a value of the wrong kind.
    #[error("the configuration file `{}` is wrong; every setting is in pentaprism.example.toml", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Line, column and what is expected.
        #[source]
        source: Mistake,
    },
    /// A variable of the environment names no setting or has a value of the wrong kind.
    #[error("the environment variable `{name}` is wrong; its name is {PREFIX} and the setting's path in capitals")]
    Variable {
        /// The variable.
        name: String,
        /// What is expected.
        #[source]
        source: Mistake,
    },
    /// A variable of the environment is not UTF-8.
    #[error(
        "the environment variable `{name}` is not UTF-8; only {PREFIX}DATA and {PREFIX}CONFIG may hold other bytes"
    )]
    Encoding {
        /// The variable, with what is not UTF-8 replaced.
        name: String,
    },
    /// A flag has a value that a setting cannot take.
    #[error("a command line flag is wrong")]
    Flag(#[from] InvalidValue),
}

impl Settings {
    /// Reads the settings. Nothing is looked for that was not named: without a file there is none.
    ///
    /// # Errors
    /// [`LoadError`], naming the file or variable.
    pub fn load(source: &Source) -> Result<Self, LoadError> {
        let variables = variables(&source.environment)?;
        let named = variables.iter().find(|(name, _)| name == "CONFIG").map(|(_, value)| PathBuf::from(value));
        let mut table = match source.flags.config.clone().or(named) {
            Some(path) => read_file(&path)?,
            None => Table::new(),
        };
        let mut data = None;
        for (name, value) in variables.iter().filter(|(name, _)| name != "CONFIG") {
            if name == "DATA" {
                data = Some(PathBuf::from(value));
                continue;
            }
            let text = value.to_str().ok_or_else(|| LoadError::Encoding { name: format!("{PREFIX}{name}") })?;
            merge(&mut table, read_variable(name, text)?);
        }
        let has_principals = table.contains_key("principals");
        let mut settings = Self::deserialize(table)
            .map_err(|source| LoadError::Variable {
                name: format!("{PREFIX}…"), source: Mistake::new(&source, "")
            })?;
        if let Some(data) = data {
            settings.data = data;
        }
        settings.apply(&source.flags);
        if !has_principals {
            // Nobody was named, so whoever has the development token works with every place that was.
            settings.principals = vec![PrincipalSettings::development().everywhere(&settings)];
        }
        Ok(settings)
    }

    fn apply(&mut self, flags: &Flags) {
        self.ephemeral |= flags.ephemeral;
        if let Some(listen) = flags.listen {
            self.listen = listen;
        }
        if let Some(data) = &flags.data {
            self.data.clone_from(data);
        }
        if let Some(public_url) = &flags.public_url {
            self.public_url = Some(public_url.clone());
        }
        if let Some(certificate) = &flags.tls_certificate {
            self.tls.certificate = Some(certificate.clone());
        }
        if let Some(key) = &flags.tls_key {
            self.tls.key = Some(key.clone());
        }
    }
}

/// Whether a variable, named without our prefix, is one that Kubernetes gives to every container beside a Service named `pentaprism`:
/// `PENTAPRISM_PORT=tcp://…`, `PENTAPRISM_SERVICE_HOST` and so on. Nobody wrote them, so they are no mistakes in our settings.
fn is_of_kubernetes(name: &str) -> bool {
    ["PORT", "SERVICE_HOST", "SERVICE_PORT"].contains(&name)
        || ["PORT_", "SERVICE_PORT_"].into_iter().any(|family| name.starts_with(family))
}

/// Whether a variable, named without our prefix, is for the commands that call services, and says nothing to the server.
fn is_of_commands(name: &str) -> bool {
    ["SERVER", "TOKEN", "PROFILES"].contains(&name)
}

/// The variables with our prefix, without it and without those of Kubernetes and of other commands, in the order of their names.
fn variables(environment: &[(OsString, OsString)]) -> Result<Vec<(String, OsString)>, LoadError> {
    let mut ours = Vec::new();
    for (name, value) in environment {
        let lossy = name.to_string_lossy();
        let Some(rest) = lossy.strip_prefix(PREFIX).filter(|rest| !is_of_kubernetes(rest) && !is_of_commands(rest))
        else {
            continue;
        };
        if name.to_str().is_none() {
            return Err(LoadError::Encoding { name: lossy.into_owned() });
        }
        ours.push((rest.to_owned(), value.clone()));
    }
    ours.sort();
    Ok(ours)
}

/// The file as a table, after it was read as settings once: that is where the errors have lines and columns.
fn read_file(path: &Path) -> Result<Table, LoadError> {
    let text = std::fs::read_to_string(path).map_err(|source| LoadError::File { path: path.to_owned(), source })?;
    let wrong = |error| LoadError::Content { path: path.to_owned(), source: Mistake::new(&error, &text) };
    toml::from_str::<Settings>(&text).map_err(wrong)?;
    text.parse().map_err(wrong)
}

/// A variable as a table with one setting. Its value is taken as text where the setting is a text and as TOML otherwise.
fn read_variable(name: &str, text: &str) -> Result<Table, LoadError> {
    let key = name.to_ascii_lowercase();
    let section = SECTIONS.iter().find_map(|section| Some((*section, key.strip_prefix(section)?.strip_prefix('_')?)));
    let table = |value: Value| match section {
        Some((section, key)) => {
            Table::from_iter([(section.to_owned(), Table::from_iter([(key.to_owned(), value)]).into())])
        }
        None => Table::from_iter([(key.clone(), value)]),
    };
    let plain = table(Value::String(text.to_owned()));
    let Err(failed) = Settings::deserialize(plain.clone()) else { return Ok(plain) };
    let wrong = |error| LoadError::Variable { name: format!("{PREFIX}{name}"), source: Mistake::new(&error, "") };
    let Ok(mut parsed) = format!("value = {text}").parse::<Table>() else {
        return Err(wrong(failed));
    };
    let parsed = table(parsed.remove("value").unwrap_or(Value::Boolean(false)));
    Settings::deserialize(parsed.clone()).map(|_| parsed).map_err(wrong)
}

/// Lays `upper` over `lower`, table by table.
fn merge(lower: &mut Table, upper: Table) {
    for (key, value) in upper {
        match (lower.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => {
                lower.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
