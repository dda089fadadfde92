//! What a server refuses to start with, whatever the single settings say.

use std::net::SocketAddr;

use uuid::Uuid;

use super::{Access, DEVELOPMENT_TOKEN, Settings};

/// The fewest characters of a token on a server that other machines can reach.
const SHORTEST_TOKEN: usize = 16;

/// The longest deadline, in seconds: beyond it a wait is as good as endless, and clocks can overflow.
const DAY: u64 = 24 * 60 * 60;

/// A year, in seconds: the longest that something which ended is remembered.
const YEAR: u64 = 365 * DAY;

/// The largest JSON document that can be allowed, in bytes: it is held in memory as a whole.
const LARGEST_DOCUMENT: u64 = 256 << 20;

/// The largest sides of a thumbnail, in pixels: it is held in memory as a whole.
const LARGEST_THUMBNAIL: u64 = 2048;

/// The most pixels that a picture may have: decoding more takes longer than anybody waits.
const MOST_PIXELS: u64 = 1_000_000_000;

/// Where the tenants are.
const TENANTS: &str = "azure_sphere.tenants";

/// Where the environments are.
const ENVIRONMENTS: &str = "pingone.environments";

/// The most connections at once: a process has no more open files.
const MOST_CONNECTIONS: u64 = 1_000_000;

/// The most bytes per second that a client can be made to send: what a slow mobile link brings.
const FASTEST_MINIMUM: u64 = 1_000_000;

/// The most memory that small uploads may be given: 1 TiB.
const MOST_MEMORY: u64 = 1 << 40;

/// Settings that do not go together, or that would be unsafe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// A token has a character that clients change on the way (python-glanceclient percent-encodes it).
    #[error(
        "the token of principal `{principal}` has a character that clients change on the way; use letters, digits and \
         `_.-~=+/` only"
    )]
    TokenCharacter {
        /// Whose token.
        principal: String,
    },
    /// A token is empty, or too short to be guessed by nobody.
    #[error("the token of principal `{principal}` has {length} characters; it needs at least {shortest}")]
    TokenLength {
        /// Whose token.
        principal: String,
        /// Its length in characters.
        length: usize,
        /// The fewest characters.
        shortest: usize,
    },
    /// Two principals share a name or a token.
    #[error("the principals `{first}` and `{second}` share a {what}; give each its own")]
    Twins {
        /// One of them.
        first: String,
        /// The other.
        second: String,
        /// `name` or `token`.
        what: &'static str,
    },
    /// The development token on a server that other machines can reach.
    #[error(
        "the server can be reached from other machines ({reached}) and principal `{principal}` has the development \
         token, which everybody knows; set another token, or set allow_development_token_beyond_loopback = true"
    )]
    DevelopmentToken {
        /// Who has it.
        principal: String,
        /// What makes the server reachable.
        reached: String,
    },
    /// Writes without a token on a server that other machines can reach.
    #[error(
        "the server can be reached from other machines ({reached}) and Service Fabric uploads need no token; set \
         service_fabric.anonymous to \"read-only\" or \"none\", or set allow_anonymous_writes_beyond_loopback = true"
    )]
    AnonymousWrites {
        /// What makes the server reachable.
        reached: String,
    },
    /// A principal works with a tenant or environment that does not exist.
    #[error("principal `{principal}` works with {place}, which is not among {list}; add it there or take it away here")]
    NoSuchPlace {
        /// Who.
        principal: String,
        /// The tenant or environment.
        place: Uuid,
        /// The setting that names those that exist.
        list: &'static str,
    },
    /// Two tenants or two environments share an id.
    #[error("{list} names {id} twice; give each its own id")]
    TwinPlaces {
        /// The setting.
        list: &'static str,
        /// The id.
        id: Uuid,
    },
    /// Two listeners with one address.
    #[error("{first} and {second} are both {address}; give each a port of its own")]
    TwinAddresses {
        /// One setting.
        first: String,
        /// The other.
        second: String,
        /// The address.
        address: SocketAddr,
    },
    /// A certificate without its key, or a key without its certificate.
    #[error("tls.{given} is set and tls.{missing} is not; set both, or none for connections that are not encrypted")]
    HalfTls {
        /// What is set.
        given: &'static str,
        /// What is not.
        missing: &'static str,
    },
    /// A limit or deadline outside what makes sense.
    #[error("{setting} is {value}; set it to {least} to {most}")]
    OutOfBounds {
        /// The setting's path.
        setting: &'static str,
        /// What it is.
        value: u64,
        /// The least that is taken.
        least: u64,
        /// The most that is taken.
        most: u64,
    },
}

