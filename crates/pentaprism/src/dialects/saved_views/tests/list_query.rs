//! Tests of the parameters of a list, and of the links of its pages.

use super::*;

const ITWIN_ID: &str = "c6b0bf8d-033d-4291-9931-9b20f2135111";
const IMODEL_ID: &str = "b2db2e65-24a5-4958-abf5-91a60b94e8a5";

fn of_itwin() -> GetAllSavedViews {
    GetAllSavedViews { itwin_id: Some(ITWIN_ID.to_owned()), ..GetAllSavedViews::default() }
}

#[expect(clippy::unnecessary_wraps, reason = "parameters of a list are optional")]
fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// The details of a refusal, each with its target.
fn refused(input: &GetAllSavedViews) -> Vec<(String, Option<String>)> {
    let answer = Page::read(input).expect_err("something is wrong");
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let details = answer.into_body().error.details.expect("a list of mistakes");
    details.into_iter().map(|detail| (detail.message.expect("a text"), detail.target)).collect()
}

#[test]
fn a_page_has_its_usual_and_its_greatest_length() {
    let read = |top: &str| Page::read(&GetAllSavedViews { top: text(top), ..of_itwin() }).expect("a page").top;
    assert_eq!(Page::read(&of_itwin()).expect("a page").top, 100);
    assert_eq!([read("1"), read("0020"), read("1000"), read("1001")], [1, 20, 1000, 1000]);
    assert_eq!(read("99999999999999999999999999"), 1000);
}

#[test]
fn what_is_no_whole_number_is_refused() {
    for wrong in ["ten", "-1", "+1", "1.5", "1e3", " 1", "０"] {
        let input = GetAllSavedViews { top: text(wrong), skip: text(wrong), ..of_itwin() };
        let expected = [("$top must be a number.", "$top"), ("$skip must be a number.", "$skip")];
        assert_eq!(refused(&input), expected.map(|(message, target)| (message.to_owned(), text(target))), "{wrong}");
    }
    let none = GetAllSavedViews { top: text("0"), ..of_itwin() };
    assert_eq!(refused(&none), [("$top must be at least 1.".to_owned(), text("$top"))]);
}

#[test]
fn a_list_is_of_something() {
    let alone = "At least one of iTwinId, iModelId and groupId must be given.".to_owned();
    let numbers = GetAllSavedViews { top: text("x"), ..GetAllSavedViews::default() };
    assert_eq!(refused(&GetAllSavedViews::default()), [(alone.clone(), None)]);
    assert_eq!(refused(&numbers), [(alone, None), ("$top must be a number.".to_owned(), text("$top"))]);
}

#[test]
fn the_older_name_of_the_itwin_stands_in_for_it() {
    let both = GetAllSavedViews { project_id: text("stadium"), ..of_itwin() };
    assert_eq!(Page::read(&both).expect("a page").itwin, Uuid::from_text(ITWIN_ID).ok());
    let older = GetAllSavedViews { project_id: text(ITWIN_ID), ..GetAllSavedViews::default() };
    assert_eq!(Page::read(&older).expect("a page").itwin, Uuid::from_text(ITWIN_ID).ok());
    let wrong =
        GetAllSavedViews { project_id: text("stadium"), imodel_id: text("roof"), ..GetAllSavedViews::default() };
    let expected = [("iTwinId must be a UUID.", "projectId"), ("iModelId must be a UUID.", "iModelId")];
    assert_eq!(refused(&wrong), expected.map(|(message, target)| (message.to_owned(), text(target))));
}

#[test]
fn mistakes_come_before_unknown_groups() {
    let group = GetAllSavedViews { group_id: text("g"), ..GetAllSavedViews::default() };
    assert_eq!(Page::read(&group).expect_err("no group").status, StatusCode::NOT_FOUND);
    assert_eq!(refused(&GetAllSavedViews { top: text(""), ..group }).len(), 1);
}

#[test]
fn pages_lead_to_their_neighbours() {
    let input = GetAllSavedViews { imodel_id: text(IMODEL_ID), top: text("10"), ..of_itwin() };
    let first = Page::read(&input).expect("a page");
    let url = |skip: &str| format!("https://h/savedviews?iTwinId={ITWIN_ID}&iModelId={IMODEL_ID}&$top=10{skip}");
    let links = first.links("https://h", 10, true);
    assert_eq!((links.self_.href, links.prev), (url(""), None));
    assert_eq!(links.next.expect("more").href, url("&$skip=10"));

    let short = Page { skip: 4, ..first }.links("https://h", 3, true);
    assert_eq!((short.self_.href, short.prev.expect("a page").href), (url("&$skip=4"), url("")));
    assert_eq!(short.next.expect("more").href, url("&$skip=7"));

    let last = Page { skip: 25, ..first }.links("https://h", 2, false);
    assert_eq!((last.prev.expect("a page").href, last.next), (url("&$skip=15"), None));
}

#[test]
fn what_is_no_text_is_refused_like_what_is_wrong() {
    let message =
        |parameter| unreadable(parameter).into_body().error.details.and_then(|mut details| details.remove(0).message);
    assert_eq!(message("$top").as_deref(), Some("$top must be a number."));
    assert_eq!(message("projectId").as_deref(), Some("iTwinId must be a UUID."));
    assert_eq!(unreadable("groupId").status, StatusCode::NOT_FOUND);
}
