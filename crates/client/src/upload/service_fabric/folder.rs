//! A folder with all its files, and last the mark files that say that it is complete.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use pentaprism_core::dialects::service_fabric::models::{FileInfo, ImageStoreContent};
use pentaprism_core::dialects::service_fabric::upload_file::UploadFile;
use pentaprism_core::{InvalidInput, Operation as _};
use tokio::sync::Semaphore;

use super::error::FabricUploadError;
use super::file::{check, upload};
use super::local::{Folder, FolderFile};
use super::session::{list, path_key, the_file, with_slashes};
use super::{FabricUploadOptions, UploadedFile};
use crate::dialects::service_fabric::ServiceFabricClient;
use crate::progress::Progress;
use crate::{Source, SourceError, Transport};

/// The name of the file that marks a folder as complete.
const MARK: &str = "_.dir";

/// Gives each file of a folder its own progress.
pub trait FileProgress: Send + Sync {
    /// The progress of the file that shall have `path` in the store, asked for when its upload begins.
    fn of(&self, path: &str, length: Option<u64>) -> Arc<dyn Progress>;
}

impl<F: Fn(&str, Option<u64>) -> Arc<dyn Progress> + Send + Sync> FileProgress for F {
    fn of(&self, path: &str, length: Option<u64>) -> Arc<dyn Progress> {
        self(path, length)
    }
}

/// How to upload a folder.
#[derive(Clone)]
pub struct FabricFolderOptions {
    /// How each file is uploaded. Its session is not used: each large file has one of its own. As many requests are under way at
    /// once as for one file.
    pub file: FabricUploadOptions,
    /// Whether every folder gets its mark file `_.dir`, which clusters want before they copy or provision it.
    pub marks: bool,
    /// Whether files that are there with the same size are left as they are.
    pub skip_existing: bool,
    /// Who learns how far each file is.
    pub progress: Option<Arc<dyn FileProgress>>,
}

impl Default for FabricFolderOptions {
    /// With mark files, every file, no progress.
    fn default() -> Self {
        Self { file: FabricUploadOptions::default(), marks: true, skip_existing: false, progress: None }
    }
}

impl std::fmt::Debug for FabricFolderOptions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut formatter = formatter.debug_struct("FabricFolderOptions");
        formatter.field("file", &self.file).field("marks", &self.marks).field("skip_existing", &self.skip_existing);
        formatter.finish_non_exhaustive()
    }
}

/// What of a folder was uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct UploadedFolder {
    /// The files, in the order in which they were done.
    pub files: Vec<UploadedFile>,
    /// Paths in the store that had a file of the same size already.
    pub skipped: Vec<String>,
    /// Paths of the mark files, in the order in which they were made.
    pub marks: Vec<String>,
    /// What of the local folder is not uploaded.
    pub left_out: Vec<PathBuf>,
}

/// A folder that is not complete in the store.
#[derive(Debug, thiserror::Error)]
#[error("{path} could not be uploaded; {} files of its folder are there", .uploaded.files.len() + .uploaded.skipped.len())]
pub struct FabricFolderError {
    /// The file or folder that failed, by its path in the store.
    pub path: String,
    /// What was done before. Another run with [`FabricFolderOptions::skip_existing`] leaves it as it is.
    pub uploaded: UploadedFolder,
    /// Why.
    #[source]
    pub failure: FolderFailure,
}

/// Why a file of a folder failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderFailure {
    /// The path cannot be sent. Nothing of the folder was.
    #[error("the path cannot be written as a request; rename it")]
    Path(#[source] InvalidInput),
    /// Two files would have the path, if backslashes are slashes, as they are for services. Nothing of the folder was sent.
    #[error("two files would have this path; rename one")]
    Twice,
    /// The file cannot be read.
    #[error(transparent)]
    Source(SourceError),
    /// The file was not uploaded.
    #[error(transparent)]
    Upload(FabricUploadError),
}

/// A failure, and where.
type Failed = (String, FolderFailure);

