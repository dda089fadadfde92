//! Images of Glance: `glance:NAME_OR_ID`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use pentaprism_client::dialects::glance::GlanceClient;
use pentaprism_client::upload::Polling;
use pentaprism_client::upload::glance::{
    DownloadStart, FindImageError, ImageDownloadError, ImageUploadError, ImageUploadOptions, UploadedImage, Verified,
    Verify,
};
use pentaprism_client::{Source, Transport};
use pentaprism_core::dialects::glance::delete_image::DeleteImage;
use pentaprism_core::dialects::glance::list_images::ListImages;
use pentaprism_core::dialects::glance::models::{
    ContainerFormat, DiskFormat, Image, ImageCreate, ImageStatus, Visibility,
};
use pentaprism_core::dialects::glance::show_image::ShowImage;
use pentaprism_store::Ids;
use uuid::Uuid;

use super::spot::{Listing, Pages, Pauses, Spot};
use super::unfilled;
use super::witness::Witness;
use super::{Answer, Checksum, Fetched, ListQuery, Placed, PutOptions, Remote, Taker, Upload};
use crate::remote::address::{Address, Place};
use crate::remote::entry::{Entry, Kind};
use crate::remote::failure::{Failure, FailureKind};
use crate::remote::unfinished::{Begun, Unfinished};

/// Images on a page of a listing.
const PAGE: u64 = 500;

/// How many images of one name are looked at when an address means several.
const LOOKS: usize = 8;

/// An image of Glance, or all of them.
pub struct Glance<T> {
    client: Arc<GlanceClient<T>>,
    spot: Spot,
    name: String,
    ids: Arc<dyn Ids>,
    unfinished: Unfinished,
}

/// Where the bytes of an upload go.
enum Target {
    /// Into an image that waits for them.
    Queued(Uuid),
    /// Into one that is to be made.
    New(Box<ImageCreate>),
}

