//! The half of the store that keeps bytes: what every engine for segments must do.

pub mod disk;
pub(crate) mod files;
pub(crate) mod folder;
mod inventory;
mod own;
mod pack;

use std::{fmt, sync::Arc};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{clock::Timestamp, error::Fault};

/// Bytes are checked in blocks of this size.
pub const BLOCK: u64 = 1024 * 1024;

/// Where a segment lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Location {
    /// What it lies in.
    pub container: Container,
    /// First byte inside the container.
    pub offset: u64,
}

/// Something that holds segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Container {
    /// Many small bodies, one behind the other.
    Pack(Uuid),
    /// One large body. Its id is the id of the blob that it was written for.
    Own(Uuid),
}

impl Container {
    /// The random id.
    #[must_use]
    pub const fn id(self) -> Uuid {
        match self {
            Self::Pack(id) | Self::Own(id) => id,
        }
    }
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pack(id) => write!(f, "pack {id}"),
            Self::Own(id) => write!(f, "file {id}"),
        }
    }
}

/// A container that has bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Which.
    pub container: Container,
    /// First byte behind its last one.
    pub end: u64,
    /// What it takes of the disk: what was taken ahead counts, holes do not.
    pub bytes: u64,
}

/// Bytes that were set aside because no row named them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// What it is called where it lies now.
    pub name: String,
    /// Since when.
    pub since: Timestamp,
    /// What it takes of the disk.
    pub bytes: u64,
}

/// An engine that keeps bytes. Every method that changes something resolves when it is durable.
pub trait Segments: Send + Sync + 'static {
    /// Stores a small body; many callers share one sync.
    fn put_small(&self, frames: Vec<Bytes>) -> BoxFuture<'_, Result<Location, Fault>>;

    /// Makes a container of its own for the blob `id`; nothing sees it before its row. `length` is a claim that may be wrong.
    fn create(&self, id: Uuid, length: Option<u64>) -> BoxFuture<'_, Result<Arc<dyn SegmentWriter>, Fault>>;

    /// Opens a container made by [`create`](Self::create) again, for a session that goes on. Only a `fresh` one, of
    /// which nothing was recorded, may be missing.
    fn reopen(&self, id: Uuid, fresh: bool) -> BoxFuture<'_, Result<Arc<dyn SegmentWriter>, Fault>>;

    /// Opens a container for reading. What was opened stays readable when the container is freed.
    fn open(&self, container: Container) -> BoxFuture<'_, Result<Arc<dyn SegmentReader>, Fault>>;

    /// Frees `length` bytes of a pack, or the whole of an own container. What is gone already is fine. An own container whose end is
    /// not durable is found again at the next start; of a pack it is after [`freed`](Self::freed).
    fn free(&self, location: Location, length: u64) -> BoxFuture<'_, Result<(), Fault>>;

    /// Makes durable what was freed of a pack. One that is gone is fine.
    fn freed(&self, pack: Uuid) -> BoxFuture<'_, Result<(), Fault>>;

    /// Frees a pack that no row names any more, unless it is still written to.
    fn free_pack(&self, id: Uuid) -> BoxFuture<'_, Result<(), Fault>>;

    /// Bytes that a container made by [`create`](Self::create) takes, however much of it was recorded; 0 when there is none.
    fn held(&self, id: Uuid) -> BoxFuture<'_, Result<u64, Fault>>;

    /// Deletes what a start set aside because no row named it, once it was kept long enough.
    fn purge(&self, now: Timestamp) -> BoxFuture<'_, Result<(), Fault>>;

    /// Every container that has bytes, known to rows or not.
    fn inventory(&self) -> BoxFuture<'_, Result<Vec<Stored>, Fault>>;

    /// Sets a container aside that no row names: [`purge`](Self::purge) deletes it a day after `now`.
    fn set_aside(&self, container: Container, now: Timestamp) -> BoxFuture<'_, Result<(), Fault>>;

    /// What was set aside, by [`set_aside`](Self::set_aside) or by a start.
    fn orphans(&self) -> BoxFuture<'_, Result<Vec<Orphan>, Fault>>;

    /// Refuses when `bytes` more would not fit beside the reserve. Takes microseconds.
    ///
    /// # Errors
    /// [`Fault::DiskFull`], or another fault when the system does not say.
    fn check_room(&self, bytes: u64) -> Result<(), Fault>;

    /// Ends the engine's threads after what is queued.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// The part of an engine that stores small bodies where the caller is: for a catalog that takes bytes.
pub(crate) trait Packs: Send + Sync + 'static {
    /// Stores bodies one behind the other and syncs them; the first lies at the location. Blocks.
    fn store(&self, bodies: &[Bytes]) -> Result<Location, Fault>;

    /// Overwrites what was stored there with zeros and syncs them: nobody finds it any more. Blocks.
    fn erase(&self, location: Location, length: usize) -> Result<(), Fault>;

    /// Whether what was stored is durable.
    fn is_durable(&self) -> bool;

    /// Whether the next bodies go to this pack. Not after a sync of it failed.
    fn writes_to(&self, pack: Uuid) -> bool;

    /// Gives back a body that no row came to name. What cannot be given back is at the next start. Blocks.
    fn give_back(&self, location: Location, length: u64);
}

/// Writes one container. Dropping it leaves what was written to whoever frees the container.
pub trait SegmentWriter: Send + Sync + 'static {
    /// Writes `frames` one behind the other from `offset` on. Blocks: for threads that may.
    ///
    /// # Errors
    /// When the engine fails; what was written then is unknown.
    fn write_at(&self, offset: u64, frames: &[Bytes]) -> Result<(), Fault>;

    /// A stretch is written: it may be pushed out early, and the disk is asked whether there is room for more. Blocks.
    ///
    /// # Errors
    /// [`Fault::DiskFull`] when only the reserve is left, or when the engine fails.
    fn stretch_done(&self, offset: u64, length: u64) -> Result<(), Fault>;

    /// Ends the body at `length` and gives back what was allocated beyond. Blocks.
    ///
    /// # Errors
    /// When the engine fails.
    fn end_at(&self, length: u64) -> Result<(), Fault>;

    /// Makes everything durable that was written before the call. Callers that wait while a sync runs share the next one. Blocks.
    ///
    /// # Errors
    /// When the engine fails; whatever the container holds is in doubt then.
    fn sync(&self) -> Result<(), Fault>;
}

/// Reads one container.
pub trait SegmentReader: Send + Sync + 'static {
    /// Exactly `length` bytes from `offset` on. Blocks: inline for at most 256 KiB.
    ///
    /// # Errors
    /// When the engine fails or the container is too short.
    fn read_at(&self, offset: u64, length: usize) -> Result<Bytes, Fault>;
}
