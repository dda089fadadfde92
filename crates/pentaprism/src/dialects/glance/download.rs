//! `GET /v2/images/{image_id}/file`: the bytes of an image, or one range of them (D-026).

use std::ops::Range;

use http::HeaderMap;
use pentaprism_core::dialects::glance::download_image_data::{DownloadImageData, DownloadImageDataOk};
use pentaprism_core::range::{ByteRange, ContentRange, RangeError};
use pentaprism_core::{Body, ErrorStatus};
use pentaprism_store::ReadError;

use super::Glance;
use super::caller::Caller;
use super::faults::Fault;
use super::problem::{self, Problem};
use super::show::not_found;
use crate::dialects::blocks;
use crate::dialects::entity_tag::{Condition, Tags};

/// What a download answers.
pub(super) enum Download {
    /// There are no bytes yet.
    Nothing,
    /// The client has them.
    NotModified {
        /// Their entity tag.
        etag: String,
    },
    /// All bytes, or a part of them.
    Bytes {
        /// Their entity tag.
        etag: String,
        /// MD5 of the whole.
        checksum: Option<String>,
        /// The part and the size of the whole, when a part was asked for.
        part: Option<ContentRange>,
        /// The bytes.
        body: Body,
    },
}

impl Glance {
    /// Opens the bytes of an image that the caller sees.
    pub(super) async fn download(
        &self,
        caller: &Caller,
        headers: &HeaderMap,
        input: &DownloadImageData,
    ) -> Result<Download, Problem> {
        let missing = || not_found(&input.image_id);
        let seen = self.look_up_visible(caller, &input.image_id).await?.ok_or_else(missing)?;
        let Some(content) = seen.image.name.content else {
            return match Condition::of(headers, None) {
                Condition::Failed => Err(other_bytes()),
                _ => Ok(Download::Nothing),
            };
        };
        let opened = self.context.store.open_content(content).await;
        let reader = opened.map_err(|error| unreadable(error, missing))?;
        let tags = Tags::of_content(&reader);
        let with_range = match Condition::of(headers, Some(&tags)) {
            Condition::Failed => return Err(other_bytes()),
            Condition::NotModified => return Ok(Download::NotModified { etag: tags.into_told() }),
            Condition::Fulfilled { with_range } => with_range,
        };
        let asked = if with_range { asked_range(input, content.size)? } else { None };
        let range = asked.clone().unwrap_or(0..content.size);
        let body = if range.is_empty() {
            Body::empty()
        } else {
            let blocks = reader.read(range.clone()).map_err(|error| unreadable(error, missing))?;
            blocks::body(blocks, range.end - range.start)
        };
        let part = asked.map(|range| ContentRange { first: range.start, last: range.end - 1, length: content.size });
        Ok(Download::Bytes { etag: tags.into_told(), checksum: seen.image.attributes.checksum, part, body })
    }
}

impl Download {
    /// The documented success.
    pub(super) fn answer(self, x_openstack_request_id: String) -> (DownloadImageDataOk, Option<Body>) {
        let accept_ranges = Some("bytes".to_owned());
        match self {
            Self::Nothing => (DownloadImageDataOk::NoContent { x_openstack_request_id }, None),
            Self::NotModified { etag } => {
                (DownloadImageDataOk::NotModified { x_openstack_request_id, etag: Some(etag) }, None)
            }
            Self::Bytes { etag, checksum: content_md5, part: None, body } => {
                let etag = Some(etag);
                (DownloadImageDataOk::Ok { x_openstack_request_id, content_md5, accept_ranges, etag }, Some(body))
            }
            Self::Bytes { etag, checksum: content_md5, part: Some(part), body } => {
                let (content_range, etag) = (part.to_string(), Some(etag));
                let ok = DownloadImageDataOk::PartialContent {
                    x_openstack_request_id,
                    content_md5,
                    accept_ranges,
                    etag,
                    content_range,
                };
                (ok, Some(body))
            }
        }
    }
}

fn other_bytes() -> Problem {
    Problem::new(ErrorStatus::PRECONDITION_FAILED, "The image does not have the bytes that the If-Match header names.")
}

/// The part of `size` bytes that a request asks for; none when it asks for all. Never empty.
fn asked_range(input: &DownloadImageData, size: u64) -> Result<Option<Range<u64>>, Fault> {
    if let Some(header) = &input.range {
        let range = ByteRange::parse(header).and_then(|range| range.resolve(size));
        return range.map(Some).map_err(|error| refused_range(error, "Range", size));
    }
    let Some(header) = &input.content_range else { return Ok(None) };
    let refused = |error| refused_range(error, "Content-Range", size);
    // Old clients leave the length open.
    let text = header.trim().strip_suffix("/*").map_or_else(|| header.clone(), |range| format!("{range}/{size}"));
    let range = ContentRange::parse(&text).map_err(refused)?;
    let asked = ByteRange::From { first: range.first, last: Some(range.last) };
    asked.resolve(size).map(Some).map_err(refused)
}

fn refused_range(error: RangeError, header: &str, size: u64) -> Fault {
    match error {
        RangeError::Several => Fault::new(
            ErrorStatus::BAD_REQUEST,
            "Requests with multiple ranges are not supported in Glance. You may make multiple single-range requests instead.",
        ),
        RangeError::Malformed => Fault::new(ErrorStatus::RANGE_NOT_SATISFIABLE, format!("Invalid {header} header.")),
        RangeError::Unsatisfiable => Fault::new(
            ErrorStatus::RANGE_NOT_SATISFIABLE,
            format!("The {header} header asks for bytes that are not there: the image has {size} bytes."),
        ),
    }
}

/// Bytes that were released since the record was read belong to an image that is deleted.
fn unreadable(error: ReadError, missing: impl FnOnce() -> Fault) -> Problem {
    match error {
        ReadError::Gone => missing().into(),
        ReadError::Fault(fault) => problem::of_records(fault),
        other => other.into(),
    }
}

#[cfg(test)]
#[path = "tests/ranges.rs"]
mod tests;