impl<T: Transport + 'static> Glance<T> {
    /// The image with the name or id `name` where `spot` says. New images get their ids from `ids`; those
    /// without bytes are taken back by `unfinished` when an upload is dropped.
    pub fn new(client: GlanceClient<T>, spot: Spot, name: &str, ids: Arc<dyn Ids>, unfinished: Unfinished) -> Self {
        Self { client: Arc::new(client), spot, name: name.to_owned(), ids, unfinished }
    }

    async fn upload(&self, upload: Upload) -> Result<Placed, Failure> {
        let Upload { source, file_name, options } = upload;
        let target = self.target(&options, file_name.as_deref()).await?;
        let (source, witness) =
            Witness::of(source, options.verify).await.map_err(|error| self.spot.unreadable(&error))?;
        // An image that the service is still busy with is worth keeping, so what is deleted is decided here.
        // A digest costs as much as sending (D-161), so there is one only for those who ask.
        let verify = if options.verify { Verify::Auto } else { Verify::Length };
        let mut how = ImageUploadOptions { delete_on_failure: false, verify, ..ImageUploadOptions::default() };
        if !options.wait {
            how.wait = Polling { total: Duration::ZERO, ..Polling::default() };
        }
        let uploaded = match self.send(&target, source, &how).await {
            Err(ImageUploadError::Late { image_id, .. }) if !options.wait => {
                let image = self.show(image_id, "look").await?;
                return Ok(self.placed(&image, None, witness.bytes().await));
            }
            Err(error) if matches!(target, Target::New(_)) => return Err(self.undone(&error).await),
            uploaded => uploaded.map_err(|error| self.not_uploaded(&error))?,
        };
        let UploadedImage { image, verified, .. } = uploaded;
        let bytes = match image.size.and_then(|size| u64::try_from(size).ok()) {
            Some(size) => size,
            None => witness.bytes().await,
        };
        let verified = match verified {
            Verified::Digest(digest) => Some(digest.algorithm.name()),
            _ if options.verify => {
                let back = self.client.download_image(image.id, DownloadStart::Beginning, Verify::None).await;
                let back = back.map_err(|error| self.not_downloaded(&error))?;
                Some(witness.compare(&self.spot, back.body).await?)
            }
            Verified::Length(_) => Some("size"),
            Verified::Not => None,
        };
        Ok(self.placed(&image, verified, bytes))
    }

    /// Sends the bytes. When that is dropped before its end, the image that was made for them goes with it.
    async fn send(
        &self,
        target: &Target,
        source: Source,
        how: &ImageUploadOptions,
    ) -> Result<UploadedImage, ImageUploadError> {
        match target {
            Target::Queued(id) => self.client.fill_image(*id, source, how).await,
            Target::New(image) => {
                let begun = image.id.map(|id| self.begin(id));
                let uploaded = self.client.upload_image(image, source, how).await;
                if let Some(begun) = begun {
                    begun.end();
                }
                uploaded
            }
        }
    }

    fn begin(&self, id: Uuid) -> Begun {
        let deed = unfilled::take_back(Arc::clone(&self.client), self.spot.clone(), id);
        self.unfinished.begin(unfilled::may_be_left(&self.spot, id), deed)
    }

    fn placed(&self, image: &Image, verified: Option<&'static str>, bytes: u64) -> Placed {
        let entry = self.entry(image);
        Placed { address: entry.address.clone(), entry, bytes, verified }
    }

    /// The image that waits for the bytes, or what is said of the one that is to be made.
    async fn target(&self, options: &PutOptions, file_name: Option<&str>) -> Result<Target, Failure> {
        let Ok(id) = Uuid::try_parse(&self.name) else {
            let named = Some(self.name.as_str()).filter(|name| !name.is_empty());
            return self.described(self.ids.next(), options, named, file_name);
        };
        match self.client.show_image(&ShowImage { image_id: id.to_string() }).await {
            Ok(shown) if shown.body.status == ImageStatus::Queued => {
                if *options == described_by_nothing(options) {
                    return Ok(Target::Queued(id));
                }
                Err(self
                    .spot
                    .usage("the image is there already, and an upload changes only its bytes")
                    .advise("leave out --name, --disk-format, --container-format, --property and --visibility"))
            }
            Ok(shown) => {
                let what =
                    format!("the image {id} at {} is {}, not queued", self.spot.server, shown.body.status.as_str());
                Err(Failure::new(FailureKind::Conflict, what)
                    .cause("the bytes of an image cannot be replaced")
                    .advise("write glance:NAME for a new image, or delete this one first"))
            }
            Err(error) if error.status() == Some(http::StatusCode::NOT_FOUND) => {
                self.described(id, options, None, file_name)
            }
            Err(error) => Err(self.spot.call("look", &error)),
        }
    }

    fn described(
        &self,
        id: Uuid,
        options: &PutOptions,
        named: Option<&str>,
        file_name: Option<&str>,
    ) -> Result<Target, Failure> {
        let format = options.disk_format.as_deref().unwrap_or_else(|| disk_format(file_name.unwrap_or_default()));
        let mut image = ImageCreate {
            id: Some(id),
            name: options.name.as_deref().or(named).or(file_name).map(str::to_owned),
            disk_format: Some(DiskFormat::from(format)),
            container_format: Some(ContainerFormat::from(options.container_format.as_deref().unwrap_or("bare"))),
            visibility: options.visibility.as_deref().map(Visibility::from),
            ..ImageCreate::default()
        };
        for (name, value) in &options.properties {
            set(&mut image, name, value)
                .map_err(|why| self.spot.usage(&format!("--property {name}={value}: {why}")))?;
        }
        Ok(Target::New(Box::new(image)))
    }

    /// Deletes what a failed upload has made, unless it may become an image with the right bytes.
    async fn undone(&self, error: &ImageUploadError) -> Failure {
        let failure = self.not_uploaded(error);
        let useless = matches!(
            error,
            ImageUploadError::Upload { .. } | ImageUploadError::Status { .. } | ImageUploadError::Differs { .. }
        );
        let Some(image_id) = error.image_id().filter(|_| useless) else { return failure };
        let begun = self.begin(image_id);
        let deleted = self.client.delete_image(&DeleteImage { image_id: image_id.to_string() }).await;
        begun.end();
        match deleted {
            Err(removal) if removal.status() != Some(http::StatusCode::NOT_FOUND) => failure
                .cause(format!("image {image_id} is left behind, since it cannot be deleted: {removal}"))
                .advise(format!("delete it with `pentaprism rm {}`", self.by_id(image_id))),
            _ => failure,
        }
    }

    async fn fetch(&self, from: u64) -> Result<Fetched, Failure> {
        let id = self.find("download").await?.id;
        let start = if from == 0 { DownloadStart::Beginning } else { DownloadStart::Offset(from) };
        let got = match self.client.download_image(id, start, Verify::None).await {
            // From its beginning only: whoever asked sees that it begins there.
            Err(ImageDownloadError::Range { .. }) => {
                self.client.download_image(id, DownloadStart::Beginning, Verify::None).await
            }
            got => got,
        };
        let got = got.map_err(|error| self.not_downloaded(&error))?;
        let image = &got.image;
        let length = image.size.and_then(|size| u64::try_from(size).ok());
        let mark = image.checksum.as_deref().or(image.os_hash_value.as_deref());
        Ok(Fetched {
            from: got.from,
            length,
            media_type: None,
            file_name: image.name.clone(),
            // Without a check sum nobody knows whether the bytes are the same.
            version: mark.map(|mark| format!("{id} {mark} {}", image.size.unwrap_or_default())),
            checksums: sums(image).map(|(algorithm, digits)| Checksum { algorithm, digits }).collect(),
            body: got.body,
        })
    }

    async fn listed(&self, query: &ListQuery, take: Taker<'_>) -> Result<(), Failure> {
        let mut listing = Listing::new(query, take);
        if let Ok(id) = Uuid::try_parse(&self.name) {
            let image = self.show(id, "look").await?;
            return listing.give(image.name.as_deref().unwrap_or_default(), self.entry(&image));
        }
        let named = Some(self.name.as_str()).filter(|name| !name.is_empty());
        let name = query.name.as_deref().or(named);
        let (mut marker, mut found, mut pages) = (None, false, Pages::default());
        while !listing.is_full() {
            let input = ListImages {
                limit: Some(listing.left().min(PAGE).to_string()),
                name: name.map(filter),
                sort: query.sort.clone(),
                marker: marker.take(),
                ..ListImages::default()
            };
            let page = self.client.list_images(&input).await.map_err(|error| self.spot.call("listing", &error))?.body;
            for image in &page.images {
                let own = image.name.as_deref().unwrap_or_default();
                if named.is_none_or(|named| named == own) {
                    found = true;
                    listing.give(own, self.entry(image))?;
                }
            }
            match (page.next, page.images.last()) {
                (Some(_), Some(last)) => {
                    let last = last.id.to_string();
                    pages.turn(&last, &self.spot)?;
                    marker = Some(last);
                }
                _ => break,
            }
        }
        if named.is_some() && !found && query.limit != Some(0) { Err(self.spot.not_found()) } else { Ok(()) }
    }

    async fn removed(&self) -> Result<(), Failure> {
        let image_id = self.find("deletion").await?.id.to_string();
        let deleted = self.client.delete_image(&DeleteImage { image_id }).await;
        deleted.map(drop).map_err(|error| self.spot.call("deletion", &error))
    }

    async fn awaited(&self, gone: bool) -> Result<Option<Entry>, Failure> {
        let mut image = match self.find("wait").await {
            Ok(image) => image,
            Err(Failure { kind: FailureKind::NotFound, .. }) if gone => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let mut pauses = Pauses::new(self.client.caller().retry().clock());
        loop {
            let ended = match &image.status {
                ImageStatus::Deleted if gone => return Ok(None),
                ImageStatus::Active if !gone => return Ok(Some(self.entry(&image))),
                ImageStatus::Killed | ImageStatus::Deleted | ImageStatus::PendingDelete | ImageStatus::Deactivated => {
                    !gone
                }
                _ => false,
            };
            if ended {
                let what = format!("{} is {} and will not become active", self.spot.address, image.status.as_str());
                return Err(Failure::new(FailureKind::Conflict, what).advise("upload it again under another name"));
            }
            pauses.pause().await;
            image = match self.show(image.id, "wait").await {
                Ok(image) => image,
                Err(Failure { kind: FailureKind::NotFound, .. }) if gone => return Ok(None),
                Err(failure) => return Err(failure),
            };
        }
    }

    async fn show(&self, id: Uuid, what: &str) -> Result<Image, Failure> {
        let shown = self.client.show_image(&ShowImage { image_id: id.to_string() }).await;
        shown.map(|shown| shown.body).map_err(|error| self.spot.call(what, &error))
    }

    /// The one image that the address means.
    async fn find(&self, what: &str) -> Result<Image, Failure> {
        if self.name.is_empty() {
            return Err(self.spot.usage("this is all images; write glance:NAME_OR_ID"));
        }
        let error = match self.client.find_image(&self.name).await {
            Ok(image) => return Ok(image),
            Err(error) => error,
        };
        Err(match &error {
            FindImageError::Show { source, .. } => self.spot.call(what, source),
            FindImageError::List { source, .. } => self.spot.call(what, source),
            FindImageError::None(_) => self.spot.not_found(),
            FindImageError::Several { ids, .. } => {
                let several = Failure::new(FailureKind::Conflict, format!("{} is not one image", self.spot.address));
                several.because(&error).advise(self.which_of(ids).await)
            }
            _ => Failure::new(FailureKind::Other, self.spot.of(what)).because(&error),
        })
    }

    /// How to mean one of several images. One without bytes may be what a killed upload has left.
    async fn which_of(&self, ids: &[Uuid]) -> String {
        for id in ids.iter().take(LOOKS) {
            let image = self.show(*id, "look").await;
            if image.is_ok_and(|image| image.status == ImageStatus::Queued) {
                let address = self.by_id(*id);
                return format!(
                    "{address} is queued and has no bytes: `pentaprism rm {address}` deletes it, `pentaprism cp FILE \
                     {address}` fills it"
                );
            }
        }
        let first = ids.first().map(|id| self.by_id(*id).to_string()).unwrap_or_default();
        format!("write the id, such as {first}")
    }

    fn entry(&self, image: &Image) -> Entry {
        Entry {
            name: image.name.clone(),
            size: image.size.and_then(|size| u64::try_from(size).ok()),
            status: Some(image.status.as_str().to_owned()),
            modified: Some(image.updated_at.to_string()),
            checksums: sums(image).collect(),
            details: serde_json::to_value(image).unwrap_or_default(),
            ..Entry::new(self.spot.at(Place::Glance(image.id.to_string())), Kind::Image)
        }
    }

    fn not_uploaded(&self, error: &ImageUploadError) -> Failure {
        let spot = &self.spot;
        let failed = |kind| {
            Failure::new(kind, format!("{} did not succeed at {}", spot.of("upload"), spot.server)).because(error)
        };
        match error {
            ImageUploadError::Create(source) => spot.call("creation", source),
            ImageUploadError::Upload { source, .. } => spot.call("upload", source),
            ImageUploadError::Show { image_id, source } => {
                let failure = spot.call("look at the record", source).cause("the bytes were sent");
                failure.advise(format!("look later with `pentaprism stat {}`", self.by_id(*image_id)))
            }
            ImageUploadError::Late { image_id, .. } => failed(FailureKind::TimedOut)
                .advise(format!("wait longer with `pentaprism wait {}`", self.by_id(*image_id))),
            ImageUploadError::Differs { .. } => failed(FailureKind::Differs).advise("send it again"),
            ImageUploadError::Unverifiable { .. } => failed(FailureKind::NotSupported),
            // The service has taken the bytes and does not have the image.
            _ => failed(FailureKind::ServiceFailed),
        }
    }

    fn not_downloaded(&self, error: &ImageDownloadError) -> Failure {
        let spot = &self.spot;
        let failed =
            |kind| Failure::new(kind, format!("{} has no such bytes of {}", spot.server, spot.address)).because(error);
        match error {
            ImageDownloadError::Show { source, .. } => spot.call("download", source),
            ImageDownloadError::Download { source, .. } => spot.call("download", source),
            ImageDownloadError::NoData { .. } => failed(FailureKind::NotFound)
                .advise(format!("wait until it has some with `pentaprism wait {}`", spot.address)),
            ImageDownloadError::Beyond { .. } | ImageDownloadError::Range { .. } => failed(FailureKind::Refused),
            _ => failed(FailureKind::Other),
        }
    }

    fn by_id(&self, id: Uuid) -> Address {
        self.spot.at(Place::Glance(id.to_string()))
    }
}

