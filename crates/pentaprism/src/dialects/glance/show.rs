//! `GET /v2/images/{image_id}`: the record of an image.

use pentaprism_core::ErrorStatus;

use super::Glance;
use super::caller::Caller;
use super::faults::{Fault, shown};
use super::image::Record;
use super::problem::Problem;

impl Glance {
    /// Reads an image that the caller sees.
    pub(super) async fn show(&self, caller: &Caller, image_id: &str) -> Result<Record, Problem> {
        let seen = self.look_up_visible(caller, image_id).await?;
        Ok(seen.ok_or_else(|| not_found(image_id))?.image)
    }
}

/// There is no such image as far as the caller can tell.
pub(super) fn not_found(image_id: &str) -> Fault {
    Fault::new(ErrorStatus::NOT_FOUND, no_image(image_id))
}

/// The words for an image that is not there.
pub(super) fn no_image(image_id: &str) -> String {
    format!("No image found with ID {}", shown(image_id))
}
