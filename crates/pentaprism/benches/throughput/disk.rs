//! The disk that everything is measured on: one folder for each turn, and what is still owed to the disk.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// What the kernel calls a file system in memory.
const IN_MEMORY: &str = "tmpfs";

/// Where the folders of all turns lie.
#[derive(Debug)]
pub(crate) struct Disk {
    /// Kept for its drop, which removes everything.
    home: TempDir,
}

impl Disk {
    /// Makes a folder in `place`.
    pub(crate) fn new(place: &Path) -> Self {
        std::fs::create_dir_all(place).expect("the folder for the benchmark can be made");
        let home = tempfile::Builder::new().prefix("bench-").tempdir_in(place).expect("a temporary folder can be made");
        Self { home }
    }

    /// A new, empty folder.
    pub(crate) fn folder(&self) -> TempDir {
        tempfile::tempdir_in(self.home.path()).expect("a temporary folder can be made")
    }

    /// Writes out what all programs have left to the file system; says how long that took.
    pub(crate) fn settle(&self) -> Duration {
        let folder = File::open(self.home.path()).expect("it was made");
        let began = Instant::now();
        rustix::fs::syncfs(&folder).expect("the file system can be synced");
        began.elapsed()
    }

    /// The kind of file system, as `/proc/mounts` has it.
    pub(crate) fn kind(&self) -> String {
        let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
        let of_line = |line: &str| {
            let mut words = line.split(' ').skip(1);
            let (place, kind) = (PathBuf::from(words.next()?), words.next()?.to_owned());
            self.home.path().starts_with(&place).then(|| (place.components().count(), kind))
        };
        let deepest = mounts.lines().filter_map(of_line).max_by_key(|(depth, _)| *depth);
        deepest.map_or_else(|| "unknown".to_owned(), |(_, kind)| kind)
    }

    /// Says aloud when the figures would mean nothing.
    pub(crate) fn warn(&self) {
        if self.kind() == IN_MEMORY {
            eprintln!(
                "warning: {} is in memory, where a sync costs nothing; choose a disk with --folder",
                self.home.path().display()
            );
        }
    }
}
