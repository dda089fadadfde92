//! Everything that can be set, with its unit and its default, in one place.
//!
//! A setting is read from the configuration file (TOML), then from the environment, then from the command line; the
//! later one wins. The environment name of a setting is its path in capitals, joined by underscores and begun with
//! `PENTAPRISM_`: `glance.quota_bytes` is `PENTAPRISM_GLANCE_QUOTA_BYTES`.

mod dialects;
mod load;
mod mistake;
mod principals;
mod rules;
mod values;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use pentaprism_server::connection;
use serde::Deserialize;

use crate::mount::Dialect;

pub use dialects::{
    AzureSphereSettings, DEFAULT_ENVIRONMENT, DEFAULT_SAVED_VIEW, DEFAULT_SAVED_VIEW_ITWIN, DEFAULT_TENANT,
    EnvironmentSettings, GlanceSettings, PingOneSettings, SavedViewsSettings, ServiceFabricSettings, TenantSettings,
};
pub use load::{Flags, LoadError, Source};
pub use mistake::Mistake;
pub use principals::{
    AzureSphereRights, DEVELOPMENT_PROJECT, DEVELOPMENT_TOKEN, DEVELOPMENT_USER, GlanceRights, ITWIN_SCOPE,
    PingOneRights, PrincipalSettings, SavedViewsRights,
};
pub use rules::{RuleError, Warning};
pub use values::{
    Access, Durability, Follow, HashAlgorithm, HostName, Href, InvalidValue, LogFormat, Network, PublicUrl, Role, Token,
};

/// All settings. Times are whole seconds, sizes are bytes; the names end in the unit.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// The folder that holds the catalog and the bytes; made when it is missing.
    pub data: PathBuf,
    /// Keep everything in a folder of its own for this run only and delete it at the end; `data` is not looked at.
    pub ephemeral: bool,
    /// The address under which clients reach the server, for the links it hands out. Absent: what each request names.
    pub public_url: Option<PublicUrl>,
    /// Hosts that the server answers for, besides loopback names, the address it listens on and the public URL's.
    pub hosts: Vec<HostName>,
    /// Addresses and networks of proxies whose `X-Forwarded-For`, `-Host` and `-Proto` count.
    pub trusted_proxies: Vec<Network>,
    /// Whether an upload is acknowledged after it is safe on the disk (`sync`) or before (`none`: tests and caches).
    pub durability: Durability,
    /// Start with the development token although the server can be reached from other machines.
    pub allow_development_token_beyond_loopback: bool,
    /// Start with Service Fabric writes without a token although the server can be reached from other machines.
    pub allow_anonymous_writes_beyond_loopback: bool,
    /// What is logged, and how.
    pub log: LogSettings,
    /// Limits and deadlines of connections.
    pub connections: ConnectionSettings,
    /// Encrypted connections.
    pub tls: TlsSettings,
    /// Ports of single dialects, besides the one that all share.
    pub ports: PortSettings,
    /// Limits of the store.
    pub store: StoreSettings,
    /// The OpenStack Image service.
    pub glance: GlanceSettings,
    /// The Service Fabric Image Store.
    pub service_fabric: ServiceFabricSettings,
    /// The Azure Sphere image upload.
    pub azure_sphere: AzureSphereSettings,
    /// The iTwin Saved Views images.
    pub saved_views: SavedViewsSettings,
    /// The PingOne images.
    pub pingone: PingOneSettings,
    /// Who may do what. Naming any principal replaces the development principal.
    pub principals: Vec<PrincipalSettings>,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// `text` or `json`.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives per module such as `info,pentaprism_store=debug`.
    pub level: String,
}

/// Limits and deadlines of connections.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectionSettings {
    /// Connections that are served at once; more wait in the operating system's queue.
    pub limit: usize,
    /// Seconds that a client has to send the head of a request.
    pub head_seconds: u64,
    /// Seconds that a connection may stay open without a request.
    pub idle_seconds: u64,
    /// Seconds that may pass between two pieces of a request's body; then the request is answered 408.
    pub body_idle_seconds: u64,
    /// Bytes per second that a body must bring while the server waits for it, on average over `body_idle_seconds`; a slower
    /// one is answered 408 like one that stalls. 0: no minimum.
    pub body_bytes_per_second: u64,
    /// Seconds that a client may take nothing of an answer; then the connection is cut.
    pub write_seconds: u64,
    /// Seconds that running requests have to finish after SIGTERM or SIGINT; then their connections are cut.
    pub shutdown_seconds: u64,
}

/// Encrypted connections. Both or none; with them, all ports are encrypted.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsSettings {
    /// A PEM file with the server's certificate, followed by those that vouch for it.
    pub certificate: Option<PathBuf>,
    /// A PEM file with the certificate's private key.
    pub key: Option<PathBuf>,
}