impl<T: Transport> ServiceFabricClient<T> {
    /// Uploads a folder to `path` (empty for the root of the store): its files, some at a time, and then a mark file for every
    /// folder, the deepest first, each after all that is in it.
    ///
    /// Paths that differ in their case only are several files here and at Pentaprism; a cluster, which sees no case, takes them for
    /// one, and keeps the one that came last.
    ///
    /// When a file fails, those under way are brought to their end and no more are begun; there are no mark files then.
    ///
    /// ```no_run
    /// use pentaprism_client::dialects::service_fabric::ServiceFabricClient;
    /// use pentaprism_client::upload::service_fabric::{FabricFolderOptions, Folder};
    ///
    /// # async fn example<T: pentaprism_client::Transport>(client: ServiceFabricClient<T>) -> Result<(), Box<dyn std::error::Error>> {
    /// let package = Folder::local("MyAppPkg").await?;
    /// let uploaded = client.upload_folder("MyApp", package, &FabricFolderOptions::default()).await?;
    /// println!("{} files", uploaded.files.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`FabricFolderError`] names the file.
    pub async fn upload_folder(
        &self,
        path: &str,
        folder: impl Into<Folder>,
        options: &FabricFolderOptions,
    ) -> Result<UploadedFolder, FabricFolderError> {
        let Folder { mut files, folders, left_out } = folder.into();
        if options.marks {
            files.retain(|file| file.path().rsplit('/').next() != Some(MARK));
        }
        let mut uploaded = UploadedFolder { left_out, ..UploadedFolder::default() };
        let upload = FolderUpload {
            client: self,
            root: path.trim_matches('/'),
            options,
            file: FabricUploadOptions { session: None, verify: false, ..options.file.clone() },
            slots: Semaphore::new(options.file.parallel.get()),
        };
        let done = upload.run(&files, &folders, &mut uploaded).await;
        match done {
            Ok(()) => Ok(uploaded),
            Err((path, failure)) => Err(FabricFolderError { path, uploaded, failure }),
        }
    }
}

struct FolderUpload<'a, T> {
    client: &'a ServiceFabricClient<T>,
    root: &'a str,
    options: &'a FabricFolderOptions,
    file: FabricUploadOptions,
    slots: Semaphore,
}

enum Done {
    Uploaded(UploadedFile),
    Skipped(String),
}

