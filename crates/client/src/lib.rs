//! Client bindings: for whoever calls one of the APIs that Pentaprism speaks.
//!
//! Per dialect there is a client with one method per documented operation. A call ends in the documented success, or in an
//! [`Error`] that says whether the request may have reached the service, and carries the documented error as a typed value.
//! How requests travel is a [`Transport`]: over HTTP ([`HyperTransport`]), through any tower service
//! ([`TowerTransport`]), or straight into a server in the same process ([`InProcess`]). Whom HTTP trusts, who it says
//! that it is, which proxies it goes through and how long it waits is set with [`HyperTransport::builder`].
//!
//! ```no_run
//! use pentaprism_client::dialects::glance::GlanceClient;
//! use pentaprism_client::{Credential, HyperTransport};
//! use pentaprism_core::Body;
//! use pentaprism_core::dialects::glance::upload_image_data::UploadImageData;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let base = "http://127.0.0.1:8470".parse()?;
//! let glance = GlanceClient::new(HyperTransport::new()?, base, Credential::auth_token("pentaprism-dev")?);
//! let input = UploadImageData {
//!     image_id: "cf433676-4896-400d-8ec1-05118365d9d2".to_owned(),
//!     ..UploadImageData::default()
//! };
//! glance.upload_image_data(&input, Body::from("bytes")).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A body that a server takes apart by itself is bytes in the input, and `json_body` writes them from the model. Each
//! documented status is a variant of the error, and `Display` says it with the words of the service:
//!
//! ```no_run
//! use pentaprism_client::dialects::saved_views::SavedViewsClient;
//! use pentaprism_client::{Credential, Error, HyperTransport};
//! use pentaprism_core::dialects::saved_views::models::ImageUpdate;
//! use pentaprism_core::dialects::saved_views::update_image::{UpdateImage, UpdateImageError};
//!
//! # async fn example(file: Vec<u8>) -> Result<(), Box<dyn std::error::Error>> {
//! let base = "http://127.0.0.1:8470".parse()?;
//! let views = SavedViewsClient::new(HyperTransport::new()?, base, Credential::bearer("pentaprism-dev")?);
//! let input = UpdateImage {
//!     saved_view_id: "ACZbDmWhULVChRcDRkoPdLaNv7DGPQORQpkxmyDyE1ERZS7bsqUkWEmr9ZGmC5TopQ".to_owned(),
//!     body: UpdateImage::json_body(&ImageUpdate::png(&file))?,
//! };
//! match views.update_image(&input).await {
//!     Ok(_) => println!("the picture is there"),
//!     Err(Error::Refused(UpdateImageError::NotFound { body })) => {
//!         println!("there is no such view: {}", body.error.message.unwrap_or_default());
//!     }
//!     // Such as `the service answered 429 Too Many Requests: RateLimitExceeded: …`.
//!     Err(Error::Refused(refusal)) => println!("{refusal}"),
//!     Err(other) => return Err(other.into()),
//! }
//! # Ok(())
//! # }
//! ```

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
    Cause, ConnectError, HyperTransport, HyperTransportBuilder, InProcess, Proxies, TlsError, TowerTransport, Transport,
    TransportError,
};
