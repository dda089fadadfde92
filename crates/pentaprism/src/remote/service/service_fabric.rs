//! Files and folders of a Service Fabric image store: `sf:PATH`.

use std::num::NonZeroUsize;

use http::StatusCode;
use pentaprism_client::Transport;
use pentaprism_client::dialects::service_fabric::ServiceFabricClient;
use pentaprism_client::upload::service_fabric::{FabricDownloadError, FabricUploadError, FabricUploadOptions};
use pentaprism_core::dialects::service_fabric::delete_image_store_content::DeleteImageStoreContent;
use pentaprism_core::dialects::service_fabric::get_image_store_content::GetImageStoreContent;
use pentaprism_core::dialects::service_fabric::get_image_store_root_content::GetImageStoreRootContent;
use pentaprism_core::dialects::service_fabric::models::{FileInfo, FolderInfo, ImageStoreContent};
use serde_json::json;

use super::spot::{Listing, Pauses, Spot};
use super::witness::Witness;
use super::{Answer, Fetched, ListQuery, Placed, Remote, Taker, Upload};
use crate::remote::address::{Address, Place};
use crate::remote::entry::{Entry, Kind};
use crate::remote::failure::{Failure, FailureKind};

/// The empty file that says of a folder that it is whole.
pub const MARK: &str = "_.dir";

/// A file or a folder of the image store, or the store itself.
pub struct ServiceFabric<T> {
    client: ServiceFabricClient<T>,
    spot: Spot,
    path: String,
}

/// What is at a path.
enum Found {
    File(FileInfo),
    Folder(ImageStoreContent),
}

impl<T: Transport> ServiceFabric<T> {
    /// What has the path `path` where `spot` says; an empty one is the store's root.
    pub fn new(client: ServiceFabricClient<T>, spot: Spot, path: &str) -> Self {
        Self { client, spot, path: with_slashes(path) }
    }

    async fn upload(&self, upload: Upload) -> Result<Placed, Failure> {
        let Upload { source, options, .. } = upload;
        if self.path.is_empty() {
            return Err(self.spot.usage("this is the whole image store; write sf:PATH with the name of the file"));
        }
        let (source, witness) =
            Witness::of(source, options.verify).await.map_err(|error| self.spot.unreadable(&error))?;
        let mut how = FabricUploadOptions {
            session: options.session,
            // Whoever noted the session may come back for it.
            keep_session: options.session.is_some(),
            ..FabricUploadOptions::default()
        };
        if let Some(parallel) = options.parallel.and_then(NonZeroUsize::new) {
            how.parallel = parallel;
        }
        let uploaded = self.client.upload(&self.path, source, &how).await;
        let uploaded = uploaded.map_err(|error| self.not_uploaded(&error, options.session.is_some()))?;
        let mut verified = Some("size");
        if options.verify {
            let (_, back) =
                self.client.download_file(&self.path, 0).await.map_err(|error| self.not_downloaded(&error))?;
            verified = Some(witness.compare(&self.spot, back).await?);
        }
        let entry = match &uploaded.file {
            Some(file) => self.file(file),
            None => Entry { size: uploaded.size, ..Entry::new(self.spot.address.clone(), Kind::File) },
        };
        let bytes = match uploaded.size {
            Some(size) => size,
            None => witness.bytes().await,
        };
        Ok(Placed { address: self.spot.address.clone(), entry, bytes, verified })
    }

    async fn fetch(&self, from: u64) -> Result<Fetched, Failure> {
        let got = self.client.download_file(&self.path, from).await;
        let (file, body) = got.map_err(|error| self.not_downloaded(&error))?;
        Ok(Fetched {
            from,
            length: file.file_size.map(|size| size.0),
            media_type: None,
            file_name: self.path.rsplit('/').next().map(str::to_owned),
            version: version(&file),
            checksums: Vec::new(),
            body,
        })
    }

    /// Lists depth first: each folder is followed by what is in it.
    async fn listed(&self, query: &ListQuery, take: Taker<'_>) -> Result<(), Failure> {
        let mut listing = Listing::new(query, take);
        let content = match self.find("listing").await?.ok_or_else(|| self.spot.not_found())? {
            Found::File(file) => return listing.give(name_of(&self.path), self.file(&file)),
            Found::Folder(content) => content,
        };
        let mut folders = Vec::new();
        self.give(&self.path, content, &mut listing, &mut folders)?;
        while let Some(folder) = folders.pop().filter(|_| !listing.is_full()) {
            let path = with_slashes(folder.store_relative_path.as_deref().unwrap_or_default());
            listing.give(name_of(&path), self.folder_entry(&folder))?;
            if query.recursive
                // It may be gone by now.
                && let Some(content) = self.content(&path, "listing").await?
            {
                self.give(&path, content, &mut listing, &mut folders)?;
            }
        }
        Ok(())
    }

