//! What a folder upload sends: named sources, or the files below a folder of this machine.

use std::fs::DirEntry;
use std::io;
use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;

use crate::source::{Source, SourceError};

/// A file of a folder upload.
#[derive(Debug, Clone)]
pub struct FolderFile {
    path: String,
    origin: Origin,
}

#[derive(Debug, Clone)]
enum Origin {
    Source(Source),
    /// Opened when its turn comes: a folder may have more files than a process may open.
    Local(PathBuf),
}

impl FolderFile {
    /// Bytes that shall have `path`, counted from the uploaded folder and with slashes.
    pub fn new(path: impl Into<String>, source: impl Into<Source>) -> Self {
        Self { path: path.into(), origin: Origin::Source(source.into()) }
    }

    /// The file `file` of this machine under `path`. It is opened when its turn comes.
    pub fn local(path: impl Into<String>, file: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), origin: Origin::Local(file.into()) }
    }

    /// Its path within the folder.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    pub(super) async fn source(&self) -> Result<Source, SourceError> {
        match &self.origin {
            Origin::Source(source) => Ok(source.clone()),
            Origin::Local(file) => Source::file(file).await,
        }
    }
}

/// What a folder upload sends.
#[derive(Debug, Clone, Default)]
pub struct Folder {
    /// The files. Where mark files are made, a file named `_.dir` is left out in favour of the one that is made last.
    pub files: Vec<FolderFile>,
    /// Folders that shall be there even if no file lies in them; they then consist of their mark file.
    pub folders: Vec<String>,
    /// What was found and is not uploaded: symbolic links to folders or to nothing, sockets, devices.
    pub left_out: Vec<PathBuf>,
}

impl From<Vec<FolderFile>> for Folder {
    fn from(files: Vec<FolderFile>) -> Self {
        Self { files, ..Self::default() }
    }
}

/// Why a folder of this machine cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalFolderError {
    /// The operating system refused.
    #[error("{} cannot be read", .path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// Its reason.
        #[source]
        source: io::Error,
    },
    /// The store's paths are text.
    #[error("the name of {} is no UTF-8; rename it", .0.display())]
    NotText(PathBuf),
}

impl Folder {
    /// All files below a folder of this machine, in the order of their names, and all folders. Symbolic links to files are files;
    /// links to folders are not followed, since they may lead in circles or elsewhere.
    ///
    /// # Errors
    /// [`LocalFolderError`].
    pub async fn local(folder: impl AsRef<Path>) -> Result<Self, LocalFolderError> {
        let folder = folder.as_ref().to_owned();
        let path = folder.clone();
        let read = spawn_blocking(move || Self::read(&folder)).await;
        read.unwrap_or_else(|error| Err(LocalFolderError::Read { path, source: io::Error::other(error) }))
    }

    fn read(folder: &Path) -> Result<Self, LocalFolderError> {
        let mut found = Self::default();
        let mut unread = vec![(folder.to_owned(), String::new())];
        while let Some((folder, prefix)) = unread.pop() {
            let failed = |source| LocalFolderError::Read { path: folder.clone(), source };
            let entries: Result<Vec<_>, _> = std::fs::read_dir(&folder).map_err(failed)?.collect();
            let mut entries = entries.map_err(failed)?;
            entries.sort_by_key(DirEntry::file_name);
            for entry in entries {
                let path = entry.path();
                let Ok(name) = entry.file_name().into_string() else { return Err(LocalFolderError::NotText(path)) };
                let kind = entry.file_type().map_err(|source| LocalFolderError::Read { path: path.clone(), source })?;
                // A link's end; what cannot be seen is no file.
                let file =
                    if kind.is_symlink() { path.metadata().is_ok_and(|end| end.is_file()) } else { kind.is_file() };
                if file {
                    found.files.push(FolderFile::local(format!("{prefix}{name}"), path));
                } else if kind.is_dir() {
                    found.folders.push(format!("{prefix}{name}"));
                    unread.push((path, format!("{prefix}{name}/")));
                } else {
                    found.left_out.push(path);
                }
            }
        }
        found.files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(found)
    }
}

// Links of Unix, which every account may make there.
#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[tokio::test]
    async fn files_are_found_and_links_to_folders_left_out() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        std::fs::create_dir_all(at("Code/empty")).unwrap();
        for file in ["b", "Code/a b#%.txt", "_.dir"] {
            std::fs::write(at(file), file).unwrap();
        }
        symlink(at("b"), at("link")).unwrap();
        symlink(at("Code"), at("circle")).unwrap();
        symlink(at("nowhere"), at("broken")).unwrap();
        let folder = Folder::local(root.path()).await.unwrap();
        let paths: Vec<_> = folder.files.iter().map(FolderFile::path).collect();
        assert_eq!(paths, ["Code/a b#%.txt", "_.dir", "b", "link"]);
        assert_eq!(folder.folders, ["Code", "Code/empty"]);
        assert_eq!(folder.left_out, [at("broken"), at("circle")]);
        assert_eq!(folder.files[3].source().await.unwrap().length(), Some(1));
        let missing = Folder::local(at("none")).await;
        assert!(matches!(missing, Err(LocalFolderError::Read { .. })));
    }
}