impl<T: Transport> FolderUpload<'_, T> {
    async fn run(&self, files: &[FolderFile], folders: &[String], uploaded: &mut UploadedFolder) -> Result<(), Failed> {
        let mut paths = BTreeSet::new();
        for path in files.iter().map(|file| self.join(file.path())) {
            if !paths.insert(with_slashes(&path)) {
                return Err((path, FolderFailure::Twice));
            }
        }
        for file in files {
            sendable(&self.join(file.path()))?;
        }
        let folders = self.folders(&paths, folders);
        for folder in &folders {
            sendable(folder)?;
        }
        let existing = if self.options.skip_existing { self.existing(&paths).await? } else { Existing::default() };
        self.each(files.iter().map(|file| self.one(file, &existing)), |done| match done {
            Done::Uploaded(file) => uploaded.files.push(file),
            Done::Skipped(path) => uploaded.skipped.push(path),
        })
        .await?;
        if self.options.file.verify {
            self.verify(&mut uploaded.files).await?;
        }
        if self.options.marks { self.mark(folders, &mut uploaded.marks).await } else { Ok(()) }
    }

    fn join(&self, path: &str) -> String {
        if self.root.is_empty() { path.to_owned() } else { format!("{}/{path}", self.root) }
    }

    /// All folders that there will be, from the root of the upload on.
    fn folders(&self, files: &BTreeSet<String>, folders: &[String]) -> BTreeSet<String> {
        let folders: Vec<_> = folders.iter().map(|folder| self.join(folder)).collect();
        let ancestors = |path: &String| {
            let slashes = path.match_indices('/').map(|(at, _)| at).filter(|at| *at >= self.root.len());
            slashes.map(|at| path[..at].to_owned()).collect::<Vec<_>>()
        };
        let mut all: BTreeSet<String> = files.iter().chain(&folders).flat_map(ancestors).collect();
        all.extend(folders);
        if !self.root.is_empty() {
            all.insert(self.root.to_owned());
        }
        all
    }

    /// Carries out jobs, some at a time. After a failure it begins no more, and lets those that run come to their end.
    async fn each<J, R>(&self, jobs: impl Iterator<Item = J>, mut done: impl FnMut(R)) -> Result<(), Failed>
    where
        J: Future<Output = Result<R, Failed>>,
    {
        let (mut jobs, mut running, mut failed) = (jobs.fuse(), FuturesUnordered::new(), None);
        loop {
            while failed.is_none() && running.len() < self.file.parallel.get() {
                let Some(job) = jobs.next() else { break };
                running.push(job);
            }
            match running.next().await {
                Some(Ok(result)) => done(result),
                Some(Err(failure)) => failed = failed.or(Some(failure)),
                None => return failed.map_or(Ok(()), Err),
            }
        }
    }

    async fn one(&self, file: &FolderFile, existing: &Existing) -> Result<Done, Failed> {
        let path = self.join(file.path());
        let source = match file.source().await {
            Ok(source) => source,
            Err(error) => return Err((path, FolderFailure::Source(error))),
        };
        let size = existing.get(&path).and_then(|file| file.file_size).map(|size| size.0);
        if size.is_some() && size == source.length() {
            return Ok(Done::Skipped(path));
        }
        let progress = self.options.progress.as_ref().map(|progress| progress.of(&path, source.length()));
        let source = match progress {
            Some(progress) => source.with_progress(progress),
            None => source,
        };
        let uploaded = upload(self.client, &path, source, &self.file, &self.slots).await;
        uploaded.map(Done::Uploaded).map_err(|error| (path, FolderFailure::Upload(error)))
    }

    /// The files that lie where files shall lie.
    async fn existing(&self, paths: &BTreeSet<String>) -> Result<Existing, Failed> {
        let mut existing = Existing::default();
        // The root has a listing of another kind, and few files: each is looked up by itself.
        let folders: BTreeSet<&str> = paths.iter().map(|path| parent(path).unwrap_or(path)).collect();
        let listings = folders.into_iter().map(async |folder| {
            let found = list(self.client, folder).await;
            found.map_err(|error| (folder.to_owned(), FolderFailure::Upload(FabricUploadError::List(Box::new(error)))))
        });
        self.each(listings, |found: Option<ImageStoreContent>| {
            for file in found.and_then(|content| content.store_files).unwrap_or_default() {
                existing.add(file);
            }
        })
        .await?;
        Ok(existing)
    }

    /// Looks up what was uploaded, folder by folder; by itself what a folder's listing does not show, as it may be cut.
    async fn verify(&self, files: &mut [UploadedFile]) -> Result<(), Failed> {
        let existing = self.existing(&files.iter().map(|file| file.path.clone()).collect()).await?;
        for file in files {
            let path = file.path.clone();
            let failed = |error| (path.clone(), FolderFailure::Upload(error));
            file.file = existing.get(&file.path).cloned();
            if file.file.is_none() {
                let found = list(self.client, &file.path).await;
                let found = found.map_err(|error| failed(FabricUploadError::List(Box::new(error))))?;
                file.file = found.and_then(|content| the_file(content, &file.path));
            }
            check(file).map_err(failed)?;
        }
        Ok(())
    }

    /// Marks folders as complete, level by level from the deepest.
    async fn mark(&self, folders: BTreeSet<String>, marks: &mut Vec<String>) -> Result<(), Failed> {
        let mut levels: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for folder in folders {
            levels.entry(folder.matches('/').count()).or_default().push(folder);
        }
        for folders in levels.into_values().rev() {
            let jobs = folders.into_iter().map(async |folder| {
                let path = format!("{folder}/{MARK}");
                match upload(self.client, &path, Source::empty(), &self.file, &self.slots).await {
                    Ok(_) => Ok(path),
                    Err(error) => Err((path, FolderFailure::Upload(error))),
                }
            });
            self.each(jobs, |path| marks.push(path)).await?;
        }
        Ok(())
    }
}

/// Files of a store, by their paths as services compare them that see no case.
#[derive(Default)]
struct Existing(BTreeMap<String, Vec<FileInfo>>);

impl Existing {
    fn add(&mut self, file: FileInfo) {
        let key = file.store_relative_path.as_deref().map(path_key);
        if let Some(key) = key {
            self.0.entry(key).or_default().push(file);
        }
    }

    /// The file at `path`. Where the service sees case, others may differ in nothing else.
    fn get(&self, path: &str) -> Option<&FileInfo> {
        let files = self.0.get(&path_key(path))?;
        let same = |file: &&FileInfo| file.store_relative_path.as_deref().map(with_slashes) == Some(with_slashes(path));
        files.iter().find(same).or(files.first())
    }
}

/// The folder of a path, unless it is the root.
fn parent(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(folder, _)| folder)
}

/// Whether a path can be written as a request.
fn sendable(path: &str) -> Result<(), Failed> {
    let input = UploadFile { content_path: path.to_owned(), ..UploadFile::default() };
    input.to_request().map(drop).map_err(|error| (path.to_owned(), FolderFailure::Path(error)))
}
