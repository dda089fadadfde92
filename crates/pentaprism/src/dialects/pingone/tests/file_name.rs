//! Tests of names that links end with (D-119).

use proptest::prelude::*;

use super::*;

#[test]
fn names_keep_what_a_link_can_have() {
    let long = format!("{}{}.gif", "a".repeat(20), "b".repeat(100));
    let end = format!("{}.gif", "b".repeat(96));
    let dots = format!("{}.gif", ".".repeat(200));
    for (sent, kept) in [
        ("200.jpg", Some("200.jpg")),
        ("favicon-new_2.JPG", Some("favicon-new_2.JPG")),
        ("Größe 1.gif", Some("Gr__e_1.gif")),
        ("a\r\n\0.gif", Some("a___.gif")),
        ("%2e%2e%2fetc", Some("_2e_2e_2fetc")),
        ("../../etc/passwd", Some("passwd")),
        ("C:\\fakepath\\a.png", Some("a.png")),
        ("\\\\host\\share/a.png", Some("a.png")),
        (".htaccess", Some("htaccess")),
        ("...a", Some("a")),
        ("a..", Some("a..")),
        ("\u{202e}gpj.exe", Some("_gpj.exe")),
        ("\u{1f5bc}", Some("_")),
        (&long, Some(end.as_str())),
        (&dots, Some("gif")),
        ("", None),
        ("..", None),
        ("../..", None),
        ("a/", None),
        ("a\\", None),
    ] {
        assert_eq!(safe(sent).as_deref(), kept, "{sent:?}");
    }
}

proptest! {
    #[test]
    fn a_name_is_one_segment_of_a_path(sent in proptest::collection::vec(any::<char>(), 0..300)) {
        let sent: String = sent.into_iter().collect();
        if let Some(name) = safe(&sent) {
            prop_assert!((1..=LONGEST).contains(&name.len()));
            prop_assert!(name.chars().all(is_plain) && !name.starts_with('.'));
            prop_assert_eq!(pentaprism_core::path::decode(&name).ok(), Some(name.clone()));
            prop_assert_eq!(safe(&name), Some(name));
        }
    }
}
