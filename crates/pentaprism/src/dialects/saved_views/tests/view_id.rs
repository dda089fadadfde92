//! Tests of ids, with those of the documents' samples.

use proptest::prelude::*;
use uuid::uuid;

use super::*;
use crate::settings::{DEFAULT_SAVED_VIEW, DEFAULT_SAVED_VIEW_ITWIN};

/// The iTwin and the iModel of all samples.
const ITWIN: Uuid = DEFAULT_SAVED_VIEW_ITWIN;
const IMODEL: Uuid = uuid!("b2db2e65-24a5-4958-abf5-91a60b94e8a5");

#[test]
fn the_samples_decode() {
    let view = uuid!("650e5b26-50a1-42b5-8517-03464a0f74b6");
    let sample = ViewId { view, itwin: ITWIN, imodel: Some(IMODEL) };
    assert_eq!(ViewId::decode(DEFAULT_SAVED_VIEW), Some(sample));
    assert_eq!(sample.encode(), DEFAULT_SAVED_VIEW);
    // The sample of a group has an id of the same kind.
    let group = "AKe48j5NLB9Ommt8jZ4PGiuNv7DGPQORQpkxmyDyE1ERZS7bsqUkWEmr9ZGmC5TopQ";
    let id = ViewId::decode(group).unwrap();
    assert_eq!((id.itwin, id.imodel, id.encode().as_str()), (ITWIN, Some(IMODEL), group));
}

#[test]
fn without_an_imodel_an_id_is_shorter() {
    let id = ViewId { view: Uuid::nil(), itwin: ITWIN, imodel: None };
    assert_eq!((id.encode().len(), ViewId::decode(&id.encode())), (44, Some(id)));
}

#[test]
fn other_texts_are_no_ids() {
    for wrong in ["", "A", "unknown", &DEFAULT_SAVED_VIEW[1..], &DEFAULT_SAVED_VIEW[..65], "////", "ÄÄ"] {
        assert_eq!(ViewId::decode(wrong), None, "{wrong}");
    }
    assert_eq!(ViewId::decode(&DEFAULT_SAVED_VIEW.replacen('A', "B", 1)), None);
    assert_eq!(ViewId::decode(&format!("{DEFAULT_SAVED_VIEW}AAAA")), None);
}

proptest! {
    #[test]
    fn ids_decode_to_what_they_were_made_of(view: u128, itwin: u128, imodel: Option<u128>) {
        let (view, itwin) = (Uuid::from_u128(view), Uuid::from_u128(itwin));
        let id = ViewId { view, itwin, imodel: imodel.map(Uuid::from_u128) };
        let text = id.encode();
        prop_assert_eq!(ViewId::decode(&text), Some(id));
        prop_assert!(text.starts_with('A') && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    }
}
