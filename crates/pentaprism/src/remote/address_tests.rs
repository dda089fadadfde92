//! Tests of addresses: what is one, what is a file, and that what is written is read again.

use std::path::Path;

use proptest::prelude::*;

use super::*;

fn remote(text: &str) -> Address {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn error(text: &str) -> String {
    text.parse::<Location>().err().unwrap_or_else(|| panic!("{text} is taken")).to_string()
}

#[test]
fn the_five_services_have_their_forms() {
    let view = |view: Option<&str>, thumbnail| Place::SavedViews { view: view.map(str::to_owned), thumbnail };
    for (text, place) in [
        ("glance:disk", Place::Glance("disk".to_owned())),
        ("glance:a name: with/all of it", Place::Glance("a name: with/all of it".to_owned())),
        ("glance:", Place::Glance(String::new())),
        ("sphere:", Place::AzureSphere(None)),
        ("sphere:0123", Place::AzureSphere(Some("0123".to_owned()))),
        ("views:", view(None, false)),
        ("views:ACZb", view(Some("ACZb"), false)),
        ("views:ACZb/thumbnail", view(Some("ACZb"), true)),
        ("pingone:", Place::Pingone(None)),
        ("pingone:77", Place::Pingone(Some("77".to_owned()))),
        ("sf:", Place::ServiceFabric(String::new())),
        ("sf:Store/App/a:b.zip", Place::ServiceFabric("Store/App/a:b.zip".to_owned())),
    ] {
        assert_eq!(remote(text), Address { profile: None, place: place.clone() }, "{text}");
        let named = format!("prod-1.eu/{text}");
        assert_eq!(remote(&named), Address { profile: Some("prod-1.eu".to_owned()), place }, "{named}");
    }
}

#[test]
fn files_are_what_has_no_word_before_its_first_colon() {
    for text in [
        "disk.qcow2",
        "./glance:disk",
        "../glance:disk",
        "/var/sf:x",
        "./x:y",
        "a/b/glance:disk",
        "12:30.log",
        "disk.img:old",
        "a b:c",
        ":x",
        "~/sf:x",
        "glance",
        "prod/glance",
        "images/2024:x",
        ".hidden/sf:a",
    ] {
        assert_eq!(text.parse(), Ok(Location::Local(text.into())), "{text}");
    }
    assert_eq!("-".parse(), Ok(Location::Standard));
    assert_eq!("./-".parse(), Ok(Location::Local("./-".into())));
}

#[test]
fn what_looks_like_an_address_and_is_none_is_refused_with_all_forms() {
    let said = error("glanse:disk");
    assert!(said.starts_with("`glanse:` is none of the five services; write glance:NAME_OR_ID, sphere:"), "{said}");
    assert!(said.ends_with("or ./glanse:disk for a file of this name"), "{said}");
    assert!(error("prod/azure_sphere:1").starts_with("`azure_sphere:` is none"));
    assert!(error("Glance:disk").starts_with("`Glance:` is none"));
    let said = error("https://images.example.org/v2");
    assert!(said.starts_with("a URL is no address; set PENTAPRISM_SERVER"), "{said}");
    assert!(error("").starts_with("an empty text is neither"));
    for text in ["views:a/b", "views:a/thumbnail/", "views:/thumbnail", "views:a/"] {
        assert!(error(text).contains("is no picture of a saved view; write views:SAVED_VIEW_ID or"), "{text}");
    }
    assert_eq!(error("sphere:a/b"), "`a/b` is no id of Azure Sphere: ids have no slash");
    let said = "disk.img".parse::<Address>().unwrap_err().to_string();
    assert!(said.starts_with("`disk.img` is not at a service; write glance:"), "{said}");
}

#[test]
fn names_that_are_not_utf_8_are_files() {
    use std::os::unix::ffi::OsStrExt as _;
    let name = OsStr::from_bytes(b"glance:\xff");
    assert_eq!(Location::read(name), Ok(Location::Local(name.into())));
}

fn place() -> impl Strategy<Value = Place> {
    let id = || "[^/]{1,20}";
    let view = (proptest::option::of(id()), any::<bool>())
        .prop_map(|(view, thumbnail)| Place::SavedViews { thumbnail: thumbnail && view.is_some(), view });
    prop_oneof![
        ".{0,20}".prop_map(Place::Glance),
        proptest::option::of(id()).prop_map(Place::AzureSphere),
        view,
        proptest::option::of(id()).prop_map(Place::Pingone),
        ".{0,20}".prop_map(Place::ServiceFabric),
    ]
}

proptest! {
    #[test]
    fn an_address_that_is_written_is_read_again(
        profile in proptest::option::of("[A-Za-z0-9_][A-Za-z0-9_.-]{0,10}"), place in place(),
    ) {
        let address = Address { profile, place };
        prop_assert_eq!(address.to_string().parse::<Location>(), Ok(Location::Remote(address)));
    }

    #[test]
    fn any_text_is_taken_or_refused_and_what_is_taken_is_written_back(text in ".{0,30}|[a-z./-]{0,8}:.{0,8}") {
        if let Ok(location) = text.parse::<Location>() {
            prop_assert_eq!(location.to_string(), text);
        }
    }

    #[test]
    fn any_file_can_be_written_so_that_it_is_a_file(name in "[a-z-]{0,6}:?.{1,10}") {
        let written = Location::Local(name.clone().into()).to_string();
        let read = written.parse::<Location>();
        let Ok(Location::Local(path)) = read else { return Err(TestCaseError::fail(written)) };
        prop_assert!(path == Path::new(&name) || path == Path::new(".").join(&name));
    }
}
