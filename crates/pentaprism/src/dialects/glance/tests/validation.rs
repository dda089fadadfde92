//! What a new image may be, and the words in which the rest is refused.

use serde_json::json;

use super::*;
use crate::dialects::glance::caller::for_tests;
use crate::settings::Role;

const PROJECT: Uuid = Uuid::from_u128(0x1111_1111_1111_4111_8111_1111_1111_1111);
const OTHER: Uuid = Uuid::from_u128(0x2222_2222_2222_4222_8222_2222_2222_2222);

fn read_as(roles: &[Role], body: &str) -> Result<NewImage, Fault> {
    NewImage::read(body.as_bytes(), &for_tests(PROJECT, roles))
}

fn read(body: &Value) -> Result<NewImage, Fault> {
    read_as(&[Role::Member], &body.to_string())
}

#[track_caller]
fn assert_refused(outcome: Result<NewImage, Fault>, status: ErrorStatus, text: &str) {
    let fault = outcome.expect_err(text);
    assert_eq!((fault.status, fault.explanation.as_ref()), (status, text));
}

#[test]
fn an_empty_object_is_an_image() {
    let image = read(&json!({})).unwrap();
    assert_eq!((image.id, image.owner), (None, Some(PROJECT.to_string())));
    assert_eq!(image.attributes, Attributes { visibility: "shared".to_owned(), ..Attributes::default() });
}

#[test]
fn everything_that_can_be_said_is_kept() {
    let body = r#"{"z":"1","name":"n","disk_format":"qcow2","container_format":null,"visibility":"private","protected":true,
        "os_hidden":true,"min_ram":1,"min_disk":2,"tags":["b","a","b"],"a":"","owner":"11111111111141118111111111111111",
        "id":"CF433676-4896-400D-8EC1-05118365D9D2"}"#;
    let image = read_as(&[Role::Member], body).unwrap();
    assert_eq!(image.id.map(|id| id.to_string()).as_deref(), Some("cf433676-4896-400d-8ec1-05118365d9d2"));
    assert_eq!(image.owner.as_deref(), Some("11111111111141118111111111111111"));
    let property = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let expected = Attributes {
        name: Some("n".to_owned()),
        disk_format: Some("qcow2".to_owned()),
        visibility: "private".to_owned(),
        protected: true,
        os_hidden: true,
        min_ram: 1,
        min_disk: 2,
        tags: vec!["b".to_owned(), "a".to_owned()],
        properties: vec![property("z", "1"), property("a", "")],
        ..Attributes::default()
    };
    assert_eq!(image.attributes, expected);
}

#[test]
fn bodies_that_are_no_object_are_refused() {
    let bad = ErrorStatus::BAD_REQUEST;
    for (body, text) in [
        ("", "Body expected in request."),
        ("{", "Malformed JSON in request body."),
        ("{}{}", "Malformed JSON in request body."),
        ("[]", "Provided object does not match schema 'image': [] is not of type 'object'"),
        ("\"x\"", "Provided object does not match schema 'image': 'x' is not of type 'object'"),
    ] {
        assert_refused(read_as(&[Role::Member], body), bad, text);
    }
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert_refused(read_as(&[Role::Member], &deep), bad, "Malformed JSON in request body.");
}

