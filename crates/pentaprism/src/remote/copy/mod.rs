//! `cp`: between this machine and services, and from service to service.

mod download;
mod folder;
mod journal;
mod place;
mod plan;
mod upload;
mod write;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use pentaprism_store::{Ids, RandomIds};
use tokio::sync::Semaphore;

use self::journal::{Journal, Subject};
use self::place::Existing;
use self::plan::Pair;
use super::address::{Location, Place};
use super::entry::{Entry, Kind};
use super::failure::{Failure, FailureKind};
use super::service::{self, PutOptions, Remote};
use super::session::Session;
use crate::command::CopyArguments;
use crate::pictures::{Pool, PoolLimits};

/// Files that are under way at once, unless said otherwise.
const FILES: usize = 4;

/// Chunks of each of several files that are under way at once, unless said otherwise.
const CHUNKS_OF_SEVERAL: usize = 2;

/// The most files, or chunks of one, that are under way at once. Each keeps a thread, and some MiB.
const MOST_FILES: usize = 64;

/// Copies as `cp` was told. Every failed file is told where it fails; the first failure is the command's.
///
/// # Errors
/// The first [`Failure`].
pub async fn run(arguments: &CopyArguments, session: &Arc<Session>) -> Result<(), Failure> {
    let pairs = plan::pairs(&arguments.sources, &arguments.target, Path::is_dir)?;
    let copier = Copier::new(arguments, session);
    let many = pairs.len() > 1;
    if many && (arguments.description.name.is_some() || arguments.description.file_name.is_some()) {
        let what = format!("{} sources cannot all get the one name", pairs.len());
        return Err(Failure::new(FailureKind::Usage, what).advise("copy them one by one, or leave the name away"));
    }
    let copier = &copier;
    let mut failures = stream::iter(pairs)
        .map(|pair| async move { copier.pair(&pair, arguments.recursive).await })
        .buffer_unordered(copier.most_files)
        .filter_map(|copied| std::future::ready(copied.err()));
    let mut first = None;
    while let Some(failure) = failures.next().await {
        let stays = failure.kind == FailureKind::Unread;
        let failure = if many && !stays { copier.session.reporter.tell(failure) } else { failure };
        first.get_or_insert(failure);
        if stays {
            break;
        }
    }
    first.map_or(Ok(()), Err)
}

/// What all files of one command have in common.
struct Copier {
    session: Arc<Session>,
    options: PutOptions,
    existing: Existing,
    /// Whether what is there already is passed over.
    skip: bool,
    resume: bool,
    to_png: bool,
    /// Files that may be under way at once, whichever source they belong to.
    files: Semaphore,
    /// How many those are.
    most_files: usize,
    journal: Option<Journal>,
    ids: Arc<dyn Ids>,
    pictures: Pool,
}

impl Copier {
    fn new(arguments: &CopyArguments, session: &Arc<Session>) -> Self {
        let told = &arguments.description;
        let several = arguments.sources.len() > 1 || arguments.recursive;
        let parallel = arguments.parallel.map(|parallel| parallel.get().min(MOST_FILES));
        let most_files = if several { parallel.unwrap_or(FILES) } else { 1 };
        let options = PutOptions {
            name: told.name.clone(),
            disk_format: told.disk_format.clone(),
            container_format: told.container_format.clone(),
            visibility: told.visibility.clone(),
            properties: told.properties.clone(),
            media_type: told.media_type.clone(),
            file_name: told.file_name.clone(),
            verify: arguments.verify,
            wait: !arguments.no_wait,
            session: None,
            // Requests with bytes under way at once are as many as was said, files times chunks.
            parallel: if several { Some(parallel.map_or(CHUNKS_OF_SEVERAL, |_| 1)) } else { parallel },
        };
        Self {
            session: Arc::clone(session),
            options,
            existing: if arguments.force { Existing::Replace } else { Existing::Refuse },
            skip: arguments.no_clobber,
            resume: arguments.resume,
            to_png: arguments.to_png,
            files: Semaphore::new(most_files),
            most_files,
            journal: Journal::usual(&session.sources.environment),
            ids: Arc::new(RandomIds),
            pictures: Pool::new(PoolLimits::default()),
        }
    }