impl<T: Transport + 'static> Remote for Glance<T> {
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
        Box::pin(async { self.find("look").await.map(|image| self.entry(&image)) })
    }

    fn remove(&self, _: bool) -> Answer<'_, ()> {
        Box::pin(self.removed())
    }

    fn wait(&self, gone: bool) -> Answer<'_, Option<Entry>> {
        Box::pin(self.awaited(gone))
    }
}

/// The same options without what describes a new image.
fn described_by_nothing(options: &PutOptions) -> PutOptions {
    PutOptions {
        name: None,
        disk_format: None,
        container_format: None,
        visibility: None,
        properties: Vec::new(),
        ..options.clone()
    }
}

/// The check sums of a record.
fn sums(image: &Image) -> impl Iterator<Item = (String, String)> {
    let md5 = image.checksum.clone().map(|digits| ("md5".to_owned(), digits));
    let other = image.os_hash_algo.clone().zip(image.os_hash_value.clone());
    md5.into_iter().chain(other)
}

/// The format of a disk by the name of its file.
fn disk_format(file_name: &str) -> &'static str {
    let extension = Path::new(file_name).extension().and_then(|extension| extension.to_str());
    match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("qcow2") => "qcow2",
        Some("vmdk") => "vmdk",
        Some("vhd") => "vhd",
        Some("vhdx") => "vhdx",
        Some("vdi") => "vdi",
        Some("iso") => "iso",
        Some("ami") => "ami",
        Some("aki") => "aki",
        Some("ari") => "ari",
        Some("hds") => "ploop",
        _ => "raw",
    }
}

