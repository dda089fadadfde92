//! What a list is asked for, taken apart parameter by parameter, so that every mistake gets its detail (D-150, D-152, D-153).

use http::StatusCode;
use pentaprism_core::Scalar as _;
use pentaprism_core::dialects::saved_views::get_all_saved_views::GetAllSavedViews;
use pentaprism_core::dialects::saved_views::models::{ErrorCode, ErrorDetail, SavedViewLink, SavedViewListLinks};
use uuid::Uuid;

use super::answer::{Answer, in_parameter, in_parameters};

/// What every refusal of a list begins with.
const MESSAGE: &str = "Cannot retrieve saved view.";

/// The views of a page without `$top`.
const USUAL: usize = 100;

/// The most views of a page.
const MOST: usize = 1000;

const ITWIN: &str = "iTwinId";
const PROJECT: &str = "projectId";
const IMODEL: &str = "iModelId";
const TOP: &str = "$top";
const SKIP: &str = "$skip";

/// Which page of which list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    /// Only views of this iTwin and its iModels.
    pub(super) itwin: Option<Uuid>,
    /// Only views of this iModel.
    pub(super) imodel: Option<Uuid>,
    /// The most views that the page may have; one at least.
    pub(super) top: usize,
    /// How many views come before it.
    pub(super) skip: usize,
}

impl Page {
    /// Reads what is asked for.
    pub(super) fn read(input: &GetAllSavedViews) -> Result<Self, Answer> {
        let mut mistakes = Vec::new();
        if [&input.itwin_id, &input.project_id, &input.imodel_id, &input.group_id].into_iter().all(Option::is_none) {
            mistakes.push(in_parameters("At least one of iTwinId, iModelId and groupId must be given."));
        }
        let (itwin, called) = match &input.itwin_id {
            None => (input.project_id.as_deref(), PROJECT),
            itwin => (itwin.as_deref(), ITWIN),
        };
        let itwin = taken(&mut mistakes, itwin, called, uuid);
        let imodel = taken(&mut mistakes, input.imodel_id.as_deref(), IMODEL, uuid);
        let top = taken(&mut mistakes, input.top.as_deref(), TOP, number);
        if top == Some(0) {
            mistakes.push(in_parameter("$top must be at least 1.", TOP));
        }
        let skip = taken(&mut mistakes, input.skip.as_deref(), SKIP, number);
        if !mistakes.is_empty() {
            return Err(Answer::unprocessable(MESSAGE, mistakes));
        }
        if input.group_id.is_some() {
            return Err(group_not_found());
        }
        Ok(Self { itwin, imodel, top: top.unwrap_or(USUAL).min(MOST), skip: skip.unwrap_or_default() })
    }

    /// The links of the page, when it has so many views and there are more behind it or not.
    pub(super) fn links(&self, base_url: &str, views: usize, more: bool) -> SavedViewListLinks {
        let at = |skip| self.link(base_url, skip);
        SavedViewListLinks {
            self_: at(self.skip),
            prev: (self.skip > 0).then(|| at(self.skip.saturating_sub(self.top))),
            next: more.then(|| at(self.skip.saturating_add(views))),
        }
    }

    fn link(&self, base_url: &str, skip: usize) -> SavedViewLink {
        let filters = [(ITWIN, self.itwin), (IMODEL, self.imodel)].into_iter();
        let filters = filters.filter_map(|(name, id)| Some(format!("{name}={}&", id?))).collect::<String>();
        let skip = if skip == 0 { String::new() } else { format!("&{SKIP}={skip}") };
        SavedViewLink { href: format!("{base_url}/savedviews?{filters}{TOP}={}{skip}", self.top) }
    }
}

/// A parameter that is no text at all.
pub(super) fn unreadable(parameter: &str) -> Answer {
    let numeric = [TOP, SKIP].contains(&parameter);
    if parameter == "groupId" {
        return group_not_found();
    }
    Answer::unprocessable(MESSAGE, vec![mistake(parameter, if numeric { "a number" } else { "a UUID" })])
}

/// There are no groups, so that each is an unknown one.
fn group_not_found() -> Answer {
    Answer::new(StatusCode::NOT_FOUND, ErrorCode::GroupNotFound, "Requested group is not available.")
}

fn mistake(parameter: &str, expected: &str) -> ErrorDetail {
    // Either name stands for the same thing.
    let called = if parameter == PROJECT { ITWIN } else { parameter };
    in_parameter(&format!("{called} must be {expected}."), parameter)
}

/// The value of a parameter, or the note that it is none.
fn taken<T>(
    mistakes: &mut Vec<ErrorDetail>,
    text: Option<&str>,
    parameter: &str,
    read: fn(&str) -> Result<T, &'static str>,
) -> Option<T> {
    match text.map(read)? {
        Ok(value) => Some(value),
        Err(expected) => {
            mistakes.push(mistake(parameter, expected));
            None
        }
    }
}

fn uuid(text: &str) -> Result<Uuid, &'static str> {
    Uuid::from_text(text).map_err(|_| "a UUID")
}

/// A whole number, however large: no list is as long as what does not fit.
fn number(text: &str) -> Result<usize, &'static str> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("a number");
    }
    Ok(text.parse().unwrap_or(usize::MAX))
}

#[cfg(test)]
#[path = "tests/list_query.rs"]
mod tests;
