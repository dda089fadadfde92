//! Whole jobs: uploads and downloads that take several calls, each done as its service wants it.
//!
//! They are methods of the [clients](crate::dialects): [`upload_image`](crate::dialects::glance::GlanceClient::upload_image)
//! of Glance, [`upload_package`](crate::dialects::azure_sphere::AzureSphereClient::upload_package) of Azure Sphere,
//! [`put_picture`](crate::dialects::saved_views::SavedViewsClient::put_picture) of Saved Views,
//! [`upload_picture`](crate::dialects::pingone::PingoneClient::upload_picture) of PingOne, and those of [`service_fabric`].
//! Each has an error of its own, whose sources are the errors of the calls that it is made of.

pub mod azure_sphere;
mod checked;
mod digest;
pub mod glance;
mod link;
pub mod pingone;
mod png;
mod polling;
pub mod saved_views;
pub mod service_fabric;
#[cfg(test)]
pub(crate) mod testing;
mod watch;

use pentaprism_core::Body;

pub use self::digest::{Algorithm, Difference, Digest, Digesting};
pub use self::link::LinkError;
pub use self::png::{PngError, PngHeader, check_png};
pub use self::polling::Polling;

/// Bytes on their way from a service.
#[derive(Debug)]
#[non_exhaustive]
pub struct Download {
    /// How many there are to come, if that is known.
    pub length: Option<u64>,
    /// What they are, such as `image/png`, if the service says so.
    pub media_type: Option<String>,
    /// Where they begin within the whole: 0, or the place that was asked for.
    pub from: u64,
    /// The bytes.
    pub body: Body,
}
