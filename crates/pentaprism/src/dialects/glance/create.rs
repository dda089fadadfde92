//! `POST /v2/images`: an image is registered without data.

use pentaprism_core::ErrorStatus;
use pentaprism_store::{Change, ChangeError, NewName, Refusal};

use super::Glance;
use super::caller::Caller;
use super::image::{self, QUEUED, Record};
use super::problem::{self, Problem};
use super::validation::NewImage;

impl Glance {
    /// Registers the image that `body` describes.
    pub(super) async fn create(&self, caller: &Caller, body: &[u8]) -> Result<Record, Problem> {
        let image = NewImage::read(body, caller)?;
        let id = image.id.unwrap_or_else(|| self.context.ids.next());
        let mut name = NewName::new(image::key(id), QUEUED).attributes(image.attributes.to_value());
        name.owner = image.owner;
        match self.context.store.apply(Change::new().create(name)).await {
            Ok(applied) => {
                let name = applied.name().ok_or(NothingCreated)?;
                Ok(Record::read(id, name.clone())?)
            }
            Err(ChangeError::Refused { refusal: Refusal::Exists(_) | Refusal::Buried(_), .. }) => {
                Err(Problem::new(ErrorStatus::CONFLICT, format!("Image ID {id} already exists!")))
            }
            Err(ChangeError::Fault(fault)) => Err(problem::of_records(fault)),
            Err(other) => Err(other.into()),
        }
    }
}

/// The store broke its word.
#[derive(Debug, thiserror::Error)]
#[error("the store created a name without telling which")]
pub(super) struct NothingCreated;
