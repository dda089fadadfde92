//! Tests of the body of an image update.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// What `{"image":"data:image/png;base64,/+8="}` announces.
const BYTES: [u8; 2] = [0xff, 0xef];

fn image(text: &str) -> Result<Bytes, BodyMistake> {
    read(text.as_bytes())
}

#[test]
fn one_member_counts() {
    for right in [
        r#"{"image":"data:image/png;base64,/+8="}"#,
        r#"  { "image" : "data:image/png;base64,/+8=" , "name" : {"image": []}, "name": 1 } "#,
        r#"{"image":"data:image\/png;base64,\/+8="}"#,
        r#"{"image":"\u0064ata:image/png;base64,\u002F\u002b8\u003d"}"#,
        r#"{"\u0069mage":"data:image/png;base64,/+8="}"#,
    ] {
        assert_eq!(image(right).unwrap(), &BYTES[..], "{right}");
    }
    for wrong in [
        "{}",
        r#"{"Image":"data:image/png;base64,/+8="}"#,
        r#"{"image":null}"#,
        r#"{"image":7}"#,
        r#"{"image":["data:image/png;base64,/+8="]}"#,
        r#"{"image":{"data":"data:image/png;base64,/+8="}}"#,
        r#"{"image":""}"#,
        r#"{"image":"data:image/png;base64,"}"#,
        r#"{"image":"data:image/png;base64,/+8=\n"}"#,
        r#"{"image":"data:image/png;base64,\\/+8="}"#,
        r#"{"image":"data:image/png;base64,\u00e4+8="}"#,
        r#"{"image":"data:image/png;base64,\ud83d\ude00"}"#,
    ] {
        assert_eq!(image(wrong), Err(BodyMistake::NotAnImage), "{wrong}");
    }
}

#[test]
fn other_bodies_are_no_object() {
    for wrong in [
        "",
        " ",
        "null",
        "hello",
        r#"["data:image/png;base64,/+8="]"#,
        r#""data:image/png;base64,/+8=""#,
        r#"{"image":"data:image/png;base64,/+8=""#,
        r#"{"image":"data:image/png;base64,/+8="} {}"#,
        r#"{"image":"data:image/png;base64,/+8=","image":"data:image/png;base64,/+8="}"#,
        r#"{"image":"data:image/png;base64,\u+02f8="}"#,
        "{'image':'data:image/png;base64,/+8='}",
        "{\"image\":\"data:image/png;base64,/\n+8=\"}",
    ] {
        assert_eq!(image(wrong), Err(BodyMistake::NotAnObject), "{wrong}");
    }
    assert_eq!(read(b"{\"image\":\"data:image/png;base64,\xff\"}"), Err(BodyMistake::NotAnObject));
}

#[tokio::test]
async fn a_large_body_is_read_like_a_small_one() {
    let bytes: Vec<u8> = (0..3 * LARGE).map(|number| number.to_le_bytes()[0]).collect();
    let body = json!({"image": format!("{}{}", data_url::PREFIX, STANDARD.encode(&bytes))});
    assert_eq!(picture(body.to_string().into()).await.unwrap(), bytes);
    assert_eq!(picture(vec![b'x'; LARGE].into()).await, Err(BodyMistake::NotAnObject));
}

proptest! {
    #[test]
    fn strings_are_read_as_json_says(text in "[ -~]{0,20}", escaped: bool) {
        let json = serde_json::to_string(&text).unwrap();
        let json = if escaped { json.replace('/', "\\/").replace('+', "\\u002b") } else { json };
        match unescaped(&json) {
            Some(plain) => prop_assert_eq!(plain, text),
            None => prop_assert!(text.contains(['"', '\\'])),
        }
    }

    #[test]
    fn bodies_of_all_kinds_are_taken_or_refused(body in proptest::collection::vec(any::<u8>(), 0..60)) {
        let taken = read(&body).is_ok();
        prop_assert!(!taken, "60 bytes at random are no picture");
    }
}
