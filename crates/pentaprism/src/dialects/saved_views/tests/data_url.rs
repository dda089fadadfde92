//! Tests of data URLs: exactly one text stands for some bytes, but for the case of the beginning.

use proptest::prelude::*;

use super::*;

fn decoded(text: &str) -> Result<Vec<u8>, NotADataUrl> {
    let mut text = BytesMut::from(text);
    decode(&mut text).map(|()| text.to_vec())
}

fn encode(bytes: &[u8]) -> String {
    format!("{PREFIX}{}", STANDARD.encode(bytes))
}

#[test]
fn the_form_is_exact() {
    assert_eq!(decoded("data:image/png;base64,iVBO").unwrap(), [0x89, b'P', b'N']);
    assert_eq!(decoded("DATA:Image/PNG;Base64,/+8=").unwrap(), [0xff, 0xef]);
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
        assert_eq!(decoded(wrong), Err(NotADataUrl), "{wrong}");
    }
}

#[test]
fn long_texts_are_decoded_piece_by_piece() {
    let pieces = PIECE / 4 * 3;
    for length in [pieces - 1, pieces, pieces + 1, 3 * pieces - 2, 3 * pieces, 3 * pieces + 2] {
        let bytes: Vec<u8> = (0..length).map(|number| number.to_le_bytes()[0] ^ number.to_le_bytes()[1]).collect();
        let text = encode(&bytes);
        assert_eq!(decoded(&text).as_ref(), Ok(&bytes), "{length}");
        // Padding at the end of a piece that is not the last one.
        let inner = format!("{PREFIX}{}/+8={}", "A".repeat(PIECE - 4), &text[PREFIX.len()..]);
        assert_eq!(decoded(&inner), Err(NotADataUrl), "{length}");
        assert_eq!(decoded(&text[..text.len() - 1]), Err(NotADataUrl), "{length}");
    }
}

proptest! {
    #[test]
    fn what_was_encoded_is_decoded(bytes in proptest::collection::vec(any::<u8>(), 1..200)) {
        prop_assert_eq!(decoded(&encode(&bytes)), Ok(bytes));
    }

    #[test]
    fn one_text_for_some_bytes(
        bytes in proptest::collection::vec(any::<u8>(), 1..60), place in any::<prop::sample::Index>(), other in any::<char>()
    ) {
        let text = encode(&bytes);
        let at = PREFIX.len() + place.index(text.len() - PREFIX.len());
        let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
        let longer = format!("{}{other}{}", &text[..at], &text[at..]);
        prop_assert!(changed == text || decoded(&changed) != Ok(bytes.clone()));
        prop_assert_eq!(decoded(&longer), Err(NotADataUrl));
    }

    #[test]
    fn whatever_is_taken_is_what_would_be_written(text in "(?i:data:image/png;base64,)?[A-Za-z0-9+/=_ -]{0,12}") {
        if let Ok(bytes) = decoded(&text) {
            prop_assert_eq!(&encode(&bytes)[PREFIX.len()..], &text[PREFIX.len()..]);
        }
    }
}