    /// Copies one source, with what is in it when it is a folder.
    async fn pair(&self, pair: &Pair, recursive: bool) -> Result<(), Failure> {
        if recursive && folder::is_folder(&pair.from) {
            return self.folder(pair).await;
        }
        self.refuse_folder(&pair.to).await?;
        self.file(&pair.from, &pair.to).await
    }

    /// Refuses to put a file where a folder of Service Fabric is: the store takes both, and then the file hides the folder.
    async fn refuse_folder(&self, to: &Location) -> Result<(), Failure> {
        let Location::Remote(address) = to else { return Ok(()) };
        if !matches!(address.place, Place::ServiceFabric(_)) {
            return Ok(());
        }
        match self.open(address).await?.stat().await {
            Ok(Entry { kind: Kind::Folder, .. }) => {
                let failure = Failure::new(FailureKind::Conflict, format!("{address} is a folder"));
                Err(failure.advise(format!("write {address}/ to copy into it, or another name")))
            }
            // A failure that lasts is told by the copy itself.
            _ => Ok(()),
        }
    }

    /// Copies one file and tells of it.
    async fn file(&self, from: &Location, to: &Location) -> Result<(), Failure> {
        let _turn = self.files.acquire().await.expect("nobody closes it");
        if self.skip && self.is_there(to).await? {
            self.session.reporter.passed_over(&plan::shown(from), &plan::shown(to));
            return Ok(());
        }
        let outcome = match (from, to) {
            (Location::Local(file), Location::Remote(to)) => self.upload_file(file, &*self.open(to).await?).await?,
            (Location::Standard, Location::Remote(to)) => self.upload_input(&*self.open(to).await?).await?,
            (Location::Remote(from), Location::Local(file)) => {
                self.download_file(&*self.open(from).await?, file).await?
            }
            (Location::Remote(from), Location::Standard) => self.download_output(&*self.open(from).await?).await?,
            (Location::Remote(from), Location::Remote(to)) => {
                self.relay(&*self.open(from).await?, &*self.open(to).await?).await?
            }
            // The plan has refused it.
            (Location::Local(_) | Location::Standard, Location::Local(_) | Location::Standard) => return Ok(()),
        };
        self.session.reporter.copied(&outcome)
    }

    /// Forgets what was noted for another run.
    fn forget(&self, subject: Subject<'_>) {
        if let Some(journal) = &self.journal {
            journal.forget(subject, self.session.clock.now());
        }
    }

    async fn open(&self, address: &super::address::Address) -> Result<Box<dyn Remote>, Failure> {
        service::open(address, &self.session).await
    }

    /// Whether something has the target's name already.
    async fn is_there(&self, to: &Location) -> Result<bool, Failure> {
        match to {
            Location::Local(file) => Ok(file.symlink_metadata().is_ok() && !file.is_dir()),
            Location::Standard => Ok(false),
            Location::Remote(address) if matches!(address.place, Place::Pingone(None) | Place::AzureSphere(None)) => {
                Ok(false)
            }
            Location::Remote(address) => match self.open(address).await?.stat().await {
                Ok(entry) => Ok(has_bytes(&entry)),
                Err(failure) if failure.kind == FailureKind::NotFound => Ok(false),
                Err(failure) => Err(failure),
            },
        }
    }
}

/// Whether an entry is more than a name: an image without bytes and a view without a picture are still to be filled.
fn has_bytes(entry: &Entry) -> bool {
    let status = entry.status.as_deref();
    !matches!((entry.kind, status), (Kind::Image, Some("queued")) | (Kind::View, Some("without picture")))
}

/// How long to wait before a broken transfer is continued, after so many fruitless tries.
fn pause(fruitless: u32) -> Duration {
    Duration::from_millis(200) * 2_u32.pow(fruitless.min(6))
}
