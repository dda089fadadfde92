//! Folders: every file of them, several at once, and Service Fabric's mark files last.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use futures_util::{StreamExt as _, stream};
use pentaprism_client::Source;
use pentaprism_client::upload::service_fabric::{Folder, FolderFile};

use super::Copier;
use super::place;
use super::plan::{self, Pair};
use crate::remote::address::{Address, Location, Place};
use crate::remote::entry::Kind;
use crate::remote::failure::{Failure, FailureKind};
use crate::remote::service::{ListQuery, MARK, Upload};

/// A file of a folder: its path from there, with slashes.
type Relative = String;

/// Whether a location is a folder that can be copied with what is in it.
pub(super) fn is_folder(location: &Location) -> bool {
    match location {
        Location::Local(path) => path.is_dir(),
        Location::Standard => false,
        Location::Remote(address) => matches!(address.place, Place::ServiceFabric(_)),
    }
}

impl Copier {
    /// Copies a folder. Files that fail are told one by one; a folder of Service Fabric with a failed file is not marked as whole.
    pub(super) async fn folder(&self, pair: &Pair) -> Result<(), Failure> {
        let (from, to) = (&pair.from, &pair.to);
        if !matches!(to, Location::Local(_)) && !is_folder(to) {
            let what = format!("{} takes no folders", plan::shown(to));
            return Err(Failure::new(FailureKind::NotSupported, what).advise("only Service Fabric (sf:) has folders"));
        }
        let (files, folders) = match from {
            Location::Local(folder) => self.local_files(folder).await?,
            Location::Remote(address) => match self.remote_files(address).await? {
                Some(files) => (files, Vec::new()),
                None => return self.file(from, to).await,
            },
            Location::Standard => return Ok(()),
        };
        self.session.reporter.expect(files.len(), None);
        let marks = if let Location::Remote(_) = to { folders_of(&files, folders) } else { Vec::new() };
        let mut copies = stream::iter(files)
            .map(|file| async move {
                let (from, to) = (below(from, &file)?, below(to, &file)?);
                if let (Location::Local(path), Some(folder)) = (&to, parent_of(&to)) {
                    let failed =
                        |error| Failure::local(format!("the folder of {} cannot be made", path.display()), &error);
                    std::fs::create_dir_all(folder).map_err(failed)?;
                }
                self.file(&from, &to).await
            })
            .buffer_unordered(self.most_files);
        let mut first = None;
        while let Some(copied) = copies.next().await {
            let Err(failure) = copied else { continue };
            if failure.kind == FailureKind::Unread {
                return Err(failure);
            }
            first.get_or_insert(self.session.reporter.tell(failure));
        }
        drop(copies);
        match first {
            Some(failure) => Err(failure),
            None => self.mark(to, &marks).await,
        }
    }

    /// Says of each folder that it is whole, the deepest first.
    async fn mark(&self, to: &Location, folders: &[Relative]) -> Result<(), Failure> {
        for folder in folders {
            let path = if folder.is_empty() { MARK.to_owned() } else { format!("{folder}/{MARK}") };
            let Location::Remote(address) = below(to, &path)? else { return Ok(()) };
            let upload = Upload { source: Source::empty(), file_name: None, options: self.options.clone() };
            self.open(&address).await?.put(upload).await?;
        }
        Ok(())
    }

    /// The files and the folders below a local folder. What is passed over is told.
    async fn local_files(&self, folder: &Path) -> Result<(Vec<Relative>, Vec<Relative>), Failure> {
        let found = Folder::local(folder).await.map_err(|error| {
            Failure::new(FailureKind::Local, format!("{} cannot be copied", folder.display())).because(&error)
        })?;
        for left_out in found.left_out {
            self.session
                .reporter
                .note(&format!("{} is left out: it is neither a file nor a folder", left_out.display()));
        }
        let mut files = Vec::new();
        for path in found.files.iter().map(FolderFile::path) {
            if path.contains('\\') {
                let what = format!("{}/{path} cannot be copied", folder.display());
                let failure = Failure::new(FailureKind::Local, what);
                return Err(failure.cause("services take the backslash in its name for a slash").advise("rename it"));
            }
            if name_of(path) != MARK && !place::is_part(name_of(path)) {
                files.push(path.to_owned());
            }
        }
        Ok((files, found.folders))
    }

