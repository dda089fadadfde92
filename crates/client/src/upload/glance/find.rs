//! Finding an image by what people call it.

use http::StatusCode;
use pentaprism_core::dialects::glance::list_images::{ListImages, ListImagesError};
use pentaprism_core::dialects::glance::models::Image;
use pentaprism_core::dialects::glance::show_image::{ShowImage, ShowImageError};
use uuid::Uuid;

use crate::dialects::glance::GlanceClient;
use crate::error::Error;
use crate::transport::Transport;

/// How many images of one name are asked for: enough to say that they are several.
const MOST: &str = "100";

/// Why no image is found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindImageError {
    /// The record cannot be read.
    #[error("the image with the id {name} cannot be looked for")]
    Show {
        /// What was looked for.
        name: String,
        /// Why.
        #[source]
        source: Error<ShowImageError>,
    },
    /// The list cannot be read.
    #[error("an image named {name:?} cannot be looked for")]
    List {
        /// What was looked for.
        name: String,
        /// Why.
        #[source]
        source: Error<ListImagesError>,
    },
    /// There is none.
    #[error("no image has the id or the name {0:?}")]
    None(String),
    /// There are several, and an id has to choose.
    #[error("{} images are named {name:?}; choose one by its id: {}", .ids.len(), joined(.ids))]
    Several {
        /// The name.
        name: String,
        /// Their ids.
        ids: Vec<Uuid>,
    },
}

/// The first few ids.
fn joined(ids: &[Uuid]) -> String {
    const SHOWN: usize = 8;
    let mut text = ids.iter().take(SHOWN).map(Uuid::to_string).collect::<Vec<_>>().join(", ");
    if ids.len() > SHOWN {
        text.push_str(", …");
    }
    text
}

impl<T: Transport> GlanceClient<T> {
    /// The image with this id, else the only one with this name among those that lists show.
    ///
    /// # Errors
    /// [`FindImageError`]; [`FindImageError::Several`] when the name does not say which one.
    pub async fn find_image(&self, name_or_id: &str) -> Result<Image, FindImageError> {
        let name = || name_or_id.to_owned();
        if name_or_id.is_empty() {
            return Err(FindImageError::None(name()));
        }
        if let Ok(id) = Uuid::try_parse(name_or_id) {
            match self.show_image(&ShowImage { image_id: id.to_string() }).await {
                Ok(shown) => return Ok(shown.body),
                Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => {}
                Err(source) => return Err(FindImageError::Show { name: name(), source }),
            }
        }
        let input =
            ListImages { limit: Some(MOST.to_owned()), name: Some(filter(name_or_id)), ..ListImages::default() };
        let listed = self.list_images(&input).await.map_err(|source| FindImageError::List { name: name(), source })?;
        let mut images = listed.body.images;
        // A service that does not know the filter shows all.
        images.retain(|image| image.name.as_deref() == Some(name_or_id));
        match images.len() {
            0 => Err(FindImageError::None(name())),
            1 => Ok(images.swap_remove(0)),
            _ => Err(FindImageError::Several { name: name(), ids: images.iter().map(|image| image.id).collect() }),
        }
    }
}

/// The name as a filter: what stands before a colon would be taken for an operator.
fn filter(name: &str) -> String {
    if name.contains(':') && !name.contains('"') { format!("in:\"{name}\"") } else { name.to_owned() }
}
