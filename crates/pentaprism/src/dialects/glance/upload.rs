//! `PUT /v2/images/{image_id}/file`: a queued image is filled with its bytes.

use http_body::Body as _;
use pentaprism_core::dialects::glance::upload_image_data::UploadImageData;
use pentaprism_core::{Body, ErrorStatus};
use pentaprism_store as store;
use pentaprism_store::{
    Change, CommitError, Condition, DigestSet, NewContent, Received, Update, Upload, UploadError, UploadRequest,
};

use super::Glance;
use super::caller::Caller;
use super::faults::{Fault, shown};
use super::image::{self, ACTIVE, ImageId, QUEUED, Record};
use super::problem::{self, Problem};
use super::refusals::malformed_id;
use super::show::{no_image, not_found};
use super::validation::bad_request;
use crate::settings::{Follow, HashAlgorithm};

/// What is said about an `x-openstack-image-size` that is no number.
pub(super) const INVALID_SIZE: &str = "Invalid or missing image size in request headers.";

impl Glance {
    /// Stores a body as the bytes of an image. All checks that need no body come before its first byte is asked for, in the
    /// order of D-010; dropping what was received, for whatever reason, leaves the image queued.
    pub(super) async fn upload(&self, caller: &Caller, input: &UploadImageData, body: Body) -> Result<(), Problem> {
        let image = self.writable(caller, &input.image_id).await?;
        check_state(&image)?;
        let known = body.size_hint().exact();
        let announced = announced_size(input, known)?;
        check_store_name(input)?;
        let empty_is_fault = self.context.settings.glance.follow == Follow::Document;
        if known == Some(0) && empty_is_fault {
            return Err(empty().into());
        }
        let quota = Quota { limit: self.context.settings.glance.quota_bytes, declared: known.or(announced) };
        let request = UploadRequest::new(image.account(quota.limit))
            .declared(quota.declared)
            .digests(digests(self.context.settings.glance.hashing_algorithm))
            .exclusive(image::key(image.id), Condition::status(QUEUED));
        let upload = self.context.store.begin(request).await;
        let upload = upload.map_err(|error| refused_upload(&image, error, quota.declared.unwrap_or(0)))?;
        let received = receive(upload, body, &image, announced).await?;
        if received.size() == 0 && empty_is_fault {
            return Err(empty().into());
        }
        self.activate(&image, received).await
    }

    /// The image, when the caller may fill it.
    async fn writable(&self, caller: &Caller, image_id: &str) -> Result<Record, Problem> {
        let follow = self.context.settings.glance.follow;
        if ImageId::parse(image_id) == ImageId::Malformed {
            return Err(Problem::new(malformed_id(true, follow), no_image(image_id)));
        }
        let found = self.look_up(caller, image_id).await?;
        let seen = found.filter(|seen| seen.standing.sees_for_upload(follow)).ok_or_else(|| not_found(image_id))?;
        if seen.is_writable() {
            Ok(seen.image)
        } else {
            Err(Problem::new(ErrorStatus::FORBIDDEN, "You are not authorized to complete upload_image action."))
        }
    }

    /// Makes a received body the image's bytes. The record is read again, so that what changed meanwhile is kept.
    async fn activate(&self, image: &Record, received: Received) -> Result<(), Problem> {
        let key = image::key(image.id);
        let name = self.context.store.get(&key).await.map_err(problem::of_bytes)?.ok_or_else(|| gone(image))?;
        let current = Record::read(image.id, name)?;
        let mut attributes = current.attributes;
        attributes.set_digests(received.digests(), self.context.settings.glance.hashing_algorithm);
        let update = Update::default().status(ACTIVE).attributes(attributes.to_value()).content(NewContent::Uploaded);
        let condition = Condition::status(QUEUED).and_version(current.name.version);
        let size = received.size();
        match received.commit(Change::new().update(key, condition, update)).await {
            Ok(_) => Ok(()),
            Err(CommitError::TargetGone(_)) => Err(gone(image).into()),
            Err(CommitError::Refused { refusal, step }) => match refusal {
                store::Refusal::Missing(_) => Err(gone(image).into()),
                store::Refusal::StatusChanged { actual, .. } => Err(conflict(&actual).into()),
                store::Refusal::OverQuota { quota, .. } => Err(over_quota(size, quota).into()),
                refusal => Err(CommitError::Refused { step, refusal }.into()),
            },
            Err(CommitError::Fault(fault)) => Err(problem::of_bytes(fault)),
        }
    }
}

/// The digests that an image shows: MD5 for old clients, another one for today's (D-034).
const fn digests(shown: HashAlgorithm) -> DigestSet {
    let (sha256, sha512) = match shown {
        HashAlgorithm::Md5 => (false, false),
        HashAlgorithm::Sha256 => (true, false),
        HashAlgorithm::Sha512 => (false, true),
    };
    DigestSet { md5: true, sha256, sha512 }
}

