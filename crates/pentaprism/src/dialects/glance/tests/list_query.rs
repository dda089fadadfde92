//! The query of a list: orders, lists of values, numbers and times.

use super::*;

fn order_of(sort: &str) -> Vec<(Field, Direction)> {
    let input = ListImages { sort: Some(sort.to_owned()), ..ListImages::default() };
    order(&input).expect("it is a right order")
}

#[test]
fn an_order_is_always_complete() {
    use Direction::{Ascending, Descending};
    let name = Field::Attribute("name");
    assert_eq!(order(&ListImages::default()).unwrap(), [(Field::Created, Descending), (Field::Key, Descending)]);
    let expected = [(name, Ascending), (Field::Created, Ascending), (Field::Key, Ascending)];
    assert_eq!(order_of(" name : asc "), expected);
    assert_eq!(order_of("id:asc"), [(Field::Key, Ascending), (Field::Created, Ascending)]);
    let expected =
        [(name, Ascending), (Field::Size, Descending), (Field::Created, Descending), (Field::Key, Descending)];
    assert_eq!(order_of("name:asc,size,name:desc"), expected);
}

#[test]
fn lists_of_values_know_quotation_marks() {
    for (list, expected) in [
        ("", Some(&[][..])),
        ("a", Some(&["a"])),
        ("a,b", Some(&["a", "b"])),
        ("a,,b,", Some(&["a", "", "b"])),
        (r#""a,b",c"#, Some(&["a,b", "c"])),
        (r#""a\"b\\","","#, Some(&[r#"a"b\"#, ""])),
        (r#"""#, None),
        (r#""a\"#, None),
        (r#""a"b"#, None),
        (r#"a"b""#, None),
        (r#"a,"b"#, None),
    ] {
        let found = quoted_list(list).ok();
        let expected: Option<Vec<String>> =
            expected.map(|values| values.iter().map(|value| (*value).to_owned()).collect());
        assert_eq!(found, expected, "{list}");
    }
}

#[test]
fn whole_numbers_have_no_end() {
    for (text, expected) in [
        ("0", Some(0)),
        (" +7 ", Some(7)),
        ("-3", Some(-3)),
        ("99999999999999999999", Some(i64::MAX)),
        ("-99999999999999999999", Some(i64::MIN)),
        ("", None),
        ("-", None),
        ("1.0", None),
        ("1e3", None),
        ("0x1", None),
    ] {
        assert_eq!(integer(text), expected, "{text}");
    }
}

#[test]
fn dates_may_leave_out_what_goes_without_saying() {
    let midnight = Timestamp::from_seconds(1_795_219_200);
    for text in ["2026-11-21", "2026-11-21T00:00:00", "2026-11-21T00:00:00Z", "2026-11-21T02:00:00+02:00"] {
        assert_eq!(instant(text), Some(midnight), "{text}");
    }
    for text in ["", "2026", "2026-11-31", "21.11.2026", "gt:2026-11-21", "äääää"] {
        assert_eq!(instant(text), None, "{text}");
    }
}
