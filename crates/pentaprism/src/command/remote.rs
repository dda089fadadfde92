//! What the commands take that work with images at services.

use std::ffi::OsString;
use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{Args, Subcommand, ValueEnum};

use super::words;
use crate::remote::address::{Address, AddressError, Dialect, Location, Place};
use crate::remote::duration;

/// The commands that work with images at services.
#[derive(Debug, Subcommand)]
pub enum RemoteCommand {
    /// Copy between this machine and services, or from service to service.
    ///
    /// Several sources go into a folder: one of this machine, or one of Service Fabric (`sf:`). The address of each copy is
    /// written to standard output.
    #[command(name = "cp", after_help = words::COPY_EXAMPLES, after_long_help = words::with_rules(words::COPY_EXAMPLES))]
    Copy(Box<CopyArguments>),
    /// List what is at a service.
    ///
    /// Glance, Saved Views and Service Fabric have listings; Azure Sphere and PingOne have none.
    #[command(name = "ls", after_help = words::LIST_EXAMPLES, after_long_help = words::with_rules(words::LIST_EXAMPLES))]
    List(ListArguments),
    /// Tell what a service knows of images, files or folders.
    #[command(name = "stat", after_help = words::STAT_EXAMPLES, after_long_help = words::with_rules(words::STAT_EXAMPLES))]
    Stat(StatArguments),
    /// Delete images, files or folders at services, without asking.
    ///
    /// The picture of a saved view cannot be deleted alone: `rm -r views:VIEW_ID` deletes the view itself, with its picture.
    #[command(name = "rm", after_help = words::REMOVE_EXAMPLES, after_long_help = words::with_rules(words::REMOVE_EXAMPLES))]
    Remove(RemoveArguments),
    /// Wait until an image can be used, or until it is gone.
    ///
    /// Waits for ever unless --timeout ends it.
    #[command(name = "wait", after_help = words::WAIT_EXAMPLES, after_long_help = words::with_rules(words::WAIT_EXAMPLES))]
    Wait(WaitArguments),
    /// Check a profile from end to end: its settings, the connection, the token and each API.
    #[command(name = "doctor", after_help = words::DOCTOR_EXAMPLES, after_long_help = words::with_rules(words::DOCTOR_EXAMPLES))]
    Doctor(DoctorArguments),
}

impl RemoteCommand {
    /// What every one of them takes.
    #[must_use]
    pub fn common(&self) -> &CommonArguments {
        match self {
            Self::Copy(arguments) => &arguments.common,
            Self::List(arguments) => &arguments.common,
            Self::Stat(arguments) => &arguments.common,
            Self::Remove(arguments) => &arguments.common,
            Self::Wait(arguments) => &arguments.common,
            Self::Doctor(arguments) => &arguments.common,
        }
    }

    /// Whether standard output carries an image, so that nothing else may be written there.
    #[must_use]
    pub fn writes_bytes(&self) -> bool {
        matches!(self, Self::Copy(arguments) if arguments.target == Location::Standard)
    }
}

