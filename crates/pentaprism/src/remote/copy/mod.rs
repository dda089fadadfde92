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

use self::journal::Journal;
use self::place::Existing;
use self::plan::Pair;
use super::address::{Location, Place};
use super::failure::{Failure, FailureKind};
use super::service::{self, PutOptions, Remote};
use super::session::Session;
use crate::command::CopyArguments;
use crate::pictures::{Pool, PoolLimits};

/// Files that are under way at once, unless said otherwise.
const FILES: usize = 4;

/// The most files that are under way at once. Each keeps a thread, and some MiB.
const MOST_FILES: usize = 64;

/// Copies as `cp` was told. Every failed file is told where it fails; the first failure is the command's.
///
/// # Errors
/// The first [`Failure`].
pub async fn run(arguments: &CopyArguments, session: &Arc<Session>) -> Result<(), Failure> {
    let pairs = plan::pairs(&arguments.sources, &arguments.target, Path::is_dir)?;
    let copier = Copier::new(arguments, session);
    let many = pairs.len() > 1;
    let files = if many { copier.files } else { 1 };
    let copier = &copier;
    let mut failures = stream::iter(pairs)
        .map(|pair| async move { copier.pair(&pair, arguments.recursive).await })
        .buffer_unordered(files)
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
    /// Files under way at once.
    files: usize,
    journal: Option<Journal>,
    ids: Arc<dyn Ids>,
    pictures: Pool,
}

impl Copier {
    fn new(arguments: &CopyArguments, session: &Arc<Session>) -> Self {
        let told = &arguments.description;
        let parallel = arguments.parallel.map(std::num::NonZeroUsize::get);
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
            parallel,
        };
        Self {
            session: Arc::clone(session),
            options,
            existing: if arguments.force { Existing::Replace } else { Existing::Refuse },
            skip: arguments.no_clobber,
            resume: arguments.resume,
            to_png: arguments.to_png,
            files: parallel.unwrap_or(FILES).min(MOST_FILES),
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
        self.file(&pair.from, &pair.to).await
    }

    /// Copies one file and tells of it.
    async fn file(&self, from: &Location, to: &Location) -> Result<(), Failure> {
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
                Ok(_) => Ok(true),
                Err(failure) if failure.kind == FailureKind::NotFound => Ok(false),
                Err(failure) => Err(failure),
            },
        }
    }
}

/// How long to wait before a broken transfer is continued, after so many fruitless tries.
fn pause(fruitless: u32) -> Duration {
    Duration::from_millis(200) * 2_u32.pow(fruitless.min(6))
}
