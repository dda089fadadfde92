//! Where the limit servers put a body.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Limit;
use super::pack::Pack;

/// How much is written before the disk is asked to begin with it.
const STRETCH: u64 = 8 << 20;

/// What a request names.
#[derive(Debug)]
pub(super) struct Place {
    /// The name of a file.
    pub(super) file: String,
    /// Where the bytes go in a file that comes in pieces.
    pub(super) offset: Option<u64>,
}

/// A folder, and what is done with bodies in it.
#[derive(Clone)]
pub(super) struct Storage {
    limit: Limit,
    folder: Arc<PathBuf>,
    pack: Option<Pack>,
}

impl Storage {
    pub(super) fn new(limit: Limit, folder: &Path) -> Self {
        let pack = (limit == Limit::Pack).then(|| Pack::start(&folder.join("pack")).expect("a file can be made"));
        Self { limit, folder: Arc::new(folder.to_owned()), pack }
    }

    /// Begins a body. `POST` has none: it ends a file that came in pieces.
    pub(super) fn begin(&self, method: &str, place: &Place, length: u64) -> io::Result<Sink> {
        let named = self.folder.join(&place.file);
        let unnamed = self.folder.join(format!("{}.part", place.file));
        Ok(match self.limit {
            Limit::Drop => Sink::Forget,
            Limit::Write => Sink::File { file: File::create(named)?, handed: 0, written: 0, then: Then::Nothing },
            Limit::Fsync if method == "POST" => Sink::Rename(Renamed { from: unnamed, to: named }),
            Limit::Fsync => {
                let file = File::options().write(true).create(true).truncate(false).open(&unnamed)?;
                let then =
                    place.offset.map_or(Then::SyncAndRename(Renamed { from: unnamed, to: named }), |_| Then::Sync);
                let first = place.offset.unwrap_or_default();
                Sink::File { file, handed: first, written: first, then }
            }
            Limit::Pack => {
                let pack = self.pack.clone().expect("it was started");
                let length = usize::try_from(length).expect("bodies of a pack are small");
                Sink::Pack { pack, body: Vec::with_capacity(length) }
            }
        })
    }
}

/// A file that gets its name.
pub(super) struct Renamed {
    from: PathBuf,
    to: PathBuf,
}

impl Renamed {
    /// Renames it and makes that durable.
    fn carry_out(self) -> io::Result<()> {
        fs::rename(&self.from, &self.to)?;
        File::open(self.to.parent().expect("it lies in a folder"))?.sync_all()
    }
}

/// What follows when all bytes are in the file.
pub(super) enum Then {
    Nothing,
    Sync,
    SyncAndRename(Renamed),
}

/// A body on its way.
pub(super) enum Sink {
    Forget,
    /// A file, up to where the disk was asked to begin, up to where it is written, and what follows.
    File {
        file: File,
        handed: u64,
        written: u64,
        then: Then,
    },
    Pack {
        pack: Pack,
        body: Vec<u8>,
    },
    Rename(Renamed),
}

impl Sink {
    pub(super) fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Forget | Self::Rename(_) => {}
            Self::Pack { body, .. } => body.extend_from_slice(bytes),
            Self::File { file, handed, written, then } => {
                file.write_all_at(bytes, *written)?;
                *written += bytes.len() as u64;
                if !matches!(then, Then::Nothing) && *written - *handed >= STRETCH {
                    begin_to_write_out(file, *handed, *written)?;
                    *handed = *written;
                }
            }
        }
        Ok(())
    }

    /// Returns when the body is as safe as this server makes it.
    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Self::Forget | Self::File { then: Then::Nothing, .. } => Ok(()),
            Self::File { file, then: Then::Sync, .. } => file.sync_data(),
            Self::File { file, then: Then::SyncAndRename(renamed), .. } => {
                file.sync_data()?;
                renamed.carry_out()
            }
            Self::Pack { pack, body } => pack.append(body),
            Self::Rename(renamed) => renamed.carry_out(),
        }
    }
}

/// Lets the system begin with a stretch, so that the sync at the end has less to do.
fn begin_to_write_out(file: &File, from: u64, to: u64) -> io::Result<()> {
    let length = std::num::NonZeroU64::new(to - from);
    Ok(rustix::fs::fadvise(file, from, length, rustix::fs::Advice::DontNeed)?)
}
