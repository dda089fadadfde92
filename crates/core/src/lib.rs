//! Models, operations, errors and codecs of the image-upload APIs that Pentaprism speaks.
//!
//! Every operation of a dialect is one input type, one success type and one error enum. Each of them converts in
//! *both* directions between Rust and the messages of the [`http`] crate, so a client and a server built on this
//! crate cannot disagree, and every message can be round-tripped in a test.
//!
//! The crate does no I/O and knows no runtime. The types under [`dialects`] are written by `cargo xtask codegen` from
//! the files in `specs/`; everything else is written by hand and shared by all of them.
//!
//! ```
//! use pentaprism_core::dialects::glance::upload_image_data::UploadImageData;
//! use pentaprism_core::Operation;
//!
//! let input = UploadImageData {
//!     image_id: "cf433676-4896-400d-8ec1-05118365d9d2".to_owned(),
//!     ..UploadImageData::default()
//! };
//! let request = input.to_request()?;
//! assert_eq!(request.uri(), "/v2/images/cf433676-4896-400d-8ec1-05118365d9d2/file");
//! # Ok::<(), pentaprism_core::InvalidInput>(())
//! ```

mod body;
mod cors;
mod data_url;
mod decimal;
mod open_enum;
mod operation;
pub mod path;
mod query;
pub mod range;
mod request;
mod response;
mod scalar;
mod status;
mod summary;
mod timestamp;

#[path = "generated/mod.rs"]
pub mod dialects;

pub use body::{Body, BodyError};
pub use cors::Cors;
pub use decimal::Decimal;
pub use open_enum::{UnknownNumber, UnknownValue};
pub use operation::{Operation, OperationInfo, RequestBody};
pub use query::FormQuery;
pub use request::{InvalidInput, InvalidRequest, Location, RequestBuilder, RequestView};
pub use response::{InvalidResponse, Message, MessageView, Payload, ResponseBuilder};
pub use scalar::{InvalidScalar, Scalar};
pub use status::{ErrorStatus, SuccessStatusError};
pub use timestamp::{InvalidTimestamp, Timestamp};

#[doc(hidden)]
pub mod codec {
    //! What generated code uses besides the public types.
    pub use crate::response::{json, text};
    pub use crate::summary::{Summarize, Summary};
}
