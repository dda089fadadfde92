//! Tests of data URLs: exactly one text stands for some bytes, but for the case of the beginning.

use proptest::prelude::*;

use super::*;

fn encode(bytes: &[u8]) -> String {
    format!("{PREFIX}{}", STANDARD.encode(bytes))
}

#[test]
fn the_form_is_exact() {
    assert_eq!(decode("data:image/png;base64,iVBO").unwrap(), [0x89, b'P', b'N']);
    assert_eq!(decode("DATA:Image/PNG;Base64,/+8=").unwrap(), [0xff, 0xef]);
    for wrong in [
        "",
        "hello",
        "iVBO",
        "data:image/png;base64",
        "data:image/png;base64,",
        "data:image/png,iVBO",
        "data:;base64,iVBO",
        "data:image/jpeg;base64,iVBO",
        "data:image/png;charset=utf-8;base64,iVBO",
        "data: image/png;base64,iVBO",
        "data:image/png;base64, iVBO",
        "data:image/png;base64,iVBO ",
        "data:image/png;base64,iV\nBO",
        "data:image/png;base64,iVB",
        "data:image/png;base64,iVBO=",
        "data:image/png;base64,_-8=",
        "data:image/png;base64,/+8",
        "data:image/png;base64,/+8==",
        "data:image/png;base64,/+9=",
        "data:image/png;base64,/+8=iVBO",
        "data:image/png;base64,%2F+8=",
        "data:image/png;base64\u{fffc}iVBO",
    ] {
        assert_eq!(decode(wrong), Err(NotADataUrl), "{wrong}");
    }
}

proptest! {
    #[test]
    fn what_was_encoded_is_decoded(bytes in proptest::collection::vec(any::<u8>(), 1..200)) {
        prop_assert_eq!(decode(&encode(&bytes)), Ok(bytes));
    }

    #[test]
    fn one_text_for_some_bytes(
        bytes in proptest::collection::vec(any::<u8>(), 1..60), place in any::<prop::sample::Index>(), other in any::<char>()
    ) {
        let text = encode(&bytes);
        let at = PREFIX.len() + place.index(text.len() - PREFIX.len());
        let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
        let longer = format!("{}{other}{}", &text[..at], &text[at..]);
        prop_assert!(changed == text || decode(&changed) != Ok(bytes.clone()));
        prop_assert_eq!(decode(&longer), Err(NotADataUrl));
    }

    #[test]
    fn whatever_is_taken_is_what_would_be_written(text in "(?i:data:image/png;base64,)?[A-Za-z0-9+/=_ -]{0,12}") {
        if let Ok(bytes) = decode(&text) {
            prop_assert_eq!(&encode(&bytes)[PREFIX.len()..], &text[PREFIX.len()..]);
        }
    }
}