/// Sets a property: some have a place and a type of their own in the record.
fn set(image: &mut ImageCreate, name: &str, value: &str) -> Result<(), &'static str> {
    let number = || value.parse::<i64>().map(Some).map_err(|_| "it is a whole number");
    let truth = || value.parse::<bool>().map(Some).map_err(|_| "it is true or false");
    match name {
        "name" => return Err("use --name"),
        "disk_format" => return Err("use --disk-format"),
        "container_format" => return Err("use --container-format"),
        "visibility" => return Err("use --visibility"),
        "id" => return Err("write glance:ID for an image of this id"),
        "min_disk" => image.min_disk = number()?,
        "min_ram" => image.min_ram = number()?,
        "protected" => image.protected = truth()?,
        "os_hidden" => image.os_hidden = truth()?,
        "owner" => image.owner = Some(value.to_owned()),
        "tags" => image.tags = Some(value.split(',').map(|tag| tag.trim().to_owned()).collect()),
        _ => {
            let properties: &mut IndexMap<String, String> = &mut image.additional;
            properties.insert(name.to_owned(), value.to_owned());
        }
    }
    Ok(())
}

/// The name as a filter: what stands before a colon would be taken for an operator.
fn filter(name: &str) -> String {
    if name.contains(':') && !name.contains('"') { format!("in:\"{name}\"") } else { name.to_owned() }
}
