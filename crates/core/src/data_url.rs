//! Pictures inside of JSON, where a dialect carries them as data URLs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::dialects::saved_views::models::ImageUpdate;

impl ImageUpdate {
    /// The update that puts a PNG file on a saved view. The bytes are not looked at; the service refuses what is no PNG.
    #[must_use]
    pub fn png(file: &[u8]) -> Self {
        Self { image: format!("data:image/png;base64,{}", STANDARD.encode(file)) }
    }
}
