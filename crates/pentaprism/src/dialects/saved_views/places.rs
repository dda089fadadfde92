//! Where views stand in a list: found by one walk through all views, in which no more is held than a page needs.

use std::collections::BTreeSet;

use pentaprism_core::dialects::saved_views::DIALECT;
use pentaprism_store::{ListQuery, Name};

use super::SavedViews;
use super::caller::{Caller, Standing};
use super::list_query::Page;
use super::problem::Problem;
use super::view::{VIEWS, View};

/// How many views are read at a time, each with all that is in it.
const BATCH: usize = 16;

/// How many bytes the names and ids may have that are held at a time.
const MOST_BYTES: usize = 4 << 20;

/// Where a view stands: by its name, among those of one name by its id (D-152).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The name for people.
    pub(super) display_name: String,
    /// The id.
    pub(super) id: String,
}

impl Place {
    fn bytes(&self) -> usize {
        self.display_name.len() + self.id.len() + size_of::<Self>()
    }
}

/// The first places behind one of them, as many as fit.
#[derive(Debug)]
struct Stretch {
    /// Behind which place it begins.
    behind: Option<Place>,
    /// The most places.
    most: usize,
    /// The most bytes; one place may have more.
    most_bytes: usize,
    held: BTreeSet<Place>,
    bytes: usize,
    /// The first place that did not fit: what stands behind it does not either.
    end: Option<Place>,
}

impl Stretch {
    fn new(behind: Option<Place>, most: usize, most_bytes: usize) -> Self {
        Self { behind, most, most_bytes, held: BTreeSet::new(), bytes: 0, end: None }
    }

    fn add(&mut self, place: Place) {
        let before = self.behind.as_ref().is_some_and(|behind| place <= *behind);
        let after = self.end.as_ref().is_some_and(|end| place >= *end);
        if before || after {
            return;
        }
        self.bytes += place.bytes();
        self.held.insert(place);
        while self.held.len() > self.most || self.bytes > self.most_bytes && self.held.len() > 1 {
            let Some(last) = self.held.pop_last() else { break };
            self.bytes -= last.bytes();
            self.end = Some(last);
        }
    }
}

impl SavedViews {
    /// The places of a page, and whether the list goes on behind them.
    pub(super) async fn places(&self, caller: Caller, page: &Page) -> Result<(Vec<Place>, bool), Problem> {
        let (mut skip, mut behind) = (page.skip, None);
        loop {
            let mut stretch = Stretch::new(behind, skip.saturating_add(page.top), MOST_BYTES);
            self.walk(caller, page, |place| stretch.add(place)).await?;
            let more = stretch.end.is_some();
            if !more || stretch.held.len() > skip {
                return Ok((stretch.held.into_iter().skip(skip).collect(), more));
            }
            // The names are long, and the page is not among those that fit.
            skip -= stretch.held.len();
            behind = stretch.held.pop_last();
        }
    }

    /// Looks at every view that belongs to the list.
    async fn walk(&self, caller: Caller, page: &Page, mut see: impl FnMut(Place)) -> Result<(), Problem> {
        let mut after = None;
        loop {
            let query = ListQuery { after, ..ListQuery::new(DIALECT, VIEWS, BATCH) };
            let names = self.context.store.list(query).await?;
            let ended = names.len() < BATCH;
            after = names.last().map(|name| name.key.key.clone());
            for name in names {
                if let Some(place) = place(caller, page, name)? {
                    see(place);
                }
            }
            if ended {
                return Ok(());
            }
        }
    }
}

/// The place of a view, when the list has it (D-150, D-151).
fn place(caller: Caller, page: &Page, name: Name) -> Result<Option<Place>, Problem> {
    let View { name, attributes } = View::read(name).map_err(Problem::internal)?;
    let meant = page.itwin.is_none_or(|itwin| attributes.itwin == itwin)
        && page.imodel.is_none_or(|imodel| attributes.imodel == Some(imodel));
    let seen = caller.standing(name.owner.as_deref(), attributes.shared) > Standing::Stranger;
    let place = || Place { display_name: attributes.display_name, id: name.key.key };
    Ok((meant && seen).then(place))
}

#[cfg(test)]
#[path = "tests/places.rs"]
mod tests;