/// What the quota is asked for.
struct Quota {
    limit: Option<u64>,
    declared: Option<u64>,
}

/// Reads the body to its end.
async fn receive(
    mut upload: Upload,
    mut body: Body,
    image: &Record,
    announced: Option<u64>,
) -> Result<Received, Problem> {
    while let Some(piece) = body.data().await {
        let piece = piece.map_err(|error| Problem::Refused(error.into()))?;
        let size = upload.received() + piece.len() as u64;
        if let Some(expected) = announced.filter(|expected| size > *expected) {
            return Err(exceeded(expected, size).into());
        }
        upload.push(piece).await.map_err(|error| refused_upload(image, error, size))?;
    }
    let size = upload.received();
    if let Some(expected) = announced.filter(|expected| size < *expected) {
        return Err(not_reached(expected, size).into());
    }
    upload.finish().await.map_err(|error| refused_upload(image, error, size))
}

/// Whether the image waits for data and says what the data will be.
fn check_state(image: &Record) -> Result<(), Fault> {
    if image.status() != QUEUED {
        return Err(conflict(image.status()));
    }
    let attributes = &image.attributes;
    match (attributes.disk_format.is_some(), attributes.container_format.is_some()) {
        (true, true) => Ok(()),
        (false, false) => {
            Err(bad_request("Properties disk_format, container_format must be set prior to saving data."))
        }
        (false, true) => Err(bad_request("Property disk_format must be set prior to saving data.")),
        (true, false) => Err(bad_request("Property container_format must be set prior to saving data.")),
    }
}

/// The announced size (D-022). When the length of the body is known too, both have to agree before anything is sent.
fn announced_size(input: &UploadImageData, known: Option<u64>) -> Result<Option<u64>, Fault> {
    let Some(text) = input.x_openstack_image_size.as_deref().map(str::trim) else { return Ok(None) };
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let expected = text.parse().ok().filter(|_| digits).ok_or_else(|| bad_request(INVALID_SIZE))?;
    match known {
        Some(size) if size > expected => Err(exceeded(expected, size)),
        Some(size) if size < expected => Err(not_reached(expected, size)),
        _ => Ok(Some(expected)),
    }
}

/// The only store has no name (D-023).
fn check_store_name(input: &UploadImageData) -> Result<(), Fault> {
    match input.x_image_meta_store.as_deref().map(str::trim).filter(|name| !name.is_empty()) {
        Some(name) => Err(bad_request(format!("Store for identifier {} not found", shown(name)))),
        None => Ok(()),
    }
}

fn exceeded(expected: u64, size: u64) -> Fault {
    bad_request(format!("Size exceeds: expected {expected} bytes, got {size} bytes"))
}

fn not_reached(expected: u64, size: u64) -> Fault {
    bad_request(format!("Size mismatch: expected {expected} bytes, got {size} bytes"))
}

/// The document's own answer to a body without a byte (D-016).
fn empty() -> Fault {
    Fault::new(
        ErrorStatus::INTERNAL_SERVER_ERROR,
        "The body of the upload is empty. Send the bytes of the image; it is still queued.",
    )
}

fn conflict(status: &str) -> Fault {
    let text = format!("Image status transition from {status} to saving is not allowed");
    Fault::new(ErrorStatus::CONFLICT, text)
}

fn gone(image: &Record) -> Fault {
    let text = format!(
        "Image {} could not be found after upload. The image may have been deleted during the upload, cleaning up the chunks \
         uploaded.",
        image.id
    );
    Fault::new(ErrorStatus::GONE, text)
}

fn over_quota(size: u64, quota: u64) -> Fault {
    let text = format!(
        "Image exceeds the storage quota: {size} bytes do not fit beside what the project has; it may have {quota} \
         bytes in all. Delete images, or ask the operator for a larger quota."
    );
    Fault::new(ErrorStatus::PAYLOAD_TOO_LARGE, text)
}

/// Why the store does not take an upload of `size` bytes, as far as they are known.
fn refused_upload(image: &Record, error: UploadError, size: u64) -> Problem {
    match error {
        UploadError::TargetBusy(_) => conflict("saving").into(),
        UploadError::TargetRefused(store::Refusal::Missing(_)) => not_found(&image.id.to_string()).into(),
        UploadError::TargetRefused(store::Refusal::StatusChanged { actual, .. }) => conflict(&actual).into(),
        UploadError::OverQuota { quota, .. } => over_quota(size, quota).into(),
        UploadError::Fault(fault) => problem::of_bytes(fault),
        other => other.into(),
    }
}
