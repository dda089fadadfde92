//! The members of an image: the projects that it is shared with, and what they say to it.
//!
//! The owner adds and removes members, each member accepts or rejects for itself, and admins do both. Whoever may not see a
//! membership is told that there is none.

use pentaprism_core::ErrorStatus;
use pentaprism_core::dialects::glance::create_image_member::CreateImageMember;
use pentaprism_core::dialects::glance::delete_image_member::DeleteImageMember;
use pentaprism_core::dialects::glance::models::{ImageMember, ImageMembers, MemberStatus};
use pentaprism_core::dialects::glance::show_image_member::ShowImageMember;
use pentaprism_core::dialects::glance::update_image_member::UpdateImageMember;
use pentaprism_store::{Applied, Change, ChangeError, Condition, ListQuery, Name, NameKey, NewName, Refusal, Update};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::Glance;
use super::caller::Caller;
use super::create::NothingCreated;
use super::faults::{Fault, shown};
use super::image::{self, DIALECT, seconds};
use super::problem::{self, Problem};
use super::validation::{Document, bad_request, document};
use super::visibility::{Seen, member_key, member_scope};

/// The most members of an image. It keeps lists short; requests at the same moment may pass it by one each.
const MOST_MEMBERS: usize = 128;
/// The longest id of a project, in characters.
const LONGEST_ID: usize = 255;
pub(super) const STATUSES: [&str; 3] = ["pending", "accepted", "rejected"];

/// What the store keeps of a member besides status and times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Attributes {
    /// The project as it was named when the image was shared.
    member_id: String,
}

impl Glance {
    /// Lists the members of an image that the caller may see, oldest first.
    pub(super) async fn list_members(&self, caller: &Caller, image_id: &str) -> Result<ImageMembers, Problem> {
        let seen = self.image_of_members(caller, image_id).await?;
        if !seen.image.is_shared() {
            let text = format!("Not allowed to list members for image {image_id}: {ONLY_SHARED}");
            return Err(Problem::new(ErrorStatus::FORBIDDEN, text));
        }
        let id = seen.image.id;
        let mut names = self.member_names(id).await?;
        names.sort_by_key(|name| (name.created, name.born));
        let members = names.iter().map(|name| model(id, name)).collect::<Result<Vec<_>, _>>()?;
        let visible = members.into_iter().filter(|member| sees_membership(caller, &seen, &member.member_id));
        Ok(ImageMembers { members: visible.collect(), schema: "/v2/schemas/members".to_owned() })
    }

    /// Shares an image with a project.
    pub(super) async fn create_member(
        &self,
        caller: &Caller,
        input: &CreateImageMember,
    ) -> Result<ImageMember, Problem> {
        let project = new_member(&input.body)?;
        let seen = self.image_of_members(caller, &input.image_id).await?;
        let id = seen.image.id;
        if !seen.image.is_shared() || !seen.is_writable() {
            return Err(not_allowed("create", id));
        }
        let attempted = self.member_names(id).await?.len() + 1;
        if attempted > MOST_MEMBERS {
            let text = format!(
                "Image member limit exceeded for image {id}: The limit has been exceeded on the number of allowed image \
                 members for this image. Attempted: {attempted}, Maximum: {MOST_MEMBERS}:"
            );
            return Err(Problem::new(ErrorStatus::PAYLOAD_TOO_LARGE, text));
        }
        let attributes = serde_json::to_value(Attributes { member_id: project.clone() })?;
        let name = NewName::new(member_key(id, &project), MemberStatus::Pending.as_str()).attributes(attributes);
        let change = Change::new().expect(image::key(id), Condition::EXISTS).create(name);
        match self.context.store.apply(change).await {
            Ok(applied) => changed(id, &applied),
            Err(ChangeError::Refused { refusal: Refusal::Exists(_), .. }) => {
                let text = format!("Member {} is duplicated for image {id}", shown(&project));
                Err(Problem::new(ErrorStatus::CONFLICT, text))
            }
            Err(error) => Err(refused(error, id, &project)),
        }
    }

    /// Reads a membership. That an image has none, by its visibility, is 404 here (and 403 for changes).
    pub(super) async fn show_member(&self, caller: &Caller, input: &ShowImageMember) -> Result<ImageMember, Problem> {
        let seen = self.image_of_members(caller, &input.image_id).await?;
        if !seen.image.is_shared() {
            return Err(Problem::new(ErrorStatus::NOT_FOUND, ONLY_SHARED));
        }
        let name = self.membership(caller, &seen, &input.member_id).await?;
        Ok(model(seen.image.id, &name)?)
    }

    /// Takes a member's answer.
    pub(super) async fn update_member(
        &self,
        caller: &Caller,
        input: &UpdateImageMember,
    ) -> Result<ImageMember, Problem> {
        let status = new_status(&input.body)?;
        let seen = self.image_of_members(caller, &input.image_id).await?;
        let id = seen.image.id;
        if !seen.image.is_shared() {
            return Err(not_allowed("update", id));
        }
        let name = self.membership(caller, &seen, &input.member_id).await?;
        let decides = caller.is_admin() || (caller.is_of(&input.member_id) && caller.may_write());
        if !decides {
            return Err(not_allowed("update", id));
        }
        let status = status.as_str().filter(|status| STATUSES.contains(status)).ok_or_else(|| {
            bad_request("Incorrect request: Status must be \"pending\", \"accepted\" or \"rejected\".")
        })?;
        let update = Update::default().status(status);
        let change =
            Change::new().expect(image::key(id), Condition::EXISTS).update(name.key, Condition::EXISTS, update);
        match self.context.store.apply(change).await {
            Ok(applied) => changed(id, &applied),
            Err(error) => Err(refused(error, id, &input.member_id)),
        }
    }

