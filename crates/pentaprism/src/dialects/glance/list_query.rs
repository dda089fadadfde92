//! What the query of a list asks for, checked in the service's order and refused in its words (D-142 to D-146).

use pentaprism_core::Timestamp;
use pentaprism_core::dialects::glance::list_images::ListImages;
use pentaprism_store::search::{Direction, Field, Filter, Value};

use super::caller::project_forms;
use super::faults::{Fault, shown};
use super::image::{QUEUED, SAVING, USUAL_ALGORITHM};
use super::members;
use super::validation::{VISIBILITIES, bad_request};

/// How many images a page has when the query does not say.
const DEFAULT_LIMIT: usize = 25;
/// How many it has at most.
const LARGEST_LIMIT: usize = 1000;

const SORT_KEYS: [(&str, Field); 8] = [
    ("name", Field::Attribute("name")),
    ("status", Field::Status),
    ("container_format", Field::Attribute("container_format")),
    ("disk_format", Field::Attribute("disk_format")),
    ("size", Field::Size),
    ("id", Field::Key),
    ("created_at", Field::Created),
    ("updated_at", Field::Modified),
];

/// Parameters that are no filters, or not one by one.
const NO_FILTERS: [&str; 7] = ["limit", "marker", "sort", "visibility", "member_status", "os_hidden", "changes-since"];

/// Which memberships bring images into the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MemberStatus {
    /// Whatever the project said.
    All,
    /// Those of this status.
    Only(String),
}

/// A list as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    /// How many images at most.
    pub(super) limit: usize,
    /// The image to continue behind.
    pub(super) marker: Option<String>,
    /// By what the images are ordered.
    pub(super) order: Vec<(Field, Direction)>,
    /// `public`, `community`, `private`, `shared` or `all`.
    pub(super) visibility: Option<String>,
    /// Which shared images count.
    pub(super) member_status: MemberStatus,
    /// The owner; among the filters, too.
    pub(super) owner: Option<String>,
    /// Everything else.
    pub(super) filters: Vec<Filter>,
}

impl Query {
    /// Reads the parameters.
    ///
    /// # Errors
    /// The refusal, in the service's words.
    pub(super) fn read(input: &ListImages) -> Result<Self, Fault> {
        let given = |name: &str| one(input, name);
        let visibility = given("visibility").map(visibility).transpose()?;
        if given("changes-since").is_some_and(|value| !value.is_empty()) {
            return Err(bad_request("The \"changes-since\" filter is no longer available on v2."));
        }
        let member_status =
            given("member_status").map_or(Ok(MemberStatus::Only("accepted".to_owned())), member_status)?;
        let limit = given("limit").map_or(Ok(DEFAULT_LIMIT), limit)?;
        let order = order(input)?;
        let is_hidden = flag("os_hidden", &given("os_hidden").unwrap_or("false").to_lowercase())?;
        let mut filters = vec![Filter::Is(Field::Attribute("os_hidden"), vec![Value::Flag(is_hidden)])];
        for (name, value) in pairs(input).filter(|(name, _)| !NO_FILTERS.contains(name)) {
            if name == "os_hash_algo" && value == USUAL_ALGORITHM.name() {
                // That one is not kept beside its digest.
                filters.push(Filter::Present(Field::Attribute("os_hash_value")));
                filters.push(Filter::Not(Box::new(Filter::Present(Field::Attribute("os_hash_algo")))));
                continue;
            }
            filters.push(filter(name, value)?);
            // Only of a raw disk it is known (D-032), and there it is the size.
            if name == "virtual_size" {
                filters.push(Filter::Is(Field::Attribute("disk_format"), vec!["raw".into()]));
            }
        }
        filters.extend(input.tag.iter().map(|tag| Filter::Holds("tags", tag.trim().to_owned())));
        let owner = given("owner").map(str::to_owned);
        Ok(Self { limit, marker: given("marker").map(str::to_owned), order, visibility, member_status, owner, filters })
    }
}

/// Every parameter that stands once with its value, declared ones first.
fn pairs(input: &ListImages) -> impl Iterator<Item = (&str, &str)> {
    let declared = [
        ("limit", &input.limit),
        ("marker", &input.marker),
        ("sort", &input.sort),
        ("name", &input.name),
        ("id", &input.id),
        ("status", &input.status),
        ("disk_format", &input.disk_format),
        ("container_format", &input.container_format),
        ("visibility", &input.visibility),
        ("member_status", &input.member_status),
        ("owner", &input.owner),
        ("protected", &input.protected),
        ("os_hidden", &input.os_hidden),
        ("created_at", &input.created_at),
        ("updated_at", &input.updated_at),
        ("size_min", &input.size_min),
        ("size_max", &input.size_max),
    ];
    let declared = declared.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    declared.chain(input.filters.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

/// The first value of a parameter; an empty one counts only when there is no other.
fn one<'i>(input: &'i ListImages, name: &str) -> Option<&'i str> {
    pairs(input).find(|(found, _)| *found == name).map(|(_, value)| value)
}