/// What every command takes that works with services.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Common options")]
pub struct CommonArguments {
    /// File with profiles, in TOML; instead of `PENTAPRISM_PROFILES`.
    #[arg(long, value_name = "FILE")]
    pub profiles: Option<PathBuf>,
    /// Write results to standard output and errors to standard error as JSON, one object in a line.
    #[arg(long)]
    pub json: bool,
    /// Say nothing but what was asked for, and errors.
    #[arg(short, long)]
    pub quiet: bool,
    /// When to use colours; `NO_COLOR` in the environment makes `auto` mean `never`.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    pub color: Color,
    /// End the whole command after this time, such as `90s`, `5m` or `2h`.
    #[arg(long, value_name = "DURATION", value_parser = duration::read)]
    pub timeout: Option<Duration>,
    /// How often a call that failed is tried again; 0 for never.
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub retries: u32,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What `cp` takes.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct CopyArguments {
    /// What to copy: addresses, files, folders with -r, or `-` for standard input.
    #[arg(required = true, num_args = 1.., value_name = "SOURCE", value_parser = location())]
    pub sources: Vec<Location>,
    /// Where to: an address, a file or folder, or `-` for standard output.
    #[arg(value_name = "TARGET", value_parser = location())]
    pub target: Location,
    /// Copy folders with what is in them; to and from Service Fabric.
    #[arg(short, long)]
    pub recursive: bool,
    /// Go on where the same copy was broken off: from Glance, Azure Sphere or Service Fabric into a file, or of a file of more than
    /// 32 MiB to Service Fabric.
    ///
    /// All others begin anew.
    #[arg(long)]
    pub resume: bool,
    /// How many files, or chunks of a large file, are under way at once.
    #[arg(long, value_name = "N")]
    pub parallel: Option<NonZeroUsize>,
    /// Compare more than lengths: by the service's own checksum, and where it has none, by reading back what was written.
    #[arg(long)]
    pub verify: bool,
    /// Turn pictures into PNG on the way.
    #[arg(long)]
    pub to_png: bool,
    /// Replace files of this machine that are at the target.
    ///
    /// Files of Service Fabric and pictures of saved views are replaced without it; Glance, PingOne and Azure Sphere replace
    /// nothing, and another image of the same name is made.
    #[arg(long, conflicts_with = "no_clobber")]
    pub force: bool,
    /// Leave what is at the target as it is, and pass over its source.
    #[arg(long)]
    pub no_clobber: bool,
    /// Come back as soon as the bytes are sent, without waiting for the service to have worked on them.
    #[arg(long)]
    pub no_wait: bool,
    /// How new things are described to the service.
    #[command(flatten)]
    pub description: DescriptionArguments,
    /// What every command takes.
    #[command(flatten)]
    pub common: CommonArguments,
}

impl CopyArguments {
    /// Whether `--resume` goes on with such a copy when it was broken off: with files that go to Service Fabric, and with what
    /// comes into a file from services that send a part of an image.
    #[must_use]
    pub fn can_be_resumed(&self) -> bool {
        let has_ranges = |place: &Place| !matches!(place, Place::Pingone(_) | Place::SavedViews { .. });
        self.sources.iter().any(|source| match (source, &self.target) {
            (Location::Local(_), Location::Remote(to)) => to.dialect() == Dialect::ServiceFabric,
            (Location::Remote(from), Location::Local(_)) => has_ranges(&from.place),
            _ => false,
        })
    }
}

/// How `cp` describes new things to the service.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "What services are told")]
pub struct DescriptionArguments {
    /// Glance: the image's name, instead of the one in the target's address.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Glance: the format of the disk, such as `qcow2` or `iso`; `raw` unless the file's name says another.
    #[arg(long, value_name = "FORMAT")]
    pub disk_format: Option<String>,
    /// Glance: the format of the container around it; `bare` without.
    #[arg(long, value_name = "FORMAT")]
    pub container_format: Option<String>,
    /// Glance: a property of the image; may be given several times.
    #[arg(long = "property", value_name = "NAME=VALUE", value_parser = property)]
    pub properties: Vec<(String, String)>,
    /// Glance: who sees the image: `private`, `shared`, `community` or `public`.
    #[arg(long, value_name = "WHO")]
    pub visibility: Option<String>,
    /// PingOne: the picture's media type, instead of what its bytes say.
    #[arg(long, value_name = "TYPE")]
    pub media_type: Option<String>,
    /// PingOne: the file's name, instead of the source's.
    #[arg(long, value_name = "NAME")]
    pub file_name: Option<String>,
}

/// What `ls` takes.
#[derive(Debug, Clone, Args)]
pub struct ListArguments {
    /// What to list: a service, or a folder of Service Fabric.
    #[arg(value_name = "ADDRESS")]
    pub address: Address,
    /// List what is in folders, too.
    #[arg(short, long)]
    pub recursive: bool,
    /// Tell kind, status, exact size and time of each.
    #[arg(short, long)]
    pub long: bool,
    /// At most so many.
    #[arg(long, value_name = "N")]
    pub limit: Option<NonZeroUsize>,
    /// Order: `name`, `size`, `status` or `modified`, with `:asc` or `:desc`.
    #[arg(long, value_name = "KEY[:DIRECTION]")]
    pub sort: Option<Sort>,
    /// Only what has this name.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// What every command takes.
    #[command(flatten)]
    pub common: CommonArguments,
}

/// What `stat` takes.
#[derive(Debug, Clone, Args)]
pub struct StatArguments {
    /// What to tell about.
    #[arg(required = true, value_name = "ADDRESS")]
    pub addresses: Vec<Address>,
    /// What every command takes.
    #[command(flatten)]
    pub common: CommonArguments,
}

/// What `rm` takes.
#[derive(Debug, Clone, Args)]
pub struct RemoveArguments {
    /// What to delete.
    #[arg(required = true, value_name = "ADDRESS")]
    pub addresses: Vec<Address>,
    /// Delete folders with what is in them, and saved views with their pictures.
    #[arg(short, long)]
    pub recursive: bool,
    /// What every command takes.
    #[command(flatten)]
    pub common: CommonArguments,
}

/// What `wait` takes.
#[derive(Debug, Clone, Args)]
pub struct WaitArguments {
    /// What to wait for.
    #[arg(value_name = "ADDRESS")]
    pub address: Address,
    /// Wait until it is not there any more.
    #[arg(long)]
    pub gone: bool,
    /// What every command takes.
    #[command(flatten)]
    pub common: CommonArguments,
}

/// What `doctor` takes.
#[derive(Debug, Clone, Args)]
pub struct DoctorArguments {
    /// The profile; without one, what commands work with that name none.
    #[arg(value_name = "PROFILE")]
    pub profile: Option<String>,
    /// Also upload a small image to each API that lets one be deleted again, read it back and delete it.
    #[arg(long)]
    pub write: bool,
    /// What every command takes.
    #[command(flatten)]
    pub common: CommonArguments,
}

/// An order of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    /// What it goes by.
    pub key: SortKey,
    /// From the largest, latest or last in the alphabet on.
    pub descending: bool,
}

