//! Pentaprism as a library: the program's settings, its access rules and the server itself, for the program and for
//! tests that run it in-process.
//!
//! [`App`](app::App) is the whole server without its sockets; [`serve`](serve::serve) gives it some. A test of software that
//! calls one of the APIs needs none:
//!
//! ```
//! use std::sync::Arc;
//!
//! use pentaprism::app::App;
//! use pentaprism::context::Context;
//! use pentaprism::dialects::Dialects;
//! use pentaprism::settings::{DEFAULT_SAVED_VIEW, DEVELOPMENT_TOKEN, Settings};
//! use pentaprism::tokens::RandomTokens;
//! use pentaprism_client::dialects::saved_views::SavedViewsClient;
//! use pentaprism_client::{Credential, InProcess};
//! use pentaprism_core::dialects::saved_views::models::ImageUpdate;
//! use pentaprism_core::dialects::saved_views::update_image::UpdateImage;
//! use pentaprism_store::{Options, RandomIds, Store, SystemClock};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let store = Store::open(Options::ephemeral()).await?;
//! let (clock, ids) = (Arc::new(SystemClock), Arc::new(RandomIds));
//! let context = Context::new(Settings::default(), store.clone(), clock, ids.clone(), Arc::new(RandomTokens));
//! let app = App::new(&context.settings, Dialects::new(&context), store, ids);
//! // The first saved view is made now, and Azure Sphere's operations begin to be carried out.
//! app.prepare().await?;
//!
//! let server = app.clone();
//! let transport = InProcess(move |request| {
//!     let server = server.clone();
//!     async move { server.call(request).await }
//! });
//! let client = SavedViewsClient::new(transport, "http://localhost".parse()?, Credential::bearer(DEVELOPMENT_TOKEN)?);
//! # let png: &[u8] = &[
//! #     0x89, b'P', b'N', b'G', 13, 10, 26, 10, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 4, 0, 0, 0,
//! #     0xb5, 0x1c, 0x0c, 0x02, 0, 0, 0, 11, b'I', b'D', b'A', b'T', 0x78, 0xda, 0x63, 0x64, 0x60, 0, 0, 0, 6, 0, 2, 0x30,
//! #     0x81, 0xd0, 0x2f, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
//! # ];
//! let body = UpdateImage::json_body(&ImageUpdate::png(png))?;
//! client.update_image(&UpdateImage { saved_view_id: DEFAULT_SAVED_VIEW.to_owned(), body }).await?;
//! app.close().await;
//! # Ok(())
//! # })
//! # }
//! ```

pub mod access;
pub mod app;
pub mod banner;
pub mod command;
pub mod context;
pub mod dialects;
pub mod housekeeping;
pub mod in_process;
pub mod listen;
pub mod log;
mod measure;
pub mod metrics;
pub mod mount;
mod notes;
pub mod pictures;
pub mod rate;
pub mod remote;
pub mod serve;
pub mod settings;
pub mod site;
pub mod tls;
pub mod tokens;
