//! Tests of the reader of `Content-Disposition`.

use http::HeaderValue;
use proptest::prelude::*;

use super::super::file_name::safe;
use super::*;

#[test]
fn names_are_read_in_all_the_ways_they_are_written() {
    for (header, name) in [
        ("attachment; filename=200.jpg", Some("200.jpg")),
        ("ATTACHMENT;FileName=200.jpg", Some("200.jpg")),
        ("attachment; filename = 200.jpg ; size=3", Some("200.jpg")),
        ("inline; filename=\"200.jpg\"", Some("200.jpg")),
        ("form-data; name=\"file; filename=no.gif\"; filename=\"a.gif\"", Some("a.gif")),
        ("attachment; filename=\"a; b\\\"c\\\\d.gif\"", Some("a; b\"c\\d.gif")),
        ("attachment; filename=\"a.gif\" trailing; filename=b.gif", Some("a.gif")),
        ("attachment; filename=my logo.gif", Some("my logo.gif")),
        ("attachment; filename=a.gif; filename=b.gif", Some("a.gif")),
        ("filename=200.jpg", Some("200.jpg")),
        ("attachment; filename=\"a.gif\"; filename*=UTF-8''%e2%82%ac.gif", Some("€.gif")),
        ("attachment; filename*=utf-8'de'Gr%C3%B6%C3%9Fe.gif; filename=a.gif", Some("Größe.gif")),
        ("attachment; filename*=\"UTF-8''a.gif\"", Some("a.gif")),
        ("attachment; filename*=UTF-8''a'b.gif", Some("a'b.gif")),
        ("attachment; filename*=ISO-8859-1''%e4.gif; filename=a.gif", Some("a.gif")),
        ("attachment; filename*=UTF-8''%e4.gif; filename=a.gif", Some("a.gif")),
        ("attachment; filename*=UTF-8''%e.gif; filename=a.gif", Some("a.gif")),
        ("attachment; filename*=a.gif; filename=b.gif", Some("b.gif")),
        ("attachment; filename*=x; filename*=UTF-8''a.gif", Some("a.gif")),
        ("attachment; filename=", Some("")),
        ("attachment; filename=\"\"", Some("")),
        ("attachment; filename=\"a.gif", None),
        ("attachment; filename=\"a.gif\\", None),
        ("attachment; filename", None),
        ("attachment; xfilename=a.gif", None),
        ("attachment", None),
        (";;;", None),
        ("", None),
    ] {
        assert_eq!(file_name(header).as_deref(), name, "{header}");
    }
}

proptest! {
    /// Whatever a header has, as bytes, quoted or encoded: what comes of it is one segment of a path, or nothing.
    #[test]
    fn every_header_is_read(before in "(attachment|filename\\*?=(UTF-8''|\")?|;)*", bytes: Vec<u8>) {
        let header = [before.as_bytes(), &bytes].concat();
        let Ok(header) = HeaderValue::from_bytes(&header) else { return Ok(()) };
        if let Ok(text) = header.to_str() {
            is_harmless(text)?;
        }
    }

    #[test]
    fn every_text_is_read(text: String) {
        is_harmless(&text)?;
    }

    #[test]
    fn every_name_arrives_quoted(name: String) {
        let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
        let header = format!("attachment; filename=\"{quoted}\"");
        prop_assert_eq!(file_name(&header), Some(Cow::Borrowed(name.as_str())));
        is_harmless(&header)?;
    }

    #[test]
    fn every_name_arrives_encoded(name: String) {
        let encoded = percent_encoding::utf8_percent_encode(&name, percent_encoding::NON_ALPHANUMERIC);
        let header = format!("attachment; filename=a; filename*=UTF-8''{encoded}");
        prop_assert_eq!(file_name(&header), Some(Cow::Borrowed(name.as_str())));
        is_harmless(&header)?;
    }
}

fn is_harmless(header: &str) -> Result<(), TestCaseError> {
    let Some(name) = file_name(header).and_then(|name| safe(&name)) else { return Ok(()) };
    prop_assert!((1..=100).contains(&name.len()), "{name:?}");
    prop_assert!(!name.starts_with('.') && !name.contains(['/', '\\', '%', '?', '#', '"', '\'', ' ']), "{name:?}");
    prop_assert!(name.bytes().all(|byte| byte.is_ascii_graphic()), "{name:?}");
    Ok(())
}
