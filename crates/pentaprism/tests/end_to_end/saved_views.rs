//! Pictures of saved views from the clients of the field: pages in browsers, and a program in C++.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use png::{BitDepth, ColorType, Encoder};
use serde_json::Value;

use crate::clients::scripts;
use crate::support::{Fresh, noise, succeed};

/// The view of the document's sample, which every server has from its first start.
const VIEW: &str = "ACZbDmWhULVChRcDRkoPdLaNv7DGPQORQpkxmyDyE1ERZS7bsqUkWEmr9ZGmC5TopQ";
const DATA_URL: &str = "data:image/png;base64,";

#[test]
fn pages_put_pictures_on_views_and_show_them() {
    let fresh = Fresh::start();
    let pictures = [(900, 600), (280, 200)].map(|(width, height)| png(width, height));
    let files = [("full.png", &pictures[0]), ("other.png", &pictures[1])].map(|(name, png)| fresh.file(name, png));
    let script = scripts().join("saved_views/browser.mjs");
    let printed = succeed(Command::new("node").arg(script).arg(fresh.server.url()).args(files));
    assert!(printed.ends_with("a deleted view takes its picture along\n"), "{printed}");
}

/// It takes no links with plain http, announces a body where there is none, and downloads without any header.
#[test]
fn the_cpp_client_gets_its_pictures_as_data_urls() {
    let fresh = Fresh::start_with(&[("PENTAPRISM_SAVED_VIEWS_HREF", "data")]);
    let image = format!("{}/savedviews/{VIEW}/image", fresh.server.url());
    let headers = [
        "Accept: application/vnd.bentley.itwin-platform.v1+json",
        "Content-Type: application/json; charset=utf-8",
        "Prefer: return=representation",
        "X-Correlation-ID: 4dd2c1d9-3a4a-4ab5-8c4e-3a1f6f8f2f0e",
        "Authorization: Bearer pentaprism-dev",
    ];
    let curl = |arguments: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["-sS", "-w", "\n%{http_code}"]).args(headers.iter().flat_map(|header| ["-H", header]));
        let printed = succeed(command.args(arguments));
        let (body, status) = printed.rsplit_once('\n').expect("the status stands on a line of its own");
        (status.to_owned(), body.to_owned())
    };
    let (status, body) = curl(&[&image]);
    assert_eq!(status, "404");
    assert_eq!(body, r#"{"error":{"code":"ImageNotFound","message":"Requested image is not available."}}"#);
    let picture = png(500, 300);
    let update = format!(r#"{{"image":"{DATA_URL}{}"}}"#, STANDARD.encode(&picture));
    let update = fresh.file("update.json", update.as_bytes());
    let data = format!("@{}", update.display());
    assert_eq!(curl(&["-X", "PUT", "--data-binary", &data, &image]), ("204".to_owned(), String::new()));
    let shown = |url: &str| {
        let (status, body) = curl(&[url]);
        assert_eq!(status, "200", "{body}");
        let answer: Value = serde_json::from_str(&body).expect("the answer is JSON");
        let href = answer["href"].as_str().and_then(|href| href.strip_prefix(DATA_URL));
        STANDARD.decode(href.expect("the link is a data URL")).expect("the picture is in base64")
    };
    assert!(shown(&format!("{image}?size=full")) == picture, "the bytes differ");
    let thumbnail = shown(&image);
    assert_eq!((&thumbnail[16..20], &thumbnail[20..24]), (&[0, 0, 1, 144][..], &[0, 0, 0, 240][..]), "400 × 240");
}

/// A picture of noise, which no encoder makes smaller.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width, height);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    let mut writer = encoder.write_header().expect("memory takes every byte");
    let pixels = noise(u64::from(width), (width * height * 3) as usize);
    writer.write_image_data(&pixels).expect("there are as many samples as the sides say");
    writer.finish().expect("memory takes every byte");
    bytes
}
