//! `GET /savedviews`: a page of the views that the caller sees (D-150 to D-154).
//!
//! The store finds the ids of a page, and then one view after the other is read: the data of a view may have a quarter of a
//! megabyte, and is not shown here.

use http::request::Parts;
use pentaprism_core::dialects::saved_views::DIALECT;
use pentaprism_core::dialects::saved_views::get_all_saved_views::GetAllSavedViews;
use pentaprism_core::dialects::saved_views::models::{SavedView, SavedViewListResponse};
use pentaprism_store::search::{Direction, Field, Filter, Reach, Search, Value};
use uuid::Uuid;

use super::SavedViews;
use super::caller::{Caller, Standing};
use super::list_query::Page;
use super::problem::Problem;
use super::view::{self, DISPLAY_NAME, IMODEL, ITWIN, SHARED, VIEWS, View};
use super::views::prefers_representation;
use crate::site::base_url;

/// How many bytes the names and extensions of a page may have. The view that exceeds it is left to the next page.
const MOST_BYTES: usize = 1 << 20;

impl SavedViews {
    /// Shows a page of views.
    pub(super) async fn list(
        &self,
        caller: Caller,
        head: &Parts,
        input: &GetAllSavedViews,
    ) -> Result<SavedViewListResponse, Problem> {
        let page = Page::read(input)?;
        self.documents.show(head).await?;
        // One more than the page has tells whether the list goes on.
        let mut ids = self.context.store.search_keys(search(caller, &page)).await?;
        let mut more = ids.len() > page.top;
        ids.truncate(page.top);
        let base_url = base_url(head, &self.context.settings);
        let in_full = prefers_representation(input.prefer.as_deref());
        let (mut saved_views, mut bytes) = (Vec::new(), 0);
        for id in ids {
            let Some(view) = self.still_seen(caller, &id).await? else { continue };
            let shown = view.outline(&base_url, in_full);
            bytes += weight(&shown);
            if bytes > MOST_BYTES && !saved_views.is_empty() {
                more = true;
                break;
            }
            saved_views.push(shown);
        }
        let links = page.links(&base_url, saved_views.len(), more);
        Ok(SavedViewListResponse { saved_views, links })
    }

    /// A view that was found a moment ago, unless it was deleted meanwhile.
    async fn still_seen(&self, caller: Caller, id: &str) -> Result<Option<View>, Problem> {
        let Some(name) = self.context.store.get(&view::key(id)).await? else { return Ok(None) };
        let view = View::read(name).map_err(Problem::internal)?;
        let standing = caller.standing(view.name.owner.as_deref(), view.attributes.shared);
        Ok((standing > Standing::Stranger).then_some(view))
    }
}

/// The views of a page and the one behind it: what the caller sees, in the order of their names (D-150 to D-152).
fn search(caller: Caller, page: &Page) -> Search {
    let is = |attribute, id: Uuid| Filter::Is(Field::Attribute(attribute), vec![Value::Text(id.to_string())]);
    let filters = [page.itwin.map(|itwin| is(ITWIN, itwin)), page.imodel.map(|imodel| is(IMODEL, imodel))];
    Search {
        reach: Some(vec![Reach::Owner(caller.user.to_string()), Reach::Flag(SHARED)]),
        filters: filters.into_iter().flatten().collect(),
        order: vec![(Field::Attribute(DISPLAY_NAME), Direction::Ascending)],
        skip: page.skip,
        ..Search::new(DIALECT, VIEWS, page.top + 1)
    }
}

/// How many bytes of text a view shows that have no bound of their own.
fn weight(view: &SavedView) -> usize {
    let extensions = view.extensions.iter().flatten().map(|extension| {
        let texts = [&extension.href, &extension.markdown_url, &extension.schema_url, &extension.data];
        texts.into_iter().flatten().map(String::len).sum::<usize>() + extension.extension_name.len()
    });
    extensions.sum::<usize>() + view.display_name.len()
}
