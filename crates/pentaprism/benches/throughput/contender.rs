//! Who is measured: our server, nginx, the limit servers, and the hashes alone; each started anew for each turn.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use pentaprism_testkit::server_process::ServerProcess;

use crate::client::Numbered;
use crate::limits::{Limit, LimitProcess};
use crate::nginx::Nginx;
use crate::process;

/// The token that our server accepts from the start.
const TOKEN: &str = "X-Auth-Token: pentaprism-dev";

/// Who takes a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contender {
    /// Our server.
    Ours,
    /// nginx with its `WebDAV` module.
    Nginx,
    /// One of the limit servers.
    Limit(Limit),
    /// MD5 and SHA-512 in this process, each on a thread, without any server.
    Hashes,
}

impl Contender {
    /// Its name in tables and in JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ours => "pentaprism",
            Self::Nginx => "nginx",
            Self::Limit(limit) => limit.name(),
            Self::Hashes => "md5 || sha512",
        }
    }
}

/// The programs that are measured, and how.
#[derive(Debug)]
pub(crate) struct Programs {
    /// Our server.
    pub(crate) server: PathBuf,
    /// Its settings, besides what this process's environment says.
    pub(crate) environment: Vec<(String, String)>,
    /// nginx, when it takes part.
    pub(crate) nginx: Option<PathBuf>,
}

/// A contender that runs; it ends when this is dropped.
#[derive(Debug)]
pub(crate) enum Running {
    /// Our server.
    Ours(ServerProcess),
    /// nginx.
    Nginx(Nginx),
    /// A limit server.
    Limit(LimitProcess),
    /// Nothing needs to run.
    Hashes,
}

impl Running {
    /// Starts a contender over an empty folder.
    pub(crate) fn start(contender: Contender, programs: &Programs, folder: &Path) -> Self {
        match contender {
            Contender::Ours => Self::Ours(start_ours(programs, folder)),
            Contender::Nginx => {
                let program = programs.nginx.as_ref().expect("it takes part only when it is there");
                Self::Nginx(Nginx::start(program, folder))
            }
            Contender::Limit(limit) => Self::Limit(LimitProcess::start(limit, folder)),
            Contender::Hashes => Self::Hashes,
        }
    }

    fn id(&self) -> Option<u32> {
        match self {
            Self::Ours(server) => Some(server.id()),
            Self::Nginx(nginx) => Some(nginx.id()),
            Self::Limit(limit) => Some(limit.id()),
            Self::Hashes => None,
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        match self {
            Self::Ours(server) => server.address(),
            Self::Nginx(nginx) => nginx.address(),
            Self::Limit(limit) => limit.address(),
            Self::Hashes => panic!("hashes listen nowhere"),
        }
    }

    /// Seconds of processor time that it has used so far.
    pub(crate) fn processor_seconds(&self) -> Option<f64> {
        self.id().map(process::processor_seconds)
    }

    /// The most memory of our server so far, in MiB. The others' is not asked for.
    pub(crate) fn peak_memory(&self) -> Option<f64> {
        matches!(self, Self::Ours(_)).then(|| self.id().map(process::peak_memory)).flatten()
    }

    /// Ends it in its own way.
    pub(crate) fn stop(self) {
        if let Self::Ours(server) = self {
            assert!(server.stop().success(), "the server ended badly");
        }
    }
}

/// Starts our server over a folder that may have data.
pub(crate) fn start_ours(programs: &Programs, folder: &Path) -> ServerProcess {
    let environment: Vec<(&str, &str)> =
        programs.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    ServerProcess::start(&programs.server, folder, &environment)
}

/// The head of an upload to a path, in the words of the contender. Our server takes it through its Service Fabric API.
pub(crate) fn put(contender: Contender, path: &str, length: u64) -> Numbered {
    let length = format!("Content-Length: {length}");
    match contender {
        Contender::Ours => Numbered::head("PUT", &format!("/ImageStore/{path}?api-version=6.0"), &[&length]),
        _ => Numbered::head("PUT", &format!("/{path}"), &[&length]),
    }
}

/// The status that an upload is answered with.
pub(crate) const fn stored(contender: Contender) -> u16 {
    if matches!(contender, Contender::Ours) { 200 } else { 201 }
}

/// The head of a download of a path.
pub(crate) fn get(contender: Contender, path: &str) -> Numbered {
    match contender {
        Contender::Ours => Numbered::head("GET", &format!("/ImageStore/{path}/$/Download?api-version=6.0"), &[]),
        _ => Numbered::head("GET", &format!("/{path}"), &[]),
    }
}

/// The two requests of a Glance upload.
#[derive(Debug, Clone)]
pub(crate) struct GlanceUpload {
    /// Head and body of the first one, which is answered 201.
    pub(crate) create: (Numbered, Numbered),
    /// Head of the second one, which is answered 204.
    pub(crate) put: Numbered,
}

impl GlanceUpload {
    /// The id of an image, with places for its number.
    pub(crate) const ID: &str = "b0a7f1c2-3d4e-4f50-8a61-0000########";

    /// An upload of `length` bytes to an image whose id ends in a number.
    pub(crate) fn new(length: u64) -> Self {
        let id = Self::ID;
        let record = Numbered::text(&format!(
            "{{\"id\":\"{id}\",\"name\":\"image-########\",\"disk_format\":\"raw\",\"container_format\":\"bare\"}}"
        ));
        let record_length = format!("Content-Length: {}", record.bytes().len());
        let create = Numbered::head("POST", "/v2/images", &[TOKEN, "Content-Type: application/json", &record_length]);
        let length = format!("Content-Length: {length}");
        let target = format!("/v2/images/{id}/file");
        let put = Numbered::head("PUT", &target, &[TOKEN, "Content-Type: application/octet-stream", &length]);
        Self { create: (create, record), put }
    }
}

/// The head of a request to Glance that only reads.
pub(crate) fn glance_get(target: &str) -> Numbered {
    Numbered::head("GET", target, &[TOKEN])
}
