//! `GET /environments/{environmentId}/images/{imageId}/{fileName}`: the picture behind the link of an image, for everybody
//! (D-120).

use http::HeaderMap;
use pentaprism_core::Body;
use pentaprism_core::dialects::pingone::read_image_file::{ReadImageFile, ReadImageFileOk};
use pentaprism_store::ReadError;

use crate::context::Context;
use crate::dialects::blocks::Part;
use crate::dialects::entity_tag::{Condition, Tags};

use super::environment;
use super::problem::Problem;
use super::record::{ImageKey, Record};

/// Hands out a picture, whole or one range of it. Deleting the image does not hurt a download that has begun.
pub(super) async fn read(
    context: &Context,
    headers: &HeaderMap,
    input: &ReadImageFile,
    correlation_id: String,
) -> Result<(ReadImageFileOk, Option<Body>), Problem> {
    let environment = environment::find(&context.settings.pingone, &input.environment_id)?.id;
    let key = ImageKey { environment, id: environment::id(&input.image_id)? };
    let image = context.store.get(&key.name()).await?.ok_or(Problem::NotFound)?;
    let record = Record::read(&image)?;
    let stored = image.content.filter(|_| record.file_name == input.file_name).ok_or(Problem::NotFound)?;
    let tags = Tags::of_id(key.id);
    let with_range = match Condition::of(headers, Some(&tags)) {
        Condition::Failed => return Err(Problem::OtherFile),
        Condition::NotModified => {
            return Ok((ReadImageFileOk::NotModified { correlation_id, etag: tags.into_told() }, None));
        }
        Condition::Fulfilled { with_range } => with_range,
    };
    let etag = tags.into_told();
    let reader = match context.store.open_content(stored).await {
        // The bytes of an image never change: when they are gone, so is the image.
        Err(ReadError::Gone) => return Err(Problem::NotFound),
        opened => opened?,
    };
    let size = reader.size();
    let range = input.range.as_deref().filter(|_| with_range);
    let part = Part::asked(range, size).map_err(|_| Problem::NoByte { size })?;
    let body = part.body(&reader)?;
    let content_type = record.kind.media_type().to_owned();
    let ok = match part.content_range() {
        Some(range) => {
            let content_range = range.to_string();
            ReadImageFileOk::PartialContent { correlation_id, etag, content_range, content_type }
        }
        None => ReadImageFileOk::Ok { correlation_id, etag, content_type },
    };
    Ok((ok, Some(body)))
}