fn visibility(value: &str) -> Result<String, Fault> {
    if VISIBILITIES.contains(&value) || value == "all" {
        return Ok(value.to_owned());
    }
    Err(bad_request(format!("Invalid visibility value: {}", shown(value))))
}

fn member_status(value: &str) -> Result<MemberStatus, Fault> {
    match value {
        "all" => Ok(MemberStatus::All),
        status if members::STATUSES.contains(&status) => Ok(MemberStatus::Only(status.to_owned())),
        other => Err(bad_request(format!("Invalid status: {}", shown(other)))),
    }
}

fn limit(value: &str) -> Result<usize, Fault> {
    match integer(value) {
        None => Err(bad_request("limit param must be an integer")),
        Some(limit) if limit < 0 => Err(bad_request("limit param must be positive")),
        Some(limit) => Ok(usize::try_from(limit).unwrap_or(LARGEST_LIMIT).min(LARGEST_LIMIT)),
    }
}

/// A whole number; what is too large or too small for ours is the largest or smallest one.
fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX }))
}

fn flag(name: &str, value: &str) -> Result<bool, Fault> {
    value.parse().map_err(|_| {
        let value = shown(value);
        bad_request(format!("Invalid value '{value}' for '{name}' filter. Valid values are 'true' or 'false'."))
    })
}

fn order(input: &ListImages) -> Result<Vec<(Field, Direction)>, Fault> {
    let (keys, directions): (Vec<_>, Vec<_>) = match one(input, "sort") {
        Some(_) if !(input.sort_key.is_empty() && input.sort_dir.is_empty()) => {
            return Err(bad_request("Old and new sorting syntax cannot be combined"));
        }
        Some(sort) => {
            let mut terms = Vec::new();
            for term in sort.trim().split(',') {
                let (key, to) = term.split_once(':').unwrap_or((term, ""));
                let key = sort_key(key)?;
                terms.push((key, if to.is_empty() { Direction::Descending } else { direction(to)? }));
            }
            terms.into_iter().unzip()
        }
        None => {
            let keys = input.sort_key.iter().map(|key| sort_key(key)).collect::<Result<Vec<_>, _>>()?;
            let directions = input.sort_dir.iter().map(|to| direction(to)).collect::<Result<Vec<_>, _>>()?;
            if directions.len() > 1 && directions.len() != keys.len() {
                return Err(bad_request("Number of sort dirs does not match the number of sort keys"));
            }
            (keys, directions)
        }
    };
    // One direction is that of all keys, also of those that make the order a complete one.
    let every = if let [only] = directions.as_slice() { *only } else { Direction::Descending };
    let directions = directions.iter().copied().chain(std::iter::repeat(every));
    let keys = if keys.is_empty() { vec![Field::Created] } else { keys };
    let mut order: Vec<(Field, Direction)> = Vec::new();
    for (key, direction) in keys.into_iter().zip(directions).chain([(Field::Created, every), (Field::Key, every)]) {
        if !order.iter().any(|(known, _)| *known == key) {
            order.push((key, direction));
        }
    }
    Ok(order)
}

fn sort_key(key: &str) -> Result<Field, Fault> {
    let key = key.trim();
    let found = SORT_KEYS.iter().find(|(name, _)| *name == key).map(|(_, field)| *field);
    found.ok_or_else(|| {
        let names: Vec<&str> = SORT_KEYS.iter().map(|(name, _)| *name).collect();
        let (key, names) = (shown(key), names.join(", "));
        bad_request(format!("Invalid sort key: {key}. It must be one of the following: {names}."))
    })
}

fn direction(text: &str) -> Result<Direction, Fault> {
    match text.trim() {
        "asc" => Ok(Direction::Ascending),
        "desc" => Ok(Direction::Descending),
        other => Err(bad_request(format!("Invalid sort direction: {}", shown(other)))),
    }
}

