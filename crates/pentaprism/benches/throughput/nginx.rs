//! nginx with its `WebDAV` module as the peer: the same uploads and downloads from a well-tuned server that never syncs.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where nginx is: on the path, or where Debian puts it.
pub(crate) fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    places.map(|folder| folder.join("nginx")).find(|program| program.is_file())
}

/// What it calls itself, and whether it can take uploads.
pub(crate) fn version(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("-V").output().ok()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let version = said.lines().next()?.trim_start_matches("nginx version: ").to_owned();
    said.contains("http_dav_module").then_some(version)
}

/// A running nginx. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Nginx {
    child: Child,
    address: SocketAddr,
}

impl Nginx {
    /// Starts it over an empty folder and waits until it listens.
    pub(crate) fn start(program: &Path, folder: &Path) -> Self {
        // Nobody else asks for a port in the moment before nginx takes it, or it says so and we stop.
        let address = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
        fs::create_dir(folder.join("files")).expect("the folder is empty");
        fs::write(folder.join("nginx.conf"), configuration(address)).expect("the folder can be written");
        let mut command = Command::new(program);
        command.arg("-p").arg(folder).args(["-e", "error.log", "-c", "nginx.conf"]).stdin(Stdio::null());
        let mut nginx = Self { child: command.spawn().expect("nginx starts"), address };
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            let ended = nginx.child.try_wait().expect("it is our child");
            let log = || fs::read_to_string(folder.join("error.log")).unwrap_or_default();
            assert!(ended.is_none() && began.elapsed() < PATIENCE, "nginx does not listen; it says: {}", log());
            std::thread::sleep(Duration::from_millis(10));
        }
        nginx
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The id of its first process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Asked nicely, the first process ends its workers.
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _may_have_ended = self.child.kill();
        }
        let _ended = self.child.wait();
    }
}

/// Temporary files lie beside the others, so that an upload is one rename.
fn configuration(address: SocketAddr) -> String {
    // Started as root its workers would be somebody who may not write here.
    let user = if rustix::process::geteuid().is_root() { "user root;\n" } else { "" };
    format!(
        "{user}daemon off;
worker_processes 2;
pid nginx.pid;
error_log error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
    client_body_buffer_size 1m;
    client_max_body_size 0;
    client_body_temp_path bodies;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen {address};
        location / {{
            root files;
            dav_methods PUT;
            create_full_put_path on;
        }}
    }}
}}
"
    )
}
