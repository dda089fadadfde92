//! Pictures of `PingOne`: `pingone:IMAGE_ID`.

use http::StatusCode;
use pentaprism_client::dialects::pingone::PingoneClient;
use pentaprism_client::upload::pingone::{
    PictureDownloadError, PictureFormat, PictureUploadError, PictureUploadOptions,
};
use pentaprism_client::{Source, Transport};
use pentaprism_core::dialects::pingone::create_image::CreateImage;
use pentaprism_core::dialects::pingone::delete_image::DeleteImage;
use pentaprism_core::dialects::pingone::models::{Image, ImageType};
use pentaprism_core::dialects::pingone::read_image::ReadImage;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::spot::{Pauses, Spot};
use super::witness::Witness;
use super::{Answer, Fetched, ListQuery, Placed, Remote, Taker, Upload};
use crate::remote::address::{Address, Place};
use crate::remote::entry::{Entry, Kind};
use crate::remote::failure::{Failure, FailureKind};

/// What a picture without a name is called.
const NAMELESS: &str = "image";

/// A picture of an environment, or the environment that pictures are uploaded to.
pub struct Pingone<T> {
    client: PingoneClient<T>,
    spot: Spot,
    environment: Option<String>,
    id: Option<String>,
}

impl<T: Transport> Pingone<T> {
    /// The picture `id` of `environment` where `spot` says.
    pub fn new(client: PingoneClient<T>, spot: Spot, environment: Option<String>, id: Option<String>) -> Self {
        Self { client, spot, environment, id }
    }

    async fn upload(&self, upload: Upload) -> Result<Placed, Failure> {
        let Upload { source, file_name, options } = upload;
        if self.id.is_some() {
            let failure = self.spot.usage("the service gives each picture an id of its own, and replaces none");
            return Err(failure.advise("write `pingone:` as the target"));
        }
        let environment = self.environment()?;
        let (source, witness) =
            Witness::of(source, options.verify).await.map_err(|error| self.spot.unreadable(&error))?;
        let name = options.file_name.or(file_name).unwrap_or_else(|| NAMELESS.to_owned());
        let (image, sent) = if let Some(media_type) = options.media_type {
            (self.create(environment, &name, media_type.clone(), source).await?, media_type)
        } else {
            let how = PictureUploadOptions::default();
            let uploaded = self.client.upload_picture(environment, &name, source, &how).await;
            let uploaded = uploaded.map_err(|error| self.not_uploaded(&error))?;
            (uploaded.image, uploaded.format.media_type().to_owned())
        };
        let bytes = witness.bytes().await;
        let mut verified = None;
        if options.verify {
            let kept = image.targets.original.type_.clone();
            if media_type(&kept) != Some(sent.as_str()) {
                let why = format!("the service has made a {} of it, whose bytes are others", kept.as_str());
                let address = self.spot.at(Place::Pingone(Some(image.id.to_string())));
                return Err(self
                    .spot
                    .differs(why)
                    .advise(format!("the picture is there, as {address}; send a PNG to compare")));
            }
            let got = self.client.download_picture(environment, &image.id.to_string()).await;
            let (_, back) = got.map_err(|error| self.not_downloaded(&error))?;
            verified = Some(witness.compare(&self.spot, back.body).await?);
        }
        let entry = self.entry(&image);
        Ok(Placed { address: entry.address.clone(), entry, bytes, verified })
    }

    /// Uploads a picture whose type is told, not looked for in its bytes.
    async fn create(
        &self,
        environment: &str,
        name: &str,
        media_type: String,
        source: Source,
    ) -> Result<Image, Failure> {
        let input = CreateImage {
            environment_id: environment.to_owned(),
            content_disposition: Some(attachment(name)),
            content_type: Some(media_type),
        };
        let created = self.client.create_image(&input, source).await;
        created.map(|created| created.body).map_err(|error| self.spot.call("upload", &error))
    }

    async fn fetch(&self) -> Result<Fetched, Failure> {
        let got = self.client.download_picture(self.environment()?, self.id()?).await;
        let (image, download) = got.map_err(|error| self.not_downloaded(&error))?;
        Ok(Fetched {
            from: download.from,
            length: download.length,
            media_type: download.media_type,
            file_name: file_name(&image),
            version: None,
            checksums: Vec::new(),
            body: download.body,
        })
    }

    async fn removed(&self) -> Result<(), Failure> {
        let input = DeleteImage { environment_id: self.environment()?.to_owned(), image_id: self.id()?.to_owned() };
        self.client.delete_image(&input).await.map(drop).map_err(|error| self.spot.call("deletion", &error))
    }

    async fn awaited(&self, gone: bool) -> Result<Option<Entry>, Failure> {
        let mut pauses = Pauses::new(self.client.caller().retry().clock());
        loop {
            match (self.look("wait").await?, gone) {
                (Some(image), false) => return Ok(Some(self.entry(&image))),
                // Uploads are there at once, or never.
                (None, false) => return Err(self.spot.not_found()),
                (None, true) => return Ok(None),
                (Some(_), true) => pauses.pause().await,
            }
        }
    }

