//! Records: the form of ids, what the store keeps, and the JSON that clients see.

use serde_json::json;

use super::*;

fn record(status: &str, open_writer: bool) -> Record {
    let id = Uuid::from_u128(0xcf43_3676_4896_400d_8ec1_0511_8365_d9d2);
    let attributes = Attributes {
        disk_format: Some("raw".to_owned()),
        visibility: "shared".to_owned(),
        properties: vec![("z".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())],
        ..Attributes::default()
    };
    let name = Name {
        key: key(id),
        status: status.to_owned(),
        owner: Some("p".to_owned()),
        attributes: attributes.to_value(),
        content: None,
        version: 1,
        born: 1,
        created: store::Timestamp::from_unix_micros(1_795_221_759_999_999),
        modified: store::Timestamp::from_unix_micros(1_795_221_760_000_000),
        open_writer,
    };
    Record::read(id, name).unwrap()
}

#[test]
fn ids_have_one_form() {
    let text = "cf433676-4896-400d-8ec1-05118365d9d2";
    assert_eq!(ImageId::parse(text), ImageId::Exact(text.parse().unwrap()));
    assert_eq!(ImageId::parse(&text.to_uppercase()), ImageId::Unused);
    assert_eq!(ImageId::parse(&text.replace('-', "")), ImageId::Unused);
    for malformed in ["", "x", "not-a-uuid", &text[1..], &format!("{{{text}}}"), &format!("urn:uuid:{text}")] {
        assert_eq!(ImageId::parse(malformed), ImageId::Malformed, "{malformed}");
    }
}

#[test]
fn the_json_has_the_services_order_with_custom_properties_first() {
    let json = serde_json::to_string(&record(QUEUED, false).to_model()).unwrap();
    let expected = concat!(
        r#"{"z":"1","a":"2","name":null,"disk_format":"raw","container_format":null,"visibility":"shared","size":null,"#,
        r#""virtual_size":null,"status":"queued","checksum":null,"protected":false,"min_ram":0,"min_disk":0,"owner":"p","#,
        r#""os_hidden":false,"os_hash_algo":null,"os_hash_value":null,"id":"cf433676-4896-400d-8ec1-05118365d9d2","#,
        r#""created_at":"2026-11-21T00:42:39Z","updated_at":"2026-11-21T00:42:40Z","tags":[],"#,
        r#""self":"/v2/images/cf433676-4896-400d-8ec1-05118365d9d2","#,
        r#""file":"/v2/images/cf433676-4896-400d-8ec1-05118365d9d2/file","schema":"/v2/schemas/image"}"#
    );
    assert_eq!(json, expected);
}

#[test]
fn a_running_upload_shows_as_saving() {
    assert_eq!(record(QUEUED, true).status(), "saving");
    assert_eq!(record(QUEUED, false).status(), "queued");
    assert_eq!(record(ACTIVE, false).status(), "active");
}

#[test]
fn the_virtual_size_is_known_for_raw_disks_only() {
    let mut record = record(ACTIVE, false);
    record.name.content = Some(store::Content { blob: None, size: 7 });
    assert_eq!((record.to_model().size, record.to_model().virtual_size), (Some(7), Some(7)));
    record.attributes.disk_format = Some("qcow2".to_owned());
    assert_eq!((record.to_model().size, record.to_model().virtual_size), (Some(7), None));
}

#[test]
fn foreign_attributes_are_a_fault() {
    let mut name = record(QUEUED, false).name;
    name.attributes = json!({"name": 1});
    assert!(Record::read(Uuid::nil(), name).is_err());
}
