//! `POST /v1/environments/{environmentId}/images`: a picture becomes an image.

use http_body::Body as _;
use pentaprism_core::Body;
use pentaprism_core::dialects::pingone::create_image::CreateImage;
use pentaprism_core::dialects::pingone::models::Image;
use pentaprism_store::{Account, Change, NewContent, NewName, Received, UploadRequest};
use uuid::Uuid;

use crate::access::Principal;
use crate::pictures::{Format, Header, HeaderError, Recognizer};
use crate::settings::Follow;

use super::PingOne;
use super::content_disposition;
use super::environment;
use super::file_name;
use super::problem::Problem;
use super::record::{self, ImageKey, Kind, Record, STATUS};

impl PingOne {
    /// Stores a picture. All checks that need no body come before its first byte is asked for, in the order of D-111.
    pub(super) async fn create(
        &self,
        caller: &Principal,
        base_url: &str,
        input: &CreateImage,
        body: Body,
    ) -> Result<Image, Problem> {
        let settings = &self.context.settings.pingone;
        let environment = environment::of_caller(settings, caller, &input.environment_id)?.id;
        if input.content_type.as_deref().is_some_and(says_no_picture) {
            return Err(Problem::ContentType);
        }
        let limit = settings.picture_bytes;
        match body.size_hint().exact() {
            Some(0) => return Err(HeaderError::Empty.into()),
            Some(size) if size > limit => return Err(Problem::TooLarge { limit }),
            _ => {}
        }
        let account = record::account(environment, settings.quota_bytes);
        let (header, received) = match settings.follow {
            Follow::Document => self.receive(body, account, limit).await?,
            Follow::Service => self.receive_converted(body, account, limit).await?,
        };
        let id = self.context.ids.next();
        let file_name = self.file_name(id, header, input.content_disposition.as_deref());
        self.keep(ImageKey { environment, id }, Record::new(header, file_name), received, base_url).await
    }

    /// Streams the body into the store while its header is looked at.
    async fn receive(&self, mut body: Body, account: Account, limit: u64) -> Result<(Header, Received), Problem> {
        let request = UploadRequest::new(account).declared(body.size_hint().exact());
        let mut upload = self.context.store.begin(request).await?;
        let mut recognizer = Recognizer::new();
        while let Some(piece) = body.data().await {
            let piece = piece.map_err(Problem::Body)?;
            recognizer.push(&piece);
            if let Some(error) = recognizer.error() {
                return Err(error.into());
            }
            if upload.received() + piece.len() as u64 > limit {
                return Err(Problem::TooLarge { limit });
            }
            upload.push(piece).await?;
        }
        let header = recognizer.finish()?;
        Ok((header, upload.finish().await?))
    }

    /// Makes a PNG of the body and stores that (D-121). The quota is asked twice: for the length that is declared, so that
    /// nobody sends a picture for nothing, and for the PNG.
    async fn receive_converted(&self, body: Body, account: Account, limit: u64) -> Result<(Header, Received), Problem> {
        let declared = UploadRequest::new(account.clone()).declared(body.size_hint().exact());
        drop(self.context.store.begin(declared).await?);
        let converted = self.converter.convert(body, limit).await?;
        let request = UploadRequest::new(account).declared(Some(converted.png.len() as u64));
        let mut upload = self.context.store.begin(request).await?;
        upload.push(converted.png.clone()).await?;
        let header = Header { format: Format::Png, ..converted.header };
        Ok((header, upload.finish().await?))
    }

    /// What the link of an image ends with (D-119, D-121).
    fn file_name(&self, id: Uuid, header: Header, disposition: Option<&str>) -> String {
        if self.context.settings.pingone.follow == Follow::Service {
            return format!("{id}_{}_original.png", self.context.ids.next());
        }
        let named = disposition.and_then(content_disposition::file_name).and_then(|name| file_name::safe(&name));
        named.unwrap_or_else(|| format!("{id}.{}", Kind::from(header.format).shown()))
    }

    /// The picture becomes an image, in one step.
    async fn keep(&self, key: ImageKey, record: Record, received: Received, base_url: &str) -> Result<Image, Problem> {
        let image = NewName::new(key.name(), STATUS).attributes(record.write()).content(NewContent::Uploaded);
        let applied = received.commit(Change::new().create(image)).await?;
        let created = applied.name().map_or(applied.at, |name| name.created);
        Ok(record.show(key, created, base_url))
    }
}

/// Whether a Content-Type says that the body is no picture, but a text or form with one inside (D-115).
fn says_no_picture(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json") || essence.starts_with("multipart/")
}

#[cfg(test)]
#[path = "tests/content_type.rs"]
mod tests;
