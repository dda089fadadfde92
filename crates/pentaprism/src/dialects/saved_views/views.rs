//! Making, showing and deleting saved views.

use http::request::Parts;
use pentaprism_core::dialects::saved_views::create_saved_view::CreateSavedView;
use pentaprism_core::dialects::saved_views::get_saved_view::GetSavedView;
use pentaprism_core::dialects::saved_views::models::SavedViewResponse;
use pentaprism_store::Change;

use crate::site::base_url;

use super::answer::{forbidden, view_not_found};
use super::caller::{Caller, Standing};
use super::problem::Problem;
use super::view::{self, View};
use super::view_id::ViewId;
use super::{SavedViews, changes, documents, new_view};
use crate::notes;

impl SavedViews {
    /// The view, when the caller sees it.
    pub(super) async fn look_up(&self, caller: Caller, id: &str) -> Result<(View, Standing), Problem> {
        let name = self.context.store.get(&view::key(id)).await?.ok_or_else(view_not_found)?;
        let view = View::read(name).map_err(Problem::internal)?;
        match caller.standing(view.name.owner.as_deref(), view.attributes.shared) {
            Standing::Stranger => {
                notes::refused("the saved view is another user's and not shared");
                Err(view_not_found().into())
            }
            standing => Ok((view, standing)),
        }
    }

    /// The view, when the caller may change it.
    pub(super) async fn look_up_to_change(&self, caller: Caller, id: &str) -> Result<View, Problem> {
        let (view, standing) = self.look_up(caller, id).await?;
        if standing == Standing::Editor {
            return Ok(view);
        }
        notes::refused("the saved view is another user's, and the principal may not change shared views of others");
        Err(forbidden().into())
    }

    /// Makes a view.
    pub(super) async fn create(
        &self,
        caller: Caller,
        head: &Parts,
        input: &CreateSavedView,
    ) -> Result<SavedViewResponse, Problem> {
        self.documents.make(head).await?;
        let attributes = {
            let _taken_apart = self.documents.take_apart(input.body.len()).await?;
            new_view::read(&input.body)?
        };
        let id = ViewId { view: self.context.ids.next(), itwin: attributes.itwin, imodel: attributes.imodel };
        let change = Change::new().create(attributes.new_name(&id.encode(), caller.user));
        let applied = self.context.store.apply(change).await?;
        let name = applied.name().ok_or_else(|| Problem::internal(NothingCreated))?;
        let view = View::read(name.clone()).map_err(Problem::internal)?;
        self.respond(view, head, input.prefer.as_deref()).await
    }

    /// Shows a view.
    pub(super) async fn show(
        &self,
        caller: Caller,
        head: &Parts,
        input: &GetSavedView,
    ) -> Result<SavedViewResponse, Problem> {
        self.documents.show(head).await?;
        let (view, _) = self.look_up(caller, &input.saved_view_id).await?;
        self.respond(view, head, input.prefer.as_deref()).await
    }

    /// Deletes a view with its picture and links. Its id never comes back.
    pub(super) async fn delete(&self, caller: Caller, id: &str) -> Result<(), Problem> {
        let _turn = self.turns.wait(id).await?;
        changes::anew(|| self.remove(caller, id)).await
    }

    async fn remove(&self, caller: Caller, id: &str) -> Result<(), Problem> {
        let view = self.look_up_to_change(caller, id).await?;
        self.context.store.apply(changes::deletion(&view)).await?;
        Ok(())
    }

    async fn respond(&self, view: View, head: &Parts, prefer: Option<&str>) -> Result<SavedViewResponse, Problem> {
        documents::hold(head, self.documents.take_apart(view.attributes.data.len()).await?);
        let saved_view = view
            .show(&base_url(head, &self.context.settings), prefers_representation(prefer))
            .map_err(Problem::internal)?;
        Ok(SavedViewResponse { saved_view })
    }
}

/// The store broke its word.
#[derive(Debug, thiserror::Error)]
#[error("the store created a name without telling which")]
struct NothingCreated;

/// Whether extensions are wanted in full (D-108).
pub(super) fn prefers_representation(prefer: Option<&str>) -> bool {
    let mut wishes = prefer.unwrap_or_default().split(',').filter_map(|wish| wish.split(';').next());
    wishes.any(|wish| wish.trim().eq_ignore_ascii_case("return=representation"))
}
