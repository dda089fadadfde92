//! A durable image store: names, contents and upload sessions in SQL, where every decision is taken; bytes in immutable segments
//! under random ids. Nothing is acknowledged before it is durable, and nothing partial is ever visible.
//!
//! It knows no HTTP and no dialect. [`Store`] is the one handle that the layers above use; [`Catalog`] and [`Segments`] are the
//! two halves below it, which exist so that other engines can take their place.

mod applied;
pub mod catalog;
mod change;
mod checksum;
mod chunk;
mod claim;
mod clock;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod digest;
mod error;
mod examine;
mod fault;
mod fsck;
mod fsck_content;
mod ids;
mod inner;
mod litter;
#[cfg(feature = "conformance")]
#[doc(hidden)]
pub mod measured;
mod model;
mod open_files;
mod options;
mod pipeline;
mod ranges;
mod reader;
pub mod search;
pub mod segments;
mod session;
#[cfg(test)]
mod simulation;
mod startup;
mod statistics;
mod store;
mod sweep;
mod upload;

pub use catalog::Catalog;
pub use change::{
    Applied, Body, Change, DONE_WRITERS_STAY, Effect, NewContent, NewName, NewWriter, Step, TreeCopy, Update,
};
pub use chunk::ChunkWriter;
pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use digest::{DigestSet, Digests};
pub use error::{
    ChangeError, ChunkError, CommitError, Fault, OpenError, ReadError, Refusal, SessionError, UploadError,
};
pub use fault::Faults;
pub use fsck::{FsckReport, Problem, Remedy, Verdict};
pub use ids::{Ids, RandomIds, SequentialIds};
pub use litter::{ExpiredSession, Litter, PackSpace};
pub use model::{
    Account, BlobId, ByteRange, ChunkRequest, Condition, Content, FileEntry, FolderEntry, Level, ListQuery, Name,
    NameKey, Order, Session, Tree, UploadRequest, Usage,
};
pub use options::{DataFolder, Durability, Limits, Options, Purpose, SMALL_THRESHOLD_LIMIT};
pub use reader::{Blocks, Reader};
pub use segments::Segments;
pub use statistics::Statistics;
pub use store::Store;
pub use sweep::{Garbage, Swept};
pub use upload::{Received, Upload};
