//! Tests of the body of an image update.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// What `{"image":"data:image/png;base64,/+8="}` announces.
const BYTES: [u8; 2] = [0xff, 0xef];

fn image(text: &str) -> Result<Bytes, BodyMistake> {
    read(Bytes::copy_from_slice(text.as_bytes()))
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
    assert_eq!(read(Bytes::from_static(b"{\"image\":\"data:image/png;base64,\xff\"}")), Err(BodyMistake::NotAnObject));
}

#[tokio::test]
async fn a_large_body_is_read_like_a_small_one() {
    let bytes: Vec<u8> = (0..3 * LARGE).map(|number| number.to_le_bytes()[0]).collect();
    let body = json!({"image": format!("{}{}", data_url::PREFIX, STANDARD.encode(&bytes))});
    assert_eq!(picture(body.to_string().into()).await.unwrap(), bytes);
    let escaped = body.to_string().replace('/', "\\/").replace('+', "\\u002B");
    assert_eq!(picture(escaped.into()).await.unwrap(), bytes);
    assert_eq!(picture(vec![b'x'; LARGE].into()).await, Err(BodyMistake::NotAnObject));
}

#[test]
fn the_picture_lies_where_the_body_was() {
    let body = Bytes::from(br#"{"image":"data:image\/png;base64,\/+8="}"#.to_vec());
    let (begin, end) = (body.as_ptr().addr(), body.as_ptr().addr() + body.len());
    // A clone that is dropped again, as the bindings make it.
    drop(body.clone());
    let picture = read(body).unwrap();
    assert_eq!(picture, &BYTES[..]);
    assert!((begin..end).contains(&picture.as_ptr().addr()));
    let shared = Bytes::from(br#"{"image":"data:image/png;base64,/+8="}"#.to_vec());
    assert_eq!(read(shared.clone()).unwrap(), &BYTES[..]);
    assert_eq!(shared, br#"{"image":"data:image/png;base64,/+8="}"#[..]);
}

proptest! {
    #[test]
    fn strings_are_read_as_json_says(text in "[ -~]{0,20}", escaped: bool) {
        let json = serde_json::to_string(&text).unwrap();
        let json = if escaped { json.replace('/', "\\/").replace('+', "\\u002b") } else { json };
        let mut plain = BytesMut::from(&json[1..json.len() - 1]);
        match unescape(&mut plain) {
            Some(()) => prop_assert_eq!(&plain[..], text.as_bytes()),
            None => prop_assert!(text.contains(['"', '\\'])),
        }
    }

    #[test]
    fn bodies_of_all_kinds_are_taken_or_refused(body in proptest::collection::vec(any::<u8>(), 0..60)) {
        let taken = read(body.into()).is_ok();
        prop_assert!(!taken, "60 bytes at random are no picture");
    }
}