/// What is allowed and yet worth a line in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// Acknowledged uploads can be lost.
    #[error("durability is none: a power cut loses uploads that were acknowledged")]
    NotDurable,
    /// The development token can be used from other machines.
    #[error("the development token can be used from other machines")]
    DevelopmentToken,
    /// Anybody who reaches the server can write.
    #[error("anybody who reaches the server can write to the Service Fabric image store")]
    AnonymousWrites,
}

impl Settings {
    /// Checks the settings as a whole.
    ///
    /// # Errors
    /// The first [`RuleError`].
    pub fn check(&self) -> Result<Vec<Warning>, RuleError> {
        self.check_numbers()?;
        self.check_tls()?;
        self.check_addresses()?;
        self.check_places()?;
        let reached = self.reached_beyond_loopback();
        self.check_principals(reached.is_some())?;
        let mut warnings = Vec::new();
        if let Some(reached) = reached {
            let developer = self.principals.iter().find(|principal| principal.token.reveal() == DEVELOPMENT_TOKEN);
            match developer {
                Some(_) if self.allow_development_token_beyond_loopback => warnings.push(Warning::DevelopmentToken),
                Some(principal) => {
                    let principal = principal.name.clone();
                    return Err(RuleError::DevelopmentToken { principal, reached });
                }
                None => {}
            }
            if self.service_fabric.anonymous == Access::ReadWrite {
                if !self.allow_anonymous_writes_beyond_loopback {
                    return Err(RuleError::AnonymousWrites { reached });
                }
                warnings.push(Warning::AnonymousWrites);
            }
        }
        if self.durability == super::Durability::None {
            warnings.push(Warning::NotDurable);
        }
        Ok(warnings)
    }

    /// What makes the server reachable from other machines: the address it listens on, or a public URL, a host or a
    /// trusted proxy, each of which says that something passes on what others send.
    fn reached_beyond_loopback(&self) -> Option<String> {
        if !self.listen.ip().to_canonical().is_loopback() {
            return Some(format!("listen = \"{}\"", self.listen));
        }
        let ports = self.ports.all();
        if let Some((dialect, port)) = ports.iter().find(|(_, port)| !port.ip().to_canonical().is_loopback()) {
            return Some(format!("ports.{} = \"{port}\"", dialect.name()));
        }
        if let Some(public) = self.public_url.as_ref().filter(|url| !url.host().is_loopback()) {
            return Some(format!("public_url = \"{}\"", public.as_str()));
        }
        if let Some(host) = self.hosts.iter().find(|host| !host.is_loopback()) {
            return Some(format!("hosts = [\"{}\"]", host.as_str()));
        }
        self.trusted_proxies.first().map(|proxy| format!("trusted_proxies = [\"{proxy}\"]"))
    }

