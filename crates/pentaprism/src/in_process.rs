//! A whole server inside of another program, without sockets and without anything that outlives it: for tests of software
//! that calls one of the APIs, and for examples.
//!
//! Every client talks to it over [`Server::transport`]. What follows runs as a test.
//!
//! # Glance
//!
//! ```
//! use pentaprism::in_process::Server;
//! use pentaprism::settings::DEVELOPMENT_TOKEN;
//! use pentaprism_client::dialects::glance::GlanceClient;
//! use pentaprism_client::upload::glance::{DownloadStart, ImageUploadOptions, Verified, Verify};
//! use pentaprism_client::{Credential, Source};
//! use pentaprism_core::dialects::glance::models::{ContainerFormat, DiskFormat, ImageCreate};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::start().await?;
//! let glance = GlanceClient::new(server.transport(), Server::base(), Credential::auth_token(DEVELOPMENT_TOKEN)?);
//! let image = ImageCreate {
//!     name: Some("disk".to_owned()),
//!     disk_format: Some(DiskFormat::Raw),
//!     container_format: Some(ContainerFormat::Bare),
//!     ..ImageCreate::default()
//! };
//! let uploaded = glance.upload_image(&image, Source::from("an image"), &ImageUploadOptions::default()).await?;
//! assert!(matches!(uploaded.verified, Verified::Digest(_)));
//!
//! let download = glance.download_image(uploaded.image.id, DownloadStart::Beginning, Verify::Auto).await?;
//! assert_eq!(download.body.collect(100).await?, "an image");
//! server.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Azure Sphere
//!
//! ```
//! use pentaprism::in_process::Server;
//! use pentaprism::settings::DEVELOPMENT_TOKEN;
//! use pentaprism_client::dialects::azure_sphere::AzureSphereClient;
//! use pentaprism_client::upload::Polling;
//! use pentaprism_client::{Credential, Source};
//! use pentaprism_core::dialects::azure_sphere::models::ErrorResponseCode;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let identity = [&[10, 0, 0, 0][..], &[1; 16], &[2; 16]].concat();
//! # let sections = [&b"ID"[..], &36_u16.to_le_bytes(), &identity].concat();
//! # let metadata = [b"4X4M", &1_u32.to_le_bytes()[..], &sections, &52_u32.to_le_bytes(), &[0; 64]].concat();
//! # let package = [&b"code"[..], &metadata].concat();
//! let server = Server::start().await?;
//! let sphere = AzureSphereClient::new(server.transport(), Server::base(), Credential::bearer(DEVELOPMENT_TOKEN)?);
//! let tenant = sphere.only_tenant().await?.id.to_string();
//! let package = Source::bytes(package);
//! let uploaded = sphere.upload_package(&tenant, package.clone(), &Polling::default()).await?;
//! let image = uploaded.image_id.ok_or("the server says which image it is")?;
//!
//! let again = sphere.upload_package(&tenant, package, &Polling::default()).await;
//! assert_eq!(again.unwrap_err().code(), Some(ErrorResponseCode::Conflict));
//! let download = sphere.download_package(&tenant, &image.to_string(), 0).await?;
//! assert!(download.body.collect(1000).await?.starts_with(b"code"));
//! server.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Saved Views
//!
//! ```
//! use pentaprism::in_process::Server;
//! use pentaprism::settings::{DEFAULT_SAVED_VIEW, DEVELOPMENT_TOKEN};
//! use pentaprism_client::dialects::saved_views::SavedViewsClient;
//! use pentaprism_client::upload::saved_views::{PictureSize, PutPictureError, PutPictureOptions};
//! use pentaprism_client::{Credential, Source};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let png: &[u8] = &[
//! #     0x89, b'P', b'N', b'G', 13, 10, 26, 10, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 4, 0, 0, 0,
//! #     0xb5, 0x1c, 0x0c, 0x02, 0, 0, 0, 11, b'I', b'D', b'A', b'T', 0x78, 0xda, 0x63, 0x64, 0x60, 0, 0, 0, 6, 0, 2, 0x30,
//! #     0x81, 0xd0, 0x2f, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
//! # ];
//! let server = Server::start().await?;
//! let views = SavedViewsClient::new(server.transport(), Server::base(), Credential::bearer(DEVELOPMENT_TOKEN)?);
//! let options = PutPictureOptions::default();
//! let picture = views.put_picture(DEFAULT_SAVED_VIEW, Source::bytes(png), &options).await?;
//! assert_eq!((picture.header.width, picture.header.height), (1, 1));
//!
//! // A picture that was cut off is noticed before it is sent.
//! let cut = views.put_picture(DEFAULT_SAVED_VIEW, Source::bytes(&png[..40]), &options).await;
//! assert!(matches!(cut, Err(PutPictureError::NotPng(_))));
//! let download = views.get_picture(DEFAULT_SAVED_VIEW, PictureSize::Full).await?;
//! assert_eq!(download.body.collect(1000).await?, png);
//! server.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # PingOne
//!
//! ```
//! use pentaprism::in_process::Server;
//! use pentaprism::settings::{DEFAULT_ENVIRONMENT, DEVELOPMENT_TOKEN};
//! use pentaprism_client::dialects::pingone::PingoneClient;
//! use pentaprism_client::upload::pingone::{PictureFormat, PictureUploadOptions};
//! use pentaprism_client::{Credential, Source};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let png: &[u8] = &[
//! #     0x89, b'P', b'N', b'G', 13, 10, 26, 10, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 4, 0, 0, 0,
//! #     0xb5, 0x1c, 0x0c, 0x02, 0, 0, 0, 11, b'I', b'D', b'A', b'T', 0x78, 0xda, 0x63, 0x64, 0x60, 0, 0, 0, 6, 0, 2, 0x30,
//! #     0x81, 0xd0, 0x2f, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
//! # ];
//! let server = Server::start().await?;
//! let pingone = PingoneClient::new(server.transport(), Server::base(), Credential::bearer(DEVELOPMENT_TOKEN)?);
//! let environment = DEFAULT_ENVIRONMENT.to_string();
//! let options = PictureUploadOptions::default();
//! let uploaded = pingone.upload_picture(&environment, "logo.png", Source::bytes(png), &options).await?;
//! assert_eq!(uploaded.format, PictureFormat::Png);
//! assert!(uploaded.image.targets.original.href.ends_with("/logo.png"));
//!
//! let (_record, download) = pingone.download_picture(&environment, &uploaded.image.id.to_string()).await?;
//! assert_eq!(download.body.collect(1000).await?, png);
//! server.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Service Fabric
//!
//! A large file goes in chunks, and a second run with the same session sends only what the first one did not:
//!
//! ```
//! use pentaprism::in_process::Server;
//! use pentaprism_client::dialects::service_fabric::ServiceFabricClient;
//! use pentaprism_client::upload::service_fabric::{FabricFolderOptions, FabricUploadOptions, FolderFile, Way};
//! use pentaprism_client::{Credential, Source};
//! use uuid::Uuid;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::start().await?;
//! let store = ServiceFabricClient::new(server.transport(), Server::base(), Credential::none());
//! let resumable = FabricUploadOptions::resumable(Uuid::new_v4());
//! let options = FabricUploadOptions { single_put_limit: 1 << 20, ..resumable };
//! let disk = Source::bytes(vec![7; 3 << 20]);
//! store.upload("Images/disk.vhd", disk.clone(), &options).await?;
//!
//! let again = store.upload("Images/disk.vhd", disk, &options).await?;
//! assert!(matches!(again.way, Way::Chunks { chunks: 0, bytes_resumed: 3_145_728, .. }));
//! let (file, rest) = store.download_file("Images/disk.vhd", 3_000_000).await?;
//! assert_eq!(file.file_size.map(|size| size.0), Some(3_145_728));
//! assert_eq!(rest.collect(u64::MAX).await?, vec![7; 145_728]);
//!
//! // A folder gets the mark files that say that it is complete.
//! let files = vec![FolderFile::new("Code/app.dll", "code"), FolderFile::new("Manifest.xml", "<xml/>")];
//! let package = store.upload_folder("Package", files, &FabricFolderOptions::default()).await?;
//! assert_eq!(package.marks, ["Package/Code/_.dir", "Package/_.dir"]);
//! server.close().await;
//! # Ok(())
//! # }
//! ```

