//! The body of a creation, taken apart member by member, so that every mistake gets its detail (D-099, D-106, D-107).

use http::StatusCode;
use pentaprism_core::Scalar;
use pentaprism_core::dialects::saved_views::models::{ErrorCode, ErrorDetail, ExtensionCreate, SavedViewData};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::answer::{Answer, in_body, no_object};
use super::view::Attributes;

/// What every refusal of a body begins with.
const MESSAGE: &str = "Cannot create saved view.";

/// The characters that no name may have (D-107).
const FORBIDDEN: [char; 6] = ['<', '>', '&', '"', '\'', '.'];

/// The most objects and arrays that a view may have (D-100). Read, even an object of one member takes 660 bytes; the other
/// values take no more than a few times their length.
const MOST_NESTED: usize = 8192;

/// The members that count, each as it stood in the body.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members<'b> {
    #[serde(borrow, rename = "iTwinId")]
    itwin_id: Option<&'b RawValue>,
    #[serde(borrow)]
    project_id: Option<&'b RawValue>,
    #[serde(borrow, rename = "iModelId")]
    imodel_id: Option<&'b RawValue>,
    #[serde(borrow)]
    saved_view_data: Option<&'b RawValue>,
    #[serde(borrow)]
    display_name: Option<&'b RawValue>,
    #[serde(borrow)]
    group_id: Option<&'b RawValue>,
    #[serde(borrow)]
    shared: Option<&'b RawValue>,
    #[serde(borrow)]
    tag_ids: Option<&'b RawValue>,
    #[serde(borrow)]
    extensions: Option<&'b RawValue>,
}

/// Reads what is to be created.
pub(super) fn read(body: &[u8]) -> Result<Attributes, Answer> {
    // Lists would be taken for the members in their order.
    let members = if body.trim_ascii_start().first() == Some(&b'{') { serde_json::from_slice(body).ok() } else { None };
    let members: Members<'_> = members.ok_or_else(|| Answer::unprocessable(MESSAGE, vec![no_object()]))?;
    let mut mistakes = Mistakes::default();
    let itwin = mistakes.of(itwin(&members), "iTwinId", "iTwinId must be a UUID.");
    let imodel = mistakes.of(optional(members.imodel_id, uuid), "iModelId", "iModelId must be a UUID.");
    let data = mistakes.told(data(members.saved_view_data), "savedViewData");
    let display_name = mistakes.told(display_name(members.display_name), "displayName");
    let group = mistakes.of(optional(members.group_id, json::<String>), "groupId", "groupId must be a string.");
    let shared = mistakes.of(optional(members.shared, json), "shared", "shared must be a boolean.");
    let tags = optional(members.tag_ids, json::<Vec<String>>);
    let tags = mistakes.of(tags, "tagIds", "tagIds must be an array of strings.");
    let extensions = optional(members.extensions, extensions);
    let text = "extensions must be an array of objects with extensionName and data.";
    let extensions = mistakes.of(extensions, "extensions", text);
    if !mistakes.0.is_empty() {
        return Err(Answer::unprocessable(MESSAGE, mistakes.0));
    }
    refuse_unknown(group.is_some(), tags.is_some_and(|tags| !tags.is_empty()))?;
    let (shared, extensions) = (shared.unwrap_or_default(), extensions.unwrap_or_default());
    Ok(Attributes { itwin, imodel, display_name, shared, data, extensions, links: None })
}

/// There are no groups and no tags, so that each is an unknown one.
fn refuse_unknown(group: bool, tags: bool) -> Result<(), Answer> {
    let missing = |code, text: &str| Err(Answer::new(StatusCode::NOT_FOUND, code, text));
    match (group, tags) {
        (true, _) => missing(ErrorCode::GroupNotFound, "Requested group is not available."),
        (false, true) => missing(ErrorCode::TagNotFound, "Requested tag is not available."),
        (false, false) => Ok(()),
    }
}

/// The mistakes so far, in the order of the schema.
#[derive(Default)]
struct Mistakes(Vec<ErrorDetail>);

impl Mistakes {
    /// The member, or the note that it is not as it must be and a value of no importance.
    fn of<T: Default>(&mut self, found: Result<T, Wrong>, member: &str, text: &str) -> T {
        self.told(found.map_err(|Wrong| text), member)
    }

    /// The same with a note that is known already.
    fn told<T: Default>(&mut self, found: Result<T, &str>, member: &str) -> T {
        found.unwrap_or_else(|text| {
            self.0.push(in_body(text, Some(member)));
            T::default()
        })
    }
}

/// A member is not as it must be.
struct Wrong;

/// A member that may be absent.
fn optional<'b, T>(
    member: Option<&'b RawValue>,
    read: impl Fn(&'b RawValue) -> Result<T, Wrong>,
) -> Result<Option<T>, Wrong> {
    member.map(read).transpose()
}

fn json<'b, T: Deserialize<'b>>(member: &'b RawValue) -> Result<T, Wrong> {
    serde_json::from_str(member.get()).map_err(|_| Wrong)
}

fn uuid(member: &RawValue) -> Result<Uuid, Wrong> {
    Uuid::from_text(&json::<String>(member)?).map_err(|_| Wrong)
}

fn itwin(members: &Members<'_>) -> Result<Uuid, Wrong> {
    uuid(members.itwin_id.or(members.project_id).ok_or(Wrong)?)
}

fn is_object(member: &RawValue) -> bool {
    member.get().starts_with('{')
}

/// The view's data as it came. It is read once as it will be shown, since what cannot be shown must not be kept.
fn data(member: Option<&RawValue>) -> Result<String, &'static str> {
    let member = member.filter(|member| is_object(member)).ok_or("savedViewData must be an object.")?;
    if nested(member.get()) > MOST_NESTED {
        return Err("savedViewData must have at most 8192 objects and arrays.");
    }
    let one = json::<SavedViewData>(member).is_ok_and(|data| {
        let views = [&data.itwin3d_view, &data.itwin_sheet_view, &data.itwin_drawing_view];
        let others = [&data.legacy_view, &data.app_data];
        match views.into_iter().flatten().count() {
            0 => others.into_iter().flatten().count() == 1,
            views => views == 1,
        }
    });
    if one { Ok(member.get().to_owned()) } else { Err("savedViewData must have exactly one view.") }
}

/// How many objects and arrays a JSON text has. It is known to be JSON, so that a backslash stands in strings only.
fn nested(json: &str) -> usize {
    let (mut count, mut in_string, mut escaped) = (0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => count += 1,
            _ => {}
        }
    }
    count
}

fn display_name(member: Option<&RawValue>) -> Result<String, &'static str> {
    let name = member.and_then(|member| json::<String>(member).ok()).ok_or("displayName must be a string.")?;
    if name.is_empty() {
        Err("displayName must not be empty.")
    } else if name.contains(FORBIDDEN) {
        Err("displayName must not have any of the characters < > & \" ' .")
    } else {
        Ok(name)
    }
}

fn extensions(member: &RawValue) -> Result<Vec<ExtensionCreate>, Wrong> {
    let members: Vec<&RawValue> = json(member)?;
    members.into_iter().map(extension).collect()
}

fn extension(member: &RawValue) -> Result<ExtensionCreate, Wrong> {
    let extension: ExtensionCreate = if is_object(member) { json(member)? } else { return Err(Wrong) };
    if extension.extension_name.is_empty() { Err(Wrong) } else { Ok(extension) }
}

#[cfg(test)]
#[path = "tests/new_view.rs"]
mod tests;
