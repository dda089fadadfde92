//! The command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::settings::{Flags, InvalidValue, PublicUrl, Source};

/// One image store that speaks five documented image-upload APIs: OpenStack Glance, Service Fabric Image Store, Azure Sphere,
/// Saved Views and PingOne.
#[derive(Debug, Parser)]
#[command(name = "pentaprism", version, max_term_width = 100)]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the APIs until SIGTERM or SIGINT.
    ///
    /// Without flags: on 127.0.0.1:8470, with data in ./pentaprism-data and the token `pentaprism-dev`. Every setting is
    /// explained in pentaprism.example.toml. Each may also be set by the environment: PENTAPRISM_ and the setting's path in
    /// capitals, joined by underscores, such as `PENTAPRISM_GLANCE_QUOTA_BYTES`. Flags win over the environment, and the
    /// environment wins over the file.
    Serve(ServeArguments),
    /// Free the bytes that nothing refers to any more. The server must not be running; while it runs, it does so by itself.
    Gc(GcArguments),
    /// Check every image against the checksums it was written with. The server must not be running.
    Fsck(DataArguments),
}

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
    /// Only list what would be freed.
    #[arg(long)]
    pub dry_run: bool,
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
    use clap::CommandFactory as _;

    use super::*;

    fn help(of: Option<&str>) -> String {
        let mut command = CommandLine::command();
        command.build();
        let command = match of {
            Some(name) => command.find_subcommand_mut(name).unwrap(),
            None => &mut command,
        };
        command.clone().term_width(100).render_long_help().to_string()
    }

    #[test]
    fn help_says_what_can_be_done() {
        insta::assert_snapshot!(help(None));
        insta::assert_snapshot!(help(Some("serve")));
        insta::assert_snapshot!(help(Some("gc")));
        insta::assert_snapshot!(help(Some("fsck")));
    }

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
