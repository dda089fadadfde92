//! Who sees an image and who may change it (D-014, D-015, D-017): every operation on an image begins here.

use pentaprism_store::NameKey;

use super::Glance;
use super::caller::{Caller, project_key};
use super::image::{self, DIALECT, ImageId, Record};
use super::problem::{self, Problem};
use crate::settings::Follow;

/// How a caller stands to an image, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The caller is an admin, to whom everything is open.
    Admin,
    /// The caller's project owns the image.
    Owner,
    /// The image is shared with the caller's project.
    Member,
    /// The image is for everybody to see.
    Onlooker,
    /// The image is private, and a membership of the caller's project is left over from before.
    FormerMember,
    /// The image is no affair of the caller's.
    Stranger,
}

impl Standing {
    /// Weighs what is known of a caller and an image.
    pub(super) fn of(caller: &Caller, image: &Record, has_membership: bool) -> Self {
        if caller.is_admin() {
            return Self::Admin;
        }
        if image.name.owner.as_deref().is_some_and(|owner| caller.is_of(owner)) {
            return Self::Owner;
        }
        match (image.is_open(), image.is_shared(), has_membership) {
            (_, true, true) => Self::Member,
            (true, _, _) => Self::Onlooker,
            (false, false, true) => Self::FormerMember,
            (false, _, false) => Self::Stranger,
        }
    }

    /// Whether the image exists as far as the caller can tell.
    pub(super) fn sees(self) -> bool {
        !matches!(self, Self::FormerMember | Self::Stranger)
    }

    /// Whether an upload is answered by 403 rather than 404 when it is not allowed (D-014).
    pub(super) fn sees_for_upload(self, follow: Follow) -> bool {
        self.sees() || (self == Self::FormerMember && follow == Follow::Document)
    }

    /// Whether the caller answers for the image as its owner does.
    pub(super) fn owns(self) -> bool {
        matches!(self, Self::Admin | Self::Owner)
    }
}

/// An image and how the caller stands to it.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// The image.
    pub(super) image: Record,
    /// How the caller stands to it.
    pub(super) standing: Standing,
    may_write: bool,
}

impl Seen {
    /// Whether the caller may change the image: its owner may, unless it only reads.
    pub(super) fn is_writable(&self) -> bool {
        self.standing.owns() && self.may_write
    }
}

impl Glance {
    /// Looks up an image whoever may see it. None: there is no such image, or never was.
    pub(super) async fn look_up(&self, caller: &Caller, image_id: &str) -> Result<Option<Seen>, Problem> {
        let ImageId::Exact(id) = ImageId::parse(image_id) else { return Ok(None) };
        let Some(name) = self.context.store.get(&image::key(id)).await.map_err(problem::of_records)? else {
            return Ok(None);
        };
        let image = Record::read(id, name)?;
        let alone = Standing::of(caller, &image, false);
        let standing = if alone.owns() || (image.is_open() && !image.is_shared()) {
            alone
        } else {
            let has_membership = self.has_membership(caller, id).await?;
            Standing::of(caller, &image, has_membership)
        };
        Ok(Some(Seen { image, standing, may_write: caller.may_write() }))
    }

    /// Looks up an image that the caller sees.
    pub(super) async fn look_up_visible(&self, caller: &Caller, image_id: &str) -> Result<Option<Seen>, Problem> {
        Ok(self.look_up(caller, image_id).await?.filter(|seen| seen.standing.sees()))
    }

    async fn has_membership(&self, caller: &Caller, image: uuid::Uuid) -> Result<bool, Problem> {
        let Some(project) = caller.project() else { return Ok(false) };
        let found = self.context.store.get(&member_key(image, &project)).await.map_err(problem::of_records)?;
        Ok(found.is_some())
    }
}

/// What the scope of an image's members begins with in the store; the image's id follows.
pub(super) const MEMBERS: &str = "members/";

/// The scope of an image's members in the store.
pub(super) fn member_scope(image: uuid::Uuid) -> String {
    format!("{MEMBERS}{image}")
}

/// The name of a membership in the store.
pub(super) fn member_key(image: uuid::Uuid, project: &str) -> NameKey {
    NameKey::new(DIALECT, member_scope(image), project_key(project))
}

#[cfg(test)]
#[path = "tests/visibility.rs"]
mod tests;