/// What an order goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    /// The name.
    Name,
    /// The size.
    Size,
    /// The status.
    Status,
    /// When it was last changed.
    Modified,
}

/// A text that no flag takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    /// No order.
    #[error("write name, size, status or modified, and :asc or :desc behind it")]
    Sort,
    /// No property.
    #[error("write a name and a value with = between them")]
    Property,
}

impl fmt::Display for Sort {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = match self.key {
            SortKey::Name => "name",
            SortKey::Size => "size",
            SortKey::Status => "status",
            SortKey::Modified => "modified",
        };
        write!(formatter, "{key}:{}", if self.descending { "desc" } else { "asc" })
    }
}

impl std::str::FromStr for Sort {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        let (key, direction) = text.split_once(':').unwrap_or((text, "asc"));
        let key = match key {
            "name" => SortKey::Name,
            "size" => SortKey::Size,
            "status" => SortKey::Status,
            "modified" => SortKey::Modified,
            _ => return Err(ArgumentError::Sort),
        };
        match direction {
            "asc" => Ok(Self { key, descending: false }),
            "desc" => Ok(Self { key, descending: true }),
            _ => Err(ArgumentError::Sort),
        }
    }
}

fn property(text: &str) -> Result<(String, String), ArgumentError> {
    let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or(ArgumentError::Property)?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Names of files need not be UTF-8.
fn location() -> impl clap::builder::TypedValueParser<Value = Location> {
    OsStringValueParser::new().try_map(|text: OsString| -> Result<Location, AddressError> { Location::read(&text) })
}