    /// The record, if there is one.
    async fn look(&self, what: &str) -> Result<Option<Image>, Failure> {
        let input = ReadImage { environment_id: self.environment()?.to_owned(), image_id: self.id()?.to_owned() };
        match self.client.read_image(&input).await {
            Ok(read) => Ok(Some(read.body)),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Ok(None),
            Err(error) => Err(self.spot.call(what, &error)),
        }
    }

    fn id(&self) -> Result<&str, Failure> {
        self.id.as_deref().ok_or_else(|| self.spot.usage("this is no picture; write pingone:IMAGE_ID"))
    }

    fn environment(&self) -> Result<&str, Failure> {
        self.environment.as_deref().ok_or_else(|| {
            self.spot
                .usage("it is not known which environment is meant")
                .advise("name it with `environment` in `[PROFILE.pingone]` of the profile")
        })
    }

    fn entry(&self, image: &Image) -> Entry {
        let target = &image.targets.original;
        Entry {
            name: file_name(image),
            modified: Some(image.created_at.to_string()),
            media_type: media_type(&target.type_).map(str::to_owned),
            pixels: u32::try_from(target.width).ok().zip(u32::try_from(target.height).ok()),
            details: serde_json::to_value(image).unwrap_or_default(),
            ..Entry::new(self.spot.at(Place::Pingone(Some(image.id.to_string()))), Kind::Image)
        }
    }

    fn not_uploaded(&self, error: &PictureUploadError) -> Failure {
        let spot = &self.spot;
        let not_sent = || spot.usage("the picture was not sent").because(error);
        match error {
            PictureUploadError::Source(source) => spot.unreadable(source),
            PictureUploadError::TooLarge { .. } => not_sent(),
            PictureUploadError::Format => not_sent().advise("convert it, such as with --to-png"),
            PictureUploadError::Create { source, .. } => spot.call("upload", source),
            PictureUploadError::ReadBack { image_id, source } => {
                let address = spot.at(Place::Pingone(Some(image_id.to_string())));
                spot.call("look at what was uploaded", source)
                    .advise(format!("look later with `pentaprism stat {address}`"))
            }
            PictureUploadError::Differs { .. } => spot.differs("the record read back is another").because(error),
            _ => Failure::new(FailureKind::Other, spot.of("upload")).because(error),
        }
    }

    fn not_downloaded(&self, error: &PictureDownloadError) -> Failure {
        match error {
            PictureDownloadError::Read { source, .. } => self.spot.call("download", source),
            PictureDownloadError::Link { source, .. } => self.spot.link(source),
            _ => Failure::new(FailureKind::Other, self.spot.of("download")).because(error),
        }
    }
}

impl<T: Transport> Remote for Pingone<T> {
    fn address(&self) -> &Address {
        &self.spot.address
    }

    fn server(&self) -> &str {
        &self.spot.server
    }

    fn put(&self, upload: Upload) -> Answer<'_, Placed> {
        Box::pin(self.upload(upload))
    }

    fn get(&self, _: u64) -> Answer<'_, Fetched> {
        Box::pin(self.fetch())
    }

    fn list<'a>(&'a self, _: &'a ListQuery, _: Taker<'a>) -> Answer<'a, ()> {
        let failure = self.spot.not_supported("list pictures", "its API has no listing of images");
        Box::pin(std::future::ready(Err(failure.advise("note the ids that `cp` writes, and ask for them with `stat`"))))
    }

    fn stat(&self) -> Answer<'_, Entry> {
        Box::pin(async {
            let image = self.look("look").await?.ok_or_else(|| self.spot.not_found())?;
            Ok(self.entry(&image))
        })
    }

    fn remove(&self, _: bool) -> Answer<'_, ()> {
        Box::pin(self.removed())
    }

    fn wait(&self, gone: bool) -> Answer<'_, Option<Entry>> {
        Box::pin(self.awaited(gone))
    }
}

/// The `Content-Disposition` that names a file (RFC 6266), whatever is in the name.
fn attachment(file_name: &str) -> String {
    format!("attachment; filename*=UTF-8''{}", utf8_percent_encode(file_name, NON_ALPHANUMERIC))
}

/// The name that the link to a picture ends with.
fn file_name(image: &Image) -> Option<String> {
    let href = &image.targets.original.href;
    let path = href.split(['?', '#']).next()?;
    let name = path.rsplit('/').next()?;
    Some(percent_decode_str(name).decode_utf8().ok()?.into_owned()).filter(|name| !name.is_empty())
}

fn media_type(kind: &ImageType) -> Option<&'static str> {
    match kind {
        ImageType::Jpg => Some(PictureFormat::Jpeg.media_type()),
        ImageType::Png => Some(PictureFormat::Png.media_type()),
        ImageType::Gif => Some(PictureFormat::Gif.media_type()),
        _ => None,
    }
}