    /// Stops sharing an image with a project.
    pub(super) async fn delete_member(&self, caller: &Caller, input: &DeleteImageMember) -> Result<(), Problem> {
        let seen = self.image_of_members(caller, &input.image_id).await?;
        let id = seen.image.id;
        if !seen.image.is_shared() || !seen.is_writable() {
            return Err(not_allowed("delete", id));
        }
        let change = Change::new().delete(member_key(id, &input.member_id), Condition::EXISTS);
        match self.context.store.apply(change).await {
            Ok(_) => Ok(()),
            Err(error) => Err(refused(error, id, &input.member_id)),
        }
    }

    /// The image, in the words that these operations have for one that is not there.
    async fn image_of_members(&self, caller: &Caller, image_id: &str) -> Result<Seen, Problem> {
        let seen = self.look_up_visible(caller, image_id).await?;
        Ok(seen.ok_or_else(|| no_image(image_id))?)
    }

    async fn member_names(&self, image: Uuid) -> Result<Vec<Name>, Problem> {
        // Twice the limit: parallel requests may have passed it.
        let query = ListQuery::new(DIALECT, member_scope(image), 2 * MOST_MEMBERS);
        self.context.store.list(query).await.map_err(problem::of_records)
    }

    /// A membership that the caller may see.
    async fn membership(&self, caller: &Caller, seen: &Seen, project: &str) -> Result<Name, Problem> {
        let id = seen.image.id;
        if !sees_membership(caller, seen, project) {
            return Err(no_member(id, project).into());
        }
        let name = self.context.store.get(&member_key(id, project)).await.map_err(problem::of_records)?;
        Ok(name.ok_or_else(|| no_member(id, project))?)
    }
}

const ONLY_SHARED: &str = "Only shared images have members.";

/// The owner sees every membership, a member its own.
fn sees_membership(caller: &Caller, seen: &Seen, project: &str) -> bool {
    seen.standing.owns() || caller.is_of(project)
}

/// Why a change of members was refused: image or membership may have gone meanwhile.
fn refused(error: ChangeError, image: Uuid, project: &str) -> Problem {
    match error {
        ChangeError::Refused { refusal: Refusal::Missing(NameKey { scope, .. }), .. } => {
            if scope == member_scope(image) { no_member(image, project) } else { no_image(&image.to_string()) }.into()
        }
        ChangeError::Fault(fault) => problem::of_records(fault),
        refused @ ChangeError::Refused { .. } => refused.into(),
    }
}

/// The membership that a change left behind.
fn changed(image: Uuid, applied: &Applied) -> Result<ImageMember, Problem> {
    Ok(model(image, applied.name().ok_or(NothingCreated)?)?)
}

fn model(image: Uuid, name: &Name) -> Result<ImageMember, serde_json::Error> {
    let Attributes { member_id } = Attributes::deserialize(&name.attributes)?;
    Ok(ImageMember {
        member_id,
        image_id: image,
        status: MemberStatus::from(name.status.as_str()),
        created_at: seconds(name.created),
        updated_at: seconds(name.modified),
        schema: "/v2/schemas/member".to_owned(),
    })
}

/// The project that a body names.
fn new_member(body: &[u8]) -> Result<String, Fault> {
    let Document::Object(members) = document(body)? else {
        return Err(bad_request("Expected a member in the form: {\"member\": \"image_id\"}"));
    };
    match members.get("member") {
        None => Err(bad_request("Member to be added not specified")),
        Some(Value::String(text)) if text.is_empty() => Err(bad_request("Member can't be empty")),
        Some(Value::String(text)) if text.chars().count() <= LONGEST_ID => Ok(text.clone()),
        Some(_) => Err(bad_request("Member must be the id of a project: text of at most 255 characters")),
    }
}

/// The status that a body names, of whatever type: only who may decide is told that it is wrong.
fn new_status(body: &[u8]) -> Result<Value, Fault> {
    let Document::Object(mut members) = document(body)? else {
        return Err(bad_request("Expected a status in the form: {\"status\": \"status\"}"));
    };
    members.swap_remove("status").ok_or_else(|| bad_request("Status not specified"))
}

fn no_image(image_id: &str) -> Fault {
    Fault::new(ErrorStatus::NOT_FOUND, format!("Image {} not found.", shown(image_id)))
}

fn no_member(image: Uuid, project: &str) -> Fault {
    Fault::new(ErrorStatus::NOT_FOUND, no_member_of(project, &image.to_string()))
}

/// The words for a member that an image does not have.
pub(super) fn no_member_of(project: &str, image: &str) -> String {
    format!("{} not found in the member list of the image {}.", shown(project), shown(image))
}

fn not_allowed(action: &str, image: Uuid) -> Problem {
    Problem::new(ErrorStatus::FORBIDDEN, format!("Not allowed to {action} members for image {image}."))
}