use std::sync::Arc;
use std::time::Duration;

use pentaprism_client::{BaseUrl, InProcess, Transport};
use pentaprism_store::{Fault, OpenError, Options, RandomIds, Store, SystemClock};

use crate::app::App;
use crate::context::Context;
use crate::dialects::Dialects;
use crate::settings::Settings;
use crate::tokens::RandomTokens;

/// How long the store may take to end what it began.
const CLOSE_DEADLINE: Duration = Duration::from_secs(30);

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The store cannot be opened.
    #[error("the store cannot be opened")]
    Open(#[source] OpenError),
    /// What has to be there from the first request on cannot be written.
    #[error("the store cannot be made ready for requests")]
    Prepare(#[source] Fault),
}

/// A server whose store is in a temporary place, and is gone with it.
#[derive(Clone)]
pub struct Server {
    app: App,
    store: Store,
}

impl Server {
    /// A server with the settings of development: one token that may do everything, one tenant, environment and saved view.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start() -> Result<Self, StartError> {
        Self::start_with(Settings::default()).await
    }

    /// A server with other settings. Those that are about sockets, files and the log have no meaning for it.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start_with(settings: Settings) -> Result<Self, StartError> {
        let store = Store::open(Options::ephemeral()).await.map_err(StartError::Open)?;
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(RandomIds));
        let context = Context::new(settings, store.clone(), clock, ids.clone(), Arc::new(RandomTokens));
        let app = App::new(&context.settings, Dialects::new(&context), store.clone(), ids);
        app.prepare().await.map_err(StartError::Prepare)?;
        Ok(Self { app, store })
    }

    /// The server without a way in, for [`serve`](crate::serve::serve), say.
    #[must_use]
    pub const fn app(&self) -> &App {
        &self.app
    }

    /// The way in, for any client.
    #[must_use]
    pub fn transport(&self) -> impl Transport + Clone + std::fmt::Debug + use<> {
        let app = self.app.clone();
        Way(InProcess(move |request| {
            let app = app.clone();
            async move { app.call(request).await }
        }))
    }

    /// Where clients say that it is: any address that the settings let it answer for.
    ///
    /// # Panics
    /// Never: the address is one.
    #[must_use]
    pub fn base() -> BaseUrl {
        "http://localhost".parse().expect("it is an address")
    }

    /// Ends what works in the background, and the store.
    pub async fn close(self) {
        self.app.close().await;
        self.store.close(CLOSE_DEADLINE).await;
    }
}

/// A transport that can be shown, as clients want to be.
#[derive(Clone)]
struct Way<T>(T);

impl<T> std::fmt::Debug for Way<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the server in this process")
    }
}

impl<T: Transport> Transport for Way<T> {
    fn call(
        &self,
        request: http::Request<pentaprism_core::Body>,
    ) -> impl Future<Output = Result<http::Response<pentaprism_core::Body>, pentaprism_client::TransportError>> + Send
    {
        self.0.call(request)
    }
}
