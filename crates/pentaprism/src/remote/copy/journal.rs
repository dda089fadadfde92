//! What has to be remembered of a transfer so that another run can go on with it: one small file each, beside the user's other state.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, Metadata};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// How long a note is of use. Service Fabric forgets a session 30 minutes after its last chunk; a download's part may wait longer.
const KEPT: Duration = Duration::from_hours(7 * 24);

/// The folder with the notes.
#[derive(Debug, Clone)]
pub struct Journal {
    folder: PathBuf,
}

/// An upload in chunks that is not committed yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadNote {
    /// The session at the service.
    pub session: Uuid,
    /// What was uploaded.
    pub file: FileVersion,
}

/// Which content of a local file is meant: whoever changes the file changes one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileVersion {
    /// Its length in bytes.
    pub length: u64,
    /// When its bytes were changed last: seconds.
    pub seconds: i64,
    /// And nanoseconds.
    pub nanoseconds: i64,
    /// When anything about it was changed last, which nobody can set: seconds.
    pub changed_seconds: i64,
    /// And nanoseconds.
    pub changed_nanoseconds: i64,
    /// Which file it is on its file system.
    pub inode: u64,
}

impl From<&Metadata> for FileVersion {
    fn from(metadata: &Metadata) -> Self {
        Self {
            length: metadata.len(),
            seconds: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec(),
            changed_seconds: metadata.ctime(),
            changed_nanoseconds: metadata.ctime_nsec(),
            inode: metadata.ino(),
        }
    }
}

/// A download whose part lies beside its target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DownloadNote {
    /// The service.
    pub server: String,
    /// The place there, as it is written without a profile.
    pub place: String,
    /// What the service calls these bytes: the same text means the same bytes.
    pub version: String,
    /// Which file the part is on its file system.
    pub inode: u64,
}

/// What a note is about.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'s> {
    /// An upload. Each pair of a file and a place has its own note.
    Upload {
        /// The service.
        server: &'s str,
        /// The place there, as it is written without a profile.
        place: &'s str,
        /// The file, with all folders.
        file: &'s Path,
    },
    /// A download to this file, with all folders, wherever it comes from: there is one part for all of them.
    Download(&'s Path),
}

impl Journal {
    /// Below `$XDG_STATE_HOME`, or `~/.local/state` without it. `None` when neither is known: then nothing is remembered.
    pub fn usual(environment: &[(OsString, OsString)]) -> Option<Self> {
        let variable = |name: &str| {
            let found =
                environment.iter().find(|(variable, _)| variable == name).map(|(_, value)| PathBuf::from(value));
            found.filter(|path| path.is_absolute())
        };
        let state = variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")))?;
        Some(Self::in_folder(state.join("pentaprism").join("transfers")))
    }

    /// In this folder, which is made when the first note is.
    pub const fn in_folder(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// What was noted about `subject`; nothing when that cannot be read.
    pub fn recall<N: DeserializeOwned>(&self, subject: Subject<'_>) -> Option<N> {
        serde_json::from_slice(&std::fs::read(self.file(subject)).ok()?).ok()
    }

    /// Notes something about `subject`, in place of what was noted before.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn note<N: Serialize>(&self, subject: Subject<'_>, note: &N) -> io::Result<()> {
        // Nobody else needs to know what a user uploads where.
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let file = self.file(subject);
        let new = file.with_extension(format!("{}.new", std::process::id()));
        let text = serde_json::to_vec(note).map_err(io::Error::other)?;
        let mut written = File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        written.write_all(&text)?;
        std::fs::rename(&new, &file)
    }

    /// Forgets what was noted about `subject`, and notes that are too old to be of use at `now`.
    pub fn forget(&self, subject: Subject<'_>, now: SystemTime) {
        // A note that stays is of no harm: it is compared with the file and the service before it is followed.
        let _may_stay = std::fs::remove_file(self.file(subject));
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let written = entry.metadata().and_then(|metadata| metadata.modified());
            if written.is_ok_and(|written| now.duration_since(written).is_ok_and(|age| age > KEPT)) {
                let _may_stay = std::fs::remove_file(entry.path());
            }
        }
    }

    /// A name that tells nothing, for a subject of any length.
    fn file(&self, subject: Subject<'_>) -> PathBuf {
        let (kind, server, place, file) = match subject {
            Subject::Upload { server, place, file } => ("upload", server, place, file),
            Subject::Download(file) => ("download", "", "", file),
        };
        let mut hash = Sha256::new();
        for part in [kind.as_bytes(), server.as_bytes(), place.as_bytes()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.update(file.as_os_str().as_encoded_bytes());
        let name = hash.finalize()[..16].iter().fold(String::new(), |name, byte| name + &format!("{byte:02x}"));
        self.folder.join(name + ".json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(file: &Path) -> Subject<'_> {
        Subject::Upload { server: "http://a", place: "sf:x", file }
    }

    #[test]
    fn a_note_is_recalled_by_its_subject_only() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::in_folder(folder.path().join("state"));
        let file = FileVersion::from(&std::fs::metadata(folder.path()).unwrap());
        let note = UploadNote { session: Uuid::from_u128(7), file };
        let (one, other) = (Path::new("/one"), Path::new("/other"));
        assert_eq!(journal.recall::<UploadNote>(subject(one)), None);
        journal.note(subject(one), &note).unwrap();
        assert_eq!(journal.recall(subject(one)), Some(note.clone()));
        assert_eq!(journal.recall::<UploadNote>(subject(other)), None);
        assert_eq!(
            journal.recall::<UploadNote>(Subject::Upload { server: "http://a", place: "sf:y", file: one }),
            None
        );
        let mode = std::fs::metadata(folder.path().join("state")).unwrap().mode();
        assert_eq!(mode & 0o777, 0o700);
        journal.forget(subject(one), SystemTime::UNIX_EPOCH);
        assert_eq!(journal.recall::<UploadNote>(subject(one)), None);
    }

    #[test]
    fn old_notes_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::in_folder(folder.path().to_owned());
        let note =
            DownloadNote { server: "http://a".to_owned(), place: "sf:x".to_owned(), version: "7".to_owned(), inode: 7 };
        journal.note(subject(Path::new("/one")), &note).unwrap();
        let written = std::fs::metadata(folder.path()).unwrap().modified().unwrap();
        journal.forget(subject(Path::new("/other")), written + KEPT / 2);
        assert_eq!(journal.recall(subject(Path::new("/one"))), Some(note));
        journal.forget(subject(Path::new("/other")), written + KEPT * 2);
        assert_eq!(journal.recall::<DownloadNote>(subject(Path::new("/one"))), None);
    }

    #[test]
    fn the_folder_follows_the_environment() {
        let variables = |pairs: &[(&str, &str)]| -> Vec<(OsString, OsString)> {
            pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
        };
        let folder = |pairs: &[(&str, &str)]| Journal::usual(&variables(pairs)).map(|journal| journal.folder);
        let home = ("HOME", "/home/me");
        assert_eq!(folder(&[home]), Some("/home/me/.local/state/pentaprism/transfers".into()));
        assert_eq!(folder(&[home, ("XDG_STATE_HOME", "/s")]), Some("/s/pentaprism/transfers".into()));
        assert_eq!(folder(&[home, ("XDG_STATE_HOME", "s")]), Some("/home/me/.local/state/pentaprism/transfers".into()));
        assert_eq!(folder(&[]), None);
    }
}