    fn check_principals(&self, beyond_loopback: bool) -> Result<(), RuleError> {
        for (position, principal) in self.principals.iter().enumerate() {
            let token = principal.token.reveal();
            let name = || principal.name.clone();
            if !token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-~=+/".contains(&byte)) {
                return Err(RuleError::TokenCharacter { principal: name() });
            }
            // The development token is judged by a rule of its own, with a remedy of its own.
            let shortest = if beyond_loopback && token != DEVELOPMENT_TOKEN { SHORTEST_TOKEN } else { 1 };
            if token.len() < shortest {
                return Err(RuleError::TokenLength { principal: name(), length: token.len(), shortest });
            }
            for other in &self.principals[..position] {
                let same = [("name", other.name == principal.name), ("token", other.token == principal.token)];
                if let Some((what, _)) = same.into_iter().find(|(_, same)| *same) {
                    return Err(RuleError::Twins { first: other.name.clone(), second: name(), what });
                }
            }
        }
        Ok(())
    }

    fn check_tls(&self) -> Result<(), RuleError> {
        match (&self.tls.certificate, &self.tls.key) {
            (Some(_), None) => Err(RuleError::HalfTls { given: "certificate", missing: "key" }),
            (None, Some(_)) => Err(RuleError::HalfTls { given: "key", missing: "certificate" }),
            _ => Ok(()),
        }
    }

    /// No address is listened on twice. The system finds another port for each port 0.
    fn check_addresses(&self) -> Result<(), RuleError> {
        let ports = self.ports.all().into_iter();
        let ports = ports.map(|(dialect, address)| (format!("ports.{}", dialect.name()), address));
        let all: Vec<_> = std::iter::once(("listen".to_owned(), self.listen)).chain(ports).collect();
        for (position, (second, address)) in all.iter().enumerate().filter(|(_, (_, address))| address.port() != 0) {
            if let Some((first, _)) = all[..position].iter().find(|(_, other)| other == address) {
                let (first, second, address) = (first.clone(), second.clone(), *address);
                return Err(RuleError::TwinAddresses { first, second, address });
            }
        }
        Ok(())
    }

    /// Every tenant and environment that a principal works with exists, once.
    fn check_places(&self) -> Result<(), RuleError> {
        let tenants: Vec<Uuid> = self.azure_sphere.tenants.iter().map(|tenant| tenant.id).collect();
        let environments: Vec<Uuid> = self.pingone.environments.iter().map(|environment| environment.id).collect();
        for (list, ids) in [(TENANTS, &tenants), (ENVIRONMENTS, &environments)] {
            let twin = ids.iter().enumerate().find(|(position, id)| ids[..*position].contains(id));
            if let Some((_, id)) = twin {
                return Err(RuleError::TwinPlaces { list, id: *id });
            }
        }
        for principal in &self.principals {
            let works_in = principal.azure_sphere.iter().flat_map(|rights| &rights.tenants);
            let works_in = works_in.map(|place| (TENANTS, &tenants, *place));
            let and_in = principal.pingone.iter().flat_map(|rights| &rights.environments);
            let and_in = and_in.map(|place| (ENVIRONMENTS, &environments, *place));
            if let Some((list, _, place)) = works_in.chain(and_in).find(|(_, known, place)| !known.contains(place)) {
                return Err(RuleError::NoSuchPlace { principal: principal.name.clone(), place, list });
            }
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<(), RuleError> {
        let connections = &self.connections;
        let numbers = [
            ("connections.limit", connections.limit as u64, 1..=MOST_CONNECTIONS),
            ("connections.head_seconds", connections.head_seconds, 1..=DAY),
            ("connections.idle_seconds", connections.idle_seconds, 1..=DAY),
            ("connections.body_idle_seconds", connections.body_idle_seconds, 1..=DAY),
            ("connections.body_bytes_per_second", connections.body_bytes_per_second, 0..=FASTEST_MINIMUM),
            ("connections.write_seconds", connections.write_seconds, 1..=DAY),
            ("connections.shutdown_seconds", connections.shutdown_seconds, 0..=DAY),
            ("store.small_body_budget_bytes", self.store.small_body_budget_bytes as u64, 1..=MOST_MEMORY),
            ("store.deadline_seconds", self.store.deadline_seconds, 1..=DAY),
            ("store.sweep_seconds", self.store.sweep_seconds, 1..=DAY),
            ("azure_sphere.package_bytes", self.azure_sphere.package_bytes, 1..=MOST_MEMORY),
            ("azure_sphere.operation_seconds", self.azure_sphere.operation_seconds, 1..=YEAR),
            ("saved_views.body_bytes", self.saved_views.body_bytes, 1..=LARGEST_DOCUMENT),
            ("saved_views.thumbnail_pixels", self.saved_views.thumbnail_pixels.into(), 1..=LARGEST_THUMBNAIL),
            ("saved_views.picture_pixels", self.saved_views.picture_pixels, 1..=MOST_PIXELS),
            ("pingone.picture_bytes", self.pingone.picture_bytes, 1..=MOST_MEMORY),
        ];
        match numbers.into_iter().find(|(_, value, bounds)| !bounds.contains(value)) {
            Some((setting, value, bounds)) => {
                Err(RuleError::OutOfBounds { setting, value, least: *bounds.start(), most: *bounds.end() })
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
