//! Where an image service is, by catalogs of the field.

use serde_json::json;

use super::*;

fn catalog() -> Catalog {
    let endpoint = |interface: &str, region: &str, url: &str| json!({ "id": "x", "interface": interface, "region": region, "region_id": region, "url": url });
    Catalog::read(Some(&json!([
        { "type": "identity", "name": "keystone", "id": "a", "endpoints": [endpoint("public", "One", "https://one.example/identity/v2")] },
        { "type": "image", "name": "glance", "id": "b", "endpoints": [
            endpoint("public", "One", "https://one.example:9292"),
            endpoint("internal", "One", "http://10.0.0.1:9292/v2/"),
            endpoint("public", "Two", "https://two.example/image/v2"),
            endpoint("admin", "Two", "not an address"),
            { "interface": "public", "region": "Three", "url": 7 },
            { "interface": "public", "region": "Four", "region_id": null, "url": "https://four.example/image/" },
        ] },
        { "type": "compute" },
        7,
    ])))
}

fn found(region: Option<&str>, interface: &str) -> Result<BaseUrl, EndpointError> {
    catalog().endpoint("image", region, interface.parse().unwrap())
}

fn base(text: &str) -> BaseUrl {
    text.parse().unwrap()
}

#[test]
fn an_endpoint_is_found_by_region_and_interface_without_its_version() {
    assert_eq!(found(Some("One"), "public"), Ok(base("https://one.example:9292")));
    assert_eq!(found(Some("One"), "internal"), Ok(base("http://10.0.0.1:9292")));
    assert_eq!(found(None, "internalURL"), Ok(base("http://10.0.0.1:9292")));
    assert_eq!(found(Some("Two"), "publicURL"), Ok(base("https://two.example/image")));
    assert_eq!(found(Some("Four"), "public"), Ok(base("https://four.example/image")));
    // Only the image service's paths begin with the version.
    let identity = catalog().endpoint("identity", None, Interface::Public);
    assert_eq!(identity, Ok(base("https://one.example/identity/v2")));
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let said = |result: Result<BaseUrl, EndpointError>| result.unwrap_err().to_string();
    assert_eq!(said(found(None, "public")), "the service image is in several regions; name one of Four, One, Two");
    assert_eq!(
        said(found(Some("Five"), "public")),
        "the service image has no public endpoint in the region Five; it has admin in Two, internal in One, public in Four, \
         public in One, public in Two"
    );
    let missing = catalog().endpoint("volume", None, Interface::Public);
    assert_eq!(said(missing), "there is no service volume in the catalog; it has identity, image");
    assert_eq!(said(found(Some("Two"), "admin")), "the catalog's address of the service image cannot be used");
    let empty = Catalog::read(None).endpoint("image", None, Interface::Public);
    assert_eq!(empty, Err(EndpointError::Empty));
    assert_eq!("everybody".parse::<Interface>(), Err(UnknownInterface));
}

#[test]
fn the_same_address_in_two_regions_is_no_question() {
    let endpoint = |region: &str| json!({ "interface": "public", "region": region, "url": "https://a.example" });
    let catalog = Catalog::read(Some(&json!([{ "type": "image", "endpoints": [endpoint("One"), endpoint("Two")] }])));
    assert_eq!(catalog.endpoint("image", None, Interface::Public), Ok(base("https://a.example")));
}
