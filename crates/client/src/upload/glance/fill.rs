//! Sending an image's bytes until the service has them, and comparing what it has.

use pentaprism_core::dialects::glance::models::{Image, ImageStatus};
use pentaprism_core::dialects::glance::show_image::{ShowImage, ShowImageError};
use pentaprism_core::dialects::glance::upload_image_data::{UploadImageData, UploadImageDataError};
use uuid::Uuid;

use super::{ImageUploadError, ImageUploadOptions, UploadedImage, Verified, Verify};
use crate::dialects::glance::GlanceClient;
use crate::error::{Error, Interruption};
use crate::retry::{Attempt, Occurrence};
use crate::source::Source;
use crate::transport::Transport;
use crate::upload::digest::{Algorithm, Difference, Digest, Flow};
use crate::upload::polling::Waiting;
use crate::upload::watch::Watch;

/// The upload of one image's bytes.
pub(super) struct Filling<'a, T> {
    pub(super) client: &'a GlanceClient<T>,
    pub(super) image_id: Uuid,
    pub(super) options: &'a ImageUploadOptions,
}

impl<T: Transport> Filling<'_, T> {
    pub(super) async fn fill(&self, source: Source) -> Result<UploadedImage, ImageUploadError> {
        let algorithm = match self.options.verify {
            Verify::None | Verify::Length => None,
            Verify::Auto => Some(Algorithm::Md5),
            Verify::Digest(algorithm) => Some(algorithm),
        };
        let (watch, sending) = if self.options.verify == Verify::None {
            (None, source.clone())
        } else {
            let (watch, sending) = Watch::over(source.clone(), algorithm);
            (Some(watch), sending)
        };
        let attempts = self.send(&sending).await?;
        let image = self.active().await?;
        let verified = match watch {
            Some(watch) => self.verified(&image, &source, watch.finish().await).await?,
            None => Verified::Not,
        };
        Ok(UploadedImage { image, verified, attempts })
    }

    /// Sends the bytes until the service has them, and tells how often.
    async fn send(&self, source: &Source) -> Result<u32, ImageUploadError> {
        let input = UploadImageData {
            image_id: self.image_id.to_string(),
            x_openstack_image_size: source.length().map(|length| length.to_string()),
            x_image_meta_store: self.options.store.clone(),
        };
        let retry = self.client.caller().retry();
        let mut number = 1;
        loop {
            let Err(error) = self.client.upload_image_data(&input, source.clone()).await else { return Ok(number) };
            let failed = |source| ImageUploadError::Upload { image_id: self.image_id, source };
            let Some(occurrence) = open(&error, number) else { return Err(failed(error)) };
            retry.clock.sleep(retry.backoff.pause(number)).await;
            match self.settled().await.map(|image| (image.status, image.size)) {
                Ok((ImageStatus::Active, size)) => {
                    arrived(source, size);
                    return Ok(number);
                }
                Ok((ImageStatus::Queued, _)) => {}
                // How the image is, is told by the error that led here.
                Ok(_) | Err(ImageUploadError::Show { .. }) => return Err(failed(error)),
                Err(other) => return Err(other),
            }
            let again = retry.policy.again(&Attempt { number, idempotent: true, occurrence });
            if !again || !source.can_be_read_again() {
                return Err(failed(error));
            }
            number = number.saturating_add(1);
        }
    }

    /// The record once the service is no longer busy with an upload that broke off.
    async fn settled(&self) -> Result<Image, ImageUploadError> {
        self.until(|status| !is_busy(status)).await
    }

    /// The record once it is active.
    async fn active(&self) -> Result<Image, ImageUploadError> {
        let image = self.until(|status| !is_busy(status)).await?;
        if image.status == ImageStatus::Active {
            return Ok(image);
        }
        Err(ImageUploadError::Status { image_id: self.image_id, status: image.status })
    }

    async fn until(&self, is_wanted: impl Fn(&ImageStatus) -> bool) -> Result<Image, ImageUploadError> {
        let image_id = self.image_id;
        let mut waiting = Waiting::new(&self.options.wait, self.client.caller().retry().clock());
        loop {
            let image = self.shown().await.map_err(|source| ImageUploadError::Show { image_id, source })?;
            if is_wanted(&image.status) {
                return Ok(image);
            }
            if let Err(waited) = waiting.pause().await {
                return Err(ImageUploadError::Late { image_id, status: image.status, waited });
            }
        }
    }

    async fn shown(&self) -> Result<Image, Error<ShowImageError>> {
        let input = ShowImage { image_id: self.image_id.to_string() };
        self.client.show_image(&input).await.map(|shown| shown.body)
    }

    /// Compares the record with what was sent.
    async fn verified(
        &self,
        image: &Image,
        source: &Source,
        (counted, sent): (u64, Option<Digest>),
    ) -> Result<Verified, ImageUploadError> {
        let image_id = self.image_id;
        let differs = |difference| ImageUploadError::Differs { image_id, difference };
        let size = image.size.and_then(|size| u64::try_from(size).ok());
        let length = source.length().unwrap_or(counted);
        if let Some(got) = size
            && length != got
        {
            let expected = length;
            return Err(differs(Difference::Length { expected, got }));
        }
        let shown = match self.options.verify {
            Verify::Digest(algorithm) => match shown(image, |other| other == algorithm) {
                Some(digest) => digest,
                None => return Err(ImageUploadError::Unverifiable { image_id, algorithm }),
            },
            Verify::None | Verify::Length => return Ok(size.map_or(Verified::Not, Verified::Length)),
            Verify::Auto => match shown(image, |one| one == Algorithm::Md5).or_else(|| shown(image, |_| true)) {
                Some(digest) => digest,
                None => return Ok(size.map_or(Verified::Not, Verified::Length)),
            },
        };
        // Some services answer before they have read everything. What was hashed then is not the whole.
        let sent = sent.filter(|digest| digest.algorithm == shown.algorithm && length == counted);
        let expected = match sent {
            Some(digest) => Some(digest),
            None if source.can_be_read_again() => digest_of(source, shown.algorithm).await,
            None => None,
        };
        match (expected, self.options.verify) {
            (Some(expected), _) if expected != shown => Err(differs(Difference::Digest { expected, got: shown })),
            (Some(expected), _) => Ok(Verified::Digest(expected)),
            (None, Verify::Digest(algorithm)) => Err(ImageUploadError::Unverifiable { image_id, algorithm }),
            (None, _) => Ok(size.map_or(Verified::Not, Verified::Length)),
        }
    }
}

