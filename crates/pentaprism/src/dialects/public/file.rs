//! `GET /public/{token}/{fileName}`: the bytes behind a link, whole or one range of them.

use http::HeaderMap;
use pentaprism_core::Body;
use pentaprism_core::dialects::public::get_public_file::{GetPublicFile, GetPublicFileOk};
use pentaprism_store::{ReadError, Store};

use crate::dialects::blocks::Part;
use crate::dialects::entity_tag::{Condition, Tags};

use super::link::{self, PublicFile};
use super::problem::Problem;

/// Hands out a file. Replacing or deleting the image does not hurt a download that has begun.
pub(super) async fn get(
    store: &Store,
    headers: &HeaderMap,
    input: &GetPublicFile,
) -> Result<(GetPublicFileOk, Option<Body>), Problem> {
    let link = store.get(&link::key(&input.token)).await?.ok_or(Problem::Nothing)?;
    let file = PublicFile::of(&link)?;
    // Not told apart from an unknown token: who guesses learns nothing (D-132).
    let content = link.content.filter(|_| file.file_name == input.file_name).ok_or(Problem::Nothing)?;
    let tags = Tags::of_id(&input.token);
    let with_range = match Condition::of(headers, Some(&tags)) {
        Condition::Failed => return Err(Problem::OtherFile),
        Condition::NotModified => return Ok((GetPublicFileOk::NotModified { etag: tags.into_told() }, None)),
        Condition::Fulfilled { with_range } => with_range,
    };
    let etag = tags.into_told();
    let reader = match store.open_content(content).await {
        // A link always leads to the same bytes: when these are gone, so is the link.
        Err(ReadError::Gone) => return Err(Problem::Nothing),
        opened => opened?,
    };
    let size = reader.size();
    let range = input.range.as_deref().filter(|_| with_range);
    let part = Part::asked(range, size).map_err(|_| Problem::NoByte { size })?;
    let body = part.body(&reader)?;
    let content_type = file.media_type;
    let ok = match part.content_range() {
        Some(range) => GetPublicFileOk::PartialContent { etag, content_range: range.to_string(), content_type },
        None => GetPublicFileOk::Ok { etag, content_type },
    };
    Ok((ok, Some(body)))
}
