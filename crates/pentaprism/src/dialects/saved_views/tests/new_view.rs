//! Tests of the body of a creation. What is answered to single mistakes is shown by the exchanges.

use serde_json::{Value, json};

use super::*;

const ITWIN: &str = "c6b0bf8d-033d-4291-9931-9b20f2135111";

fn body(change: impl FnOnce(&mut Value)) -> String {
    let mut body = json!({
        "iTwinId": ITWIN,
        "savedViewData": {"itwin3dView": {"origin": [0, 0, 0]}},
        "displayName": "x",
    });
    change(&mut body);
    body.to_string()
}

/// The members that are blamed; the code where there are none.
fn blamed(text: &str) -> Vec<String> {
    let answer = serde_json::to_value(read(text.as_bytes()).unwrap_err().into_body()).unwrap();
    match answer["error"]["details"].as_array() {
        Some(details) => details.iter().map(|detail| detail["target"].as_str().unwrap_or("-").to_owned()).collect(),
        None => vec![answer["error"]["code"].as_str().unwrap().to_owned()],
    }
}

#[test]
fn data_is_kept_as_it_came() {
    let data = r#"{ "itwin3dView" : {"b":1.10, "a":"++lst++" , "a":2} , "future":[1e400] }"#;
    let with = |data| body(|body| body["savedViewData"] = json!("data")).replace(r#""data""#, data);
    let kept = read(with(data).as_bytes()).unwrap();
    assert_eq!(kept.data, data);
    assert_eq!((kept.imodel, kept.shared, kept.extensions.len(), kept.links), (None, false, 0, None));
}

#[test]
fn a_view_has_a_bounded_number_of_objects_and_arrays() {
    for (filling, right) in [("{}", 8189), ("[{}]", 4094), (r#""{[\"{[\\""#, 20_000)] {
        for (count, taken) in [(right, true), (right + 1, right == 20_000)] {
            let data = format!(r#"{{"itwin3dView":{{"":[{}]}}}}"#, vec![filling; count].join(","));
            let text = body(|body| body["savedViewData"] = json!("data")).replace(r#""data""#, &data);
            match read(text.as_bytes()) {
                Ok(_) => assert!(taken, "{count} {filling}"),
                Err(_) => assert!(!taken && blamed(&text) == ["savedViewData"], "{count} {filling}"),
            }
        }
    }
    assert_eq!(MOST_NESTED, 8192);
}

#[test]
fn exactly_one_view_is_needed() {
    let object = || json!({});
    for (data, right) in [
        (json!({"itwin3dView": object()}), true),
        (json!({"itwinSheetView": object(), "legacyView": object(), "appData": object()}), true),
        (json!({"itwinDrawingView": object(), "itwin3dView": null}), true),
        (json!({"legacyView": object()}), true),
        (json!({"appData": object()}), true),
        (json!({"legacyView": object(), "appData": object()}), false),
        (json!({"itwin3dView": object(), "itwinDrawingView": object()}), false),
        (json!({"itwin3dView": []}), false),
        (json!({"itwin3dView": object(), "appData": "x"}), false),
        (json!({"other": object()}), false),
        (json!([]), false),
        (json!(null), false),
    ] {
        let text = body(|body| body["savedViewData"] = data.clone());
        if right {
            assert!(read(text.as_bytes()).is_ok(), "{data}");
        } else {
            assert_eq!(blamed(&text), ["savedViewData"], "{data}");
        }
    }
}

#[test]
fn what_could_not_be_shown_again_is_refused() {
    let deep = format!(r#"{{"itwin3dView":{{"a":{}{}}}}}"#, "[".repeat(200), "]".repeat(200));
    let text = body(|body| body["savedViewData"] = json!("deep")).replace(r#""deep""#, &deep);
    assert_eq!(blamed(&text), ["savedViewData"]);
    assert_eq!(blamed(&text.replace(&deep, r#"{"itwin3dView":{"a":1e400}}"#)), ["savedViewData"]);
}

#[test]
fn null_counts_as_absent_and_other_kinds_are_mistakes() {
    for member in ["iModelId", "projectId", "groupId", "shared", "tagIds", "extensions"] {
        assert!(read(body(|body| body[member] = Value::Null).as_bytes()).is_ok(), "{member}");
    }
    for (member, wrong) in [
        ("iTwinId", json!("{c6b0bf8d-033d-4291-9931-9b20f2135111}")),
        ("iTwinId", json!(7)),
        ("iModelId", json!("")),
        ("displayName", json!([])),
        ("groupId", json!(7)),
        ("shared", json!("true")),
        ("tagIds", json!([7])),
        ("tagIds", json!("a")),
        ("extensions", json!([{"extensionName": "a"}])),
        ("extensions", json!([{"extensionName": "", "data": ""}])),
        ("extensions", json!([["a", "b"]])),
        ("extensions", json!({})),
    ] {
        assert_eq!(blamed(&body(|body| body[member] = wrong.clone())), [member], "{wrong}");
    }
}

#[test]
fn all_mistakes_are_told_before_groups_and_tags_are_looked_for() {
    let group = body(|body| body["groupId"] = json!("g"));
    assert_eq!(blamed(&group), ["GroupNotFound"]);
    assert_eq!(blamed(&body(|body| body["tagIds"] = json!(["t"]))), ["TagNotFound"]);
    assert!(read(body(|body| body["tagIds"] = json!([])).as_bytes()).is_ok());
    assert_eq!(blamed(&group.replace(r#""x""#, r#""<""#)), ["displayName"]);
    assert_eq!(blamed("{}"), ["iTwinId", "savedViewData", "displayName"]);
    for text in ["", "[]", "null", "{", r#"{"shared":true,"shared":true}"#] {
        assert_eq!(blamed(text), ["-"], "{text}");
    }
}

#[test]
fn names_have_none_of_the_forbidden_characters() {
    for name in ["a<b", ">", "&", "\"", "'", "a.b"] {
        assert_eq!(blamed(&body(|body| body["displayName"] = json!(name))), ["displayName"], "{name}");
    }
    let name = "Fassade (Nord) / 100 % – ü";
    assert_eq!(read(body(|body| body["displayName"] = json!(name)).as_bytes()).unwrap().display_name, name);
}