#[test]
fn violations_of_the_schema_name_the_first_cause() {
    let long = "x".repeat(256);
    for (body, reason) in [
        (json!({"name": 1}), "1 is not of type 'null', 'string'".to_owned()),
        (json!({"name": long}), format!("'{}… is too long", "x".repeat(254))),
        (json!({"disk_format": "zip"}), format!("'zip' is not one of {}", choices(true, &DISK_FORMATS))),
        (json!({"container_format": true}), "True is not of type 'null', 'string'".to_owned()),
        (
            json!({"visibility": "secret"}),
            "'secret' is not one of ['community', 'public', 'private', 'shared']".to_owned(),
        ),
        (json!({"visibility": null}), "None is not of type 'string'".to_owned()),
        (json!({"protected": "yes"}), "'yes' is not of type 'boolean'".to_owned()),
        (json!({"min_ram": 1.5}), "1.5 is not of type 'integer'".to_owned()),
        (json!({"id": "x"}), format!("'x' does not match '{ID_PATTERN}'")),
        (json!({"tags": "x"}), "'x' is not of type 'array'".to_owned()),
        (json!({"tags": [1]}), "1 is not of type 'string'".to_owned()),
        (json!({"property": 1}), "1 is not of type 'string'".to_owned()),
    ] {
        let text = format!("Provided object does not match schema 'image': {reason}");
        assert_refused(read(&body), ErrorStatus::BAD_REQUEST, &text);
    }
    let text = "Invalid value '-1' for parameter 'min_disk': Cannot be a negative value";
    assert_refused(read(&json!({"min_disk": -1})), ErrorStatus::BAD_REQUEST, text);
}

#[test]
fn names_that_nobody_sets_are_refused() {
    let forbidden = ErrorStatus::FORBIDDEN;
    for name in READ_ONLY {
        assert_refused(read(&json!({name: null})), forbidden, &format!("Attribute '{name}' is read-only."));
    }
    for name in RESERVED {
        assert_refused(read(&json!({name: []})), forbidden, &format!("Attribute '{name}' is reserved."));
    }
    let fault = read(&json!({"os_glance_x": "1"})).unwrap_err();
    assert_eq!(fault.explanation, "Access was denied to this resource.");
    assert_eq!((fault.status, fault.detail.as_str()), (forbidden, "Attribute 'os_glance_x' is reserved."));
    let text = "Custom property should not be greater than 255 characters.";
    assert_refused(read(&json!({"x".repeat(256): "1"})), ErrorStatus::BAD_REQUEST, text);
}

#[test]
fn rights_come_after_the_schema_and_before_the_limits() {
    let body = json!({"visibility": "public", "tags": vec!["x"; 129]}).to_string();
    let text = "You are not authorized to complete publicize_image action.";
    assert_refused(read_as(&[Role::Member], &body), ErrorStatus::FORBIDDEN, text);
    let text = "You are not authorized to complete add_image action.";
    assert_refused(read_as(&[Role::Reader], &body), ErrorStatus::FORBIDDEN, text);
    assert_refused(read_as(&[], "{}"), ErrorStatus::FORBIDDEN, text);
    let text = "The limit has been exceeded on the number of allowed image tags. Attempted: 129, Maximum: 128";
    assert_refused(read_as(&[Role::Admin], &body), ErrorStatus::PAYLOAD_TOO_LARGE, text);
    assert!(read_as(&[Role::Admin], r#"{"visibility":"public"}"#).is_ok());
    assert!(read_as(&[Role::Member], r#"{"visibility":"community"}"#).is_ok());
}

#[test]
fn only_admins_create_for_others() {
    let body = json!({"owner": OTHER.to_string()}).to_string();
    let text = format!("You are not permitted to create images owned by '{OTHER}'.");
    for roles in [&[Role::Member][..], &[Role::Reader], &[]] {
        assert_refused(read_as(roles, &body), ErrorStatus::FORBIDDEN, &text);
    }
    assert_eq!(read_as(&[Role::Admin], &body).unwrap().owner, Some(OTHER.to_string()));
    assert_eq!(read(&json!({"owner": null})).unwrap().owner, Some(PROJECT.to_string()));
}

#[test]
fn properties_are_limited() {
    let body = |count: usize| Value::Object((0..count).map(|number| (format!("p{number}"), json!(""))).collect());
    assert!(read(&body(128)).is_ok());
    let text = "The limit has been exceeded on the number of allowed image properties. Attempted: 129, Maximum: 128";
    assert_refused(read(&body(129)), ErrorStatus::PAYLOAD_TOO_LARGE, text);
}