    /// The files below a folder of Service Fabric, marks left out; `None` when the place is a file.
    async fn remote_files(&self, address: &Address) -> Result<Option<Vec<Relative>>, Failure> {
        let Place::ServiceFabric(root) = &address.place else { return Ok(None) };
        let root = root.trim_matches('/');
        let remote = self.open(address).await?;
        let (mut files, mut is_file) = (Vec::new(), false);
        let query = ListQuery { recursive: true, ..ListQuery::default() };
        let mut take = |entry: crate::remote::entry::Entry| {
            let Place::ServiceFabric(path) = &entry.address.place else { return Ok(()) };
            if entry.kind != Kind::File {
                return Ok(());
            }
            let path = path.trim_matches('/');
            if path.eq_ignore_ascii_case(root) {
                is_file = true;
                return Ok(());
            }
            let Some(relative) = relative_to(root, path) else {
                let what = format!("{} lists {path} below {root}", remote.server());
                return Err(Failure::new(FailureKind::ServiceFailed, what));
            };
            if name_of(relative) != MARK {
                files.push(relative.to_owned());
            }
            Ok(())
        };
        remote.list(&query, &mut take).await?;
        Ok((!is_file).then_some(files))
    }
}

/// The part of `path` below `root`. Clusters on Windows see no case.
fn relative_to<'p>(root: &str, path: &'p str) -> Option<&'p str> {
    if root.is_empty() {
        return Some(path);
    }
    let (above, below) = path.split_at_checked(root.len())?;
    below.strip_prefix('/').filter(|_| above.eq_ignore_ascii_case(root))
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The place of a file below a folder.
///
/// # Errors
/// What a service calls the file would lead out of a local folder.
fn below(folder: &Location, file: &str) -> Result<Location, Failure> {
    Ok(match folder {
        Location::Local(folder) => {
            let plain = Path::new(file).components().all(|part| matches!(part, Component::Normal(_)));
            if !plain || file.contains('\0') || place::is_part(name_of(file)) {
                let what = format!("the service has a file `{file}`, which would not be below {}", folder.display());
                return Err(
                    Failure::new(FailureKind::ServiceFailed, what).advise("copy it by itself, to a name of yours")
                );
            }
            Location::Local(folder.join(file))
        }
        Location::Remote(Address { profile, place: Place::ServiceFabric(path) }) => {
            let path = path.trim_end_matches('/');
            let joined = if path.is_empty() { file.to_owned() } else { format!("{path}/{file}") };
            Location::Remote(Address { profile: profile.clone(), place: Place::ServiceFabric(joined) })
        }
        other => other.clone(),
    })
}

fn parent_of(location: &Location) -> Option<&Path> {
    let Location::Local(path) = location else { return None };
    path.parent()
}

/// The folders that hold `files`, and those that are `known`: the deepest first, the root (an empty path) last.
fn folders_of(files: &[Relative], known: Vec<Relative>) -> Vec<Relative> {
    let mut folders: BTreeSet<_> = known.into_iter().chain([String::new()]).collect();
    for file in files {
        let mut path = file.as_str();
        while let Some(slash) = path.rfind('/') {
            path = &path[..slash];
            folders.insert(path.to_owned());
        }
    }
    let mut folders: Vec<_> = folders.into_iter().collect();
    folders.sort_by_key(|folder| std::cmp::Reverse((!folder.is_empty(), folder.matches('/').count())));
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_marked_from_the_inside_out() {
        let files = ["a", "b/c", "b/d/e", "b/d/f", "g/h/i"].map(str::to_owned);
        assert_eq!(folders_of(&files, vec!["b/x/y".to_owned()]), ["b/x/y", "b/d", "g/h", "b", "g", ""]);
        assert_eq!(folders_of(&[], Vec::new()), [""]);
    }

    #[test]
    fn what_is_below_a_folder_is_found_without_case() {
        assert_eq!(relative_to("myapp", "MyApp/a/b"), Some("a/b"));
        assert_eq!(relative_to("", "a/b"), Some("a/b"));
        for other in ["MyApp2/a", "My", "other/a", "Ünapp/a"] {
            assert_eq!(relative_to("myapp", other), None, "{other}");
        }
    }

    #[test]
    fn no_name_leads_out_of_a_local_folder() {
        let out = Location::Local("out".into());
        assert_eq!(below(&out, "a/b").unwrap(), Location::Local("out/a/b".into()));
        for wrong in [".x.pentaprism-part", "a/.x.pentaprism-part", "../a", "/etc/passwd", "a/../../b", ".", ""] {
            let ok = below(&out, wrong);
            assert!(ok.is_err() || wrong.is_empty(), "{wrong}");
        }
        let to = Location::read("lab/sf:App/".as_ref()).unwrap();
        assert_eq!(plan::shown(&below(&to, "a/b").unwrap()), "lab/sf:App/a/b");
    }
}