    /// Gives the files of one folder, and notes the folders in it, the first one last.
    fn give(
        &self,
        folder: &str,
        content: ImageStoreContent,
        listing: &mut Listing<'_, '_>,
        folders: &mut Vec<FolderInfo>,
    ) -> Result<(), Failure> {
        for file in content.store_files.unwrap_or_default() {
            let path = with_slashes(file.store_relative_path.as_deref().unwrap_or_default());
            if !is_below(folder, &path) {
                let what = format!("{} says that `{folder}` has a file that is not below it", self.spot.server);
                return Err(Failure::new(FailureKind::ServiceFailed, what).cause(format!("it is called `{path}`")));
            }
            listing.give(name_of(&path), self.file(&file))?;
        }
        let within = content.store_folders.unwrap_or_default();
        let mut paths = within.iter().map(|inner| inner.store_relative_path.as_deref().unwrap_or_default());
        if let Some(told) = paths.find(|path| !is_below(folder, &with_slashes(path))) {
            // Following it could go round in circles.
            let what = format!("{} says that `{folder}` has a folder that is not below it", self.spot.server);
            return Err(Failure::new(FailureKind::ServiceFailed, what).cause(format!("it is called `{told}`")));
        }
        if content.continuation_token.is_some_and(|token| !token.is_empty()) && !listing.is_full() {
            let what =
                format!("{} is not whole: {} lists `{folder}` in pages", self.spot.of("listing"), self.spot.server);
            return Err(Failure::new(FailureKind::NotSupported, what)
                .cause("the API's documents have no way to ask for the next page")
                .advise("list a folder further down"));
        }
        folders.extend(within.into_iter().rev());
        Ok(())
    }

    async fn stated(&self) -> Result<Entry, Failure> {
        let found = self.find("look").await?.ok_or_else(|| self.spot.not_found())?;
        Ok(self.entry(&found))
    }

    async fn removed(&self, recursive: bool) -> Result<(), Failure> {
        if self.path.is_empty() {
            return Err(self.spot.usage("this is the whole image store, which cannot be deleted; name what is in it"));
        }
        let found = self.find("deletion").await?.ok_or_else(|| self.spot.not_found())?;
        if !recursive && matches!(found, Found::Folder(_)) {
            return Err(self.spot.usage("this is a folder").advise("-r deletes it with everything that is in it"));
        }
        let input = DeleteImageStoreContent { content_path: self.path.clone(), ..DeleteImageStoreContent::default() };
        let deleted = self.client.delete_image_store_content(&input).await;
        deleted.map(drop).map_err(|error| self.spot.call("deletion", &error))
    }

    async fn awaited(&self, gone: bool) -> Result<Option<Entry>, Failure> {
        let mut pauses = Pauses::new(self.client.caller().retry().clock());
        loop {
            match self.find("wait").await? {
                None if gone => return Ok(None),
                Some(found) if !gone && (self.path.is_empty() || found.is_whole()) => {
                    return Ok(Some(self.entry(&found)));
                }
                _ => pauses.pause().await,
            }
        }
    }

    /// What has the path, if anything has.
    async fn find(&self, what: &str) -> Result<Option<Found>, Failure> {
        let Some(content) = self.content(&self.path, what).await? else { return Ok(None) };
        let is_it = |file: &&FileInfo| {
            let told = file.store_relative_path.as_deref();
            told.is_some_and(|told| with_slashes(told).to_lowercase() == self.path.to_lowercase())
        };
        if let Some(file) = content.store_files.iter().flatten().find(is_it) {
            return Ok(Some(Found::File(file.clone())));
        }
        let empty = content.store_files.as_ref().is_none_or(Vec::is_empty)
            && content.store_folders.as_ref().is_none_or(Vec::is_empty);
        Ok((!empty || self.path.is_empty()).then_some(Found::Folder(content)))
    }

    /// What the service lists at `path`, if it has it.
    async fn content(&self, path: &str, what: &str) -> Result<Option<ImageStoreContent>, Failure> {
        if path.is_empty() {
            let answer = self.client.get_image_store_root_content(&GetImageStoreRootContent::default()).await;
            return answer.map(|answer| Some(answer.body)).map_err(|error| self.spot.call(what, &error));
        }
        let input = GetImageStoreContent { content_path: path.to_owned(), ..GetImageStoreContent::default() };
        match self.client.get_image_store_content(&input).await {
            Ok(answer) => Ok(Some(answer.body)),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Ok(None),
            Err(error) => Err(self.spot.call(what, &error)),
        }
    }

    fn entry(&self, found: &Found) -> Entry {
        let content = match found {
            Found::File(file) => return self.file(file),
            Found::Folder(content) => content,
        };
        let files = content.store_files.as_ref().map_or(0, Vec::len);
        let folders = content.store_folders.as_ref().map_or(0, Vec::len);
        let details = json!({ "files": files, "folders": folders, "marked": found.is_whole() });
        Entry { details, ..Entry::new(self.spot.address.clone(), Kind::Folder) }
    }

    fn file(&self, file: &FileInfo) -> Entry {
        Entry {
            size: file.file_size.map(|size| size.0),
            modified: file.modified_date.map(|date| date.to_string()),
            details: serde_json::to_value(file).unwrap_or_default(),
            ..Entry::new(self.at(file.store_relative_path.as_deref()), Kind::File)
        }
    }

