//! `GET /v2/images`: the images that the caller sees, filtered, ordered and page by page (D-140 to D-146).
//!
//! Whom a list shows what is decided here, in the ways in which the store may reach an image; what the query asks for is read
//! in `list_query`. An image counts only when both agree.

use pentaprism_core::dialects::glance::list_images::ListImages;
use pentaprism_core::dialects::glance::models::Images;
use pentaprism_core::{InvalidInput, Operation};
use pentaprism_store::Name;
use pentaprism_store::search::{Companion, Field, Filter, Reach, Search};
use uuid::Uuid;

use super::Glance;
use super::caller::{Caller, project_forms};
use super::image::{self, Record};
use super::list_query::{MemberStatus, Query};
use super::problem::{self, Problem};
use super::show::no_image;
use super::validation::bad_request;
use super::visibility::{MEMBERS, Standing};

/// The attribute that says who sees an image.
const VISIBILITY: &str = "visibility";

impl Glance {
    /// One page of images.
    pub(super) async fn list(&self, caller: &Caller, input: &ListImages) -> Result<Images, Problem> {
        let query = Query::read(input)?;
        if let Some(marker) = &query.marker
            && self.look_up_visible(caller, marker).await?.is_none()
        {
            return Err(bad_request(no_image(marker)).into());
        }
        let limit = query.limit;
        let names = match limit {
            0 => Vec::new(),
            _ => self.context.store.search(search(caller, query)).await.map_err(problem::of_records)?,
        };
        let is_full = limit > 0 && names.len() == limit;
        let last = names.last().filter(|_| is_full).map(|name| name.key.key.clone());
        let records = names.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        // The store was asked for nothing else. Should the question ever be wrong, an image of others still stays hidden.
        let visible = records.iter().filter(|record| Standing::of(caller, record, true).sees());
        Ok(Images {
            images: visible.map(Record::to_model).collect(),
            first: page(input, None)?,
            next: last.map(|last| page(input, Some(last))).transpose()?,
            schema: "/v2/schemas/images".to_owned(),
        })
    }
}

fn read(name: Name) -> Result<Record, Problem> {
    let id = Uuid::try_parse(&name.key.key)?;
    Ok(Record::read(id, name)?)
}

/// Path and query of a page of the same list.
fn page(input: &ListImages, marker: Option<String>) -> Result<String, Problem> {
    let filters = input.filters.iter().filter(|(name, _)| name != "marker").cloned().collect();
    match (ListImages { marker, filters, ..input.clone() }).to_request() {
        Ok(request) => Ok(request.uri().to_string()),
        Err(InvalidInput::Uri(_)) => {
            Err(bad_request("The query is too long for a link to the next page. Ask for less.").into())
        }
        Err(other) => Err(other.into()),
    }
}

/// What the store is asked.
fn search(caller: &Caller, query: Query) -> Search {
    let reach = if caller.is_admin() { admins_reach(&query) } else { Some(reach(caller, &query)) };
    let mut search = Search { reach, order: query.order, after: query.marker, ..image::search(query.limit) };
    search.filters = query.filters;
    search.filters.extend(query.visibility.as_deref().filter(|visibility| *visibility != "all").map(of_visibility));
    search
}

fn of_visibility(visibility: &str) -> Filter {
    Filter::Is(Field::Attribute(VISIBILITY), vec![visibility.into()])
}

/// Admins see all; what a filter names is found by its index.
fn admins_reach(query: &Query) -> Option<Vec<Reach>> {
    match (&query.owner, query.visibility.as_deref()) {
        (Some(owner), _) => Some(owned_by(owner)),
        (None, None | Some("all")) => None,
        (None, Some(visibility)) => Some(vec![Reach::Attribute(VISIBILITY, visibility.to_owned())]),
    }
}

/// The project's own images, open ones as far as the query goes, and shared ones by what the project said to them.
fn reach(caller: &Caller, query: &Query) -> Vec<Reach> {
    let Some(project) = caller.project() else { return Vec::new() };
    let own = || owned_by(&project);
    if query.owner.as_deref().is_some_and(|owner| caller.is_of(owner)) {
        return own();
    }
    let open = |visibility: &str| Reach::Attribute(VISIBILITY, visibility.to_owned());
    let status = match &query.member_status {
        MemberStatus::All => None,
        MemberStatus::Only(status) => Some(status.clone()),
    };
    let companion = Companion { prefix: MEMBERS, key: project.clone(), status };
    let shared = || Reach::Companion(companion.clone(), VISIBILITY, "shared".to_owned());
    let with_own = |others: Vec<Reach>| own().into_iter().chain(others).collect();
    match query.visibility.as_deref() {
        None => with_own(vec![open("public"), shared()]),
        Some("all") => with_own(vec![open("public"), open("community"), shared()]),
        Some("shared") => with_own(vec![shared()]),
        Some("private") => own(),
        Some(public_or_community) => vec![open(public_or_community)],
    }
}

fn owned_by(project: &str) -> Vec<Reach> {
    project_forms(project).into_iter().map(Reach::Owner).collect()
}
