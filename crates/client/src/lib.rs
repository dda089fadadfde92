//! Client bindings for the image-upload APIs that Pentaprism speaks, whichever service answers.
//!
//! A client has one method per documented operation, and one for the whole job: everything between a file and an image that
//! is there, with progress, retries and a look at what arrived. Nothing fails without a typed reason.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use pentaprism_client::dialects::glance::GlanceClient;
//! use pentaprism_client::upload::glance::{ImageUploadError, ImageUploadOptions, Verified};
//! use pentaprism_client::{Counters, Credential, Error, HyperTransport, Source};
//! use pentaprism_core::dialects::glance::models::{ContainerFormat, DiskFormat, ImageCreate};
//! use pentaprism_core::dialects::glance::upload_image_data::UploadImageDataError;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let base = "http://127.0.0.1:8470".parse()?;
//! let glance = GlanceClient::new(HyperTransport::new()?, base, Credential::auth_token("pentaprism-dev")?);
//! let image = ImageCreate {
//!     name: Some("debian-13".to_owned()),
//!     disk_format: Some(DiskFormat::Qcow2),
//!     container_format: Some(ContainerFormat::Bare),
//!     ..ImageCreate::default()
//! };
//! let counters = Arc::new(Counters::default()); // another task may look at them meanwhile
//! let source = Source::file("debian-13.qcow2").await?.with_progress(counters.clone());
//! match glance.upload_image(&image, source, &ImageUploadOptions::default()).await {
//!     Ok(uploaded) => match uploaded.verified {
//!         Verified::Digest(digest) => println!("{} is there; {digest} is right", uploaded.image.id),
//!         other => println!("{} is there; it is known of its bytes: {other:?}", uploaded.image.id),
//!     },
//!     // What the service documents is a variant per status, and prints in the words of the service.
//!     Err(ImageUploadError::Upload { source: Error::Refused(UploadImageDataError::ContentTooLarge(answer)), .. }) => {
//!         println!("there is no room for {} bytes: {:?}", counters.bytes_sent(), answer.body);
//!     }
//!     // The image that the upload had created is deleted again, unless the error says otherwise.
//!     Err(error) => return Err(error.into()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Whole jobs
//!
//! | API | Client | Up | Down |
//! |---|---|---|---|
//! | OpenStack Image | [`GlanceClient`] | [`upload_image`], [`fill_image`] | [`download_image`] |
//! | Azure Sphere | [`AzureSphereClient`] | [`upload_package`] | [`download_package`] |
//! | iTwin Saved Views | [`SavedViewsClient`] | [`put_picture`] | [`get_picture`] |
//! | PingOne | [`PingoneClient`] | [`upload_picture`] | [`download_picture`] |
//! | Service Fabric | [`ServiceFabricClient`] | [`upload`](dialects::service_fabric::ServiceFabricClient::upload), [`upload_folder`] | [`download_file`] |
//!
//! Their options and errors are in [`upload`](mod@upload). [`PublicClient`](dialects::public::PublicClient) reads the links that
//! a Pentaprism server hands out.
//!
//! # One operation
//!
//! Each method takes the operation's input and ends in its documented success, or in an [`Error`] that says whether the service
//! [may have received](Error::was_sent) the request and carries the documented error as a value. A body that a server takes
//! apart is bytes in the input, and `json_body` writes them from the model; a streamed one is a [`Source`] beside it.
//!
//! ```no_run
//! # use pentaprism_client::dialects::saved_views::SavedViewsClient;
//! # use pentaprism_client::{Credential, Error, HyperTransport};
//! use pentaprism_core::dialects::saved_views::models::ImageUpdate;
//! use pentaprism_core::dialects::saved_views::update_image::{UpdateImage, UpdateImageError};
//!
//! # async fn example(file: Vec<u8>) -> Result<(), Box<dyn std::error::Error>> {
//! # let base = "http://127.0.0.1:8470".parse()?;
//! # let views = SavedViewsClient::new(HyperTransport::new()?, base, Credential::bearer("pentaprism-dev")?);
//! let body = UpdateImage::json_body(&ImageUpdate::png(&file))?;
//! match views.update_image(&UpdateImage { saved_view_id: "ACZbDmWhULVC".to_owned(), body }).await {
//!     Ok(_) => println!("the picture is there"),
//!     Err(Error::Refused(UpdateImageError::NotFound { body })) => println!("no such view: {:?}", body.error.message),
//!     Err(other) => return Err(other.into()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Transports
//!
//! [`HyperTransport`] speaks HTTP/1.1 and HTTP/2. Its [builder](HyperTransport::builder) takes
//! [authorities of one's own](HyperTransportBuilder::root_certificates), a
//! [client certificate](HyperTransportBuilder::client_certificate), [`Proxies`] (from the environment, if wanted) and deadlines.
//! [`TowerTransport`] goes through any tower service, [`InProcess`] straight into a server in the same process, and whatever
//! implements [`Transport`] will do.
//!
//! # Tokens
//!
//! A [`Credential`] is a fixed token or user and password, or asks a [`TokenProvider`] before each call: [`Keystone`] (which
//! also knows where Glance is), [`ClientCredentials`] of OAuth 2.0, or a [`CommandToken`]. [`Cached`] keeps what they give until
//! shortly before its end; a token that the service refuses is replaced once. No secret is ever printed.
//!
//! # Retries and deadlines
//!
//! [`Retry::standard`] is every client's way: what was not sent, or may safely be sent again, is tried up to five times with
//! growing pauses, or when `Retry-After` says; other [policies](retry::Policy), [pauses](retry::Backoff) and
//! [clocks](retry::Clock) can be set. [`Retry::with_attempt`] and [`Retry::with_total`] bound one attempt and all of them; a
//! [connection that stands still](HyperTransportBuilder::idle_deadline) is given up by itself.
//!
//! # Sources and progress
//!
//! A [`Source`] is a file, bytes, a stream that can be read once, or anything that can [read a range](ReadRange); what can be read
//! again can be sent again. [`Source::with_progress`] tells a [`Progress`] what was sent, taken back and acknowledged, so that a
//! bar never runs ahead of the truth; [`Counters`] is the simplest.
//!
//! [`GlanceClient`]: dialects::glance::GlanceClient
//! [`upload_image`]: dialects::glance::GlanceClient::upload_image
//! [`fill_image`]: dialects::glance::GlanceClient::fill_image
//! [`download_image`]: dialects::glance::GlanceClient::download_image
//! [`AzureSphereClient`]: dialects::azure_sphere::AzureSphereClient
//! [`upload_package`]: dialects::azure_sphere::AzureSphereClient::upload_package
//! [`download_package`]: dialects::azure_sphere::AzureSphereClient::download_package
//! [`SavedViewsClient`]: dialects::saved_views::SavedViewsClient
//! [`put_picture`]: dialects::saved_views::SavedViewsClient::put_picture
//! [`get_picture`]: dialects::saved_views::SavedViewsClient::get_picture
//! [`PingoneClient`]: dialects::pingone::PingoneClient
//! [`upload_picture`]: dialects::pingone::PingoneClient::upload_picture
//! [`download_picture`]: dialects::pingone::PingoneClient::download_picture
//! [`ServiceFabricClient`]: dialects::service_fabric::ServiceFabricClient
//! [`upload_folder`]: dialects::service_fabric::ServiceFabricClient::upload_folder
//! [`download_file`]: dialects::service_fabric::ServiceFabricClient::download_file

mod base;
mod caller;
mod credential;
mod error;
mod idle;
mod progress;
pub mod retry;
mod source;
pub mod token;
mod transport;
pub mod upload;

#[path = "generated/mod.rs"]
pub mod dialects;

pub use base::{BaseUrl, InvalidBaseUrl};
pub use caller::Caller;
pub use credential::{Credential, InvalidCredential};
pub use error::{Error, Interruption, RawResponse};
pub use progress::{Counters, Progress};
pub use retry::Retry;
pub use source::{ReadRange, Source, SourceError};
pub use token::{Cached, ClientCredentials, CommandToken, Keystone, Token, TokenError, TokenProvider};
pub use transport::{
    Cause, ConnectError, HyperTransport, HyperTransportBuilder, InProcess, Proxies, TlsError, TowerTransport,
    Transport, TransportError,
};