/// What one pair asks of an image. Whatever is no attribute is a custom property.
fn filter(name: &str, value: &str) -> Result<Filter, Fault> {
    let is = |field: Field, values: Vec<String>| Filter::Is(field, values.into_iter().map(Value::Text).collect());
    let number =
        |field: Field| integer(value).map_or_else(none, |number| Filter::Is(field, vec![Value::Number(number)]));
    Ok(match name {
        "name" => is(Field::Attribute("name"), values(value)?),
        "disk_format" => is(Field::Attribute("disk_format"), values(value)?),
        "container_format" => is(Field::Attribute("container_format"), values(value)?),
        "id" => is(Field::Key, values(value)?),
        "status" => Filter::Status(values(value)?.into_iter().map(stored_status).collect()),
        "owner" => is(Field::Owner, project_forms(value)),
        "checksum" => is(Field::Attribute("checksum"), vec![value.to_owned()]),
        "os_hash_value" => is(Field::Attribute("os_hash_value"), vec![value.to_owned()]),
        "os_hash_algo" => is(Field::Attribute("os_hash_algo"), vec![value.to_owned()]),
        "protected" => Filter::Is(Field::Attribute("protected"), vec![Value::Flag(flag(name, value)?)]),
        "min_ram" => number(Field::Attribute("min_ram")),
        "min_disk" => number(Field::Attribute("min_disk")),
        "size" | "virtual_size" => number(Field::Size),
        "size_min" => Filter::Within(Field::Size, Some(range_end(value)?), None),
        "size_max" => Filter::Within(Field::Size, None, Some(range_end(value)?.saturating_add(1))),
        "created_at" => moment(name, Field::Created, value)?,
        "updated_at" => moment(name, Field::Modified, value)?,
        property => Filter::HoldsPair("properties", property.to_owned(), value.to_owned()),
    })
}

/// What no image fulfils.
fn none() -> Filter {
    Filter::Is(Field::Key, Vec::new())
}

/// A status as the store has it: an image that is being filled is a queued one with an upload.
fn stored_status(status: String) -> (String, Option<bool>) {
    match status.as_str() {
        SAVING => (QUEUED.to_owned(), Some(true)),
        QUEUED => (status, Some(false)),
        _ => (status, None),
    }
}

fn range_end(value: &str) -> Result<i64, Fault> {
    integer(value).ok_or_else(|| bad_request("Unable to filter on a range with a non-numeric value."))
}

/// One value, or several behind `in:`. What stands before another colon belongs to the value (D-144).
fn values(text: &str) -> Result<Vec<String>, Fault> {
    match text.split_once(':') {
        Some(("in", list)) => quoted_list(list),
        Some(("eq", value)) => Ok(vec![value.to_owned()]),
        _ => Ok(vec![text.to_owned()]),
    }
}

/// Values between commas. In quotation marks a comma is an ordinary character, and so is what stands behind a backslash.
fn quoted_list(list: &str) -> Result<Vec<String>, Fault> {
    let wrong = |what: &str| bad_request(format!("Invalid filter value {}. {what}", shown(list)));
    let mut values = Vec::new();
    let mut rest = list;
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (value, behind) = quoted_value(quoted).ok_or_else(|| wrong("The quote is not closed."))?;
            values.push(value);
            rest = match behind.strip_prefix(',') {
                Some(next) => next,
                None if behind.is_empty() => behind,
                None => return Err(wrong("There is no comma after closing quotation mark.")),
            };
        } else {
            let (value, next) = rest.split_once(',').unwrap_or((rest, ""));
            if value.contains('"') {
                return Err(wrong("There is no comma before opening quotation mark."));
            }
            values.push(value.to_owned());
            rest = next;
        }
    }
    Ok(values)
}

/// The value up to the closing quotation mark, and what stands behind that.
fn quoted_value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((position, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[position + 1..])),
            '\\' => value.push(characters.next()?.1),
            character => value.push(character),
        }
    }
    None
}

/// When an image was made or changed. Images show whole seconds, and by these they are compared (D-145).
fn moment(name: &str, field: Field, value: &str) -> Result<Filter, Fault> {
    let (operator, moment) = if let Some(moment) = instant(value) {
        ("eq", moment)
    } else {
        let (operator, text) = value.split_once(':').unwrap_or(("eq", value));
        let wrong = || format!("Bad \"{name}\" query filter format. Use ISO 8601 DateTime notation.");
        (operator, instant(text).ok_or_else(|| bad_request(wrong()))?)
    };
    let second = moment.milliseconds().div_euclid(1000);
    let at_least = if moment.milliseconds().rem_euclid(1000) == 0 { second } else { second.saturating_add(1) };
    let microseconds = |second: i64| Some(second.saturating_mul(1_000_000));
    let (first, behind) = (microseconds(at_least), microseconds(second.saturating_add(1)));
    Ok(match operator {
        "gt" => Filter::Within(field, behind, None),
        "gte" => Filter::Within(field, first, None),
        "lt" => Filter::Within(field, None, first),
        "lte" => Filter::Within(field, None, behind),
        "eq" => Filter::Within(field, first, behind),
        "neq" => Filter::Not(Box::new(Filter::Within(field, first, behind))),
        _ => return Err(bad_request("Unable to filter on a unknown operator.")),
    })
}

/// A date, or a date with a time; in UTC unless it says otherwise.
fn instant(text: &str) -> Option<Timestamp> {
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    whole.parse().or_else(|_| format!("{whole}Z").parse()).ok()
}

#[cfg(test)]
#[path = "tests/list_query.rs"]
mod tests;
