//! The exchange files of the project.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::{Exchange, FileName, InvalidName, ParseError};

/// An exchange file that was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its dialect: the folder.
    pub dialect: String,
    /// What its name says.
    pub name: FileName,
    /// Where it is.
    pub path: PathBuf,
}

/// Why an exchange cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file or folder cannot be read.
    #[error("{} cannot be read", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file has a wrong name.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The file has a mistake.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// Name and content disagree.
    #[error(
        "{file}:{line}: the response has status {found}, the file's name says {named}; rename the file or correct it"
    )]
    Status {
        /// The file.
        file: String,
        /// The line of the response.
        line: usize,
        /// The status in the name.
        named: u16,
        /// The status in the file.
        found: u16,
    },
}

/// Where the exchanges of this workspace lie.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../specs/exchanges")
}

/// Every exchange below `root`, sorted by dialect and name.
///
/// # Errors
/// [`ReadError::Io`], or [`ReadError::Name`] for a file that is no exchange.
pub fn exchanges_of(root: &Path) -> Result<Vec<Found>, ReadError> {
    let mut found = Vec::new();
    for folder in entries(root)?.into_iter().filter(|path| path.is_dir()) {
        let dialect = file_name(&folder);
        for path in entries(&folder)? {
            let name = FileName::parse(&file_name(&path))?;
            found.push(Found { dialect: dialect.clone(), name, path });
        }
    }
    Ok(found)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let failed = |source| ReadError::Io { path: folder.to_owned(), source };
    let paths = fs::read_dir(folder).map_err(failed)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

impl Found {
    /// `glance/upload_image_data.204-stored.http`: how messages name the file.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}/{}", self.dialect, self.name)
    }
}

/// Reads an exchange; the second value is its text.
///
/// # Errors
/// [`ReadError`].
pub fn read(found: &Found) -> Result<(Exchange, String), ReadError> {
    let file = format!("specs/exchanges/{}", found.label());
    let text = fs::read_to_string(&found.path).map_err(|source| ReadError::Io { path: found.path.clone(), source })?;
    let exchange = Exchange::parse(&file, &text)?;
    let subject = exchange.subject();
    let status = subject.response.status().as_u16();
    if status == found.name.status {
        return Ok((exchange, text));
    }
    Err(ReadError::Status { file, line: subject.response_line, named: found.name.status, found: status })
}
