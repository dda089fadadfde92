//! The small types that settings are made of. Each refuses a wrong value where it is read, and says what it wants.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::uri::{Authority, Scheme, Uri};
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de};

/// A value that a setting cannot take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidValue {
    /// No absolute http or https address.
    #[error("`{0}` is not an address such as `https://images.example.org`: scheme and host, no query, no user")]
    PublicUrl(String),
    /// No network and no single address.
    #[error("`{0}` is neither an IP address nor a network such as `10.0.0.0/8`")]
    Network(String),
    /// No address with a port.
    #[error("`{0}` is not an address with a port such as `127.0.0.1:8473`")]
    SocketAddress(String),
    /// No bare host name.
    #[error("`{0}` is not a host name such as `images.example.org`: no scheme, no port, no path")]
    HostName(String),
}

/// What a server does where a document and today's service contradict each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Follow {
    /// The document is right.
    #[default]
    Document,
    /// The service that runs today is right.
    Service,
}

/// The algorithm of the digest that Glance shows beside MD5.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HashAlgorithm {
    /// Nothing beside the MD5 that is computed anyway: uploads cost the least.
    Md5,
    /// SHA-256, fast where the processor has instructions for it.
    Sha256,
    /// SHA-512, as the service has it.
    #[default]
    Sha512,
}

impl HashAlgorithm {
    /// Its name, as Python's hashlib has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

/// When an upload is acknowledged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// After its bytes and its row survive a power cut.
    #[default]
    Sync,
    /// As soon as the operating system has them: for tests and caches.
    None,
}

/// How a dialect hands out pictures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Href {
    /// By a link to this server.
    #[default]
    Link,
    /// By a data URL, which holds the picture itself: for clients that take neither plain http nor links.
    Data,
}

/// What somebody may do in a dialect that knows no finer rights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Nothing.
    #[default]
    None,
    /// Read.
    ReadOnly,
    /// Read and write.
    ReadWrite,
}

/// A role of OpenStack, as Glance's policies know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees and writes every image.
    Admin,
    /// Creates, uploads, shares and deletes the images of its project.
    Member,
    /// Reads what its project may see.
    Reader,
}

/// Every role: what the development principal has.
#[must_use]
pub fn all_roles() -> BTreeSet<Role> {
    [Role::Admin, Role::Member, Role::Reader].into()
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One readable line per event.
    #[default]
    Text,
    /// One JSON object per event.
    Json,
}

/// A secret that its holder sends to be recognised. It is never printed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Token(String);

impl Token {
    /// Takes `text` as a token.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The token itself, to be compared or shown to its owner.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(…)")
    }
}

/// Addresses that are trusted together: one address or a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Whether `address` belongs to it. An IPv4 address that arrives on an IPv6 socket counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for Network {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let single = || text.parse::<IpAddr>().map(IpNet::from);
        text.parse().or_else(|_| single()).map(Self).map_err(|_| InvalidValue::Network(text.to_owned()))
    }
}

/// A host without a port, in lower case and without the dot at its end; IPv6 addresses stand in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName(String);

impl HostName {
    /// The host in the form in which hosts are compared.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host of `authority`.
    #[must_use]
    pub fn of(authority: &Authority) -> Self {
        let host = authority.host();
        Self(host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase())
    }

    /// The address, when the host is one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.0.trim_start_matches('[').trim_end_matches(']').parse().ok().map(|ip: IpAddr| ip.to_canonical())
    }

    /// Whether the name can only mean this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.0 == "localhost"
            || self.0.ends_with(".localhost")
            || self.address().is_some_and(|address| address.is_loopback())
    }
}

impl FromStr for HostName {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let authority = text.parse::<Authority>().ok();
        match authority.filter(|authority| authority.host() == text && !text.is_empty()) {
            Some(authority) => Ok(Self::of(&authority)),
            None => Err(InvalidValue::HostName(text.to_owned())),
        }
    }
}

/// The address under which clients reach the server, for the links that it hands out: no slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    text: String,
    authority: Authority,
}

impl PublicUrl {
    /// The address without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The path, without a slash at its end: empty for the root.
    #[must_use]
    pub fn path(&self) -> &str {
        let rest = self.text.split_once("://").map_or("", |(_, rest)| rest);
        rest.find('/').map_or("", |begin| &rest[begin..])
    }

    /// Host and port.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The host alone.
    #[must_use]
    pub fn host(&self) -> HostName {
        HostName::of(&self.authority)
    }
}

impl FromStr for PublicUrl {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let wrong = || InvalidValue::PublicUrl(text.to_owned());
        let parts = text.parse::<Uri>().map_err(|_| wrong())?.into_parts();
        let web = parts.scheme.is_some_and(|scheme| scheme == Scheme::HTTP || scheme == Scheme::HTTPS);
        let query = parts.path_and_query.is_some_and(|path| path.query().is_some());
        let authority = parts.authority.filter(|authority| !authority.as_str().contains('@')).ok_or_else(wrong)?;
        if web && !query && !text.contains('#') {
            Ok(Self { text: text.trim_end_matches('/').to_owned(), authority })
        } else {
            Err(wrong())
        }
    }
}

macro_rules! deserialize_from_text {
    ($($type:ty),*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

deserialize_from_text!(Network, HostName, PublicUrl);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_single_addresses_too_and_see_through_mapped_ipv4() {
        let network: Network = "10.0.0.0/8".parse().unwrap();
        assert!(network.contains("10.9.8.7".parse().unwrap()));
        assert!(network.contains("::ffff:10.9.8.7".parse().unwrap()));
        assert!(!network.contains("11.0.0.1".parse().unwrap()));
        assert!("::1".parse::<Network>().unwrap().contains("::1".parse().unwrap()));
        assert_eq!("ten".parse::<Network>(), Err(InvalidValue::Network("ten".to_owned())));
    }

    #[test]
    fn hosts_are_compared_without_case_dot_and_port() {
        let host = |text: &str| HostName::of(&text.parse().unwrap());
        assert_eq!(host("Images.Example.ORG.:8470").as_str(), "images.example.org");
        assert!(host("[::1]:80").is_loopback());
        assert!(host("127.9.9.9").is_loopback());
        assert!(host("app.localhost").is_loopback());
        assert!(!host("localhost.example.org").is_loopback());
        for wrong in ["http://a", "a:80", "a/b", "u@a", ""] {
            assert!(wrong.parse::<HostName>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn public_urls_are_web_addresses() {
        assert_eq!("https://a.example/x/".parse::<PublicUrl>().unwrap().as_str(), "https://a.example/x");
        for (url, path) in [("http://a", ""), ("http://a/", ""), ("http://a:1/x/y/", "/x/y")] {
            assert_eq!(url.parse::<PublicUrl>().unwrap().path(), path, "{url}");
        }
        for wrong in ["a.example", "ftp://a", "https://a/?q", "https://u@a", "/x", "https://a/#b"] {
            assert!(wrong.parse::<PublicUrl>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn tokens_never_show_in_debug_output() {
        assert!(!format!("{:?}", Token::new("secret")).contains("secret"));
    }
}