    fn folder_entry(&self, folder: &FolderInfo) -> Entry {
        let details = serde_json::to_value(folder).unwrap_or_default();
        Entry { details, ..Entry::new(self.at(folder.store_relative_path.as_deref()), Kind::Folder) }
    }

    fn at(&self, told: Option<&str>) -> Address {
        self.spot.at(Place::ServiceFabric(told.map_or_else(|| self.path.clone(), with_slashes)))
    }

    fn not_uploaded(&self, error: &FabricUploadError, noted: bool) -> Failure {
        let spot = &self.spot;
        let failed = |kind| {
            Failure::new(kind, format!("{} did not succeed at {}", spot.of("upload"), spot.server)).because(error)
        };
        let failure = match error {
            FabricUploadError::Put(source) => spot.call("upload", source),
            FabricUploadError::Chunk { chunk, source, .. } => {
                spot.call(&format!("upload of bytes {} to {}", chunk.start, chunk.end - 1), source)
            }
            FabricUploadError::Ask(source) => spot.call("upload session", source),
            FabricUploadError::Commit(source) => spot.call("end of the upload", source),
            FabricUploadError::List(source) => spot.call("look", source).cause("the bytes were sent"),
            FabricUploadError::OtherSession { .. } => {
                return failed(FailureKind::Conflict).advise("copy it without --resume");
            }
            FabricUploadError::OtherSize { .. } => return failed(FailureKind::Differs),
            _ => return failed(FailureKind::ServiceFailed),
        };
        let broken =
            [FailureKind::BrokenOff, FailureKind::TimedOut, FailureKind::Unreachable, FailureKind::ServiceFailed];
        let begun = !matches!(error, FabricUploadError::Put(_) | FabricUploadError::Ask(_));
        if noted && begun && broken.contains(&failure.kind) {
            return failure.advise("what arrived is kept for half an hour; --resume goes on with it");
        }
        failure
    }

    fn not_downloaded(&self, error: &FabricDownloadError) -> Failure {
        let spot = &self.spot;
        let failed =
            |kind| Failure::new(kind, format!("{} cannot be read from {}", spot.address, spot.server)).because(error);
        match error {
            FabricDownloadError::List(source) => spot.call("download", source),
            FabricDownloadError::Download(source) => spot.call("download", source),
            FabricDownloadError::NotFound => spot.not_found(),
            FabricDownloadError::Folder => failed(FailureKind::Usage).advise("-r copies folders"),
            FabricDownloadError::BeyondEnd { .. } => failed(FailureKind::Refused),
            FabricDownloadError::NoDownload => failed(FailureKind::NotSupported)
                .advise("servers that are Pentaprism have it; elsewhere files can be written, listed and deleted only"),
            _ => failed(FailureKind::ServiceFailed),
        }
    }
}

impl Found {
    /// Whether nothing is still to come: of a folder, its mark says so.
    fn is_whole(&self) -> bool {
        match self {
            Self::File(_) => true,
            Self::Folder(content) => content.store_files.iter().flatten().any(|file| {
                file.store_relative_path.as_deref().is_some_and(|told| name_of(&with_slashes(told)) == MARK)
            }),
        }
    }
}

impl<T: Transport> Remote for ServiceFabric<T> {
    fn address(&self) -> &Address {
        &self.spot.address
    }

    fn server(&self) -> &str {
        &self.spot.server
    }

    fn put(&self, upload: Upload) -> Answer<'_, Placed> {
        Box::pin(self.upload(upload))
    }

    fn get(&self, from: u64) -> Answer<'_, Fetched> {
        Box::pin(self.fetch(from))
    }

    fn list<'a>(&'a self, query: &'a ListQuery, take: Taker<'a>) -> Answer<'a, ()> {
        Box::pin(self.listed(query, take))
    }

    fn stat(&self) -> Answer<'_, Entry> {
        Box::pin(self.stated())
    }

    fn remove(&self, recursive: bool) -> Answer<'_, ()> {
        Box::pin(self.removed(recursive))
    }

    fn wait(&self, gone: bool) -> Answer<'_, Option<Entry>> {
        Box::pin(self.awaited(gone))
    }
}

/// A path as addresses have it: clusters on Windows write backslashes.
fn with_slashes(path: &str) -> String {
    path.trim_matches(['/', '\\']).replace('\\', "/")
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether `path` is further down than `folder`.
fn is_below(folder: &str, path: &str) -> bool {
    let (folder, path) = (folder.to_lowercase(), path.to_lowercase());
    let rest = if folder.is_empty() {
        Some(path.as_str())
    } else {
        path.strip_prefix(&folder).and_then(|rest| rest.strip_prefix('/'))
    };
    rest.is_some_and(|rest| !rest.is_empty())
}

/// The numbers that grow with each writing of a file.
fn version(file: &FileInfo) -> Option<String> {
    let version = file.file_version.as_ref()?;
    let number = version.version_number?.0;
    let epoch = |number: Option<pentaprism_core::Decimal<i64>>| number.map_or(0, |number| number.0);
    let (loss, configuration) = (epoch(version.epoch_data_loss_number), epoch(version.epoch_configuration_number));
    Some(format!("{loss}.{configuration}.{number}"))
}