/// Tells that all bytes are there after all: they were taken back when their attempt seemed to have failed.
fn arrived(source: &Source, size: Option<i64>) {
    let bytes = source.length().or_else(|| size.and_then(|size| u64::try_from(size).ok()));
    if let (Some(progress), Some(bytes @ 1..)) = (source.progress(), bytes) {
        progress.sent(bytes);
        progress.acknowledged(bytes);
    }
}

/// A digest that the record shows.
pub(super) fn shown(image: &Image, is_wanted: impl Fn(Algorithm) -> bool) -> Option<Digest> {
    let named = image.os_hash_algo.as_deref().and_then(Algorithm::of_name);
    let strong = named.zip(image.os_hash_value.as_deref()).filter(|(algorithm, _)| is_wanted(*algorithm));
    let weak = image.checksum.as_deref().filter(|_| is_wanted(Algorithm::Md5));
    let strong = strong.map(|(algorithm, hex)| Digest::told(algorithm, hex));
    strong.or_else(|| weak.map(|hex| Digest::told(Algorithm::Md5, hex)))
}

async fn digest_of(source: &Source, algorithm: Algorithm) -> Option<Digest> {
    let mut flow = Flow::new(algorithm);
    let mut body = source.silent().body().await.ok()?;
    flow.read(&mut body).await.ok()?;
    flow.finish().await.1
}

/// Whether the service works on the image, so that it will soon be another.
fn is_busy(status: &ImageStatus) -> bool {
    matches!(status, ImageStatus::Saving | ImageStatus::Uploading | ImageStatus::Importing)
}

/// How the attempt ended, if the bytes may have arrived in spite of its failure.
fn open(error: &Error<UploadImageDataError>, number: u32) -> Option<Occurrence> {
    match error {
        Error::Interrupted(Interruption::Request(error)) if error.is_local() => None,
        // The deadline for all attempts has passed.
        Error::Interrupted(Interruption::Late(_)) => None,
        Error::Interrupted(_) => Some(Occurrence::BrokenOff),
        // A success in other words than the documented ones, proxies that lost the service, and an earlier attempt that arrived
        // after all.
        other => match other.status()?.as_u16() {
            200..300 | 408 | 502 | 504 => Some(Occurrence::BrokenOff),
            409 if number > 1 => Some(Occurrence::BrokenOff),
            _ => None,
        },
    }
}
