//! What a change did.

use crate::{
    clock::Timestamp,
    model::{BlobId, Name},
};

/// What a step did.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// It was done; there is nothing to tell.
    Done,
    /// The name as it stands now.
    Name(Box<Name>),
    /// So many names were deleted.
    Deleted(u64),
    /// So many files were copied (the mark file that was added counts).
    Copied(u64),
    /// So many bytes were reserved.
    Reserved(u64),
    /// The committed body shares bytes that were stored before; its own are not needed.
    Shared(BlobId),
    /// The committed body took the place of equal bytes that were damaged, for every name that has them.
    Healed(BlobId),
    /// More rows are left to drop.
    More,
}

/// What a change did: one effect per step.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// When, by the catalog's clock.
    pub at: Timestamp,
    /// One effect per step, in the order of the steps.
    pub effects: Vec<Effect>,
}

impl Applied {
    /// The name that the last step with a name left behind.
    #[must_use]
    pub fn name(&self) -> Option<&Name> {
        self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Name(name) => Some(&**name),
            _ => None,
        })
    }

    /// How many names all steps deleted.
    #[must_use]
    pub fn deleted(&self) -> u64 {
        self.effects.iter().map(|effect| if let Effect::Deleted(count) = effect { *count } else { 0 }).sum()
    }

    /// How many files all steps copied.
    #[must_use]
    pub fn copied(&self) -> u64 {
        self.effects.iter().map(|effect| if let Effect::Copied(count) = effect { *count } else { 0 }).sum()
    }
}