/// Addresses and ports on which one dialect answers every path, for clients that insist on a port of their own.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PortSettings {
    /// For the OpenStack Image service.
    pub glance: Option<SocketAddr>,
    /// For the Service Fabric Image Store.
    pub service_fabric: Option<SocketAddr>,
    /// For the Azure Sphere image upload.
    pub azure_sphere: Option<SocketAddr>,
    /// For the iTwin Saved Views images.
    pub saved_views: Option<SocketAddr>,
    /// For the PingOne images.
    pub pingone: Option<SocketAddr>,
}

/// Limits of the store.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSettings {
    /// Uploads up to this many bytes are collected in memory and written in batches; at most 262,144.
    pub small_body_bytes: usize,
    /// Bytes of memory that small uploads may hold together; more wait in their sockets.
    pub small_body_budget_bytes: usize,
    /// Bytes of memory that large uploads may hold together, on their way to the disk.
    pub large_body_budget_bytes: usize,
    /// Large uploads that are received at once; more wait in their sockets.
    pub large_uploads: usize,
    /// Bytes of the disk that uploads leave free, so that deleting stays possible.
    pub disk_reserve_bytes: u64,
    /// Seconds that the disk or the catalog may take for one step; then the request is answered with a documented error.
    pub deadline_seconds: u64,
    /// Seconds between two looks for bytes that can be freed.
    pub sweep_seconds: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8470)),
            data: PathBuf::from("pentaprism-data"),
            ephemeral: false,
            public_url: None,
            hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            durability: Durability::default(),
            allow_development_token_beyond_loopback: false,
            allow_anonymous_writes_beyond_loopback: false,
            log: LogSettings::default(),
            connections: ConnectionSettings::default(),
            tls: TlsSettings::default(),
            ports: PortSettings::default(),
            store: StoreSettings::default(),
            glance: GlanceSettings::default(),
            service_fabric: ServiceFabricSettings::default(),
            azure_sphere: AzureSphereSettings::default(),
            saved_views: SavedViewsSettings::default(),
            pingone: PingOneSettings::default(),
            principals: vec![PrincipalSettings::development()],
        }
    }
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { format: LogFormat::default(), level: "info".to_owned() }
    }
}

impl Default for ConnectionSettings {
    fn default() -> Self {
        Self {
            limit: 1024,
            head_seconds: 30,
            idle_seconds: 75,
            body_idle_seconds: 60,
            body_bytes_per_second: 1024,
            write_seconds: 60,
            shutdown_seconds: 30,
        }
    }
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            small_body_bytes: 256 << 10,
            small_body_budget_bytes: 16 << 20,
            large_body_budget_bytes: 12 << 20,
            large_uploads: 64,
            disk_reserve_bytes: 64 << 20,
            deadline_seconds: 30,
            sweep_seconds: 60,
        }
    }
}

impl ConnectionSettings {
    /// The limits as the connection layer takes them.
    #[must_use]
    pub fn limits(&self) -> connection::Limits {
        connection::Limits {
            connections: self.limit,
            head: Duration::from_secs(self.head_seconds),
            idle: Duration::from_secs(self.idle_seconds),
            body_idle: Duration::from_secs(self.body_idle_seconds),
            body_rate: self.body_bytes_per_second,
            write: Duration::from_secs(self.write_seconds),
            shutdown: Duration::from_secs(self.shutdown_seconds),
            ..connection::Limits::default()
        }
    }
}

impl Settings {
    /// How the store is opened, with the machine's clock and random ids.
    #[must_use]
    pub fn store_options(&self) -> pentaprism_store::Options {
        if self.ephemeral {
            return pentaprism_store::Options::ephemeral().limits(self.store.limits());
        }
        let durability = match self.durability {
            Durability::Sync => pentaprism_store::Durability::Sync,
            Durability::None => pentaprism_store::Durability::None,
        };
        pentaprism_store::Options::folder(&self.data).durability(durability).limits(self.store.limits())
    }
}

impl PortSettings {
    /// The dialects with a port of their own.
    #[must_use]
    pub fn all(&self) -> Vec<(Dialect, SocketAddr)> {
        let ports = [
            (Dialect::Glance, self.glance),
            (Dialect::ServiceFabric, self.service_fabric),
            (Dialect::AzureSphere, self.azure_sphere),
            (Dialect::SavedViews, self.saved_views),
            (Dialect::PingOne, self.pingone),
        ];
        ports.into_iter().filter_map(|(dialect, address)| Some((dialect, address?))).collect()
    }
}

impl StoreSettings {
    fn limits(&self) -> pentaprism_store::Limits {
        pentaprism_store::Limits {
            small_threshold: self.small_body_bytes,
            small_budget: self.small_body_budget_bytes,
            large_budget: self.large_body_budget_bytes,
            large_uploads: self.large_uploads,
            disk_reserve: self.disk_reserve_bytes,
            deadline: Duration::from_secs(self.deadline_seconds),
            sweep_interval: Duration::from_secs(self.sweep_seconds),
            ..pentaprism_store::Limits::default()
        }
    }
}
