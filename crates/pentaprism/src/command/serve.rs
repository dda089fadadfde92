//! What `serve`, `gc` and `fsck` take.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::settings::{Flags, InvalidValue, PublicUrl, Source};

/// What `serve` takes.
#[derive(Debug, Args)]
pub struct ServeArguments {
    #[command(flatten)]
    data: DataArguments,
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDR:PORT", value_parser = socket_address)]
    listen: Option<SocketAddr>,
    /// Keep everything for this run only, and delete it at the end.
    #[arg(long, conflicts_with = "data")]
    ephemeral: bool,
    /// Address under which clients reach the server, for the links it hands out.
    #[arg(long, value_name = "URL")]
    public_url: Option<PublicUrl>,
    /// Encrypt connections: a PEM file with the server's certificate, followed by those that vouch for it.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key of the certificate, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

/// What `gc` takes.
#[derive(Debug, Args)]
pub struct GcArguments {
    /// Where the data are.
    #[command(flatten)]
    pub data: DataArguments,
    /// Change nothing; list what would be freed, and what else takes room: sessions that expired, dead space in packs, files
    /// that were set aside.
    #[arg(long)]
    pub dry_run: bool,
}

/// What `fsck` takes.
#[derive(Debug, Args)]
pub struct FsckArguments {
    /// Where the data are.
    #[command(flatten)]
    pub data: DataArguments,
    /// Repair what can be repaired.
    ///
    /// Counters are counted anew; names of a damaged content get an equal one that is whole; what has no name is freed; files
    /// that no row names go to orphans/ for a day; and what stays damaged is remembered, so that the same bytes, uploaded again,
    /// take its place.
    #[arg(long)]
    pub repair: bool,
}

/// Which data are meant.
#[derive(Debug, Args)]
pub struct DataArguments {
    /// Configuration file, in TOML.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder with the data; made when it is missing.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl ServeArguments {
    /// Where the settings come from.
    #[must_use]
    pub fn source(&self, environment: Vec<(OsString, OsString)>) -> Source {
        let mut source = self.data.source(environment);
        source.flags.listen = self.listen;
        source.flags.ephemeral = self.ephemeral;
        source.flags.public_url.clone_from(&self.public_url);
        source.flags.tls_certificate.clone_from(&self.tls_cert);
        source.flags.tls_key.clone_from(&self.tls_key);
        source
    }
}

impl DataArguments {
    /// Where the settings come from.
    #[must_use]
    pub fn source(&self, environment: Vec<(OsString, OsString)>) -> Source {
        let flags = Flags { config: self.config.clone(), data: self.data.clone(), ..Flags::default() };
        Source { flags, environment }
    }
}

/// Reads an address to listen on.
fn socket_address(text: &str) -> Result<SocketAddr, InvalidValue> {
    text.parse().map_err(|_| InvalidValue::SocketAddress(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::command::{Command, CommandLine};

    #[test]
    fn flags_become_settings() {
        let line = "pentaprism serve --config c --listen [::1]:1 --data d --public-url http://localhost:1 --tls-cert e --tls-key f";
        let Command::Serve(arguments) = CommandLine::parse_from(line.split(' ')).command else { panic!("not serve") };
        let expected = Flags {
            config: Some("c".into()),
            listen: Some("[::1]:1".parse().unwrap()),
            data: Some("d".into()),
            ephemeral: false,
            public_url: Some("http://localhost:1".parse().unwrap()),
            tls_certificate: Some("e".into()),
            tls_key: Some("f".into()),
        };
        assert_eq!(arguments.source(Vec::new()).flags, expected);
    }

    #[test]
    fn wrong_values_are_explained() {
        for (line, part) in [
            ("pentaprism serve --public-url images", "https://images.example.org"),
            ("pentaprism serve --listen 8470", "`8470` is not an address with a port such as `127.0.0.1:8473`"),
            ("pentaprism serve --tls-cert c", "--tls-key <FILE>"),
            ("pentaprism serve --ephemeral --data d", "cannot be used with"),
        ] {
            let error = CommandLine::try_parse_from(line.split(' ')).unwrap_err().to_string();
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
