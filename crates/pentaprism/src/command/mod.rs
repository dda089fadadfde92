//! The command line: one definition, from which help, completions and the manual are made, too.

pub mod pages;
pub mod remote;
mod serve;
mod words;

use clap::{Args, Parser, Subcommand};

pub use remote::{
    ArgumentError, Color, CommonArguments, CopyArguments, DescriptionArguments, DoctorArguments, ListArguments,
    RemoteCommand, RemoveArguments, Sort, SortKey, StatArguments, WaitArguments,
};
pub use serve::{DataArguments, FsckArguments, GcArguments, ServeArguments};

/// Exit code of `fsck` when everything that was wrong is repaired.
pub const FSCK_REPAIRED: u8 = 3;
/// Exit code of `fsck` when something is wrong still.
pub const FSCK_DAMAGED: u8 = 4;

/// One image store that speaks five documented image-upload APIs, and commands that work with any service that speaks one of
/// them: OpenStack Glance, Service Fabric Image Store, Azure Sphere, Saved Views and PingOne.
#[derive(Debug, Parser)]
#[command(name = "pentaprism", version, max_term_width = 100, after_help = words::OVERVIEW, after_long_help = words::everything())]
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
    ///
    /// Every block, every digest, every counter and every file is looked at, and what is wrong is told with the names that have it.
    /// Nothing is changed without --repair, except that data of an older version are brought up to date.
    #[command(after_help = words::FSCK_EXIT_CODES)]
    Fsck(FsckArguments),
    /// What works with images at services.
    #[command(flatten)]
    Remote(RemoteCommand),
    /// Write what makes a shell complete this command line.
    #[command(after_help = words::COMPLETIONS_EXAMPLES)]
    Completions(CompletionsArguments),
    /// Write the manual.
    ///
    /// Without a folder, the page of `pentaprism` goes to standard output; with one, the pages of all commands go there.
    #[command(after_help = words::MAN_EXAMPLES)]
    Man(ManArguments),
}

/// What `completions` takes.
#[derive(Debug, Args)]
pub struct CompletionsArguments {
    /// The shell.
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// What `man` takes.
#[derive(Debug, Args)]
pub struct ManArguments {
    /// Folder for one page per command; made when it is missing.
    #[arg(long, value_name = "DIR")]
    pub folder: Option<std::path::PathBuf>,
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
