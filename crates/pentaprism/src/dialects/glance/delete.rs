//! `DELETE /v2/images/{image_id}`: the image goes with its bytes and members, and its id never comes back.

use pentaprism_core::ErrorStatus;
use pentaprism_store::{Change, ChangeError, Condition, Refusal};

use super::Glance;
use super::caller::Caller;
use super::faults::{Fault, shown};
use super::image::{self, DIALECT};
use super::problem::{self, Problem};
use super::visibility::member_scope;

impl Glance {
    /// Deletes an image. An upload to it that is running ends with 410.
    pub(super) async fn delete(&self, caller: &Caller, image_id: &str) -> Result<(), Problem> {
        let missing = || {
            let text = format!("Failed to find image {} to delete", shown(image_id));
            Fault::new(ErrorStatus::NOT_FOUND, text)
        };
        let seen = self.look_up_visible(caller, image_id).await?.ok_or_else(missing)?;
        if !seen.is_writable() {
            return Err(Problem::new(
                ErrorStatus::FORBIDDEN,
                "You are not authorized to complete delete_image action.",
            ));
        }
        if seen.image.attributes.protected {
            let text = format!("Image {image_id} is protected and cannot be deleted.");
            return Err(Problem::new(ErrorStatus::FORBIDDEN, text));
        }
        let key = image::key(seen.image.id);
        let change = Change::new()
            .delete(key.clone(), Condition::EXISTS)
            .delete_scope(DIALECT, member_scope(seen.image.id))
            .bury(key);
        match self.context.store.apply(change).await {
            Ok(_) => Ok(()),
            Err(ChangeError::Refused { refusal: Refusal::Missing(_), .. }) => Err(missing().into()),
            Err(ChangeError::Fault(fault)) => Err(problem::of_records(fault)),
            Err(other) => Err(other.into()),
        }
    }
}
