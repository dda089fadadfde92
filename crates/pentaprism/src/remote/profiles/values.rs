//! What profiles and the environment are made of: addresses of services, and secrets by where they are.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use pentaprism_client::BaseUrl;
use serde::{Deserialize, Deserializer, de};

use crate::settings::{PublicUrl, Token};

/// The address of a service. Never one with a user or a password, so it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl {
    url: PublicUrl,
    base: BaseUrl,
}

/// The text is no address of a service. The text is not told: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value is no address such as `https://images.example.org`: http or https and a host, no user, no query")]
pub struct InvalidServerUrl;

impl ServerUrl {
    /// The address as it was given, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// The address as clients take it.
    #[must_use]
    pub fn base(&self) -> &BaseUrl {
        &self.base
    }

    /// Whether it can only mean this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.url.host().is_loopback()
    }

    /// The host and the port that it is reached at.
    #[must_use]
    pub fn host_and_port(&self) -> (&str, u16) {
        let usual = if self.is_encrypted() { 443 } else { 80 };
        (self.url.authority().host(), self.url.authority().port_u16().unwrap_or(usual))
    }

    /// Whether connections to it are encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.as_str().get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
    }

    /// Whether others may read what is sent there.
    #[must_use]
    pub fn is_readable_by_others(&self) -> bool {
        !self.is_encrypted() && !self.is_loopback()
    }

    /// The root of an Image service, whose endpoints are told with and without the version that every operation begins with.
    #[must_use]
    pub fn without_image_version(&self) -> Self {
        let shorter = self.as_str().rsplit_once('/').filter(|(_, last)| *last == "v2" || last.starts_with("v2."));
        shorter.and_then(|(root, _)| root.parse().ok()).unwrap_or_else(|| self.clone())
    }
}

impl FromStr for ServerUrl {
    type Err = InvalidServerUrl;

    fn from_str(text: &str) -> Result<Self, InvalidServerUrl> {
        let url: PublicUrl = text.trim().parse().map_err(|_| InvalidServerUrl)?;
        let base = url.as_str().parse().map_err(|_| InvalidServerUrl)?;
        Ok(Self { url, base })
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ServerUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A secret, by where it is. It is read when it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    /// It stood where it was looked for.
    Written(Token),
    /// The first line of a file.
    File(PathBuf),
    /// A variable of the environment.
    Variable(String),
    /// The first line that a program writes.
    Command(Vec<String>),
}

impl Secret {
    /// A secret that is known already.
    pub fn written(text: impl Into<String>) -> Self {
        Self::Written(Token::new(text))
    }
}

/// Where the secret is, never what it is.
impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Written(_) => formatter.write_str("written there"),
            Self::File(path) => write!(formatter, "the file `{}`", path.display()),
            Self::Variable(name) => write!(formatter, "the environment variable {name}"),
            // Arguments may be secrets of their own.
            Self::Command(words) => write!(formatter, "the command `{}`", words.first().map_or("", String::as_str)),
        }
    }
}

/// Where profiles and the environment are, given by the caller so that a test needs no process of its own.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The variables of the environment.
    pub environment: Vec<(OsString, OsString)>,
    /// The home folder, where `~` leads.
    pub home: Option<PathBuf>,
    /// The folder that the command was started in.
    pub folder: PathBuf,
    /// The folder of the machine's own configuration.
    pub system: PathBuf,
    /// `--profiles`.
    pub profiles: Option<PathBuf>,
}

impl Sources {
    /// The sources of a process with `environment` in `folder`.
    #[must_use]
    pub fn new(environment: Vec<(OsString, OsString)>, folder: PathBuf, profiles: Option<PathBuf>) -> Self {
        let mut sources = Self { environment, home: None, folder, system: PathBuf::from("/etc"), profiles };
        sources.home = sources.path("HOME");
        sources
    }

    /// The value of a variable; an empty one counts as none.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&OsString> {
        self.environment.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value)
    }

    /// A variable that has to be text.
    ///
    /// # Errors
    /// [`NotText`] when its value is not UTF-8.
    pub fn text(&self, name: &str) -> Result<Option<&str>, NotText> {
        match self.variable(name) {
            Some(value) => value.to_str().map(Some).ok_or_else(|| NotText(name.to_owned())),
            None => Ok(None),
        }
    }

    /// A variable that names a file, with `~` and what is relative resolved.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.variable(name).map(|value| self.resolve(&PathBuf::from(value), &self.folder))
    }

    /// A path as somebody wrote it: `~/` is the home folder, a relative one is taken from `folder`.
    #[must_use]
    pub fn resolve(&self, path: &std::path::Path, folder: &std::path::Path) -> PathBuf {
        match (path.strip_prefix("~"), &self.home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => folder.join(path),
        }
    }

    /// The folder for a user's configuration: `$XDG_CONFIG_HOME`, else `~/.config`.
    #[must_use]
    pub fn configuration(&self) -> Option<PathBuf> {
        // The standard has relative paths passed over.
        let named = self.variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        named.or_else(|| Some(self.home.as_ref()?.join(".config")))
    }
}

/// A variable of the environment is not UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {0} is not UTF-8")]
pub struct NotText(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_web_addresses_and_mistakes_do_not_repeat_them() {
        let server = |text: &str| text.parse::<ServerUrl>();
        let local = server("http://127.0.0.1:8470/").unwrap();
        assert_eq!((local.as_str(), local.is_loopback(), local.is_encrypted()), ("http://127.0.0.1:8470", true, false));
        assert_eq!(local.host_and_port(), ("127.0.0.1", 8470));
        let vendor = server("HTTPS://api.pingone.com").unwrap();
        assert_eq!((vendor.is_loopback(), vendor.is_encrypted()), (false, true));
        assert_eq!(vendor.host_and_port(), ("api.pingone.com", 443));
        for wrong in ["localhost:8470", "https://user:s3cret@a.example", "https://a.example/?s3cret", "s3cret", ""] {
            let error = server(wrong).unwrap_err().to_string();
            assert!(error.contains("https://images.example.org") && !error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn image_endpoints_are_taken_with_and_without_their_version() {
        for (text, root) in [
            ("https://a.example:9292", "https://a.example:9292"),
            ("https://a.example/image/v2/", "https://a.example/image"),
            ("https://a.example/v2.9", "https://a.example"),
            ("https://a.example/v1", "https://a.example/v1"),
        ] {
            assert_eq!(text.parse::<ServerUrl>().unwrap().without_image_version().as_str(), root);
        }
    }

    #[test]
    fn secrets_are_told_by_where_they_are() {
        let secrets = [Secret::written("s3cret"), Secret::Command(vec!["print".to_owned(), "s3cret".to_owned()])];
        for secret in secrets {
            assert!(!secret.to_string().contains("s3cret"));
        }
        assert!(!format!("{:?}", Secret::written("s3cret")).contains("s3cret"));
    }

    #[test]
    fn paths_are_resolved_as_people_write_them() {
        let environment =
            vec![("HOME".into(), "/home/a".into()), ("EMPTY".into(), "".into()), ("F".into(), "~/f".into())];
        let sources = Sources::new(environment, "/work".into(), None);
        assert_eq!(sources.path("F"), Some("/home/a/f".into()));
        assert_eq!(sources.path("EMPTY"), None);
        assert_eq!(sources.resolve("a/b".as_ref(), "/c".as_ref()), PathBuf::from("/c/a/b"));
        assert_eq!(sources.configuration(), Some("/home/a/.config".into()));
    }
}
